"""Apply a layer's entries to a directory.

Every name is looked up with openat(2) from a descriptor of the directory above it, and no symbolic
link is followed by the kernel: one that an entry's path goes through is put together inside of the
layer's own top (kernel/paths.py). So nothing outside can be touched, whatever the archive says.

Facts about attributes
----------------------
chown(2) clears set-id bits and security.capability, so the order is owner, mode, attributes, times.
Directories get theirs at the end, since making a file in one changes its time. Without privileges
in the initial user namespace mknod(2) makes no device but 0:0, overlayfs's whiteout (since Linux
5.8), and an overlay must be mounted with userxattr to see user.overlay.opaque.

Kernel: openat(2), mknod(2), chown(2), utimensat(2), setxattr(2), overlayfs.
"""

import errno
import os
from stat import S_IFBLK, S_IFCHR, S_ISCHR, S_ISDIR, S_ISLNK
from typing import TYPE_CHECKING

from wardian import errors
from wardian.images import tar_headers
from wardian.images.layer_entries import IMPLICIT_MODE, Item, refused
from wardian.images.tar_headers import Entry
from wardian.kernel import paths
from wardian.kernel.trees import Descent

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wardian.images.tar_reader import Reader

_HELD_DIRECTORIES = 32
_HOLDING = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READING = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_MAKING = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
# Failures that are the archive's fault, not the machine's.
_FAULTS = {
    errno.EINVAL: "can't be made",
    errno.EEXIST: "is in its own way",
    errno.ENOTDIR: "lies below something that is no directory",
    errno.ELOOP: "lies below symbolic links that lead nowhere",
    errno.ENOENT: "lies below a symbolic link that leads nowhere",
    errno.ENAMETOOLONG: "has too long a name",
    errno.EFBIG: "is larger than any file here can be",
}


class Rules:
    """How this process may make files.

    Attributes:
        chown: owners are set; False where there is only one id.
        devices: device nodes are made; else they are left out and counted.
        namespace: of overlayfs's attributes: "trusted.overlay." or "user.overlay.".
    """

    __slots__ = ("chown", "devices", "namespace")

    def __init__(self, *, chown: bool, devices: bool, namespace: str) -> None:
        self.chown = chown
        self.devices = devices
        self.namespace = namespace


ROOT_RULES = Rules(chown=True, devices=True, namespace="trusted.overlay.")
MAPPED_RULES = Rules(chown=True, devices=False, namespace="user.overlay.")
LONE_RULES = Rules(chown=False, devices=False, namespace="user.overlay.")


class Summary:
    """What came out of a layer.

    Attributes:
        entries: how many were applied.
        devices_left_out: device nodes that could not be made.
        implicit: directories that exist only since something lies in them.
    """

    __slots__ = ("devices_left_out", "entries", "implicit")

    def __init__(self) -> None:
        self.entries = 0
        self.devices_left_out = 0
        self.implicit: list[bytes] = []


class _Directory:
    """What a directory shall get at the end."""

    __slots__ = ("entry", "inode", "is_opaque", "path")

    def __init__(self, path: bytes, inode: int) -> None:
        self.path = path
        self.inode = inode
        self.entry: Entry | None = None
        self.is_opaque = False


class Builder:
    """Builds one tree below a directory that nobody else writes to.

    Args:
        top: the directory; it must exist and be empty.
        rules: what this process may do.
    """

    __slots__ = ("_directories", "_held", "_rules", "_self", "_top", "_top_fd", "summary")

    def __init__(self, top: str, rules: Rules) -> None:
        self._top = top
        self._rules = rules
        self._top_fd = os.open(top, _HOLDING)
        # What is made here gets these owners; a set-group-id directory above passes its group on.
        self._self = (os.geteuid(), os.fstat(self._top_fd).st_gid)
        self._held: dict[bytes, int] = {b"": self._top_fd}
        self._directories: dict[int, _Directory] = {}
        self.summary = Summary()
        self._remember(b"", self._top_fd)

    def run(self, items: "Iterable[Item]", reader: "Reader") -> Summary:
        """Apply everything, and give the directories their attributes.

        Args:
            items: of the reader's entries.
            reader: gives the data of the present entry.

        Raises:
            SpecError: the archive asks for what can't be.
            KernelError: this machine refuses, ENOSPC for one.
        """
        try:
            for item in items:
                try:
                    self._apply(item, reader)
                except OSError as error:
                    raise self._failure(item, error) from None
                self.summary.entries += 1
            self._finish()
        finally:
            self._forget(-1)
            os.close(self._top_fd)
        return self.summary

    def _failure(self, item: Item, error: OSError) -> errors.WardianError:
        path = b"/".join(item.parts)
        if error.errno == errno.EINVAL and item.entry and not self._rules.devices:
            owner = f"{item.entry.uid}:{item.entry.gid}"
            return errors.HostError(
                f"unpack {tar_headers.shown(path)}: its owner {owner} is not among your ids",
                hint="a larger range in /etc/subuid and /etc/subgid",
            )
        if error.errno in _FAULTS:
            return refused(path, _FAULTS[error.errno])
        return errors.KernelError(f"unpack {tar_headers.shown(path)}", error.errno or 0)

    def _apply(self, item: Item, reader: "Reader") -> None:
        entry = item.entry
        if item.is_opaque or _is_directory(item):
            self._attributes_later(self._directory(item.parts, item), item)
            return
        parent = self._directory(item.parts[:-1], item)
        name = item.parts[-1]
        if entry is None:
            self._whiteout(parent, name)
        elif entry.kind == tar_headers.FILE:
            self._file(parent, item, reader)
        else:
            self._node(parent, name, item, entry)

    # ---- directories ----

    def _directory(self, parts: "list[bytes]", item: Item) -> int:
        """Return a descriptor of a directory; it and those above are made where missing."""
        itself = len(item.parts) if _is_directory(item) else -1  # a link there is replaced
        fd = -1
        depth = len(parts) + 1
        while fd < 0:
            depth -= 1
            path = b"/".join(parts[:depth])
            fd = self._held.get(path, -1)
            if fd < 0 and depth != itself:
                fd = self._held.get(path + b"/", -1)
        while depth < len(parts):
            name = parts[depth]
            depth += 1
            fd = self._enter(fd, b"/".join(parts[:depth]), name, replaces=depth == itself)
        return fd

    def _enter(self, parent: int, path: bytes, name: bytes, *, replaces: bool) -> int:
        try:
            fd = os.open(name, _HOLDING, dir_fd=parent)
        except OSError as error:
            if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
                raise
            if not replaces and _is_link(parent, name):
                where = os.fsdecode(path)
                fd = paths.open_in_root(self._top_fd, where, os.O_PATH | os.O_DIRECTORY)
                path += b"/"  # no entry's path ends so: this one is another directory
            else:
                fd = self._make(parent, name, replaces=replaces)
        if len(self._held) > _HELD_DIRECTORIES:
            # The oldest one, but neither the top nor the one that the caller stands on.
            for old in list(self._held)[1:3]:
                if self._held[old] != parent:
                    os.close(self._held.pop(old))
                    break
        self._held[path] = fd
        return fd

    def _make(self, parent: int, name: bytes, *, replaces: bool) -> int:
        was_whiteout = False
        try:
            os.mkdir(name, 0o700, dir_fd=parent)
        except FileExistsError:
            was_whiteout = _is_whiteout(os.stat(name, dir_fd=parent, follow_symlinks=False))
            if not (replaces or was_whiteout):
                raise NotADirectoryError(errno.ENOTDIR, "") from None
            os.unlink(name, dir_fd=parent)
            self._forget(parent)
            os.mkdir(name, 0o700, dir_fd=parent)
        fd = os.open(name, _HOLDING, dir_fd=parent)
        above = self._directories[os.fstat(parent).st_ino].path
        self._remember(above + b"/" + name if above else name, fd).is_opaque = was_whiteout
        return fd

    def _remember(self, path: bytes, fd: int) -> _Directory:
        inode = os.fstat(fd).st_ino
        made = self._directories[inode] = _Directory(path, inode)
        return made

    def _attributes_later(self, fd: int, item: Item) -> None:
        known = self._directories[os.fstat(fd).st_ino]
        if item.is_opaque:
            known.is_opaque = True
        else:
            known.entry = item.entry

    def _forget(self, parent: int) -> None:
        """Close all that is held but one: what it leads to is about to change."""
        for path, fd in list(self._held.items()):
            if path and fd != parent:
                os.close(self._held.pop(path))

    # ---- what is no directory ----

    def _clear(self, parent: int, item: Item) -> None:
        """Remove what stands where the item shall be."""
        name = item.parts[-1]
        found = os.stat(name, dir_fd=parent, follow_symlinks=False)
        if S_ISDIR(found.st_mode):
            self._forget(parent)
            _remove(parent, name)
        else:
            os.unlink(name, dir_fd=parent)
            if S_ISLNK(found.st_mode):
                self._forget(parent)

    def _whiteout(self, parent: int, name: bytes) -> None:
        try:
            os.mknod(name, S_IFCHR, os.makedev(0, 0), dir_fd=parent)
            os.utime(name, ns=(0, 0), dir_fd=parent, follow_symlinks=False)
        except FileExistsError:
            # It is of this layer and stays; only what lies below it is hidden.
            try:
                fd = os.open(name, _HOLDING, dir_fd=parent)
            except OSError:
                return
            known = self._directories.get(os.fstat(fd).st_ino)
            os.close(fd)
            if known:
                known.is_opaque = True

    def _file(self, parent: int, item: Item, reader: "Reader") -> None:
        entry = item.entry
        assert entry is not None
        name = item.parts[-1]
        try:
            fd = os.open(name, _MAKING, entry.mode & 0o777, dir_fd=parent)
        except FileExistsError:
            self._clear(parent, item)
            fd = os.open(name, _MAKING, entry.mode & 0o777, dir_fd=parent)
        try:
            if entry.segments is not None:
                _write_sparse(fd, entry, reader)
            elif entry.stored:
                for view in reader.data():
                    _write(fd, view)
            if self._rules.chown and (entry.uid, entry.gid) != self._self:
                os.fchown(fd, entry.uid, entry.gid)
            os.fchmod(fd, entry.mode)
            for key, value in entry.xattrs.items():
                self._set_xattr(fd, key, value)
            os.utime(fd, ns=(entry.mtime_ns, entry.mtime_ns))
        finally:
            os.close(fd)

    def _node(self, parent: int, name: bytes, item: Item, entry: Entry) -> None:
        if entry.kind == tar_headers.HARD_LINK:
            self._link(parent, name, item)
            return
        if entry.kind in (tar_headers.CHARACTER_DEVICE, tar_headers.BLOCK_DEVICE):
            is_whiteout = entry.kind == tar_headers.CHARACTER_DEVICE and entry.device == (0, 0)
            if not (self._rules.devices or is_whiteout):
                self.summary.devices_left_out += 1
                return  # the summary tells
        try:
            _make_node(parent, name, entry)
        except FileExistsError:
            self._clear(parent, item)
            _make_node(parent, name, entry)
        self._set_by_name(parent, name, entry)

    def _link(self, parent: int, name: bytes, item: Item) -> None:
        source = self._existing(item)
        last = item.target[-1]
        try:
            found = os.stat(last, dir_fd=source, follow_symlinks=False)
            if S_ISDIR(found.st_mode):
                raise refused(b"/".join(item.parts), "is a hard link to a directory")
            try:
                here = os.stat(name, dir_fd=parent, follow_symlinks=False)
            except FileNotFoundError:
                pass
            else:
                if (here.st_dev, here.st_ino) == (found.st_dev, found.st_ino):
                    return
                self._clear(parent, item)
            os.link(last, name, src_dir_fd=source, dst_dir_fd=parent, follow_symlinks=False)
        except FileNotFoundError:
            raise self._no_target(item) from None
        finally:
            os.close(source)

    def _existing(self, item: Item) -> int:
        """Return a descriptor of the directory that a hard link's target lies in."""
        directory = os.fsdecode(b"/".join(item.target[:-1])) or "."
        try:
            return paths.open_in_root(self._top_fd, directory, os.O_PATH | os.O_DIRECTORY)
        except errors.KernelError:
            raise self._no_target(item) from None

    def _no_target(self, item: Item) -> errors.SpecError:
        target = tar_headers.shown(b"/".join(item.target))
        return refused(b"/".join(item.parts), f"is a hard link to {target}, which is not in it")

    # ---- attributes ----

    def _set_by_name(self, parent: int, name: bytes, entry: Entry) -> None:
        if self._rules.chown:
            os.chown(name, entry.uid, entry.gid, dir_fd=parent, follow_symlinks=False)
        path = f"/proc/self/fd/{parent}/{os.fsdecode(name)}"
        if entry.kind != tar_headers.SYMLINK:
            os.chmod(path, entry.mode)  # what we have just made is no link
        for key, value in entry.xattrs.items():
            self._set_xattr(path, key, value)
        times = (entry.mtime_ns, entry.mtime_ns)
        os.utime(name, ns=times, dir_fd=parent, follow_symlinks=False)

    def _set_xattr(self, where: "int | str", key: bytes, value: bytes) -> None:
        if key.startswith(b"trusted.") and not self._rules.devices:
            return  # only root of the initial user namespace has these, and sees them
        # Through a path that ends with a name: the last link is never followed.
        if isinstance(where, int):
            os.setxattr(where, key, value)
        else:
            os.setxattr(where, key, value, follow_symlinks=False)

    def _finish(self) -> None:
        for known in reversed(list(self._directories.values())):
            try:
                fd = self._reopen(known.path)
            except (FileNotFoundError, NotADirectoryError):
                continue  # a later entry took its place
            try:
                if os.fstat(fd).st_ino == known.inode:
                    self._finish_directory(fd, known)
            except OSError as error:
                shown = tar_headers.shown(known.path)
                raise errors.KernelError(f"set attributes of {shown}", error.errno or 0) from None
            finally:
                os.close(fd)

    def _reopen(self, path: bytes) -> int:
        """Open a directory of ours for reading; its path has no links."""
        above, _slash, name = path.rpartition(b"/")
        parent = self._held.get(above, -1)
        if parent < 0:
            parent = self._top_fd
            for part in above.split(b"/"):
                below = os.open(part, _HOLDING, dir_fd=parent)
                if parent != self._top_fd:
                    os.close(parent)
                parent = below
            self._forget(-1)
            self._held[above] = parent
        return os.open(name or b".", _READING, dir_fd=parent)

    def _finish_directory(self, fd: int, known: _Directory) -> None:
        entry = known.entry
        if entry is None:
            entry = Entry(tar_headers.DIRECTORY, known.path)
            entry.mode = IMPLICIT_MODE
            self.summary.implicit.append(known.path)
        if known.is_opaque:
            os.setxattr(fd, self._rules.namespace + "opaque", b"y")
        if self._rules.chown:
            os.fchown(fd, entry.uid, entry.gid)
        os.fchmod(fd, entry.mode)
        for key, value in entry.xattrs.items():
            self._set_xattr(fd, key, value)
        os.utime(fd, ns=(entry.mtime_ns, entry.mtime_ns))


def _is_directory(item: Item) -> bool:
    return item.entry is not None and item.entry.kind == tar_headers.DIRECTORY


def _is_whiteout(found: os.stat_result) -> bool:
    return S_ISCHR(found.st_mode) and found.st_rdev == 0


def _is_link(parent: int, name: bytes) -> bool:
    try:
        return S_ISLNK(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return False


def _write(fd: int, view: memoryview) -> None:
    while view:
        view = view[os.write(fd, view) :]


def _write_sparse(fd: int, entry: Entry, reader: "Reader") -> None:
    pieces = reader.data()
    view = memoryview(b"")
    for offset, length in entry.segments or ():
        os.lseek(fd, offset, os.SEEK_SET)
        left = length
        while left:
            view = view or next(pieces)
            piece = view[:left]
            _write(fd, piece)
            view = view[len(piece) :]
            left -= len(piece)
    os.ftruncate(fd, entry.size)


def _make_node(parent: int, name: bytes, entry: Entry) -> None:
    if entry.kind == tar_headers.SYMLINK:
        os.symlink(entry.target, name, dir_fd=parent)
    elif entry.kind == tar_headers.FIFO:
        os.mkfifo(name, 0o600, dir_fd=parent)
    else:
        kind = S_IFCHR if entry.kind == tar_headers.CHARACTER_DEVICE else S_IFBLK
        os.mknod(name, kind | 0o600, os.makedev(*entry.device), dir_fd=parent)


def _remove(parent: int, name: bytes) -> None:
    """Remove a directory with all that is in it."""
    with Descent(f"/proc/self/fd/{parent}/{os.fsdecode(name)}") as walk:
        pending = [walk.list()]
        while True:
            while pending[-1]:
                entry = pending[-1].pop()
                if entry.is_dir(follow_symlinks=False):
                    pending[-1].append(entry)
                    walk.enter(entry.name)
                    pending.append(walk.list())
                else:
                    os.unlink(entry.name, dir_fd=walk.fd)
            pending.pop()
            if not pending:
                break
            walk.leave()
            os.rmdir(pending[-1].pop().name, dir_fd=walk.fd)
    os.rmdir(name, dir_fd=parent)
