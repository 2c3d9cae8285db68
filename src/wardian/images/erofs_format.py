"""Encode the structures of an EROFS image.

Facts about EROFS here
----------------------
Blocks are 512 bytes, tar's own, which the kernel takes since Linux 6.4. An inode is found by its
number times 32 bytes. A file's data may lie on another device, in chunks of any power of two; the
array of chunks follows the inode, aligned to 8 bytes. A directory's blocks are sorted lists of
names, "." and ".." among them. A link's target may follow its inode if both fit in one block.

Kernel: fs/erofs/erofs_fs.h, Documentation/filesystems/erofs.rst.
"""

from stat import S_IFMT
from struct import Struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

BLOCK_BITS = 9
BLOCK_BYTES = 1 << BLOCK_BITS
SLOT_BYTES = 32
INODE_BYTES = 64
FIRST_INODE_OFFSET = 1536  # after the superblock at 1024 and the device's slot at 1152

# fs/erofs/erofs_fs.h, which is no header of user space
MAGIC = 0xE0F5E1E2
FEATURE_COMPAT_MTIME = 0x2
FEATURE_INCOMPAT_CHUNKED_FILE = 0x4
FEATURE_INCOMPAT_DEVICE_TABLE = 0x8
LAYOUT_PLAIN = 0
LAYOUT_INLINE = 2
LAYOUT_CHUNKS = 4
CHUNK_FORMAT_INDEXES = 0x20
CHUNK_BITS_MAXIMUM = 31
NULL_ADDRESS = 0xFFFFFFFF
_DEVICE = 1

_SUPER = Struct("<IIIBBHQQIIII16s16sIHHHBBIQB23x")
_DEVICE_SLOT = Struct("<64sII56x")
_INODE = Struct("<HHHHQIIIIQII16x")
_CHUNK = Struct("<HHI")
_DIRENT = Struct("<QHBB")
_XATTR_HEADER_BYTES = 12
_XATTR_ENTRY = Struct("<BBH")
_XATTR_PREFIXES = (  # the longest first
    (b"system.posix_acl_access", 2),
    (b"system.posix_acl_default", 3),
    (b"security.", 6),
    (b"trusted.", 4),
    (b"user.", 1),
)
# linux/fs_types.h in the kernel: FT_*
_FILE_TYPES = {0o100: 1, 0o040: 2, 0o020: 3, 0o060: 4, 0o010: 5, 0o140: 6, 0o120: 7}


def head(
    *, root_nid: int, inodes: int, blocks: int, uuid: bytes, device: "tuple[bytes, int]"
) -> bytes:
    """Return what stands before the first inode.

    Args:
        root_nid: where the top directory's inode is, in slots.
        inodes: how many there are.
        blocks: of this image.
        uuid: 16 bytes.
        device: a tag (64 bytes) and the blocks of the device that holds the files' data.
    """
    # No checksum: fsck.erofs 1.8 crashes on one in blocks this small, and the store checks the
    # whole image against the archive.
    superblock = _SUPER.pack(
        *(MAGIC, 0, FEATURE_COMPAT_MTIME, BLOCK_BITS, 0),
        *(root_nid, inodes, 0, 0, blocks, 0, 0, uuid, b""),
        FEATURE_INCOMPAT_CHUNKED_FILE | FEATURE_INCOMPAT_DEVICE_TABLE,
        *(0, 1, 1152 // 128, 0, 0, 0, 0, 0),
    )
    slot = _DEVICE_SLOT.pack(device[0], device[1], 0)
    return (bytes(1024) + superblock + slot).ljust(FIRST_INODE_OFFSET, b"\0")


def inode(
    *,
    layout: int,
    xattr_bytes: int,
    mode: int,
    size: int,
    address: int,
    number: int,
    owner: "tuple[int, int]",
    mtime: "tuple[int, int]",
    links: int,
) -> bytes:
    """Return an extended inode.

    Args:
        layout: LAYOUT_*.
        xattr_bytes: the length of what `xattrs` returned.
        mode: with the type.
        size: of the file.
        address: first block, device number or chunk format, as the layout and type want it.
        number: the inode number that people see.
        owner: user and group id.
        mtime: seconds and nanoseconds.
        links: how many names it has.
    """
    count = (xattr_bytes - _XATTR_HEADER_BYTES) // 4 + 1 if xattr_bytes else 0
    return _INODE.pack(
        *(1 | layout << 1, count, mode, 0, size, address, number, *owner),
        *(mtime[0] & 0xFFFFFFFFFFFFFFFF, mtime[1], links),
    )


def device_number(major: int, minor: int) -> int:
    """Return a device number as the kernel's new_encode_dev writes it."""
    return minor & 0xFF | major << 8 | (minor & ~0xFF) << 12


def xattrs(attributes: "Mapping[bytes, bytes]") -> bytes:
    """Return what follows an inode with extended attributes; empty where it has none."""
    if not attributes:
        return b""
    parts = [bytes(_XATTR_HEADER_BYTES)]
    for name in sorted(attributes):
        prefix, kind = next(row for row in _XATTR_PREFIXES if name.startswith(row[0]))
        rest, value = name[len(prefix) :], attributes[name]
        entry = _XATTR_ENTRY.pack(len(rest), kind, len(value)) + rest + value
        parts.append(entry + bytes(-len(entry) % 4))
    return b"".join(parts)


def chunk_format(bits: int) -> int:
    """Return the inode's word for chunks of 512 << bits bytes."""
    return CHUNK_FORMAT_INDEXES | bits


def chunk(block: int) -> bytes:
    """Return the address of one chunk on the data device; NULL_ADDRESS for a hole."""
    return _CHUNK.pack(0, 0 if block == NULL_ADDRESS else _DEVICE, block)


def directory(entries: "Sequence[tuple[bytes, int, int]]") -> bytes:
    """Return a directory's content.

    Args:
        entries: (name, inode's place in slots, mode with the type), sorted by name, with "." and
            "..".
    """
    blocks = []
    start = 0
    used = 0
    for place, (name, _nid, _mode) in enumerate(entries):
        needed = _DIRENT.size + len(name)
        if used + needed > BLOCK_BYTES:
            blocks.append(_directory_block(entries[start:place]).ljust(BLOCK_BYTES, b"\0"))
            start, used = place, 0
        used += needed
    blocks.append(_directory_block(entries[start:]))
    return b"".join(blocks)


def directory_bytes(name_lengths: "Sequence[int]") -> int:
    """Return how long `directory` gets for names of these lengths, in this order."""
    full = used = 0
    for length in name_lengths:
        needed = _DIRENT.size + length
        if used + needed > BLOCK_BYTES:
            full += BLOCK_BYTES
            used = 0
        used += needed
    return full + used


def _directory_block(entries: "Sequence[tuple[bytes, int, int]]") -> bytes:
    at = _DIRENT.size * len(entries)
    rows = []
    for name, nid, mode in entries:
        rows.append(_DIRENT.pack(nid, at, _FILE_TYPES[S_IFMT(mode) >> 9], 0))
        at += len(name)
    return b"".join(rows) + b"".join(name for name, _nid, _mode in entries)
