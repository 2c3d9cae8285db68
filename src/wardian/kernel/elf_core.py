"""Write an ELF core of a process that stands still, as gdb reads it.

Facts about a core
------------------
- Notes first: one NT_PRSTATUS (registers) for each thread, the one of interest first; NT_PRPSINFO,
  NT_AUXV (where the loader is) and NT_FILE (which file is mapped where) once. Then the memory, one
  PT_LOAD a mapping; one whose content is left out has a file size of 0, and gdb then reads the
  mapped file.
- As core(5)'s default filter has it: private memory that was written to (the loader's lists of
  libraries are read-only by now), shared anonymous memory, and the first page of each mapped ELF
  file, which has the build id. /proc/PID/smaps tells what was written to, as "Anonymous".
- The layout of prstatus and prpsinfo is that of 64-bit machines; the registers in it are what
  PTRACE_GETREGSET gives, so nothing here knows an architecture but for MACHINES.

Kernel: core(5), elf(5), proc(5), /proc/PID/auxv; linux/elfcore.h.
"""

import os
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# linux/elf.h
ET_CORE = 4
PT_LOAD = 1
PT_NOTE = 4
NT_PRSTATUS = 1
NT_PRFPREG = 2
NT_PRPSINFO = 3
NT_AUXV = 6
NT_FILE = 0x46494C45
# linux/elf-em.h
EM_X86_64 = 62
EM_AARCH64 = 183
EM_RISCV = 243
EM_LOONGARCH = 258

MACHINES = {
    "x86_64": EM_X86_64,
    "aarch64": EM_AARCH64,
    "riscv64": EM_RISCV,
    "loongarch64": EM_LOONGARCH,
}
PAGE = 4096
CHUNK_BYTES = 1 << 20
PF_X, PF_W, PF_R = 1, 2, 4
_EHDR = struct.Struct("<16sHHIQQQIHHHHHH")
_PHDR = struct.Struct("<IIQQQQQQ")
_NAME_BYTES, _ARGUMENT_BYTES = 16, 80


class Mapping:
    """One mapping of the process.

    Attributes:
        first, end: its bounds.
        permissions: such as "rw-p".
        offset, path: of what it shows; "" for nothing.
        is_changed: some of it is no more what the file has.
        kept: how much of it is written.
    """

    __slots__ = ("end", "first", "is_changed", "kept", "offset", "path", "permissions")

    def __init__(self, line: str) -> None:
        words = line.split(None, 5)
        first, _dash, end = words[0].partition("-")
        self.first, self.end = int(first, 16), int(end, 16)
        self.permissions, self.offset = words[1], int(words[2], 16)
        self.path = words[5].rstrip("\n") if len(words) > 5 else ""
        self.is_changed = False
        self.kept = 0

    @property
    def is_file(self) -> bool:
        """It shows a file."""
        return self.path.startswith("/") and not self.path.startswith(("/memfd:", "/dev/zero"))

    @property
    def flags(self) -> int:
        """As PF_* of a program header."""
        letters = self.permissions
        return (
            (PF_R if letters[0] == "r" else 0)
            | (PF_W if letters[1] == "w" else 0)
            | (PF_X if letters[2] == "x" else 0)
        )


def mappings_of(smaps: str) -> "list[Mapping]":
    """Return the mappings that the text of /proc/PID/smaps lists."""
    found: list[Mapping] = []
    for line in smaps.split("\n"):
        head, colon, value = line.partition(":")
        if not colon or " " in head or "-" in head:
            if line.strip():
                found.append(Mapping(line))
        elif head == "Anonymous" and found:
            found[-1].is_changed = value.split()[0] != "0"
    return found


class Thread:
    """A thread, with its register sets by their NT_* kind."""

    __slots__ = ("sets", "tid")

    def __init__(self, tid: int, sets: "dict[int, bytes]") -> None:
        self.tid, self.sets = tid, sets


class Process:
    """What a core says of the process: its pid, name, arguments, and /proc/PID/auxv."""

    __slots__ = ("arguments", "auxv", "name", "pid")

    def __init__(self, pid: int, name: bytes, arguments: bytes, auxv: bytes) -> None:
        self.pid, self.name, self.arguments, self.auxv = pid, name, arguments, auxv


def choose(mappings: "Sequence[Mapping]", most_bytes: int) -> int:
    """Choose what is kept of each mapping; returns how much was left out for lack of room."""
    left = most_bytes
    lost = 0
    for one in mappings:
        size = one.end - one.first
        wanted = 0
        if one.path in ("[vvar]", "[vvar_vclock]", "[vsyscall]") or one.permissions[0] != "r":
            wanted = 0
        elif not one.is_file or one.is_changed:
            wanted = size
        elif one.offset == 0:
            wanted = min(size, PAGE)
        one.kept = min(wanted, left) // PAGE * PAGE
        left -= one.kept
        lost += wanted - one.kept
    return lost


def write(
    fd: int,
    mappings: "Sequence[Mapping]",
    threads: "Sequence[Thread]",
    read: "Callable[[int, int], bytes]",
    *,
    about: Process,
    machine: str = "",
) -> None:
    """Write a core.

    Args:
        fd: an empty file.
        mappings: as `choose` left them.
        threads: the one of interest first.
        read: reads memory: address and size.
        about: the process.
        machine: as uname has it; this one if empty.
    """
    notes = _notes(mappings, threads, about)
    headers = 1 + len(mappings)
    place = _EHDR.size + _PHDR.size * headers
    start = -(-(place + len(notes)) // PAGE) * PAGE
    number = MACHINES.get(machine or os.uname().machine, 0)
    ident = b"\x7fELF\x02\x01\x01" + bytes(9)
    head = [
        _EHDR.pack(
            *(ident, ET_CORE, number, 1, 0, _EHDR.size, 0),
            *(0, _EHDR.size, _PHDR.size, headers, 0, 0, 0),
        ),
        _PHDR.pack(PT_NOTE, 0, place, 0, 0, len(notes), 0, 4),
    ]
    at = start
    for one in mappings:
        size = one.end - one.first
        head.append(_PHDR.pack(PT_LOAD, one.flags, at, one.first, 0, one.kept, size, PAGE))
        at += one.kept
    os.write(fd, b"".join(head) + notes)
    at = start
    for one in mappings:
        _copy(fd, at, one, read)
        at += one.kept
    os.ftruncate(fd, at)


def _copy(fd: int, at: int, one: Mapping, read: "Callable[[int, int], bytes]") -> None:
    """Copy a mapping; pages of zeros and those that can't be read stay holes."""
    done = 0
    while done < one.kept:
        size = min(CHUNK_BYTES, one.kept - done)
        data = read(one.first + done, size)
        if data.strip(b"\0"):
            os.pwrite(fd, data, at + done)
        done += len(data) if len(data) == size else max(PAGE, (len(data) // PAGE + 1) * PAGE)


# ---- notes ---------------------------------------------------------------------------------


def _note(kind: int, data: bytes) -> bytes:
    padded = data + bytes(-len(data) % 4)
    return struct.pack("<III", 5, len(data), kind) + b"CORE\0\0\0\0" + padded


def _notes(mappings: "Sequence[Mapping]", threads: "Sequence[Thread]", about: Process) -> bytes:
    parts = []
    for place, thread in enumerate(threads):
        parts.append(_note(NT_PRSTATUS, _prstatus(thread)))
        if place == 0:
            parts.append(_note(NT_PRPSINFO, _prpsinfo(about)))
            parts.append(_note(NT_AUXV, about.auxv))
            parts.append(_note(NT_FILE, _files(mappings)))
        if thread.sets.get(NT_PRFPREG):
            parts.append(_note(NT_PRFPREG, thread.sets[NT_PRFPREG]))
    return b"".join(parts)


def _prstatus(thread: Thread) -> bytes:
    """`struct elf_prstatus`: signal, pids, times, registers, and whether there are floats."""
    head = struct.pack("<iiihxxQQiiii", 0, 0, 0, 0, 0, 0, thread.tid, 0, 0, 0) + bytes(64)
    has_floats = int(bool(thread.sets.get(NT_PRFPREG)))
    return head + thread.sets.get(NT_PRSTATUS, b"") + struct.pack("<ixxxx", has_floats)


def _prpsinfo(about: Process) -> bytes:
    """`struct elf_prpsinfo`."""
    words = (about.name[: _NAME_BYTES - 1], about.arguments[: _ARGUMENT_BYTES - 1])
    return struct.pack("<bcbbxxxxQIIiiii16s80s", 0, b"S", 0, 0, 0, 0, 0, about.pid, 0, 0, 0, *words)


def _files(mappings: "Sequence[Mapping]") -> bytes:
    """NT_FILE: how many, the page size, bounds and page offset of each, and their names."""
    shown = [one for one in mappings if one.is_file]
    rows = b"".join(struct.pack("<QQQ", one.first, one.end, one.offset // PAGE) for one in shown)
    names = b"".join(os.fsencode(one.path) + b"\0" for one in shown)
    return struct.pack("<QQ", len(shown), PAGE) + rows + names
