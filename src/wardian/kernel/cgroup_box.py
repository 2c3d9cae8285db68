"""One box's control group in all its hierarchies: enter, read, change.

A box's group has the same name in every hierarchy. In hybrid mode a leaf of the cgroup2 tree joins
the v1 controllers: killing, freezing and pressure are one write or read there.

Kernel: cgroups(7), Documentation/admin-guide/cgroup-v1/ and cgroup-v2.rst.
"""

import os

from wardian.errors import KernelError, UnsupportedError
from wardian.kernel import cgroup_files as files
from wardian.kernel import cgroup_limits, cgroup_v1, cgroup_v2
from wardian.kernel.cgroup_files import UNIFIED, CgroupWrite
from wardian.kernel.cgroup_place import Place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from typing import Any

    from wardian.kernel.cgroup_layout import Layout

COUNTED = {"v1": ("freezer", "memory", "cpuacct"), "hybrid": (UNIFIED, "memory"), "v2": (UNIFIED,)}


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


def every(layout: "Layout") -> "tuple[str, ...]":
    """Return all hierarchies of this machine, the anchor first.

    For a container that others look at: docker and the kubelet read all its counters, and may set
    any limit later.
    """
    row = dict.fromkeys(hierarchies((), layout.mode, layout.controllers))
    row.update(
        dict.fromkeys(name for name, mount in layout.controllers.items() if mount != layout.unified)
    )
    return tuple(row)


def second_controllers(writes: "Iterable[CgroupWrite]") -> "frozenset[str]":
    """Return the cgroup2 controllers that these limits need."""
    return cgroup_v2.needed_controllers(
        write.file for write in writes if write.controller == UNIFIED
    )


class Cgroup(Place):
    """One box's control group in all its hierarchies.

    Attributes:
        layout: the machine's hierarchies.
        unit: systemd's name of it, where systemd made it; else "".
    """

    __slots__ = ("layout", "unit")

    def __init__(self, layout: "Layout", name: str, groups: "dict[str, str]") -> None:
        super().__init__(name, groups)
        self.layout = layout
        self.unit = ""

    def record(self) -> "dict[str, Any]":
        """Return what `reopen` needs, as plain data for a state file."""
        return {
            "name": self.name,
            "groups": dict(self.groups),
            "parents": list(self.parents),
            "unit": self.unit,
        }

    # ---- entering -------------------------------------------------------------------------

    @property
    def procs(self) -> "tuple[str, ...]":
        """The files into which a pid is written to be in the group, or "0" for the writer."""
        return tuple(group + "/cgroup.procs" for group in dict.fromkeys(self.groups.values()))

    @property
    def tasks(self) -> "tuple[str, ...]":
        """The files of v1 into which a process with one thread writes "0" to be in the group.

        To move itself it need not wait for every processor, as for another process in cgroup.procs,
        which takes some 10 ms where nothing was moved lately.
        """
        rows = dict.fromkeys(group for name, group in self.groups.items() if name != UNIFIED)
        return tuple(group + "/tasks" for group in rows)

    def unified_procs(self) -> str:
        """The file of cgroup2 into which a process writes "0" to be in the group; "" without."""
        return f"{self.groups[UNIFIED]}/cgroup.procs" if UNIFIED in self.groups else ""

    def bindings(self) -> "dict[str, str | bytes]":
        """Return what "$cgroup/HIERARCHY" and "$cgroup/HIERARCHY/tasks" in a plan stand for here.

        A hierarchy that a plan takes for granted and this machine lacks is bound to another:
        entering twice changes nothing.
        """
        bound: dict[str, str | bytes] = {}
        others = [group for name, group in self.groups.items() if name != UNIFIED]
        for name in (*COUNTED.get(self.layout.mode, ()), *self.groups):
            group = self.groups.get(name) or (others[0] if others else "")
            bound[f"$cgroup/{name}"] = group
            bound[f"$cgroup/{name}/tasks"] = group + "/tasks"
        return bound

    def unified_fd(self) -> int:
        """Return the directory for clone3(CLONE_INTO_CGROUP), or -1 without a cgroup2 hierarchy.

        `remove` closes it.
        """
        if UNIFIED not in self.groups:
            return -1
        return self.opened(UNIFIED, "", os.O_PATH | os.O_DIRECTORY)

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

    def cpu_s(self) -> "float | None":
        """Return the processor seconds that its processes used; None where nobody counts."""
        if "cpuacct" in self.groups:
            used_ns = files.number(self.groups["cpuacct"] + "/cpuacct.usage")
            return None if used_ns is None else used_ns / 1e9
        return cgroup_v2.cpu_s(self.groups[UNIFIED]) if UNIFIED in self.groups else None

    def stats(self) -> "dict[str, Any]":
        """Return all counters, in the words of `runc events --stats`, with pressure."""
        from wardian.kernel import cgroup_stats  # a plain run asks for `usage` alone

        return cgroup_stats.collect(self.groups)

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

    def stalled_s(self) -> "dict[str, float]":
        """Return how long at least one process waited for each resource; empty where unknown."""
        found = cgroup_v2.pressure(self.groups[UNIFIED]) if UNIFIED in self.groups else {}
        return {name: rows["some"]["total"] / 1e6 for name, rows in found.items() if "some" in rows}

    # ---- acting ---------------------------------------------------------------------------

    def update(self, writes: "Sequence[CgroupWrite]", *, check_before_update: bool = False) -> None:
        """Change limits of a running box; puts the old ones back when one is refused.

        A pair that the kernel wants in another order (memory and memsw, quota and burst) is tried
        in both.

        Args:
            writes: as `create` takes them; what they don't name stays.
            check_before_update: linux.resources.memory.checkBeforeUpdate: refuse a memory limit
                below what is used now, which v2 would enforce by killing.

        Raises:
            KernelError, UnsupportedError: as `create`.
        """
        if check_before_update:
            cgroup_limits.check_memory(writes, self.groups)
        for write in writes:
            if write.controller not in self.groups:
                raise UnsupportedError(
                    f"{write.reason}: it was started without {write.controller} limits",
                    feature="cgroups",
                    hint="start it with a limit of that kind; that can be changed later",
                )
        if UNIFIED in self.groups:
            group = self.groups[UNIFIED]
            base = self.layout.prefix.get(self.layout.unified or "", "")
            if base and group.startswith(base + "/"):  # else it is not ours to enable (a scope)
                cgroup_v2.enable(base, os.path.dirname(group), second_controllers(writes))
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
