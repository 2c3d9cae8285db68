"""create, start, kill and delete a container, as the OCI runtime specification has them.

    create   claim the id; make control groups; clone; map ids, attach, run hooks while it waits;
             write the state down; let it wait to be started
    start    run hooks; connect to the socket on which it waits; hear whether it executed
    kill     send a signal
    delete   end what is left; remove control groups; run hooks; forget

The first process of a container that was created is a child of this process's launcher, and when
both end, of the nearest subreaper above: nothing of ours stays.

Facts about a kill between two operations
-----------------------------------------
Until the last `wait` a container dies with the process that makes it, whose end closes the channel.
State that names the control group is written before the group is made. What a kill leaves, then, is
a directory, perhaps with an empty group: `delete` takes both.

Source: opencontainers/runtime-spec, runtime.md "Lifecycle".
Kernel: unix(7), pidfd_send_signal(2), prctl(2) PR_SET_CHILD_SUBREAPER.
"""

import _socket
import os
import select
import time

from wardian import errors
from wardian.kernel import cgroups, idmap, processes
from wardian.runtime import failure, hooks, launch, preparation, state, validate
from wardian.runtime.state import CREATED, PAUSED, RUNNING, STOPPED, State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from wardian.runtime.preparation import Prepared
    from wardian.runtime.spec import Hook, Spec

END_TIMEOUT_MS = 10_000
WAITED_AWAY = (_socket.SOCK_SEQPACKET, _socket.AF_UNIX)


class Request:
    """What `create` is asked for.

    Attributes:
        root, id, bundle: where containers are remembered, its name, its directory.
        stdio: descriptors 0, 1, 2 and further ones of the program.
        pid_file: gets the pid; "" for none.
        console: called with the pseudo-terminal's master before `create` returns; or None.
        managed: "cgroupfs" or "systemd".
    """

    __slots__ = ("bundle", "console", "id", "managed", "pid_file", "root", "stdio", "warnings")

    def __init__(self, root: str, name: str, bundle: str, stdio: "Sequence[int]") -> None:
        self.root = root
        self.id = name
        self.bundle = os.path.realpath(bundle)
        self.stdio = stdio
        self.pid_file = ""
        self.console: Callable[[int], None] | None = None
        self.managed = "cgroupfs"
        self.warnings: list[str] = []


class Made:
    """A container that was created in this process, and its first process.

    Attributes:
        state: as written down; locked.
        launch: its first process.
    """

    __slots__ = ("launch", "state")

    def __init__(self, found: State, started: launch.Launch) -> None:
        self.state = found
        self.launch = started


# ---- create -------------------------------------------------------------------------------


def create(request: Request) -> Made:
    """Make a container up to where its program would be executed.

    Raises:
        WardianError: it can't be made; nothing of it is left.
    """
    spec = validate.read_config(os.path.join(request.bundle, "config.json"), request.warnings)
    _check_process(spec, request)
    preparation.absolute_paths(spec, request.bundle)
    found = state.claim(request.root, request.id)
    try:
        found.bundle, found.rootfs = request.bundle, spec["root"]["path"]
        found.created = _now()
        found.config = spec
        started = _make(found, request)
    except BaseException:
        _undo(found)
        raise
    return Made(found, started)


def _check_process(spec: "Spec", request: Request) -> None:
    process = spec.get("process")
    if process is None or not process.get("args"):
        raise errors.SpecError("the program to run is not given", where="process.args")
    process.setdefault("user", {})
    for key in ("uid", "gid"):
        process["user"].setdefault(key, 0)  # type: ignore[misc]
    if bool(process.get("terminal")) != (request.console is not None):
        if request.console is None:
            raise errors.UsageError(
                "cannot allocate tty if runc will detach without setting console socket"
            )
        raise errors.UsageError("cannot use console socket if runc will not detach or allocate tty")


def _make(found: State, request: Request) -> launch.Launch:
    spec = found.config
    rows = spec.get("hooks", {})
    layout = cgroups.detect()
    may_limit = layout.mode != "none"
    if may_limit and os.geteuid() == 0 and not _in_user_namespace():
        preparation.device_rules(spec)
    socket = _listen(found)
    extension = spec.setdefault("wardian", {})
    extension.update({"lasting": True, "later": True, "attach": True})
    before = [
        *rows.get("prestart", []),
        *rows.get("createRuntime", []),
        *rows.get("createContainer", []),
    ]
    extension["hooks"] = bool(before)
    made = preparation.prepare(spec, own=[socket])
    del spec["wardian"]
    try:
        found.ids = made.host.ids
        group = _group(found, made, layout)
        return _launch(found, request, made, group)
    finally:
        made.close()


def _listen(found: State) -> int:
    """Return the socket on which the container waits to be started."""
    server = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
    here = os.open(found.directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        server.bind(f"/proc/self/fd/{here}/{state.SOCKET}")  # a path of any length
        server.listen(1)
    finally:
        os.close(here)
    return server.detach()


def _group(found: State, made: "Prepared", layout: cgroups.Layout) -> "cgroups.Cgroup | None":
    """Make the control group, whose name is written down before."""
    linux = found.config.get("linux", {})
    name = cgroups.of_container(linux.get("cgroupsPath", ""), found.id)
    found.cgroup = {"name": name, "groups": {}, "parents": [], "unit": ""}
    found.save()
    try:
        group = cgroups.create(layout, name, made.plan.cgroup_writes, wanted=cgroups.every(layout))
    except errors.UnsupportedError:
        if made.plan.cgroup_writes or (os.geteuid() == 0 and not _in_user_namespace()):
            raise
        found.cgroup = None  # an ordinary user without limits goes on without a group
        found.save()
        return None
    found.cgroup = group.record()
    found.save()
    return group


def _launch(
    found: State, request: Request, made: "Prepared", group: "cgroups.Cgroup | None"
) -> launch.Launch:
    spec = found.config
    if group is not None:
        made.bindings.update(group.bindings())
    for kind, rows in (
        ("uid", made.maps and made.maps.uid_map),
        ("gid", made.maps and made.maps.gid_map),
    ):
        if rows:
            made.bindings[f"${kind}_map"] = rows
    started = launch.request(
        made.plan.encode(made.bindings),
        request.stdio,
        clone_flags=made.plan.clone_flags,
        cgroup_fd=group.unified_fd() if group is not None else -1,
        joins=made.joins,
        own=made.own,
        flags=launch.LASTING | (launch.HIDDEN if made.hidden else 0),
    )

    def enter(pid: int) -> None:
        if made.maps is not None:
            idmap.write_maps(pid, made.maps)
        if group is not None and group.unified_fd() < 0:
            group.attach(pid)
        _move_devices(spec, pid)

    def before_root(pid: int) -> None:
        found.pid = pid
        _hooks_before(found)

    def complete(pid: int) -> None:
        found.pid, found.started = pid, cgroups.start_time(pid)
        if request.console is not None:
            request.console(started.take_terminal())
        found.save()
        if request.pid_file:
            state.write_file(request.pid_file, str(pid))

    turns = [enter, before_root, complete] if _has_hooks_before(spec) else [enter, complete]
    try:
        started.start(*turns)
    except launch.ReportedError as problem:
        raise failure.describe(problem, made.plan) from None
    return started


def _has_hooks_before(spec: "Spec") -> bool:
    rows = spec.get("hooks", {})
    return any(rows.get(kind) for kind in ("prestart", "createRuntime", "createContainer"))


def _hooks_before(found: State) -> None:
    rows = found.config.get("hooks", {})
    document = found.document(state.CREATING)
    hooks.run("prestart", rows.get("prestart", []), document)
    hooks.run("createRuntime", rows.get("createRuntime", []), document)
    hooks.run_inside("createContainer", rows.get("createContainer", []), document, host_root=True)


def _move_devices(spec: "Spec", pid: int) -> None:
    """Move network devices of the host into the container (linux.netDevices)."""
    devices = spec.get("linux", {}).get("netDevices", {})
    if devices:
        from wardian.kernel import network_devices

        for name, row in devices.items():
            network_devices.move(name, pid, row.get("name") or name)


def _undo(found: State) -> None:
    """A container that could not be made: take away what there is of it."""
    _end(found)
    _remove(found)


def _now() -> str:
    seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{nanoseconds:09d}Z"


def _in_user_namespace() -> bool:
    """Return whether this process is root of its own user namespace only."""
    try:
        with open("/proc/self/uid_map", "rb") as file:
            return file.read(64).split() != [b"0", b"0", b"4294967295"]
    except OSError:
        return False


# ---- start --------------------------------------------------------------------------------


def start(found: State) -> "list[str]":
    """Execute the program of a container that was created; returns warnings.

    Args:
        found: locked.

    Raises:
        StatusError: it was started before.
        LaunchError: it could not be executed.
    """
    status = found.status
    if status != CREATED:
        if status in (RUNNING, PAUSED):
            raise errors.StatusError("cannot start an already running container")
        raise errors.StatusError(f"cannot start a container that has stopped ({status})")
    rows = found.config.get("hooks", {})
    try:
        if rows.get("startContainer"):
            document = found.document(CREATED)
            hooks.run_inside("startContainer", rows["startContainer"], document, host_root=False)
        _release(found)
    except BaseException:
        _end(found)
        raise
    return _run_each("poststart", rows.get("poststart", []), found.document(RUNNING))


def _run_each(kind: str, row: "Sequence[Hook]", document: "dict[str, Any]") -> "list[str]":
    """Run hooks whose failure the container's life does not depend on; returns what failed."""
    warnings = []
    for hook in row:
        try:
            hooks.run(kind, [hook], document)
        except errors.HostError as error:
            warnings.append(str(error))
    return warnings


def _release(found: State) -> None:
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
    here = os.open(found.directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        connection.connect(f"/proc/self/fd/{here}/{state.SOCKET}")
        while True:
            data, ancillary, _flags, _address = connection.recvmsg(launch.FAILURE.size, 64)
            if len(data) != launch.MESSAGE.size:
                break
            for _level, _kind, packed in ancillary:
                _hand_over_listener(found, launch.DESCRIPTOR.unpack_from(packed)[0])
    except OSError as error:
        if not found.is_alive:
            raise errors.StatusError("cannot start a container that has stopped") from None
        raise errors.KernelError("connect to the container", error.errno or 0) from None
    finally:
        connection.close()
        os.close(here)
    if len(data) == launch.FAILURE.size:
        _index, number, detail = launch.FAILURE.unpack(data)
        raise failure.of_start(found.config, number, detail.partition(b"\0")[0].decode())
    os.unlink(found.socket)


def _hand_over_listener(found: State, listener: int) -> None:
    """Give the seccomp listener to the agent (linux.seccomp.listenerPath)."""
    from wardian.runtime import listener as agents

    try:
        agents.hand_over(found, listener)
    finally:
        os.close(listener)


# ---- kill and delete ----------------------------------------------------------------------


def kill(found: State, signal: int, *, everyone: bool = False) -> None:
    """Send a signal to the first process, or to all processes of the container.

    Raises:
        StatusError: the container does not run.
    """
    group = found.group()
    if everyone and group is not None:
        from wardian.kernel import cgroup_files

        if signal == processes.SIGKILL:
            group.kill()
            return
        for directory in dict.fromkeys(group.groups.values()):
            cgroup_files.signal_all(directory, signal)
            return
        return
    if found.status == STOPPED:
        raise errors.StatusError("container not running")
    try:
        pidfd = os.pidfd_open(found.pid)
    except ProcessLookupError:
        raise errors.StatusError("container not running") from None
    try:
        if not found.is_alive or not processes.send_signal(pidfd, signal):
            raise errors.StatusError("container not running")
        if signal == processes.SIGKILL and group is not None and group.is_frozen:
            group.thaw()
    finally:
        os.close(pidfd)


def delete(found: State, *, force: bool = False) -> "list[str]":
    """End a container where that is asked for, and forget it; returns warnings.

    Args:
        found: locked.
        force: also one that runs.

    Raises:
        StatusError: it runs.
    """
    status = found.status
    if not force and status not in (STOPPED, CREATED):
        raise errors.StatusError(
            f'cannot delete container "{found.id}" that is not stopped: {status}'
        )
    document = found.document(STOPPED)
    _end(found)
    _remove(found)
    return _run_each("poststop", found.config.get("hooks", {}).get("poststop", []), document)


def _end(found: State) -> None:
    """Kill the first process, with it all of its pid namespace, and whatever is in the group."""
    group = found.group()
    if found.pid and found.is_alive:
        try:
            pidfd = os.pidfd_open(found.pid)
        except ProcessLookupError:
            pidfd = -1
        if pidfd >= 0:
            processes.send_signal(pidfd, processes.SIGKILL)
            if group is not None and group.exists and group.is_frozen:
                group.thaw()
            poll = select.poll()
            poll.register(pidfd, select.POLLIN)
            poll.poll(END_TIMEOUT_MS)
            os.close(pidfd)
    if group is not None and group.exists and group.processes():
        group.kill()


def _remove(found: State) -> None:
    group = found.group()
    if group is not None and not group.groups:  # its maker was killed before it knew
        group = cgroups.find(cgroups.detect(), group.name)
    if group is not None:
        group.remove()
    found.remove()
