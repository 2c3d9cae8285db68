"""The search for the variations that change an output alone, or only together."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from wardian.repro.bisect import Search

NAMES = tuple("abcdefghijklmnopqrstu")


class World:
    """Outputs that change where all variations of one of their sets are there; counts the runs."""

    def __init__(self, **faults: list[str]) -> None:
        self.faults = {path: [set(one) for one in sets] for path, sets in faults.items()}
        self.runs = 0

    def differing(self, names: tuple[str, ...]) -> set[str]:
        self.runs += 1
        here = set(names)
        return {path for path, sets in self.faults.items() if any(one <= here for one in sets)}

    def causes(self) -> dict[str, set[str]]:
        search = Search(self.differing)
        search.known(NAMES, set(self.faults))
        found = search.find(NAMES, set(self.faults))
        return {path: {"".join(sorted(names)) for names in sets} for path, sets in found.items()}


def test_one_cause_is_found_in_few_runs() -> None:
    world = World(out=["k"])
    assert world.causes() == {"out": {"k"}}
    assert world.runs <= 10


def test_several_causes_of_one_output_are_all_found() -> None:
    assert World(out=["a", "k", "u"]).causes() == {"out": {"a", "k", "u"}}


def test_outputs_share_the_runs() -> None:
    world = World(one=["c"], two=["c"], three=["c"])
    world.causes()
    alone = World(one=["c"])
    alone.causes()
    assert world.runs == alone.runs


def test_variations_that_change_it_only_together_are_found() -> None:
    assert World(out=["bt"]).causes() == {"out": {"bt"}}
    assert World(out=["abc"]).causes() == {"out": {"abc"}}


def test_a_run_that_is_known_is_not_made_again() -> None:
    seen: list[tuple[str, ...]] = []

    def differing(names: tuple[str, ...]) -> set[str]:
        seen.append(names)
        return {"out"} if "b" in names else set()

    search = Search(differing)
    search.known(("a", "b"), {"out"})
    search.find(("a", "b"), {"out"})
    assert seen == [("a",), ("b",)]
    assert search.changed_by(()) == set()


@given(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True))
def test_every_single_cause_is_found(alone: list[str]) -> None:
    assert World(out=alone).causes() == {"out": set(alone)}


def test_every_pair_is_found() -> None:
    for pair in itertools.combinations("abku", 2):
        assert World(out=["".join(pair)]).causes() == {"out": {"".join(pair)}}
