r"""Parse the headers of a tar archive: ustar, pax, GNU and sparse, from hostile hands.

Facts about tar headers
-----------------------
A header is a block of 512 bytes with numbers in octal, or where the first bit is set in base 256. A
pax header (type "x") gives the next entry what does not fit, as records "LENGTH KEY=VALUE\n"; one
of type "g" gives it to all that follow. GNU tar puts long names into entries "L" and "K" of their
own; what the entry itself then has is the name's first 100 bytes. A very old directory is a file
whose name ends with a slash. A sparse file is stored in four ways: GNU's type "S" with a map in the
header, and three pax dialects (0.0 repeats two keys, 0.1 has one key with commas, 1.0 has the map
before the data). Links, devices and directories have no data, whatever their size field says.

Specification: POSIX pax; tar(5); GNU tar manual, "Sparse Formats".
"""

from functools import lru_cache
from struct import Struct
from typing import TYPE_CHECKING
from zlib import adler32

from wardian import errors

if TYPE_CHECKING:
    from collections.abc import Iterable

BLOCK_BYTES = 512
PAX_LIMIT_BYTES = 1 << 20  # of one header; a map of a sparse file may need as much
MAXIMUM_ID = 0xFFFFFFFE
MAXIMUM_SIZE = (1 << 63) - 1
_NS = 1_000_000_000

FILE = b"0"
HARD_LINK = b"1"
SYMLINK = b"2"
CHARACTER_DEVICE = b"3"
BLOCK_DEVICE = b"4"
DIRECTORY = b"5"
FIFO = b"6"
GNU_SPARSE = b"S"
PAX = b"x"
PAX_GLOBAL = b"g"
GNU_LONG_NAME = b"L"
GNU_LONG_LINK = b"K"
EXTENSIONS = PAX + PAX_GLOBAL + GNU_LONG_NAME + GNU_LONG_LINK  # the next entry is meant

# name, mode, uid, gid, size, mtime, sum, type, target, magic, major, minor, prefix
_LAYOUT = Struct("100s8s8s8s12s12s8s1s100s6s66x8s8s155s12x")
_SIZE_AND_SUM = Struct("124x12s12x8s356x")
_SUM_PLACE, _TYPE_PLACE = 148, 156
_SPARSE_PAIRS = Struct("12s12s")
_PLAIN = frozenset((b"path", b"linkpath", b"size", b"mtime", b"uid", b"gid"))
_XATTR = b"SCHILY.xattr."
_SPARSE = b"GNU.sparse."
# Types that mean one of the above: very old files, contiguous files, GNU's directory dumps.
_ALIASES = {b"\0": FILE, b"7": FILE, b"D": DIRECTORY}


_WITHOUT_DATA = (DIRECTORY, SYMLINK, HARD_LINK, CHARACTER_DEVICE, BLOCK_DEVICE, FIFO)


class Entry:
    """One entry of an archive.

    Attributes:
        kind: a type from above, one byte.
        path, target: bytes as they stand there; target is of links.
        mode, uid, gid, mtime_ns, device: device is (major, minor).
        size: of the file when it is there.
        stored: bytes of data in the archive; less than size for sparse files.
        offset: where its data begins in the archive.
        xattrs: extended attributes.
        segments: (offset, length) of the data of a sparse file; None for ordinary ones.
    """

    __slots__ = (
        "device",
        "gid",
        "kind",
        "mode",
        "mtime_ns",
        "offset",
        "path",
        "segments",
        "size",
        "stored",
        "target",
        "uid",
        "xattrs",
    )

    def __init__(self, kind: bytes, path: bytes) -> None:
        self.kind = kind
        self.path = path
        self.target = b""
        self.mode = 0
        self.uid = 0
        self.gid = 0
        self.mtime_ns = 0
        self.device = (0, 0)
        self.size = 0
        self.stored = 0
        self.offset = 0
        self.xattrs: dict[bytes, bytes] = {}
        self.segments: list[tuple[int, int]] | None = None

    def __repr__(self) -> str:
        return f"Entry({self.kind!r}, {self.path!r}, {self.size})"


def damaged(what: str) -> errors.SpecError:
    """Return the error for an archive that makes no sense."""
    return errors.SpecError(f"the layer is not a sound tar archive: {what}")


def shown(name: bytes) -> str:
    """Return a name for an error message: printable and never long."""
    text = name[:200].decode("utf-8", "backslashreplace")
    text = "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)
    return f'"{text}"' + ("..." if len(name) > 200 else "")


# ---- one block ----------------------------------------------------------------------------


def number(field: bytes) -> int:
    """Return a header's number, octal or base 256.

    Raises:
        SpecError: it is neither.
    """
    text = field.strip(b" \0")
    if not text.isdigit():
        if field[0] & 0x80:
            value = int.from_bytes(field, "big") & ((1 << (8 * len(field) - 1)) - 1)
            return value - (1 << (8 * len(field) - 1)) if field[0] & 0x40 else value
        text = text.partition(b"\0")[0].rstrip(b" ")
        if not text:
            return 0
        if not text.isdigit():
            raise damaged(f"{shown(field)} is not a number")
    try:
        return int(text, 8)
    except ValueError:
        raise damaged(f"{shown(field)} is not an octal number") from None


_usual = lru_cache(4096)(number)  # modes, owners and times come again and again


def _string(field: bytes) -> bytes:
    return field.partition(b"\0")[0]


def parse(block: bytes) -> Entry:
    """Return the entry that one header block describes, without what other headers add to it.

    Raises:
        SpecError: wrong checksum, or a field that is no number.
    """
    fields = _LAYOUT.unpack(block)
    name, mode, uid, gid, size, mtime, check, kind, target, magic, major, minor, prefix = fields
    _check_sum(block, check)
    kind = _ALIASES.get(kind, kind)
    entry = Entry(kind, _string(name))
    if prefix[0] and magic == b"ustar\0":
        entry.path = _string(prefix) + b"/" + entry.path
    entry.mode = _usual(mode) & 0o7777
    entry.uid = _usual(uid)
    entry.gid = _usual(gid)
    entry.size = entry.stored = number(size)
    entry.mtime_ns = _usual(mtime) * _NS
    if kind in (HARD_LINK, SYMLINK):
        entry.target = _string(target)
    elif kind in (CHARACTER_DEVICE, BLOCK_DEVICE):
        entry.device = (number(major), number(minor))
    return entry


def extension(block: bytes) -> "tuple[bytes, int]":
    """Return the type and size of a header that only adds to the next; b"" for any other type.

    Raises:
        SpecError: wrong checksum, or a size that is no number.
    """
    kind = block[_TYPE_PLACE : _TYPE_PLACE + 1]
    if kind not in EXTENSIONS:
        return b"", 0
    size, check = _SIZE_AND_SUM.unpack(block)
    _check_sum(block, check)
    return kind, number(size)


def _check_sum(block: bytes, field: bytes) -> None:
    # Adler-32's lower half is one more than the sum of the bytes, while that is below 65521: it is,
    # for 256 bytes. Nothing else in Python adds up bytes as fast. The sum's own field counts as
    # eight spaces.
    total = 256 - 3
    total += adler32(block[:_SUM_PLACE]) & 0xFFFF
    total += adler32(block[_TYPE_PLACE:384]) & 0xFFFF
    total += adler32(block[384:]) & 0xFFFF
    if number(field) != total and not _has_signed_sum(block, field):
        raise damaged("a header has a wrong checksum")


def _has_signed_sum(block: bytes, field: bytes) -> bool:
    """Some old tars added up signed bytes."""
    sign = sum(1 for byte in block if byte >= 0x80) - sum(1 for byte in field if byte >= 0x80)
    return number(field) == sum(block) - sum(field) + 256 - 256 * sign


def finish(entry: Entry) -> None:
    """Check an entry once all headers were taken in.

    Raises:
        SpecError: a number is out of its range.
    """
    if entry.kind == FILE and entry.path.endswith(b"/"):
        # By the whole name: the header's own may be cut at any byte. Data that it has is skipped.
        entry.kind, entry.size, entry.segments = DIRECTORY, 0, None
    elif entry.kind not in (FILE, GNU_SPARSE):
        if entry.kind not in _WITHOUT_DATA:
            raise damaged(f"{shown(entry.path)} has the unknown type {shown(entry.kind)}")
        entry.size = entry.stored = 0
    if not (0 <= entry.size <= MAXIMUM_SIZE and 0 <= entry.stored <= MAXIMUM_SIZE):
        raise damaged(f"{shown(entry.path)} has the size {entry.size}")
    if not (0 <= entry.uid <= MAXIMUM_ID and 0 <= entry.gid <= MAXIMUM_ID):
        raise damaged(f"{shown(entry.path)} has the owner {entry.uid}:{entry.gid}")
    if not (0 <= entry.device[0] < 1 << 12 and 0 <= entry.device[1] < 1 << 20):
        raise damaged(f"{shown(entry.path)} has the device {entry.device[0]}:{entry.device[1]}")
    if not -(1 << 63) <= entry.mtime_ns // _NS < 1 << 63:
        raise damaged(f"{shown(entry.path)} has an impossible time")


# ---- pax ----------------------------------------------------------------------------------


def pax_records(data: bytes) -> "list[tuple[bytes, bytes]]":
    """Return the records of a pax header, in their order; a key may come again.

    Raises:
        SpecError: a length that does not fit.
    """
    found = []
    at = 0
    while at < len(data):
        space = data.find(b" ", at, at + 20)
        digits = data[at:space] if space >= 0 else b""
        if not digits.isdigit():
            if not data[at:].strip(b"\0"):
                break  # some writers count the padding
            raise damaged("a pax record has no length")
        end = at + int(digits)
        equals = data.find(b"=", space + 1, end)
        if end > len(data) or equals < 0 or data[end - 1 : end] != b"\n":
            raise damaged("a pax record has a wrong length")
        found.append((data[space + 1 : equals], data[equals + 1 : end - 1]))
        at = end
    return found


def pax_number(value: bytes) -> int:
    """Return a decimal number of a pax record."""
    if not (0 < len(value) <= 20 and value.isdigit()):
        raise damaged(f"the pax value {shown(value)} is not a number")
    return int(value)


def pax_time_ns(value: bytes) -> int:
    """Return a time of a pax record, "1700000000.123456789", in nanoseconds."""
    sign = -1 if value.startswith(b"-") else 1
    whole, _point, fraction = value.lstrip(b"-").partition(b".")
    if not (0 < len(whole) <= 20 and whole.isdigit() and (not fraction or fraction.isdigit())):
        raise damaged(f"the pax value {shown(value)} is not a time")
    return sign * (int(whole) * _NS + int(fraction[:9].ljust(9, b"0")))


def apply_pax(entry: Entry, records: "Iterable[tuple[bytes, bytes]]") -> None:
    """Give an entry what pax headers say of it.

    Raises:
        SpecError: a value that makes no sense.
    """
    sparse: list[tuple[bytes, bytes]] = []
    for key, value in records:
        if key.startswith(_XATTR):
            if len(key) > len(_XATTR):
                entry.xattrs[key[len(_XATTR) :]] = value
        elif key.startswith(_SPARSE):
            sparse.append((key[len(_SPARSE) :], value))
        elif value and key in _PLAIN:  # an empty value takes an earlier one back
            _apply_plain(entry, key, value)
    if sparse and entry.kind == FILE:
        _apply_sparse(entry, sparse)


def _apply_plain(entry: Entry, key: bytes, value: bytes) -> None:
    if key == b"path":
        entry.path = value
    elif key == b"linkpath":
        if entry.kind in (HARD_LINK, SYMLINK):
            entry.target = value
    elif key == b"size":
        entry.size = entry.stored = pax_number(value)
    elif key == b"mtime":
        entry.mtime_ns = pax_time_ns(value)
    elif key == b"uid":
        entry.uid = pax_number(value)
    elif key == b"gid":
        entry.gid = pax_number(value)


# ---- sparse files -------------------------------------------------------------------------


def _apply_sparse(entry: Entry, records: "list[tuple[bytes, bytes]]") -> None:
    known = dict(records)
    entry.path = known.get(b"name", entry.path)
    if b"size" in known or b"realsize" in known:
        entry.size = pax_number(known.get(b"realsize", known.get(b"size", b"")))
    if known.get(b"major") == b"1":
        entry.segments = []  # the map comes before the data; tar_reader reads it
        return
    if b"map" in known:
        values = [pax_number(value) for value in known[b"map"].split(b",") if value]
    else:
        values = [pax_number(value) for key, value in records if key in (b"offset", b"numbytes")]
    if values or b"numblocks" in known:
        entry.segments = checked_map(entry, values)


def checked_map(entry: Entry, values: "list[int]") -> "list[tuple[int, int]]":
    """Return the pairs of a sparse map; empty ones are left out.

    Raises:
        SpecError: they overlap, lie outside the file or don't fit the data.
    """
    if len(values) % 2:
        raise damaged(f"the map of the sparse file {shown(entry.path)} is cut short")
    end = 0
    stored = 0
    segments = []
    for offset, length in zip(values[::2], values[1::2], strict=True):
        if offset < end or length < 0 or offset + length > entry.size:
            raise damaged(f"the map of the sparse file {shown(entry.path)} makes no sense")
        end = offset + length
        stored += length
        if length:
            segments.append((offset, length))
    if stored != entry.stored:
        raise damaged(f"the data of the sparse file {shown(entry.path)} doesn't fit its map")
    return segments


def gnu_sparse_header(block: bytes) -> "tuple[list[int], bool, int]":
    """Return what an old GNU sparse header holds: the map's numbers, whether more follow, size."""
    return _gnu_pairs(block, 386, 4), block[482] not in (0, 0x30), number(block[483:495])


def gnu_sparse_extension(block: bytes) -> "tuple[list[int], bool]":
    """Return what a block after such a header holds: the map's numbers, whether more follow."""
    return _gnu_pairs(block, 0, 21), block[504] not in (0, 0x30)


def _gnu_pairs(block: bytes, at: int, count: int) -> "list[int]":
    values = []
    for place in range(at, at + 24 * count, 24):
        if not block[place]:
            break
        offset, length = _SPARSE_PAIRS.unpack_from(block, place)
        values += [number(offset), number(length)]
    return values
