"""Read another process's memory, and see what its descriptors are.

Facts about processes of other ids
----------------------------------
/proc/PID belongs to the process's user, and files in it are guarded by their modes too: who may
trace a process of another id, as the maker of its user namespace may, still can't open its mem or
look into its fd. The system calls ask for the right to trace alone.

Kernel: process_vm_readv(2), pidfd_getfd(2), ptrace(2) "Ptrace access mode checking"; proc(5).
"""

import ctypes
import errno
import os

from wardian.kernel import procfs

# The same number on every architecture; since Linux 5.6.
_PIDFD_GETFD = 438


class _Part(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


_libc = ctypes.CDLL(None, use_errno=True)
_libc.process_vm_readv.restype = ctypes.c_ssize_t


def read(tid: int, address: int, size: int) -> bytes:
    """Return memory; less where it ends, and nothing where there is none.

    Args:
        tid: the process or thread.
        address: in it.
        size: in bytes.

    Raises:
        PermissionError: we may not trace it, or it is not dumpable.
        ProcessLookupError: it has ended.
    """
    buffer = ctypes.create_string_buffer(size)
    ours = _Part(ctypes.cast(buffer, ctypes.c_void_p), size)
    theirs = _Part(address, size)
    one = ctypes.c_ulong(1)
    count = _libc.process_vm_readv(
        tid, ctypes.byref(ours), one, ctypes.byref(theirs), one, ctypes.c_ulong(0)
    )
    if count < 0:
        number = ctypes.get_errno()
        if number == errno.EFAULT:
            return b""
        raise OSError(number, os.strerror(number), f"memory of process {tid}")
    return buffer.raw[:count]


def descriptor_path(tid: int, number: int) -> str:
    """Return what a descriptor of a process is, as the process would name it.

    Raises:
        OSError: it has none of this number, it has ended, or we may not trace it.
    """
    try:
        return os.readlink(f"/proc/{tid}/fd/{number}")
    except PermissionError:
        pass
    process = os.pidfd_open(int(procfs.status(tid).get("Tgid", "0")))
    try:
        fd = _libc.syscall(
            ctypes.c_long(_PIDFD_GETFD), process, ctypes.c_uint(number), ctypes.c_uint(0)
        )
    finally:
        os.close(process)
    if fd < 0:
        wrong = ctypes.get_errno()
        raise OSError(wrong, os.strerror(wrong), f"descriptor {number} of process {tid}")
    try:
        return os.readlink(f"/proc/self/fd/{fd}")
    finally:
        os.close(fd)


class Memory:
    """The memory of a process, for reading; wrong addresses read as nothing."""

    def __init__(self, tid: int) -> None:
        try:
            self._fd = os.open(f"/proc/{tid}/mem", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._fd = -1

    def read(self, address: int, size: int) -> bytes:
        """Read up to `size` bytes; less where the mapping ends."""
        found = b""
        while size > 0 and self._fd >= 0 and 0 < address < 1 << 63:
            part = min(size, 4096 - address % 4096)  # a page that is not there ends it
            try:
                data = os.pread(self._fd, part, address)
            except (OSError, OverflowError):
                break
            if not data:
                break
            found += data
            address, size = address + len(data), size - len(data)
        return found

    def text(self, address: int, most: int) -> str | None:
        """Read a string; None for a bad or null pointer."""
        if address == 0:
            return None
        data = b""
        while len(data) < most and b"\0" not in data:
            more = self.read(address + len(data), min(256, most - len(data)))
            if not more:
                break
            data += more
        if not data:
            return None
        return data.partition(b"\0")[0].decode("utf-8", "backslashreplace")

    def __enter__(self) -> "Memory":
        return self

    def __exit__(self, *_: object) -> None:
        if self._fd >= 0:
            os.close(self._fd)
