"""Open and change paths inside a hostile root without leaving it.

Facts about paths
-----------------
O_PATH | O_NOFOLLOW holds on to one name without following it, so a path walked name by name, with
symbolic links put together by us, can't leave the directory where the walk began: ".." pops our own
list and never asks the kernel. openat2(RESOLVE_IN_ROOT) does the same in one call, but needs
ctypes, which costs more than all walks of a run. A link in a procfs is read as text, never jumped.

Kernel: openat2(2), path_resolution(7), symlink(7), rename(2), flock(2), proc_locks(5).
"""

import errno
import fcntl
import os
from stat import S_ISREG

from wardian import errors

_LINKS_MAX = 40  # linux/namei.h: MAXSYMLINKS
_FOLLOWING = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def open_in_root(root_fd: int, path: str, flags: int, mode: int = 0o600) -> int:
    """Open `path` as a process whose root is `root_fd` would; returns a descriptor (close-on-exec).

    Symbolic links and ".." stay inside. Whoever changes the root at the same time can make this
    fail, but not leave.

    Args:
        root_fd: a directory; O_PATH is enough.
        path: taken from the root, with or without a leading "/".
        flags: of open(2); O_NOFOLLOW counts for the last name.
        mode: of a file that O_CREAT makes.

    Raises:
        KernelError: with open(2)'s errno; ELOOP after 40 links.
    """
    try:
        return _open_in_root(root_fd, path, flags, mode)
    except ValueError:  # a NUL in the path
        raise errors.KernelError(f"open({path!r})", errno.EINVAL) from None
    except OSError as error:
        raise errors.KernelError(f'open("{path}")', error.errno or 0) from None


def _open_in_root(root_fd: int, path: str, flags: int, mode: int) -> int:
    walk = _Walk(root_fd, path)
    follow = (
        not flags & os.O_NOFOLLOW and flags & (os.O_CREAT | os.O_EXCL) != os.O_CREAT | os.O_EXCL
    )
    try:
        while walk.todo:
            name = walk.todo.pop()
            if name == "..":
                walk.up()
            elif walk.todo:
                walk.down(name)
            elif not ((follow or walk.is_directory) and walk.link(name)):  # "link/" is followed
                if walk.is_directory:
                    flags |= os.O_DIRECTORY
                flags |= os.O_NOFOLLOW | os.O_CLOEXEC
                return os.open(name, flags, mode, dir_fd=walk.here)
        return os.open(".", flags | os.O_CLOEXEC, mode, dir_fd=walk.here)
    finally:
        walk.close()


class _Walk:
    """A walk from a root: the directories that lead to `here`, and the names still to go."""

    __slots__ = ("_root_fd", "_trail", "here", "is_directory", "links", "todo")

    def __init__(self, root_fd: int, path: str) -> None:
        self._root_fd = self.here = root_fd
        self._trail: list[int] = []
        self.links = 0
        self.is_directory = False
        self.todo: list[str] = []
        if not path:
            raise OSError(errno.ENOENT, "empty path")
        self._push(path)

    def _push(self, path: str) -> None:
        if not self.todo and path.endswith(("/", "/.")):
            self.is_directory = True
        self.todo.extend(name for name in reversed(path.split("/")) if name not in ("", "."))

    def up(self) -> None:
        if self._trail:  # ".." of the root is the root
            os.close(self._trail.pop())
            self.here = self._trail[-1] if self._trail else self._root_fd

    def down(self, name: str) -> None:
        try:
            self.here = os.open(name, _FOLLOWING, dir_fd=self.here)
        except NotADirectoryError:
            if not self.link(name):
                raise
        else:
            self._trail.append(self.here)

    def link(self, name: str) -> bool:
        """Put a link's target in the place of `name`; False where it is no link."""
        try:
            target = os.readlink(name, dir_fd=self.here)
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.ENOENT):  # O_CREAT may make it
                return False
            raise
        self.links += 1
        if self.links > _LINKS_MAX:
            raise OSError(errno.ELOOP, "too many links")
        if target.startswith("/"):
            self.close()
        self._push(target)
        return True

    def close(self) -> None:
        """Go back to the root."""
        while self._trail:
            os.close(self._trail.pop())
        self.here = self._root_fd


def read_in_root(root: "int | str", path: str, limit: int) -> "bytes | None":
    """Return the content of a regular file below `root`; None where there is none.

    Args:
        root: a directory, or a descriptor of one.
        path: as in `open_in_root`.
        limit: in bytes.

    Raises:
        SpecError: it is larger than `limit`, or no regular file (opening a device can do things).
        KernelError: it can't be read.
    """
    root_fd = root
    if isinstance(root_fd, str):
        try:
            root_fd = os.open(root_fd, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise errors.KernelError(f'open("{root}")', error.errno or 0) from None
    fd = -1
    try:
        fd = open_in_root(root_fd, path, os.O_PATH)
        if not S_ISREG(os.fstat(fd).st_mode):
            raise errors.SpecError(f'"{path}" in the root is not a regular file')
        return _read_held(fd, path, limit)
    except errors.KernelError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            return None
        raise
    finally:
        if fd >= 0:
            os.close(fd)
        if isinstance(root, str):
            os.close(root_fd)


def _read_held(path_fd: int, path: str, limit: int) -> bytes:
    try:
        fd = os.open(f"/proc/self/fd/{path_fd}", os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise errors.KernelError(f'open("{path}")', error.errno or 0) from None
    try:
        chunks = []
        left = limit + 1
        while left > 0 and (chunk := os.read(fd, min(left, 1 << 20))):
            chunks.append(chunk)
            left -= len(chunk)
    except OSError as error:
        raise errors.KernelError(f'read("{path}")', error.errno or 0) from None
    finally:
        os.close(fd)
    if left <= 0:
        raise errors.SpecError(f'"{path}" in the root is larger than {limit} bytes')
    return b"".join(chunks)


def write_atomic(path: str, data: bytes, mode: int = 0o600, *, durable: bool = False) -> None:
    """Put `data` under `path` in one moment: a reader finds the old content or the new.

    Args:
        path: in a directory that only we can write to.
        data: the whole content.
        mode: of the file, whatever the umask.
        durable: also after a power cut.

    Raises:
        KernelError: ENOSPC, EACCES ...; the old file is untouched and no other is left.
    """
    directory, _slash, name = path.rpartition("/")
    temporary = f"{directory or '.'}/.tmp-{name[:200]}-{os.urandom(8).hex()}"
    fd = -1
    try:
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        os.fchmod(fd, mode)
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
        if durable:
            os.fsync(fd)
        os.rename(temporary, path)
        if durable:
            sync_directory(directory or ".")
    except OSError as error:
        if fd >= 0:
            _unlink_if_there(temporary)
        raise errors.KernelError(f'write("{path}")', error.errno or 0) from None
    finally:
        if fd >= 0:
            os.close(fd)


def make_locked(directory: str, prefix: str) -> tuple[str, int]:
    """Make a new directory and lock it; returns its path and the descriptor that holds the lock.

    Whoever sweeps the leftovers of dead processes locks what it removes. It can come between the
    making and the locking; then another directory is made.

    Args:
        directory: where; it must exist.
        prefix: what the name begins with.

    Raises:
        OSError: of mkdir(2) or open(2).
    """
    while True:
        path = f"{directory}/{prefix}{os.getpid()}-{os.urandom(6).hex()}"
        os.mkdir(path, 0o700)
        fd = -1
        try:
            fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
            fcntl.flock(fd, fcntl.LOCK_EX)
            os.stat(path)
        except FileNotFoundError:
            if fd >= 0:
                os.close(fd)
        else:
            return path, fd


def lock_left(path: str) -> int:
    """Lock what a dead process may have left, to remove it; the caller closes the descriptor.

    Returns:
        The descriptor that holds the lock, or -1: somebody is at it, or it is gone.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return -1
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return -1
    return fd


def lock_holder(fd: int) -> int:
    """Return the pid of who took a flock(2) on a descriptor's file; 0 where it can't be told."""
    found = os.fstat(fd)
    file = b"%02x:%02x:%d" % (os.major(found.st_dev), os.minor(found.st_dev), found.st_ino)
    number = b":%d" % found.st_ino
    near: list[int] = []
    try:
        with open("/proc/locks", "rb") as locks:
            for line in locks:
                words = line.split()
                if len(words) < 6 or words[1] != b"FLOCK" or not words[5].endswith(number):
                    continue
                near.append(max(0, int(words[4])))
                if words[5] == file:
                    return near[-1]
    except (OSError, ValueError):
        pass  # no /proc
    # btrfs tells another device in stat(2) than here
    return near[0] if len(near) == 1 else 0


def sync_directory(path: str) -> None:
    """Put what was renamed in a directory onto the disk."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _unlink_if_there(path: str) -> None:
    try:
        os.unlink(path)
    except OSError:
        pass  # already renamed, or the directory is gone: the first error counts


def remove_tree(path: str) -> None:
    """Remove a file or a whole tree (trees.remove; loaded only where something is removed)."""
    from wardian.kernel import trees

    trees.remove(path)


def tree_digest(path: str, *, times: bool = False) -> str:
    """Return the SHA-256 of all that a tree holds (trees.digest)."""
    from wardian.kernel import trees

    return trees.digest(path, times=times)
