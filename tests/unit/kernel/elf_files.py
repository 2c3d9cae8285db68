"""Make ELF files and caches of ldconfig, right ones and, by a change, wrong ones."""

import struct

from wardian.kernel import elf

PT_NOTE = 4


def build(
    *,
    bits: int = 2,
    order: int = 1,
    machine: int = 62,
    interpreter: bytes = b"/lib64/ld.so",
    names: tuple[tuple[int, bytes], ...] = ((elf.DT_NEEDED, b"libc.so.6"),),
) -> bytes:
    """Make an ELF file of headers only."""
    end = "<" if order == 1 else ">"
    wide = bits == 2
    header_bytes, row_bytes, dynamic_bytes = (64, 56, 16) if wide else (52, 32, 8)
    strings = b"\0" + b"".join(name + b"\0" for _tag, name in names)
    start = header_bytes + 3 * row_bytes
    places = {"interp": start, "strings": start + len(interpreter) + 1}
    places["dynamic"] = places["strings"] + len(strings)
    base = 0x1000
    dynamic = []
    offset = 1
    for tag, name in names:
        dynamic.append((tag, offset))
        offset += len(name) + 1
    dynamic += [(elf.DT_STRTAB, base + places["strings"]), (elf.DT_STRSZ, len(strings)), (0, 0)]
    size = places["dynamic"] + len(dynamic) * dynamic_bytes

    def row(kind: int, place: int, length: int) -> bytes:
        if wide:
            return struct.pack(end + "IIQQQQQQ", kind, 4, place, base + place, 0, length, length, 8)
        return struct.pack(end + "IIIIIIII", kind, place, base + place, 0, length, length, 4, 4)

    head = b"\x7fELF" + bytes((bits, order, 1)) + bytes(9)
    word = "Q" if wide else "I"
    head += struct.pack(
        f"{end}HHI{word}{word}{word}IHHHHHH",
        *(elf.ET_DYN, machine, 1, 0, header_bytes, 0, 0, header_bytes, row_bytes, 3, 0, 0, 0),
    )
    rows = row(elf.PT_LOAD, 0, size)
    rows += row(elf.PT_INTERP if interpreter else PT_NOTE, places["interp"], len(interpreter) + 1)
    rows += row(elf.PT_DYNAMIC, places["dynamic"], len(dynamic) * dynamic_bytes)
    pairs = b"".join(struct.pack(f"{end}{word}{word}", *pair) for pair in dynamic)
    return head + rows + interpreter + b"\0" + strings + pairs


def cache_file(rows: list[tuple[bytes, bytes]], *, big: bool = False, old: bool = False) -> bytes:
    end = ">" if big else "<"
    start = 48 + 24 * len(rows)
    table = strings = b""
    for name, path in rows:
        key = start + len(strings)
        strings += name + b"\0"
        value = start + len(strings)
        strings += path + b"\0"
        table += struct.pack(end + "iIIIQ", 0x303, key, value, 0, 0)
    head = b"glibc-ld.so.cache1.1" + struct.pack(end + "II", len(rows), len(strings))
    head += bytes((3 if big else 2, 0, 0, 0)) + bytes(16)
    before = b""
    if old:
        before = b"ld.so-1.7.0\0" + struct.pack("<I", 1) + bytes(12)
        before += bytes(-len(before) % 8)
    return before + head + table + strings
