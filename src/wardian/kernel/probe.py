"""Say what this kernel and this user can do: the cheap facts that every run needs.

Nothing here forks or mounts: a version, an effective id, the names in /proc/self/ns. What must be
tried to be known (and why something can't be done) is in kernel/checks.py.

Facts about versions
--------------------
mount_setattr(2) came with 5.12, so that is the oldest kernel wardian runs on. Overlayfs may be
mounted in a user namespace since 5.11. cgroup.kill came with 5.14. Tmpfs keeps user.* attributes,
which an overlay in a user namespace needs to mark a directory opaque, since 6.6. Distributions port
features back; a version is then too careful, never wrong.

Kernel: uname(2), namespaces(7), tmpfs(5).
"""

import os

from wardian.errors import KernelError
from wardian.kernel import capabilities

MINIMUM_KERNEL = (5, 12)


class Facts:
    """What is known of this machine and this user without trying anything.

    Attributes:
        uid, gid: the effective ids.
        is_privileged: may make namespaces and mounts without a user namespace: id 0 with
            CAP_SYS_ADMIN, which id 0 of a container mostly lacks.
        machine: the architecture as uname says it ("x86_64").
        release: the kernel's release in full.
        kernel: its version as (major, minor).
        has_user_namespace, has_time_namespace, has_cgroup_namespace: built into the kernel.
        can_mount_overlay: overlayfs is allowed to this user (root, or in a user namespace).
        tmpfs_user_xattr: a tmpfs can be the upper layer of an overlay in a user namespace.
        has_cgroup_kill: cgroup v2 has the file cgroup.kill.
    """

    __slots__ = (
        "can_mount_overlay",
        "gid",
        "has_cgroup_kill",
        "has_cgroup_namespace",
        "has_time_namespace",
        "has_user_namespace",
        "is_privileged",
        "kernel",
        "machine",
        "release",
        "tmpfs_user_xattr",
        "uid",
    )

    def __init__(
        self,
        *,
        uid: int,
        gid: int,
        machine: str,
        release: str,
        namespaces: "frozenset[str]",
        is_privileged: bool | None = None,
    ) -> None:
        self.uid = uid
        self.is_privileged = uid == 0 if is_privileged is None else is_privileged
        self.gid = gid
        self.machine = machine
        self.release = release
        self.kernel = version(release)
        self.has_user_namespace = "user" in namespaces
        self.has_time_namespace = "time" in namespaces
        self.has_cgroup_namespace = "cgroup" in namespaces
        self.can_mount_overlay = self.is_privileged or (
            self.has_user_namespace and self.kernel >= (5, 11)
        )
        self.tmpfs_user_xattr = self.kernel >= (6, 6)
        self.has_cgroup_kill = self.kernel >= (5, 14)


def version(release: str) -> tuple[int, int]:
    """Return (major, minor) of a kernel's release; (0, 0) for one that begins otherwise."""
    numbers = []
    for part in release.split(".", 2)[:2]:
        digits = ""
        for char in part:
            if not "0" <= char <= "9":
                break
            digits += char
        if not digits:
            return (0, 0)
        numbers.append(int(digits[:6]))
    return (numbers[0], numbers[1]) if len(numbers) == 2 else (0, 0)


_cached: list[Facts] = []


def facts() -> Facts:
    """Return the facts, looked up at the first call in this process.

    The ids are those of the first call; a program that changes its ids later calls `forget`.
    """
    if not _cached:
        system = os.uname()
        try:
            namespaces = frozenset(os.listdir("/proc/self/ns"))
        except OSError:  # no /proc: launching will say so
            namespaces = frozenset()
        _cached.append(
            Facts(
                uid=os.geteuid(),
                gid=os.getegid(),
                machine=system.machine,
                release=system.release,
                namespaces=namespaces,
                is_privileged=os.geteuid() == 0 and _may_administer(),
            )
        )
    return _cached[0]


def _may_administer() -> bool:
    """Return whether CAP_SYS_ADMIN is permitted; true where /proc does not tell."""
    try:
        return bool(capabilities.own() >> capabilities.number("CAP_SYS_ADMIN") & 1)
    except KernelError:
        return True


def may_set_groups() -> bool:
    """Return whether setgroups(2) is allowed in this user namespace (user_namespaces(7))."""
    try:
        with open("/proc/self/setgroups", "rb") as file:
            return file.read(5) != b"deny\n"
    except OSError:
        return True


def in_user_namespace() -> bool:
    """Return whether this process is in a user namespace of its own (user_namespaces(7))."""
    try:
        with open("/proc/self/uid_map", "rb") as file:
            return file.read(64).split() != [b"0", b"0", b"4294967295"]
    except OSError:
        return False


def cpus() -> str:
    """Return the processors that are online, as cpuset writes a list ("0-3,8")."""
    return _read_list("/sys/devices/system/cpu/online")


def mems() -> str:
    """Return the memory nodes that are online, as cpuset writes a list; "0" without NUMA."""
    return _read_list("/sys/devices/system/node/online")


def _read_list(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return file.read(4096).decode("ascii", "replace").strip() or "0"
    except OSError:
        return "0"


def forget() -> None:
    """Let the next `facts` look again."""
    _cached.clear()
