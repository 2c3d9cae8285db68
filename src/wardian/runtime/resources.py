"""Plan part: linux.resources as cgroup file writes (pure).

Every limit of the OCI runtime specification becomes one write or a few, in the words of cgroup v1
or v2, whichever hierarchy has the controller. A limit that can't be had is an error, never a silent
nothing.

Where v2 words a limit differently
----------------------------------
    cpu.shares 2..262144    cpu.weight 1..10000, so that 1024 becomes 100; L = log2(shares):
                            ceil(10^((L^2+125L)/612 - 7/34)), as runc since 1.3.2, crun since 1.23
    memory.swap (total)     memory.swap.max (swap alone): total - limit
    blockIO.weight 10..1000 io.bfq.weight takes it as it is; io.weight 1..10000: 1 + (w-10)*9999/990
    devices                 an eBPF program (kernel.device_filter)
    realtime, swappiness, disableOOMKiller, kernelTCP, network: v1 only

An absent value, and 0 where the specification's own users write 0 for it, means "not asked for"; -1
means unlimited. `memory.kernel` is ignored, as the specification recommends: the kernel dropped it.

Order: memory before memory+swap, period before quota before burst, shares before idle; so a new
group takes each write. Cgroup.update finds the order for a group in use.

Source: opencontainers/runtime-spec, config-linux.md "Control groups".
Kernel: Documentation/admin-guide/cgroup-v1/, cgroup-v2.rst.
"""

import math

from wardian.errors import UnsupportedError
from wardian.kernel.cgroups import (
    BPF_DEVICES,
    UNIFIED,
    CgroupWrite,
    format_cpulist,
    hierarchies,
    parse_cpulist,
)
from wardian.runtime.hierarchy import Hierarchies
from wardian.runtime.section import Section

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

__all__ = ["CgroupWrite", "compile", "hierarchies", "shares_to_weight"]

MINIMUM_MEMORY_BYTES = 6 << 20  # docker's: below, exec itself is killed
MAXIMUM_BYTES = (1 << 63) - 4096
MAXIMUM_RATE = (1 << 63) - 1
MAXIMUM_SHARES = 262144
MAXIMUM_QUOTA_USEC = (1 << 44) - 1  # kernel/sched/core.c: max_cfs_runtime
MAXIMUM_PIDS = 1 << 22  # linux/threads.h: PID_MAX_LIMIT
MAXIMUM_MAJOR = (1 << 12) - 1
MAXIMUM_MINOR = (1 << 20) - 1
OPEN_CGROUP_FILES = frozenset(("cgroup.max.depth", "cgroup.max.descendants", "cgroup.pressure"))


def compile(  # noqa: A001 - the word of the field; each is one fact of the host
    resources: object,
    *,
    mode: str,
    controllers: "Collection[str]",
    cpus: str = "0",
    mems: str = "0",
    swap: bool = True,
    swap_if_counted: bool = False,
) -> "tuple[CgroupWrite, ...]":
    """Turn OCI's linux.resources into writes, in the order in which they must happen.

    Args:
        resources: the document's part; empty or None for no limits.
        mode: as kernel.cgroups.detect found it.
        controllers: likewise.
        cpus: processors that are online ("0-3").
        mems: memory nodes that are online.
        swap: this kernel counts swap.
        swap_if_counted: the swap limit is a default, and left out where swap is not counted.

    Raises:
        SpecError: a value that no machine can give; names its JSON path.
        UnsupportedError: a value that this host can't give.
    """
    if not resources:
        return ()
    document = Section(resources, "linux.resources")
    host = Hierarchies(mode, controllers, cpus=cpus, mems=mems, swap=swap)
    row: list[CgroupWrite] = []
    row.extend(_memory(document.section("memory"), host, swap_if_counted=swap_if_counted))
    row.extend(_cpu(document.section("cpu"), host))
    row.extend(_pids(document.section("pids"), host))
    row.extend(_block_io(document.section("blockIO"), host))
    row.extend(_devices(document, host))
    row.extend(_hugepages(document, host))
    row.extend(_network(document.section("network"), host))
    row.extend(_rdma(document.section("rdma"), host))
    row.extend(_unified(document.section("unified"), host))
    return tuple(row)


# ---- memory -------------------------------------------------------------------------------


def _memory(
    memory: Section, host: Hierarchies, *, swap_if_counted: bool
) -> "Iterator[CgroupWrite]":
    limit = memory.integer("limit", -1, MAXIMUM_BYTES) or None
    if limit is not None and 0 < limit < MINIMUM_MEMORY_BYTES:
        message = f"{limit} bytes of memory are too few to start a program"
        raise memory.fault("limit", message, hint=f"at least 6m ({MINIMUM_MEMORY_BYTES})")
    if limit is not None:
        what = "memory limit"
        write = host.write(
            "memory", what, ("memory.limit_in_bytes", str(limit)), ("memory.max", _most(limit))
        )
        yield write
        for second in _swap(memory, host, limit):
            second.otherwise = write if swap_if_counted else second.otherwise
            yield second
    else:
        yield from _swap(memory, host, limit)
    reservation = memory.integer("reservation", -1, MAXIMUM_BYTES) or None
    if reservation is not None:
        if limit is not None and 0 < limit < reservation:
            raise memory.fault(
                "reservation", f"{reservation} is above the limit {limit}", hint="lower it"
            )
        first = ("memory.soft_limit_in_bytes", str(reservation))
        yield host.write("memory", "memory reservation", first, ("memory.low", _most(reservation)))
    yield from _memory_of_v1(memory, host)


def _swap(memory: Section, host: Hierarchies, limit: "int | None") -> "Iterator[CgroupWrite]":
    total = memory.integer("swap", -1, MAXIMUM_BYTES) or None
    if total is None:
        if (
            limit == -1 and host.swap
        ):  # unlimited memory with a bound on memory+swap would be no more
            first = ("memory.memsw.limit_in_bytes", "-1")
            write = host.write("memory", "memory limit", first, ("memory.swap.max", "max"))
            again = (
                ("memory.limit_in_bytes", "-1")
                if write.controller != UNIFIED
                else ("memory.max", "max")
            )
            write.otherwise = CgroupWrite(
                write.controller, *again, write.reason
            )  # where swap is not counted
            yield write
        return
    if not host.swap:
        raise UnsupportedError(
            "swap limit: this kernel does not count swap",
            feature="swap accounting",
            hint="boot with swapaccount=1, or leave it away",
        )
    second = ("memory.swap.max", "max")
    if total > 0:
        if limit is None or limit < 0:
            raise memory.fault(
                "swap", "a limit of memory+swap needs a memory limit", hint="set memory.limit too"
            )
        if total < limit:
            hint = "it counts memory and swap together"
            raise memory.fault("swap", f"{total} is below the memory limit {limit}", hint=hint)
        second = ("memory.swap.max", str(total - limit))
    yield host.write("memory", "swap limit", ("memory.memsw.limit_in_bytes", str(total)), second)


def _memory_of_v1(memory: Section, host: Hierarchies) -> "Iterator[CgroupWrite]":
    memory.integer("kernel", -1, MAXIMUM_BYTES)  # checked, then ignored
    tcp = memory.integer("kernelTCP", -1, MAXIMUM_BYTES) or None
    if tcp is not None:
        first = ("memory.kmem.tcp.limit_in_bytes", str(tcp))
        yield host.write("memory", "limit of tcp buffers", first, None)
    swappiness = memory.integer("swappiness", 0, 100)
    if swappiness is not None:
        yield host.write("memory", "swappiness", ("memory.swappiness", str(swappiness)), None)
    if memory.flag("disableOOMKiller"):
        yield host.write("memory", "turning the oom killer off", ("memory.oom_control", "1"), None)
    if memory.flag("useHierarchy") is False:
        raise UnsupportedError(
            "memory without hierarchy: since Linux 5.11 groups always count what is below them",
            feature="cgroups",
            hint="leave useHierarchy away",
        )


def _most(value: int) -> str:
    """Return v2's word for a limit."""
    return "max" if value < 0 else str(value)


# ---- cpu ----------------------------------------------------------------------------------


def shares_to_weight(shares: int) -> int:
    """Return the cpu.weight that stands for cpu.shares."""
    if shares <= 2:
        return 1
    if shares >= MAXIMUM_SHARES:
        return 10000
    power = math.log2(shares)
    return math.ceil(10 ** ((power * power + 125 * power) / 612 - 7 / 34))


def _cpu(cpu: Section, host: Hierarchies) -> "Iterator[CgroupWrite]":
    yield from _realtime(cpu, host)
    shares = cpu.integer("shares", 0, MAXIMUM_SHARES) or None
    if shares is not None:
        if shares < 2:
            raise cpu.fault(
                "shares", f"{shares} is too few", hint=f"2 to {MAXIMUM_SHARES}; 1024 is usual"
            )
        second = ("cpu.weight", str(shares_to_weight(shares)))
        yield host.write("cpu", "cpu shares", ("cpu.shares", str(shares)), second)
    idle = cpu.integer("idle", 0, 1)
    if idle is not None:
        yield host.write("cpu", "cpu idle", ("cpu.idle", str(idle)), ("cpu.idle", str(idle)))
    yield from _bandwidth(cpu, host)
    for key, online in (("cpus", host.cpus), ("mems", host.mems)):
        wanted = cpu.text(key).strip()
        if wanted:
            file, value = f"cpuset.{key}", _numbers(cpu, key, wanted, online)
            yield host.write("cpuset", f"cpuset {value}", (file, value), (file, value))


def _bandwidth(cpu: Section, host: Hierarchies) -> "Iterator[CgroupWrite]":
    period = cpu.integer("period", 0, 1_000_000) or None
    if period is not None and period < 1000:
        raise cpu.fault("period", f"{period} us is too short", hint="1000 to 1000000")
    quota = cpu.integer("quota", -1, MAXIMUM_QUOTA_USEC) or None
    if quota is not None and 0 < quota < 1000:
        raise cpu.fault(
            "quota", f"{quota} us is too short", hint="at least 1000, that is 0.01 cpus"
        )
    burst = cpu.integer("burst", 0, MAXIMUM_QUOTA_USEC)
    if burst is not None and quota is not None and 0 < quota < burst:
        raise cpu.fault("burst", f"{burst} is above the quota {quota}", hint="lower it")
    what = "cpu limit"
    if (period or quota) and host.place("cpu", what) == UNIFIED:
        value = _most(quota or -1) + (f" {period}" if period else "")
        yield CgroupWrite(UNIFIED, "cpu.max", value, what)
    else:
        for file, number in (("cpu.cfs_period_us", period), ("cpu.cfs_quota_us", quota)):
            if number is not None:
                yield host.write("cpu", what, (file, str(number)), None)
    if burst is not None:
        yield host.write(
            "cpu", "cpu burst", ("cpu.cfs_burst_us", str(burst)), ("cpu.max.burst", str(burst))
        )


def _realtime(cpu: Section, host: Hierarchies) -> "Iterator[CgroupWrite]":
    period = cpu.integer("realtimePeriod", 0, (1 << 32) - 1) or None
    runtime = cpu.integer("realtimeRuntime", 0, (1 << 32) - 1) or None
    if period is not None and runtime is not None and runtime > period:
        raise cpu.fault(
            "realtimeRuntime", f"{runtime} is above the period {period}", hint="lower it"
        )
    what = "real-time limit"
    if period is not None:
        yield host.write("cpu", what, ("cpu.rt_period_us", str(period)), None)
    if runtime is not None:
        yield host.write("cpu", what, ("cpu.rt_runtime_us", str(runtime)), None)


def _numbers(cpu: Section, key: str, wanted: str, online: str) -> str:
    """Check a list of processors or memory nodes; return it in its shortest form."""
    try:
        numbers = parse_cpulist(wanted)
    except ValueError as error:
        raise cpu.fault(key, str(error), hint="a list such as 0-3,8") from None
    missing = numbers - parse_cpulist(online)
    if missing:
        unit = "cpus" if key == "cpus" else "memory nodes"
        raise UnsupportedError(
            f"cpuset {format_cpulist(missing)}: this machine has {unit} {online}",
            feature="cgroups",
            hint=f"choose from {online}",
        )
    return format_cpulist(numbers)


# ---- pids, blocks, pages ------------------------------------------------------------------


def _pids(pids: Section, host: Hierarchies) -> "Iterator[CgroupWrite]":
    limit = pids.integer("limit", -1, MAXIMUM_PIDS) or None  # docker: 0 is unlimited, too
    if limit is not None:
        words = ("pids.max", _most(limit))
        yield host.write("pids", "pids limit", words, words)


THROTTLES = (
    ("throttleReadBpsDevice", "read_bps_device", "rbps", "read rate"),
    ("throttleWriteBpsDevice", "write_bps_device", "wbps", "write rate"),
    ("throttleReadIOPSDevice", "read_iops_device", "riops", "rate of reads"),
    ("throttleWriteIOPSDevice", "write_iops_device", "wiops", "rate of writes"),
)


def _block_io(block: Section, host: Hierarchies) -> "Iterator[CgroupWrite]":
    weight = block.integer("weight", 0, 1000) or None
    if weight is not None:
        yield _weight(block, host, weight, "")
    _no_leaf_weight(block)
    for row in block.rows("weightDevice"):
        _no_leaf_weight(row)
        weight = row.integer("weight", 0, 1000) or None
        if weight is not None:
            yield _weight(row, host, weight, _device(row) + " ")
    for key, first, second, noun in THROTTLES:
        for row in block.rows(key):
            device, rate = _device(row), row.needed("rate", 0, MAXIMUM_RATE)
            yield host.write(
                "blkio",
                f"{noun} of device {device}",
                (f"blkio.throttle.{first}", f"{device} {rate}"),
                ("io.max", f"{device} {second}={rate or 'max'}"),
            )


def _weight(block: Section, host: Hierarchies, weight: int, device: str) -> CgroupWrite:
    if weight < 10:
        raise block.fault("weight", f"{weight} is too little", hint="10 to 1000")
    what = f"io weight of device {device.strip()}" if device else "io weight"
    end = "_device" if device else ""
    value = f"{device}{weight}"
    found = host.write("blkio", what, (f"blkio.bfq.weight{end}", value), ("io.bfq.weight", value))
    # BFQ has names of its own; without it there is io.weight (iocost), or in v1 the older name.
    converted = f"{device}{1 + (weight - 10) * 9999 // 990}"
    words = (
        ("io.weight", converted) if found.controller == UNIFIED else (f"blkio.weight{end}", value)
    )
    found.otherwise = CgroupWrite(found.controller, words[0], words[1], what)
    return found


def _no_leaf_weight(block: Section) -> None:
    if block.integer("leafWeight", 0, 1000):
        raise UnsupportedError(
            "io leaf weight: it went with the CFQ scheduler in Linux 5.0",
            feature="cgroups",
            hint="use weight",
        )


def _device(row: Section) -> str:
    return f"{row.needed('major', 0, MAXIMUM_MAJOR)}:{row.needed('minor', 0, MAXIMUM_MINOR)}"


def _hugepages(document: Section, host: Hierarchies) -> "Iterator[CgroupWrite]":
    for row in document.rows("hugepageLimits"):
        size = row.text("pageSize")
        digits = size[:-2]
        if size[-2:] not in ("KB", "MB", "GB") or not (digits.isascii() and digits.isdigit()):
            raise row.fault(
                "pageSize", f'"{size}" is not a size of pages', hint="such as 2MB or 1GB"
            )
        limit = str(row.needed("limit", 0, MAXIMUM_BYTES))
        what = f"limit of {size} pages"
        for kind in ("", "rsvd."):  # what is in use, and what is reserved by mmap
            head = f"hugetlb.{size}.{kind}"
            yield host.write(
                "hugetlb", what, (f"{head}limit_in_bytes", limit), (f"{head}max", limit)
            )


# ---- devices, network, rdma, unified ------------------------------------------------------


def _devices(document: Section, host: Hierarchies) -> "Iterator[CgroupWrite]":
    rows = document.rows("devices")
    if not rows:
        return
    from wardian.kernel import cgroup_v1, device_rules  # only a box with device rules pays for it

    rules = [device_rules.read_rule(row.fields, row.where) for row in rows]
    what = "device rules"
    if host.place("devices", what) == UNIFIED:
        from wardian.kernel import device_filter

        device_filter.program(rules)  # refuses too many
        yield CgroupWrite(UNIFIED, BPF_DEVICES, device_rules.format_rules(rules), what)
        return
    for file, line in cgroup_v1.device_lines(rules):
        yield CgroupWrite("devices", file, line, what)


def _network(network: Section, host: Hierarchies) -> "Iterator[CgroupWrite]":
    class_id = network.integer("classID", 0, (1 << 32) - 1) or None
    if class_id is not None:
        yield host.write("net_cls", "network class", ("net_cls.classid", str(class_id)), None)
    for row in network.rows("priorities"):
        name = _word(row, "name", row.text("name"))
        value = f"{name} {row.needed('priority', 0, (1 << 32) - 1)}"
        yield host.write("net_prio", "network priority", ("net_prio.ifpriomap", value), None)


def _rdma(rdma: Section, host: Hierarchies) -> "Iterator[CgroupWrite]":
    for name in rdma:
        row = rdma.section(_word(rdma, name, name))
        words = [name]
        for key, word in (("hcaHandles", "hca_handle"), ("hcaObjects", "hca_object")):
            limit = row.integer(key, 0, (1 << 31) - 1)
            if limit is not None:
                words.append(f"{word}={limit}")
        if len(words) > 1:
            line = ("rdma.max", " ".join(words))
            yield host.write("rdma", f'rdma limit of "{name}"', line, line)


def _word(section: Section, key: str, text: str) -> str:
    if not text or not text.isprintable() or " " in text or "/" in text:
        raise section.fault(key, f'"{text}" is not a name')
    return text


def _unified(unified: Section, host: Hierarchies) -> "Iterator[CgroupWrite]":
    for file in unified:
        value = unified.text(file)
        controller = file.partition(".")[0]
        if not file.isprintable() or "/" in file or not file.partition(".")[2]:
            raise unified.fault(
                file, f'"{file}" is not a file of a control group', hint="such as memory.high"
            )
        if controller == "cgroup" and file not in OPEN_CGROUP_FILES:
            raise unified.fault(
                file, f'"{file}" is not a limit', hint="use the files of controllers"
            )
        what = f'unified "{file}"'
        if host.mode != "v2" and f"{UNIFIED}/{controller}" not in host.controllers:
            raise UnsupportedError(
                f"{what}: this machine does not use cgroup v2 alone ({host.mode})",
                feature="cgroup v2",
                hint="boot with systemd.unified_cgroup_hierarchy=1, or use the limits' OCI names",
            )
        if controller != "cgroup":
            host.place(controller, what)
        if not value.isascii() or not value.strip():
            raise unified.fault(file, f'"{value}" is not a value')
        for line in value.strip().split("\n"):  # one write takes one line (io.max of two disks)
            yield CgroupWrite(UNIFIED, file, line, what)
