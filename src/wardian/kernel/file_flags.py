"""Tell a file system what its directories are for.

Facts about where ext4 puts files
---------------------------------
A new directory goes near its parent and files go near their directory, so trees that are made side
by side share block groups. An inode number that was freed less than five minutes ago is not given
out again, and each new file looks at all such numbers of its group first: to make a tree where
another one was just removed takes several times as long (20,000 files: 1 s became 14 s of system
time). Below a directory with the flag "T" each new directory begins in the emptiest part of the
disk instead. Other file systems have no such flag and need none.

Kernel: ioctl_iflags(2), fs/ext4/ialloc.c (find_group_orlov, recently_deleted).
"""

import fcntl
import os
import struct

# linux/fs.h
FS_IOC_GETFLAGS = 0x80086601
FS_IOC_SETFLAGS = 0x40086602
FS_TOPDIR_FL = 0x00020000

_FLAGS = struct.Struct("@l")


def spread_below(path: str) -> bool:
    """Have what is made in a directory spread over the disk; False where nobody knows the flag."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        (flags,) = _FLAGS.unpack(fcntl.ioctl(fd, FS_IOC_GETFLAGS, bytes(_FLAGS.size)))
        if not flags & FS_TOPDIR_FL:
            fcntl.ioctl(fd, FS_IOC_SETFLAGS, _FLAGS.pack(flags | FS_TOPDIR_FL))
    except OSError:
        return False  # only advice
    finally:
        os.close(fd)
    return True
