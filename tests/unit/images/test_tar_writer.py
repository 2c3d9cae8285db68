"""What we write is canonical, and everybody's tar."""

import io
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.trees import archive, entry
from wardian import errors
from wardian.images import tar_headers, tar_writer
from wardian.images.tar_headers import Entry
from wardian.images.tar_reader import Reader

NAMES = st.binary(min_size=1, max_size=300).filter(lambda name: b"\0" not in name)


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    path = draw(NAMES).strip(b"/") or b"x"
    made = Entry(draw(st.sampled_from([b"0", b"1", b"2", b"3", b"4", b"5", b"6"])), path)
    made.mode = draw(st.integers(0, 0o7777))
    made.uid = draw(st.integers(0, tar_headers.MAXIMUM_ID))
    made.gid = draw(st.integers(0, tar_headers.MAXIMUM_ID))
    made.mtime_ns = draw(st.integers(-(2**62), 2**62))
    if made.kind in (b"1", b"2"):
        made.target = draw(NAMES)
    if made.kind in (b"3", b"4"):
        made.device = (draw(st.integers(0, 4095)), draw(st.integers(0, 2**20 - 1)))
    made.xattrs = draw(
        st.dictionaries(NAMES.filter(lambda name: b"=" not in name), st.binary(), max_size=3)
    )
    return made


@given(entries())
def test_an_entry_comes_back(made: Entry) -> None:
    (found,) = Reader([archive([(made, b"")])])
    if made.kind == tar_headers.DIRECTORY:
        found.path = found.path.rstrip(b"/")
    for name in Entry.__slots__:
        if name != "offset":
            assert getattr(found, name) == getattr(made, name), name


@given(entries())
def test_tarfile_agrees(made: Entry) -> None:
    with tarfile.open(fileobj=io.BytesIO(archive([(made, b"")])), errors="surrogateescape") as tar:
        (found,) = tar
    assert found.name.encode("utf-8", "surrogateescape").rstrip(b"/") == made.path.rstrip(b"/")
    assert (found.uid, found.gid, found.mode) == (made.uid, made.gid, made.mode)


def test_what_fits_is_plain_ustar() -> None:
    made = entry(tar_headers.FILE, b"p" * 150 + b"/" + b"n" * 100, size=3)
    made.mtime_ns = 5 * 10**9
    data = archive([(made, b"abc")])
    assert len(data) == 512 + 512 + 1024
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        assert tar.getnames() == ["p" * 150 + "/" + "n" * 100]


def test_the_records_of_a_pax_header_are_sorted() -> None:
    one, other = entry(tar_headers.FILE, b"a"), entry(tar_headers.FILE, b"a")
    one.xattrs = {b"user.b": b"2", b"user.a": b"1"}
    other.xattrs = {b"user.a": b"1", b"user.b": b"2"}
    assert tar_writer.header(one) == tar_writer.header(other)


@pytest.mark.parametrize("data", [[b"ab"], [b"abcd"], [b"abc", b"d"], []])
def test_a_file_that_changes_meanwhile_is_an_error(data: list[bytes]) -> None:
    writer = tar_writer.Writer(lambda _piece: None)
    with pytest.raises(errors.StatusError, match='"a" was changed while it was packed'):
        writer.add(entry(tar_headers.FILE, b"a", size=3), data)


@pytest.mark.parametrize("length", range(90, 104))
def test_a_record_counts_its_own_length(length: int) -> None:
    record = tar_writer._record(b"k", b"v" * length)
    assert int(record.partition(b" ")[0]) == len(record)
