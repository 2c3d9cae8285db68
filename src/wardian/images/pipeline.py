"""Let the stages of unpacking overlap: decompress and hash in threads of their own.

Facts about threads here
------------------------
zlib, isal, zstd and hashlib let go of the interpreter's lock while they work, and so do read(2) and
write(2): three stages on two processors take about as long as the slowest. The queues between them
are short, so memory does not grow with the layer.
"""

import hashlib
import queue
import threading
from typing import TYPE_CHECKING

from wardian import errors

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_QUEUED = 8  # pieces; each is at most compression.CHUNK_BYTES


class ReadAhead:
    """Iterates over something in a thread of its own; an error comes out where its piece would.

    Close it, or use it in a `with` statement: the thread ends.
    """

    __slots__ = ("_pieces", "_queue", "_stopped", "_thread")

    def __init__(self, pieces: "Iterable[bytes]") -> None:
        self._pieces = pieces
        self._queue: queue.Queue[bytes | BaseException | None] = queue.Queue(_QUEUED)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._work, name="read-ahead", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        try:
            for piece in self._pieces:
                self._queue.put(piece)
                if self._stopped.is_set():
                    return
            self._queue.put(None)
        except BaseException as error:  # noqa: BLE001 - it is raised again in the other thread
            self._queue.put(error)

    def __iter__(self) -> "Iterator[bytes]":
        while (piece := self._queue.get()) is not None:
            if isinstance(piece, BaseException):
                raise piece
            yield piece

    def close(self) -> None:
        """End the thread, whatever it still had to give."""
        self._stopped.set()
        while self._thread.is_alive():
            try:
                self._queue.get(timeout=0.01)  # it may wait for room
            except queue.Empty:
                continue
        self._thread.join()

    def __enter__(self) -> "ReadAhead":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Hasher:
    """Takes the digest of what passes through `watch`, in a thread of its own.

    Args:
        diff_id: names the algorithm: sha256 or sha512.

    Attributes:
        size_bytes: how much has passed.
    """

    __slots__ = ("_algorithm", "_digest", "_queue", "_thread", "size_bytes")

    def __init__(self, diff_id: str) -> None:
        self._algorithm = diff_id.partition(":")[0]
        self._digest = hashlib.new(self._algorithm)
        self._queue: queue.Queue[bytes | None] = queue.Queue(_QUEUED)
        self.size_bytes = 0
        self._thread = threading.Thread(target=self._work, name="hasher", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        while (piece := self._queue.get()) is not None:
            self._digest.update(piece)

    def watch(self, pieces: "Iterable[bytes]") -> "Iterator[bytes]":
        """Yield the pieces on; they count."""
        for piece in pieces:
            self._queue.put(piece)
            self.size_bytes += len(piece)
            yield piece

    def close(self) -> None:
        """End the thread."""
        if self._thread.is_alive():
            self._queue.put(None)
            self._thread.join()

    def check(self, diff_id: str) -> None:
        """Compare with what was promised, once everything has passed.

        Raises:
            SpecError: it is something else.
        """
        self.close()
        found = f"{self._algorithm}:{self._digest.hexdigest()}"
        if found != diff_id:
            raise errors.SpecError(
                f"the layer's content is {found}, not {diff_id} as the image says"
            )
