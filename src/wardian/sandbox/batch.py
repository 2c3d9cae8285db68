"""Limits that many runs share: what a submission, a user or an hour may use together."""

import dataclasses
import threading

from wardian import units
from wardian.errors import StatusError, UsageError
from wardian.sandbox.verdict import LimitHit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    from wardian.sandbox.limits import Limits
    from wardian.sandbox.verdict import Verdict

    class Runner(Protocol):
        """A Sandbox, or a pool."""

        limits: Limits

        @property
        def run(self) -> Any:
            """Runs a program, and returns its verdict."""


LEAST_S = 0.001  # a run that has less left is not begun


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BatchLimits:
    """What the runs of a batch may use together; None for no bound.

    Args:
        runs: how many.
        wall_s: seconds of all of them.
        cpu_s: processor seconds of all of them.
        output_bytes: what they write to standard output and error.

    Raises:
        UsageError: a value that is no limit.
    """

    runs: int | None = None
    wall_s: float | None = None
    cpu_s: float | None = None
    output_bytes: int | None = None

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value is None:
                continue
            is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
            is_whole = field.name[-2:] == "_s" or isinstance(value, int)
            if not is_number or not is_whole or not 0 < value <= units.LONGEST_S * 1e9:
                raise UsageError(f"batch limit {field.name} {value!r}: not a number above 0")


class Batch:
    """Runs in one Sandbox or pool that share limits. Safe to use from many threads.

    A run gets no more time than is left of the batch when it begins; runs at the same time may
    together use more, by what each of them was given.

    Attributes:
        limits: of the batch.
        used: name of a limit -> what the runs that ended used of it.
    """

    def __init__(self, sandbox: "Runner", limits: BatchLimits) -> None:
        self._sandbox = sandbox
        self._lock = threading.Lock()
        self.limits = limits
        self.used: dict[str, float] = dict.fromkeys(("runs", "wall_s", "cpu_s", "output_bytes"), 0)

    @property
    def spent(self) -> LimitHit | None:
        """The limit of which nothing is left; None while there is something of each."""
        for name, used in self.used.items():
            limit = getattr(self.limits, name)
            if limit is not None and limit - used < (LEAST_S if name[-2:] == "_s" else 1):
                return LimitHit(f"batch {name}", limit, used)
        return None

    def run(self, argv: "Any", **words: "Any") -> "Verdict":
        """Run a program as Sandbox.run does, within what is left.

        Raises:
            StatusError: nothing is left; and what Sandbox.run raises.
        """
        with self._lock:
            hit = self.spent
            if hit is not None:
                text = (
                    f"the batch has used up its {hit.name[6:]} ({hit.observed:g} of {hit.value:g})"
                )
                raise StatusError(text, hint="a larger limit, or another batch")
            self.used["runs"] += 1
            bounds = self._bounds()
        verdict: Verdict = self._sandbox.run(argv, bounds=bounds, **words)
        usage = verdict.usage
        with self._lock:
            self.used["wall_s"] += usage.wall_s
            self.used["cpu_s"] += usage.cpu_s
            self.used["output_bytes"] += usage.stdout_bytes + usage.stderr_bytes
        return verdict

    def _bounds(self) -> "dict[str, Any]":
        """Return this run's limits where the batch has less left than a run may use."""
        found: dict[str, Any] = {}
        for name in ("wall_s", "cpu_s", "output_bytes"):
            limit = getattr(self.limits, name)
            if limit is not None:
                left = limit - self.used[name]
                found[name] = min(getattr(self._sandbox.limits, name), left)
        if "output_bytes" in found:
            found["output_bytes"] = int(found["output_bytes"])
        return found
