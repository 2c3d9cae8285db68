"""Where two files differ: bytes, lines, members of archives."""

import gzip
import io
import struct
import tarfile
import zipfile

from hypothesis import given
from hypothesis import strategies as st

from wardian.repro.compare import Part, compare, dump, ranges


def tar(mtime: int = 0, uid: int = 0, name: str = "a", content: bytes = b"x") -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        entry = tarfile.TarInfo(name)
        entry.mtime, entry.uid, entry.size = mtime, uid, len(content)
        archive.addfile(entry, io.BytesIO(content))
    return made.getvalue()


def zipped(*names: str, year: int = 2000, content: bytes = b"x") -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name in names:
            archive.writestr(zipfile.ZipInfo(name, (year, 1, 1, 0, 0, 0)), content)
    return made.getvalue()


def ar(mtime: int, content: bytes) -> bytes:
    head = f"{'a.o/':16}{mtime:<12}{0:<6}{0:<6}{'100644':8}{len(content):<10}`\n".encode()
    return b"!<arch>\n" + head + content


def whats(found: list[Part]) -> list[tuple[str, str]]:
    return [(part.where, part.what) for part in found]


def test_equal_files_have_no_places() -> None:
    assert compare(b"same", b"same") == []


def test_text_is_shown_as_a_diff() -> None:
    (part,) = compare(b"one\ntwo\n", b"one\n2\n")
    assert part.lines == ["@@ -1,2 +1,2 @@", " one", "-two", "+2"]
    assert (part.what, part.one, part.other) == ("text", b"two", b"2")


def test_bytes_are_shown_with_their_offsets() -> None:
    one = bytes(40)
    (part,) = compare(one, one[:20] + b"\1\2" + one[22:])
    assert (part.what, part.offset, part.count) == ("bytes", 20, 2)
    assert part.lines[0].startswith("-00000010  00")
    assert part.lines[1].startswith("+00000010  00 00 00 00 01 02")


def test_an_archive_s_words_about_a_member_are_compared() -> None:
    assert whats(compare(tar(mtime=1), tar(mtime=2))) == [("a", "mtime")]
    assert whats(compare(tar(uid=1), tar(uid=2))) == [("a", "uid")]
    assert whats(compare(zipped("a"), zipped("a", year=2001))) == [("a", "date")]
    assert whats(compare(ar(1, b"x\0"), ar(2, b"x\0"))) == [("a.o", "mtime")]


def test_archives_in_archives_are_looked_into() -> None:
    one, other = (gzip.compress(tar(content=text), mtime=0) for text in (b"in\n", b"out\n"))
    found = compare(tar(name="deep", content=one), tar(name="deep", content=other))
    assert whats(found) == [("deep: a", "text")]
    assert found[0].lines[-2:] == ["-in", "+out"]


def test_a_compressed_file_s_own_time_is_seen() -> None:
    one, other = (gzip.compress(b"x", mtime=when) for when in (1, 2))
    assert whats(compare(one, other)) == [("", "gzip mtime")]


def test_the_order_of_members_is_seen() -> None:
    found = compare(zipped("a", "b"), zipped("b", "a"))
    assert whats(found) == [("", "order")]


def test_a_member_that_only_one_has_is_seen() -> None:
    assert whats(compare(zipped("a", "b"), zipped("a"))) == [("b", "present")]


def test_archives_that_differ_only_in_their_wrapping_are_compared_as_bytes() -> None:
    one, other = gzip.compress(b"x" * 999, 1, mtime=0), gzip.compress(b"x" * 999, 9, mtime=0)
    assert compare(one, other)


def test_what_is_broken_is_no_archive() -> None:
    for whole in (
        tar(),
        zipped("a"),
        ar(1, b"x\0"),
        gzip.compress(b"x"),
        b"\x7fELF\2\1" + bytes(90),
    ):
        assert compare(whole[: len(whole) // 2], whole)
        assert compare(whole, whole[:9] + b"\xff" * 20 + whole[29:])


def test_a_file_that_grew_is_one_range() -> None:
    assert ranges(b"abcdef", b"abXXcdef") == [(2, 4)]
    assert ranges(b"abc", b"") == [(0, 3)]


def test_an_elf_file_is_compared_by_sections() -> None:
    def elf(text: bytes) -> bytes:
        names = b"\0.text\0.shstrtab\0"
        at = 64 + len(text)
        head = b"\x7fELF\2\1\1" + bytes(9)
        head += struct.pack(
            "<HHIQQQIHHHHHH", 2, 62, 1, 0, 0, at + len(names), 0, 64, 0, 0, 64, 3, 2
        )
        rows = bytes(64)
        rows += struct.pack("<IIQQQQIIQQ", 1, 1, 0, 0, 64, len(text), 0, 0, 0, 0)
        rows += struct.pack("<IIQQQQIIQQ", 7, 3, 0, 0, at, len(names), 0, 0, 0, 0)
        return head + text + names + rows

    assert whats(compare(elf(b"\0" * 8), elf(b"\0" * 4 + b"\1" * 8))) == [
        ("section .text", "bytes")
    ]


def test_a_dump_is_bounded() -> None:
    assert len(dump(bytes(1000), 0, 1000)) == 5


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_two_files_that_differ_always_have_a_place(one: bytes, other: bytes) -> None:
    assert bool(compare(one, other)) == (one != other)


@given(st.binary(min_size=1, max_size=200), st.integers(0, 199), st.integers(1, 255))
def test_every_changed_byte_is_in_a_range(data: bytes, at: int, flip: int) -> None:
    at %= len(data)
    other = data[:at] + bytes([data[at] ^ flip]) + data[at + 1 :]
    assert ranges(data, other) == [(at, at + 1)]
