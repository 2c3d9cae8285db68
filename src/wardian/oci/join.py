"""exec: run one more process in a running container.

The process is cloned inside of the container's namespaces and its cgroup v2, by way of a process
that only enters them; nothing of this process goes along. The v1 groups it enters first of all, by
files that are opened outside, so that nothing it does escapes the limits.

Facts about entering
--------------------
In the container's pid namespace others may look at the newcomer. It is not dumpable until its exec,
runs from a sealed copy in memory, and all its descriptors close: what is reached through
/proc/PID/exe or /proc/PID/fd is nothing of the host's (CVE-2019-5736, CVE-2024-21626). Labels and
oom_score_adj are written through a descriptor of the host's own /proc, since the container's may be
anything (CVE-2025-52881).

Kernel: setns(2), pid_namespaces(7), cgroups(7).
"""

import os

from wardian import errors
from wardian.kernel import cgroup_files, cgroups
from wardian.oci import listener, preparation
from wardian.oci.state import CREATED, PAUSED, RUNNING, STOPPED, State, write_file
from wardian.runtime import confinement, failure, filters, launch, plan
from wardian.runtime import process_attributes as attributes
from wardian.runtime.step import Step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from wardian.runtime.spec import Process, Spec


class Request:
    """What `start` is asked for.

    Attributes:
        found: the container.
        process: what to run, checked.
        stdio: descriptors 0, 1, 2 and further ones of the process.
        console: called with the pseudo-terminal's master where process.terminal is set; or None.
        pid_file: gets the pid; "" for none.
        foreground: the caller waits for its end.
        warnings: gets what deserves a warning.
        ignore_paused: in a container that is paused, wait until it goes on.
    """

    __slots__ = (
        "console",
        "foreground",
        "found",
        "ignore_paused",
        "pid_file",
        "process",
        "stdio",
        "warnings",
    )

    def __init__(self, found: State, process: "Process", stdio: "Sequence[int]") -> None:
        self.found = found
        self.process = process
        self.stdio = stdio
        self.console: Callable[[int], None] | None = None
        self.pid_file = ""
        self.ignore_paused = False
        self.foreground = False
        self.warnings: list[str] = []


def start(request: Request) -> launch.Launch:
    """Start a process in a container; returns when it was executed.

    Raises:
        StatusError: the container does not run.
        LaunchError: the process could not be started.
    """
    found = request.found
    _check_status(found.status, ignore_paused=request.ignore_paused)
    preparation.check_labels(request.process)
    preparation.grantable(request.process, request.warnings)
    joins, in_user = preparation.open_namespaces(found.pid, privileged=os.geteuid() == 0)
    bindings: dict[str, str | bytes] = {"$rows": "0", "$columns": "0"}
    own: list[int] = []
    try:
        groups = _open_groups(found)
        own = [*groups, *_open_proc(request.process)]
        made = _plan(found, request.process, bindings, in_user=in_user, groups=len(groups))
        return _start(request, made, made.encode(bindings), (joins, own))
    finally:
        for fd in (*joins, *own):
            os.close(fd)


def _open_groups(found: State) -> "list[int]":
    """Open the v1 groups' files into which the newcomer writes itself."""
    group = found.group()
    if group is None:
        return []
    return [os.open(path, os.O_WRONLY | os.O_CLOEXEC) for path in group.tasks]


def _open_proc(process: "Process") -> "list[int]":
    """Open the host's /proc where a label needs it; else nothing of the host's goes along."""
    if not process.get("apparmorProfile") and not process.get("selinuxLabel"):
        return []
    return [os.open("/proc", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)]


def _unified_fd(found: State) -> int:
    """Return the cgroup v2 that the newcomer is cloned in, or -1.

    A container may have moved its processes into groups of its own, below; then nothing can be
    in the one above, and the newcomer goes to where the first process is (cgroups(7), "no internal
    processes").
    """
    group = found.group()
    if group is None:
        return -1
    directory = group.groups.get(cgroups.UNIFIED)
    if directory is None:
        return -1
    own = cgroup_files.find(f"{directory}/cgroup.subtree_control")
    if own:
        text = cgroup_files.find(f"/proc/{found.pid}/cgroup") or ""
        path = next((line[3:] for line in text.splitlines() if line.startswith("0::")), "")
        top = group.layout.unified or ""
        if path and os.path.isdir(top + path):
            directory = top + path
    return os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)


def _check_status(status: str, *, ignore_paused: bool) -> None:
    if status == STOPPED:
        raise errors.StatusError("cannot exec in a stopped container")
    if status == PAUSED and not ignore_paused:
        message = "cannot exec in a paused container (use --ignore-paused to override)"
        raise errors.StatusError(message)
    if status not in (RUNNING, CREATED, PAUSED):
        raise errors.StatusError(f"cannot exec in a container that is {status}")


def _start(
    request: Request, made: plan.Plan, data: bytes, descriptors: "tuple[list[int], list[int]]"
) -> launch.Launch:
    joins, own = descriptors
    cgroup_fd = _unified_fd(request.found)
    try:
        started = launch.request(
            data,
            request.stdio,
            clone_flags=0,
            cgroup_fd=cgroup_fd,
            joins=joins,
            own=own,
            flags=launch.LASTING | launch.HIDDEN | (launch.REAPED if request.foreground else 0),
        )
        if preparation.has_listener(request.found.config):
            started.on_listener = lambda fd: listener.hand_over(
                request.found, fd, pid=started.pid, status=RUNNING
            )
        started.start(lambda pid: _adjust(pid, request.process))
    except launch.ReportedError as problem:
        raise failure.describe(problem, made) from None
    finally:
        if cgroup_fd >= 0:
            os.close(cgroup_fd)
    if request.pid_file:
        write_file(request.pid_file, str(started.pid))
    if request.console is not None:
        request.console(started.take_terminal())
    return started


def _adjust(pid: int, process: "Process") -> None:
    score = process.get("oomScoreAdj")
    if score is not None:
        cgroup_files.write(f"/proc/{pid}/oom_score_adj", str(score))


def _plan(
    found: State,
    process: "Process",
    bindings: "dict[str, str | bytes]",
    *,
    in_user: bool,
    groups: int,
) -> plan.Plan:
    spec: Spec = {"process": process, "linux": {}}
    seccomp = found.config.get("linux", {}).get("seccomp")
    if seccomp:
        spec["linux"]["seccomp"] = seccomp
    filters.resolve(spec, bindings)
    spec.setdefault("wardian", {})["lasting"] = True
    spec["linux"] = {}
    set_groups = _may_set_groups(found)
    return plan.Plan(tuple(_steps(spec, in_user=in_user, set_groups=set_groups, groups=groups)), 0)


def _may_set_groups(found: State) -> bool:
    try:
        with open(f"/proc/{found.pid}/setgroups", "rb") as file:
            return file.read(5) != b"deny\n"
    except OSError:
        return True


def _steps(spec: "Spec", *, in_user: bool, set_groups: bool, groups: int) -> "Iterator[Step]":
    process = spec["process"]
    affinity = process.get("execCPUAffinity", {})
    yield Step("clone", (0,), "in the container's namespaces")
    if affinity.get("initial"):
        yield attributes.affinity(affinity["initial"], "before it is in its control group")
    if groups:
        yield Step("enter_groups", (groups,), "the container's limits count from here on")
    if affinity.get("final"):
        yield attributes.affinity(affinity["final"], "in its control group")
    if in_user:
        yield Step("become_root", (int(set_groups),), "id 0 of the user namespace")
    yield Step("wait", (), "its oom score is set from outside")
    labels: Process = {**process}
    labels.pop("oomScoreAdj", None)
    if process.get("apparmorProfile") or process.get("selinuxLabel"):
        yield Step("enter", (groups,), "the host's own /proc")
        yield from attributes.early(labels, ".")
    yield Step("chdir", (process["cwd"], 0), "the working directory")
    if process.get("terminal"):
        size = process.get("consoleSize")
        rows, columns = (size["height"], size["width"]) if size else ("$rows", "$columns")
        owner = process["user"]["uid"]
        yield Step("console", (rows, columns, owner), "a pseudo-terminal of the container's")
    yield from confinement.steps(spec, init=False, set_groups=set_groups)


def processes(found: State) -> "list[int]":
    """Return the pids of all processes of a container, as this process's namespace sees them."""
    group = found.group()
    if group is None or not group.exists:
        return [found.pid] if found.is_alive else []
    return group.processes()
