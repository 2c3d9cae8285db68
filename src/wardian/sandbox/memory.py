"""Read the memory of a process that stands still.

Kernel: proc(5), /proc/PID/mem; ptrace(2), "Ptrace access mode checking".
"""

import os


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
