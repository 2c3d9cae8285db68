"""Read a tar archive as a stream: every entry once, its data never in memory as a whole.

Facts about reading
-------------------
An archive ends with two blocks of zeros, but some writers leave them out; the layer's digest tells
whether anything is missing, so an end between two entries is an end, and so is one inside the zeros
that fill the last block: `umoci insert` ends there, and GNU tar takes it. What follows the end
belongs to the digest and is read, not looked at. All that can be large in a hostile archive is
bounded: one header, the number of entries, and the total where the stream comes from
(`compression`).

Specification: POSIX pax; GNU tar manual, "Basic Tar Format".
"""

from typing import TYPE_CHECKING

from wardian import errors
from wardian.images import tar_headers
from wardian.images.tar_headers import BLOCK_BYTES, Entry, damaged, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

DEFAULT_LIMIT_ENTRIES = 1_000_000
_MAP_LIMIT_BYTES = 1 << 20
_ZEROS = bytes(BLOCK_BYTES)


class Reader:
    """Iterate over it to get the entries; between two of them the data of the first can be taken.

    Args:
        chunks: the archive's bytes in pieces of any size.
        limit_entries: the most headers that it may have.

    Raises:
        SpecError: the archive is damaged, cut short or has too many entries.

    Attributes:
        position: bytes read so far.
        count: headers read so far.
        is_cut: it ended inside the zeros that fill the last block.
    """

    __slots__ = (
        "_at",
        "_buffer",
        "_chunks",
        "_global",
        "_left",
        "_limit",
        "_padding",
        "_view",
        "count",
        "is_cut",
        "position",
    )

    def __init__(
        self, chunks: "Iterable[bytes]", *, limit_entries: int = DEFAULT_LIMIT_ENTRIES
    ) -> None:
        self._chunks = iter(chunks)
        self._buffer = b""
        self._view = memoryview(b"")
        self._at = 0
        self._left = 0  # data of the present entry
        self._padding = 0
        self._global: dict[bytes, bytes] = {}
        self._limit = limit_entries
        self.position = 0
        self.count = 0
        self.is_cut = False

    def __iter__(self) -> "Iterator[Entry]":
        while True:
            self._skip()
            entry = self._next()
            if entry is None:
                self._drain()
                return
            yield entry

    def data(self) -> "Iterator[memoryview]":
        """Yield the data of the present entry, in pieces; what is not taken is skipped."""
        while self._left:
            if self._at == len(self._buffer) and not self._fill():
                raise damaged("it is cut short inside a file")
            piece = self._view[self._at : self._at + self._left]
            self._advance(len(piece))
            self._left -= len(piece)
            yield piece

    # ---- bytes ----

    def _fill(self) -> bool:
        """Go on to the next piece that is not empty; False at the end."""
        for chunk in self._chunks:
            if chunk:
                self._buffer = chunk
                self._view = memoryview(chunk)
                self._at = 0
                return True
        return False

    def _advance(self, count: int) -> None:
        self._at += count
        self.position += count

    def _skip(self) -> None:
        data, padding = self._left, self._padding
        self._left = self._padding = 0
        if data + padding <= len(self._buffer) - self._at:  # as nearly always
            self._advance(data + padding)
            self.is_cut = False
            return
        if not self._pass(data):
            raise damaged("it is cut short inside a file")
        self.is_cut = not self._pass(padding)

    def _pass(self, left: int) -> bool:
        """Read over some bytes; False where the archive ends before."""
        while left:
            here = min(left, len(self._buffer) - self._at)
            self._advance(here)
            left -= here
            if left and not self._fill():
                return False
        return True

    def _block(self) -> "bytes | None":
        """Return the next block; None at the end."""
        block = self._buffer[self._at : self._at + BLOCK_BYTES]
        self._advance(len(block))
        while len(block) < BLOCK_BYTES:
            if not self._fill():
                if block:
                    raise damaged("it is cut short inside a header")
                return None
            more = self._buffer[: BLOCK_BYTES - len(block)]
            self._advance(len(more))
            block += more
        return block

    def _drain(self) -> None:
        self._advance(len(self._buffer) - self._at)
        while self._fill():
            self._advance(len(self._buffer))

    def _whole(self, size: int) -> bytes:
        """Return the data of a header that adds to the next."""
        if not 0 <= size <= tar_headers.PAX_LIMIT_BYTES:
            raise damaged(f"a header of {size} bytes: a name or attribute is too long")
        if size <= len(self._buffer) - self._at:  # most are short
            data = self._buffer[self._at : self._at + size]
            self._advance(size)
            self._padding = -size % BLOCK_BYTES
            self._skip()
        else:
            self._expect(size)
            data = b"".join(self.data())
            self._skip()
        if self.is_cut:
            raise damaged("it is cut short inside a header")
        return data

    def _expect(self, count: int) -> None:
        self._left = count
        self._padding = -count % BLOCK_BYTES

    # ---- entries ----

    def _next(self) -> "Entry | None":
        records: list[tuple[bytes, bytes]] = []
        name = target = b""
        total = 0
        while True:
            block = self._block()
            if block is None or block == _ZEROS:
                if records or name or target:
                    raise damaged("it ends with a header that nothing follows")
                return None
            self._count()
            kind, size = tar_headers.extension(block)
            if not kind:
                break
            data = self._whole(size)
            if kind == tar_headers.PAX:
                records += tar_headers.pax_records(data)
                total += size
                if total > 2 * _MAP_LIMIT_BYTES:
                    raise damaged("too many pax headers for one entry")
            elif kind == tar_headers.PAX_GLOBAL:
                self._take_global(tar_headers.pax_records(data))
            elif kind == tar_headers.GNU_LONG_NAME:
                name = data.partition(b"\0")[0]
            else:
                target = data.partition(b"\0")[0]
        entry = tar_headers.parse(block)
        return self._complete(entry, block, (records, name, target))

    def _count(self) -> None:
        self.count += 1
        if self.count > self._limit:
            raise errors.SpecError(
                f"the layer has more than {self._limit} entries",
                hint="a larger limit, if you trust who made it",
            )

    def _take_global(self, records: "list[tuple[bytes, bytes]]") -> None:
        for key, value in records:
            if not key.startswith((b"GNU.sparse.", b"SCHILY.")):  # these are of one file
                self._global[key] = value
        if sum(len(key) + len(value) for key, value in self._global.items()) > _MAP_LIMIT_BYTES:
            raise damaged("its global pax headers are too long")

    def _complete(
        self, entry: Entry, block: bytes, more: "tuple[list[tuple[bytes, bytes]], bytes, bytes]"
    ) -> Entry:
        records, name, target = more
        if name:
            entry.path = name
        if target:
            entry.target = target
        if records or self._global:
            tar_headers.apply_pax(entry, [*self._global.items(), *records])
        tar_headers.finish(entry)
        if entry.kind == tar_headers.GNU_SPARSE:
            self._gnu_sparse(entry, block)
        self._expect(entry.stored)
        if entry.segments is not None and not entry.segments and entry.stored:
            self._read_map(entry)
        entry.offset = self.position
        return entry

    def _gnu_sparse(self, entry: Entry, block: bytes) -> None:
        values, more, size = tar_headers.gnu_sparse_header(block)
        while more:
            extension = self._block()
            if extension is None:
                raise damaged("it is cut short inside a header")
            pairs, more = tar_headers.gnu_sparse_extension(extension)
            values += pairs
            if 8 * len(values) > _MAP_LIMIT_BYTES:
                raise damaged(f"the map of the sparse file {shown(entry.path)} is too long")
        entry.kind = tar_headers.FILE
        entry.size = size
        if not 0 <= size <= tar_headers.MAXIMUM_SIZE:
            raise damaged(f"{shown(entry.path)} has the size {size}")
        entry.segments = tar_headers.checked_map(entry, values)

    def _read_map(self, entry: Entry) -> None:
        """Read the map of pax format 1.0: numbers on lines, filled up to a block, in the data."""
        text = b""
        wanted = -1  # lines
        while wanted < 0 or text.count(b"\n") < wanted:
            if self._left < BLOCK_BYTES or len(text) > _MAP_LIMIT_BYTES:
                raise damaged(f"the map of the sparse file {shown(entry.path)} is cut short")
            block = self._block()
            if block is None:
                raise damaged("it is cut short inside a header")
            self._left -= BLOCK_BYTES
            text += block
            if wanted < 0 and b"\n" in text:
                wanted = 1 + 2 * tar_headers.pax_number(text.partition(b"\n")[0])
        values = [tar_headers.pax_number(line) for line in text.split(b"\n")[1:wanted]]
        entry.stored = self._left
        entry.segments = tar_headers.checked_map(entry, values)
