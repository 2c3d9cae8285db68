"""One interface to control groups: finds out v2, v1 or hybrid; makes, finds, reopens and sweeps.

Only the hierarchies that a limit asks for are used, and those that count memory and time; each
costs about 0.1 ms to make, enter and remove.

Facts about what is left behind
-------------------------------
A group outlives the process that made it. The name of a box's group therefore carries its owner:
pid, start time (a pid is used again, the pair is not), a count, and the pid namespace in which that
pid means something. `sweep` reads the names and removes what belongs to a dead owner. The first
hierarchy of a box, the anchor, is made first and removed last, so one directory listing finds all
that is left. A group whose path somebody chose (linux.cgroupsPath) or that is named by a
container's id has no owner that could be dead: it outlives this process, is found again by its
`record`, and is never swept.

Source: opencontainers/runtime-spec, config-linux.md "Cgroups Path".
Kernel: cgroups(7), Documentation/admin-guide/cgroup-v1/ and cgroup-v2.rst, proc_pid_stat(5).
"""

import errno
import itertools
import os

from wardian.errors import KernelError, SpecError, UnsupportedError
from wardian.kernel import cgroup_files as files
from wardian.kernel import cgroup_limits, cgroup_v1, cgroup_v2
from wardian.kernel.cgroup_box import COUNTED, Cgroup, every, hierarchies, second_controllers
from wardian.kernel.cgroup_files import (
    BPF_DEVICES,
    UNIFIED,
    CgroupWrite,
    format_cpulist,
    parse_cpulist,
    put,
)
from wardian.kernel.cgroup_layout import Layout, detect, forget
from wardian.kernel.procfs import start_time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from typing import Any

__all__ = [
    "BPF_DEVICES",
    "UNIFIED",
    "Cgroup",
    "CgroupWrite",
    "Layout",
    "create",
    "detect",
    "every",
    "find",
    "forget",
    "format_cpulist",
    "hierarchies",
    "is_orphan",
    "new_name",
    "of_container",
    "parse_cpulist",
    "put",
    "renew",
    "reopen",
    "sweep",
]

PREFIX = "wardian-"  # no group of ours above a box's: with the box nothing is left
CONTAINER_PREFIX = PREFIX + "oci-"  # has no number behind "wardian-", so no sweep takes it
NAME_MAX = 255
PATH_MAX = 4000
SWEEP_TIMEOUT_S = 0.5


# ---- making -------------------------------------------------------------------------------


def create(
    layout: Layout,
    name: str,
    writes: "Sequence[CgroupWrite]",
    *,
    wanted: "Sequence[str] | None" = None,
) -> Cgroup:
    """Make a box's control group and set its limits.

    A group that is there already is taken over if nobody is in it (containerd and podman make the
    parents, sometimes the group).

    Args:
        layout: as `detect` returns it.
        name: as `new_name` or `of_container` returns it, or any relative path.
        writes: as runtime.resources compiles them.
        wanted: the hierarchies, the anchor first, as `every` returns them; None for only those
            that the limits need and that count.

    Raises:
        UnsupportedError: this user may not, or this machine lacks something; nothing is left.
        KernelError: the kernel refused a value (nothing is left), or the group is in use.
    """
    groups: dict[str, str] = {}
    made = Cgroup(layout, name, groups)
    about = writes[0].reason if writes else "control group"
    row = dict.fromkeys(wanted or ())
    row.update(dict.fromkeys(hierarchies(writes, layout.mode, layout.controllers)))
    try:
        for hierarchy in row:
            mount = layout.mount_of(hierarchy)
            if mount is None:
                raise _no_hierarchy(about, hierarchy)
            path = f"{_prefix(layout, mount, about)}/{name}"
            if path not in groups.values():
                _make(made, path, hierarchy, writes, complete=wanted is not None)
            groups[hierarchy] = path
        for write in writes:
            cgroup_limits.apply(write, groups)
    except BaseException as error:
        try:
            if not made.try_remove(1.0):
                error.add_note(f'could not remove "{name}" again')
        except KernelError as also:
            error.add_note(str(also))
        raise
    return made


def renew(group: Cgroup, writes: "Sequence[CgroupWrite]", kept: "Collection[str]") -> None:
    """Make a group anew under its name, so that nothing of its use is left.

    Args:
        group: nothing is in it any more.
        writes: as `create` takes them.
        kept: hierarchies in which it stays as it is all the same, with its limits.

    Raises:
        KernelError: it can't be; the group is to be removed.
    """
    same = {group.groups[hierarchy] for hierarchy in kept}
    left = {path: name for name, path in group.groups.items() if path not in same}
    group.close([name for name, path in group.groups.items() if path not in same])
    for path in reversed(left):
        if not files.remove(path):
            raise KernelError(f'rmdir("{path}")', errno.EBUSY)
    for path, hierarchy in left.items():
        _make(group, path, hierarchy, writes, complete=False)
    for write in writes:
        if group.groups.get(write.controller) in left:
            cgroup_limits.apply(write, group.groups)


def find(layout: Layout, name: str) -> "Cgroup | None":
    """Return the group of that name which another process made, or None."""
    groups: dict[str, str] = {}
    for hierarchy in every(layout):
        mount = layout.mount_of(hierarchy)
        if mount is not None and layout.prefix.get(mount):
            path = f"{layout.prefix[mount]}/{name}"
            if os.path.isdir(path):
                groups[hierarchy] = path
    return Cgroup(layout, name, groups) if groups else None


def reopen(layout: Layout, record: "Mapping[str, Any]") -> Cgroup:
    """Return the group that `Cgroup.record` described, whether or not it is still there.

    Args:
        layout: as `detect` returns it.
        record: from a state file that only its owner can write.
    """
    kind: type[Cgroup] = Cgroup
    if record["unit"]:
        from wardian.kernel import systemd

        kind = systemd.Scope
    found = kind(layout, str(record["name"]), dict(record["groups"]))
    found.parents = list(record["parents"])
    found.unit = str(record["unit"])
    return found


def _prefix(layout: Layout, mount: str, about: str) -> str:
    prefix = layout.prefix.get(mount)
    if prefix:
        return prefix
    place = layout.own.get(mount) or mount
    raise _not_allowed(layout.mode, about, f'"{place}" is not writable')


def _not_allowed(mode: str, about: str, why: str) -> UnsupportedError:
    if mode == "v2":
        hint = (
            "--cgroup-manager systemd has this user's own systemd make it, or systemd-run --user "
            "--scope -p Delegate=yes COMMAND"
        )
        if os.geteuid() == 0:
            hint = (
                "in a container /sys/fs/cgroup has to be writable: start it with a private "
                "cgroup namespace, and privileged or with -v /sys/fs/cgroup:/sys/fs/cgroup:rw"
            )
    else:
        hint = "run as root: cgroup v1 can't safely be given to ordinary users"
    return UnsupportedError(
        f"{about}: this user may not create control groups ({why})", feature="cgroups", hint=hint
    )


def _no_hierarchy(about: str, hierarchy: str) -> UnsupportedError:
    return UnsupportedError(
        f"{about}: the {hierarchy} control groups are not mounted here",
        feature="cgroups",
        hint=f"mount -t cgroup -o {hierarchy} none /sys/fs/cgroup/{hierarchy}",
    )


def _make(
    made: Cgroup, path: str, hierarchy: str, writes: "Sequence[CgroupWrite]", *, complete: bool
) -> None:
    layout = made.layout
    mount = layout.mount_of(hierarchy) or ""
    base = layout.prefix[mount]
    try:
        try:
            files.make(path, below=base, prepare=made.parents.append)
        except FileExistsError:
            _check_unused(path, hierarchy)
        if hierarchy == "cpuset":
            cgroup_v1.fill_cpuset(path, mount)
        elif hierarchy == UNIFIED:
            wanted = second_controllers(writes)
            if layout.mode == "v2":
                wanted |= {"memory"} & layout.controllers.keys()
            cgroup_v2.enable(base, os.path.dirname(path), wanted)
            if complete and layout.mode == "v2":
                cgroup_v2.enable_all(base, os.path.dirname(path))
        elif hierarchy == "cpu" and any(write.file == "cpu.rt_runtime_us" for write in writes):
            cgroup_v1.raise_realtime(path, mount)
    except OSError as error:
        number = error.errno or errno.EIO
        if number in (errno.EACCES, errno.EPERM, errno.EROFS):
            about = writes[0].reason if writes else "control group"
            why = f'mkdir("{path}"): {os.strerror(number).lower()}'
            raise _not_allowed(layout.mode, about, why) from None
        if isinstance(error, KernelError):
            raise
        raise KernelError(f'mkdir("{path}")', number) from None


def _check_unused(path: str, hierarchy: str) -> None:
    """Refuse a group that somebody else lives in, or where a new process would stand still."""
    pids = files.processes(path)
    if pids:
        hint = f"process {pids[0]} is in it; choose another linux.cgroupsPath, or end it"
        raise KernelError(f'mkdir("{path}")', errno.EEXIST, hint=hint)
    if hierarchy == UNIFIED and files.is_frozen(path):
        cgroup_v2.thaw(path)
    elif hierarchy == "freezer" and files.is_frozen(path, unified=False):
        cgroup_v1.thaw(path)


# ---- names --------------------------------------------------------------------------------

_count = itertools.count(1)
_identity: "tuple[int, str, str]" = (0, "", "")


def _me() -> "tuple[int, str, str]":
    """Return our pid, "pid-starttime" and our pid namespace's number."""
    global _identity  # noqa: PLW0603 - read once; a forked child sees another pid
    pid = os.getpid()
    if _identity[0] != pid:
        started = start_time(pid)
        namespace = os.readlink("/proc/self/ns/pid").strip("pid:[]")
        _identity = (pid, f"{pid}-{started}", namespace)
    return _identity


def new_name() -> str:
    """Return "wardian-PID-STARTTIME-COUNT-PIDNS" for a box that this process owns."""
    _pid, owner, namespace = _me()
    return f"{PREFIX}{owner}-{next(_count)}-{namespace}"


def is_orphan(name: str) -> bool:
    """Return whether this is the name of a box's group whose owner is dead."""
    words = name.removeprefix(PREFIX).split("-")
    if not name.startswith(PREFIX) or len(words) != 4 or not all(map(str.isdigit, words)):
        return False
    _pid, mine, namespace = _me()
    owner, started = words[0], words[1]
    if words[3] != namespace or f"{owner}-{started}" == mine:
        return False
    return start_time(int(owner)) != int(started)


def of_container(cgroups_path: str, container_id: str) -> str:
    """Return the name of an OCI container's group, to be made below where this user makes groups.

    Args:
        cgroups_path: linux.cgroupsPath; absolute ones count from the top of each hierarchy, as the
            specification wants, which for root is where groups are made. "" for none.
        container_id: the container's id; names the group where no path is given.

    Raises:
        SpecError: a path that leads elsewhere, or that the kernel can't take.
    """
    where = "linux.cgroupsPath"
    parts = [part for part in cgroups_path.split("/") if part not in ("", ".")]
    if not cgroups_path:
        return CONTAINER_PREFIX + container_id
    if not parts:
        raise SpecError(f'"{cgroups_path}" names no group below the root', where=where)
    if ".." in parts:
        raise SpecError(f'"{cgroups_path}" leads upwards', where=where, hint='leave ".." away')
    for part in parts:
        is_file = part.partition(".")[0] == "cgroup" and "." in part
        if is_file or len(os.fsencode(part)) > NAME_MAX or not part.isprintable():
            raise SpecError(f'"{part[:80]}" can\'t be the name of a control group', where=where)
    if len(cgroups_path) > PATH_MAX:
        raise SpecError("the path is too long", where=where, hint=f"at most {PATH_MAX} bytes")
    return "/".join(parts)


# ---- what dead owners left -----------------------------------------------------------------


def sweep(layout: Layout) -> int:
    """Remove the groups of dead owners; return how many.

    Costs one directory listing when there are none.
    """
    removed = 0
    for name in _names_left(layout):
        left = find(layout, name) if is_orphan(name) else None
        if left is not None and _remove_left(left):
            removed += 1
    return removed


def _names_left(layout: Layout) -> "Iterable[str]":
    counted = (layout.mount_of(hierarchy) for hierarchy in COUNTED.get(layout.mode, ()))
    anchor = next((mount for mount in counted if mount is not None), None)
    names: dict[str, None] = {}
    for mount in layout.prefix if anchor is None else (anchor,):
        if layout.prefix[mount]:
            try:
                entries = os.listdir(layout.prefix[mount])
            except OSError:
                continue  # not ours to see
            names.update(dict.fromkeys(name for name in entries if name.startswith(PREFIX)))
    return names


def _remove_left(left: Cgroup) -> bool:
    try:
        return left.try_remove(SWEEP_TIMEOUT_S)
    except KernelError:
        return False  # another command sweeps at the same time, or the next one will
