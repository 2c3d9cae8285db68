"""Look into archives, compressed files and ELF files, as far as comparing them needs.

Each format gives its members: a name, the content, and what the archive says of it besides. A
compressed file has one member without a name. What is broken is no archive.

Source: tar(5), ar(5), RFC 1952 (gzip), APPNOTE (zip), elf(5), CPython's importlib (.pyc).
"""

import bz2
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from dataclasses import dataclass, field

UNPACKED = 256 << 20  # bytes; a bomb is left as it is
MEMBERS = 100_000
AR_MAGIC, AR_HEADER = b"!<arch>\n", 60


@dataclass(slots=True)
class Member:
    """One member of an archive: its content, and what is said of it."""

    content: bytes
    facts: dict[str, object] = field(default_factory=dict)


Members = dict[str, Member]


def members(data: bytes) -> "Members | None":
    """Return what is in it, in its order; None where it is no archive that we know."""
    try:
        for magic, at, reader in _READERS:
            if data[at : at + len(magic)] == magic:
                return reader(data)
    except (
        ValueError,
        OSError,
        EOFError,
        KeyError,
        RuntimeError,  # zipfile's, for an encrypted member or a method that it lacks
        struct.error,
        IndexError,
        zlib.error,
        lzma.LZMAError,
        tarfile.TarError,
        zipfile.BadZipFile,
    ):
        return None
    return None


def _gzip(data: bytes) -> Members:
    flags, time_s = data[3], int.from_bytes(data[4:8], "little")
    content = _limited(zlib.decompressobj(31), data)
    facts: dict[str, object] = {"gzip mtime": time_s, "gzip level": data[8], "gzip system": data[9]}
    if flags & 8 and not flags & 4:
        facts["gzip name"] = data[10 : data.index(0, 10)].decode("latin-1")
    return {"": Member(content, facts)}


def _limited(reader: "zlib._Decompress", data: bytes) -> bytes:
    content = reader.decompress(data, UNPACKED)
    if reader.unconsumed_tail:
        raise ValueError("too much")
    return content


def _xz(data: bytes) -> Members:
    return {"": Member(lzma.LZMADecompressor().decompress(data, UNPACKED))}


def _bzip2(data: bytes) -> Members:
    return {"": Member(bz2.BZ2Decompressor().decompress(data, UNPACKED))}


def _tar(data: bytes) -> Members:
    found: Members = {}
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        for one in archive:
            taken = archive.extractfile(one) if one.isreg() else None
            facts: dict[str, object] = {
                "mtime": one.mtime,
                "mode": f"{one.mode:04o}",
                "uid": one.uid,
                "gid": one.gid,
                "owner": f"{one.uname}:{one.gname}",
                "link": one.linkname,
                "pax": {key: one.pax_headers[key] for key in sorted(one.pax_headers)},
            }
            found[_unique(one.name, found)] = Member(taken.read() if taken else b"", facts)
    return found


def _zip(data: bytes) -> Members:
    found: Members = {}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        if sum(one.file_size for one in archive.infolist()) > UNPACKED:
            raise ValueError("too much")
        for one in archive.infolist():
            facts: dict[str, object] = {
                "date": "%04d-%02d-%02d %02d:%02d:%02d" % one.date_time,  # noqa: UP031
                "mode": f"{one.external_attr >> 16:04o}",
                "method": one.compress_type,
                "extra": one.extra.hex(),
            }
            found[_unique(one.filename, found)] = Member(archive.read(one), facts)
    return found


def _ar(data: bytes) -> Members:
    found: Members = {}
    at, names = len(AR_MAGIC), b""
    while at + AR_HEADER <= len(data):
        head = data[at : at + AR_HEADER]
        size = int(head[48:58])
        content = data[at + AR_HEADER : at + AR_HEADER + size]
        name = head[:16].decode("latin-1").rstrip()
        if name == "//":
            names = content
        elif name[:1] == "/" and name[1:].isdecimal():
            start = int(name[1:])
            name = names[start : names.index(b"\n", start)].decode("latin-1")
        facts: dict[str, object] = {
            "mtime": head[16:28].decode().strip(),
            "uid": head[28:34].decode().strip(),
            "gid": head[34:40].decode().strip(),
            "mode": head[40:48].decode().strip(),
        }
        found[_unique(name.rstrip("/") or name, found)] = Member(content, facts)
        at += AR_HEADER + size + size % 2
    return found


def _unique(name: str, found: Members) -> str:
    if len(found) > MEMBERS:
        raise ValueError("too many members")
    new, count = name, 1
    while new in found:
        count += 1
        new = f"{name} ({count})"
    return new


# ---- ELF, .pyc ----------------------------------------------------------------------------


def section_at(data: bytes, offset: int) -> str:
    """Return what part of an ELF or .pyc file an offset is in, or ""."""
    if data[:4] == b"\x7fELF" and data[5:6] == b"\x01":
        try:
            return _elf_section(data, offset)
        except (struct.error, IndexError, ValueError):
            return ""
    if data[2:4] == b"\r\n" and 4 <= offset < 16:
        return (
            "the .pyc's header: "
            + ("flags", "source's time or hash", "source's size")[(offset - 4) // 4]
        )
    return ""


def _elf_section(data: bytes, offset: int) -> str:
    if offset < (64 if data[4] == 2 else 52):
        return "the ELF header"
    for name, start, length in _elf_rows(data):
        if start <= offset < start + length:
            return f"section {name}"
    return ""


def _elf_rows(data: bytes) -> "list[tuple[str, int, int]]":
    """Return name, offset and length of each section that has bytes in the file."""
    wide = data[4] == 2
    table = struct.unpack_from("<Q" if wide else "<I", data, 40 if wide else 32)[0]
    size, count, names_at = struct.unpack_from("<HHH", data, 58 if wide else 46)
    rows = [
        struct.unpack_from("<IIQQQQ" if wide else "<IIIIII", data, table + index * size)
        for index in range(count)
    ]
    names = rows[names_at][4]
    found = []
    for name, kind, _flags, _address, start, length in rows:
        if kind not in (0, 8):  # SHT_NULL, SHT_NOBITS: nothing in the file
            end = data.index(0, names + name)
            found.append((data[names + name : end].decode("latin-1"), start, length))
    return found


def _elf(data: bytes) -> Members:
    """Return the sections as members: one that grew moves all that follow, which says nothing."""
    if data[5:6] != b"\x01":
        raise ValueError("big-endian")
    found: Members = {}
    for name, start, length in _elf_rows(data):
        found[_unique(f"section {name}", found)] = Member(data[start : start + length])
    return found


_READERS = (
    (b"\x1f\x8b\x08", 0, _gzip),
    (b"\xfd7zXZ\0", 0, _xz),
    (b"BZh", 0, _bzip2),
    (b"PK\x03\x04", 0, _zip),
    (AR_MAGIC, 0, _ar),
    (b"\x7fELF", 0, _elf),
    (b"ustar", 257, _tar),
)
