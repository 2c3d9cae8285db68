"""create: make a container up to where its program would be executed.

    claim the id; make control groups; clone; map ids, enter groups and run hooks while it waits;
    write the state down; let it wait to be started

The first process of a container that was created is a child of this process's launcher, and when
both end, of the nearest subreaper above: nothing of ours stays.

Facts about a kill between two operations
-----------------------------------------
Until the last `wait` a container dies with the process that makes it, whose end closes the channel.
State that names the control group is written before the group is made. What a kill leaves, then, is
a directory, perhaps with an empty group: `delete` takes both.

Source: opencontainers/runtime-spec, runtime.md "Lifecycle".
Kernel: unix(7), prctl(2) PR_SET_CHILD_SUBREAPER.
"""

import _socket
import os
import time

from wardian import errors
from wardian.kernel import cgroups, probe, procfs
from wardian.oci import preparation, state, validate
from wardian.oci.state import State
from wardian.runtime import launch, plan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wardian.oci.preparation import Prepared
    from wardian.runtime.spec import Spec


class Request:
    """What `create` is asked for.

    Attributes:
        root, id, bundle: where containers are remembered, its name, its directory.
        stdio: descriptors 0, 1, 2 and further ones of the program.
        pid_file: gets the pid; "" for none.
        console: called with the pseudo-terminal's master before `create` returns; or None.
        own_terminal: stands for `console` where process.terminal is set and no console was given.
        managed: "cgroupfs" or "systemd".
        foreground: the caller waits for the program's end.
    """

    __slots__ = (
        "bundle",
        "console",
        "foreground",
        "id",
        "managed",
        "own_terminal",
        "pid_file",
        "root",
        "stdio",
        "warnings",
    )

    def __init__(self, root: str, name: str, bundle: str, stdio: "Sequence[int]") -> None:
        self.root = root
        self.id = name
        self.bundle = os.path.realpath(bundle)
        self.stdio = stdio
        self.pid_file = ""
        self.console: Callable[[int], None] | None = None
        self.own_terminal: Callable[[int], None] | None = None
        self.managed = "cgroupfs"
        self.foreground = False
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
        document = found.document(state.STOPPED)
        _undo(found)
        if found.pid:  # hooks have run that have a counterpart
            from wardian.oci import hooks

            hooks.run_each("poststop", spec.get("hooks", {}).get("poststop", []), document)
        raise
    return Made(found, started)


def _check_process(spec: "Spec", request: Request) -> None:
    # A container without a program can be created, but not started.
    process = spec.setdefault("process", {"args": [""], "env": [], "cwd": "/"})
    if not process.get("args"):
        raise errors.SpecError("the program to run is not given", where="process.args")
    process.setdefault("user", {})
    for key in ("uid", "gid"):
        process["user"].setdefault(key, 0)  # type: ignore[misc]
    preparation.grantable(process, request.warnings)
    if process.get("terminal") and request.console is None:
        request.console = request.own_terminal
    if bool(process.get("terminal")) != (request.console is not None):
        if request.console is None:
            raise errors.UsageError(
                "cannot allocate tty if runc will detach without setting console socket"
            )
        raise errors.UsageError("cannot use console socket if runc will not detach or allocate tty")


def _make(found: State, request: Request) -> launch.Launch:
    spec = found.config
    layout = cgroups.detect()
    may_limit = layout.mode != "none"
    if may_limit and os.geteuid() == 0 and not probe.in_user_namespace():
        preparation.device_rules(spec)
    scoped = request.managed == "systemd"
    group = None
    if scoped:
        _scope_ahead(found, layout)
    else:
        group = _group(found, layout)
    spec["wardian"] = {
        "lasting": True,
        "later": True,
        "attach": scoped or _is_attached(spec),
        "groups": list(group.groups) if group is not None else [],
        "hooks": _has_hooks_before(spec),
    }
    made = preparation.prepare(spec, own=[_listen(found)])
    del spec["wardian"]
    if spec["process"]["args"] == [""]:
        del spec["process"]
    try:
        found.ids = made.host.ids
        return _launch(found, request, made, group)
    finally:
        made.close()


def _scope_ahead(found: State, layout: cgroups.Layout) -> None:
    """Write down which scope systemd will be asked for; it makes one only around a process."""
    from wardian.kernel import systemd

    systemd.check(layout)
    path = found.config.get("linux", {}).get("cgroupsPath", "")
    _slice, unit = systemd.of_container(path, found.id)
    found.cgroup = {"name": unit, "groups": {}, "parents": [], "unit": unit}
    found.save()


def _enter_scope(found: State, pid: int) -> None:
    from wardian.kernel import systemd

    spec = found.config
    parent, unit = systemd.of_container(spec.get("linux", {}).get("cgroupsPath", ""), found.id)
    writes = plan.limits(spec, preparation.host_of(spec))
    found.cgroup = systemd.start(cgroups.detect(), unit, parent, pid, writes=writes).record()
    found.save()


def _is_attached(spec: "Spec") -> bool:
    """Return whether the container needs somebody outside before it can go on.

    In a user namespace it may not move itself into control groups of the host's root.
    """
    linux = spec.get("linux", {})
    kinds = {row["type"] for row in linux.get("namespaces", [])}
    return "user" in kinds or bool(linux.get("netDevices"))


def _listen(found: State) -> int:
    """Return the socket on which the container waits to be started."""
    server = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
    here = os.open(found.directory, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        name = state.ATTENDED if _starts_attended(found.config) else state.SOCKET
        server.bind(f"/proc/self/fd/{here}/{name}")  # a path of any length
        server.listen(1)
    finally:
        os.close(here)
    return server.detach()


def _starts_attended(spec: "Spec") -> bool:
    """Return whether its start is more than a word to the first process."""
    rows = spec.get("hooks", {})
    hooks = rows.get("startContainer") or rows.get("poststart")
    return bool(hooks) or spec["process"]["args"] == [""] or preparation.has_listener(spec)


def _group(found: State, layout: cgroups.Layout) -> "cgroups.Cgroup | None":
    """Make the control group, whose name is written down before."""
    linux = found.config.get("linux", {})
    writes = plan.limits(found.config, preparation.host_of(found.config))
    name = cgroups.of_container(linux.get("cgroupsPath", ""), found.id)
    found.cgroup = {"name": name, "groups": {}, "parents": [], "unit": ""}
    found.save()
    try:
        group = cgroups.create(layout, name, writes, wanted=cgroups.every(layout))
    except errors.UnsupportedError:
        if writes or (os.geteuid() == 0 and not probe.in_user_namespace()):
            raise
        found.cgroup = None  # an ordinary user without limits goes on without a group
        found.save()
        return None
    found.cgroup = group.record()
    if group.parents or _has_hooks_before(found.config):  # else found by its name; hooks may ask
        found.save()
    return group


def _launch(
    found: State, request: Request, made: "Prepared", group: "cgroups.Cgroup | None"
) -> launch.Launch:
    cgroup_fd = _bind(made, group)
    started = launch.request(
        made.plan.encode(made.bindings),
        request.stdio,
        clone_flags=made.plan.clone_flags,
        cgroup_fd=cgroup_fd,
        joins=made.joins,
        own=made.own,
        flags=launch.LASTING
        | (launch.HIDDEN if made.hidden else 0)
        | (launch.REAPED if request.foreground else 0),
    )

    if preparation.has_listener(found.config):
        from wardian.oci import listener

        started.on_listener = lambda fd: listener.hand_over(
            found, fd, pid=started.pid, status=state.CREATING
        )

    def enter(pid: int) -> None:
        if made.maps is not None:
            from wardian.kernel import idmap

            idmap.write_maps(pid, made.maps)
        if group is not None:
            group.attach(pid)
        elif request.managed == "systemd":
            _enter_scope(found, pid)
        _move_devices(found.config, pid)

    turns: list[Callable[[int], None]] = [lambda pid: _complete(found, request, started, pid)]
    if _has_hooks_before(found.config):
        turns.insert(0, lambda pid: _hooks_before(found, pid))
    if request.managed == "systemd" or _is_attached(found.config):
        turns.insert(0, enter)
    try:
        started.start(*turns)
    except launch.ReportedError as problem:
        from wardian.runtime import failure

        raise failure.describe(problem, made.plan) from None
    return started


def _complete(found: State, request: Request, started: launch.Launch, pid: int) -> None:
    """The container is made but for its start: write that down, and give away what it made."""
    found.pid, found.started = pid, procfs.start_time(pid)
    if request.console is not None:
        request.console(started.take_terminal())
    found.save()
    if request.pid_file:
        state.write_file(request.pid_file, str(pid))


def _bind(made: "Prepared", group: "cgroups.Cgroup | None") -> int:
    """Bind the plan's symbols; return the cgroup v2 to be cloned in, or -1."""
    if made.maps is not None:
        made.bindings["$uid_map"] = made.maps.uid_map
        made.bindings["$gid_map"] = made.maps.gid_map
    if group is not None:
        made.bindings.update(group.bindings())
    for names in made.host.cgroup_names:
        made.bindings.setdefault(f"$cgroup/{names}", preparation.hierarchy(group, names))
    return group.unified_fd() if group is not None else -1


def _has_hooks_before(spec: "Spec") -> bool:
    rows = spec.get("hooks", {})
    return any(rows.get(kind) for kind in ("prestart", "createRuntime", "createContainer"))


def _hooks_before(found: State, pid: int) -> None:
    from wardian.oci import hooks

    found.pid = pid
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
    from wardian.oci import ending

    ending.end(found)
    ending.remove(found)


def _now() -> str:
    seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + f".{nanoseconds:09d}Z"
