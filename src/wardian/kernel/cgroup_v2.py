"""Control groups in the unified hierarchy.

Facts about v2
--------------
- A controller's files are in a group only when its parent names it in cgroup.subtree_control, and
  the parent's parent likewise, from the top. A group that enables controllers may not hold
  processes itself (EBUSY, "no internal processes"); only the hierarchy's true root may. So where
  our own processes sit in the group that was given to us (systemd's Delegate=yes, a container with
  a cgroup namespace), they move into a leaf of it first. systemd, podman and docker-in-docker do
  the same.
- To move a process, both groups and their common ancestor must be ours (cgroup.procs writable).
- cgroup.kill ends a whole group at once, frozen or not, since Linux 5.14. cgroup.freeze is done
  when cgroup.events says "frozen 1". cpu.stat and the pressure files need no controller, so that a
  group of an otherwise empty unified hierarchy (hybrid mode) has them too.
- memory.peak is since Linux 5.19, pids.peak since 6.1.

Kernel: cgroups(7), Documentation/admin-guide/cgroup-v2.rst; systemd's CGROUP_DELEGATION.
"""

import errno
import os

from wardian.errors import KernelError, UnsupportedError
from wardian.kernel import cgroup_files as files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    Usage = dict[str, float | int | None]

CALLERS = "wardian-callers"  # the leaf for processes that stood in the way
LIMIT_FILES = (
    "memory.max",
    "memory.high",
    "memory.low",
    "memory.min",
    "memory.swap.max",
    "memory.oom.group",
    "cpu.weight",
    "cpu.idle",
    "cpu.max",
    "cpu.max.burst",
    "cpuset.cpus",
    "cpuset.cpus.effective",
    "cpuset.cpus.partition",
    "cpuset.mems",
    "cpuset.mems.effective",
    "pids.max",
    "io.max",
    "io.weight",
    "io.bfq.weight",
    "rdma.max",
)


def is_delegated(group: str) -> bool:
    """Return whether this user may make groups here, move processes in, and enable controllers."""
    needed = (group, group + "/cgroup.procs", group + "/cgroup.subtree_control")
    return all(os.access(path, os.W_OK) for path in needed)


def needed_controllers(names: "Iterable[str]") -> "frozenset[str]":
    """Return the controllers that own these files ("memory.max" is of memory)."""
    found = (name.partition(".")[0] for name in names if "." in name)
    return frozenset(found) - {"cgroup"}


def enable(base: str, parent: str, controllers: "frozenset[str]") -> None:
    """Enable controllers for the children of `parent`, from `base` down.

    Args:
        base: the highest group that is ours.
        parent: `base` itself or a group below it.
        controllers: what a child of `parent` shall have.

    Raises:
        UnsupportedError: a controller is not to be had here.
        KernelError: the kernel refused for another reason.
    """
    if not controllers or not _missing(parent, controllers):
        return
    walked = base
    _enable_one(walked, controllers)
    for name in parent[len(base) :].strip("/").split("/"):
        if name:
            walked = f"{walked}/{name}"
            _enable_one(walked, controllers)


def enable_all(base: str, parent: str) -> None:
    """Enable what there is for the children of `parent`; what the kernel refuses stays off.

    The cpu controller, for one, stays off while real-time processes are outside of the root group.
    """
    walked = base
    for name in ("", *parent[len(base) :].strip("/").split("/")):
        walked = f"{walked}/{name}" if name else walked
        there = frozenset((files.find(walked + "/cgroup.controllers") or "").split())
        for controller in sorted(there):
            try:
                _enable_one(walked, frozenset((controller,)))
            except (KernelError, UnsupportedError):
                continue


def _missing(group: str, controllers: "frozenset[str]") -> "frozenset[str]":
    return controllers - frozenset((files.find(group + "/cgroup.subtree_control") or "").split())


def _enable_one(group: str, controllers: "frozenset[str]") -> None:
    missing = _missing(group, controllers)
    path = group + "/cgroup.subtree_control"
    # cpu, cpuset and pids may be enabled above processes, and make the group a thread root: then
    # no child of it is a domain, and memory and the like are refused (EOPNOTSUPP) for good.
    if (
        missing
        and files.find(group + "/cgroup.type") is not None
        and files.find(group + "/cgroup.procs")
    ):
        make_room(group)
    for controller in sorted(missing):  # one by one, so that the error names the one
        try:
            files.put(path, "+" + controller)
        except OSError as error:
            if error.errno == errno.EBUSY:
                make_room(group)
                files.write(
                    path, "+" + controller, hint="other processes keep coming into that group"
                )
                continue
            raise _refusal(group, controller, error) from None


def _refusal(group: str, controller: str, error: OSError) -> "UnsupportedError | KernelError":
    if error.errno == errno.ENOENT:
        there = files.find(group + "/cgroup.controllers") or "none"
        return UnsupportedError(
            f'the controller "{controller}" is not available in "{group}" (there: {there})',
            feature="cgroups",
            hint="systemctl edit user@.service: [Service] Delegate=cpu cpuset io memory pids",
        )
    hint = ""
    if controller == "cpu" and error.errno == errno.EINVAL:
        hint = "real-time processes outside of the root group keep the cpu controller off"
    return KernelError(
        f'write("{group}/cgroup.subtree_control", "+{controller}")', error.errno or 0, hint=hint
    )


def make_room(group: str) -> None:
    """Move the processes of a group into a leaf below it, so that it may enable controllers.

    Raises:
        KernelError: a process that may not be moved.
    """
    leaf = f"{group}/{CALLERS}"
    try:
        os.mkdir(leaf)
    except FileExistsError:
        pass
    except OSError as error:
        raise KernelError(f'mkdir("{leaf}")', error.errno or 0) from None
    for _attempt in range(20):  # they may fork while we move them
        pids = (files.find(group + "/cgroup.procs") or "").split()
        if not pids:
            return
        for pid in pids:
            if pid == "0":  # of a pid namespace that we don't see; writing "0" would move us
                hint = "a process outside of our pid namespace is in it, which we can't move"
                raise KernelError(f'make room in "{group}"', errno.EBUSY, hint=hint)
            try:
                files.put(leaf + "/cgroup.procs", pid)
            except ProcessLookupError:
                continue
            except OSError as error:
                hint = f'process {pid} stands in the group "{group}" and can\'t be moved out of it'
                raise KernelError(
                    f'write("{leaf}/cgroup.procs", "{pid}")', error.errno or 0, hint=hint
                ) from None


def cpu_s(group: str) -> "float | None":
    """Return the processor seconds that the box used; known without any controller."""
    used_usec = files.parse_pairs(files.find(group + "/cpu.stat") or "").get("usage_usec")
    return None if used_usec is None else used_usec / 1e6


def cpu_split_s(group: str) -> "tuple[float, float] | None":
    """Return the processor seconds in user mode and in the kernel; known without any controller."""
    found = files.parse_pairs(files.find(group + "/cpu.stat") or "")
    if "user_usec" not in found:
        return None
    return found["user_usec"] / 1e6, found.get("system_usec", 0) / 1e6


def usage(group: str) -> "Usage":
    """Return what the box used; None for what no controller counts."""
    events = files.parse_pairs(files.find(group + "/memory.events") or "")
    return {
        "peak_memory_bytes": files.number(group + "/memory.peak"),
        "oom_kills": events.get("oom_kill"),
        "cpu_s": cpu_s(group),
        "pids_peak": files.number(group + "/pids.peak"),
    }


def read_limits(group: str) -> "dict[str, str]":
    """Return what the kernel enforces now, by file name."""
    found = {}
    for name in LIMIT_FILES:
        value = files.find(f"{group}/{name}")
        if value is not None:
            found[name] = value
    for name in sorted(os.listdir(group)):
        if name.startswith("hugetlb.") and name.endswith(".max"):
            found[name] = files.find(f"{group}/{name}") or ""
    return found


def freeze(group: str, timeout_s: float) -> None:
    """Stop all processes of a group.

    Raises:
        KernelError: ETIMEDOUT where one of them is uninterruptible; the others run again.
    """
    files.write(group + "/cgroup.freeze", "1")
    if files.await_event(group + "/cgroup.events", "frozen 1", timeout_s):
        return
    thaw(group)
    hint = "a process waits for a device or a file server and can't be stopped"
    raise KernelError(f'freeze("{group}")', errno.ETIMEDOUT, hint=hint)


def thaw(group: str) -> None:
    """Let the processes of a group go on."""
    files.write(group + "/cgroup.freeze", "0")


def kill(group: str, timeout_s: float) -> None:
    """Send SIGKILL to every process of a group and wait until none is left.

    Args:
        group: the box's group.
        timeout_s: when to give up; what is left then is uninterruptible.
    """
    try:
        files.put(group + "/cgroup.kill", "1")
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.EOPNOTSUPP):  # before 5.14; a threaded group
            raise KernelError(f'write("{group}/cgroup.kill", "1")', error.errno or 0) from None
        kill_each(group, timeout_s)
    files.await_event(group + "/cgroup.events", "populated 0", timeout_s)


def kill_each(group: str, timeout_s: float) -> None:
    """Send SIGKILL to the processes of a group one by one, until none is left: before Linux 5.14.

    The group is frozen meanwhile, so that none can fork away; SIGKILL ends a frozen process of v2.
    """
    was_frozen = files.is_frozen(group)
    files.write(group + "/cgroup.freeze", "1")
    try:
        for _pause in files.pauses(timeout_s):
            if not files.signal_all(group):
                return
    finally:
        if not was_frozen:
            thaw(group)


def pressure(group: str) -> "dict[str, dict[str, dict[str, float]]]":
    """Return {"cpu": {"some": {"avg10": ...}}, "memory": ..., "io": ...}, without what is off."""
    found = {}
    for resource in ("cpu", "memory", "io"):
        text = files.find(f"{group}/{resource}.pressure")
        if text:
            found[resource] = files.parse_pressure(text)
    return found
