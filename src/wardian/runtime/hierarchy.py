"""Say which hierarchy has a controller, and in which words a limit goes there (pure).

Kernel: cgroups(7).
"""

from wardian.errors import UnsupportedError
from wardian.kernel.cgroups import UNIFIED, CgroupWrite

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

SECOND_NAMES = {"blkio": "io"}  # v1's name -> v2's


class Hierarchies:
    """Which hierarchies there are, in which words."""

    __slots__ = ("controllers", "cpus", "mems", "mode", "swap")

    def __init__(
        self, mode: str, controllers: "Collection[str]", *, cpus: str, mems: str, swap: bool
    ) -> None:
        self.mode = mode
        self.controllers = controllers
        self.cpus = cpus
        self.mems = mems
        self.swap = swap

    def place(self, controller: str, what: str) -> str:
        """Return the controller's hierarchy: its own name in v1, "unified" in v2.

        Raises:
            UnsupportedError: it is not to be had here.
        """
        second = SECOND_NAMES.get(controller, controller)
        if self.mode == "v2":
            if second in self.controllers:
                return UNIFIED
        elif controller in self.controllers:
            return controller
        elif f"{UNIFIED}/{second}" in self.controllers:
            return UNIFIED
        if self.mode == "none":
            raise UnsupportedError(
                f"{what}: no control groups are mounted here",
                feature="cgroups",
                hint="mount -t cgroup2 none /sys/fs/cgroup",
            )
        name = second if self.mode == "v2" else controller
        there = ", ".join(sorted(self.controllers)) or "none"
        hint = f"boot a kernel with the {name} controller, and without cgroup_disable={name}"
        if self.mode == "v2":
            hint = f"as an ordinary user: Delegate=yes for user@.service; else {hint}"
        raise UnsupportedError(
            f"{what}: the {name} controller is not available here (there: {there})",
            feature="cgroups",
            hint=hint,
        )

    def write(
        self,
        controller: str,
        what: str,
        first: "tuple[str, str] | None",
        second: "tuple[str, str] | None",
    ) -> CgroupWrite:
        """Return the write in the words of the hierarchy that has the controller.

        Args:
            controller: v1's name.
            what: the limit in a few words.
            first: file and value of v1; None where v1 has no such limit.
            second: likewise of v2.
        """
        place = self.place(controller, what)
        words = second if place == UNIFIED else first
        if words is None:
            raise UnsupportedError(
                f"{what}: cgroup {'v2' if place == UNIFIED else 'v1'} has no such limit",
                feature="cgroups",
                hint="leave it away",
            )
        return CgroupWrite(place, words[0], words[1], what)
