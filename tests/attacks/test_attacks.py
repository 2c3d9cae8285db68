"""Each hostile program of the corpus is contained, gets the right verdict, and leaves no trace."""

import platform
from collections.abc import Iterator

import pytest

from tests.attacks import corpus
from tests.attacks.arena import Arena
from tests.attacks.corpus import Attack

pytestmark = pytest.mark.root
ATTACKS = [one for one in corpus.attacks() if one.one("machine") in ("", platform.machine())]


@pytest.fixture(scope="module")
def arena(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Arena]:
    """Where they run; with their programs compiled."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WARDIAN_ATTACK_SECRET", "CANARY")
        one = Arena(tmp_path_factory.mktemp("arena"))
        one.prepare(_chosen(request.session))
        yield one
        one.close()


def _chosen(session: pytest.Session) -> list[Attack]:
    """Return the attacks of the tests that were asked for."""
    found = []
    for item in session.items:
        one = getattr(item, "callspec", None)
        attack = one.params.get("attack") if one else None
        if isinstance(attack, Attack):
            found.append(attack)
    return found


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda one: f"{one.id}-{one.path.stem}")
def test_the_attack_is_contained(arena: Arena, attack: Attack) -> None:
    faults = arena.run(attack)
    assert not faults, f"{attack.id} ({attack.title}): " + "\n".join(faults)
