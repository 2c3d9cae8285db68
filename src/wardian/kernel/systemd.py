"""Let systemd make a box's control group: a transient scope, asked for by D-Bus.

Facts about scopes
------------------
Where systemd is init, the cgroup tree is its own; who wants a part of it asks for a unit with
Delegate=yes. A scope is started around a process that exists already, so the process has to wait
until the job is done (the signal JobRemoved says so). A scope without processes is gone by itself.
systemd sets the limits that it knows again at each daemon-reload, so they have to be its own
properties; what it has no word for (bursts, huge pages, rdma) is written into the files beside.
Device rules too: a rule that systemd does not know is lost at a reload ("Failed to initialize
NVML", nvidia-container-toolkit issue 48).

An ordinary user asks its own manager (user@UID.service). That one may use only the controllers that
were delegated to it, and has pid 1 move processes that are in a session's scope, which the user may
not do: both groups' common ancestor is not the user's. It can't load device programs. podman calls
its runtime as root of a user namespace of the user's: that one asks the user's manager too.

systemd's private socket is asked first: it works without a bus daemon. systemd has cgroup v2 alone
since version 258; so has this file.

Source: org.freedesktop.systemd1(5), systemd.resource-control(5), systemd's CGROUP_DELEGATION.
Kernel: cgroups(7).
"""

import os

from wardian.errors import HostError, SpecError, UnsupportedError
from wardian.kernel import cgroup_files as files
from wardian.kernel import cgroup_layout, cgroup_limits, dbus, device_rules, probe
from wardian.kernel.cgroup_box import Cgroup, second_controllers
from wardian.kernel.cgroup_files import BPF_DEVICES, UNIFIED, CgroupWrite, parse_cpulist
from wardian.kernel.cgroup_place import REMOVE_TIMEOUT_S
from wardian.kernel.processes import SIGKILL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    Property = tuple[str, tuple[str, Any]]

SYSTEMD = "org.freedesktop.systemd1"
OBJECT = "/org/freedesktop/systemd1"
MANAGER = SYSTEMD + ".Manager"
PRIVATE = "/run/systemd/private"
TIMEOUT_S = 30.0
INFINITY = (1 << 64) - 1
QUOTA_STEP_USEC = 10_000  # systemd keeps whole per cents of a processor
SECOND_USEC = 1_000_000
PERIOD_USEC = 100_000
NAME_MAX = 255
WAY_OUT = "--cgroup-manager cgroupfs needs no systemd"
# What may stand in a unit's name as it is; systemd-escape(1) has the rest.
PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:_.-@")
NUMBERS = {  # a file with one number or "max" -> the property
    "memory.max": "MemoryMax",
    "memory.high": "MemoryHigh",
    "memory.low": "MemoryLow",
    "memory.min": "MemoryMin",
    "memory.swap.max": "MemorySwapMax",
    "cpu.weight": "CPUWeight",
    "pids.max": "TasksMax",
}
MASKS = {"cpuset.cpus": "AllowedCPUs", "cpuset.mems": "AllowedMemoryNodes"}


# ---- names --------------------------------------------------------------------------------


def escape(text: str) -> str:
    r"""Return a word as a unit's name can hold it: "a+b" is "a\x2bb"."""
    row = text.encode()
    found = [chr(byte) if chr(byte) in PLAIN else f"\\x{byte:02x}" for byte in row]
    if found[:1] == ["."]:
        found[0] = "\\x2e"
    return "".join(found)


def of_container(cgroups_path: str, container_id: str) -> "tuple[str, str]":
    """Return (slice, scope) for an OCI container.

    Args:
        cgroups_path: linux.cgroupsPath in the words that runc has for this driver,
            "slice:prefix:name"; "" for none.
        container_id: names the scope where no path is given.

    Raises:
        SpecError: not such a path.
    """
    where = "linux.cgroupsPath"
    parts = cgroups_path.split(":") if cgroups_path else ["", "wardian", container_id]
    if len(parts) != 3 or not parts[2]:
        hint = "as machine.slice:prefix:name; other paths are for --cgroup-manager cgroupfs"
        raise SpecError(f'"{cgroups_path}" is not "slice:prefix:name"', where=where, hint=hint)
    parent, prefix, name = parts
    unit = escape(f"{prefix}-{name}" if prefix else name)
    if len(unit) + len(".scope") > NAME_MAX:
        raise SpecError(f'"{cgroups_path[:80]}" is too long', where=where)
    return check_slice(parent or default_slice(), where), unit + ".scope"


def default_slice() -> str:
    """Return the slice that boxes are in when none is named."""
    return "app.slice" if _is_users() else "system.slice"


def check_slice(name: str, where: str) -> str:
    """Return a slice's name if it is one.

    Raises:
        SpecError: names the place.
    """
    stem = name.removesuffix(".slice")
    is_root = name == "-.slice"
    faulty = "--" in stem or stem.startswith("-") or stem.endswith("-") or not stem
    if not name.endswith(".slice") or escape(name) != name or (faulty and not is_root):
        raise SpecError(f'"{name}" is not a slice', where=where, hint="as machine.slice")
    return name


# ---- properties ---------------------------------------------------------------------------


def limits(writes: "Iterable[CgroupWrite]", *, is_root: bool) -> "list[Property]":
    """Return the limits that systemd has words for (pure but for the names in /proc/devices).

    Args:
        writes: limits of cgroup v2.
        is_root: device rules are to be had.
    """
    found: dict[str, tuple[str, Any]] = {}
    for write in writes:
        if write.controller != UNIFIED:
            continue
        if write.file == BPF_DEVICES:
            if is_root:
                found.update(_devices(write.value))
            continue
        try:
            found.update(_limit(write))
        except ValueError:
            continue  # not a value; the kernel says so when it is written
    return list(found.items())


def _limit(write: CgroupWrite) -> "Iterator[Property]":
    value = write.value
    if write.file in NUMBERS:
        yield NUMBERS[write.file], ("t", INFINITY if value == "max" else int(value))
    elif write.file == "cpu.idle":
        if value == "1":
            yield "CPUWeight", ("t", 0)  # systemd's word for idle, since 252
    elif write.file == "cpu.max":
        quota, _blank, period = value.partition(" ")
        length = int(period or PERIOD_USEC)
        share = INFINITY
        if quota != "max":
            exact = -(-int(quota) * SECOND_USEC // length)
            share = -(-exact // QUOTA_STEP_USEC) * QUOTA_STEP_USEC
        yield "CPUQuotaPerSecUSec", ("t", share)
        yield "CPUQuotaPeriodUSec", ("t", length)
    elif write.file in MASKS:
        bits = sum(1 << number for number in parse_cpulist(value))
        yield MASKS[write.file], ("ay", list(bits.to_bytes(-(-bits.bit_length() // 8), "little")))
    elif write.file == "io.weight" and value.isdigit():
        yield "IOWeight", ("t", int(value))
    elif write.file == "io.bfq.weight" and write.otherwise is not None:
        yield from _limit(write.otherwise)


def _devices(text: str) -> "Iterator[Property]":
    """Return an allow-list; what only takes away from one is left to our own program."""
    rules = device_rules.parse(text)
    start = max((at + 1 for at, rule in enumerate(rules) if rule.is_total), default=0)
    if start and rules[start - 1].allow:
        return
    rows = []
    for rule in rules[start:]:
        for one in rule.of_each_kind() if rule.allow else ():
            name = _device_name(one)
            if name:
                rows.append((name, one.access))
    yield "DevicePolicy", ("s", "strict")
    yield "DeviceAllow", ("a(ss)", rows)


def _device_name(rule: device_rules.Rule) -> str:
    kind = "block" if rule.kind == "b" else "char"
    if rule.major is not None and rule.minor is not None:
        return f"/dev/{kind}/{rule.major}:{rule.minor}"
    if rule.major is None and rule.minor is None:
        return f"{kind}-*"
    if rule.major is None:
        return ""
    heading = ""
    for line in (files.find("/proc/devices") or "").splitlines():
        number, _blank, name = line.strip().partition(" ")
        if line.endswith("devices:"):
            heading = number.lower()
        elif heading.startswith(kind) and number == str(rule.major):
            return f"{kind}-{name.strip()}"
    return ""


def properties(
    pid: int, parent: str, writes: "Sequence[CgroupWrite]", *, is_root: bool
) -> "list[Property]":
    """Return what StartTransientUnit is told about a box."""
    row: list[Property] = [
        ("Description", ("s", "a box of wardian")),
        ("Slice", ("s", parent)),
        ("PIDs", ("au", [pid])),
        ("Delegate", ("b", True)),
        ("DefaultDependencies", ("b", False)),
        ("CollectMode", ("s", "inactive-or-failed")),
        *((f"{name}Accounting", ("b", True)) for name in ("CPU", "Memory", "IO", "Tasks")),
    ]
    found = limits(writes, is_root=is_root)
    if not any(name == "TasksMax" for name, _value in found):
        row.append(("TasksMax", ("t", INFINITY)))  # else systemd's own default is a limit
    return row + found


# ---- the manager --------------------------------------------------------------------------


def is_running() -> bool:
    """Return whether systemd is this machine's init (sd_booted(3))."""
    return os.path.isdir("/run/systemd/system")


def _is_users() -> bool:
    """Return whether the manager to ask is a user's own."""
    if os.geteuid() != 0:
        return True
    # In a whole system that is in a user namespace, root is master of its own manager.
    return probe.in_user_namespace() and not os.access(PRIVATE, os.W_OK)


def _check_running() -> None:
    if not is_running():
        message = "control groups by systemd: this machine's init is not systemd"
        raise UnsupportedError(message, feature="systemd", hint=WAY_OUT)


def connect() -> dbus.Connection:
    """Connect to the manager of this user.

    Raises:
        UnsupportedError: there is none.
    """
    _check_running()
    hint = WAY_OUT
    tried = []
    for path, is_bus in _sockets():
        try:
            found = dbus.Connection(path, is_bus=is_bus, timeout_s=TIMEOUT_S)
            found.call(SYSTEMD, OBJECT, MANAGER, "Subscribe")
        except HostError as error:
            tried.append(str(error))
            continue
        if is_bus:
            rule = f"type='signal',interface='{MANAGER}',member='JobRemoved',path='{OBJECT}'"
            found.call(
                dbus.BUS,
                "/org/freedesktop/DBus",
                dbus.BUS,
                "AddMatch",
                signature="s",
                values=(rule,),
            )
        return found
    if _is_users():
        hint = f"loginctl enable-linger {os.geteuid()}, or log in through ssh or a console; {hint}"
    raise UnsupportedError(
        f"control groups by systemd: no manager answers ({'; '.join(tried) or 'no socket'})",
        feature="systemd",
        hint=hint,
    )


def _sockets() -> "Iterator[tuple[str, bool]]":
    """Yield the sockets of the manager, each with whether a bus is behind it."""
    if not _is_users():
        yield PRIVATE, False
        yield _address("DBUS_SYSTEM_BUS_ADDRESS") or "/run/dbus/system_bus_socket", True
        return
    directory = os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.geteuid()}"
    yield f"{directory}/systemd/private", False
    yield _address("DBUS_SESSION_BUS_ADDRESS") or f"{directory}/bus", True


def _address(variable: str) -> str:
    """Return the path of the first unix socket that a D-Bus address names."""
    for address in os.environ.get(variable, "").split(";"):
        kind, _colon, rest = address.partition(":")
        for word in rest.split(","):
            key, _sign, value = word.partition("=")
            if kind == "unix" and key in ("path", "abstract"):
                return value if key == "path" else "@" + value
    return ""


def _job(bus: dbus.Connection, unit: str, job: str) -> None:
    """Wait until a job is done.

    Raises:
        HostError: it failed.
    """
    while True:
        _number, path, _unit, result = bus.signal("JobRemoved", f'systemd\'s job for "{unit}"')
        if path == job:
            break
    if result != "done":
        hint = f"systemctl status {unit}; journalctl -u {unit}"
        raise HostError(f'systemd could not start "{unit}": the job {result}', hint=hint)


def _ask(bus: dbus.Connection, member: str, signature: str, *values: "Any") -> "tuple[Any, ...]":
    return bus.call(SYSTEMD, OBJECT, MANAGER, member, signature=signature, values=values)


def check(layout: cgroup_layout.Layout) -> None:
    """Say beforehand that there can be no scopes here.

    Raises:
        UnsupportedError: no cgroup v2 alone, or no systemd.
    """
    _check_running()
    if layout.mode != "v2":
        message = f"control groups by systemd: this machine has cgroups {layout.mode}, not v2 alone"
        raise UnsupportedError(message, feature="systemd", hint=WAY_OUT)


class Scope(Cgroup):
    """A box's control group that systemd made; `unit` is its name."""

    __slots__ = ()

    def update(self, writes: "Sequence[CgroupWrite]", *, check_before_update: bool = False) -> None:
        """Change limits, in systemd's mind and in the kernel's files."""
        if check_before_update:
            cgroup_limits.check_memory(writes, self.groups)
        found = limits(writes, is_root=not _is_users())
        if found:
            bus = connect()
            try:
                _ask(bus, "SetUnitProperties", "sba(sv)", self.unit, True, found)
            except dbus.ReplyError as error:
                raise _refused(self.unit, error) from None
            finally:
                bus.close()
        super().update(writes)

    def try_remove(self, timeout_s: float) -> bool:
        """End what runs inside, and let systemd take the scope away."""
        if self.exists and self.processes():
            self.kill(timeout_s)
        bus = connect()
        try:
            for member, signature, values in (
                ("KillUnit", "ssi", (self.unit, "all", SIGKILL)),  # StopUnit would ask first
                ("StopUnit", "ss", (self.unit, "replace")),
                ("ResetFailedUnit", "s", (self.unit,)),
            ):
                try:
                    _ask(bus, member, signature, *values)
                except dbus.ReplyError as error:
                    if not error.name.endswith((".NoSuchUnit", ".UnitNotLoaded", ".NoSuchProcess")):
                        raise
        finally:
            bus.close()
        return any(not self.exists for _pause in files.pauses(timeout_s))


def start(
    layout: cgroup_layout.Layout,
    unit: str,
    parent: str,
    pid: int,
    *,
    writes: "Sequence[CgroupWrite]",
) -> Scope:
    """Start a scope around a process that waits, and set its limits.

    Args:
        layout: as cgroups.detect returns it.
        unit: the scope's name, "X.scope".
        parent: its slice.
        pid: the box's first process.
        writes: its limits.

    Raises:
        UnsupportedError: no systemd, or no cgroup v2.
        HostError: systemd refused; KernelError: the kernel refused a value. Nothing is left, but
            the process is where it is.
    """
    check(layout)
    row = properties(pid, parent, writes, is_root=not _is_users())
    bus = connect()
    try:
        _start(bus, unit, row)
    except dbus.ReplyError as error:
        raise _refused(unit, error) from None
    finally:
        bus.close()
    mount = layout.unified or ""
    directory = cgroup_layout.directory_of(layout, pid)
    if not directory.endswith("/" + unit):
        raise HostError(f'process {pid} is in "{directory}", not in "{unit}"')
    layout = cgroup_layout.Layout("v2", layout.controllers, mount, {mount: ""})
    made = Scope(layout, unit, {UNIFIED: directory})
    made.unit = unit
    _enable_beside(mount, directory, writes)
    try:
        for write in writes:
            cgroup_limits.apply(write, made.groups)
    except BaseException as error:
        try:
            made.try_remove(REMOVE_TIMEOUT_S)
        except HostError as also:
            error.add_note(str(also))
        raise
    return made


def _enable_beside(mount: str, directory: str, writes: "Sequence[CgroupWrite]") -> None:
    """Enable the controllers that systemd does not know (hugetlb, rdma, misc) down to a scope.

    Only root may; where it fails the limit's own write says that its file is not there.
    """
    there = frozenset((files.find(directory + "/cgroup.controllers") or "").split())
    wanted = second_controllers(writes) - there - {"devices"}
    walked = mount
    for name in directory[len(mount) :].strip("/").split("/") if wanted else ():
        for controller in sorted(wanted):
            try:
                files.put(walked + "/cgroup.subtree_control", "+" + controller)
            except OSError:
                return
        walked = f"{walked}/{name}"


def _start(bus: dbus.Connection, unit: str, row: "list[Property]") -> None:
    arguments: tuple[Any, ...] = ("ssa(sv)a(sa(sv))", unit, "fail", row, [])
    try:
        (job,) = _ask(bus, "StartTransientUnit", *arguments)
    except dbus.ReplyError as error:
        if not error.name.endswith(".UnitExists"):
            raise
        _ask(bus, "ResetFailedUnit", "s", unit)  # an earlier one that failed is still remembered
        (job,) = _ask(bus, "StartTransientUnit", *arguments)
    _job(bus, unit, job)


def _refused(unit: str, error: dbus.ReplyError) -> "HostError":
    kind = error.name.rpartition(".")[2]
    message = f'systemd refused the scope "{unit}": {error}'
    if kind in ("AccessDenied", "InteractiveAuthorizationRequired"):
        hint = "as an ordinary user, the manager of the user's own is asked; is it running?"
        return UnsupportedError(message, feature="systemd", hint=hint)
    if kind in ("UnitExists", "NoSuchUnit"):
        return HostError(message, hint=f"systemctl status {unit}")
    return HostError(message, hint="systemd may be too old for a limit; see its version")
