"""Mount file systems with the calls that work on descriptors.

A file system is first made without a place, so that nobody sees it half made, and its options go to
the kernel one by one: there is no length that they must fit into together.

Facts about these mounts
------------------------
The kernel says in words why it refuses, one message for each read(2) of the descriptor of
fsopen(2). A mount that was never attached goes with its last descriptor, and can be reached through
/proc/self/fd/N until then. EROFS is mounted straight from files since Linux 6.12, if their file
system reads by folios: ext4, xfs and btrfs do, tmpfs does not.

Kernel: fsopen(2), fsconfig(2), fsmount(2), move_mount(2), umount2(2).
"""

import ctypes
import errno
import os

from wardian import errors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

# linux/mount.h
FSOPEN_CLOEXEC = 0x1
FSMOUNT_CLOEXEC = 0x1
FSCONFIG_SET_FLAG = 0
FSCONFIG_SET_STRING = 1
FSCONFIG_CMD_CREATE = 6
MOVE_MOUNT_F_EMPTY_PATH = 0x4
MOUNT_ATTR_RDONLY = 0x1
MOUNT_ATTR_NOSUID = 0x2
MOUNT_ATTR_NODEV = 0x4
# linux/fcntl.h
AT_FDCWD = -100

# asm-generic/unistd.h: one number on every architecture since Linux 5.2
_MOVE_MOUNT = 429
_FSOPEN = 430
_FSCONFIG = 431
_FSMOUNT = 432
_MNT_DETACH = 2  # of umount2(2)

_libc = ctypes.CDLL(None, use_errno=True)
_Value = int | bytes | None


def _call(number: int, *arguments: _Value) -> int:
    """Make a system call; a negative result is -errno."""
    typed = [
        ctypes.c_char_p(value) if isinstance(value, bytes) else ctypes.c_long(value or 0)
        for value in arguments
    ]
    result: int = _libc.syscall(ctypes.c_long(number), *typed)
    return -ctypes.get_errno() if result < 0 else result


def make(
    kind: str,
    source: str,
    options: "Iterable[tuple[str, str]]",
    *,
    attributes: int = MOUNT_ATTR_RDONLY,
) -> int:
    """Mount a file system nowhere; returns a descriptor of its top.

    Args:
        kind: "erofs", "overlay" ...
        source: where it comes from, or "" for none.
        options: (name, value) in their order; a value "" makes the option a flag.
        attributes: MOUNT_ATTR_* bits.

    Raises:
        KernelError: ENODEV for an unknown file system, EPERM, EINVAL ...; with the kernel's words.
    """
    about = f'mount("{source or kind}", type {kind})'
    context = _call(_FSOPEN, os.fsencode(kind), FSOPEN_CLOEXEC)
    if context < 0:
        raise errors.KernelError(about, -context)
    try:
        given = [("source", source), *options] if source else [*options]
        for name, value in given:
            command = FSCONFIG_SET_STRING if value else FSCONFIG_SET_FLAG
            text = os.fsencode(value) if value else None
            result = _call(_FSCONFIG, context, command, os.fsencode(name), text, 0)
            if result < 0:
                raise _refusal(f"{about}, option {name}", context, result)
        result = _call(_FSCONFIG, context, FSCONFIG_CMD_CREATE, None, None, 0)
        if result < 0:
            raise _refusal(about, context, result)
        result = _call(_FSMOUNT, context, FSMOUNT_CLOEXEC, attributes)
        if result < 0:
            raise _refusal(about, context, result)
        return result
    finally:
        os.close(context)


def _refusal(about: str, context: int, result: int) -> errors.KernelError:
    words = []
    try:
        while text := os.read(context, 8192):
            words.append(text.decode("utf-8", "replace").partition(" ")[2].strip())
    except OSError:
        pass  # ENODATA: no more messages
    return errors.KernelError(about, -result, hint="; ".join(words))


def attach(fd: int, path: str) -> None:
    """Put a mount that `make` returned on a directory.

    Raises:
        KernelError: ENOENT, EPERM ...
    """
    result = _call(_MOVE_MOUNT, fd, b"", AT_FDCWD, os.fsencode(path), MOVE_MOUNT_F_EMPTY_PATH)
    if result < 0:
        raise errors.KernelError(f'move_mount("{path}")', -result)


def join(pid: int) -> None:
    """Enter the user and mount namespaces of a process, for good; the caller has one thread.

    Raises:
        KernelError: EPERM where it is not a process in a user namespace of ours, ESRCH.
    """
    about = f"setns(namespaces of {pid})"
    user = mount = -1
    try:
        user = os.open(f"/proc/{pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
        mount = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
        if _libc.setns(user, 0) < 0 or _libc.setns(mount, 0) < 0:
            raise errors.KernelError(about, ctypes.get_errno())
    except OSError as error:
        raise errors.KernelError(about, error.errno or 0) from None
    finally:
        for fd in (user, mount):
            if fd >= 0:
                os.close(fd)


def sync_filesystem(path: str) -> None:
    """Flush the file system that holds `path` to its disk.

    Raises:
        KernelError: EIO, ENOSPC: something could not be written.

    Kernel: syncfs(2).
    """
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if _libc.syncfs(fd) < 0:
            raise errors.KernelError(f'syncfs("{path}")', ctypes.get_errno() or errno.EIO)
    finally:
        os.close(fd)


def detach(path: str) -> None:
    """Take a mount away from its place; it goes when nobody uses it any more.

    Raises:
        KernelError: EINVAL where nothing is mounted.
    """
    if _libc.umount2(os.fsencode(path), _MNT_DETACH) < 0:
        raise errors.KernelError(f'umount2("{path}")', ctypes.get_errno() or errno.EINVAL)
