"""The pipes between us and a program: its standard input, output and error."""

import os

PIPE = -1
DEVNULL = -3
CHUNK_BYTES = 1 << 16


class Streams:
    """Our ends of a container's standard streams.

    Attributes:
        stdin: where we write the program's input, or -1.
        outputs: our reading ends, each with its name "stdout" or "stderr".
        chunks: what was read so far, by name.
    """

    __slots__ = ("_pending", "chunks", "outputs", "stdin")

    def __init__(self) -> None:
        self.stdin = -1
        self.outputs: dict[int, str] = {}
        self.chunks: dict[str, list[bytes]] = {"stdout": [], "stderr": []}
        self._pending = memoryview(b"")

    def endpoint(self, number: int, wanted: int | None, theirs: "list[int]") -> int:
        """Make one of the program's descriptors.

        Args:
            number: 0, 1 or 2.
            wanted: a descriptor, PIPE, DEVNULL, or None for our own of that number.
            theirs: takes what the caller closes once the program has it.
        """
        if wanted is None:
            return number
        if wanted == DEVNULL:
            theirs.append(os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC))
            return theirs[-1]
        if wanted != PIPE:
            return wanted
        reader, writer = os.pipe()
        ours, other = (writer, reader) if number == 0 else (reader, writer)
        theirs.append(other)
        os.set_blocking(ours, False)
        if number == 0:
            self.stdin = ours
        else:
            self.outputs[ours] = "stdout" if number == 1 else "stderr"
        return other

    def give(self, data: bytes) -> None:
        """Set what the program shall read; without any its input ends at once."""
        self._pending = memoryview(data)
        if not data:
            self.close_stdin()

    def feed(self) -> None:
        """Write some of the input; closes it once all is written or nobody reads any more."""
        try:
            written = os.write(self.stdin, self._pending[:CHUNK_BYTES])
        except BlockingIOError:
            return
        except BrokenPipeError:
            written = len(self._pending)
        self._pending = self._pending[written:]
        if not self._pending:
            self.close_stdin()

    def read(self, fd: int) -> tuple[str, bytes]:
        """Read once; at the stream's end it is closed and no bytes are returned."""
        name = self.outputs[fd]
        data = os.read(fd, CHUNK_BYTES)
        if not data:
            os.close(fd)
            del self.outputs[fd]
        return name, data

    def collect(self, fd: int) -> None:
        """Read once into `chunks`."""
        name, data = self.read(fd)
        self.chunks[name].append(data)

    def drain(self) -> None:
        """Collect what is left in the pipes of a box that is gone."""
        for fd in list(self.outputs):
            try:
                while fd in self.outputs:
                    self.collect(fd)
            except BlockingIOError:
                pass  # another process holds the writing end; what it writes is not the box's

    def close_stdin(self) -> None:
        """Close the program's input."""
        if self.stdin >= 0:
            os.close(self.stdin)
            self.stdin = -1

    def close(self) -> None:
        """Close all of our ends."""
        self.close_stdin()
        for fd in self.outputs:
            os.close(fd)
        self.outputs.clear()
