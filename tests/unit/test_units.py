"""Sizes, durations and shares, as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardian import units
from wardian.errors import UsageError


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("0", 0),
        ("4096", 4096),
        ("1b", 1),
        ("64m", 64 << 20),
        ("64M", 64 << 20),
        ("64mb", 64 << 20),
        ("64MiB", 64 << 20),
        ("1.5g", 3 << 29),
        ("2t", 2 << 40),
        (" 7k ", 7 << 10),
        (512, 512),
    ],
)
def test_a_size_is_read_as_docker_reads_it(text: str, count: int) -> None:
    assert units.parse_size(text) == count


@pytest.mark.parametrize(
    "text", ["", "m", "64x", "-1", "1e3", "0x10", "1.2.3", ".", "64ib", "64bb", "9999999999t", "٣m"]
)
def test_what_is_no_size_is_named(text: str) -> None:
    with pytest.raises(UsageError) as found:
        units.parse_size(text, "memory")
    assert f'memory "{text}"' in str(found.value)
    assert found.value.hint


@given(st.integers(0, 1 << 40), st.sampled_from(["b", "k", "KB", "m", "MiB", "g"]))
def test_a_size_is_its_number_times_its_unit(number: int, unit: str) -> None:
    power = {"b": 0, "k": 1, "m": 2, "g": 3}[unit[0].lower()]
    count = number * 1024**power
    if count <= units.LARGEST:
        assert units.parse_size(f"{number}{unit}") == count


@given(st.text(max_size=12))
def test_a_size_is_read_or_refused_but_never_anything_else(text: str) -> None:
    try:
        assert 0 <= units.parse_size(text) <= units.LARGEST
    except UsageError:
        pass


def test_sizes_are_printed_for_people() -> None:
    assert units.format_size(0) == "0B"
    assert units.format_size(1023) == "1023B"
    assert units.format_size(64 << 20) == "64.0MiB"
    assert units.format_size(3 << 49) == "1536.0TiB"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("2.5", 2.5), ("500ms", 0.5), ("1m30s", 90), ("1h", 3600), ("1.5h", 5400)],
)
def test_a_duration_is_seconds_or_go_s_words(text: str, seconds: float) -> None:
    assert units.parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "x", "-1", "1x", "s", "1m30", "ms", "inf", "nan", "9" * 30])
def test_what_is_no_duration_is_named(text: str) -> None:
    with pytest.raises(UsageError, match="timeout"):
        units.parse_duration(text, "timeout")


@given(st.integers(0, 99), st.integers(0, 59), st.integers(0, 59), st.integers(0, 999))
def test_a_duration_is_the_sum_of_its_parts(h: int, m: int, s: int, ms: int) -> None:
    seconds = units.parse_duration(f"{h}h{m}m{s}s{ms}ms")
    assert seconds == pytest.approx(3600 * h + 60 * m + s + ms / 1000)


@given(st.text("0123456789.hmsnuµ-", max_size=12))
def test_a_duration_is_bounded(text: str) -> None:
    try:
        assert 0 <= units.parse_duration(text) <= units.LONGEST_S
    except UsageError:
        pass


@pytest.mark.parametrize(("text", "quota"), [("1", 100000), ("1.5", 150000), ("0.01", 1000)])
def test_processors_are_a_quota(text: str, quota: int) -> None:
    assert units.parse_cpus(text) == quota


@pytest.mark.parametrize("text", ["0", "0.001", "", "-1", "two", "9" * 20])
def test_what_is_no_number_of_processors_is_named(text: str) -> None:
    with pytest.raises(UsageError, match="cpus"):
        units.parse_cpus(text)


@given(st.integers(-100, 100))
def test_an_integer_is_within_its_bounds(number: int) -> None:
    if -5 <= number <= 50:
        assert units.parse_integer(str(number), "x", -5, 50) == number
    else:
        with pytest.raises(UsageError, match="from -5 to 50"):
            units.parse_integer(str(number), "x", -5, 50)


@pytest.mark.parametrize("text", ["", "-", "--5", "+5", "1.0", "٣", "9" * 5000])
def test_what_is_no_integer_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        units.parse_integer(text, "x", -1 << 99, 1 << 99)
