"""The box's one writable directory from outside: files in before the program, files out after it.

The directory is held by a descriptor, which outlives the box: the tmpfs stays until it is closed,
though no process can change it any more. Nothing that the program made is followed or waited for:
each name is opened without links, and only regular files are read, up to a size.

Kernel: openat(2), O_NOFOLLOW, O_NONBLOCK; proc(5), /proc/PID/cwd; fstatvfs(3).
"""

import errno
import fcntl
import os
import stat

from wardian.errors import HostError, KernelError, NotFoundError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

CHUNK_BYTES = 1 << 20
NAME_MAX = 4096
PROGRAM_HEADS = (b"\x7fELF", b"#!")
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OWN_KINDS = (stat.S_IFREG, stat.S_IFDIR)
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def check_name(name: "str | os.PathLike[str]") -> str:
    """Return the name of a file in the working directory.

    Raises:
        UsageError: it leads elsewhere.
    """
    text = os.fspath(name)
    parts = text.split("/")
    if not text or "\0" in text or len(os.fsencode(text)) > NAME_MAX or not all(parts):
        raise UsageError(f'file "{text[:80]}": not a name in the working directory')
    if any(part in (".", "..") for part in parts):
        raise UsageError(f'file "{text[:80]}": leads out of the working directory')
    return text


def open_in_box(pid: int) -> int:
    """Open the working directory of a box that waits for its program's start.

    It is there already, so no link that somebody's root may have is followed.

    Raises:
        KernelError: it can't be opened.
    """
    try:
        return os.open(f"/proc/{pid}/cwd", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise KernelError(f'open("/proc/{pid}/cwd")', error.errno or 0) from None


def put(
    directory: int, files: "Mapping[str, bytes | str | os.PathLike[str]]", owner: int | None
) -> None:
    """Write files before the program runs, as copies that it may change.

    Args:
        directory: descriptor of the working directory.
        files: name, and content or the path of a file.
        owner: the box's user as this process sees it; None where it is our own.

    Raises:
        UsageError: a name that leads elsewhere; NotFoundError: a path that is not there.
        HostError: they don't fit.
    """
    for name, content in files.items():
        try:
            _put_one(directory, check_name(name), content, owner)
        except OSError as error:
            if isinstance(error, KernelError):
                raise
            reason = (error.strerror or str(error)).lower()
            text = f'writing "{str(name)[:80]}" for the program: {reason}'
            raise unwritten(text, error.errno) from None


def unwritten(text: str, number: int | None) -> HostError:
    """Return the error for a file that could not be written for the program.

    Args:
        text: says which, and why.
        number: the errno.
    """
    hint = "larger disk and inodes limits" if number == errno.ENOSPC else ""
    return HostError(text, hint=hint)


def _put_one(
    directory: int, name: str, content: "bytes | str | os.PathLike[str]", owner: int | None
) -> None:
    *parents, last = name.split("/")
    here = os.dup(directory)
    try:
        for parent in parents:
            try:
                os.mkdir(parent, 0o755, dir_fd=here)
                if owner is not None:
                    os.chown(parent, owner, owner, dir_fd=here, follow_symlinks=False)
            except FileExistsError:
                pass
            below = os.open(parent, _DIRECTORY, dir_fd=here)
            os.close(here)
            here = below
        fd = os.open(last, _NEW, 0o600, dir_fd=here)
    finally:
        os.close(here)
    try:
        is_program = _write(fd, content)
        os.fchmod(fd, 0o755 if is_program else 0o644)
        if owner is not None:
            os.fchown(fd, owner, owner)
    finally:
        os.close(fd)


def _write(fd: int, content: "bytes | str | os.PathLike[str]") -> bool:
    """Write a file's content; returns whether it is to be executable."""
    if isinstance(content, (bytes, bytearray, memoryview)):
        view = memoryview(content)
        while view:
            view = view[os.write(fd, view) :]
        return bytes(content[:4]).startswith(PROGRAM_HEADS)
    source = open_source(content)
    try:
        while os.sendfile(fd, source, None, CHUNK_BYTES):
            continue
        head = os.pread(source, 4, 0)
        return bool(os.fstat(source).st_mode & 0o111) or head.startswith(PROGRAM_HEADS)
    finally:
        os.close(source)


def pipe_bytes(fd: int) -> int:
    """Return how much an empty pipe takes: less than usual, for a user who has many (pipe(7))."""
    return fcntl.fcntl(fd, fcntl.F_GETPIPE_SZ)


def open_source(path: "str | os.PathLike[str]") -> int:
    """Open a file of the caller's for reading; returns a descriptor.

    Raises:
        NotFoundError: it is not there; UsageError: it is no regular file.
    """
    text = os.fspath(path)
    try:
        fd = os.open(text, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise NotFoundError(f'file "{text}": no such file') from None
    except OSError as error:
        raise KernelError(f'open("{text}")', error.errno or 0) from None
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise UsageError(f'file "{text}": not a regular file')
    return fd


# ---- afterwards ----------------------------------------------------------------------------


def take(
    directory: int, names: "Iterable[str]", most_bytes: int, all_bytes: int
) -> "tuple[dict[str, bytes], dict[str, str]]":
    """Read files that the program left; returns those read, and why others were not.

    Args:
        directory: descriptor of the working directory, in which nobody writes any more.
        names: of the files.
        most_bytes: of one file.
        all_bytes: of all: one file may have many names, and holes.
    """
    found: dict[str, bytes] = {}
    faults: dict[str, str] = {}
    left_bytes = all_bytes
    _give_back_rights(directory)
    for name in names:
        try:
            found[name] = _take_one(directory, check_name(name), min(most_bytes, left_bytes))
            left_bytes -= len(found[name])
        except UsageError as error:
            faults[name] = str(error)
        except OSError as error:
            reason = error.strerror or str(error)
            faults[name] = reason[:1].lower() + reason[1:]
    return found, faults


def _take_one(directory: int, name: str, most_bytes: int) -> bytes:
    *parents, last = name.split("/")
    here = os.dup(directory)
    fd = -1
    try:
        for parent in parents:
            below = _open_as_owner(parent, _DIRECTORY, here)
            os.close(here)
            here = below
        # O_PATH first: opening a FIFO or a device is an act in itself
        fd = os.open(last, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=here)
        mode = os.fstat(fd).st_mode
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, f"not a regular file but a {_kind(mode)}")
        if os.fstat(fd).st_size > most_bytes:
            raise OSError(errno.EFBIG, f"larger than {most_bytes} bytes")
        return _read(fd, here, last)
    finally:
        os.close(here)
        if fd >= 0:
            os.close(fd)


def _read(held: int, directory: int, name: str) -> bytes:
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    fd = _open_as_owner(name, flags, directory)
    try:
        before, state = os.fstat(held), os.fstat(fd)
        if (before.st_dev, before.st_ino) != (state.st_dev, state.st_ino):
            raise OSError(errno.ESTALE, "changed while it was read")
        chunks = []
        left = state.st_size
        while left > 0 and (chunk := os.read(fd, min(left, CHUNK_BYTES))):
            chunks.append(chunk)
            left -= len(chunk)
        return b"".join(chunks)
    finally:
        os.close(fd)


def _open_as_owner(name: str, flags: int, directory: int) -> int:
    """Open a file or directory, also one that is ours and from which its program took every right.

    Root needs no right. An ordinary user is the owner, who may give them back.
    """
    try:
        return os.open(name, flags, dir_fd=directory)
    except PermissionError:
        held = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
        try:
            _give_back_rights(held)
        finally:
            os.close(held)
    return os.open(name, flags, dir_fd=directory)


def _give_back_rights(held: int) -> None:
    state = os.fstat(held)
    if state.st_uid == os.geteuid() and stat.S_IFMT(state.st_mode) in _OWN_KINDS:
        os.chmod(f"/proc/self/fd/{held}", stat.S_IRWXU)


def _kind(mode: int) -> str:
    kinds = {
        stat.S_IFLNK: "symbolic link",
        stat.S_IFDIR: "directory",
        stat.S_IFIFO: "FIFO",
        stat.S_IFSOCK: "socket",
        stat.S_IFCHR: "device",
        stat.S_IFBLK: "device",
    }
    return kinds.get(stat.S_IFMT(mode), "special file")


class Fill:
    """How full the writable directory is.

    Attributes:
        used_bytes, used_inodes: without the directory itself.
        is_full: no block is left; no_inodes: no file could be made.
    """

    __slots__ = ("is_full", "no_inodes", "used_bytes", "used_inodes")

    def __init__(self, directory: int) -> None:
        self.used_bytes = self.used_inodes = 0
        self.is_full = self.no_inodes = False
        if directory < 0:
            return
        state = os.fstatvfs(directory)
        self.used_bytes = (state.f_blocks - state.f_bfree) * state.f_frsize
        self.used_inodes = max(0, state.f_files - state.f_ffree - 1)
        self.is_full = state.f_bfree == 0
        self.no_inodes = state.f_ffree == 0


def largest_file(directory: int, most: int) -> int:
    """Return the size of the largest file below; looks at so many entries at most."""
    largest = 0
    for size in _sizes(directory, most):
        largest = max(largest, size)
    return largest


def _sizes(directory: int, most: int) -> "Iterator[int]":
    todo = [os.dup(directory)]
    left = most
    try:
        while todo:
            here = todo.pop()
            try:
                with os.scandir(here) as entries:
                    for entry in entries:
                        left -= 1
                        if left < 0:
                            return
                        if entry.is_dir(follow_symlinks=False):
                            if len(todo) < 64:
                                todo.append(os.open(entry.name, _DIRECTORY, dir_fd=here))
                        elif entry.is_file(follow_symlinks=False):
                            yield entry.stat(follow_symlinks=False).st_size
            except OSError:
                continue
            finally:
                os.close(here)
    finally:
        for fd in todo:
            os.close(fd)
