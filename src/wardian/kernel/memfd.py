"""Files in memory that nobody can change any more.

Kernel: memfd_create(2), fcntl(2) F_ADD_SEALS, sendfile(2).
"""

import errno
import fcntl
import os

# linux/memfd.h
MFD_CLOEXEC = 0x0001
MFD_ALLOW_SEALING = 0x0002
MFD_EXEC = 0x0010  # since Linux 6.3
# linux/fcntl.h
F_ADD_SEALS = 1033
F_SEAL_SEAL = 0x0001
F_SEAL_SHRINK = 0x0002
F_SEAL_GROW = 0x0004
F_SEAL_WRITE = 0x0008
ALL_SEALS = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE


def sealed(name: str, data: bytes) -> int:
    """Return a memfd that holds `data` and can't be changed any more; the caller closes it."""
    fd = os.memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING)
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
    fcntl.fcntl(fd, F_ADD_SEALS, ALL_SEALS)
    return fd


def sealed_program(name: str, path: str) -> int:
    """Return a sealed copy of an executable, made inside the kernel; the caller closes it.

    Raises:
        OSError: it can't be read.
    """
    source = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        target = _executable(name)
        while os.sendfile(target, source, None, 1 << 30):
            continue
        fcntl.fcntl(target, F_ADD_SEALS, ALL_SEALS)
    finally:
        os.close(source)
    return target


def _executable(name: str) -> int:
    flags = MFD_CLOEXEC | MFD_ALLOW_SEALING
    try:
        return os.memfd_create(name, flags | MFD_EXEC)
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
        return os.memfd_create(name, flags)
