"""The structures of an EROFS image, compared with what is known of them."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardian.images import erofs_format


def test_the_head_is_as_long_as_its_place() -> None:
    head = erofs_format.head(
        root_nid=48, inodes=1, blocks=5, uuid=bytes(range(16)), device=(b"tag", 7)
    )
    assert len(head) == erofs_format.FIRST_INODE_OFFSET
    assert struct.unpack_from("<I", head, 1024) == (0xE0F5E1E2,)
    assert head[1152:1155] == b"tag"
    assert struct.unpack_from("<I", head, 1152 + 64) == (7,)


def test_an_inode_is_64_bytes() -> None:
    made = erofs_format.inode(
        layout=erofs_format.LAYOUT_CHUNKS,
        xattr_bytes=20,
        mode=0o100644,
        size=1 << 40,
        address=erofs_format.chunk_format(3),
        number=9,
        owner=(1000, 4_000_000_000),
        mtime=(-1, 999_999_999),
        links=2,
    )
    assert len(made) == erofs_format.INODE_BYTES
    assert struct.unpack_from("<HHH", made) == (1 | 4 << 1, 3, 0o100644)
    assert struct.unpack_from("<q", made, 32) == (-1,)


@pytest.mark.parametrize(("major", "minor"), [(0, 0), (1, 3), (259, 300_000), (4095, 1_048_575)])
def test_device_numbers_are_the_kernel_s(major: int, minor: int) -> None:
    encoded = erofs_format.device_number(major, minor)
    assert (encoded & 0xFFF00) >> 8 == major
    assert encoded & 0xFF | (encoded >> 12 & 0xFFF00) == minor


def test_attributes_are_aligned_and_sorted() -> None:
    one = erofs_format.xattrs({b"user.b": b"12345", b"user.a": b""})
    assert len(one) % 4 == 0
    assert one == erofs_format.xattrs({b"user.a": b"", b"user.b": b"12345"})
    assert one[12:17] == b"\x01\x01\0\0a"
    assert erofs_format.xattrs({}) == b""


@given(st.sets(st.binary(min_size=1, max_size=255), max_size=200))
def test_a_directory_is_found_again_in_its_blocks(names: set[bytes]) -> None:
    names = {name.replace(b"\0", b"x").replace(b"/", b"y") for name in names} | {b".", b".."}
    rows = [(name, number + 1, 0o040755) for number, name in enumerate(sorted(names))]
    data = erofs_format.directory(rows)
    assert len(data) == erofs_format.directory_bytes([len(name) for name, _nid, _mode in rows])
    assert read_directory(data) == [(name, nid) for name, nid, _mode in rows]


def read_directory(data: bytes) -> list[tuple[bytes, int]]:
    """As the kernel reads it: each block by itself, the last name up to a zero."""
    found = []
    for start in range(0, len(data), erofs_format.BLOCK_BYTES):
        block = data[start : start + erofs_format.BLOCK_BYTES]
        count = struct.unpack_from("<H", block, 8)[0] // 12
        rows = [struct.unpack_from("<QHBB", block, 12 * place) for place in range(count)]
        ends = [row[1] for row in rows[1:]] + [len(block)]
        for (nid, offset, kind, _zero), end in zip(rows, ends, strict=True):
            assert kind == 2
            found.append((block[offset:end].partition(b"\0")[0], nid))
    return found
