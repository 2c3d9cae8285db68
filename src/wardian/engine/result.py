"""What a run gives back."""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wardian.runtime.launch import Outcome
    from wardian.runtime.plan import Plan

TIMED_OUT = 124


class Usage:
    """What the box used.

    Attributes:
        wall_s: seconds from the request to the end.
        cpu_s: processor seconds of all its processes.
        peak_memory_bytes: the control group's peak where there was one, else the largest resident
            set of one process.
        oom_kills: processes that the kernel killed for lack of memory; 0 without a control group.
        pids_peak: most processes at one time, or None where nobody counted.
        source: "cgroup" or "rusage".
        stalled_s: seconds in which at least one process waited for "cpu", "memory" or "io"
            (pressure); None where nobody measured.
    """

    __slots__ = (
        "cpu_s",
        "oom_kills",
        "peak_memory_bytes",
        "pids_peak",
        "source",
        "stalled_s",
        "wall_s",
    )

    def __init__(self, wall_s: float, outcome: "Outcome") -> None:
        self.wall_s = wall_s
        self.cpu_s = (outcome.user_usec + outcome.system_usec) / 1e6
        self.peak_memory_bytes = outcome.max_rss_bytes
        self.oom_kills = 0
        self.pids_peak: int | None = None
        self.source = "rusage"
        self.stalled_s: dict[str, float] | None = None

    def add_cgroup(self, counted: "dict[str, float | int | None]") -> None:
        """Take over what the control group counted."""
        self.source = "cgroup"
        for name in ("cpu_s", "peak_memory_bytes", "oom_kills", "pids_peak"):
            value = counted.get(name)
            if value is not None:
                setattr(self, name, value)

    def add_pressure(self, stalled_s: "dict[str, float]") -> None:
        """Take over how long the box waited."""
        self.stalled_s = stalled_s or None

    def as_dict(self) -> "dict[str, object]":
        """Return all figures by name."""
        return {name: getattr(self, name) for name in self.__slots__}

    def __repr__(self) -> str:
        return f"Usage({self.as_dict()})"


class Result:
    """How a program in a box ended.

    Attributes:
        exit_code: the program's own, 128 + n for signal n, 124 after --timeout.
        signal: the signal that ended the program, or None.
        stdout, stderr: what it wrote, where that was captured.
        timed_out: --timeout was over before it ended.
    """

    __slots__ = ("_plan", "exit_code", "signal", "stderr", "stdout", "timed_out", "usage")

    def __init__(self, status: int, usage: Usage, plan: "Plan", *, timed_out: bool) -> None:
        self._plan = plan
        self.usage = usage
        self.timed_out = timed_out
        self.signal = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
        code = 128 + self.signal if self.signal is not None else os.WEXITSTATUS(status)
        self.exit_code = TIMED_OUT if timed_out else code
        self.stdout = b""
        self.stderr = b""

    @property
    def plan_hash(self) -> str:
        """Hash of the plan: equal hashes, equal view of the world."""
        return self._plan.hash

    @property
    def oom_killed(self) -> bool:
        """True where the kernel killed a process of the box for lack of memory."""
        return self.usage.oom_kills > 0

    def __repr__(self) -> str:
        return f"Result(exit_code={self.exit_code}, signal={self.signal}, usage={self.usage})"
