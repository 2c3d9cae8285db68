"""Where a box's control group lies: its processes; freezing, killing and removing it.

That is all that the end of a container needs, and so all that is loaded for it; cgroup_box has the
rest.

Kernel: cgroups(7), Documentation/admin-guide/cgroup-v1/freezer-subsystem.rst and cgroup-v2.rst.
"""

import errno
import os

from wardian.errors import KernelError, UnsupportedError
from wardian.kernel import cgroup_files as files
from wardian.kernel.cgroup_files import UNIFIED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

FREEZE_TIMEOUT_S = 0.25
KILL_TIMEOUT_S = 2.0
REMOVE_TIMEOUT_S = 5.0


class Place:
    """A control group's directories in all hierarchies.

    Attributes:
        name: relative to where groups are made.
        groups: hierarchy -> absolute directory, the anchor first.
        parents: groups above it that were made for it; they go with it if nobody else is in them.
    """

    __slots__ = ("_opened", "groups", "name", "parents")

    def __init__(self, name: str, groups: "dict[str, str]", parents: "Sequence[str]" = ()) -> None:
        self.name = name
        self.groups = groups
        self.parents = list(parents)
        self._opened: dict[tuple[str, str], int] = {}

    @property
    def _anchor(self) -> str:
        """The first hierarchy's directory; "" for a record that was saved before it was made."""
        return next(iter(self.groups.values()), "")

    def processes(self) -> "list[int]":
        """Return the pids inside and in groups below, as our pid namespace sees them."""
        return files.processes(self._anchor)

    @property
    def exists(self) -> bool:
        """True until the group is removed, by whomever."""
        return os.path.isdir(self._anchor)

    @property
    def is_frozen(self) -> bool:
        """True where the processes inside stand still."""
        if UNIFIED in self.groups:
            return files.is_frozen(self.groups[UNIFIED])
        return "freezer" in self.groups and files.is_frozen(self.groups["freezer"], unified=False)

    def opened(self, hierarchy: str, file: str, flags: int = os.O_RDONLY) -> int:
        """Return a descriptor of the group's directory or a file in it; -1 for a file it lacks.

        It is kept, and closed by `remove`. What pread(2) reads from its start is what the kernel
        counts at that moment.

        Args:
            hierarchy: one of `groups`.
            file: its name; "" for the directory.
            flags: of open(2).
        """
        fd = self._opened.get((hierarchy, file))
        if fd is None:
            try:
                fd = os.open(f"{self.groups[hierarchy]}/{file}", flags | os.O_CLOEXEC)
            except FileNotFoundError:
                if not file:
                    raise
                fd = -1
            self._opened[hierarchy, file] = fd
        return fd

    def close(self, hierarchies: "Collection[str] | None" = None) -> None:
        """Close what `opened` opened, of all hierarchies or of some."""
        for place in list(self._opened):
            if hierarchies is None or place[0] in hierarchies:
                fd = self._opened.pop(place)
                if fd >= 0:
                    os.close(fd)

    def freeze(self, timeout_s: float = FREEZE_TIMEOUT_S) -> None:
        """Stop all processes; returns when they stand.

        Raises:
            KernelError: ETIMEDOUT; they run again.
            UnsupportedError: neither cgroup2 nor the v1 freezer is there.
        """
        if UNIFIED in self.groups:
            from wardian.kernel import cgroup_v2

            cgroup_v2.freeze(self.groups[UNIFIED], timeout_s)
        else:
            from wardian.kernel import cgroup_v1

            cgroup_v1.freeze(self._freezer(), timeout_s)

    def thaw(self) -> None:
        """Let frozen processes go on."""
        if UNIFIED in self.groups:
            from wardian.kernel import cgroup_v2

            cgroup_v2.thaw(self.groups[UNIFIED])
        else:
            from wardian.kernel import cgroup_v1

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
            from wardian.kernel import cgroup_v2

            cgroup_v2.kill(self.groups[UNIFIED], timeout_s)
        else:
            from wardian.kernel import cgroup_v1

            cgroup_v1.kill(self._anchor, self.groups.get("freezer"), timeout_s)

    def remove(self, timeout_s: float = REMOVE_TIMEOUT_S) -> None:
        """Remove the group everywhere; what still runs inside is killed.

        Raises:
            KernelError: EBUSY when something inside does not die.
        """
        self.close()
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
                files.remove_empty(self.parents)
                return True
            if not was_killed:
                was_killed = True
                if os.path.isdir(self._anchor) and self.processes():
                    self.kill(timeout_s)
        return False
