"""Read and write what layers are compressed with: gzip, zstd, and for imports bzip2 and xz.

Facts about compressed layers
-----------------------------
A gzip file may have any number of members, and eStargz makes one for each file; zstd has frames,
and zstd:chunked ends with frames that a reader skips. What stands after the last one is an error,
but for zeros, with which tapes were filled. Registries and their clients mislabel layers, so the
first bytes decide, and the media type is only a word. ISA-L's inflate is more than twice as fast as
zlib's. Its compressor at level 3 gives other bytes on each kind of processor; zlib gives the same.

Specification: RFC 1952, RFC 8878, OCI image-spec layer.md.
"""

import io
import zlib
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Protocol

from wardian import errors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import BinaryIO

    Failures = tuple[type[Exception], ...]

READ_BYTES = 256 << 10
CHUNK_BYTES = 512 << 10  # the most that one step expands to
DEFAULT_LIMIT_BYTES = 64 << 30
_MAGIC_BYTES = 6
_XZ_MEMORY_BYTES = 256 << 20
_FIRST_BYTES = 2 << 10  # a member may be tiny: don't copy what follows it again and again
_ZSTD_LEVEL = 3
_GZIP_LEVEL = 6
_GZIP_WBITS = 31

_MAGICS = (
    (b"\x1f\x8b", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
)


class Decoder(Protocol):
    """One member or frame; bz2's words, which the others are brought to."""

    @property
    def eof(self) -> bool:
        """Whether its end was reached."""

    @property
    def unused_data(self) -> bytes:
        """What was fed to it after its end."""

    def decompress(self, data: "bytes | memoryview", max_length: int, /) -> bytes:
        """Return at most `max_length` bytes."""


def method_of(start: bytes) -> str:
    """Say what a stream is compressed with by its first bytes; "none" for anything unknown."""
    for magic, name in _MAGICS:
        if start.startswith(magic):
            return name
    # a skippable frame: 0x184D2A50 to 0x184D2A5F
    if len(start) >= 4 and start[0] & 0xF0 == 0x50 and start[1:4] == b"\x2a\x4d\x18":
        return "zstd"
    return "none"


def method_of_media_type(media_type: str) -> str:
    """Say what a layer's media type promises: "gzip", "zstd", "none", or "" for an unknown one."""
    if media_type.endswith(("gzip", ".gz")):
        return "gzip"
    if media_type.endswith("zstd"):
        return "zstd"
    return "none" if media_type.endswith((".tar", ".layer.v1.tar")) else ""


# ---- read ---------------------------------------------------------------------------------


def decompress(
    stream: "BinaryIO", media_type: str = "", *, limit_bytes: int = DEFAULT_LIMIT_BYTES
) -> "Iterator[bytes]":
    """Yield a stream's uncompressed bytes, in pieces that are never large.

    Args:
        stream: read to its end.
        media_type: only a hint; the first bytes decide.
        limit_bytes: the most that it may expand to.

    Raises:
        SpecError: it is damaged, cut short, followed by junk, or larger than the limit.
        UnsupportedError: it is zstd, and no library for that is installed.
    """
    start = b""
    while len(start) < _MAGIC_BYTES and (more := stream.read(READ_BYTES)):
        start += more
    method = method_of(start)
    if method == "none" and not start and method_of_media_type(media_type) in ("gzip", "zstd"):
        raise errors.SpecError("the layer is empty, not even a compressed end is there")
    pieces = _plain(stream, start) if method == "none" else _members(stream, start, method)
    total = 0
    for piece in pieces:
        total += len(piece)
        if total > limit_bytes:
            raise errors.SpecError(
                f"the layer expands to more than {limit_bytes} bytes",
                hint="a larger limit, if you trust who made it",
            )
        yield piece


def _plain(stream: "BinaryIO", start: bytes) -> "Iterator[bytes]":
    while start:
        yield start
        start = stream.read(READ_BYTES)


def _members(stream: "BinaryIO", data: bytes, method: str) -> "Iterator[bytes]":
    make, failures = _decoder(method)
    view = memoryview(data)
    while view := _next_member(stream, view, method):
        decoder = make()
        step = _FIRST_BYTES
        while not decoder.eof:
            if not view and not (view := memoryview(stream.read(READ_BYTES))):
                raise errors.SpecError(f"the {method} layer is cut short")
            fed = view[:step]
            try:
                piece = decoder.decompress(fed, CHUNK_BYTES)
                while piece:
                    yield piece
                    piece = b"" if decoder.eof else decoder.decompress(b"", CHUNK_BYTES)
            except failures as error:
                raise errors.SpecError(f"the {method} layer is damaged: {error}") from None
            view = view[len(fed) - len(decoder.unused_data) :]
            step = min(step * 2, READ_BYTES)


def _next_member(stream: "BinaryIO", view: memoryview, method: str) -> memoryview:
    """Return what begins the next member; empty at the end."""
    while len(view) < _MAGIC_BYTES and (more := stream.read(READ_BYTES)):
        view = memoryview(bytes(view) + more)
    if not view or method_of(bytes(view[:_MAGIC_BYTES])) == method:
        return view
    while view:
        if bytes(view).strip(b"\0"):
            raise errors.SpecError(f"junk follows the {method} layer")
        view = memoryview(stream.read(READ_BYTES))
    return view


class _Inflate:
    """zlib's object with the words of bz2's: it keeps what it could not take in yet."""

    __slots__ = ("_inner", "_tail")

    def __init__(self, inner: "Any") -> None:
        self._inner = inner
        self._tail = b""

    @property
    def eof(self) -> bool:
        return bool(self._inner.eof)

    @property
    def unused_data(self) -> bytes:
        return bytes(self._inner.unused_data)

    def decompress(self, data: "bytes | memoryview", max_length: int, /) -> bytes:
        piece: bytes = self._inner.decompress(self._tail or data, max_length)
        self._tail = self._inner.unconsumed_tail
        return piece


def _decoder(method: str) -> "tuple[Callable[[], Decoder], Failures]":
    """Return what makes a decoder, and what it raises for damaged data."""
    if method == "gzip":
        return _gzip_decoder()
    if method == "zstd":
        zstd = zstd_library()
        return zstd.ZstdDecompressor, (zstd.ZstdError,)
    if method == "bzip2":
        import bz2

        return bz2.BZ2Decompressor, (OSError,)
    import lzma

    return lambda: lzma.LZMADecompressor(memlimit=_XZ_MEMORY_BYTES), (lzma.LZMAError,)


def _gzip_decoder() -> "tuple[Callable[[], Decoder], Failures]":
    library: Any = zlib
    try:
        from isal import isal_zlib

        library = isal_zlib
    except ImportError:
        pass
    return lambda: _Inflate(library.decompressobj(_GZIP_WBITS)), (library.error, zlib.error)


def zstd_library() -> "Any":
    """Return the module that knows zstd.

    Raises:
        UnsupportedError: this Python is older than 3.14 and backports.zstd is not installed.
    """
    try:
        from compression import zstd
    except ImportError:
        try:
            from backports import zstd
        except ImportError:
            raise errors.UnsupportedError(
                "the layer is compressed with zstd, which this Python can't read",
                feature="zstd",
                hint="pip install backports.zstd",
            ) from None
    return zstd


class _Reader(io.RawIOBase):
    """A file of the bytes that an iterator yields."""

    def __init__(self, pieces: "Iterator[bytes]") -> None:
        self._pieces = pieces
        self._left = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "Any", /) -> int:
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return 0
            self._left = memoryview(piece)
        target = memoryview(buffer).cast("B")
        count = min(len(target), len(self._left))
        target[:count] = self._left[:count]
        self._left = self._left[count:]
        return count


def open_compressed(
    stream: "BinaryIO", media_type: str = "", *, limit_bytes: int = DEFAULT_LIMIT_BYTES
) -> "BinaryIO":
    """Return a reader of a stream's uncompressed bytes; arguments and errors of `decompress`."""
    pieces = decompress(stream, media_type, limit_bytes=limit_bytes)
    return io.BufferedReader(_Reader(pieces), CHUNK_BYTES)


# ---- write --------------------------------------------------------------------------------


class Compressor:
    """Writes one layer: what is fed to it comes out of `sink` compressed.

    The bytes depend on the method and on the library, never on the time or the processor.

    Args:
        sink: takes the compressed bytes.
        method: "none", "gzip" or "zstd".

    Attributes:
        size_bytes: how much was fed to it.

    Raises:
        UnsupportedError: zstd without a library for it.
    """

    def __init__(self, sink: "Callable[[bytes | memoryview], object]", method: str) -> None:
        self._sink = sink
        self._digest = sha256()
        self.size_bytes = 0
        self._coder: Any = None
        if method == "gzip":
            # zlib writes no time and no name into the header
            self._coder = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP_WBITS)
        elif method == "zstd":
            zstd = zstd_library()
            options = {
                zstd.CompressionParameter.compression_level: _ZSTD_LEVEL,
                zstd.CompressionParameter.checksum_flag: 1,
            }
            self._coder = zstd.ZstdCompressor(options=options)
        elif method != "none":
            raise errors.UsageError(f'unknown compression "{method}": none, gzip or zstd')

    def feed(self, data: "bytes | memoryview") -> None:
        """Take in uncompressed bytes."""
        self._digest.update(data)
        self.size_bytes += len(data)
        self._put(self._coder.compress(data) if self._coder else data)

    def finish(self) -> str:
        """Write the end; returns the diff id, "sha256:" and the hex digest of what was fed."""
        if self._coder:
            self._put(self._coder.flush())
        return "sha256:" + self._digest.hexdigest()

    def _put(self, data: "bytes | memoryview") -> None:
        if data:
            self._sink(data)


def compress(
    source: "BinaryIO", sink: "Callable[[bytes | memoryview], object]", method: str
) -> str:
    """Compress a whole stream; returns its diff id. Arguments and errors of `Compressor`."""
    compressor = Compressor(sink, method)
    while data := source.read(READ_BYTES):
        compressor.feed(data)
    return compressor.finish()
