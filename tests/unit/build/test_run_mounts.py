"""What RUN --mount asks for."""

import pytest

from wardian.build import recipe, run_mounts
from wardian.build.instructions import Instruction
from wardian.build.state import State
from wardian.errors import SpecError
from wardian.registry.platforms import Platform


def state() -> State:
    return State(Platform("linux", "amd64"))


def instruction(text: str) -> Instruction:
    return recipe.parse(f"FROM x\n{text}".encode()).stages[0].steps[0]


def test_mounts_are_checked_and_their_targets_made_whole() -> None:
    found = state()
    found.run["WorkingDir"] = "/w"
    found.arguments["T"] = "there"
    rows = run_mounts.parse(
        found,
        instruction(
            "RUN --mount=target=$T,src=/a,rw --mount=type=secret,id=k --mount=type=cache,dst=/c"
            " --mount=type=ssh --mount=type=ssh,id=b --mount=type=ssh,dst=s x"
        ),
    )
    assert [(one.kind, one.target) for one in rows] == [
        ("bind", "/w/there"),
        ("secret", "/run/secrets/k"),
        ("cache", "/c"),
        ("ssh", "/run/buildkit/ssh_agent.0"),
        ("ssh", "/run/buildkit/ssh_agent.1"),
        ("ssh", "/w/s"),
    ]
    assert rows[0].flag("readwrite")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("type=disk,target=/x", 'type "disk" is unknown'),
        ("type=cache", "type=cache needs a target"),
        ("type=tmpfs,target=/x,id=1", 'unknown key "id"'),
        ("type=cache,target=/x,sharing=no", 'sharing "no"'),
        ("type=bind,target=/", 'the target can\'t be "/"'),
        ("type=secret", "a secret needs an id"),
        ("type=ssh,env=X", 'unknown key "env"'),
    ],
)
def test_a_wrong_mount_is_named_with_its_place(words: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        run_mounts.parse(state(), instruction(f"RUN --mount={words} x"))
    assert str(caught.value) == f"Containerfile:2:13: --mount: {message}"
