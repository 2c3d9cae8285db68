"""What a sandboxed run gives back: how it ended, by what proof, and what it used.

An outcome comes from what was counted (the control group's events, bytes read, the clock) and from
the kernel's notifications, never from a signal or an exit code that the program can choose: one
that sends itself SIGKILL ended by SIGNAL, not by a limit.
"""

import dataclasses
import enum
import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Outcome(enum.StrEnum):
    """How a run ended."""

    OK = "OK"
    """It ended by itself with exit code 0."""
    NONZERO_EXIT = "NONZERO_EXIT"
    """It ended by itself with another exit code."""
    SIGNAL = "SIGNAL"
    """A signal ended it that no limit and no violation accounts for: a fault, or its own doing."""
    WALL_TIME = "WALL_TIME"
    CPU_TIME = "CPU_TIME"
    MEMORY = "MEMORY"
    """The kernel had to kill one of its processes to hold the memory limit."""
    OUTPUT = "OUTPUT"
    """It wrote more to a stream than may be collected."""
    DISK = "DISK"
    """Its writable files were full, or a file had the largest size, when it ended."""
    PROCESSES = "PROCESSES"
    """A process or thread was refused because there were as many as may be."""
    VIOLATION = "VIOLATION"
    """It made a system call that its policy forbids."""
    INTERNAL_ERROR = "INTERNAL_ERROR"
    """wardian or the machine failed; says nothing about the program."""


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 3)


@dataclasses.dataclass(frozen=True, slots=True)
class Usage:
    """What a run used.

    Attributes:
        wall_s: from the program's start to its end.
        user_s, system_s: processor time of its processes in user mode and in the kernel.
        cpu_s: processor time of the whole tree; the control group's where there is one.
        peak_memory_bytes: the control group's peak, else the largest resident set of one process.
        max_rss_bytes: the largest resident set of one process.
        processes: most processes and threads at one time; None where nobody counted.
        stdout_bytes, stderr_bytes: how much it wrote, also what was not kept.
        disk_bytes, inodes: of its writable files when it ended.
        source: "cgroup" or "rusage": where cpu_s and peak_memory_bytes come from.
    """

    wall_s: float = 0.0
    user_s: float = 0.0
    system_s: float = 0.0
    cpu_s: float = 0.0
    peak_memory_bytes: int = 0
    max_rss_bytes: int = 0
    processes: int | None = None
    stdout_bytes: int = 0
    stderr_bytes: int = 0
    disk_bytes: int = 0
    inodes: int = 0
    source: str = "rusage"


@dataclasses.dataclass(frozen=True, slots=True)
class LimitHit:
    """The limit that ended a run.

    Attributes:
        name: of the field of Limits: "memory_bytes".
        value: what was allowed.
        observed: what was counted; at least `value`, or a count of refusals where the kernel
            lets nobody beyond it (processes).
    """

    name: str
    value: float
    observed: float


@dataclasses.dataclass(frozen=True, slots=True)
class Violation:
    """One forbidden system call.

    Attributes:
        time: when it was seen, in seconds since 1970.
        syscall: the name, "#512" for one that nobody knows.
        number: as the program gave it.
        arch: "x86_64"; another one for a call through another ABI (int 0x80 is "x86").
        args: the six arguments.
        decoded: those that are understood: {"source": "none", "flags": "MS_BIND"}.
        pid, tid: as this process sees them; inner_pid as the box does.
        comm: the thread's name.
        uid: inside of the box.
        instruction: where it was made: {"address": ..., "file": "/usr/lib/...", "offset": ...}.
        action: "kill", "freeze" or "errno".
    """

    time: float
    syscall: str
    number: int
    arch: str
    args: tuple[int, ...]
    decoded: "dict[str, Any]"
    pid: int
    tid: int
    inner_pid: int
    comm: str
    uid: int
    instruction: "dict[str, Any]"
    action: str

    def as_dict(self) -> "dict[str, Any]":
        """Return it as plain data; addresses and arguments in hexadecimal."""
        found = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        found["args"] = [hex(value) for value in self.args]
        return found


@dataclasses.dataclass(slots=True)
class Verdict:
    """How a run ended, with its proof.

    Attributes:
        outcome: in one word.
        exit_code: the program's own; None where a signal or wardian ended it.
        signal: that ended the program; None where it ended by itself.
        stdout, stderr: what it wrote, up to the limit.
        stdout_truncated, stderr_truncated: it wrote more.
        usage: what it used.
        violations: the first ones, at most 32.
        violation_count: how many there were.
        frozen_after_s: from the first one until the whole box stood; None where it did not.
        limit: the limit that ended it, or None.
        outputs: the files that were asked for and found: name and content.
        output_errors: those that were not: name and why.
        evidence: directory of the evidence bundle, or None.
        box: of mode "freeze": holds the frozen box until its `end` is called; else None.
        degraded: what this machine or user could not enforce in full, each one line.
        reason: for people; of INTERNAL_ERROR what failed.
    """

    outcome: Outcome
    exit_code: int | None = None
    signal: int | None = None
    stdout: bytes = b""
    stderr: bytes = b""
    stdout_truncated: bool = False
    stderr_truncated: bool = False
    usage: Usage = dataclasses.field(default_factory=Usage)
    violations: tuple[Violation, ...] = ()
    violation_count: int = 0
    frozen_after_s: float | None = None
    limit: LimitHit | None = None
    outputs: dict[str, bytes] = dataclasses.field(default_factory=dict)
    output_errors: dict[str, str] = dataclasses.field(default_factory=dict)
    evidence: str | None = None
    box: "Any" = None
    degraded: tuple[str, ...] = ()
    reason: str = ""
    hashing: "Callable[[], str]" = dataclasses.field(default=str, repr=False)

    @property
    def ok(self) -> bool:
        """True for an exit code of 0 within all limits."""
        return self.outcome is Outcome.OK

    @property
    def plan_hash(self) -> str:
        """Hash of the plan: equal hashes, equal view of the world."""
        return self.hashing()

    def as_dict(self) -> "dict[str, Any]":
        """Return it as plain data; see docs/guides/sandbox.md."""
        usage = self.usage
        streams = {}
        for name in ("stdout", "stderr"):
            data = getattr(self, name)
            streams[name] = {
                "bytes": getattr(usage, f"{name}_bytes"),
                "truncated": getattr(self, f"{name}_truncated"),
                "text": data.decode("utf-8", "backslashreplace"),
            }
        return {
            "verdict": str(self.outcome),
            "reason": self.reason,
            "limit": dataclasses.asdict(self.limit) if self.limit else None,
            "exit": {"code": self.exit_code, "signal": self.signal},
            "time": {
                "wall_ms": round(usage.wall_s * 1000, 3),
                "cpu_ms": round(usage.cpu_s * 1000, 3),
                "user_ms": round(usage.user_s * 1000, 3),
                "system_ms": round(usage.system_s * 1000, 3),
            },
            "memory": {"peak": usage.peak_memory_bytes, "max_rss": usage.max_rss_bytes},
            "tasks": {"peak": usage.processes},
            "disk": {"bytes": usage.disk_bytes, "inodes": usage.inodes},
            "source": usage.source,
            **streams,
            "files": {name: len(data) for name, data in self.outputs.items()},
            "file_errors": self.output_errors,
            "violations": [one.as_dict() for one in self.violations],
            "violation_count": self.violation_count,
            "frozen_after_ms": _ms(self.frozen_after_s),
            "evidence": self.evidence,
            "degraded": list(self.degraded),
            "plan_hash": self.plan_hash,
        }

    def to_json(self) -> str:
        """Return it as one line of JSON."""
        return json.dumps(self.as_dict(), ensure_ascii=True, separators=(",", ":"))
