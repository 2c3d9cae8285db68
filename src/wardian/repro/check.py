"""Run again in a varied world, compare bit by bit, and find the cause of each difference.

    control ── all varied ── equal: reproducible, as far as was varied
                    │
                  differ ── control once more: what differs by itself, with nothing varied
                    │
                  halve the variations, for the rest (bisect.py)

The caller brings a function that runs something under given conditions: a command in a box
(boxes.py), or the build of an image.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from wardian.errors import LaunchError
from wardian.repro.bisect import Search
from wardian.repro.conditions import CONTROL, Conditions
from wardian.repro.outputs import EXIT_CODE, Entry, Outputs, differing
from wardian.repro.variations import VARIATIONS, Surroundings, Variation, vary

Run = Callable[[Conditions], Outputs]
Progress = Callable[[str, int], None]
_DOUBTS = 2  # runs that look whether something random was blamed on variations
_CAUSES_USUAL = 1


@dataclass(slots=True, kw_only=True)
class Difference:
    """One output that is not the same.

    Attributes:
        path: of the output.
        causes: sets of variations that change it, most often of one; none where it differs by
            itself.
        control, varied: the output in both runs; None where that run did not make it.
        control_conditions, varied_conditions: of these runs.
    """

    path: str
    causes: list[tuple[str, ...]] = field(default_factory=list)
    control: Entry | None = None
    varied: Entry | None = None
    control_conditions: Conditions = CONTROL
    varied_conditions: Conditions = CONTROL

    @property
    def by_itself(self) -> bool:
        """It differs when nothing is varied."""
        return not self.causes


@dataclass(slots=True, kw_only=True)
class Report:
    """What a check has found.

    Attributes:
        differences: by path, in byte order.
        same: outputs that are equal in all runs.
        varied: the variations that were tried.
        not_varied: the others, with the reason.
        runs: how often it was run.
    """

    differences: list[Difference] = field(default_factory=list)
    same: list[str] = field(default_factory=list)
    varied: list[Variation] = field(default_factory=list)
    not_varied: dict[str, str] = field(default_factory=dict)
    runs: int = 0

    @property
    def is_reproducible(self) -> bool:
        """Nothing differed."""
        return not self.differences


def check(
    run: Run,
    *,
    variations: Sequence[Variation] = VARIATIONS,
    control: Conditions = CONTROL,
    machine: Surroundings | None = None,
    modes: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Run twice, in the canonical and in a varied world, and again where that differs.

    Args:
        run: runs once under given conditions and returns the outputs.
        variations: what is varied, in the varied run all at once.
        control: the canonical world.
        machine: what can be varied here (surroundings.look).
        modes: all permission bits count.
        progress: called with what is run and how many runs there were before.

    Raises:
        LaunchError: the command fails in the canonical world.
    """
    world = (control, machine or Surroundings())
    return _Check(run, variations, world, modes=modes, progress=progress).report()


class _Check:
    """One check; see `check`."""

    def __init__(
        self,
        run: Run,
        variations: Sequence[Variation],
        world: "tuple[Conditions, Surroundings]",
        *,
        modes: bool,
        progress: Progress | None,
    ) -> None:
        self._run, self._modes = run, modes
        self._control, self._machine = world
        self._by_name = {one.name: one for one in variations}
        self._progress = progress
        self._runs = 0
        self._first: Outputs = {}
        self._shown: dict[str, tuple[int, Entry | None, Conditions]] = {}

    def report(self) -> Report:
        names = tuple(self._by_name)
        self._first = self._once((), "control")
        self._refuse_failure()
        differ = self._changed(names, "all varied")
        found: list[Difference] = []
        if differ:
            alone = self._changed((), "control once more")
            search = Search(lambda some: self._changed(some, "varied: " + ", ".join(some)))
            search.known(names, differ)
            causes = search.find(names, differ - alone) if names else {}
            alone |= self._by_chance(causes)
            causes = {path: found for path, found in causes.items() if path not in alone}
            found = [self._difference(path, causes.get(path, [])) for path in differ | alone]
        bad = {one.path for one in found}
        return Report(
            differences=sorted(found, key=lambda one: one.path.encode("utf-8", "surrogateescape")),
            same=sorted(path for path in self._first if path not in bad and path != EXIT_CODE),
            varied=list(self._by_name.values()),
            runs=self._runs,
        )

    def _by_chance(self, causes: "dict[str, list[tuple[str, ...]]]") -> "set[str]":
        """Return the paths that need no variation.

        What several cause together, or each alone, may have been chance.
        """
        doubtful = {
            path
            for path, found in causes.items()
            if len(found) > _CAUSES_USUAL or any(len(one) > 1 for one in found)
        }
        by_chance: set[str] = set()
        for _time in range(_DOUBTS):
            if doubtful - by_chance:
                by_chance |= self._changed((), "control once more") & doubtful
        return by_chance

    def _refuse_failure(self) -> None:
        code = self._first.get(EXIT_CODE)
        if code is not None and code.digest != "0":
            raise LaunchError(
                f"the command fails in the canonical environment, with exit code {code.digest}",
                hint="`wardian repro run -- ...` shows what it says there",
            )

    def _once(self, names: "tuple[str, ...]", words: str) -> Outputs:
        if self._progress is not None:
            self._progress(words, self._runs)
        self._runs += 1
        return self._run(self._conditions(names))

    def _conditions(self, names: "tuple[str, ...]") -> Conditions:
        return vary(self._control, [self._by_name[name] for name in names], self._machine)

    def _changed(self, names: "tuple[str, ...]", words: str) -> "set[str]":
        """Run with these; keep what the smallest set of them made, to show the difference."""
        outputs = self._once(names, words)
        changed = set(differing(self._first, outputs, modes=self._modes))
        for path in changed:
            if path not in self._shown or len(names) < self._shown[path][0]:
                self._shown[path] = (len(names), outputs.get(path), self._conditions(names))
        return changed

    def _difference(self, path: str, causes: "list[tuple[str, ...]]") -> Difference:
        _count, entry, conditions = self._shown[path]
        return Difference(
            path=path,
            causes=causes,
            control=self._first.get(path),
            varied=entry,
            control_conditions=self._control,
            varied_conditions=conditions,
        )
