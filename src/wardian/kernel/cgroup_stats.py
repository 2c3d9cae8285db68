"""Read what a control group counts, in the words of `runc events --stats`.

containerd, cAdvisor and docker know these words, whichever hierarchy did the counting; so v2's
microseconds become nanoseconds and its io.stat becomes rows, and PSI stands beside. What nobody
counts is left out.

Facts about the counters
------------------------
v1 counts memory+swap where v2 counts swap alone; the words say memory+swap, so both are added for
v2. cpuacct.usage_all has one row a processor; v2 has none. A limit that is not set reads as "max"
in v2, which stands here as UNLIMITED. In hybrid mode the v1 controllers count, and the cgroup2 leaf
has the pressure.

Kernel: Documentation/admin-guide/cgroup-v2.rst; cgroup-v1/memory.rst, cpuacct.rst,
blkio-controller.rst; Documentation/accounting/psi.rst.
"""

import os

from wardian.kernel import cgroup_files as files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

    Stats = dict[str, Any]
    Row = dict[str, int | str]

UNLIMITED = (1 << 64) - 1
TICK_NS = 10_000_000  # USER_HZ is 100 on every architecture that we know
SECOND_OPERATIONS = {  # io.stat's words: the list, and the operation in v1's words
    "rbytes": ("ioServiceBytesRecursive", "Read"),
    "wbytes": ("ioServiceBytesRecursive", "Write"),
    "dbytes": ("ioServiceBytesRecursive", "Discard"),
    "rios": ("ioServicedRecursive", "Read"),
    "wios": ("ioServicedRecursive", "Write"),
    "dios": ("ioServicedRecursive", "Discard"),
}
FIRST_TABLES = (  # BFQ's where that scheduler is at work, else what the throttle layer saw
    ("ioServiceBytesRecursive", "bfq.io_service_bytes", "throttle.io_service_bytes"),
    ("ioServicedRecursive", "bfq.io_serviced", "throttle.io_serviced"),
)


def collect(groups: "Mapping[str, str]") -> "Stats":
    """Return all counters of a box.

    Args:
        groups: its directory for each hierarchy, as `Cgroup.groups`.
    """
    second = groups.get(files.UNIFIED)
    found: Stats = {}
    for name, first, other in (
        ("cpu", _cpu_v1, _cpu_v2),
        ("memory", _memory_v1, _memory_v2),
        ("pids", _pids_v1, _pids_v2),
        ("blkio", _blkio_v1, _blkio_v2),
        ("hugetlb", _hugetlb_v1, _hugetlb_v2),
        ("cpuset", _cpuset_v1, _cpuset_v2),
    ):
        part = first(groups)
        if not part and second is not None:
            part = other(second)
        if part:
            found[name] = part
    if second is not None:
        for name, resource in (("cpu", "cpu"), ("memory", "memory"), ("blkio", "io")):
            text = files.find(f"{second}/{resource}.pressure")
            if text:
                found.setdefault(name, {})["psi"] = files.parse_pressure(text)
    return found


def _limit(path: str) -> "int | None":
    text = files.find(path)
    if text is None:
        return None
    return int(text) if text.isdigit() else UNLIMITED


def _table(path: str) -> "dict[str, int]":
    return files.parse_pairs(files.find(path) or "")


# ---- processors ---------------------------------------------------------------------------


def _cpu_v1(groups: "Mapping[str, str]") -> "Stats":
    found: Stats = {}
    counted, limited = groups.get("cpuacct"), groups.get("cpu")
    if counted is not None:
        ticks = _table(counted + "/cpuacct.stat")
        usage: Stats = {"total": files.number(counted + "/cpuacct.usage") or 0}
        usage["user"] = ticks.get("user", 0) * TICK_NS
        usage["kernel"] = ticks.get("system", 0) * TICK_NS
        rows = (files.find(counted + "/cpuacct.usage_all") or "").splitlines()[1:]
        each = [[int(word) for word in row.split()] for row in rows]  # cpu user system
        if each:
            usage["percpu"] = [user + system for _cpu, user, system in each]
            usage["percpu_user"] = [user for _cpu, user, _system in each]
            usage["percpu_kernel"] = [system for _cpu, _user, system in each]
        found["usage"] = usage
    if limited is not None:
        table = _table(limited + "/cpu.stat")
        found["throttling"] = _throttling(table, table.get("throttled_time", 0))
    return found


def _cpu_v2(group: str) -> "Stats":
    table = _table(group + "/cpu.stat")
    if not table:
        return {}
    words = (("total", "usage_usec"), ("user", "user_usec"), ("kernel", "system_usec"))
    found: Stats = {"usage": {name: table.get(key, 0) * 1000 for name, key in words}}
    if "nr_periods" in table:  # the cpu controller is on
        found["throttling"] = _throttling(table, table.get("throttled_usec", 0) * 1000)
    return found


def _throttling(table: "Mapping[str, int]", time_ns: int) -> "dict[str, int]":
    return {
        "periods": table.get("nr_periods", 0),
        "throttledPeriods": table.get("nr_throttled", 0),
        "throttledTime": time_ns,
    }


def _cpuset_v1(groups: "Mapping[str, str]") -> "Stats":
    group = groups.get("cpuset")
    return {} if group is None else _cpuset(group, "cpuset.effective_cpus", "cpuset.effective_mems")


def _cpuset_v2(group: str) -> "Stats":
    return _cpuset(group, "cpuset.cpus.effective", "cpuset.mems.effective")


def _cpuset(group: str, cpus: str, mems: str) -> "Stats":
    found = {}
    for name, file in (("cpus", cpus), ("mems", mems)):
        text = files.find(f"{group}/{file}")
        if text:
            found[name] = sorted(files.parse_cpulist(text))
    return found


# ---- memory, processes, pages -------------------------------------------------------------


def _memory_v1(groups: "Mapping[str, str]") -> "Stats":
    group = groups.get("memory")
    if group is None:
        return {}
    raw = _table(group + "/memory.stat")
    found: Stats = {"raw": raw, "cache": raw.get("cache", 0)}
    for name, head in (
        ("usage", "memory."),
        ("swap", "memory.memsw."),
        ("kernel", "memory.kmem."),
        ("kernelTCP", "memory.kmem.tcp."),
    ):
        used = files.number(f"{group}/{head}usage_in_bytes")
        if used is not None:
            found[name] = {
                "usage": used,
                "max": files.number(f"{group}/{head}max_usage_in_bytes") or 0,
                "failcnt": files.number(f"{group}/{head}failcnt") or 0,
                "limit": _limit(f"{group}/{head}limit_in_bytes"),
            }
    found["events"] = {"oom_kill": _table(group + "/memory.oom_control").get("oom_kill", 0)}
    return found


def _memory_v2(group: str) -> "Stats":
    used = files.number(group + "/memory.current")
    if used is None:
        return {}
    raw = _table(group + "/memory.stat")
    events = _table(group + "/memory.events")
    limit = _limit(group + "/memory.max")
    found: Stats = {"raw": raw, "cache": raw.get("file", 0), "events": events}
    found["usage"] = {
        "usage": used,
        "max": files.number(group + "/memory.peak") or 0,
        "failcnt": events.get("max", 0),
        "limit": limit,
    }
    swapped, swap_limit = files.number(group + "/memory.swap.current"), None
    if swapped is not None:
        swap_limit = _limit(group + "/memory.swap.max")
        total = None if limit is None or swap_limit is None else min(limit + swap_limit, UNLIMITED)
        found["swap"] = {"usage": used + swapped, "limit": total, "failcnt": 0}
    if "kernel" in raw:  # since Linux 5.18
        found["kernel"] = {"usage": raw["kernel"], "limit": UNLIMITED, "failcnt": 0}
    return found


def _pids_v1(groups: "Mapping[str, str]") -> "Stats":
    return _pids_v2(groups["pids"]) if "pids" in groups else {}


def _pids_v2(group: str) -> "Stats":
    current = files.number(group + "/pids.current")
    if current is None:
        return {}
    found = {"current": current}
    most = files.number(group + "/pids.max")
    if most is not None:  # without a limit the word is left out, as runc does
        found["limit"] = most
    return found


def _hugetlb_v1(groups: "Mapping[str, str]") -> "Stats":
    group = groups.get("hugetlb")
    return {} if group is None else dict(_hugetlb(group, ("usage_in_bytes", "max_usage_in_bytes")))


def _hugetlb_v2(group: str) -> "Stats":
    return dict(_hugetlb(group, ("current", "")))


def _hugetlb(group: str, words: "tuple[str, str]") -> "Iterator[tuple[str, dict[str, int]]]":
    """Yield each size of pages; rsvd.* counts what was reserved, which is not what is in use."""
    used, most = words
    end = "." + used
    try:
        names = sorted(os.listdir(group))
    except OSError:
        return
    for name in names:
        if not name.startswith("hugetlb.") or not name.endswith(end) or ".rsvd." in name:
            continue
        size = name[len("hugetlb.") : -len(end)]
        head = f"{group}/hugetlb.{size}"
        row = {"usage": files.number(f"{head}.{used}") or 0}
        if most:
            row["max"] = files.number(f"{head}.{most}") or 0
            row["failcnt"] = files.number(f"{head}.failcnt") or 0
        else:
            row["failcnt"] = _table(f"{head}.events").get("max", 0)
        yield size, row


# ---- blocks -------------------------------------------------------------------------------


def _blkio_v1(groups: "Mapping[str, str]") -> "Stats":
    group = groups.get("blkio")
    found: Stats = {}
    if group is None:
        return found
    for name, *tables in FIRST_TABLES:
        for table in tables:
            rows = _rows_v1(files.find(f"{group}/blkio.{table}_recursive") or "")
            if rows:
                found[name] = rows
                break
    return found


def _rows_v1(text: str) -> "list[Row]":
    """Read rows such as "8:0 Read 4096"; the last, "Total 4096", is the sum."""
    found: list[Row] = []
    for line in text.splitlines():
        words = line.split()
        major, colon, minor = words[0].partition(":") if words else ("", "", "")
        if colon and len(words) == 3 and words[1] != "Total":
            found.append(
                {"major": int(major), "minor": int(minor), "op": words[1], "value": int(words[2])}
            )
    return found


def _blkio_v2(group: str) -> "Stats":
    found: dict[str, list[Row]] = {}
    for line in (files.find(group + "/io.stat") or "").splitlines():
        device, *words = line.split()
        major, colon, minor = device.partition(":")
        for word in words if colon else ():
            key, _sign, value = word.partition("=")
            if key in SECOND_OPERATIONS and value.isdigit():
                name, operation = SECOND_OPERATIONS[key]
                found.setdefault(name, []).append(
                    {
                        "major": int(major),
                        "minor": int(minor),
                        "op": operation,
                        "value": int(value),
                    }
                )
    return dict(found)
