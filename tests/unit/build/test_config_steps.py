"""The instructions of the image's config."""

import pytest

from wardian.build import config_steps, recipe
from wardian.build.instructions import Instruction
from wardian.build.state import State
from wardian.errors import SpecError
from wardian.registry.platforms import Platform


def state() -> State:
    return State(Platform("linux", "amd64"))


def instruction(text: str) -> Instruction:
    return recipe.parse(f"FROM x\n{text}".encode()).stages[0].steps[0]


def test_all_values_of_an_env_see_the_variables_before_it() -> None:
    found = state()
    found.set_env("abc", "hello")
    config_steps.apply(found, instruction("ENV abc=bye def=$abc"))
    assert found.run["Env"] == ["abc=bye", "def=hello"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("EXPOSE 0", '"0" is not a port'),
        ("EXPOSE 70000", '"70000" is not a port'),
        ("EXPOSE 80/icmp", '"80/icmp": icmp is not tcp, udp or sctp'),
        ("STOPSIGNAL SIGNOT", "SIGNOT"),
        ("HEALTHCHECK --interval=soon CMD x", '--interval "soon" is no duration'),
        ("HEALTHCHECK --retries=x CMD x", "--retries: x is no number"),
        ("ENV A=${B", "a ${ that is not closed"),
        ("USER '", "a ' that is not closed"),
    ],
)
def test_a_wrong_value_is_named(text: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        config_steps.apply(state(), instruction(text))
    assert message in str(caught.value)
    assert str(caught.value).startswith("Containerfile:2:")
