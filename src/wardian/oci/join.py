"""exec: run one more process in a running container.

The process is cloned inside of the container's namespaces, by way of a process that only enters
them; nothing of this process goes along. It waits there until it is in the container's control
groups, so that nothing it does escapes the limits.

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
from wardian.oci import preparation
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
        warnings: gets what deserves a warning.
        ignore_paused: in a container that is paused, wait until it goes on.
    """

    __slots__ = (
        "console",
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
    proc = os.open("/proc", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    bindings: dict[str, str | bytes] = {"$rows": "0", "$columns": "0"}
    try:
        made = _plan(found, request.process, bindings, in_user=in_user)
        return _start(request, made, made.encode(bindings), (joins, proc))
    finally:
        for fd in (*joins, proc):
            os.close(fd)


def _check_status(status: str, *, ignore_paused: bool) -> None:
    if status == STOPPED:
        raise errors.StatusError("cannot exec in a stopped container")
    if status == PAUSED and not ignore_paused:
        message = "cannot exec in a paused container (use --ignore-paused to override)"
        raise errors.StatusError(message)
    if status not in (RUNNING, CREATED, PAUSED):
        raise errors.StatusError(f"cannot exec in a container that is {status}")


def _start(
    request: Request, made: plan.Plan, data: bytes, descriptors: "tuple[list[int], int]"
) -> launch.Launch:
    group = request.found.group()
    joins, proc = descriptors
    started = launch.request(
        data,
        request.stdio,
        clone_flags=0,
        cgroup_fd=-1,
        joins=joins,
        own=[proc],
        flags=launch.LASTING | launch.HIDDEN,
    )

    def enter(pid: int) -> None:
        if group is not None:
            group.attach(pid)
        if request.pid_file:
            write_file(request.pid_file, str(pid))

    try:
        started.start(enter)
    except launch.ReportedError as problem:
        raise failure.describe(problem, made) from None
    if request.console is not None:
        request.console(started.take_terminal())
    return started


def _plan(
    found: State, process: "Process", bindings: "dict[str, str | bytes]", *, in_user: bool
) -> plan.Plan:
    spec: Spec = {"process": process, "linux": {}}
    seccomp = found.config.get("linux", {}).get("seccomp")
    if seccomp:
        spec["linux"]["seccomp"] = seccomp
    filters.resolve(spec, bindings)
    spec.setdefault("wardian", {})["lasting"] = True
    spec["linux"] = {}
    return plan.Plan(tuple(_steps(spec, in_user=in_user, set_groups=_may_set_groups(found))), 0)


def _may_set_groups(found: State) -> bool:
    try:
        with open(f"/proc/{found.pid}/setgroups", "rb") as file:
            return file.read(5) != b"deny\n"
    except OSError:
        return True


def _steps(spec: "Spec", *, in_user: bool, set_groups: bool) -> "Iterator[Step]":
    process = spec["process"]
    affinity = process.get("execCPUAffinity", {})
    yield Step("clone", (0,), "in the container's namespaces")
    if affinity.get("initial"):
        yield attributes.affinity(affinity["initial"], "before it is in its control group")
    yield Step("wait", (), "its control groups are entered from outside")
    if affinity.get("final"):
        yield attributes.affinity(affinity["final"], "in its control group")
    if in_user:
        yield Step("become_root", (int(set_groups),), "id 0 of the user namespace")
    yield Step("enter", (0,), "the host's own /proc")
    yield from attributes.early(process, ".")
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
