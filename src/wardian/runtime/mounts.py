"""Plan part: one mount of the specification as steps (pure).

A bind mount gets its attributes while it is detached, so that nobody sees it without them. What a
file system's mount can't say in one call (propagation, attributes of the mounts below) follows as
mount_setattr(2).

Control groups are shown as the machine has them: cgroup2 alone is one mount; the v1 hierarchies are
a tmpfs with a mount for each. With a cgroup namespace the kernel shows the container's own group as
the root of each; without one the group's directories are bound.

Source: opencontainers/runtime-spec, config.md "Mounts", config-linux.md "Default Filesystems".
Kernel: mount(2), mount_setattr(2), cgroup_namespaces(7).
"""

from wardian import errors
from wardian.runtime import mount_options as words
from wardian.runtime.step import Step, known

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wardian.runtime.host import Host
    from wardian.runtime.spec import Mount

# launcher/mounts.c: the place itself must be a directory, not reached by a link (CVE-2019-19921)
NO_LINKS = 1 << 32

# Files below /proc that may be covered: a file system of the container's own (lxcfs) shows them.
PROC_FILES = frozenset(
    (
        "/proc/cpuinfo",
        "/proc/diskstats",
        "/proc/loadavg",
        "/proc/meminfo",
        "/proc/net/dev",
        "/proc/slabinfo",
        "/proc/stat",
        "/proc/swaps",
        "/proc/sys/crypto/fips_enabled",
        "/proc/sys/kernel/ns_last_pid",
        "/proc/uptime",
    )
)


def steps(mount: "Mount", host: "Host", *, own_cgroups: bool) -> "Iterator[Step]":
    """Yield the steps of one mount.

    Args:
        mount: as the specification has it; "own" is the place of a mount that was prepared.
        host: for control groups.
        own_cgroups: the container has a cgroup namespace.
    """
    kind = mount.get("type", "")
    found = words.MountOptions(mount.get("options", []))
    if "own" in mount:
        reason = mount.get("reason", "prepared outside: copied up, or with mapped ids")
        yield Step("attach", (mount["own"], mount["destination"]), reason)
    elif kind == "bind" or found.bind:
        yield _bind(mount, found)
    elif kind in ("cgroup", "cgroup2"):
        yield from _cgroups(mount, found, host, own_cgroups=own_cgroups)
        return
    else:
        yield _mount(mount, found)
    yield from _afterwards(mount, found)


def _bind(mount: "Mount", found: words.MountOptions) -> Step:
    # "rw" does not make a source writable that the host mounts read-only.
    off = found.off & ~words.MOUNT_ATTR_RDONLY
    propagation = found.propagation & ~words.MS_REC or words.MS_PRIVATE
    attributes = (int(found.recursive), found.on, off)
    if _is_whole(found):
        attributes = (3, found.below_on, found.below_off)
    args = (mount["source"], mount["destination"], *attributes, propagation)
    return Step("bind", args, mount.get("reason", "asked for"))


def _is_whole(found: words.MountOptions) -> bool:
    """Return whether all attributes of a bind mount count for the mounts below too."""
    return (
        found.recursive
        and bool(found.below_on)
        and not found.on & ~found.below_on
        and not found.off & ~found.below_off & ~words.MOUNT_ATTR_RDONLY
    )


def _mount(mount: "Mount", found: words.MountOptions) -> Step:
    kind = mount.get("type", "")
    target = mount["destination"]
    flags = found.flags | (NO_LINKS if kind in ("proc", "sysfs") else 0)
    args = (mount.get("source", kind), target, kind, ",".join(found.data), flags)
    return known("mount", args, mount.get("reason", "asked for"))


def _afterwards(mount: "Mount", found: words.MountOptions) -> "Iterator[Step]":
    """Yield what a mount needs once it is in its place."""
    target = mount["destination"]
    is_bind = mount.get("type") == "bind" or found.bind
    if (found.below_on or found.below_off) and not (is_bind and _is_whole(found)):
        args = (target, found.below_on, found.below_off, 0, 1)
        yield Step("setattr", args, "attributes of the mounts below too")
    recursive = int(bool(found.propagation & words.MS_REC))
    propagation = found.propagation & ~words.MS_REC
    if propagation and (not is_bind or "own" in mount or (recursive and not found.recursive)):
        args = (target, 0, 0, propagation, recursive)
        yield Step("setattr", args, "how mounts spread between it and others")


def check_proc(mount: "Mount") -> None:
    """Refuse a mount over a part of /proc: what reads and writes there must meet the kernel.

    Raises:
        SpecError: the destination is inside of /proc, and none of PROC_FILES.
    """
    target = mount["destination"].rstrip("/") or "/"
    if target == "/proc":
        source = mount.get("source", "")
        if mount.get("type") == "proc" or source.rstrip("/") == "/proc":
            return
    elif not target.startswith("/proc/") or target in PROC_FILES:
        return
    raise errors.SpecError(
        f'"{target}" cannot be mounted because it is inside /proc',
        where="mounts",
        hint="mount type proc at /proc, and nothing else there",
    )


# ---- control groups -----------------------------------------------------------------------


def _cgroups(
    mount: "Mount", found: words.MountOptions, host: "Host", *, own_cgroups: bool
) -> "Iterator[Step]":
    target = mount["destination"]
    reason = mount.get("reason", "the container's own control group")
    if host.cgroup_mode == "v2":
        yield _hierarchy(target, "unified", found, reason, own_cgroups=own_cgroups)
        return
    if host.cgroup_mode == "none":
        return
    flags = found.flags & ~words.MS_RDONLY
    yield Step("mount", ("cgroup", target, "tmpfs", "mode=755", flags), "a directory for each")
    for names in host.cgroup_names:
        place = names.removeprefix("name=")
        yield _hierarchy(f"{target}/{place}", names, found, reason, own_cgroups=own_cgroups)
        yield from _aliases(target, names.split(","), place)
    if found.flags & words.MS_RDONLY:
        args = (target, words.MOUNT_ATTR_RDONLY, 0, 0, 0)
        yield Step("setattr", args, "no directory is added there")


def _hierarchy(
    target: str, names: str, found: words.MountOptions, reason: str, *, own_cgroups: bool
) -> Step:
    if not own_cgroups:
        source = f"$cgroup/{names}"
        return Step("bind", (source, target, 0, found.on, 0, words.MS_PRIVATE), reason)
    if names == "unified":
        return Step("mount", ("cgroup", target, "cgroup2", "", found.flags), reason)
    data = f"none,{names}" if "=" in names else names
    return Step("mount", ("cgroup", target, "cgroup", data, found.flags), reason)


def _aliases(target: str, names: "Sequence[str]", place: str) -> "Iterator[Step]":
    if len(names) > 1:
        for name in names:
            yield Step("symlink", (place, f"{target}/{name}"), "the name of one controller")
