"""Find the control group hierarchies of this machine, and where this user may make groups.

Facts about hierarchies
-----------------------
A v1 hierarchy is a mount of its own with one controller or several ("cpu,cpuacct"); cgroup2 is one
mount for all that no v1 hierarchy took. Both at once are called hybrid: there the cgroup2 tree
often has no controller, yet cgroup.kill, cgroup.freeze and pressure work in it. A mount may show a
part of the tree only (a container: mountinfo's root is not "/"); paths in /proc/self/cgroup count
from the tree's root, or from the root of the cgroup namespace, where "/.." means outside of it.

Root makes its groups at the top of each mount, others below the group that they are in, if it was
delegated to them.

Kernel: cgroups(7), cgroup_namespaces(7), proc_pid_mountinfo(5).
"""

import os

from wardian.kernel import cgroup_files as files
from wardian.kernel import cgroup_v2
from wardian.kernel.cgroup_files import UNIFIED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

STANDARD = "/sys/fs/cgroup"


class Layout:
    """The hierarchies, and what this user may do there.

    Attributes:
        mode: "v2", "v1", "hybrid" (both) or "none".
        controllers: controller -> mount point. In v2 all have the same. In hybrid mode one of the
            cgroup2 tree is called "unified/NAME". "devices" stands for BPF where no v1 hierarchy
            has it.
        unified: the cgroup2 mount point, or None.
        prefix: mount point -> the directory under which this user may make groups; "" for nowhere.
        own: mount point -> the directory of the group that this process is in, where that was
            looked up; "" when out of sight.
    """

    __slots__ = ("controllers", "mode", "own", "prefix", "unified")

    def __init__(
        self,
        mode: str,
        controllers: "dict[str, str]",
        unified: "str | None",
        prefix: "dict[str, str]",
        *,
        own: "dict[str, str] | None" = None,
    ) -> None:
        self.mode = mode
        self.controllers = controllers
        self.unified = unified
        self.prefix = prefix
        self.own = own or {}

    @property
    def may_create(self) -> bool:
        """True where this user may make control groups in every hierarchy."""
        return bool(self.prefix) and all(self.prefix.values())

    def mount_of(self, hierarchy: str) -> "str | None":
        """Return where a hierarchy is mounted, by the controller or "unified"."""
        return self.unified if hierarchy == UNIFIED else self.controllers.get(hierarchy)

    def __repr__(self) -> str:
        return f"Layout({self.mode!r}, {self.controllers!r}, prefix={self.prefix!r})"


_cached: "dict[tuple[int, int], Layout]" = {}


def detect(mountinfo: "str | None" = None, own: "str | None" = None) -> Layout:
    """Return this machine's layout; the files are read once for each process and user.

    Args:
        mountinfo: the text of /proc/self/mountinfo, where it is not this process's (tests).
        own: the text of /proc/self/cgroup, likewise.
    """
    if mountinfo is not None:
        return _detect(parse_mounts(mountinfo), own)
    key = (os.getpid(), os.geteuid())
    found = _cached.get(key)
    if found is None:
        _cached.clear()  # a forked child has another pid
        found = _cached[key] = _detect(_mounts(), own)
    return found


def forget() -> None:
    """Let the next `detect` look again."""
    _cached.clear()


class Mount:
    """One mounted hierarchy: `root` is the part of the tree that `point` shows."""

    __slots__ = ("names", "point", "root")

    def __init__(self, root: str, point: str, names: "tuple[str, ...]") -> None:
        self.root = root
        self.point = point
        self.names = names  # v1: controllers; empty for cgroup2


def _mounts() -> "list[Mount]":
    # With a thousand mounts mountinfo takes milliseconds; root on pure v2 needs none of it.
    if os.geteuid() == 0 and os.access(STANDARD + "/cgroup.controllers", os.F_OK):
        return [Mount("/", STANDARD, ())]
    return parse_mounts(files.find("/proc/self/mountinfo") or "")


def parse_mounts(mountinfo: str) -> "list[Mount]":
    """Return the cgroup mounts; those below /sys/fs/cgroup first, hidden ones left out."""
    found: dict[str, Mount] = {}
    for line in mountinfo.splitlines():
        if " - cgroup" not in line:
            continue
        left, _dash, right = line.partition(" - ")
        fields, kinds = left.split(" "), right.split(" ")
        if len(fields) < 6 or len(kinds) < 3 or kinds[0] not in ("cgroup", "cgroup2"):
            continue
        point = _unescape(fields[4])
        names: tuple[str, ...] = ()
        if kinds[0] == "cgroup":
            options = kinds[2].split(",")
            names = tuple(word for word in options if word not in ("rw", "ro") and "=" not in word)
            if not names:
                continue  # a named hierarchy without controllers (name=systemd)
        found.pop(point, None)  # a later mount over the same point hides the earlier
        found[point] = Mount(_unescape(fields[3]), point, names)
    return sorted(found.values(), key=lambda mount: not mount.point.startswith(STANDARD))


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    for code, char in (("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")):
        text = text.replace(code, char)
    return text


def _detect(mounts: "Iterable[Mount]", own: "str | None") -> Layout:
    controllers: dict[str, str] = {}
    second: Mount | None = None
    used: dict[str, Mount] = {}
    for mount in mounts:
        if not mount.names:
            second = second or mount
            continue
        for name in mount.names:
            if name not in KNOWN_V1:
                continue  # an option such as xattr or clone_children
            if name not in controllers:
                controllers[name] = mount.point
                used[mount.point] = mount
    if second is not None:
        used[second.point] = second
    mode = "none" if not used else "v1" if second is None else "hybrid" if controllers else "v2"
    prefix, place = _places(used.values(), own)
    if second is not None:
        at = prefix[second.point] or place.get(second.point) or second.point
        _add_unified(controllers, second.point, at, mode)
    return Layout(mode, controllers, second.point if second else None, prefix, own=place)


KNOWN_V1 = frozenset(
    (
        *("blkio", "cpu", "cpuacct", "cpuset", "devices", "freezer", "hugetlb", "memory", "misc"),
        *("net_cls", "net_prio", "perf_event", "pids", "rdma"),
    )
)


def _add_unified(controllers: "dict[str, str]", point: str, at: str, mode: str) -> None:
    head = "" if mode == "v2" else "unified/"
    names = (files.find(at + "/cgroup.controllers") or "").split()
    if os.geteuid() == 0 and "devices" not in controllers:
        names.append("devices")  # by BPF, which needs CAP_BPF but no controller
    for name in names:
        controllers[head + name] = point


def _places(
    mounts: "Iterable[Mount]", own: "str | None"
) -> "tuple[dict[str, str], dict[str, str]]":
    """Return where groups may be made, and where this process is, for each mount."""
    prefix: dict[str, str] = {}
    place: dict[str, str] = {}
    paths: dict[str, str] | None = None
    is_root = os.geteuid() == 0
    for mount in mounts:
        if is_root and os.access(mount.point, os.W_OK):
            prefix[mount.point] = mount.point
            continue
        if paths is None:
            paths = parse_own(own if own is not None else files.find("/proc/self/cgroup") or "")
        directory = _own_directory(mount, paths.get(mount.names[0] if mount.names else UNIFIED, ""))
        place[mount.point] = directory
        prefix[mount.point] = directory if directory and _may_use(directory, mount) else ""
    return prefix, place


def _may_use(directory: str, mount: Mount) -> bool:
    if not mount.names:
        return cgroup_v2.is_delegated(directory)
    return os.access(directory, os.W_OK) and os.access(directory + "/cgroup.procs", os.W_OK)


def _own_directory(mount: Mount, path: str) -> str:
    """Return the directory of the group `path`, or "" where this mount does not show it."""
    if not path.startswith("/") or path.startswith("/.."):
        return ""
    if mount.root == "/":
        inside = path
    elif path == mount.root or path.startswith(mount.root + "/"):
        inside = path[len(mount.root) :]
    else:
        return ""
    inside = inside.rstrip("/")
    if not mount.names and inside.endswith("/" + cgroup_v2.CALLERS):
        inside = inside[: -len(cgroup_v2.CALLERS) - 1]  # an earlier command moved us aside
    return mount.point + inside


def directory_of(layout: Layout, pid: int) -> str:
    """Return the directory of the cgroup2 group that a process is in; "" when out of sight."""
    path = parse_own(files.find(f"/proc/{pid}/cgroup") or "").get(UNIFIED, "")
    if layout.unified is None:
        return ""
    for mount in parse_mounts(files.find("/proc/self/mountinfo") or ""):
        if mount.point == layout.unified and not mount.names:
            return _own_directory(mount, path)
    return ""


def parse_own(text: str) -> "dict[str, str]":
    """Return controller -> path of /proc/self/cgroup; "unified" for cgroup2."""
    found = {}
    for line in text.splitlines():
        _number, _colon, rest = line.partition(":")
        names, _colon, path = rest.partition(":")
        for name in names.split(",") if names else (UNIFIED,):
            found[name] = path
    return found
