"""Write a tar archive whose bytes depend on nothing but the entries.

Facts about writing
-------------------
A ustar header holds a name of 100 bytes, or 255 cut at a slash, whole seconds, and ids below two
million; what does not fit goes into a pax header before it, with its keys sorted. No user or group
names, no access times, no GNU headers: what reads ustar and pax reads this. A sparse file is
written out, since each reader knows other dialects. Two blocks of zeros end it, without more.

Specification: POSIX pax; OCI image-spec layer.md.
"""

from struct import Struct
from typing import TYPE_CHECKING

from wardian import errors
from wardian.images import tar_headers
from wardian.images.tar_headers import BLOCK_BYTES, Entry, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_NAME_BYTES = 100
_PREFIX_BYTES = 155
_HEADER = Struct("100s8s8s8s12s12s8s1s100s6s2s32s32s8s8s155s12x")
_OCTAL_12 = 1 << 33
_OCTAL_8 = 1 << 21
_NS = 1_000_000_000
_ZEROS = bytes(BLOCK_BYTES)


class Writer:
    """Writes one archive.

    Args:
        sink: takes the bytes, in order.

    Attributes:
        position: bytes written so far.
    """

    __slots__ = ("_sink", "position")

    def __init__(self, sink: "Callable[[bytes | memoryview], object]") -> None:
        self._sink = sink
        self.position = 0

    def add(self, entry: Entry, data: "Iterable[bytes | memoryview]" = ()) -> None:
        """Write an entry; of a file, also its data, which must be `size` bytes.

        Raises:
            StatusError: the data is shorter or longer: it was changed meanwhile.
        """
        self._put(header(entry))
        if entry.kind != tar_headers.FILE:
            return
        left = entry.size
        for piece in data:
            left -= len(piece)
            if left < 0:
                break
            self._put(piece)
        if left:
            raise errors.StatusError(f"{shown(entry.path)} was changed while it was packed")
        self._put(_ZEROS[: -entry.size % BLOCK_BYTES])

    def finish(self) -> None:
        """Write the end."""
        self._put(2 * _ZEROS)

    def _put(self, data: "bytes | memoryview") -> None:
        if data:
            self.position += len(data)
            self._sink(data)


def header(entry: Entry) -> bytes:
    """Return an entry's header blocks, with a pax header before it where that is needed."""
    path = entry.path
    if entry.kind == tar_headers.DIRECTORY and not path.endswith(b"/"):
        path += b"/"
    records: dict[bytes, bytes] = {}
    prefix, name = _split(path)
    if not name:
        records[b"path"] = path
        prefix, name = b"", path[:_NAME_BYTES]
    target = entry.target
    if len(target) > _NAME_BYTES:
        records[b"linkpath"] = target
        target = target[:_NAME_BYTES]
    seconds, fraction = divmod(entry.mtime_ns, _NS)
    if fraction or not 0 <= seconds < _OCTAL_12:
        records[b"mtime"] = _time(entry.mtime_ns)
    size = entry.size if entry.kind == tar_headers.FILE else 0
    ids = {b"uid": entry.uid, b"gid": entry.gid}
    records.update((key, b"%d" % value) for key, value in ids.items() if value >= _OCTAL_8)
    if size >= _OCTAL_12:
        records[b"size"] = b"%d" % size
    for key, attribute in entry.xattrs.items():
        records[b"SCHILY.xattr." + key] = attribute
    block = _block(
        entry.kind,
        (name, prefix, target),
        (entry.mode, _fit(entry.uid, _OCTAL_8), _fit(entry.gid, _OCTAL_8)),
        (_fit(size, _OCTAL_12), seconds if 0 <= seconds < _OCTAL_12 else 0),
        device=entry.device,
    )
    return _pax(records, name) + block if records else block


def _fit(value: int, limit: int) -> int:
    return value if value < limit else 0


def _split(path: bytes) -> "tuple[bytes, bytes]":
    """Return ustar's prefix and name of a path; an empty name where it doesn't fit."""
    if len(path) <= _NAME_BYTES:
        return b"", path
    cut = path.find(b"/", len(path) - _NAME_BYTES - 1, len(path) - 1)
    if 0 < cut <= _PREFIX_BYTES:
        return path[:cut], path[cut + 1 :]
    return b"", b""


def _time(mtime_ns: int) -> bytes:
    sign = b"-" if mtime_ns < 0 else b""
    whole, fraction = divmod(abs(mtime_ns), _NS)
    text = b"%s%d" % (sign, whole)
    return text + (b".%09d" % fraction).rstrip(b"0") if fraction else text


def _record(key: bytes, value: bytes) -> bytes:
    rest = b" %s=%s\n" % (key, value)
    length = len(rest) + len(b"%d" % len(rest))
    if len(b"%d" % length) + len(rest) != length:
        length += 1
    return b"%d%s" % (length, rest)


def _pax(records: "dict[bytes, bytes]", name: bytes) -> bytes:
    data = b"".join(_record(key, records[key]) for key in sorted(records))
    if len(data) > tar_headers.PAX_LIMIT_BYTES:
        raise errors.SpecError(f"{shown(name)} has too many or too large attributes for a layer")
    place = b"PaxHeaders/" + name.rstrip(b"/").rpartition(b"/")[2][:80]
    head = _block(tar_headers.PAX, (place, b"", b""), (0o644, 0, 0), (len(data), 0))
    return head + data + bytes(-len(data) % BLOCK_BYTES)


def _block(
    kind: bytes,
    names: "tuple[bytes, bytes, bytes]",
    owners: "tuple[int, int, int]",
    amounts: "tuple[int, int]",
    *,
    device: "tuple[int, int]" = (0, 0),
) -> bytes:
    name, prefix, target = names
    has_device = kind in (tar_headers.CHARACTER_DEVICE, tar_headers.BLOCK_DEVICE)
    block = bytearray(
        _HEADER.pack(
            name,
            *(b"%07o\0" % value for value in owners),
            *(b"%011o\0" % value for value in amounts),
            *(b" " * 8, kind, target, b"ustar\0", b"00", b"", b""),
            *(b"%07o\0" % value if has_device else b"" for value in device),
            prefix,
        )
    )
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)
