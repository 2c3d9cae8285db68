"""Archives are read as the standard library reads them, in pieces of any size."""

import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trees import archive, entry, simple, tarfile_archive
from wardian import errors
from wardian.images import tar_headers
from wardian.images.tar_reader import Reader

FORMATS = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]


def pieces(data: bytes, step: int) -> list[bytes]:
    return [data[at : at + step] for at in range(0, len(data), step)]


def read(data: bytes, step: int = 1 << 20) -> list[tuple[tar_headers.Entry, bytes]]:
    reader = Reader(pieces(data, step))
    return [(one, b"".join(reader.data())) for one in reader]


@st.composite
def members(draw: st.DrawFn) -> tuple[tarfile.TarInfo, bytes]:
    text = st.text(st.characters(blacklist_characters="\0/", blacklist_categories=["Cs"]))
    name = "/".join(draw(st.lists(text.filter(bool), min_size=1, max_size=5)))
    made = tarfile.TarInfo(name[:90])
    if not made.name.strip("/"):
        made.name = "x"
    data = draw(st.binary(max_size=2000))
    made.type = draw(st.sampled_from([tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.DIRTYPE]))
    if made.type == tarfile.SYMTYPE:
        made.linkname = draw(text.filter(bool))[:90]
    made.size = len(data) if made.type == tarfile.REGTYPE else 0
    made.mode = draw(st.integers(0, 0o7777))
    made.uid, made.gid = draw(st.integers(0, 2**21 - 1)), draw(st.integers(0, 2**21 - 1))
    made.mtime = draw(st.integers(0, 2**33 - 1))
    return made, data if made.size else b""


@given(
    st.lists(members(), max_size=6),
    st.sampled_from(FORMATS[1:]),
    st.sampled_from([1, 511, 512, 513, 10_000]),
)
def test_what_tarfile_writes_is_read(
    rows: list[tuple[tarfile.TarInfo, bytes]], kind: int, step: int
) -> None:
    data = tarfile_archive(rows, kind)
    found = read(data, step)
    assert len(found) == len(rows)
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        for (one, content), (_made, wanted), member in zip(found, rows, tar, strict=True):
            name = member.name.rstrip("/")  # it leaves one to files and links
            assert one.path.rstrip(b"/") == name.encode("utf-8", "surrogateescape")
            assert one.target == member.linkname.encode("utf-8", "surrogateescape")
            assert (one.mode, one.uid, one.gid) == (member.mode, member.uid, member.gid)
            assert one.mtime_ns == member.mtime * 10**9
            assert content == wanted
            assert data[one.offset : one.offset + len(wanted)] == wanted


@pytest.mark.parametrize("kind", FORMATS[1:])
@pytest.mark.parametrize("length", [99, 100, 101, 155, 255, 256, 257, 1000])
def test_long_names_and_targets_are_read(kind: int, length: int) -> None:
    link = tarfile.TarInfo("n" * length)
    link.type, link.linkname = tarfile.SYMTYPE, "t" * length
    ((found, _data),) = read(tarfile_archive([(link, b"")], kind))
    assert (found.path, found.target) == (b"n" * length, b"t" * length)


@pytest.mark.parametrize("kind", FORMATS[1:])
def test_a_long_name_whose_first_hundred_bytes_end_with_a_slash_is_a_files(kind: int) -> None:
    """The entry's own name is cut there, and looks like a very old directory's."""
    name = f"{'n' * 99}/file"
    made = tarfile.TarInfo(name)
    made.size = 600
    rows = [(made, b"x" * 600), (tarfile.TarInfo("next"), b"")]
    (first, data), (second, _none) = read(tarfile_archive(rows, kind))
    assert (first.kind, first.path, data) == (tar_headers.FILE, name.encode(), b"x" * 600)
    assert second.path == b"next"


def test_an_old_archive_s_directory_has_a_slash() -> None:
    old = tarfile.TarInfo("d/")
    old.type = tarfile.AREGTYPE
    ((found, _data),) = read(tarfile_archive([(old, b"")], tarfile.GNU_FORMAT))
    assert found.kind == tar_headers.DIRECTORY


def test_the_data_of_a_file_that_is_a_directory_by_its_name_is_skipped() -> None:
    odd = tarfile.TarInfo("d/")
    odd.size = 700
    rows = [(odd, b"x" * 700), (tarfile.TarInfo("next"), b"")]
    found = list(Reader([tarfile_archive(rows, tarfile.GNU_FORMAT)]))
    assert [(one.kind, one.size) for one in found] == [(b"5", 0), (b"0", 0)]


def test_the_data_that_nobody_takes_is_skipped() -> None:
    rows = [(entry(tar_headers.FILE, b"%d" % n, size=n), b"x" * n) for n in (0, 1, 512, 513, 9999)]
    assert [one.path for one in Reader([archive(rows)])] == [b"0", b"1", b"512", b"513", b"9999"]


def test_global_headers_give_defaults() -> None:
    buffer = io.BytesIO()
    with tarfile.open(
        fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT, pax_headers={"mtime": "5.5"}
    ) as tar:
        tar.addfile(tarfile.TarInfo("a"))
    ((found, _data),) = read(buffer.getvalue())
    assert found.mtime_ns == 5_500_000_000


def test_what_follows_the_end_is_read_to_its_end() -> None:
    data = archive([(entry(tar_headers.FILE, b"a"), b"")])
    reader = Reader(pieces(data + bytes(7000) + b"more", 1000))
    assert len(list(reader)) == 1
    assert reader.position == len(data) + 7004


def test_an_archive_without_its_end_is_whole() -> None:
    assert len(read(simple("a")[:-1024])) == 1
    assert read(b"") == []


@pytest.mark.parametrize("step", [100, 512, 1 << 20])
@given(st.integers(1, 72))
def test_one_cut_inside_the_last_padding_is_whole(step: int, lost: int) -> None:
    data = archive([(entry(tar_headers.FILE, b"a", size=3000), b"x" * 3000)])[:-1024]
    assert [data for _entry, data in read(data[:-lost], step)] == [b"x" * 3000]
    reader = Reader(pieces(data[:-lost], step))
    assert len(list(reader)) == 1  # nobody takes the data
    assert reader.position == len(data) - lost
    assert reader.is_cut


@pytest.mark.parametrize("step", [100, 512, 1 << 20])
@given(st.integers(73, 4000))
def test_one_cut_inside_an_entry_is_refused(step: int, lost: int) -> None:
    data = archive([(entry(tar_headers.FILE, b"a", size=3000), b"x" * 3000)])[:-1024]
    whole = len(data) - lost
    if whole <= 0:
        return
    with pytest.raises(errors.SpecError, match=r"cut short|nothing follows"):
        read(data[:whole], step)


@pytest.mark.parametrize("version", ["old", "0.0", "0.1", "1.0"])
def test_every_kind_of_sparse_file_is_read(version: str, tmp_path: object) -> None:
    import subprocess
    from pathlib import Path

    top = Path(str(tmp_path))
    with open(top / "sparse", "wb") as file:
        for number in range(40):
            file.seek(number * 20_000)
            file.write(b"%04d" % number * 300)
        file.truncate(900_001)
    flags = (
        ["--format=gnu"] if version == "old" else ["--format=posix", f"--sparse-version={version}"]
    )
    argv = ["tar", "-c", "--sparse", *flags, "-C", str(top), "sparse"]
    data = subprocess.run(argv, capture_output=True, check=True).stdout
    for step in (700, 1 << 20):
        ((found, stored),) = read(data, step)
        assert (found.path, found.size, found.kind) == (b"sparse", 900_001, tar_headers.FILE)
        content = bytearray(found.size)
        for offset, length in found.segments or []:
            content[offset : offset + length] = stored[:length]
            stored = stored[length:]
        assert bytes(content) == (top / "sparse").read_bytes()


def test_a_header_without_an_end_is_bounded() -> None:
    long = tarfile.TarInfo("././@LongLink")
    long.type, long.size = tarfile.GNUTYPE_LONGNAME, 1 << 40
    with pytest.raises(errors.SpecError, match="too long"):
        read(long.tobuf(tarfile.GNU_FORMAT))


def test_pax_headers_without_end_are_bounded() -> None:
    from wardian.images import tar_writer

    one = tar_writer._pax({b"comment": b"x" * 1_000_000}, b"x")

    def endless() -> object:
        while True:
            yield one

    with pytest.raises(errors.SpecError, match="too many pax headers"):
        list(Reader(endless()))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", [b"M", b"Z", b"A"])
def test_unknown_kinds_are_named(kind: bytes) -> None:
    strange = tarfile.TarInfo("strange")
    strange.type = kind
    with pytest.raises(errors.SpecError, match='"strange" has the unknown type'):
        read(tarfile_archive([(strange, b"")], tarfile.USTAR_FORMAT))


def test_the_size_of_a_link_is_not_believed() -> None:
    link = tarfile.TarInfo("link")
    link.type, link.linkname = tarfile.LNKTYPE, "other"
    block = bytearray(link.tobuf(tarfile.USTAR_FORMAT))
    block[124:136] = b"00000010000\0"
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    found = read(bytes(block) + simple("next"))
    assert [one.path for one, _data in found] == [b"link", b"next"]
