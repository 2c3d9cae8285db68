"""Numbers, records and maps of tar headers."""

import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardian import errors
from wardian.images import tar_headers
from wardian.images.tar_headers import Entry


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (b"0000644\0", 0o644),
        (b"   644 \0", 0o644),
        (b"644     ", 0o644),
        (b"\0" * 8, 0),
        (b"        ", 0),
        (b"0000017\0junk", 0o17),
        (b"\x80\0\0\0\0\0\0\x05", 5),
        (b"\xff" * 8, -1),
        (b"\xff\xff\xff\xff\xff\xff\xff\xfe", -2),
    ],
)
def test_numbers_are_octal_or_base_256(field: bytes, value: int) -> None:
    assert tar_headers.number(field) == value


@given(st.integers(-(2**63), 2**63 - 1))
def test_base_256_holds_any_number(value: int) -> None:
    field = tarfile.itn(value, 12, tarfile.GNU_FORMAT)  # type: ignore[attr-defined]
    assert tar_headers.number(field) == value


@pytest.mark.parametrize(
    "field", [b"0000648\0", b"0x1f\0\0\0\0", b"1_0\0\0\0\0\0", b"-5\0\0\0\0\0\0"]
)
def test_other_numbers_are_refused(field: bytes) -> None:
    with pytest.raises(errors.SpecError, match=r"is not an? (octal )?number"):
        tar_headers.number(field)


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=9), st.binary(max_size=120)), max_size=9))
def test_pax_records_come_back(rows: list[tuple[bytes, bytes]]) -> None:
    from wardian.images import tar_writer

    rows = [(key.replace(b"=", b"e"), value) for key, value in rows]
    data = b"".join(tar_writer._record(key, value) for key, value in rows)
    assert tar_headers.pax_records(data) == rows


@pytest.mark.parametrize(
    "data",
    [b"7 a=b", b"x a=b\n", b"99 a=b\n", b"5 a=b\n", b"6 a-b\n", b"0 \n", b"=\n", b"6 a=bc"],
)
def test_broken_pax_records_are_refused(data: bytes) -> None:
    with pytest.raises(errors.SpecError, match="a pax record has"):
        tar_headers.pax_records(data)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (b"0", 0),
        (b"1.5", 1_500_000_000),
        (b"-1.5", -1_500_000_000),
        (b"1700000000.123456789", 1_700_000_000_123_456_789),
        (b"1.1234567899", 1_123_456_789),
        (b"7.", 7_000_000_000),
    ],
)
def test_times_are_exact(text: bytes, value: int) -> None:
    assert tar_headers.pax_time_ns(text) == value


@pytest.mark.parametrize("text", [b"", b".5", b"1e5", b"1.x", b"9" * 30, b"inf"])
def test_other_times_are_refused(text: bytes) -> None:
    with pytest.raises(errors.SpecError, match="is not a time"):
        tar_headers.pax_time_ns(text)


def test_an_empty_value_changes_nothing() -> None:
    entry = Entry(tar_headers.FILE, b"name")
    tar_headers.apply_pax(entry, [(b"path", b""), (b"size", b"")])
    assert (entry.path, entry.size) == (b"name", 0)


@pytest.mark.parametrize("values", [[5], [10, 5, 3, 2], [0, 200], [90, 20], [0, 5]], ids=str)
def test_maps_that_make_no_sense_are_refused(values: list[int]) -> None:
    entry = Entry(tar_headers.FILE, b"sparse")
    entry.size, entry.stored = 100, 7
    with pytest.raises(errors.SpecError, match="sparse file"):
        tar_headers.checked_map(entry, values)


def test_a_name_in_an_error_is_printable_and_short() -> None:
    assert tar_headers.shown(b"a\n\xff\x1b") == '"a\\x0a\\xff\\x1b"'
    assert len(tar_headers.shown(b"x" * (1 << 20))) < 300


@pytest.mark.parametrize("place", [0, 100, 124, 148, 300])
def test_a_changed_header_has_a_wrong_checksum(place: int) -> None:
    block = bytearray(tarfile.TarInfo("name").tobuf(tarfile.USTAR_FORMAT))
    assert tar_headers.parse(bytes(block)).path == b"name"
    block[place] ^= 1
    with pytest.raises(errors.SpecError, match=r"checksum|is not a"):
        tar_headers.parse(bytes(block))


@pytest.mark.parametrize("fill", [0x00, 0x20, 0x7F, 0x80, 0xFF])
def test_the_checksum_is_right_for_any_bytes(fill: int) -> None:
    block = bytearray(tarfile.TarInfo("name").tobuf(tarfile.USTAR_FORMAT))
    block[257:265] = bytes(8)  # no ustar: what follows means nothing
    block[265:512] = bytes([fill]) * 247
    block[0:100] = bytes([fill or 1]) * 100
    block[148:156] = b"%06o\0 " % (sum(block[:148]) + sum(block[156:]) + 8 * 0x20)
    assert tar_headers.parse(bytes(block)).path == bytes([fill or 1]) * 100
    block[511] ^= 1
    with pytest.raises(errors.SpecError, match="checksum"):
        tar_headers.parse(bytes(block))


def test_a_header_that_adds_to_the_next_tells_its_type_and_size() -> None:
    info = tarfile.TarInfo("pax")
    info.type, info.size = tarfile.XHDTYPE, 1234
    block = bytearray(info.tobuf(tarfile.USTAR_FORMAT))
    assert tar_headers.extension(bytes(block)) == (b"x", 1234)
    block[0] ^= 1
    with pytest.raises(errors.SpecError, match="checksum"):
        tar_headers.extension(bytes(block))
    assert tar_headers.extension(tarfile.TarInfo("name").tobuf(tarfile.USTAR_FORMAT)) == (b"", 0)
