"""Plan part: the root file system, mounts, masked and read-only paths, pivot.

A root is put together from parts: the first is "/", further ones (the host base's "/usr") are
overlays of their own, since an overlay does not look through mount points of its lower layer. The
writable layers lie on a tmpfs inside the box's mount namespace and go with it, or are the
directories of a kept layer.

Every mount but the devices of /dev is nodev, so that a device node made inside is dead without any
device control group.

Kernel: mount_setattr(2), fsconfig(2), overlayfs (Documentation/filesystems/overlayfs.rst).
"""

from wardian.runtime import device_nodes, mounts
from wardian.runtime.mount_options import (
    MOUNT_ATTR_NODEV,
    MOUNT_ATTR_NOSUID,
    MOUNT_ATTR_RDONLY,
    MS_NODEV,
    MS_NOSUID,
    MS_PRIVATE,
    MS_RDONLY,
    MS_REC,
    MS_SHARED,
    MS_SLAVE,
    MS_UNBINDABLE,
)
from wardian.runtime.step import Step, known

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from wardian.runtime.host import Host
    from wardian.runtime.spec import Spec

# linux.rootfsPropagation
PROPAGATION = {
    "shared": MS_SHARED,
    "slave": MS_SLAVE,
    "private": MS_PRIVATE,
    "unbindable": MS_UNBINDABLE,
}


def steps(spec: "Spec", host: "Host") -> "Iterator[Step]":
    """Yield the steps from the first mount to the moment when the host's root is gone."""
    linux = spec.get("linux", {})
    extension = spec.get("wardian", {})
    flags = MS_REC | MS_SLAVE
    yield known("propagation", ("/", flags), "what is mounted in the box stays there")
    yield from _root(spec, host)
    yield from _mounts(spec, host)
    for path, mode, data in extension.get("files", []):
        args = (path, mode, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV, data)
        yield Step("file", args, "a file of the box's own over the root's")
    for path in linux.get("maskedPaths", []):
        yield known(
            "mask", (path,), "the kernel tells things there that are not the box's business"
        )
    for path in linux.get("readonlyPaths", []):
        yield known("readonly", (path,), "settings of the whole machine")
    if spec["root"].get("readonly"):
        for target in ["/", *[path for path, _lower in _parts(spec) if path != "/"]]:
            yield Step("setattr", (target, MOUNT_ATTR_RDONLY, 0, 0, 0), "the root is read-only")
    if extension.get("hooks"):
        yield Step("wait", (), "hooks run before the root is entered")
    yield known("pivot", (), "the box's root becomes /, the host's is let go of")
    if _propagation(spec):
        yield Step("propagation", ("/", _propagation(spec)), "linux.rootfsPropagation")
    for path, uid, gid in extension.get("owners", []):
        yield known("owner", (path, uid, gid), "a file of the box's own belongs to this user")
    yield from _terminal(spec)
    yield Step("chdir", (spec["process"]["cwd"], 1), "the working directory, made where it lacks")


def _propagation(spec: "Spec") -> int:
    word = spec.get("linux", {}).get("rootfsPropagation", "")
    if not word:
        return 0
    return PROPAGATION[word.removeprefix("r")] | (MS_REC if word.startswith("r") else 0)


def _mounts(spec: "Spec", host: "Host") -> "Iterator[Step]":
    namespaces = {row["type"]: row for row in spec.get("linux", {}).get("namespaces", [])}
    is_bound = _is_bound(spec)
    for mount in spec.get("mounts", []):
        if is_bound:
            mounts.check_proc(mount)
        yield from mounts.steps(mount, host, own_cgroups="cgroup" in namespaces)
        if mount["destination"] == "/dev" and not is_bound:
            yield from device_nodes.bound()
    if is_bound:
        yield from device_nodes.steps(spec, in_user_namespace="user" in namespaces or host.nested)


def _terminal(spec: "Spec") -> "Iterator[Step]":
    process = spec["process"]
    if process.get("terminal"):
        size = process.get("consoleSize")
        rows, columns = (size["height"], size["width"]) if size else ("$rows", "$columns")
        reason = "a pseudo-terminal; its master goes to the caller"
        yield Step("console", (rows, columns, process["user"]["uid"]), reason)


def _is_bound(spec: "Spec") -> bool:
    """Return whether the root is a directory that somebody else prepared, as it is."""
    return "base" not in spec.get("wardian", {})


def _parts(spec: "Spec") -> "list[tuple[str, list[str]]]":
    return spec.get("wardian", {}).get("base", [])


def _root(spec: "Spec", host: "Host") -> "Iterator[Step]":
    extension = spec.get("wardian", {})
    size = str(extension.get("storage_bytes") or "50%")
    yield Step("staging", (size,), "a private tmpfs; it goes with the mount namespace")
    parts = _parts(spec)
    if _is_bound(spec):
        # A slave of the host's stays one where that is asked for; what was private is none.
        kind = MS_SLAVE if _propagation(spec) & MS_SLAVE else MS_PRIVATE
        yield Step("bind", (spec["root"]["path"], "/", 1, 0, 0, kind), "the root")
    elif not parts:
        args = ("tmpfs", "/", "tmpfs", f"mode=0755,size={size}", MS_NODEV | MS_NOSUID)
        yield Step("mount", args, "an empty root")
    for name, image, device in extension.get("layers", []):
        args = (image, name, "erofs", device, MS_RDONLY | MS_NODEV | MS_NOSUID)
        yield Step("mount", args, "a layer of the image")
    kept = bool(extension.get("kept"))
    # An ordinary user's overlay keeps its marks in user.* attributes.
    # What the kernel would else take from its module's defaults, which differ between machines;
    # with redirected directories a layer could not be listed by itself.
    overlay_options = "userxattr" if host.rootless else "redirect_dir=off,metacopy=off"
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
