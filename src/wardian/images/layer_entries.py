"""What a layer's archive says, in a layer's terms: checked names, whiteouts, attributes that count.

Facts about layers
------------------
A file ".wh.NAME" says that the layers below lose NAME; ".wh..wh..opq" says that a directory shows
nothing of them. Both count for the layers below only, wherever they stand in the archive. Other
names that begin with ".wh..wh." are AUFS's own and mean nothing. An entry of a directory that is
there already changes its attributes; any other entry takes the place of what was there.

Names are bytes. A leading "/" means the layer's top, as for every other tool; ".." is refused.
security.capability and POSIX ACLs are part of a file; labels (SELinux, IMA, EVM) are the host's;
attributes of overlayfs would let an archive speak to the kernel, so they are dropped.

Specification: OCI image-spec layer.md; overlayfs (Documentation/filesystems/overlayfs.rst).
"""

from typing import TYPE_CHECKING

from wardian import errors
from wardian.images import tar_headers
from wardian.images.tar_headers import Entry, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

WHITEOUT = b".wh."
OPAQUE = b".wh..wh..opq"
_AUFS = b".wh..wh."
NAME_MAX = 255
PATH_MAX = 4096
XATTR_VALUE_MAX = 65535
IMPLICIT_MODE = 0o755  # of a directory that has no entry

_DROPPED = (b"trusted.overlay.", b"user.overlay.")
_KEPT = (
    b"user.",
    b"trusted.",
    b"security.capability",
    b"system.posix_acl_access",
    b"system.posix_acl_default",
)


class Item:
    """One thing to do to a layer's tree.

    Attributes:
        parts: the names from the top; empty for the top itself.
        entry: what to make there; None for a whiteout or an opaque directory.
        is_opaque: the directory `parts` hides what is below.
        target: of a hard link: the names from the top.
    """

    __slots__ = ("entry", "is_opaque", "parts", "target")

    def __init__(
        self, parts: "list[bytes]", entry: "Entry | None" = None, *, is_opaque: bool = False
    ) -> None:
        self.parts = parts
        self.entry = entry
        self.is_opaque = is_opaque
        self.target: list[bytes] = []


def refused(path: bytes, why: str) -> errors.SpecError:
    """Return the error for an entry that no sound layer has."""
    return errors.SpecError(f"the layer's entry {shown(path)} {why}")


def split(path: bytes) -> "list[bytes]":
    """Return the names of a path.

    Raises:
        SpecError: it leads out of the layer, or no file system could hold it.
    """
    if len(path) >= PATH_MAX:
        raise refused(path, f"has a name of {len(path)} bytes: longer than any path")
    parts = path.split(b"/")
    if b"" in parts or b"." in parts:
        parts = [part for part in parts if part and part != b"."]
    if b".." in parts:
        raise refused(path, "leads out of the layer")
    if b"\0" in path:
        raise refused(path, "has a NUL in its name")
    if len(path) > NAME_MAX and any(len(part) > NAME_MAX for part in parts):
        raise refused(path, f"has a name of more than {NAME_MAX} bytes")
    return parts


def items(entries: "Iterable[Entry]") -> "Iterator[Item]":
    """Yield what an archive's entries ask for.

    Raises:
        SpecError: a name or a target that no sound layer has.
    """
    for entry in entries:
        parts = split(entry.path)
        if WHITEOUT in entry.path and _is_aufs(parts):
            continue
        if parts and parts[-1].startswith(WHITEOUT):
            yield _whiteout(entry, parts)
            continue
        item = Item(parts, entry)
        if entry.kind == tar_headers.HARD_LINK:
            item.target = split(entry.target)
            if not item.target:
                raise refused(entry.path, "is a hard link to a directory")
        elif entry.kind == tar_headers.SYMLINK:
            _check_symlink(entry)
        if not parts and entry.kind != tar_headers.DIRECTORY:
            raise refused(entry.path, "is no directory, but the layer's top")
        if entry.xattrs:
            entry.xattrs = _that_count(entry)
        yield item


def _is_aufs(parts: "list[bytes]") -> bool:
    return any(part.startswith(_AUFS) for part in parts[:-1]) or (
        parts[-1].startswith(_AUFS) and parts[-1] != OPAQUE
    )


def _whiteout(entry: Entry, parts: "list[bytes]") -> Item:
    if parts[-1] == OPAQUE:
        return Item(parts[:-1], is_opaque=True)
    name = parts[-1][len(WHITEOUT) :]
    if name in (b"", b".", b".."):
        raise refused(entry.path, "is a whiteout of no file")
    return Item([*parts[:-1], name])


def _check_symlink(entry: Entry) -> None:
    if not 0 < len(entry.target) < PATH_MAX or b"\0" in entry.target:
        raise refused(entry.path, "is a symbolic link to no possible path")


def _that_count(entry: Entry) -> "dict[bytes, bytes]":
    found = {}
    for name, value in entry.xattrs.items():
        if not name.startswith(_KEPT) or name.startswith(_DROPPED) or b"\0" in name:
            continue
        if name.startswith(b"user.") and entry.kind not in (
            tar_headers.FILE,
            tar_headers.DIRECTORY,
        ):
            continue  # no file system lets a link or a device have one
        if name in (b"user.", b"trusted."):
            continue
        if len(name) > NAME_MAX or len(value) > XATTR_VALUE_MAX:
            raise refused(entry.path, f"has an attribute of {len(value)} bytes")
        found[name] = value
    return found
