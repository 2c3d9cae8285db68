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
from wardian.kernel import cgroups, probe, procfs
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
        lines.append("cpu: by a look at its processes (proc_pid_stat(5)), not by a count of all")
        lines.append("freeze: by SIGSTOP, which is not atomic")
    return lines


# Hierarchy and file of each counter; what is there first counts.
CPU = (("cpuacct", "cpuacct.usage"), (UNIFIED, "cpu.stat"))
SPLIT = ((UNIFIED, "cpu.stat"),)
PEAK = (("memory", "memory.max_usage_in_bytes"), (UNIFIED, "memory.peak"))
KILLS = (("memory", "memory.oom_control"), (UNIFIED, "memory.events"))
TASKS = (("pids", "pids.peak"), (UNIFIED, "pids.peak"))
FORKS = (("pids", "pids.events"), (UNIFIED, "pids.events"))
MOST_BYTES = 4096  # of a file with counters
LARGEST_CHARGE_BYTES = 4 << 20  # what can be refused at once; a huge page has 2 MiB
# What may stay charged from one run to the next: what each processor holds ready for the group, so
# that the next run gets it (mm/memcontrol.c, MEMCG_CHARGE_BATCH), and one part of the limit, but
# nothing that would be seen in the peak of a small program.
STOCK_BYTES = min(os.cpu_count() or 1, 4) * 64 * os.sysconf("SC_PAGE_SIZE")
LEFT_OF_LIMIT, LEFT_BYTES = 256, 256 << 10
LEAST_TASKS = 2  # init and the program


class Spent:
    """The processor time of a group until now.

    Attributes:
        cpu_s: None where nobody counts.
        user_s, system_s: what of it was in user mode and in the kernel; None where nobody tells.
        max_rss_bytes: the most that one process had resident; 0 where that is not looked at.
    """

    __slots__ = ("cpu_s", "max_rss_bytes", "system_s", "user_s")

    def __init__(self, group: "cgroups.Cgroup | None") -> None:
        self.cpu_s: float | None = None
        self.max_rss_bytes = 0
        self.user_s: float | None = None
        self.system_s: float | None = None
        text = _text(group, CPU)
        if text.strip().isdigit():  # cpuacct's, in nanoseconds
            self.cpu_s = int(text) / 1e9
            text = _text(group, SPLIT)
        found = files.parse_pairs(text)
        if self.cpu_s is None and "usage_usec" in found:
            self.cpu_s = found["usage_usec"] / 1e6
        if "user_usec" in found and "system_usec" in found:
            self.user_s, self.system_s = found["user_usec"] / 1e6, found["system_usec"] / 1e6


def seen(init: int, members: "Sequence[int]") -> Spent:
    """Return what a box's processes show, where no control group counts.

    When its init is killed the kernel ends them unwaited, and nobody is told what they had used.

    Args:
        init: the box's first process, which counts for what it has waited for alone.
        members: all others.
    """
    found = Spent(None)
    rows = [procfs.times_s(pid) for pid in members]
    _user, _system, *waited = procfs.times_s(init)
    found.user_s = waited[0] + sum(row[0] + row[2] for row in rows)
    found.system_s = waited[1] + sum(row[1] + row[3] for row in rows)
    found.cpu_s = found.user_s + found.system_s
    found.max_rss_bytes = max(map(procfs.peak_resident_bytes, members), default=0)
    return found


class Counters:
    """What a group counted, in one reading.

    A limit that the peak did not come near has refused nothing, and is not asked: each reading lets
    go of the interpreter's lock, for which the other runs queue.

    Args:
        group: of a box whose processes are gone; None where there is none.
        limits: of the run.
        is_doubtful: the program did not end well.

    Attributes:
        spent: processor time.
        peak_memory_bytes, oom_kills, refused_forks, peak_tasks: None where nobody counted.
        strange_kills: processes that were killed for others' use of memory: that of the machine, or
            of a group above this one, was all taken.
    """

    __slots__ = (
        *("oom_kills", "peak_memory_bytes", "peak_tasks", "refused_forks", "spent"),
        "strange_kills",
    )

    def __init__(
        self, group: "cgroups.Cgroup | None", limits: "Limits", *, is_doubtful: bool = False
    ) -> None:
        self.spent = Spent(group)
        peak = self.peak_memory_bytes = _number(_text(group, PEAK))
        is_near = peak is None or _comes_near(peak, limits)
        kills = _killed(group) if is_near or is_doubtful else 0
        self.oom_kills: int | None = kills if is_near else 0
        self.strange_kills = 0 if is_near else kills or 0
        tasks = self.peak_tasks = _number(_text(group, TASKS))  # since Linux 6.1
        self.refused_forks: int | None = 0
        if tasks is None or tasks > limits.processes:
            self.refused_forks = _refused(group)


def _text(group: "cgroups.Cgroup | None", places: "tuple[tuple[str, str], ...]") -> str:
    """Return the text of the first of some files that is there; "" where none is."""
    fd = -1 if group is None else _first(group, places)
    try:
        return "" if fd < 0 else os.pread(fd, MOST_BYTES, 0).decode("ascii")
    except OSError:  # ENODEV: somebody removed the group
        return ""


def _first(
    group: "cgroups.Cgroup", places: "tuple[tuple[str, str], ...]", flags: int = os.O_RDONLY
) -> int:
    """Return the descriptor of the first of some files that is there, or -1."""
    for hierarchy, file in places:
        fd = group.opened(hierarchy, file, flags) if hierarchy in group.groups else -1
        if fd >= 0:
            return fd
    return -1


def _number(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isdigit() else None


def open_counters(group: "cgroups.Cgroup") -> None:
    """Open what `Counters` reads, while nobody waits; the peak so that it can be reset."""
    try:
        _first(group, PEAK, os.O_RDWR)
    except PermissionError:  # before Linux 6.12 with cgroup v2, for who is not root
        _first(group, PEAK)
    for places in (CPU, KILLS, TASKS, FORKS):
        _first(group, places)


def open_events(group: "cgroups.Cgroup | None") -> int:
    """Open pids.events to be told of refusals (POLLPRI); -1 where there is none."""
    fd = -1 if group is None else _first(group, FORKS)
    if fd >= 0:
        os.pread(fd, MOST_BYTES, 0)  # announced is what changes after it was read
    return fd


def _refused(group: "cgroups.Cgroup | None") -> int | None:
    return files.parse_pairs(_text(group, FORKS)).get("max")


def _killed(group: "cgroups.Cgroup | None") -> int | None:
    return files.parse_pairs(_text(group, KILLS)).get("oom_kill")  # v1: since Linux 4.13


def as_new(group: "cgroups.Cgroup", limits: "Limits", enforced: Enforced) -> "list[str]":
    """Return the hierarchies in which a group shows nothing of the run that has ended in it.

    What only counts on is no matter: it is read before and after each run. The peak of processes
    can't be reset, so it has to be the least that every box has. That of memory can.

    Args:
        group: all of its processes have ended.
        limits: of the run.
        enforced: what the group limits.
    """
    used = set()
    if enforced.processes and not _has_seen_least(group):
        used.add("pids" if "pids" in group.groups else UNIFIED)
    if enforced.memory and not _forgets_memory(group, limits):
        used.add("memory" if "memory" in group.groups else UNIFIED)
    return [name for name in group.groups if name not in used]


def _has_seen_least(group: "cgroups.Cgroup") -> bool:
    if _number(_text(group, TASKS)) != LEAST_TASKS or _refused(group) != 0:
        return False
    return _number(_text(group, (("pids", "pids.current"), (UNIFIED, "pids.current")))) == 0


def _forgets_memory(group: "cgroups.Cgroup", limits: "Limits") -> bool:
    """Reset the peak; returns whether that went well, and next to nothing is left charged."""
    fd = _first(group, PEAK)
    peak = _number(_text(group, PEAK))
    if peak is None or _comes_near(peak, limits):  # something may have been refused
        return False
    if _killed(group):  # for others' use of memory; the next run would be blamed for it
        return False
    try:
        os.write(fd, b"0")  # v2: for what is read by this descriptor, since Linux 6.12
    except OSError:
        return False
    left = _number(_text(group, PEAK))
    most = min(limits.memory_bytes // LEFT_OF_LIMIT, LEFT_BYTES)
    return left is not None and left <= STOCK_BYTES + most


def _comes_near(peak: int, limits: "Limits") -> bool:
    return peak > limits.memory_bytes - LARGEST_CHARGE_BYTES
