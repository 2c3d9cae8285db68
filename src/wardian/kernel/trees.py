"""Walk, remove and digest whole trees, whatever their depth and whoever wrote them.

Facts about trees
-----------------
A tree can be deeper than PATH_MAX and than the descriptors that a process may have, so it is walked
with one descriptor: down by name, up by "..", with a look at device and inode number after each way
up, since the tree can be moved meanwhile.

A bind mount of the same file system has its parent's device number; only the mount's id tells. What
is mounted in a tree that shall be removed is not the tree's: it is refused before anything is gone.

chmod(2) has no way not to follow a symbolic link, but /proc/self/fd/N of an O_PATH descriptor leads
to that very file.

Kernel: openat(2), unlinkat(2), path_resolution(7), proc_pid_fdinfo(5), xattr(7).
"""

import errno
import os
from stat import S_IFMT, S_ISBLK, S_ISCHR, S_ISDIR, S_ISLNK, S_ISREG

from wardian import errors
from wardian.kernel import mountinfo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

_LISTING = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_HOLDING = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
_CHUNK_BYTES = 1 << 20


class Descent:
    """A place in a tree that moves down and up, with one descriptor whatever the depth.

    Attributes:
        fd: the directory where it is, open for listing.
    """

    __slots__ = ("_path", "_trail", "fd")

    def __init__(self, path: str) -> None:
        self._path = path
        self._trail: list[tuple[int, int]] = []
        try:
            self.fd = os.open(path, _LISTING)
        except OSError as error:
            raise self.failed("open", path, error) from None

    @property
    def depth(self) -> int:
        """How many directories it is below the tree's top."""
        return len(self._trail)

    def enter(self, name: str) -> None:
        """Go down into a directory; a symbolic link is an error (ENOTDIR)."""
        try:
            self._enter(os.open(name, _LISTING, dir_fd=self.fd))
        except OSError as error:
            raise self.failed("open", name, error) from None

    def _enter(self, below: int) -> None:
        here = os.fstat(self.fd)
        self._trail.append((here.st_dev, here.st_ino))
        os.close(self.fd)
        self.fd = below

    def leave(self) -> None:
        """Go up again.

        Raises:
            KernelError: ESTALE: somebody moved the directory meanwhile.
        """
        try:
            above = os.open("..", _LISTING, dir_fd=self.fd)
        except OSError as error:
            raise self.failed("open", "..", error) from None
        found = os.fstat(above)
        os.close(self.fd)
        self.fd = above
        if (found.st_dev, found.st_ino) != self._trail.pop():
            raise self.failed("open", "..", OSError(errno.ESTALE, ""))

    def list(self) -> "list[os.DirEntry[str]]":
        """Return the entries of the directory where it is."""
        try:
            with os.scandir(self.fd) as entries:
                return list(entries)
        except OSError as error:
            raise self.failed("getdents", ".", error) from None

    def failed(self, call: str, name: str, error: OSError, hint: str = "") -> errors.KernelError:
        """Return the error of a call on `name` in the directory where it is."""
        where = "" if name == self._path else f' below "{self._path}"'
        return errors.KernelError(f'{call}("{name}"){where}', error.errno or 0, hint=hint)

    def close(self) -> None:
        """Let go of the tree."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __enter__(self) -> "Descent":
        return self

    def __exit__(
        self,
        kind: "type[BaseException] | None",
        error: "BaseException | None",
        trace: "TracebackType | None",
    ) -> None:
        self.close()


def mount_id(fd: int) -> int:
    """Return the id of the mount that a descriptor's file was found in, as mountinfo has it.

    Raises:
        UnsupportedError: /proc is not mounted.
    """
    try:
        with open(f"/proc/self/fdinfo/{fd}", "rb", buffering=0) as file:
            for line in file.read(4096).split(b"\n"):
                if line.startswith(b"mnt_id:"):
                    return int(line[7:])
    except OSError:
        pass
    raise errors.UnsupportedError(
        "the mount of a file can't be told: /proc/self/fdinfo has no mnt_id",
        feature="proc",
        hint="mount procfs on /proc",
    )


# ---- remove -------------------------------------------------------------------------------


def remove(path: str) -> None:
    """Remove a file or a tree; what is not there is no error.

    Symbolic links are removed, never followed. Directories of ours that we may not read are opened
    up first.

    Raises:
        StatusError: something is mounted in it; nothing was removed.
        KernelError: EACCES or EPERM where it holds directories of other users. Files of sub-ids are
            removed by root of their user namespace.
    """
    directory, _slash, name = path.rstrip("/").rpartition("/")
    path = os.path.join(os.path.realpath(directory or ("/" if _slash else ".")), name)
    _refuse_mounts(path)
    try:
        if not S_ISDIR(os.lstat(path).st_mode):
            os.unlink(path)
            return
        os.rmdir(path)
    except FileNotFoundError:
        return
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise errors.KernelError(f'unlink("{path}")', error.errno or 0) from None
        _remove_tree(path)


def _refuse_mounts(path: str) -> None:
    found = mountinfo.below(path)
    if found:
        raise _mounted(f'"{found[-1].point}"', path)


def _mounted(what: str, path: str) -> errors.StatusError:
    return errors.StatusError(
        f'can\'t remove "{path}": {what} is a mount point', hint="unmount it first"
    )


def _remove_tree(path: str) -> None:
    try:
        held = os.open(path, _HOLDING | os.O_DIRECTORY)
    except OSError as error:
        raise errors.KernelError(f'open("{path}")', error.errno or 0) from None
    try:
        _open_up(held)
    finally:
        os.close(held)
    with Descent(path) as walk:
        mount = mount_id(walk.fd)
        pending = [_clear(walk, path)]
        while True:
            while pending[-1]:
                if _enter_same_mount(walk, pending[-1][-1], mount, path):
                    pending.append(_clear(walk, path))
                else:
                    pending[-1].pop()
            pending.pop()
            if not pending:
                break
            walk.leave()
            _rmdir(walk, pending[-1].pop())
    try:
        os.rmdir(path)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise errors.KernelError(f'rmdir("{path}")', error.errno or 0) from None


def _clear(walk: Descent, path: str) -> "list[str]":
    """Remove the files and empty directories here; return the names of the other directories."""
    full = []
    for entry in walk.list():
        try:
            if entry.is_dir(follow_symlinks=False):
                os.rmdir(entry.name, dir_fd=walk.fd)
            else:
                os.unlink(entry.name, dir_fd=walk.fd)
        except FileNotFoundError:
            pass  # somebody else removes here too
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                full.append(entry.name)
            elif error.errno == errno.EBUSY:
                raise _mounted(f'"{entry.name}"', path) from None
            else:
                raise walk.failed("unlink", entry.name, error, _hint(error)) from None
    return full


def _hint(error: OSError) -> str:
    if error.errno in (errno.EACCES, errno.EPERM):
        return "it belongs to another user or sub-id; root of that user namespace can remove it"
    return ""


def _rmdir(walk: Descent, name: str) -> None:
    try:
        os.rmdir(name, dir_fd=walk.fd)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise walk.failed("rmdir", name, error, _hint(error)) from None


def _enter_same_mount(walk: Descent, name: str, mount: int, path: str) -> bool:
    """Go down into a directory that shall be emptied; False where it is gone."""
    try:
        fd = os.open(name, _HOLDING | os.O_DIRECTORY, dir_fd=walk.fd)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise walk.failed("open", name, error, _hint(error)) from None
    try:
        # The table of mounts was read before; this one may have come since.
        if mount_id(fd) != mount:
            raise _mounted(f'"{name}"', path)
        _open_up(fd)
    finally:
        os.close(fd)
    walk.enter(name)
    return True


def _open_up(fd: int) -> None:
    """Let a directory of ours be listed and emptied."""
    found = os.fstat(fd)
    if found.st_mode & 0o700 != 0o700 and found.st_uid == os.geteuid():
        try:
            os.chmod(f"/proc/self/fd/{fd}", found.st_mode & 0o7777 | 0o700)
        except OSError:
            pass  # opening or removing will say what is wrong


# ---- digest -------------------------------------------------------------------------------


def digest(path: str, *, times: bool = False) -> str:
    """Return the SHA-256, in hex, of all that a tree holds.

    Two trees have the same digest when they agree in names, types, modes, owners, contents, link
    targets, device numbers, extended attributes and in which names are hard links of one file.
    What is mounted in the tree counts as an empty directory.

    Args:
        path: the tree's top, whose name does not count.
        times: the times of last modification count too.

    Raises:
        KernelError: something can't be read, or the tree changes while it is read.
    """
    from hashlib import sha256

    state = sha256()
    with Descent(path) as walk:
        reader = _Digester(walk, state.update, times=times)
        reader.record(".", os.fstat(walk.fd))
        pending = [reader.directory()]
        while pending:
            if not pending[-1]:
                pending.pop()
                if pending:
                    walk.leave()
                continue
            name = pending[-1].pop()
            if reader.entry(name):
                walk.enter(name)
                pending.append(reader.directory())
    return state.hexdigest()


class _Digester:
    """Feeds one entry after the other to a digest."""

    __slots__ = ("_device", "_linked", "_times", "_update", "_walk")

    def __init__(self, walk: Descent, update: "Callable[[bytes], None]", *, times: bool) -> None:
        self._walk = walk
        self._update = update
        self._times = times
        self._device = os.fstat(walk.fd).st_dev
        self._linked: dict[tuple[int, int], int] = {}

    def directory(self) -> "list[str]":
        """Return the names in the directory, last in the order of their bytes first."""
        names = [entry.name for entry in self._walk.list()]
        return sorted(names, key=os.fsencode, reverse=True)

    def entry(self, name: str) -> bool:
        """Take one entry in; returns whether it is a directory to enter."""
        try:
            found = os.stat(name, dir_fd=self._walk.fd, follow_symlinks=False)
            first = self.record(name, found)
            if first and S_ISREG(found.st_mode):
                self._content(name, found.st_size)
        except OSError as error:
            raise self._walk.failed("read", name, error) from None
        return S_ISDIR(found.st_mode) and found.st_dev == self._device

    def record(self, name: str, found: os.stat_result) -> bool:
        """Take in what is known without the content; False for one more link of a known file."""
        mode = found.st_mode
        words = [self._walk.depth, os.fsencode(name), S_IFMT(mode), mode & 0o7777]
        words += [found.st_uid, found.st_gid]
        is_first = True
        if not S_ISDIR(mode) and found.st_nlink > 1:
            key = (found.st_dev, found.st_ino)
            is_first = key not in self._linked
            words += ["link", self._linked.setdefault(key, len(self._linked))]
        if S_ISREG(mode):
            words.append(found.st_size)
        elif S_ISLNK(mode):
            words.append(os.fsencode(os.readlink(name, dir_fd=self._walk.fd)))
        elif S_ISCHR(mode) or S_ISBLK(mode):
            words.append(found.st_rdev)
        if self._times:
            words.append(found.st_mtime_ns)
        words += self._attributes(name)
        # repr of a list of numbers, bytes and words is unambiguous
        self._update(repr(words).encode() + b"\n")
        return is_first

    def _attributes(self, name: str) -> "list[tuple[bytes, bytes]]":
        fd = os.open(name, _HOLDING, dir_fd=self._walk.fd)
        try:
            held = f"/proc/self/fd/{fd}"
            names = sorted(os.listxattr(held), key=os.fsencode)
            return [(os.fsencode(key), os.getxattr(held, key)) for key in names]
        except OSError as error:
            if error.errno == errno.ENOTSUP:
                return []
            raise
        finally:
            os.close(fd)

    def _content(self, name: str, size: int) -> None:
        fd = os.open(
            name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=self._walk.fd
        )
        try:
            total = 0
            while chunk := os.read(fd, _CHUNK_BYTES):
                self._update(chunk)
                total += len(chunk)
        finally:
            os.close(fd)
        if total != size:
            raise OSError(errno.ESTALE, "changed while it was read")
