"""Read a file while another thread writes it.

What is downloaded is unpacked at the same time. The file in the page cache is the buffer between
the two: the download never waits for the unpacking, memory does not grow with the blob, and a blob
that is here already is read in the same way.

The end comes only when the writer has said that size and digest are right; what was read before is
not to be trusted until then.

Kernel: pread(2).
"""

import os
import threading

from wardian.errors import InternalError


class Growth:
    """How much of a file is there, told by its writer to its readers."""

    def __init__(self, size: int = 0) -> None:
        self._condition = threading.Condition()
        self._size = size
        self._is_complete = False
        self._error: BaseException | None = None

    def grown(self, size: int) -> None:
        """Say how long the file is now."""
        with self._condition:
            self._size = size
            self._condition.notify_all()

    def complete(self) -> None:
        """Say that this was all, and that it is verified."""
        with self._condition:
            self._is_complete = True
            self._condition.notify_all()

    def fail(self, error: BaseException) -> None:
        """Say that no more will come: readers raise `error`."""
        with self._condition:
            self._error = error
            self._condition.notify_all()

    def wait_beyond(self, at: int) -> int:
        """Wait until there is more than `at` bytes; returns how much, or `at` at the end.

        Raises:
            The writer's error.
        """
        with self._condition:
            while True:
                if self._error is not None:
                    raise self._error
                if self._size > at:
                    return self._size
                if self._is_complete:
                    return at
                self._condition.wait()


class GrowingFile:
    """A reader of a file that may still grow; has what a binary stream needs to be read."""

    def __init__(self, fd: int, growth: Growth) -> None:
        """Begin at the start.

        Args:
            fd: of the file; the caller closes it, after the last read.
            growth: how much of it is there.
        """
        self._fd = fd
        self._growth = growth
        self._at = 0

    def readinto(self, buffer: "bytearray | memoryview") -> int:
        """Fill a buffer as far as bytes are there; 0 at the verified end."""
        view = memoryview(buffer).cast("B")
        there = self._growth.wait_beyond(self._at)
        count = os.preadv(self._fd, [view[: there - self._at]], self._at) if there > self._at else 0
        if not count and there > self._at:
            raise InternalError("a file is shorter than its writer said")
        self._at += count
        return count

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes as soon as there are some; all with -1."""
        if size is None or size < 0:
            parts = []
            while part := self.read(1 << 20):
                parts.append(part)
            return b"".join(parts)
        there = self._growth.wait_beyond(self._at)
        data = os.pread(self._fd, min(size, there - self._at), self._at)
        self._at += len(data)
        return data

    def readable(self) -> bool:
        """As of io.IOBase."""
        return True
