"""Read the upper layer of an overlay: what was added, changed and deleted.

Facts about upper layers
------------------------
A deleted name is a character device 0:0. A directory that was deleted and made again is "opaque":
nothing of the lower one shows through, also not in the directories below it. The mark is the
attribute trusted.overlay.opaque, or user.overlay.opaque where the overlay was mounted with
userxattr, with the value "y"; "x" says that the directory holds whiteouts in the form of empty
files with the attribute overlay.whiteout (since Linux 6.7). Directories are copied up for what
changes in them, with their times; so a directory in the upper layer is a change only if it differs
or holds one.

The kinds are those of `docker diff`: A added, C changed, D deleted. A directory with any change
below it counts as changed.

Where a root lacks a mount point, the launcher makes an empty directory or file, which ends up in
the writable layer as if the program had made it. podman leaves these out of a commit, docker
doesn't.

Kernel: overlayfs (Documentation/filesystems/overlayfs.rst), xattr(7).
"""

import os
from stat import S_ISCHR, S_ISDIR, S_ISREG

from wardian.kernel.trees import Descent

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

ADDED = "A"
CHANGED = "C"
DELETED = "D"

_NAMESPACES = ("trusted.overlay.", "user.overlay.")
# A hostile upper layer can be deeper than any path; what no path can name is not told apart.
_PATH_BYTES = 4096


class Change:
    """One path that differs from the lower layer.

    Attributes:
        kind: ADDED, CHANGED or DELETED.
        path: absolute, in the box; bytes that are no UTF-8 as in os.fsdecode.
    """

    __slots__ = ("kind", "path")

    def __init__(self, kind: str, path: str) -> None:
        self.kind = kind
        self.path = path

    def __str__(self) -> str:
        return f"{self.kind} {printable(self.path)}"

    def __repr__(self) -> str:
        return f"Change({self.kind!r}, {self.path!r})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Change):
            return NotImplemented
        return (self.kind, self.path) == (other.kind, other.path)

    def __hash__(self) -> int:
        return hash((self.kind, self.path))


def changes(upper: str, lower: str, prefix: str = "") -> "Iterator[Change]":
    """Yield what an upper layer changes, in the order of the paths' bytes.

    Args:
        upper: the upper directory.
        lower: the directory below it.
        prefix: where the overlay is mounted in the box, "" for the root.

    Raises:
        KernelError: EACCES: a directory belongs to a sub-id; look from inside the user namespace.
    """
    comparison = _Comparison(prefix.rstrip("/"))
    with Descent(upper) as top, Descent(lower) as bottom:
        comparison.run(top, bottom)
    found = comparison.found
    for path in sorted(found, key=os.fsencode):
        yield Change(found[path], path)


def printable(path: str) -> str:
    r"""Return a path that can be shown in a terminal: what is not printable as \n, \x1b, \u202e."""
    if path.isprintable() and "\\" not in path:
        return path
    out = []
    for char in path:
        if char != "\\" and char.isprintable():
            out.append(char)
        elif "\udc80" <= char <= "\udcff":
            out.append(f"\\x{ord(char) - 0xDC00:02x}")
        else:
            out.append(char.encode("unicode_escape", "surrogatepass").decode("ascii"))
    return "".join(out)


class _Frame:
    """A directory on the way down.

    Attributes:
        path: in the box.
        pending: (name, whether the lower layer has that directory too) still to be entered.
        has_lower: the lower layer has this directory.
        is_listed: it and all above it are in the result.
    """

    __slots__ = ("has_lower", "is_listed", "is_opaque", "path", "pending")

    def __init__(self, path: str, *, has_lower: bool, is_opaque: bool) -> None:
        self.path = path
        self.pending: list[tuple[str, bool]] = []
        self.has_lower = has_lower
        self.is_opaque = is_opaque
        self.is_listed = False


class _Comparison:
    """Goes through both trees side by side."""

    __slots__ = ("_bottom", "_frames", "_top", "found")

    def __init__(self, prefix: str) -> None:
        self.found: dict[str, str] = {}
        self._frames = [_Frame(prefix, has_lower=True, is_opaque=False)]

    def run(self, top: Descent, bottom: Descent) -> None:
        self._top = top
        self._bottom = bottom
        self._look()
        while True:
            frame = self._frames[-1]
            if frame.pending:
                self._down(*frame.pending.pop())
            elif len(self._frames) > 1:
                self._frames.pop()
                top.leave()
                if frame.has_lower:
                    bottom.leave()
            else:
                break

    def _down(self, name: str, has_lower: bool) -> None:
        above = self._frames[-1]
        self._top.enter(name)
        if has_lower:
            self._bottom.enter(name)
        frame = _Frame(
            f"{above.path}/{name}",
            has_lower=has_lower,
            is_opaque=above.is_opaque
            or self._mark("opaque") == b"y"
            or bool(self._mark("redirect")),
        )
        self._frames.append(frame)
        self._look()

    def _mark(self, name: str) -> bytes:
        for namespace in _NAMESPACES:
            try:
                return os.getxattr(self._top.fd, namespace + name)
            except OSError:
                continue  # no such attribute, or none at all on this file system
        return b""

    def _look(self) -> None:
        """Take in the entries of the directory where we are."""
        frame = self._frames[-1]
        entries = self._top.list()
        holds_marks = self._mark("opaque") == b"x"
        for entry in entries:
            try:
                found = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            is_deleted = _is_whiteout(found) or (
                holds_marks and _is_marked(self._top.fd, entry.name, found)
            )
            self._entry(frame, entry.name, found, is_deleted=is_deleted)
        if frame.is_opaque and frame.has_lower:
            names = {entry.name for entry in entries}
            for below in self._bottom.list():
                if below.name not in names:
                    self._add(DELETED, f"{frame.path}/{below.name}")

    def _entry(self, frame: _Frame, name: str, found: os.stat_result, *, is_deleted: bool) -> None:
        path = f"{frame.path}/{name}"
        lower = self._lower(frame, name)
        if is_deleted:
            if lower is not None:
                self._add(DELETED, path)
            return
        both = lower is not None and S_ISDIR(lower.st_mode) and S_ISDIR(found.st_mode)
        if lower is None:
            self._add(ADDED, path)
        elif not both or _differs(found, lower):
            self._add(CHANGED, path)
        if S_ISDIR(found.st_mode) and len(os.fsencode(path)) < _PATH_BYTES:
            frame.pending.append((name, both))

    def _lower(self, frame: _Frame, name: str) -> "os.stat_result | None":
        if not frame.has_lower:
            return None
        try:
            return os.stat(name, dir_fd=self._bottom.fd, follow_symlinks=False)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._bottom.failed("stat", name, error) from None

    def _add(self, kind: str, path: str) -> None:
        self.found[path] = kind
        for frame in reversed(self._frames):
            if frame.is_listed:
                return
            frame.is_listed = True
            if frame.path:
                self.found.setdefault(frame.path, CHANGED)
        above = self._frames[0].path.rpartition("/")[0]  # the directories above the mount point
        while above:
            self.found.setdefault(above, CHANGED)
            above = above.rpartition("/")[0]


def _is_whiteout(found: os.stat_result) -> bool:
    return S_ISCHR(found.st_mode) and found.st_rdev == 0


def _is_marked(directory_fd: int, name: str, found: os.stat_result) -> bool:
    """Return whether an empty file is a whiteout."""
    if not S_ISREG(found.st_mode) or found.st_size:
        return False
    try:
        fd = os.open(
            name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=directory_fd
        )
    except OSError:
        return False
    try:
        return any(f"{namespace}whiteout" in os.listxattr(fd) for namespace in _NAMESPACES)
    except OSError:
        return False
    finally:
        os.close(fd)


def _differs(found: os.stat_result, lower: os.stat_result) -> bool:
    """Return whether a directory itself was changed, not only something below it."""
    return (found.st_mode, found.st_uid, found.st_gid, found.st_mtime_ns) != (
        lower.st_mode,
        lower.st_uid,
        lower.st_gid,
        lower.st_mtime_ns,
    )


# ---- mount points ----------------------------------------------------------------------------


def only_mounted_on(
    changes: "Sequence[Change]", mounts: "Collection[str]", upper_dir: str
) -> "set[str]":
    """Return the paths that are only there since something was mounted on or below them.

    Args:
        changes: of the layer, in the order of the paths.
        mounts: where something was mounted.
        upper_dir: the layer's directory, to see whether a file is empty.
    """
    leading = {one for path in mounts for one in above(path)}
    found: set[str] = set()
    kept: set[str] = set()  # with the directories above
    emptied: set[str] = set()
    for change in reversed(changes):
        path = change.path
        is_mount_point = path in mounts and _is_empty(upper_dir + path)
        leads_to_some = path in leading and path in emptied
        if change.kind == ADDED and path not in kept and (is_mount_point or leads_to_some):
            found.add(path)
            emptied.add(os.path.dirname(path))
        else:
            kept.update((path, os.path.dirname(path)))
    return found


def above(path: str) -> "list[str]":
    """Return the directories above a path, but for the top."""
    found = []
    while (path := os.path.dirname(path)) not in ("", "/"):
        found.append(path)
    return found


def _is_empty(path: str) -> bool:
    """Return whether a file is empty; of a directory the changes tell."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return False  # of another part of the host's base
    return S_ISDIR(found.st_mode) or (S_ISREG(found.st_mode) and not found.st_size)
