"""Find the attributes of directories that an upper layer holds without an entry of their own.

Facts about such directories
----------------------------
An archive may hold "tmp/x" and no "tmp/". Applied over the layers below, tmp keeps the mode it has
there. But a layer that stands by itself must have some directory tmp, and an overlay shows the
attributes of the uppermost one. So above the chain comes one more small layer, which has just these
directories, as they would be if the layers had been applied one over the other.

Kernel: overlayfs (Documentation/filesystems/overlayfs.rst).
"""

import errno
import os
from stat import S_ISDIR

from wardian.images import tar_headers
from wardian.images.layer_entries import IMPLICIT_MODE
from wardian.images.tar_headers import Entry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_HOLDING = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_OVERLAY = ("trusted.overlay.", "user.overlay.")
_ABSENT = "absent"
_HIDDEN = "hidden"


class LowerTree:
    """One layer of a chain.

    Args:
        path: where its tree can be seen.
        implicit: its directories without an entry.
    """

    __slots__ = ("implicit", "path")

    def __init__(self, path: str, implicit: "Iterable[bytes]") -> None:
        self.path = path
        self.implicit = frozenset(implicit)


def missing(trees: "Sequence[LowerTree]") -> "list[Entry]":
    """Return the directories that need attributes, with them; each after those above it.

    Args:
        trees: the chain, the topmost first.
    """
    needed: dict[bytes, Entry] = {}
    for path in sorted({path for tree in trees[:-1] for path in tree.implicit if path}):
        found = _attributes(path, trees)
        if found is None:
            continue
        above = path
        while above := above.rpartition(b"/")[0]:
            if above not in needed:
                needed[above] = _attributes(above, trees) or _topmost(above, trees)
        needed[path] = found
    return [needed[path] for path in sorted(needed)]


def _attributes(path: bytes, trees: "Sequence[LowerTree]") -> "Entry | None":
    """Return what the chain says of a directory that its uppermost layer has without an entry.

    None where it needs nothing: it has an entry there, or none anywhere, or can't be seen.
    """
    shown = False
    for tree in trees:
        kind, fd, is_opaque = _look(tree.path, path)
        try:
            if kind == _HIDDEN:
                return None
            if fd >= 0:
                if path not in tree.implicit:
                    return _entry(path, fd) if shown else None
                shown = True
        finally:
            if fd >= 0:
                os.close(fd)
        if is_opaque:
            return None
    return None


def _topmost(path: bytes, trees: "Sequence[LowerTree]") -> Entry:
    """Return a directory as the uppermost layer has it."""
    for tree in trees:
        _kind, fd, _is_opaque = _look(tree.path, path)
        if fd >= 0:
            try:
                return _entry(path, fd)
            finally:
                os.close(fd)
    made = Entry(tar_headers.DIRECTORY, path)
    made.mode = IMPLICIT_MODE
    return made


def _look(tree: str, path: bytes) -> "tuple[str, int, bool]":
    """Look for a directory in one layer, without following a link.

    Returns:
        _ABSENT, _HIDDEN where something else stands in its way, or ""; its descriptor or -1;
        whether it or a directory above it is opaque.
    """
    fd = os.open(tree, _HOLDING | os.O_DIRECTORY)
    is_opaque = False
    for name in path.split(b"/"):
        try:
            below = os.open(name, _HOLDING, dir_fd=fd)
        except OSError as error:
            if error.errno != errno.ENOENT:
                raise
            return _ABSENT, -1, is_opaque
        finally:
            os.close(fd)
        fd = below
        if not S_ISDIR(os.fstat(fd).st_mode):
            os.close(fd)
            return _HIDDEN, -1, is_opaque
        is_opaque = is_opaque or _is_opaque(fd)
    return "", fd, is_opaque


def _is_opaque(fd: int) -> bool:
    for prefix in _OVERLAY:
        try:
            if os.getxattr(f"/proc/self/fd/{fd}", prefix + "opaque") == b"y":
                return True
        except OSError:
            continue  # no such attribute, or not for us
    return False


def _entry(path: bytes, fd: int) -> Entry:
    found = os.fstat(fd)
    made = Entry(tar_headers.DIRECTORY, path)
    made.mode = found.st_mode & 0o7777
    made.uid, made.gid = found.st_uid, found.st_gid
    made.mtime_ns = found.st_mtime_ns
    held = f"/proc/self/fd/{fd}"
    for name in os.listxattr(held):
        if not name.startswith(_OVERLAY):
            made.xattrs[os.fsencode(name)] = os.getxattr(held, name)
    return made
