"""One interface to control groups: make, limit, freeze, read, kill; finds out v2, v1 or hybrid.

A box's group has the same name in every hierarchy. Only the hierarchies that a limit asks for are
used, and those that count memory and time; each costs about 0.1 ms to make, enter and remove. In
hybrid mode a leaf of the cgroup2 tree joins them: killing, freezing and pressure are one write or
read there.

Facts about what is left behind
-------------------------------
A group outlives the process that made it. Its name therefore carries its owner: pid, start time (a
pid is used again, the pair is not), a count, and the pid namespace in which that pid means
something. `sweep` reads the names and removes what belongs to a dead owner. The first hierarchy of
a box, the anchor, is made first and removed last, so one directory listing finds all that is left.

Kernel: cgroups(7), Documentation/admin-guide/cgroup-v1/ and cgroup-v2.rst, proc_pid_stat(5).
"""

import errno
import itertools
import os

from wardian.errors import KernelError, UnsupportedError
from wardian.kernel import cgroup_files as files
from wardian.kernel import cgroup_limits, cgroup_v1, cgroup_v2
from wardian.kernel.cgroup_files import (
    BPF_DEVICES,
    UNIFIED,
    CgroupWrite,
    format_cpulist,
    parse_cpulist,
)
from wardian.kernel.cgroup_layout import Layout, detect, forget

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

__all__ = [
    "BPF_DEVICES",
    "UNIFIED",
    "Cgroup",
    "CgroupWrite",
    "Layout",
    "create",
    "detect",
    "find",
    "forget",
    "format_cpulist",
    "hierarchies",
    "new_name",
    "parse_cpulist",
    "sweep",
]

PREFIX = "wardian-"  # no group of ours above a box's: with the box nothing is left
COUNTED = {"v1": ("freezer", "memory", "cpuacct"), "hybrid": (UNIFIED, "memory"), "v2": (UNIFIED,)}
FREEZE_TIMEOUT_S = 0.25
KILL_TIMEOUT_S = 2.0
REMOVE_TIMEOUT_S = 5.0
SWEEP_TIMEOUT_S = 0.5


def hierarchies(
    writes: "Iterable[CgroupWrite]", mode: str, controllers: "Collection[str] | None" = None
) -> "tuple[str, ...]":
    """Return the hierarchies that a box with these limits is in, the anchor first (pure).

    Args:
        writes: its limits.
        mode: of the layout.
        controllers: those that exist; None to take it that what usage needs does.
    """
    row = dict.fromkeys(
        name
        for name in COUNTED.get(mode, ())
        if controllers is None or name in controllers or name == UNIFIED
    )
    row.update(dict.fromkeys(write.controller for write in writes))
    return tuple(row)


class Cgroup:
    """One box's control group in all its hierarchies.

    Attributes:
        name: relative to where groups are made.
        groups: hierarchy -> absolute directory, the anchor first.
        layout: the machine's hierarchies.
    """

    __slots__ = ("_fd", "groups", "layout", "name")

    def __init__(self, layout: Layout, name: str, groups: "dict[str, str]") -> None:
        self.layout = layout
        self.name = name
        self.groups = groups
        self._fd = -1

    # ---- entering -------------------------------------------------------------------------

    @property
    def procs(self) -> "tuple[str, ...]":
        """The files into which a process writes "0" to be in the group."""
        return tuple(group + "/cgroup.procs" for group in dict.fromkeys(self.groups.values()))

    def bindings(self) -> "dict[str, str | bytes]":
        """Return what "$cgroup/HIERARCHY/cgroup.procs" in a plan stands for here.

        A hierarchy that a plan takes for granted and this machine lacks is bound to the anchor:
        entering twice changes nothing.
        """
        bound: dict[str, str | bytes] = {}
        anchor = next(iter(self.groups.values()))
        for name in (*COUNTED.get(self.layout.mode, ()), *self.groups):
            bound[f"$cgroup/{name}/cgroup.procs"] = self.groups.get(name, anchor) + "/cgroup.procs"
        return bound

    def unified_fd(self) -> int:
        """Return the directory for clone3(CLONE_INTO_CGROUP) on pure v2, else -1.

        `remove` closes it.
        """
        if self.layout.mode != "v2":
            return -1
        if self._fd < 0:
            self._fd = os.open(self.groups[UNIFIED], os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        return self._fd

    def attach(self, pid: int) -> None:
        """Move a process of ours into the group.

        Raises:
            KernelError: ESRCH for one that is gone, EACCES for one that is not ours.
        """
        for path in self.procs:
            files.write(path, str(pid))

    # ---- looking --------------------------------------------------------------------------

    def usage(self) -> "dict[str, float | int | None]":
        """Return peak_memory_bytes, cpu_s, oom_kills and pids_peak; None where nobody counts."""
        found: dict[str, float | int | None] = dict.fromkeys(
            ("peak_memory_bytes", "cpu_s", "oom_kills", "pids_peak")
        )
        if UNIFIED in self.groups and "memory" in self.groups:  # hybrid: it knows the time alone
            found["cpu_s"] = cgroup_v2.cpu_s(self.groups[UNIFIED])
        elif UNIFIED in self.groups:
            found.update(cgroup_v2.usage(self.groups[UNIFIED]))
        counted = cgroup_v1.usage(self.groups)
        found.update({name: value for name, value in counted.items() if value is not None})
        return found

    def processes(self) -> "list[int]":
        """Return the pids inside, as our pid namespace sees them."""
        return files.processes(self._anchor)

    def read_limits(self) -> "dict[str, str]":
        """Return what the kernel enforces now, by file name."""
        found = cgroup_v1.read_limits(self.groups)
        if UNIFIED in self.groups:
            found.update(cgroup_v2.read_limits(self.groups[UNIFIED]))
        return found

    def pressure(self) -> "dict[str, dict[str, dict[str, float]]]":
        """Return {"cpu": {"some": {"avg10": per cent, "total": usec}}, "memory": ..., "io": ...}.

        Raises:
            UnsupportedError: there is no cgroup2 hierarchy, or its pressure is off.
        """
        found = cgroup_v2.pressure(self.groups[UNIFIED]) if UNIFIED in self.groups else {}
        if not found:
            raise UnsupportedError(
                f'pressure of "{self.name}": this machine does not measure it',
                feature="pressure",
                hint="mount cgroup2 and boot with psi=1",
            )
        return found

    @property
    def _anchor(self) -> str:
        return next(iter(self.groups.values()))

    # ---- acting ---------------------------------------------------------------------------

    def freeze(self, timeout_s: float = FREEZE_TIMEOUT_S) -> None:
        """Stop all processes; returns when they stand.

        Raises:
            KernelError: ETIMEDOUT; they run again.
            UnsupportedError: neither cgroup2 nor the v1 freezer is there.
        """
        if UNIFIED in self.groups:
            cgroup_v2.freeze(self.groups[UNIFIED], timeout_s)
        else:
            cgroup_v1.freeze(self._freezer(), timeout_s)

    def thaw(self) -> None:
        """Let frozen processes go on."""
        if UNIFIED in self.groups:
            cgroup_v2.thaw(self.groups[UNIFIED])
        else:
            cgroup_v1.thaw(self._freezer())

    def _freezer(self) -> str:
        found = self.groups.get("freezer")
        if found is None:
            raise UnsupportedError(
                f'freeze "{self.name}": the freezer controller is not mounted',
                feature="freezer",
                hint="mount -t cgroup -o freezer none /sys/fs/cgroup/freezer",
            )
        return found

    def kill(self, timeout_s: float = KILL_TIMEOUT_S) -> None:
        """Send SIGKILL to every process inside, frozen or not, and wait a while for their end."""
        if UNIFIED in self.groups:
            cgroup_v2.kill(self.groups[UNIFIED], timeout_s)
        else:
            cgroup_v1.kill(self._anchor, self.groups.get("freezer"), timeout_s)

    def update(self, writes: "Sequence[CgroupWrite]") -> None:
        """Change limits of a running box; puts the old ones back when one is refused.

        A pair that the kernel wants in another order (memory and memsw, quota and burst) is tried
        in both.

        Raises:
            KernelError, UnsupportedError: as `create`.
        """
        for write in writes:
            if write.controller not in self.groups:
                raise UnsupportedError(
                    f"{write.reason}: it was started without {write.controller} limits",
                    feature="cgroups",
                    hint="start it with a limit of that kind; that can be changed later",
                )
        if UNIFIED in self.groups:
            group = self.groups[UNIFIED]
            base = self.layout.prefix[self.layout.mount_of(UNIFIED) or ""]
            cgroup_v2.enable(base, os.path.dirname(group), _second_controllers(writes))
        before = [self._current(write) for write in writes]
        try:
            cgroup_limits.apply_all(writes, self.groups)
        except (KernelError, UnsupportedError):
            cgroup_limits.apply_all(
                [old for old in before if old is not None], self.groups, quiet=True
            )
            raise

    def _current(self, write: CgroupWrite) -> "CgroupWrite | None":
        value = files.find(f"{self.groups[write.controller]}/{write.file}")
        if value is None or "\n" in value or not value:
            return None
        return CgroupWrite(write.controller, write.file, value, write.reason)

    def remove(self, timeout_s: float = REMOVE_TIMEOUT_S) -> None:
        """Remove the group everywhere; what still runs inside is killed.

        Raises:
            KernelError: EBUSY when something inside does not die.
        """
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        if not self.try_remove(timeout_s):
            pids = ", ".join(map(str, self.processes()[:10])) or "none that is visible"
            hint = f"processes that do not end are inside: {pids}"
            raise KernelError(f'rmdir("{self._anchor}")', errno.EBUSY, hint=hint)

    def try_remove(self, timeout_s: float) -> bool:
        """Remove the group everywhere; return False when something inside outlived the time."""
        left = list(reversed(dict.fromkeys(self.groups.values())))
        was_killed = False
        for _pause in files.pauses(timeout_s):
            while left and files.remove(left[0]):
                del left[0]
            if not left:
                return True
            if not was_killed:
                was_killed = True
                if os.path.isdir(self._anchor) and self.processes():
                    self.kill(timeout_s)
        return False


# ---- making -------------------------------------------------------------------------------


def create(layout: Layout, name: str, writes: "Sequence[CgroupWrite]") -> Cgroup:
    """Make a box's control group and set its limits.

    Args:
        layout: as `detect` returns it.
        name: as `new_name` returns it, or any relative path.
        writes: as runtime.resources compiles them.

    Raises:
        UnsupportedError: this user may not, or this machine lacks something; nothing is left.
        KernelError: the kernel refused a value; nothing is left.
    """
    groups: dict[str, str] = {}
    made = Cgroup(layout, name, groups)
    about = writes[0].reason if writes else "control group"
    try:
        for hierarchy in hierarchies(writes, layout.mode, layout.controllers):
            mount = layout.mount_of(hierarchy)
            if mount is None:
                raise _no_hierarchy(about, hierarchy)
            path = f"{_prefix(layout, mount, about)}/{name}"
            if path not in groups.values():
                _make(layout, path, hierarchy, writes)
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


def find(layout: Layout, name: str) -> "Cgroup | None":
    """Return the group of that name which another process made, or None."""
    groups: dict[str, str] = {}
    order = dict.fromkeys(COUNTED.get(layout.mode, ()))
    order.update(dict.fromkeys(layout.controllers))
    for hierarchy in order:
        mount = layout.mount_of(hierarchy)
        if mount is None or not layout.prefix.get(mount) or hierarchy.startswith(UNIFIED + "/"):
            continue
        path = f"{layout.prefix[mount]}/{name}"
        if path in groups.values() or not os.path.isdir(path):
            continue
        groups[UNIFIED if mount == layout.unified else hierarchy] = path
    return Cgroup(layout, name, groups) if groups else None


def _prefix(layout: Layout, mount: str, about: str) -> str:
    prefix = layout.prefix.get(mount)
    if prefix:
        return prefix
    place = layout.own.get(mount) or mount
    raise _not_allowed(layout.mode, about, f'"{place}" is not writable')


def _not_allowed(mode: str, about: str, why: str) -> UnsupportedError:
    if mode == "v2":
        hint = (
            "systemd-run --user --scope -p Delegate=yes COMMAND gives a control group to this user"
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


def _make(layout: Layout, path: str, hierarchy: str, writes: "Sequence[CgroupWrite]") -> None:
    mount = layout.mount_of(hierarchy) or ""
    base = layout.prefix[mount]
    try:
        files.make(path, below=base)
        if hierarchy == "cpuset":
            cgroup_v1.fill_cpuset(path, mount)
        elif hierarchy == UNIFIED:
            wanted = _second_controllers(writes)
            if layout.mode == "v2":
                wanted |= {"memory"} & layout.controllers.keys()
            cgroup_v2.enable(base, os.path.dirname(path), wanted)
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


def _second_controllers(writes: "Iterable[CgroupWrite]") -> "frozenset[str]":
    """Return the cgroup2 controllers that these limits need."""
    return cgroup_v2.needed_controllers(
        write.file for write in writes if write.controller == UNIFIED
    )


# ---- names and what dead owners left ------------------------------------------------------

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


def start_time(pid: int) -> int:
    """Return when a process started, in clock ticks since boot; -1 when it is dead."""
    text = files.find(f"/proc/{pid}/stat")
    if text is None:
        return -1
    fields = text[text.rfind(")") + 2 :].split()  # the name before may hold anything
    # The main thread of a living process may be a zombie while others run on.
    if fields[0] in "ZX" and int(fields[17]) <= 1:
        return -1
    return int(fields[19])


def sweep(layout: Layout) -> int:
    """Remove the groups of dead owners; return how many.

    Costs one directory listing when there are none.
    """
    removed = 0
    for name in _names_left(layout):
        words = name.removeprefix(PREFIX).split("-")
        if len(words) != 4 or not all(word.isdigit() for word in words) or not _is_orphan(words):
            continue
        left = find(layout, name)
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


def _is_orphan(words: "list[str]") -> bool:
    _pid, mine, namespace = _me()
    owner, started = words[0], words[1]
    if words[3] != namespace or f"{owner}-{started}" == mine:
        return False
    return start_time(int(owner)) != int(started)


def _remove_left(left: Cgroup) -> bool:
    try:
        return left.try_remove(SWEEP_TIMEOUT_S)
    except KernelError:
        return False  # another command sweeps at the same time, or the next one will
