"""Turn a spec into the ordered steps that build the container (pure).

A plan is data. `compile` looks at nothing but its arguments, so the same spec gives the same plan
on every machine with the same kernel features, and the plan's hash says so. What differs between
two machines without changing the box's view of the world is written as a symbol, and bound only
when the plan is encoded for the launcher:

    $base0 ...            lower directories that wardian keeps: the host base
    $layer:DIGEST         a layer of an image with that diff id: its directory, or its EROFS index
    $device:DIGEST        where such an index has the data
    $chain:DIGEST         attributes of the directories that several layers make
    $upper0, $work0 ...   writable directories of a kept layer
    $cgroup/CONTROLLER    the box's control group
    $scope                the systemd unit that is the box's control group
    $uid_map, $gid_map    the caller's ids
    $rows, $columns       the size of the caller's terminal
    $seccomp:DIGEST       the compiled filter of the profile with that digest

Most steps are played by the launcher inside the new namespaces (launcher/steps.def is their
vocabulary), some as a row of plain system calls (runtime/calls.py). Those named in HOST_STEPS are
done outside, by the launcher or by Python.

Kernel: clone(2), namespaces(7), user_namespaces(7).
"""

import _struct as struct  # built in: a file less to look for
import os

from wardian import errors
from wardian.runtime import calls, confinement, process_attributes, rootfs
from wardian.runtime.host import Host
from wardian.runtime.step import Step
from wardian.runtime.steps import STEPS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wardian.kernel import cgroups
    from wardian.runtime.spec import Spec

# linux/sched.h
CLONE_NEWTIME = 0x00000080
CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

NAMESPACES = {
    "cgroup": CLONE_NEWCGROUP,
    "ipc": CLONE_NEWIPC,
    "mount": CLONE_NEWNS,
    "network": CLONE_NEWNET,
    "pid": CLONE_NEWPID,
    "time": CLONE_NEWTIME,
    "user": CLONE_NEWUSER,
    "uts": CLONE_NEWUTS,
}
# A process enters these after it was cloned: the cgroup namespace shows the cgroup that one is in
# when it is made, and clocks can be set only before anybody is in a time namespace.
LATER = CLONE_NEWCGROUP | CLONE_NEWTIME

# steps that are not the launcher's; they stand in the plan, its text and its hash
HOST_STEPS = frozenset(("cgroup", "clone", "map_ids", "scope", "setns"))

PLAN_MAGIC = 0x4E4C5057
PLAN_VERSION = 1


class Plan:
    """The steps of one box, in the order in which they happen."""

    __slots__ = ("_hash", "cgroup_writes", "clone_flags", "steps")

    def __init__(
        self,
        all_steps: "tuple[Step, ...]",
        clone_flags: int,
        cgroup_writes: "tuple[cgroups.CgroupWrite, ...]" = (),
    ) -> None:
        self.steps = all_steps
        self.clone_flags = clone_flags
        self.cgroup_writes = cgroup_writes
        self._hash = ""

    @property
    def hash(self) -> str:
        """Sha256 over names and arguments of all steps, in hexadecimal."""
        if not self._hash:
            from hashlib import sha256

            text = "\n".join(f"{step.name}{step.args!r}" for step in self.steps)
            self._hash = sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
        return self._hash

    @property
    def waits(self) -> int:
        """How often the box waits for something that is done outside, before it goes on."""
        return sum(1 for step in self.steps if step.name == "wait")

    def played(self) -> "list[Step]":
        """Return the step of each of the launcher's operations; its reports count these."""
        found: list[Step] = []
        for step in self.steps:
            if step.name in calls.CALLS:
                found.extend([step] * len(calls.rows(step.name, step.args)))
            elif step.name not in HOST_STEPS:
                found.append(step)
        return found

    def encode(self, bindings: "Mapping[str, str | bytes]", *, to_come: int = 0) -> bytes:
        """Return the bytes that the launcher plays (launcher/plan.c has the layout).

        Args:
            bindings: what each symbol of the plan stands for here.
            to_come: how many operations will be written behind these (`encode_step`).
        """
        rows: list[bytes] = []
        for step in self.steps:
            if step.name in HOST_STEPS:
                continue
            wire = step.wire
            if wire is None:
                wire = encode_step(step, bindings)
                if not _has_symbol(step):
                    step.wire = wire
            rows.extend(wire)
        count = len(rows) + to_come
        return struct.pack("<IIII", PLAN_MAGIC, PLAN_VERSION, count, 0) + b"".join(rows)


def _has_symbol(step: Step) -> bool:
    for value in step.args:
        for one in value if isinstance(value, tuple) else (value,):
            if isinstance(one, str) and one[:1] == "$":
                return True
    return False


def _bind(value: "str | bytes", bindings: "Mapping[str, str | bytes]") -> bytes:
    """Replace a symbol; return the bytes."""
    if isinstance(value, bytes):
        return value
    if value[:1] == "$":
        head, slash, rest = value.partition("/")
        found = bindings.get(value)
        if found is None and slash:
            found = bindings.get(head)
            if isinstance(found, str):
                found = f"{found}/{rest}"
        if found is None:
            raise errors.InternalError(f'the plan names "{value}", which nothing was bound to')
        value = found
        if isinstance(value, bytes):
            return value
    return value.encode("utf-8", "surrogateescape")


def encode_step(step: Step, bindings: "Mapping[str, str | bytes]") -> tuple[bytes, ...]:
    """Return a step's bytes, a part for each of its operations."""
    if step.name in calls.CALLS:
        values = [
            os.fsdecode(_bind(value, bindings)) if isinstance(value, str) else value
            for value in step.args
        ]
        rows = calls.rows(step.name, values)
        return tuple(_encode_row("call", row, bindings) for row in rows)
    return (_encode_row(step.name, step.args, bindings),)


def _encode_row(
    name: str, arguments: "tuple[object, ...]", bindings: "Mapping[str, str | bytes]"
) -> bytes:
    code, signature, _names = STEPS[name]
    parts = []
    for kind, value in zip(signature, arguments, strict=True):
        if kind == "u":
            number = int(_bind(value, bindings)) if isinstance(value, str) else value
            parts.append(struct.pack("<Q", number))
            continue
        if kind == "l":
            strings = [_bind(one, bindings) + b"\0" for one in value]  # type: ignore[attr-defined]
            data = b"".join(strings)
            parts.append(struct.pack("<II", len(strings), len(data)))
        else:
            data = _bind(value, bindings)  # type: ignore[arg-type]
            if kind == "s":
                data += b"\0"
            parts.append(struct.pack("<II", len(data), 0))
        parts.append(data)
        parts.append(b"\0" * (-len(data) % 8))
    body = b"".join(parts)
    return struct.pack("<HHI", code, 0, len(body) + 8) + body


def compile(spec: "Spec", host: Host) -> Plan:  # noqa: A001 - the word of the field
    """Turn a spec into a plan. Looks at nothing but its arguments.

    Args:
        spec: an OCI runtime-spec config with wardian's extension, already checked.
        host: what this machine and user allow.

    Raises:
        SpecError: a value that no machine can give.
        UnsupportedError: a value that this host can't give.
    """
    flags = _namespace_flags(spec)
    extension = spec.get("wardian", {})
    row: list[Step] = []
    writes = limits(spec, host)
    group = [
        Step("cgroup", (f"$cgroup/{write.controller}/{write.file}", write.value), write.reason)
        for write in writes
    ]
    scoped = host.scoped and (bool(writes) or host.grouped)
    row.extend(() if scoped else group)
    row.extend(_joined(spec))
    later = LATER if spec.get("linux", {}).get("timeOffsets") else CLONE_NEWCGROUP
    row.append(Step("clone", (flags & ~later,), "a process in namespaces of its own"))
    if scoped:
        row.extend(_scope(group, host))
    row.extend(identity(host, flags))
    if extension.get("emulated") and host.ids == "single":  # the scope's wait is before it has ids
        row.append(Step("wait", (), "emulation of another processor is registered from outside"))
    if extension.get("attach") and not flags & CLONE_NEWUSER:
        row.append(Step("wait", (), "its control groups are entered from outside"))
    if any(kind == "user" for kind, _path in joined(spec)):
        row.append(Step("become_root", (int(host.set_groups),), "id 0 of the user namespace"))
    if not extension.get("attach") and not scoped:
        row.extend(_membership(writes, host, extension.get("groups")))
    row.extend(_inner_namespaces(spec, flags))
    row.extend(process_attributes.early(spec["process"]))
    row.extend(rootfs.steps(spec, host))
    init = bool(extension.get("init"))
    row.extend(confinement.steps(spec, init=init, set_groups=host.set_groups))
    return Plan(tuple(row), flags & ~later, writes)


def limits(spec: "Spec", host: Host) -> "tuple[cgroups.CgroupWrite, ...]":
    """Return what linux.resources means for the control groups of this host."""
    asked = spec.get("linux", {}).get("resources")
    if not asked:
        return ()
    from wardian.runtime import resources  # a run without limits need not load it

    return resources.compile(
        asked,
        mode=host.cgroup_mode,
        controllers=host.controllers,
        cpus=host.cpus,
        mems=host.mems,
        swap_if_counted=bool(spec.get("wardian", {}).get("swap_if_counted")),
    )


def _namespace_flags(spec: "Spec") -> int:
    flags = 0
    for namespace in spec.get("linux", {}).get("namespaces", []):
        if not namespace.get("path"):
            flags |= NAMESPACES[namespace["type"]]
    return flags


def joined(spec: "Spec", *, privileged: bool = True) -> "list[tuple[str, str]]":
    """Return (type, path) of the namespaces that are there, in the order in which to enter them.

    Who is root outside enters the user namespace last, since he may not enter others' from inside;
    who is not can enter others only from inside.
    """
    found = [
        (row["type"], row["path"])
        for row in spec.get("linux", {}).get("namespaces", [])
        if row.get("path")
    ]
    return sorted(found, key=lambda row: (row[0] == "user") == privileged)


def _joined(spec: "Spec") -> "Iterable[Step]":
    for kind, path in joined(spec):
        yield Step("setns", (path, NAMESPACES[kind]), "a namespace that is there already")


def identity(host: Host, flags: int) -> "Iterable[Step]":
    """Become root of the new user namespace."""
    if not flags & CLONE_NEWUSER:
        return
    if host.ids != "single":
        yield Step("map_ids", ("$uid_map", "$gid_map"), "a range of ids")
        yield Step("wait", (), "ids are mapped from outside")
        yield Step("become_root", (int(host.set_groups),), "id 0 of the new user namespace")
        return
    yield Step("write", ("/proc/self/setgroups", b"deny"), "the kernel's condition for a single id")
    yield Step(
        "write",
        ("/proc/self/uid_map", "$uid_map"),
        "the caller is root of the box, and nobody else",
    )
    yield Step("write", ("/proc/self/gid_map", "$gid_map"), "likewise for the group")
    yield Step("become_root", (0,), "id 0 of the new user namespace")


def _scope(limits: "list[Step]", host: Host) -> "Iterable[Step]":
    """Have systemd move the process, which waits, into a scope of its own."""
    yield Step("scope", ("$scope",), "systemd makes its control group")
    yield from limits
    if host.ids != "range":  # there it waits for its ids, too
        yield Step("wait", (), "systemd's job is done, and the limits are set")


def _membership(
    writes: "tuple[cgroups.CgroupWrite, ...]", host: Host, given: "Iterable[str] | None"
) -> "Iterable[Step]":
    """Enter the v1 groups before anything else costs something; clone3 starts it in the v2 one."""
    if given is None:
        if host.cgroup_mode == "v2" or not (writes or host.grouped):
            return
        from wardian.kernel import cgroups

        given = cgroups.hierarchies(writes, host.cgroup_mode, host.controllers)
    for hierarchy in given:
        if hierarchy != "unified":
            path = f"$cgroup/{hierarchy}/tasks"
            yield Step("write", (path, b"0"), f"the {hierarchy} limits count from here on")


def _inner_namespaces(spec: "Spec", flags: int) -> "Iterable[Step]":
    """Name the box, bring its loopback up, set its clocks and sysctls."""
    if flags & CLONE_NEWCGROUP:
        yield Step(
            "unshare", (CLONE_NEWCGROUP,), "its own control group looks like the root of all"
        )
    offsets = spec.get("linux", {}).get("timeOffsets", {})
    if flags & CLONE_NEWTIME and offsets:
        yield Step("unshare", (CLONE_NEWTIME,), "clocks of its own, for the processes to come")
        for clock, offset in sorted(offsets.items()):
            text = f"{clock} {offset.get('secs', 0)} {offset.get('nanosecs', 0)}"
            yield Step("write", ("/proc/self/timens_offsets", text), f"the {clock} clock's offset")
    if flags & CLONE_NEWNET:
        yield Step("loopback", (), "127.0.0.1 works; there is no other interface")
    if spec.get("hostname") and flags & CLONE_NEWUTS:
        yield Step("hostname", (spec["hostname"],), "its own name")
    if spec.get("domainname") and flags & CLONE_NEWUTS:
        yield Step("domainname", (spec["domainname"],), "its own domain name")
    for key, value in sorted(spec.get("linux", {}).get("sysctl", {}).items()):
        path = "/proc/sys/" + key.replace(".", "/")
        yield Step("write", (path, str(value)), "a kernel setting of its namespaces")
