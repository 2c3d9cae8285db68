"""What layers are compressed with is read whole, or refused in words."""

import bz2
import gzip
import io
import lzma
import os
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardian import errors
from wardian.images import compression

DATA = os.urandom(3000) * 100


def zstd(data: bytes) -> bytes:
    packed: bytes = compression.zstd_library().compress(data)
    return packed


PACK = {"gzip": gzip.compress, "zstd": zstd, "bzip2": bz2.compress, "xz": lzma.compress}
METHODS = pytest.mark.parametrize("method", PACK)


def read(data: bytes, media_type: str = "", limit_bytes: int = 1 << 30) -> bytes:
    pieces = list(compression.decompress(io.BytesIO(data), media_type, limit_bytes=limit_bytes))
    assert all(len(piece) <= compression.CHUNK_BYTES for piece in pieces)
    return b"".join(pieces)


@METHODS
def test_a_stream_is_known_by_its_first_bytes(method: str) -> None:
    packed = PACK[method](DATA)
    assert compression.method_of(packed[:6]) == method
    assert read(packed, "application/vnd.oci.image.layer.v1.tar") == DATA


def test_what_is_not_compressed_comes_as_it_is() -> None:
    assert read(DATA, "application/vnd.oci.image.layer.v1.tar+gzip") == DATA
    assert read(b"") == b""
    assert compression.method_of(b"") == "none"


@METHODS
@given(st.lists(st.binary(max_size=300), min_size=1, max_size=8))
def test_members_follow_each_other(method: str, parts: list[bytes]) -> None:
    assert read(b"".join(PACK[method](part) for part in parts)) == b"".join(parts)


@METHODS
def test_zeros_after_the_end_are_padding(method: str) -> None:
    assert read(PACK[method](DATA) + bytes(5000)) == DATA


@METHODS
@pytest.mark.parametrize("junk", [b"x", b"\0\0x", bytes(300_000) + b"x"])
def test_junk_after_the_end_is_refused(method: str, junk: bytes) -> None:
    with pytest.raises(errors.SpecError, match="junk follows"):
        read(PACK[method](DATA) + junk)


@METHODS
@pytest.mark.parametrize("lost", [1, 8, 100])
def test_a_stream_cut_short_is_refused(method: str, lost: int) -> None:
    with pytest.raises(errors.SpecError, match=r"cut short|damaged"):
        read(PACK[method](DATA)[:-lost])


@pytest.mark.parametrize("method", ["gzip", "bzip2", "xz"])
def test_a_changed_byte_is_found(method: str) -> None:
    packed = bytearray(PACK[method](DATA))
    packed[len(packed) // 2] ^= 0x10
    with pytest.raises(errors.SpecError, match=r"damaged|cut short|junk"):
        read(bytes(packed))


def test_a_compressed_layer_of_nothing_is_refused() -> None:
    with pytest.raises(errors.SpecError, match="empty"):
        read(b"", "application/vnd.oci.image.layer.v1.tar+gzip")


@METHODS
def test_a_bomb_stops_at_the_limit(method: str) -> None:
    packed = PACK[method](bytes(4 << 20))
    assert len(packed) < 100_000
    with pytest.raises(errors.SpecError, match="expands to more than 1000000 bytes"):
        read(packed, limit_bytes=1_000_000)


def test_skippable_frames_of_zstd_are_skipped() -> None:
    skipped = b"\x5a\x2a\x4d\x18" + (4).to_bytes(4, "little") + b"toc!"
    assert read(zstd(DATA) + skipped) == DATA
    assert read(skipped + zstd(DATA)) == DATA


class Trickle(io.RawIOBase):
    """A stream that gives one byte at a time."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def read(self, _count: int = -1) -> bytes:
        return self._data.read(1)


@METHODS
def test_a_stream_in_single_bytes_is_the_same(method: str) -> None:
    packed = PACK[method](b"some words") * 3
    pieces = compression.decompress(Trickle(packed))  # type: ignore[arg-type]
    assert b"".join(pieces) == b"some words" * 3


def test_the_reader_gives_what_is_asked_for() -> None:
    reader = compression.open_compressed(io.BytesIO(gzip.compress(DATA)))
    assert reader.read(10) == DATA[:10]
    assert reader.read() == DATA[10:]
    assert reader.read(1) == b""


@pytest.mark.parametrize("method", ["none", "gzip", "zstd"])
def test_what_we_write_is_read_again_and_is_always_the_same(method: str) -> None:
    outputs = []
    for step in (1000, 70_000):
        pieces: list[bytes] = []
        coder = compression.Compressor(lambda piece: pieces.append(bytes(piece)), method)  # noqa: B023
        for at in range(0, len(DATA), step):
            coder.feed(DATA[at : at + step])
        diff_id = coder.finish()
        outputs.append((diff_id, b"".join(pieces)))
        assert coder.size_bytes == len(DATA)
    assert read(outputs[0][1]) == DATA
    assert outputs[0][0] == outputs[1][0]
    assert outputs[0][1] == outputs[1][1]


def test_zlib_s_gzip_header_has_no_time() -> None:
    pieces: list[bytes] = []
    compression.compress(io.BytesIO(DATA), lambda piece: pieces.append(bytes(piece)), "gzip")
    assert b"".join(pieces)[4:8] == bytes(4)
    assert zlib.decompress(b"".join(pieces), 31) == DATA


def test_an_unknown_method_is_named() -> None:
    with pytest.raises(errors.UsageError, match='unknown compression "lz4"'):
        compression.Compressor(lambda _piece: None, "lz4")


def test_without_a_library_for_zstd_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    packed = zstd(b"x")
    monkeypatch.setitem(sys.modules, "compression", None)
    monkeypatch.setitem(sys.modules, "backports", None)
    monkeypatch.setitem(sys.modules, "backports.zstd", None)
    with pytest.raises(errors.UnsupportedError) as caught:
        read(packed)
    assert "pip install backports.zstd" in caught.value.hint


def test_without_isal_zlib_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "isal", None)
    assert read(gzip.compress(DATA) * 2) == DATA * 2
    with pytest.raises(errors.SpecError, match="cut short"):
        read(gzip.compress(DATA)[:-1])
