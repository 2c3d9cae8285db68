"""A file that its process holds a lock on: whoever finds it unlocked knows that its owner is gone.

Kernel: open(2), flock(2), unlink(2).
"""

import fcntl
import os

from wardian import errors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wardian.images.layout import Layout


class HeldFile:
    """Such a file.

    Attributes:
        path: its name, which may be gone already.
        fd: holds the lock; -1 once it is closed.
    """

    __slots__ = ("fd", "path")

    def __init__(self, path: str, fd: int) -> None:
        self.path = path
        self.fd = fd

    def unlink(self) -> None:
        """Remove the name, if it is there still."""
        try:
            os.unlink(self.path)
        except OSError:
            pass

    def close(self, *, keep: bool = False) -> None:
        """Let go of it, and remove it; with `keep` the name stays, as after a kill -9."""
        if self.fd >= 0:
            if not keep:
                self.unlink()
            os.close(self.fd)
            self.fd = -1


def make(layout: "Layout", folder: str, prefix: str = "", mode: int = 0o600) -> HeldFile:
    """Make a file of this process's own in a folder of the layout.

    Raises:
        KernelError: ENOSPC, EACCES ...
    """
    path = f"{layout.path}/{folder}/{prefix}{os.getpid()}-{os.urandom(6).hex()}"
    with layout.locked(shared=True):  # or it could be swept before it is locked
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        try:
            fd = os.open(path, flags, mode)
        except OSError as error:
            raise errors.KernelError(f'open("{path}")', error.errno or 0) from None
        fcntl.flock(fd, fcntl.LOCK_EX)
    return HeldFile(path, fd)
