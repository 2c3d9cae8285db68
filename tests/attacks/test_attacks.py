"""Each hostile program of the corpus is contained, gets the right verdict, and leaves no trace."""

import os
import platform
from collections.abc import Iterator

import pytest

from tests.attacks import corpus
from tests.attacks.arena import Arena
from tests.attacks.corpus import Attack
from wardian import Sandbox, SandboxPool, WarmPython

pytestmark = pytest.mark.root
IS_LAB = "WARDIAN_LAB" in os.environ
HERE = [one for one in corpus.attacks() if one.one("machine") in ("", platform.machine())]
ATTACKS = [one for one in HERE if not IS_LAB or one.id in corpus.IN_THE_LAB]
IN_POOLS = [one for one in HERE if not IS_LAB or one.id in corpus.IN_THE_LAB_S_POOL]
IN_PYTHON = [
    one
    for one in ATTACKS
    if one.path.suffix == ".py" and one.one("argv", "python3").startswith("python3")
]


def _arena(
    request: pytest.FixtureRequest, factory: pytest.TempPathFactory, kind: type[Sandbox]
) -> Iterator[Arena]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WARDIAN_ATTACK_SECRET", "CANARY")
        one = Arena(factory.mktemp("arena"), kind)
        one.prepare(_chosen(request.session))
        yield one
        one.close()


@pytest.fixture(scope="module")
def arena(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Arena]:
    """Where they run; with their programs compiled."""
    yield from _arena(request, tmp_path_factory, Sandbox)


@pytest.fixture(scope="module")
def pools(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Arena]:
    """Where each attack runs in boxes that stood ready, and the next run is of the same pool."""
    yield from _arena(request, tmp_path_factory, SandboxPool)


@pytest.fixture(scope="module")
def interpreters(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Arena]:
    """Where each attack is a fork of an interpreter, and so is the next run."""
    yield from _arena(request, tmp_path_factory, WarmPython)


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


@pytest.mark.parametrize("attack", IN_POOLS, ids=lambda one: f"{one.id}-{one.path.stem}")
def test_the_attack_is_contained_in_a_pool(pools: Arena, attack: Attack) -> None:
    faults = pools.run(attack)
    assert not faults, f"{attack.id} ({attack.title}): " + "\n".join(faults)


@pytest.mark.parametrize("attack", IN_PYTHON, ids=lambda one: f"{one.id}-{one.path.stem}")
def test_the_attack_is_contained_in_a_warm_interpreter(interpreters: Arena, attack: Attack) -> None:
    faults = interpreters.run(attack)
    assert not faults, f"{attack.id} ({attack.title}): " + "\n".join(faults)
