"""RUN --mount=type=ssh: a step uses the keys of an agent outside, and gets neither of them."""

import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.building import built, tree
from tests.conftest import Wardian
from tests.machine import requires
from tests.users import User

pytestmark = [pytest.mark.root, pytest.mark.slow]

TOOLS = ("ssh-add", "/bin/busybox:/bin/sh", "/bin/busybox:/bin/stat")
RECIPE = """\
FROM tools
RUN --mount=type=ssh,required ssh-add -l; ssh-add -D; ssh-add -l; /bin/stat -c %n:%a:%u \
$SSH_AUTH_SOCK
USER 1000:1000
RUN --mount=type=ssh,uid=1000,gid=1000,mode=0660,target=/s/a ssh-add -l; /bin/stat -c %a:%g /s/a
RUN --mount=type=ssh,id=other sh -c 'ssh-add -l; echo none:$SSH_AUTH_SOCK'
"""
Run = Callable[..., "subprocess.CompletedProcess[str]"]


class Agent:
    """An agent with one key, whose comment says whose it is."""

    def __init__(self, run: Run, place: Path) -> None:
        requires("ssh-agent")
        self.socket = place / "agent"
        started = run(["ssh-agent", "-s", "-a", str(self.socket)])
        self.pid = started.stdout.partition("SSH_AGENT_PID=")[2].partition(";")[0]
        key = str(place / "key")
        run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "the-key", "-f", key])
        run(["env", f"SSH_AUTH_SOCK={self.socket}", "ssh-add", key])
        Path(key).unlink()


def plain(argv: list[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(argv, capture_output=True, text=True, check=True)


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    made = Agent(plain, tmp_path)
    yield made
    subprocess.run(["kill", made.pid], check=True)


def pack(run: "Callable[[list[str]], subprocess.CompletedProcess[str]]") -> None:
    requires("busybox")
    words = [word for tool in TOOLS for word in ("--program", tool)]
    done = run(["pack", "-q", "-t", "tools", "--entrypoint", "/bin/sh", *words])
    assert done.returncode == 0, done.stderr


def check(done: "subprocess.CompletedProcess[str]") -> str:
    """Look at what the steps of RECIPE said."""
    found = built(done)
    assert done.stderr.count("the-key (ED25519)") == 3
    assert "Failed to remove all identities" in done.stderr
    assert "/run/buildkit/ssh_agent.0:600:0\n" in done.stderr
    assert "660:1000\n" in done.stderr
    assert "none:\n" in done.stderr
    return found


def test_a_step_asks_an_agent_of_which_nothing_stays(
    wardian: Wardian, agent: Agent, context: Path, tmp_path: Path
) -> None:
    pack(lambda words: wardian(*words))
    (context / "Containerfile").write_text(RECIPE)
    words = ("build", "-t", "made", str(context))
    one = check(wardian(*words, "--ssh", "default", env={"SSH_AUTH_SOCK": str(agent.socket)}))
    found = tree(wardian, tmp_path)
    assert not any("ssh_agent" in name or name in ("s", "s/a", "run") for name in found)
    again = wardian(*words, "--ssh", f"default={agent.socket}")
    assert built(again) == one
    assert "ED25519" not in again.stderr  # it is cached: which agent there is does not matter


def test_as_an_ordinary_user(ordinary_user: User) -> None:
    mine = ordinary_user.home / "with-agent"
    ordinary_user.run(["mkdir", str(mine)])
    agent = Agent(ordinary_user.run, mine)
    try:
        pack(ordinary_user.wardian)
        write = f"cat > {shlex.quote(str(mine))}/Containerfile"
        ordinary_user.run(["sh", "-c", write], input=RECIPE)
        check(ordinary_user.wardian(["build", "--ssh", f"default={agent.socket}", str(mine)]))
    finally:
        subprocess.run(["kill", agent.pid], check=True)


def test_an_ordinary_user_s_caches_and_secrets_belong_to_whom_the_recipe_says(
    ordinary_user: User,
) -> None:
    mine = ordinary_user.home / "owners"
    ordinary_user.run(["mkdir", str(mine)])
    tools = [
        word
        for name in ("sh", "stat", "touch")
        for word in ("--program", f"/bin/busybox:/bin/{name}")
    ]
    requires("busybox")
    packed = ordinary_user.wardian(
        ["pack", "-q", "-t", "owners", "--entrypoint", "/bin/sh", *tools]
    )
    assert packed.returncode == 0, packed.stderr
    recipe = (
        "FROM owners\nUSER 1000:50\n"
        "RUN --mount=type=cache,target=/c,uid=1000,mode=0700 touch /c/x && stat -c %u:%a /c\n"
        "RUN --mount=type=secret,id=s,uid=1000,gid=50 stat -c %u:%g:%a /run/secrets/s\n"
    )
    ordinary_user.run(
        ["sh", "-c", f"cat > {mine}/Containerfile; echo s > {mine}/key"], input=recipe
    )
    secret = f"id=s,src={mine}/key"
    for _again in range(2):
        words = ["build", "--no-lock", "--no-cache", "--secret", secret, str(mine)]
        done = ordinary_user.wardian(words)
        built(done)
        assert "1000:700\n" in done.stderr
        assert "1000:50:400\n" in done.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), 'Containerfile:2:13: the ssh agent "default" was not given'),
        (("--ssh", "default"), "--ssh default: SSH_AUTH_SOCK is not set"),
        (("--ssh", "default=/nowhere"), '--ssh default: "/nowhere": no such file or directory'),
        (("--ssh", "default=/etc/passwd"), '--ssh default: "/etc/passwd" is no socket'),
        (("--ssh", "=x"), '--ssh "=x"'),
    ],
)
def test_an_agent_that_is_not_there(
    wardian: Wardian, base: str, context: Path, words: tuple[str, ...], message: str
) -> None:
    (context / "Containerfile").write_text(f"FROM {base}\nRUN --mount=type=ssh,required true\n")
    done = wardian("build", *words, str(context), env={"SSH_AUTH_SOCK": ""})
    assert done.returncode != 0
    assert message in done.stderr
