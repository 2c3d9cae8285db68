"""The tree in memory: where a file's data lies, and what can't be pointed at."""

import struct

import pytest

from tests.trees import entry
from wardian.images import erofs_format, tar_headers
from wardian.images.erofs_index import Tree, UnfitError, _chunks
from wardian.images.layer_entries import items
from wardian.images.tar_headers import Entry


def sparse(size: int, *segments: tuple[int, int]) -> Entry:
    made = entry(tar_headers.FILE, b"sparse", size=size)
    made.segments = list(segments)
    made.offset = 5120
    return made


def addresses(made: Entry) -> tuple[int, list[int | None]]:
    form, body = _chunks(made)
    rows = struct.iter_unpack("<HHI", body)
    bits = form & 31
    return 512 << bits, [None if block == 0xFFFFFFFF else block for _hi, _device, block in rows]


@pytest.mark.parametrize("size", [1, 511, 512, 513, 4096, 5_000_000, 1 << 33])
def test_an_ordinary_file_is_one_chunk(size: int) -> None:
    made = entry(tar_headers.FILE, b"f", size=size)
    made.offset = 1536
    chunk, found = addresses(made)
    assert found == [3]
    assert chunk >= size


def test_a_sparse_file_has_chunks_between_its_borders() -> None:
    chunk, found = addresses(sparse(20_000, (4096, 4096), (12_288, 7712)))
    assert chunk == 4096
    assert found == [None, 10, None, 18, 26]


def test_a_file_that_is_one_hole_has_one_chunk() -> None:
    assert addresses(sparse(1 << 30)) == (1 << 30, [None])


def test_pieces_that_do_not_begin_at_blocks_do_not_fit() -> None:
    with pytest.raises(UnfitError, match="don't begin at blocks"):
        addresses(sparse(10_000, (100, 512)))


def test_too_many_pieces_do_not_fit() -> None:
    with pytest.raises(UnfitError, match="too many pieces"):
        addresses(sparse(1 << 43, (512, 512)))


def test_an_archive_of_terabytes_does_not_fit() -> None:
    made = entry(tar_headers.FILE, b"f", size=1)
    made.offset = 1 << 41
    with pytest.raises(UnfitError, match="2 TiB"):
        addresses(made)


def test_directories_without_an_entry_are_listed() -> None:
    tree = Tree()
    made = [entry(tar_headers.FILE, b"a/b/c"), entry(tar_headers.DIRECTORY, b"a")]
    summary = tree.run(items(made))
    assert sorted(summary.implicit) == [b"", b"a/b"]
    assert erofs_format.INODE_BYTES == 64
