"""Control groups in the v1 hierarchies: one tree for each controller.

Facts about v1
--------------
- A new group takes nothing over from its parent. cpuset refuses processes (ENOSPC) until both
  cpuset.cpus and cpuset.mems are filled, in every group on the way down. Real-time processes get no
  time until cpu.rt_runtime_us is filled, likewise.
- memory.memsw.limit_in_bytes may never be below memory.limit_in_bytes (EINVAL), so a rise writes
  memsw first and a cut writes it last. memory.limit_in_bytes below what is used answers EBUSY when
  it can't be reclaimed.
- FROZEN is asked for, then awaited: FREEZING stays as long as one process is uninterruptible. A
  frozen process does not die of SIGKILL before it is thawed.

Kernel: cgroups(7), Documentation/admin-guide/cgroup-v1/ (memory.rst, cpusets.rst,
freezer-subsystem.rst).
"""

import errno
import os

from wardian.errors import KernelError, SpecError
from wardian.kernel import cgroup_files as files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from wardian.kernel import device_rules

    Usage = dict[str, float | int | None]

FREEZE_BEFORE_KILL_S = 0.05
CPUSET_FILES = ("cpuset.cpus", "cpuset.mems")
LIMIT_FILES = {
    "memory": (
        "memory.limit_in_bytes",
        "memory.memsw.limit_in_bytes",
        "memory.soft_limit_in_bytes",
        "memory.kmem.tcp.limit_in_bytes",
        "memory.swappiness",
        "memory.oom_control",
    ),
    "cpu": (
        "cpu.shares",
        "cpu.idle",
        "cpu.cfs_period_us",
        "cpu.cfs_quota_us",
        "cpu.cfs_burst_us",
        "cpu.rt_period_us",
        "cpu.rt_runtime_us",
    ),
    "cpuset": CPUSET_FILES,
    "pids": ("pids.max",),
    "devices": ("devices.list",),
    "blkio": (
        "blkio.bfq.weight",
        "blkio.weight",
        "blkio.bfq.weight_device",
        "blkio.weight_device",
        "blkio.throttle.read_bps_device",
        "blkio.throttle.write_bps_device",
        "blkio.throttle.read_iops_device",
        "blkio.throttle.write_iops_device",
    ),
    "net_cls": ("net_cls.classid",),
    "net_prio": ("net_prio.ifpriomap",),
    "rdma": ("rdma.max",),
}


def fill_cpuset(group: str, mount: str) -> None:
    """Take the parent's processors and memory nodes over where the group has none.

    Args:
        group: a group of the cpuset hierarchy.
        mount: where that hierarchy is mounted; filled by the kernel.

    Raises:
        KernelError: the parent is restricted in a way that leaves nothing.
    """
    for file in CPUSET_FILES:
        _fill(group, mount, file)


def _fill(group: str, mount: str, file: str) -> str:
    value = files.find(f"{group}/{file}") or ""
    if value or group == mount or not group.startswith(mount):
        return value
    value = _fill(os.path.dirname(group), mount, file)
    files.write(
        f"{group}/{file}", value, hint="the parent group has no processor or memory node left"
    )
    return value


def raise_realtime(group: str, mount: str) -> None:
    """Give every group above this one the real-time share of the hierarchy's root."""
    for file in ("cpu.rt_period_us", "cpu.rt_runtime_us"):
        most = files.find(f"{mount}/{file}")
        above = os.path.dirname(group)[len(mount) :].strip("/").split("/")
        walked = mount
        for name in above:
            walked = f"{walked}/{name}"
            if most and files.find(f"{walked}/{file}") != most:
                files.write(
                    f"{walked}/{file}", most, hint="another group holds the real-time share"
                )


def device_lines(rules: "Sequence[device_rules.Rule]") -> "list[tuple[str, str]]":
    """Return the (file, line) pairs that bring a new group to these rules (pure).

    The kernel keeps a default and exceptions from it. A rule that agrees with the default only
    takes back an exception of exactly its type and numbers; it can't carve a piece out of a wider
    one.

    Args:
        rules: the last that matches decides; what none matches is denied.

    Raises:
        SpecError: rules of which one would have to carve.
    """
    lines: list[tuple[str, str]] = []
    if not rules or not rules[0].is_total:
        lines.append(("devices.deny", "a"))
    allows = False
    exceptions: list[device_rules.Rule] = []
    for place, rule in enumerate(rules):
        file = "devices.allow" if rule.allow else "devices.deny"
        if rule.is_total:
            allows, exceptions = rule.allow, []
            lines.append((file, "a"))
            continue
        for one in rule.of_each_kind():
            if rule.allow == allows:
                _check_carving(one, exceptions, f"linux.resources.devices[{place}]")
            else:
                exceptions.append(one)
            lines.append((file, str(one)))
    return lines


def _check_carving(
    rule: "device_rules.Rule", exceptions: "Iterable[device_rules.Rule]", where: str
) -> None:
    for other in exceptions:
        if rule.overlaps(other) and (rule.major, rule.minor) != (other.major, other.minor):
            raise SpecError(
                f'cgroup v1 can\'t take "{rule}" back from "{other}"',
                where=where,
                hint="name the devices one by one, or use cgroup v2",
            )


def usage(groups: "Mapping[str, str]") -> "Usage":
    """Return what the box used; None for what no hierarchy of it counts.

    Args:
        groups: the box's directory for each controller.
    """
    found: Usage = {}
    memory, pids, cpuacct = groups.get("memory"), groups.get("pids"), groups.get("cpuacct")
    if memory is not None:
        found["peak_memory_bytes"] = files.number(memory + "/memory.max_usage_in_bytes")
        events = files.parse_pairs(files.find(memory + "/memory.oom_control") or "")
        found["oom_kills"] = events.get("oom_kill")  # since Linux 4.13
    if cpuacct is not None:
        used_ns = files.number(cpuacct + "/cpuacct.usage")
        found["cpu_s"] = None if used_ns is None else used_ns / 1e9
    if pids is not None:
        found["pids_peak"] = files.number(pids + "/pids.peak")  # since Linux 6.1
    return found


def read_limits(groups: "Mapping[str, str]") -> "dict[str, str]":
    """Return what the kernel enforces now, by file name."""
    found = {}
    for controller, names in LIMIT_FILES.items():
        group = groups.get(controller)
        if group is None:
            continue
        for name in names:
            value = files.find(f"{group}/{name}")
            if value is not None:
                found[name] = value
    group = groups.get("hugetlb")
    if group is not None:
        for name in sorted(os.listdir(group)):
            if name.endswith("limit_in_bytes"):
                found[name] = files.find(f"{group}/{name}") or ""
    return found


def freeze(group: str, timeout_s: float) -> None:
    """Stop all processes of a group of the freezer hierarchy.

    Raises:
        KernelError: ETIMEDOUT where one of them is uninterruptible; the others run again.
    """
    state = group + "/freezer.state"
    for _pause in files.pauses(timeout_s):
        files.write(state, "FROZEN")  # again each time: a process forked meanwhile is caught by it
        if files.find(state) == "FROZEN":
            return
    thaw(group)
    hint = "a process waits for a device or a file server and can't be stopped"
    raise KernelError(f'freeze("{group}")', errno.ETIMEDOUT, hint=hint)


def thaw(group: str) -> None:
    """Let the processes of a group of the freezer hierarchy go on."""
    files.write(group + "/freezer.state", "THAWED")


def kill(group: str, freezer: "str | None", timeout_s: float) -> None:
    """Send SIGKILL to every process of a group until none is left.

    Args:
        group: any directory of the box that lists its processes.
        freezer: its directory in the freezer hierarchy, so that none can fork away; or None.
        timeout_s: when to give up; what is left then is uninterruptible.
    """
    for _pause in files.pauses(timeout_s):
        frozen = freezer is not None and _can_freeze(freezer)  # else without: the loop comes again
        left = files.signal_all(group)
        if freezer is not None and frozen:
            thaw(freezer)
        if not left:
            return


def _can_freeze(group: str) -> bool:
    try:
        freeze(group, FREEZE_BEFORE_KILL_S)
    except KernelError:
        return False
    return True
