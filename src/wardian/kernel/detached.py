"""Make mounts that are nowhere yet: with mapped ids, or a tmpfs that begins as a copy.

A detached mount is a descriptor. Whoever gets it puts it in its place by move_mount(2), in whatever
mount namespace that is, so what takes Python is done outside and what takes place is done inside.

Facts about mapped ids
----------------------
MOUNT_ATTR_IDMAP shows the files of a mount with other owners: an id on disk is what is inside of
the given user namespace, the id it maps to is what the mount shows. It can be set on a detached
mount alone, once, and takes CAP_SYS_ADMIN over the file system's own user namespace.

Kernel: open_tree(2), mount_setattr(2) since Linux 5.12, fsopen(2), fsmount(2), tmpfs(5).
"""

import ctypes
import os
import stat

from wardian.errors import KernelError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

# The same numbers on every architecture.
_OPEN_TREE = 428
_FSOPEN = 430
_FSCONFIG = 431
_FSMOUNT = 432
_MOUNT_SETATTR = 442

# linux/mount.h
OPEN_TREE_CLONE = 1
FSOPEN_CLOEXEC = 1
FSMOUNT_CLOEXEC = 1
FSCONFIG_SET_FLAG = 0
FSCONFIG_SET_STRING = 1
FSCONFIG_CMD_CREATE = 6
MOUNT_ATTR_IDMAP = 0x00100000
# fcntl.h
AT_FDCWD = -100
AT_EMPTY_PATH = 0x1000
AT_RECURSIVE = 0x8000  # since Linux 5.2

_COPY_BYTES = 1 << 20


class _MountAttr(ctypes.Structure):
    _fields_ = (
        ("attr_set", ctypes.c_uint64),
        ("attr_clr", ctypes.c_uint64),
        ("propagation", ctypes.c_uint64),
        ("userns_fd", ctypes.c_uint64),
    )


def _call(number: int, about: str, *arguments: object) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    result = libc.syscall(ctypes.c_long(number), *arguments)
    if result < 0:
        raise KernelError(about, ctypes.get_errno())
    return int(result)


def cloned(source: str, *, recursive: bool, on: int, off: int, user_namespace: int = -1) -> int:
    """Return a clone of a mount, in the same peer group; the caller closes it.

    Args:
        source: the directory or file.
        recursive: the mounts below too.
        on: MOUNT_ATTR_* to set.
        off: MOUNT_ATTR_* to clear.
        user_namespace: a descriptor of the user namespace by whose maps the clone shows its files
            with other owners; -1 for none.

    Raises:
        KernelError: EINVAL where the file system can't map ids, EPERM where this user may not.
    """
    below = AT_RECURSIVE if recursive else 0
    path = ctypes.c_char_p(os.fsencode(source))
    flags = ctypes.c_uint(OPEN_TREE_CLONE | os.O_CLOEXEC | below)
    fd = _call(_OPEN_TREE, f'open_tree("{source}")', AT_FDCWD, path, flags)
    if user_namespace >= 0:
        on |= MOUNT_ATTR_IDMAP
    attributes = _MountAttr(on, off, 0, max(user_namespace, 0))
    size = ctypes.c_size_t(ctypes.sizeof(attributes))
    words = (ctypes.c_char_p(b""), ctypes.c_uint(AT_EMPTY_PATH | below))
    try:
        _call(
            _MOUNT_SETATTR, f'mount_setattr("{source}")', fd, *words, ctypes.byref(attributes), size
        )
    except KernelError:
        os.close(fd)
        raise
    return fd


def tmpfs(data: "Iterable[str]", attributes: int) -> int:
    """Return a new tmpfs as a detached mount; the caller closes it.

    Args:
        data: options of the file system ("size=1m").
        attributes: MOUNT_ATTR_* of the mount.

    Raises:
        KernelError: EINVAL for an option that tmpfs has not.
    """
    fs = _call(_FSOPEN, 'fsopen("tmpfs")', ctypes.c_char_p(b"tmpfs"), FSOPEN_CLOEXEC)
    try:
        for option in data:
            key, equals, value = option.partition("=")
            kind = FSCONFIG_SET_STRING if equals else FSCONFIG_SET_FLAG
            words = (
                ctypes.c_char_p(key.encode()),
                ctypes.c_char_p(value.encode() if equals else None),
            )
            _call(_FSCONFIG, f'fsconfig(tmpfs, "{option}")', fs, kind, *words, 0)
        _call(_FSCONFIG, "fsconfig(tmpfs)", fs, FSCONFIG_CMD_CREATE, None, None, 0)
        return _call(_FSMOUNT, "fsmount(tmpfs)", fs, FSMOUNT_CLOEXEC, ctypes.c_uint(attributes))
    finally:
        os.close(fs)


def copied_up(below: int, data: "Iterable[str]", attributes: int) -> int:
    """Return a tmpfs that begins as a copy of a directory; the caller closes it.

    Args:
        below: the directory.
        data: options of the file system.
        attributes: MOUNT_ATTR_* of the mount.
    """
    fd = tmpfs(data, 0)
    try:
        target = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=fd)
        try:
            _copy_directory(below, target)
        finally:
            os.close(target)
        if attributes:
            change = _MountAttr(attributes, 0, 0, 0)
            size = ctypes.c_size_t(ctypes.sizeof(change))
            empty = (ctypes.c_char_p(b""), ctypes.c_uint(AT_EMPTY_PATH), ctypes.byref(change), size)
            _call(_MOUNT_SETATTR, "mount_setattr(tmpfs)", fd, *empty)
    except BaseException:
        os.close(fd)
        raise
    return fd


def _copy_directory(source: int, target: int) -> None:
    for name in os.listdir(source):
        state = os.stat(name, dir_fd=source, follow_symlinks=False)
        if stat.S_ISDIR(state.st_mode):
            os.mkdir(name, 0o700, dir_fd=target)
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            inner, copy = os.open(name, flags, dir_fd=source), os.open(name, flags, dir_fd=target)
            try:
                _copy_directory(inner, copy)
            finally:
                os.close(inner)
                os.close(copy)
        elif stat.S_ISLNK(state.st_mode):
            os.symlink(os.readlink(name, dir_fd=source), name, dir_fd=target)
        elif stat.S_ISREG(state.st_mode):
            _copy_file(source, target, name)
        else:
            os.mknod(name, state.st_mode, state.st_rdev, dir_fd=target)
        _take_over(target, name, state)
    _take_over_open(target, os.fstat(source))


def _copy_file(source: int, target: int, name: str) -> None:
    flags = os.O_NOFOLLOW | os.O_CLOEXEC
    reader = os.open(name, os.O_RDONLY | os.O_NONBLOCK | flags, dir_fd=source)
    writer = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | flags, 0o600, dir_fd=target)
    try:
        while os.sendfile(writer, reader, None, _COPY_BYTES):
            continue
    finally:
        os.close(reader)
        os.close(writer)


def _take_over(target: int, name: str, state: os.stat_result) -> None:
    """Give a copy owner, mode and time of what it was copied from."""
    os.chown(name, state.st_uid, state.st_gid, dir_fd=target, follow_symlinks=False)
    if not stat.S_ISLNK(state.st_mode):
        os.chmod(name, stat.S_IMODE(state.st_mode), dir_fd=target)
    times = (state.st_atime_ns, state.st_mtime_ns)
    os.utime(name, ns=times, dir_fd=target, follow_symlinks=False)


def _take_over_open(target: int, state: os.stat_result) -> None:
    os.fchown(target, state.st_uid, state.st_gid)
