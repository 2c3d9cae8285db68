"""Plan part: the devices of /dev that every container has, and those asked for (pure).

Nodes are made where that is allowed. In a user namespace it is not: there the host's nodes are
bound, whose numbers then are the host's.

Source: opencontainers/runtime-spec, config-linux.md "Default Devices", "Devices".
Kernel: mknod(2), pts(4).
"""

import stat

from wardian.runtime.mount_options import MOUNT_ATTR_NOEXEC, MOUNT_ATTR_NOSUID, MS_PRIVATE
from wardian.runtime.step import Step, known

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from wardian.runtime.spec import Device, Spec

# path: (major, minor)
DEFAULTS = {
    "/dev/null": (1, 3),
    "/dev/zero": (1, 5),
    "/dev/full": (1, 7),
    "/dev/random": (1, 8),
    "/dev/urandom": (1, 9),
    "/dev/tty": (5, 0),
}
LINKS = (
    ("/proc/self/fd", "/dev/fd"),
    ("/proc/self/fd/0", "/dev/stdin"),
    ("/proc/self/fd/1", "/dev/stdout"),
    ("/proc/self/fd/2", "/dev/stderr"),
    ("pts/ptmx", "/dev/ptmx"),
)
TYPES = {"c": stat.S_IFCHR, "u": stat.S_IFCHR, "b": stat.S_IFBLK, "p": stat.S_IFIFO}
DEFAULT_MODE = 0o666

# What a container may do with devices whatever its rules say: make any node, use the defaults.
ALLOWED: "tuple[tuple[str, int | None, int | None, str], ...]" = (
    ("c", None, None, "m"),
    ("b", None, None, "m"),
    *(("c", major, minor, "rwm") for major, minor in DEFAULTS.values()),
    ("c", 136, None, "rwm"),
    ("c", 5, 2, "rwm"),
)


def bound() -> "Iterator[Step]":
    """Yield the default devices as the host's own nodes, for a base that wardian keeps."""
    attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC
    for path in DEFAULTS:
        reason = "one of the six devices that every program may use"
        yield known("bind", (path, path, 0, attributes, 0, MS_PRIVATE), reason)
    yield from links()


def links() -> "Iterator[Step]":
    """Yield the names in /dev that programs take for granted."""
    for text, path in LINKS:
        yield known("symlink", (text, path), "where programs look for it")


def steps(spec: "Spec", *, in_user_namespace: bool) -> "Iterator[Step]":
    """Yield the devices of an OCI container, once its mounts are there."""
    if any(
        mount["destination"].rstrip("/") == "/dev" and _is_bind(mount)
        for mount in spec.get("mounts", [])
    ):
        return  # the whole of /dev is somebody else's
    asked = {device["path"]: device for device in spec.get("linux", {}).get("devices", [])}
    for path, (major, minor) in DEFAULTS.items():
        if path not in asked:
            device: Device = {"path": path, "type": "c", "major": major, "minor": minor}
            yield _node(device, "every container has it", bind=in_user_namespace)
    for device in asked.values():
        yield _node(device, "asked for", bind=in_user_namespace)
    yield from links()


def _is_bind(mount: object) -> bool:
    options = mount.get("options", [])  # type: ignore[attr-defined]
    return mount.get("type") == "bind" or "bind" in options or "rbind" in options  # type: ignore[attr-defined]


def _node(device: "Device", reason: str, *, bind: bool) -> Step:
    path, kind = device["path"], device["type"]
    if bind and kind != "p":
        return Step("bind", (path, path, 0, MOUNT_ATTR_NOEXEC, 0, MS_PRIVATE), reason)
    mode = TYPES[kind] | device.get("fileMode", DEFAULT_MODE) & 0o7777
    owner = (device.get("uid", 0), device.get("gid", 0))
    args = (path, mode, device.get("major", 0), device.get("minor", 0), *owner)
    return Step("node", args, reason)


def rules(asked: "list[dict[str, object]]") -> "list[dict[str, object]]":
    """Return linux.resources.devices with what is always refused before and allowed behind it."""
    row: list[dict[str, object]] = [{"allow": False, "access": "rwm"}, *asked]
    for kind, major, minor, access in ALLOWED:
        rule: dict[str, object] = {"allow": True, "type": kind, "access": access}
        if major is not None:
            rule["major"] = major
        if minor is not None:
            rule["minor"] = minor
        row.append(rule)
    return row
