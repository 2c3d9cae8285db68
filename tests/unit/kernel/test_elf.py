"""ELF files and ld.so.cache are read as pyelftools and glibc read them; broken ones are refused."""

import os
import struct
from pathlib import Path

import pytest
from elftools.elf.dynamic import DynamicSegment
from elftools.elf.elffile import ELFFile
from elftools.elf.segments import InterpSegment
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.unit.kernel.elf_files import build, cache_file
from wardian import errors
from wardian.kernel import elf

PROGRAMS = 60


def programs() -> list[str]:
    """Return ELF files of this machine, spread over /usr/bin and the libraries."""
    found = []
    for directory in ("/usr/bin", "/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib"):
        if not os.path.isdir(directory):
            continue
        paths = [f"{directory}/{name}" for name in sorted(os.listdir(directory))]
        files = [path for path in paths if os.path.isfile(path) and elf.machine(path)]
        found += files[:: max(1, len(files) // (PROGRAMS // 2))]
    return found


def test_what_is_read_is_what_pyelftools_reads() -> None:
    paths = programs()
    assert len(paths) >= 30
    for path in paths:
        found = elf.read(path)
        assert found is not None
        with open(path, "rb") as file:
            oracle = ELFFile(file)
            assert found.abi[0] == oracle.elfclass // 32, path
            assert (found.abi[1] == 1) == oracle.little_endian, path
            assert found.type == {"ET_DYN": 3, "ET_EXEC": 2, "ET_REL": 1}[oracle.header.e_type]
            names: dict[str, list[str]] = {}
            interpreter = ""
            for segment in oracle.iter_segments():
                if isinstance(segment, InterpSegment):
                    interpreter = segment.get_interp_name()
                if isinstance(segment, DynamicSegment):
                    for tag in segment.iter_tags():
                        kind = tag.entry.d_tag
                        word = {
                            "DT_NEEDED": "needed",
                            "DT_SONAME": "soname",
                            "DT_RPATH": "rpath",
                            "DT_RUNPATH": "runpath",
                        }.get(kind)
                        if word:
                            names.setdefault(word, []).append(getattr(tag, word))
        assert found.interpreter == interpreter, path
        assert found.needed == names.get("needed", []), path
        for word in ("soname", "rpath", "runpath"):
            assert getattr(found, word) == "".join(names.get(word, [])), path


def read(tmp_path: Path, data: bytes) -> elf.Elf | None:
    path = tmp_path / "file"
    path.write_bytes(data)
    return elf.read(str(path))


@pytest.mark.parametrize("bits", [1, 2])
@pytest.mark.parametrize("order", [1, 2])
def test_both_word_sizes_and_byte_orders_are_read(tmp_path: Path, bits: int, order: int) -> None:
    names = (
        (elf.DT_NEEDED, b"liba.so"),
        (elf.DT_AUXILIARY, b"libaux.so"),
        (elf.DT_NEEDED, b"libb.so"),
        (elf.DT_SONAME, b"me"),
        (elf.DT_RUNPATH, b"$ORIGIN/../lib"),
        (elf.DT_RPATH, b"/old"),
    )
    found = read(tmp_path, build(bits=bits, order=order, names=names))
    assert found is not None
    assert found.abi == (bits, order, 62)
    assert found.interpreter == "/lib64/ld.so"
    assert list(elf.items(found)) == [("liba.so", True), ("libb.so", True), ("libaux.so", False)]
    assert (found.soname, found.rpath, found.runpath) == ("me", "/old", "$ORIGIN/../lib")


def test_what_is_no_elf_file_is_none(tmp_path: Path) -> None:
    assert read(tmp_path, b"") is None
    assert read(tmp_path, b"#!/bin/sh\n") is None
    assert elf.machine(str(tmp_path / "missing")) is None


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\x7fELF", "unknown word size"),
        (b"\x7fELF\x02\x01" + bytes(20), "cut off"),
        (build()[:80], "the program headers lies outside"),
        (build()[:-1], "the dynamic section lies outside"),
        (build(interpreter=b"x" * 5000), "a loader's name of 5001 bytes"),
        (build(interpreter=b"\0\0"), "the loader's name is empty"),
        (build(names=((1, b"y" * 5000),)), "a name without an end"),
        (build().replace(struct.pack("<QQ", elf.DT_NEEDED, 1), struct.pack("<QQ", 1, 99)), "table"),
        (build().replace(struct.pack("<H", 56), struct.pack("<H", 57)), "program headers of 57"),
    ],
)
def test_a_broken_file_is_refused_with_its_fault(tmp_path: Path, data: bytes, why: str) -> None:
    with pytest.raises(errors.SpecError, match=why):
        read(tmp_path, data)


GOOD = build()


@settings(max_examples=400, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), max_size=8))
@example([(32 + byte, 255) for byte in range(8)])
def test_any_damage_gives_a_result_or_our_error(
    tmp_path_factory: pytest.TempPathFactory, damage: list[tuple[int, int]]
) -> None:
    data = bytearray(GOOD)
    for place, value in damage:
        data[place] = value
    try:
        read(tmp_path_factory.getbasetemp(), bytes(data))
    except errors.SpecError:
        pass


# ---- ld.so.cache --------------------------------------------------------------------------


ROWS = [(b"liba.so", b"/opt/v3/liba.so"), (b"liba.so", b"/opt/liba.so"), (b"libb.so", b"/b/libb")]


@pytest.mark.parametrize("big", [False, True])
@pytest.mark.parametrize("old", [False, True])
def test_a_cache_gives_the_paths_of_a_name(big: bool, old: bool) -> None:
    found = elf.cache(cache_file(ROWS, big=big, old=old))
    assert found == {"liba.so": ["/opt/v3/liba.so", "/opt/liba.so"], "libb.so": ["/b/libb"]}


@pytest.mark.parametrize("data", [b"", b"ld.so-1.7.0\0", cache_file(ROWS)[:90], b"\0" * 100])
def test_a_broken_cache_is_refused(data: bytes) -> None:
    with pytest.raises(errors.SpecError, match=r"ld\.so\.cache"):
        elf.cache(data)


@given(st.binary(max_size=100), st.integers(0, 200))
def test_any_cache_gives_a_result_or_our_error(data: bytes, cut: int) -> None:
    whole = cache_file(ROWS)
    for text in (data, whole[:20] + data, whole[:cut] + data):
        try:
            elf.cache(text)
        except errors.SpecError:
            pass


def test_the_cache_of_this_machine_names_files_that_exist() -> None:
    if not os.path.exists("/etc/ld.so.cache"):
        pytest.skip("no /etc/ld.so.cache here")
    found = elf.cache(Path("/etc/ld.so.cache").read_bytes())
    assert "libc.so.6" in found
    assert os.path.exists(found["libc.so.6"][0])


# ---- scripts ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("head", "wanted"),
    [
        (b"#!/bin/sh\n", ("/bin/sh", "")),
        (b"#! \t/bin/sh -e  \nmore", ("/bin/sh", "-e")),
        (b"#!/usr/bin/env -S python3 -u\n", ("/usr/bin/env", "-S python3 -u")),
        (b"#!/bin/sh", ("/bin/sh", "")),
        (b"#!/bin/sh\r\n", ("/bin/sh\r", "")),
        (b"#!/bin/sh\0-x\n", ("/bin/sh", "")),
        (b"#!/bin/sh " + b"x" * 300, ("/bin/sh", "x" * 246)),
        (b"echo", None),
        (b"", None),
    ],
)
def test_the_first_line_is_read_as_the_kernel_does(
    head: bytes, wanted: tuple[str, str] | None
) -> None:
    assert elf.interpreter_line(head[:256]) == wanted


@pytest.mark.parametrize("head", [b"#!\n", b"#!   \n", b"#!/" + b"x" * 254])
def test_a_line_without_an_interpreter_is_refused(head: bytes) -> None:
    with pytest.raises(errors.SpecError, match="#!"):
        elf.interpreter_line(head)
