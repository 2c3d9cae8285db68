"""A box's control group as the engine makes it: where, by whom, and what a killed engine left.

A group below --cgroup-parent is out of sight of the sweep at the top of the hierarchies, so its
name is noted in the state directory before it is made. A scope of systemd's needs no note: it goes
with its last process.

Docker: docker run reference, "--cgroup-parent". Podman: "--cgroup-manager".
"""

import os

from wardian.engine import directories
from wardian.errors import HostError, UnsupportedError, UsageError
from wardian.kernel import cgroups

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from wardian.engine.options import Options

ROUNDS = 50
FIXED = frozenset(("device", "device_cgroup_rule"))
SWEEP_TIMEOUT_S = 0.5


def create(options: "Options", writes: "Sequence[cgroups.CgroupWrite]") -> cgroups.Cgroup:
    """Make a box's group.

    Raises:
        UnsupportedError, KernelError: as cgroups.create.
    """
    name = cgroups.new_name()
    if not options.cgroup_parent:
        return cgroups.create(cgroups.detect(), name, writes)
    note = os.path.join(_notes(), name)
    with open(note, "x", encoding="utf-8") as file:
        file.write(options.cgroup_parent)
    try:
        return cgroups.create(cgroups.detect(), f"{options.cgroup_parent}/{name}", writes)
    except BaseException:
        os.unlink(note)
        raise


def start_scope(
    options: "Options", pid: int, writes: "Sequence[cgroups.CgroupWrite]"
) -> cgroups.Cgroup:
    """Have systemd put a box's first process, which waits, into a scope.

    Raises:
        UnsupportedError, HostError: as systemd.start.
    """
    from wardian.kernel import systemd

    parent = options.cgroup_parent or systemd.default_slice()
    unit = cgroups.new_name() + ".scope"
    return systemd.start(cgroups.detect(), unit, parent, pid, writes=writes)


def remove(group: cgroups.Cgroup) -> None:
    """Remove a box's group, and the note of it."""
    group.remove()
    if "/" in group.name:
        _forget(os.path.join(_notes(), os.path.basename(group.name)))


def gather(pid: int) -> cgroups.Cgroup:
    """Make a group for a box that runs without one, and move its processes in.

    The box is its process namespace; a child that is forked meanwhile is found in the next round,
    and one whose parent was moved is in the group already.

    Args:
        pid: of the box's first process.

    Raises:
        UnsupportedError: this user may not; KernelError: likewise, or it forks too fast.
    """
    group = cgroups.create(cgroups.detect(), cgroups.new_name(), ())
    try:
        for _round in range(ROUNDS):
            inside = frozenset(group.processes())
            outside = [one for one in _members(pid) if one not in inside]
            if not outside:
                return group
            for one in outside:
                try:
                    group.attach(one)
                except ProcessLookupError:
                    continue
                except HostError as error:
                    if getattr(error, "errno", 0) != 3:  # ESRCH: it has ended
                        raise
        raise UnsupportedError(
            "the box forks faster than its processes can be moved",
            feature="cgroups",
            hint="start it with a limit, such as --pids-limit",
        )
    except BaseException:
        for one in group.processes():
            _leave(one)
        group.remove()
        raise


def update(
    group: cgroups.Cgroup, resources: "dict[str, object]", words: "Mapping[str, object]"
) -> "dict[str, object]":
    """Change limits; return all that hold afterwards, as OCI's linux.resources.

    Args:
        group: of the running box.
        resources: the limits that hold.
        words: docker's words, as in Options.parse.

    Raises:
        UsageError: not a limit; KernelError, UnsupportedError: as Cgroup.update.
    """
    from wardian.engine import options, resource_words
    from wardian.kernel import probe
    from wardian.runtime import resources as compiler
    from wardian.runtime import updates

    fixed = sorted(set(words) - options.LIMITS | set(words) & FIXED)
    if fixed:
        raise UsageError(f'"{fixed[0]}" can\'t be changed while the box runs')
    layout = cgroups.detect()
    after, changed = updates.merge(resources, resource_words.resources(words))
    writes = compiler.compile(
        changed,
        mode=layout.mode,
        controllers=layout.controllers,
        cpus=probe.cpus(),
        mems=probe.mems(),
    )
    group.update(writes)
    return after


def _leave(pid: int) -> None:
    """Move a process back to where our own process is."""
    layout = cgroups.detect()
    for mount, place in layout.prefix.items():
        try:
            cgroups.put(f"{layout.own.get(mount) or place}/cgroup.procs", str(pid))
        except OSError:
            continue


def _members(pid: int) -> "list[int]":
    """Return the box's processes: those of its pid namespace, and all that descend from one."""
    try:
        wanted = os.stat(f"/proc/{pid}/ns/pid").st_ino
    except OSError:
        return []
    parents: dict[int, int] = {}
    found: set[int] = set()
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                state, parent = file.read().rpartition(b")")[2].split()[:2]
            if state == b"Z":
                continue
            parents[int(name)] = int(parent)
            if os.stat(f"/proc/{name}/ns/pid").st_ino == wanted:
                found.add(int(name))
        except OSError:  # it ended while we looked
            continue
    grown = True
    while grown:  # a namespace inside of the box's has an init whose parent is ours
        more = {one for one, parent in parents.items() if parent in found} - found
        found |= more
        grown = bool(more)
    return sorted(found)


# ---- what a killed engine left ------------------------------------------------------------


def _notes() -> str:
    path = os.path.join(directories.state(), "groups")
    os.makedirs(path, 0o700, exist_ok=True)
    return path


def sweep() -> int:
    """Remove the groups below a --cgroup-parent whose owner is dead; return how many."""
    removed = 0
    layout = cgroups.detect()
    for name, parent in list(_noted()):
        if not cgroups.is_orphan(name):
            continue
        left = cgroups.find(layout, f"{parent}/{name}")
        try:
            if left is not None and not left.try_remove(SWEEP_TIMEOUT_S):
                continue
        except HostError:
            continue
        _forget(os.path.join(_notes(), name))
        removed += 1
    return removed


def _noted() -> "Iterable[tuple[str, str]]":
    directory = _notes()
    for name in os.listdir(directory):
        try:
            with open(os.path.join(directory, name), encoding="utf-8") as file:
                yield name, file.read()
        except OSError:
            continue


def _forget(note: str) -> None:
    try:
        os.unlink(note)
    except FileNotFoundError:
        pass
