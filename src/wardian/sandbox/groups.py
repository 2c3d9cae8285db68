"""The control group of one run: what it limits, counts, and tells.

Only the hierarchies that count and limit are used. What this machine or user can't give is found
out once and listed as degraded; the rest is then done by resource limits of each process.

Facts about the counters
------------------------
memory.events (v1: memory.oom_control) counts processes that the kernel killed to hold the limit,
pids.events forks that it refused; pids.events announces a change as POLLPRI in both versions.

Kernel: Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/memory.rst, pids.rst.
"""

import os

from wardian.errors import HostError, UnsupportedError
from wardian.kernel import cgroup_files as files
from wardian.kernel import cgroup_v2, cgroups, probe
from wardian.kernel.cgroup_files import UNIFIED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from wardian.sandbox.limits import Limits

# What is tried, from most to least.
ATTEMPTS = (("memory", "pids"), ("memory",), ("pids",))


class Enforced:
    """What control groups do on this machine for this user.

    Attributes:
        words: the engine's words for the limits that they hold.
        memory, processes: they limit these.
        is_grouped: a box has a group at all.
        degraded: what else would have to be said, a line each.
    """

    __slots__ = ("degraded", "is_grouped", "memory", "processes", "words")

    def __init__(self, limits: "Limits", kinds: "Sequence[str]", degraded: "list[str]") -> None:
        self.memory = "memory" in kinds
        self.processes = "pids" in kinds
        self.is_grouped = bool(kinds)
        self.degraded = degraded
        self.words = words(limits, kinds)


def words(limits: "Limits", kinds: "Sequence[str]") -> "dict[str, object]":
    """Return docker's words for the limits that control groups hold."""
    found: dict[str, object] = {}
    if "memory" in kinds:
        found["memory"] = found["memory_swap"] = limits.memory_bytes
    if "pids" in kinds:
        found["pids_limit"] = limits.processes + 1  # and the box's own init
    return found


def find_out(limits: "Limits") -> Enforced:
    """Try which limits control groups can hold here."""
    from wardian.engine import resource_words
    from wardian.runtime import resources

    layout = cgroups.detect()
    why = ""
    for kinds in ATTEMPTS:
        try:
            writes = resources.compile(
                resource_words.resources(words(limits, kinds)),
                mode=layout.mode,
                controllers=layout.controllers,
                cpus=probe.cpus(),
                mems=probe.mems(),
            )
            cgroups.create(layout, cgroups.new_name(), writes).remove()
        except (UnsupportedError, HostError) as error:
            why = why or str(error)
        else:
            return Enforced(limits, kinds, _degraded(kinds, why))
    return Enforced(limits, (), _degraded((), why))


def _degraded(kinds: "Sequence[str]", why: str) -> "list[str]":
    lines = []
    if "memory" not in kinds:
        lines.append(f"memory: each process for itself (RLIMIT_DATA), not the box: {why}")
    if "pids" not in kinds:
        if os.geteuid() == 0 and not probe.in_user_namespace():
            lines.append(f"processes: no limit, RLIMIT_NPROC is none for the host's root: {why}")
        else:
            lines.append(f"processes: by RLIMIT_NPROC, without a count of refusals: {why}")
    if not kinds:
        lines.append("cpu: each process for itself while it runs (RLIMIT_CPU), the sum at the end")
        lines.append("freeze: by SIGSTOP, which is not atomic")
    return lines


class Counters:
    """What a group counted, in one reading.

    Attributes:
        peak_memory_bytes, cpu_s, oom_kills, refused_forks, peak_tasks: None where nobody counted.
        split_s: of cpu_s what was in user mode and in the kernel, or None.
    """

    __slots__ = (
        "cpu_s",
        "oom_kills",
        "peak_memory_bytes",
        "peak_tasks",
        "refused_forks",
        "split_s",
    )

    def __init__(self, group: "cgroups.Cgroup | None") -> None:
        found = group.usage() if group is not None else {}
        self.cpu_s = found.get("cpu_s")
        self.peak_memory_bytes = _whole(found.get("peak_memory_bytes"))
        self.oom_kills = _whole(found.get("oom_kills"))
        self.peak_tasks = _whole(found.get("pids_peak"))
        self.refused_forks: int | None = None
        self.split_s: tuple[float, float] | None = None
        if group is None:
            return
        if UNIFIED in group.groups:
            self.split_s = cgroup_v2.cpu_split_s(group.groups[UNIFIED])
        events = files.find(pids_events(group)) if pids_events(group) else None
        if events is not None:
            self.refused_forks = files.parse_pairs(events).get("max")


def _whole(value: "float | None") -> int | None:
    return None if value is None else int(value)


def pids_events(group: "cgroups.Cgroup") -> str:
    """Return the file that counts refused forks; "" where nobody does."""
    place = group.groups.get("pids") or (
        group.groups.get(UNIFIED) if group.layout.mode == "v2" else None
    )
    return f"{place}/pids.events" if place else ""


def open_events(group: "cgroups.Cgroup") -> int:
    """Open pids.events to be told of refusals (POLLPRI); -1 where there is none."""
    path = pids_events(group)
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC) if path else -1
    except FileNotFoundError:
        return -1
    if fd >= 0:
        os.read(fd, 256)  # announced is what changes after it was read
    return fd
