"""From what was counted to an outcome (pure).

The order is that of the proof: a notification of the kernel, then the counters of what was refused
or killed, then what wardian itself ended, and only then what the program says of itself.
"""

import os

from wardian.sandbox.verdict import LimitHit, Outcome

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wardian.sandbox.groups import Counters
    from wardian.sandbox.limits import Limits
    from wardian.sandbox.verdict import Usage


class Facts:
    """What is known of a run that ended.

    Attributes:
        status: the program's wait status; None where its init was killed before it could tell.
        ended_by: the outcome for which wardian ended it; None where it did not.
        violated: a violation ended it.
        counters: of its control group.
        usage: what it used.
        is_full, no_inodes: of its writable directory.
        largest_file: in bytes, where that was looked up.
        trouble: what went wrong on our side; "" for nothing.
    """

    __slots__ = (
        "counters",
        "ended_by",
        "is_full",
        "largest_file",
        "no_inodes",
        "status",
        "trouble",
        "usage",
        "violated",
    )

    def __init__(self, usage: "Usage", counters: "Counters") -> None:
        self.usage = usage
        self.counters = counters
        self.status: int | None = None
        self.ended_by: Outcome | None = None
        self.violated = False
        self.is_full = self.no_inodes = False
        self.largest_file = 0
        self.trouble = ""


def outcome(facts: Facts, limits: "Limits") -> "tuple[Outcome, LimitHit | None]":
    """Return the outcome, and the limit that accounts for it."""
    if facts.trouble:
        return Outcome.INTERNAL_ERROR, None
    if facts.violated:
        return Outcome.VIOLATION, None
    hit = _counted(facts, limits) or _ended(facts, limits) or _filled(facts, limits)
    if hit is not None:
        return hit
    return _own(facts.status), None


def _counted(facts: Facts, limits: "Limits") -> "tuple[Outcome, LimitHit] | None":
    counters, usage = facts.counters, facts.usage
    if counters.oom_kills and facts.ended_by is not Outcome.PROCESSES:  # else that was before
        peak = max(usage.peak_memory_bytes, 0)
        return Outcome.MEMORY, LimitHit("memory_bytes", limits.memory_bytes, peak)
    if counters.oom_kills is None and usage.peak_memory_bytes >= limits.memory_bytes:
        hit = LimitHit("memory_bytes", limits.memory_bytes, usage.peak_memory_bytes)
        return Outcome.MEMORY, hit
    if counters.refused_forks:
        hit = LimitHit("processes", limits.processes, limits.processes + counters.refused_forks)
        return Outcome.PROCESSES, hit
    return None


def _ended(facts: Facts, limits: "Limits") -> "tuple[Outcome, LimitHit] | None":
    usage = facts.usage
    for name in ("stdout_bytes", "stderr_bytes"):
        written = getattr(usage, name)
        if written > limits.output_bytes:
            return Outcome.OUTPUT, LimitHit("output_bytes", limits.output_bytes, written)
    if facts.ended_by is Outcome.CPU_TIME or usage.cpu_s > limits.cpu_s:
        return Outcome.CPU_TIME, LimitHit("cpu_s", limits.cpu_s, usage.cpu_s)
    if facts.ended_by is Outcome.WALL_TIME:
        return Outcome.WALL_TIME, LimitHit("wall_s", limits.wall_s, usage.wall_s)
    return None


def _filled(facts: Facts, limits: "Limits") -> "tuple[Outcome, LimitHit] | None":
    usage = facts.usage
    if facts.is_full:
        return Outcome.DISK, LimitHit("disk_bytes", limits.disk_bytes, usage.disk_bytes)
    if facts.no_inodes:
        return Outcome.DISK, LimitHit("inodes", limits.inodes, usage.inodes)
    if facts.largest_file and facts.largest_file >= limits.file_bytes:
        return Outcome.DISK, LimitHit("file_bytes", limits.file_bytes, facts.largest_file)
    return None


def _own(status: int | None) -> Outcome:
    """Say how the program itself ended."""
    if status is None:
        return Outcome.INTERNAL_ERROR
    if os.WIFSIGNALED(status):
        return Outcome.SIGNAL
    return Outcome.OK if os.WEXITSTATUS(status) == 0 else Outcome.NONZERO_EXIT
