"""Cores as another reader understands them."""

import io
from pathlib import Path
from typing import Any

from elftools.elf.elffile import ELFFile

from wardian.kernel import elf_core

SMAPS = """\
00400000-00402000 r-xp 00000000 08:01 42                         /usr/bin/a program
Size:                  8 kB
Anonymous:             0 kB
VmFlags: rd ex mr mw me
00600000-00601000 r--p 00001000 08:01 42                         /usr/bin/a program
Anonymous:             4 kB
7f0000000000-7f0000003000 rw-p 00000000 00:00 0 
Anonymous:            12 kB
7f0000010000-7f0000011000 ---p 00000000 00:00 0 
Anonymous:             0 kB
7ffd00000000-7ffd00001000 r--p 00000000 00:00 0                  [vvar]
"""  # noqa: W291 - as the kernel writes it


def read(address: int, size: int) -> bytes:
    """Memory that says where it is; the middle page of three is not there."""
    if address <= 0x7F0000001000 < address + size:
        return (address >> 12).to_bytes(8, "little") * (max(0, 0x7F0000001000 - address) // 8)
    return (address >> 12).to_bytes(8, "little") * (size // 8)


def test_mappings_are_read_and_chosen_as_the_kernel_does() -> None:
    found = elf_core.mappings_of(SMAPS)
    assert [one.path for one in found] == ["/usr/bin/a program"] * 2 + ["", "", "[vvar]"]
    assert elf_core.choose(found, 1 << 20) == 0
    assert [one.kept for one in found] == [4096, 4096, 3 * 4096, 0, 0]
    assert elf_core.choose(found, 2 * 4096) == 3 * 4096


def test_a_core_is_read_by_others(tmp_path: Path) -> None:
    mappings = elf_core.mappings_of(SMAPS)
    elf_core.choose(mappings, 1 << 20)
    threads = [
        elf_core.Thread(7, {1: bytes(216), 2: bytes(512)}),
        elf_core.Thread(8, {1: bytes(216)}),
    ]
    about = elf_core.Process(7, b"name", b"name and arguments", bytes(16))
    path = tmp_path / "core"
    with path.open("wb") as file:
        elf_core.write(file.fileno(), mappings, threads, read, about=about, machine="x86_64")
    core = ELFFile(io.BytesIO(path.read_bytes()))
    assert core.header["e_type"] == "ET_CORE"
    segments: list[Any] = list(core.iter_segments())
    loads = [segment for segment in segments if segment["p_type"] == "PT_LOAD"]
    assert [(one["p_vaddr"], one["p_filesz"]) for one in loads[:3]] == [
        (0x400000, 4096),
        (0x600000, 4096),
        (0x7F0000000000, 3 * 4096),
    ]
    assert loads[1].data()[:8] == (0x600).to_bytes(8, "little")
    assert loads[2].data()[4096:8192] == bytes(4096)
    notes = [note["n_type"] for note in segments[0].iter_notes()]
    assert notes.count("NT_PRSTATUS") == 2
    assert {"NT_PRPSINFO", "NT_AUXV", "NT_FILE"} <= set(notes)
    (files,) = (note for note in segments[0].iter_notes() if note["n_type"] == "NT_FILE")
    assert files["n_desc"]["filename"] == [b"/usr/bin/a program"] * 2
