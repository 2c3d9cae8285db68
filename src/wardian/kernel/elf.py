"""Read what a dynamic loader reads: ELF headers and the cache of ldconfig.

All of it is hostile input: every size is bounded before it is read, every offset is looked up, and
a file that is not right is a SpecError.

Facts about ELF files
---------------------
The loader uses only program headers: PT_INTERP names it, PT_DYNAMIC holds numbers, and the strings
lie at a *virtual address* (DT_STRTAB) that the PT_LOAD segments translate to a place in the file.
DT_RUNPATH switches DT_RPATH off. A program without PT_INTERP is started as it is (static,
static-pie, the loader itself).

Facts about ld.so.cache
-----------------------
The new format ("glibc-ld.so.cache1.1") may follow the old one in the same file. Its offsets count
from its own header. An entry with bit 62 of `hwcap` lies in a glibc-hwcaps directory. The flags
that tell word size and ABI differ from machine to machine; looking at the library itself is surer.

Source: glibc, elf/elf.h, sysdeps/generic/dl-cache.h, elf/cache.c.
Kernel: elf(5), ld.so(8), ldconfig(8).
"""

import os
import struct

from wardian import errors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

MAGIC = b"\x7fELF"

# elf.h
ET_EXEC = 2
ET_DYN = 3
PT_LOAD = 1
PT_DYNAMIC = 2
PT_INTERP = 3
DT_NULL = 0
DT_NEEDED = 1
DT_STRTAB = 5
DT_STRSZ = 10
DT_SONAME = 14
DT_RPATH = 15
DT_RUNPATH = 29
DT_FLAGS_1 = 0x6FFFFFFB
DT_AUXILIARY = 0x7FFFFFFD
DT_FILTER = 0x7FFFFFFF
DF_1_NODEFLIB = 0x800
_NAME_TAGS = frozenset((DT_NEEDED, DT_SONAME, DT_RPATH, DT_RUNPATH, DT_AUXILIARY, DT_FILTER))

_PHDRS_MAX = 1024
_DYNAMIC_BYTES = 1 << 20
_STRING_BYTES = 4096  # PATH_MAX
_NAMES_MAX = 4096
_CACHE_BYTES = 64 << 20
_CACHE_MAGIC = b"glibc-ld.so.cache1.1"
_CACHE_HEADER_BYTES = 48
_CACHE_ENTRY_BYTES = 24
_OLD_CACHE_MAGIC = b"ld.so-1.7.0\x00"

# What follows e_ident, by word size.
_HEADERS = {1: "HHIIIIIHHHHHH", 2: "HHIQQQIHHHHHH"}


class Elf:
    """What the loader needs to know about one file.

    Attributes:
        abi: (word size 1 or 2, byte order 1 or 2, machine); a library must agree with its program.
        type: ET_EXEC, ET_DYN ...
        interpreter: the loader's path, "" where there is none.
        needed: DT_NEEDED, in order; `optional` are those it can do without (DT_AUXILIARY).
        soname: its name for others, "" where it has none.
        rpath, runpath: the search paths as they are written.
        no_default_dirs: DF_1_NODEFLIB.
    """

    __slots__ = (
        "abi",
        "interpreter",
        "needed",
        "no_default_dirs",
        "optional",
        "rpath",
        "runpath",
        "soname",
        "type",
    )

    def __init__(self, abi: "tuple[int, int, int]", kind: int) -> None:
        self.abi = abi
        self.type = kind
        self.interpreter = ""
        self.needed: list[str] = []
        self.optional: list[str] = []
        self.soname = ""
        self.rpath = ""
        self.runpath = ""
        self.no_default_dirs = False


def read(path: str) -> "Elf | None":
    """Return what a file says; None where it is no ELF file.

    Raises:
        SpecError: it begins as an ELF file and is none.
        KernelError: it can't be read.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError as error:
        raise errors.KernelError(f'open("{path}")', error.errno or 0) from None
    try:
        return _Reader(fd).read()
    except _FaultError as fault:
        raise errors.SpecError(f'"{path}" is a broken ELF file: {fault}') from None
    except OSError as error:
        raise errors.KernelError(f'read("{path}")', error.errno or 0) from None
    finally:
        os.close(fd)


def machine(path: str) -> "tuple[int, int, int] | None":
    """Return a file's abi, looking at its first bytes only; None where it is no ELF file."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError:
        return None
    try:
        return _abi(os.pread(fd, 20, 0))
    except OSError:
        return None
    finally:
        os.close(fd)


class _FaultError(Exception):
    """Something in the file is wrong."""


def _abi(head: bytes) -> "tuple[int, int, int] | None":
    if len(head) < 20 or head[:4] != MAGIC or head[4] not in _HEADERS or head[5] not in (1, 2):
        return None
    return head[4], head[5], int.from_bytes(head[18:20], "little" if head[5] == 1 else "big")


class _Reader:
    __slots__ = ("_bits", "_fd", "_loads", "_order")

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._loads: list[tuple[int, int, int]] = []  # address, offset, size in the file
        self._bits = 2
        self._order = "<"

    def read(self) -> "Elf | None":
        head = os.pread(self._fd, 64, 0)
        if head[:4] != MAGIC:
            return None
        abi = _abi(head)
        if abi is None:
            raise _FaultError("unknown word size or byte order")
        self._bits = abi[0]
        self._order = "<" if abi[1] == 1 else ">"
        form = self._order + _HEADERS[self._bits]
        if len(head) < 16 + struct.calcsize(form):
            raise _FaultError("the header is cut off")
        fields = struct.unpack_from(form, head, 16)
        found = Elf(abi, fields[0])
        dynamic = self._program_headers(found, fields[4], fields[8], fields[9])
        if dynamic:
            self._dynamic(found, *dynamic)
        return found

    def _program_headers(
        self, found: Elf, start: int, size: int, count: int
    ) -> "tuple[int, int] | None":
        """Note the segments; returns place and size of the dynamic one."""
        form = self._order + ("IIIIIIII" if self._bits == 1 else "IIQQQQQQ")
        if count > _PHDRS_MAX:
            raise _FaultError(f"{count} program headers")
        if count and size != struct.calcsize(form):
            raise _FaultError(f"program headers of {size} bytes")
        data = self._take(start, size * count, "the program headers")
        dynamic = None
        for row in struct.iter_unpack(form, data):
            kind = row[0]
            offset, address, length = (
                (row[1:3] + row[4:5]) if self._bits == 1 else row[2:4] + row[5:6]
            )
            if kind == PT_LOAD:
                self._loads.append((address, offset, length))
            elif kind == PT_INTERP and not found.interpreter:
                if not 1 < length <= _STRING_BYTES:
                    raise _FaultError(f"a loader's name of {length} bytes")
                name = self._take(offset, length, "the loader's name")
                found.interpreter = os.fsdecode(name.partition(b"\0")[0])
                if not found.interpreter:
                    raise _FaultError("the loader's name is empty")
            elif kind == PT_DYNAMIC:
                dynamic = (offset, length)
        return dynamic

    def _dynamic(self, found: Elf, offset: int, length: int) -> None:
        if length > _DYNAMIC_BYTES:
            raise _FaultError(f"a dynamic section of {length} bytes")
        form = self._order + ("II" if self._bits == 1 else "QQ")
        step = struct.calcsize(form)
        data = self._take(offset, length - length % step, "the dynamic section")
        numbers = {DT_STRTAB: 0, DT_STRSZ: 0, DT_FLAGS_1: 0}
        names: list[tuple[int, int]] = []
        for tag, value in struct.iter_unpack(form, data):
            if tag == DT_NULL:
                break
            if tag in numbers:
                numbers[tag] = value
            elif tag in _NAME_TAGS:
                names.append((tag, value))
        found.no_default_dirs = bool(numbers[DT_FLAGS_1] & DF_1_NODEFLIB)
        if len(names) > _NAMES_MAX:
            raise _FaultError(f"{len(names)} names in the dynamic section")
        start = self._place(numbers[DT_STRTAB]) if names else 0
        left = numbers[DT_STRSZ]
        for tag, value in names:
            if value >= left:
                raise _FaultError("a name outside of the string table")
            self._name(found, tag, self._string(start + value, left - value))

    @staticmethod
    def _name(found: Elf, tag: int, name: str) -> None:
        if tag in (DT_NEEDED, DT_FILTER):
            found.needed.append(name)
        elif tag == DT_AUXILIARY:
            found.optional.append(name)
        elif tag == DT_SONAME:
            found.soname = name
        elif tag == DT_RPATH:
            found.rpath = name
        else:
            found.runpath = name

    def _place(self, address: int) -> int:
        for start, offset, length in self._loads:
            if start <= address < start + length:
                return offset + address - start
        raise _FaultError("the string table lies in no segment")

    def _string(self, offset: int, left: int) -> str:
        data = self._take(offset, min(left, _STRING_BYTES), "a name", exact=False)
        end = data.find(b"\0")
        if end < 0:
            raise _FaultError("a name without an end")
        return os.fsdecode(data[:end])

    def _take(self, offset: int, size: int, what: str, *, exact: bool = True) -> bytes:
        if offset >= 1 << 62:
            raise _FaultError(f"{what} lies outside of the file")
        data = os.pread(self._fd, size, offset)
        if exact and len(data) != size:
            raise _FaultError(f"{what} lies outside of the file")
        return data


# ---- ld.so.cache --------------------------------------------------------------------------


def cache(data: bytes) -> "dict[str, list[str]]":
    """Return the paths that an ld.so.cache has for each library name, best first.

    Raises:
        SpecError: it is not in the new format, or broken.
    """
    if len(data) > _CACHE_BYTES:
        raise errors.SpecError(f"ld.so.cache has {len(data)} bytes")
    view = memoryview(data)[_cache_start(data) :]
    if len(view) < _CACHE_HEADER_BYTES or view[: len(_CACHE_MAGIC)] != _CACHE_MAGIC:
        raise errors.SpecError("ld.so.cache is not in glibc's format 1.1")
    big = view[28] & 3 == 3  # cache_file_new_flags_endian_big
    form = ">" if big else "<"
    count = struct.unpack_from(form + "I", view, 20)[0]
    if count * _CACHE_ENTRY_BYTES > len(view) - _CACHE_HEADER_BYTES:
        raise errors.SpecError(f"ld.so.cache is cut off: {count} entries")
    table = view[_CACHE_HEADER_BYTES : _CACHE_HEADER_BYTES + count * _CACHE_ENTRY_BYTES]
    found: dict[str, list[str]] = {}
    text = bytes(view)
    for _flags, key, value, _version, _hwcap in struct.iter_unpack(form + "iIIIQ", table):
        paths = found.setdefault(_cache_string(text, key), [])
        paths.append(_cache_string(text, value))
    return found


def _cache_start(data: bytes) -> int:
    """Return where the new format begins."""
    if not data.startswith(_OLD_CACHE_MAGIC):
        return 0
    # Its count stands in this machine's byte order; the new header follows aligned to 8 bytes.
    for form in ("<I", ">I"):
        if len(data) >= 16:
            count = struct.unpack_from(form, data, 12)[0]
            end = (16 + 12 * count + 7) & ~7
            if data[end : end + len(_CACHE_MAGIC)] == _CACHE_MAGIC:
                return int(end)
    return 0


def _cache_string(text: bytes, offset: int) -> str:
    end = text.find(b"\0", offset, offset + _STRING_BYTES)
    if end < 0:
        raise errors.SpecError("ld.so.cache has a name without an end")
    return os.fsdecode(text[offset:end])


def interpreter_line(head: bytes) -> "tuple[str, str] | None":
    """Return interpreter and argument of a script's first line; None where it is no script.

    The kernel looks at the first 256 bytes; all behind the interpreter is one argument.

    Raises:
        SpecError: the line names nothing, or its interpreter's name is cut off.
    """
    if head[:2] != b"#!":
        return None
    line, newline, _rest = head[2:256].partition(b"\n")
    line = line.partition(b"\0")[0].strip(b" \t")
    if not line:
        raise errors.SpecError('the line "#!" names no interpreter')
    end = min((found for found in (line.find(b" "), line.find(b"\t")) if found >= 0), default=-1)
    if end < 0:
        if not newline and len(head) >= 256:
            raise errors.SpecError('the line "#!" is longer than 255 bytes')
        return os.fsdecode(line), ""
    return os.fsdecode(line[:end]), os.fsdecode(line[end:].strip(b" \t"))


def strings_of(path: str, limit: int) -> bytes:
    """Return the first `limit` bytes of a file, to look for names in it."""
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read(limit) or b""
    except OSError as error:
        raise errors.KernelError(f'read("{path}")', error.errno or 0) from None


def items(found: Elf) -> "Iterator[tuple[str, bool]]":
    """Yield the libraries that a file needs, each with whether it must be there."""
    for name in found.needed:
        yield name, True
    for name in found.optional:
        yield name, False
