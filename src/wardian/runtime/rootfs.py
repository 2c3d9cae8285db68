"""Plan part: the root file system, mounts, masked and read-only paths, pivot.

A root is put together from parts: the first is "/", further ones (the host base's "/usr") are
overlays of their own, since an overlay does not look through mount points of its lower layer. The
writable layers lie on a tmpfs inside the box's mount namespace and go with it, or are the
directories of a kept layer.

Every mount but the devices of /dev is nodev, so that a device node made inside is dead without any
device control group.

Kernel: mount_setattr(2), fsconfig(2), overlayfs (Documentation/filesystems/overlayfs.rst).
"""

from wardian import errors
from wardian.runtime.step import Step, known

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from wardian.runtime.spec import Mount, Spec

# linux/mount.h
MOUNT_ATTR_RDONLY = 0x00000001
MOUNT_ATTR_NOSUID = 0x00000002
MOUNT_ATTR_NODEV = 0x00000004
MOUNT_ATTR_NOEXEC = 0x00000008
MOUNT_ATTR_NOATIME = 0x00000010
MOUNT_ATTR_STRICTATIME = 0x00000020
MOUNT_ATTR_NODIRATIME = 0x00000080
MOUNT_ATTR_NOSYMFOLLOW = 0x00200000

# sys/mount.h
MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_NOSYMFOLLOW = 256
MS_NOATIME = 1024
MS_NODIRATIME = 2048
MS_STRICTATIME = 1 << 24
MS_REC = 16384
MS_PRIVATE = 1 << 18
MS_SLAVE = 1 << 19
MS_SHARED = 1 << 20
MS_UNBINDABLE = 1 << 17

# option: (mount(2) flag, mount_setattr(2) attribute)
FLAGS = {
    "ro": (MS_RDONLY, MOUNT_ATTR_RDONLY),
    "nosuid": (MS_NOSUID, MOUNT_ATTR_NOSUID),
    "nodev": (MS_NODEV, MOUNT_ATTR_NODEV),
    "noexec": (MS_NOEXEC, MOUNT_ATTR_NOEXEC),
    "noatime": (MS_NOATIME, MOUNT_ATTR_NOATIME),
    "strictatime": (MS_STRICTATIME, MOUNT_ATTR_STRICTATIME),
    "nodiratime": (MS_NODIRATIME, MOUNT_ATTR_NODIRATIME),
    "nosymfollow": (MS_NOSYMFOLLOW, MOUNT_ATTR_NOSYMFOLLOW),
}
# What a mount has anyway when the opposite is not asked for.
DEFAULTS = frozenset(("rw", "suid", "dev", "exec", "atime", "relatime", "diratime", "symfollow"))
PROPAGATION = {
    "private": MS_PRIVATE,
    "rprivate": MS_PRIVATE,
    "slave": MS_SLAVE,
    "rslave": MS_SLAVE,
    "unbindable": MS_UNBINDABLE,
    "runbindable": MS_UNBINDABLE,
}

# uid of the box's root owns /dev/pts nodes; gid 5 is "tty" in every distribution
DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
DEV_LINKS = (
    ("/proc/self/fd", "/dev/fd"),
    ("/proc/self/fd/0", "/dev/stdin"),
    ("/proc/self/fd/1", "/dev/stdout"),
    ("/proc/self/fd/2", "/dev/stderr"),
    ("pts/ptmx", "/dev/ptmx"),
)


def steps(spec: "Spec", *, rootless: bool) -> "Iterator[Step]":
    """Yield the steps from the first mount to the moment when the host's root is gone."""
    flags = MS_REC | MS_SLAVE
    yield known("propagation", ("/", flags), "what is mounted in the box stays there")
    yield from _root(spec, rootless=rootless)
    for mount in spec.get("mounts", []):
        yield from _mount(mount)
        if mount["destination"] == "/dev":
            yield from _devices()
    for path, mode, data in spec.get("wardian", {}).get("files", []):
        yield Step("file", (path, mode, data), "a file of the box's own over the root's")
    linux = spec.get("linux", {})
    for path in linux.get("maskedPaths", []):
        yield known(
            "mask", (path,), "the kernel tells things there that are not the box's business"
        )
    for path in linux.get("readonlyPaths", []):
        yield known("readonly", (path,), "settings of the whole machine")
    if spec["root"].get("readonly"):
        for target in ["/", *[path for path, _lower in _parts(spec) if path != "/"]]:
            yield Step("setattr", (target, MOUNT_ATTR_RDONLY, 0, 0, 0), "the root is read-only")
    yield known("pivot", (), "the box's root becomes /, the host's is let go of")
    process = spec["process"]
    if process.get("terminal"):
        owner = process["user"]["uid"]
        reason = "a pseudo-terminal; its master goes to the caller"
        yield Step("console", ("$rows", "$columns", owner), reason)
    yield Step("chdir", (process["cwd"], 1), "the working directory, made where it lacks")


def _parts(spec: "Spec") -> "list[tuple[str, list[str]]]":
    return spec.get("wardian", {}).get("base", [])


def _root(spec: "Spec", *, rootless: bool) -> "Iterator[Step]":
    extension = spec.get("wardian", {})
    size = str(extension.get("storage_bytes") or "50%")
    yield Step("staging", (size,), "a private tmpfs; it goes with the mount namespace")
    parts = _parts(spec)
    if not parts:
        args = ("tmpfs", "/", "tmpfs", f"mode=0755,size={size}", MS_NODEV | MS_NOSUID)
        yield Step("mount", args, "an empty root")
    kept = bool(extension.get("kept"))
    # An ordinary user's overlay keeps its marks in user.* attributes.
    # What the kernel would else take from its module's defaults, which differ between machines;
    # with redirected directories a layer could not be listed by itself.
    overlay_options = "userxattr" if rootless else "redirect_dir=off,metacopy=off"
    for index, (target, lower) in enumerate(parts):
        upper, work = f"upper{index}", f"work{index}"
        if kept:
            upper, work = f"${upper}", f"${work}"
        reason = "the base stays as it is; changes go to the upper directory"
        yield Step(
            "overlay", (target, tuple(lower), upper, work, overlay_options, MS_NODEV), reason
        )

    for path, text in extension.get("links", []):
        yield Step("symlink", (text, path), "a link on the way to a file of the base")


def _mount(mount: "Mount") -> "Iterator[Step]":
    found = _Options(mount.get("options", []))
    kind = mount.get("type", "")
    target = mount["destination"]
    reason = mount.get("reason", "asked for")
    if kind == "bind" or found.bind:
        propagation = found.propagation or MS_PRIVATE
        args: tuple[object, ...] = (
            mount["source"],
            target,
            3 if found.recursive else 0,
            found.attributes,
            0,
            propagation,
        )
        yield Step("bind", args, reason)
        return
    source, data = mount.get("source", kind), ",".join(found.data)
    yield known("mount", (source, target, kind, data, found.flags), reason)


class _Options:
    """Mount options in the kernel's words."""

    __slots__ = ("attributes", "bind", "data", "flags", "propagation", "recursive")

    def __init__(self, options: "list[str]") -> None:
        self.flags = self.attributes = self.propagation = 0
        self.bind = self.recursive = False
        self.data: list[str] = []
        for option in options:
            self._take(option)

    def _take(self, option: str) -> None:
        if option in FLAGS:
            flag, attribute = FLAGS[option]
            self.flags |= flag
            self.attributes |= attribute
        elif option in PROPAGATION:
            self.propagation = PROPAGATION[option]
        elif option in ("bind", "rbind"):
            self.bind, self.recursive = True, option == "rbind"
        elif option in ("shared", "rshared"):
            raise errors.UnsupportedError(
                f'mount option "{option}": mounts of the box can\'t show on the host',
                hint="rslave lets the host's later mounts show in the box",
            )
        elif option not in DEFAULTS:
            self.data.append(option)


def _devices() -> "Iterator[Step]":
    attributes = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC
    for name in DEVICES:
        args = (f"/dev/{name}", f"/dev/{name}", 0, attributes, 0, MS_PRIVATE)
        yield known("bind", args, "one of the six devices that every program may use")
    for text, path in DEV_LINKS:
        yield known("symlink", (text, path), "where programs look for it")
