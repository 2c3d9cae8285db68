"""Look at the host for a container's spec: paths, id maps, filter, control groups; then compile it.

All that reads files or asks the kernel is here, so that runtime.plan stays pure. Paths of the
configuration that lead to the host (the root, sources of bind mounts) become absolute; what can't
be said in a plan (a mount with mapped ids, a tmpfs that begins as a copy) is made ahead as a
detached mount, and the plan names it by its place among the launch's own descriptors.

Source: opencontainers/runtime-spec, config.md "Root", "Mounts"; config-linux.md.
"""

import fcntl
import os

from wardian import errors
from wardian.kernel import capabilities, cgroups, paths, probe
from wardian.runtime import device_nodes, filters, plan
from wardian.runtime.host import Host
from wardian.runtime.mount_options import MS_SHARED, MountOptions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wardian.kernel import idmap
    from wardian.runtime.spec import IdMapping, Mount, Process, Spec

# linux/nsfs.h
NS_GET_NSTYPE = 0xB703


class Prepared:
    """A spec that is ready to be launched.

    Attributes:
        spec: absolute paths, wardian's extension.
        host: what the plan was compiled for.
        plan: the compiled plan.
        bindings: what its symbols stand for.
        maps: id maps that are to be written, or None.
        joins: descriptors of the namespaces to be entered, in order.
        own: descriptors that steps name by their place; the first is the caller's.
        hidden: others are in the process's pid namespace already.
    """

    __slots__ = ("bindings", "hidden", "host", "joins", "maps", "own", "plan", "spec")

    def __init__(self, spec: "Spec", host: Host) -> None:
        self.spec = spec
        self.host = host
        self.plan: plan.Plan = plan.Plan((), 0)
        self.bindings: dict[str, str | bytes] = {"$rows": "0", "$columns": "0"}
        self.maps: idmap.Maps | None = None
        self.joins: list[int] = []
        self.own: list[int] = []
        self.hidden = False

    def close(self) -> None:
        """Close the descriptors."""
        for fd in (*self.joins, *self.own):
            os.close(fd)
        self.joins, self.own = [], []


def host_of(spec: "Spec") -> Host:
    """Return what compiling depends on."""
    layout = cgroups.detect()
    given = {row["type"] for row in spec.get("linux", {}).get("namespaces", [])}
    single = os.geteuid() != 0 and len(spec.get("linux", {}).get("gidMappings", [])) < 2
    return Host(
        ids="given" if "user" in given else "host",
        cgroup_mode=layout.mode,
        controllers=layout.controllers,
        cpus=probe.cpus(),
        mems=probe.mems(),
        nested=probe.in_user_namespace(),
        set_groups=not single if "user" in given else probe.may_set_groups(),
        cgroup_names=_hierarchies() if layout.mode in ("v1", "hybrid") else (),
    )


def _hierarchies() -> "list[str]":
    """Return the v1 hierarchies, and "unified", as /proc/self/cgroup names them."""
    with open("/proc/self/cgroup", encoding="utf-8") as file:
        rows = [line.split(":", 2)[1] for line in file.read().splitlines()]
    names = [name or "unified" for name in rows]
    return [name for name in names if os.path.isdir(f"/sys/fs/cgroup/{name.removeprefix('name=')}")]


def hierarchy(group: "cgroups.Cgroup | None", names: str) -> str:
    """Return the container's directory in a v1 hierarchy; ours where it has none of its own there.

    Args:
        group: the container's group, if it has one.
        names: the hierarchy as /proc/self/cgroup has it: "cpu,cpuacct", "name=systemd".
    """
    for name in names.split(","):
        if group is not None and name in group.groups:
            return group.groups[name]
    with open("/proc/self/cgroup", encoding="utf-8") as file:
        rows = [line.rstrip("\n").split(":", 2) for line in file]
    own = next((row[2] for row in rows if row[1] == names.replace("unified", "")), "/")
    place = f"/sys/fs/cgroup/{names.removeprefix('name=')}"
    return place + own if os.path.isdir(place + own) else place


def absolute_paths(spec: "Spec", bundle: str) -> None:
    """Make the root, and the sources of bind mounts, absolute.

    Raises:
        NotFoundError: the root is no directory.
    """
    rootfs = os.path.realpath(os.path.join(bundle, spec["root"]["path"]))
    if not os.path.isdir(rootfs):
        raise errors.NotFoundError(
            f'invalid rootfs "{spec["root"]["path"]}": not a directory', hint=f"tried {rootfs}"
        )
    if rootfs == "/":
        raise errors.SpecError("the host's own root can't be a container's", where="root.path")
    spec["root"]["path"] = rootfs
    for mount in spec.get("mounts", []):
        options = mount.get("options", [])
        if mount.get("type") == "bind" or "bind" in options or "rbind" in options:
            mount["source"] = os.path.join(bundle, mount.get("source", ""))


def prepare(spec: "Spec", *, own: "list[int]") -> Prepared:
    """Compile a spec whose paths are absolute; the caller closes what comes back.

    Args:
        spec: checked; it is changed.
        own: descriptors that come first among the launch's own; taken over.

    Raises:
        WardianError: the host can't give what is asked for.
    """
    made = Prepared(spec, host_of(spec))
    made.own = own
    try:
        _check_labels(spec)
        _mounts(made)
        filters.resolve(spec, made.bindings)
        _namespaces(made)
        made.plan = plan.compile(spec, made.host)
    except BaseException:
        made.close()
        raise
    return made


# ---- mounts -------------------------------------------------------------------------------


def _mounts(made: Prepared) -> None:
    spec = made.spec
    root_fd = os.open(spec["root"]["path"], os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for mount in spec.get("mounts", []):
            found = MountOptions(mount.get("options", []))
            kind = mount.get("type", "")
            if found.idmap or mount.get("uidMappings"):
                _take_own(made, mount, _mapped(made, mount, found))
            elif found.bind and found.propagation & MS_SHARED:
                _take_own(made, mount, _shared(mount, found))
            elif kind == "tmpfs":
                _tmpfs(made, mount, found, root_fd)
    finally:
        os.close(root_fd)


def _take_own(made: Prepared, mount: "Mount", fd: int) -> None:
    mount["own"] = len(made.own)
    made.own.append(fd)


def _shared(mount: "Mount", found: MountOptions) -> int:
    """Clone a mount while it still shares with the host's; in the container all are slaves."""
    from wardian.kernel import detached

    return detached.cloned(
        mount["source"], recursive=found.recursive, on=found.on | found.below_on, off=found.off
    )


def _tmpfs(made: Prepared, mount: "Mount", found: MountOptions, root_fd: int) -> None:
    """A tmpfs takes the mode of what it covers, and with tmpcopyup its content."""
    try:
        below = paths.open_in_root(root_fd, mount["destination"], os.O_RDONLY | os.O_DIRECTORY)
    except errors.KernelError:
        return
    try:
        if not any(word.startswith("mode=") for word in found.data):
            mode = os.fstat(below).st_mode & 0o7777
            mount["options"] = [*mount.get("options", []), f"mode={mode:o}"]
            found.data.append(f"mode={mode:o}")
        if found.copy_up:
            from wardian.kernel import detached

            _take_own(made, mount, detached.copied_up(below, found.data, found.on))
    finally:
        os.close(below)


def _mapped(made: Prepared, mount: "Mount", found: MountOptions) -> int:
    from wardian.kernel import detached
    from wardian.runtime import user_namespace

    linux = made.spec.get("linux", {})
    uids = mount.get("uidMappings") or linux.get("uidMappings", [])
    gids = mount.get("gidMappings") or linux.get("gidMappings", [])
    maps = user_namespace.make(lines(uids), lines(gids))
    whole = found.recursive and found.idmap != "idmap"
    try:
        return detached.cloned(
            mount["source"],
            recursive=whole,
            on=found.on | found.below_on,
            off=found.off,
            user_namespace=maps,
        )
    finally:
        os.close(maps)


# ---- namespaces ---------------------------------------------------------------------------


def lines(rows: "list[IdMapping]") -> "list[tuple[int, int, int]]":
    """Return id mappings as (inside, outside, count)."""
    return [(row["containerID"], row["hostID"], row["size"]) for row in rows]


def _namespaces(made: Prepared) -> None:
    linux = made.spec.get("linux", {})
    new = {row["type"] for row in linux.get("namespaces", []) if not row.get("path")}
    if "mount" not in {row["type"] for row in linux.get("namespaces", [])}:
        raise errors.UnsupportedError(
            "a container without a mount namespace would change the host's own tree",
            feature="namespaces",
            hint='add {"type": "mount"} to linux.namespaces',
        )
    if "user" in new:
        from wardian.kernel import idmap

        uids, gids = lines(linux.get("uidMappings", [])), lines(linux.get("gidMappings", []))
        own = (os.geteuid(), os.getegid())
        alone = [(row[1:]) for row in (*uids, *gids)] == [(own[0], 1), (own[1], 1)]
        made.maps = idmap.Maps(uids, gids, helper=own[0] != 0 and not alone)
    for kind, path in plan.joined(made.spec, privileged=os.geteuid() == 0):
        made.joins.append(_open_namespace(kind, path))
        made.hidden |= kind == "pid"
    if "pid" not in {row["type"] for row in linux.get("namespaces", [])}:
        made.hidden = True


def _open_namespace(kind: str, path: str) -> int:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise errors.KernelError(f'open {kind} namespace "{path}"', error.errno or 0) from None
    # not by the link's text: a namespace file that was bound elsewhere has that place's name
    try:
        found = fcntl.ioctl(fd, NS_GET_NSTYPE)
    except OSError:
        found = -1
    if found != plan.NAMESPACES[kind]:
        os.close(fd)
        raise errors.SpecError(f'"{path}" is no {kind} namespace', where="linux.namespaces")
    return fd


def open_namespaces(pid: int, *, privileged: bool) -> "tuple[list[int], bool]":
    """Return descriptors of a process's namespaces that are not ours, and whether user is one."""
    names = ["cgroup", "ipc", "mnt", "net", "pid", "time", "uts"]
    names = [*names, "user"] if privileged else ["user", *names]
    found: list[int] = []
    in_user = False
    try:
        for name in names:
            theirs = f"/proc/{pid}/ns/{name}"
            try:
                ours = os.stat(f"/proc/self/ns/{name}")
                fd = os.open(theirs, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                continue  # a kernel without that kind
            state = os.fstat(fd)
            if (state.st_dev, state.st_ino) == (ours.st_dev, ours.st_ino):
                os.close(fd)
                continue
            found.append(fd)
            in_user |= name == "user"
    except OSError as error:
        for fd in found:
            os.close(fd)
        raise errors.KernelError(f'open("/proc/{pid}/ns")', error.errno or 0) from None
    return found, in_user


# ---- what the kernel must have ------------------------------------------------------------


def _check_labels(spec: "Spec") -> None:
    check_labels(spec.get("process", {}))
    if spec.get("linux", {}).get("intelRdt") and not os.path.isdir("/sys/fs/resctrl/info"):
        raise errors.UnsupportedError(
            "linux.intelRdt: resctrl is not mounted, or this processor has none",
            feature="resctrl",
            hint="mount -t resctrl resctrl /sys/fs/resctrl",
        )


def has_listener(spec: "Spec") -> bool:
    """Return whether the container's filter hands calls to an agent."""
    rules = spec.get("linux", {}).get("seccomp", {}).get("syscalls", [])
    return any(rule.get("action") == "SCMP_ACT_NOTIFY" for rule in rules)


def check_labels(process: object) -> None:
    """Refuse a label that no security module of this kernel would enforce.

    Raises:
        UnsupportedError: AppArmor or SELinux is asked for and not there.
    """
    get = process.get  # type: ignore[attr-defined]
    if get("apparmorProfile") and not os.path.isdir("/sys/kernel/security/apparmor"):
        raise errors.UnsupportedError(
            "apparmor profile is given, but apparmor is not enabled on this machine",
            feature="apparmor",
            hint="leave process.apparmorProfile away",
        )
    if get("selinuxLabel") and not os.path.isdir("/sys/fs/selinux"):
        raise errors.UnsupportedError(
            "selinux label is given, but selinux is not enabled on this machine",
            feature="selinux",
            hint="leave process.selinuxLabel away",
        )


def device_rules(spec: "Spec") -> None:
    """Complete linux.resources.devices: nothing but what is asked for and every container has."""
    linux = spec.setdefault("linux", {})
    resources = linux.setdefault("resources", {})
    asked = resources.get("devices") or []
    resources["devices"] = device_nodes.rules(list(asked))  # type: ignore[call-overload]


def grantable(process: "Process", warnings: "list[str]") -> None:
    """Take out capabilities that can't be granted, each with a warning, as the specification asks.

    This process can give only what it has, and the kernel lets a capability be ambient only where
    it is permitted and inheritable.
    """
    sets = process.get("capabilities")
    if not sets:
        return
    lacking = set(capabilities.names(~capabilities.own() & (1 << capabilities.last() + 1) - 1))
    raisable = set(sets.get("inheritable", [])) & set(sets.get("permitted", []))
    refused: dict[str, None] = {}
    for key, names in sets.items():
        bad = [
            name
            for name in names  # type: ignore[attr-defined]
            if name in lacking or (key == "ambient" and name not in raisable)
        ]
        refused.update(dict.fromkeys(bad))
        sets[key] = [name for name in names if name not in bad]  # type: ignore[literal-required, attr-defined]
    if refused:
        warnings.append(f"capabilities that can't be granted are left out: {', '.join(refused)}")
