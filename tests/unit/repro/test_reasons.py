"""What a difference looks like, and what is guessed from it."""

import time

from wardian.repro.check import Difference
from wardian.repro.compare import compare
from wardian.repro.conditions import CONTROL
from wardian.repro.reasons import ADVICE, advice, reasons
from wardian.repro.variations import NAMES, VARIATIONS, Surroundings, vary

CLOCKED = CONTROL.but(clock_s=1_700_000_000)


def guess(one: bytes, other: bytes, *causes: str) -> list[str]:
    varied = vary(CLOCKED, [NAMES[name] for name in causes], Surroundings())
    difference = Difference(
        path="out",
        causes=[(name,) for name in causes],
        control_conditions=CLOCKED,
        varied_conditions=varied,
    )
    return [found for part in compare(one, other) for found in reasons(part, difference)]


def test_lines_in_another_order_are_read_by_their_cause() -> None:
    lines = b"a\nB\nc\n", b"B\na\nc\n"
    assert guess(*lines, "locale") == [
        "the same lines in another order: sorted by the locale's rules"
    ]
    assert "directory lists" in guess(*lines, "file_order")[0]
    assert "race" in guess(*lines, "concurrency")[0]
    assert "something random" in guess(*lines)[0]


def test_words_in_another_order_are_seen_within_a_line() -> None:
    assert "set or dict" in guess(b"{'a', 'b'}", b"{'b', 'a'}", "hash_seed")[0]


def test_stamps_of_the_worlds_clocks_are_seen() -> None:
    assert "seconds since 1970" in guess(b"at 1700000000", b"at 1732253587", "time")[0]
    packed = [value.to_bytes(4, "little") for value in (1_700_000_000, 1_732_253_587)]
    assert "four bytes" in guess(b"\0x" + packed[0], b"\0x" + packed[1], "time")[0]


def test_stamps_of_the_real_clock_are_seen_where_nothing_was_varied() -> None:
    now = int(time.time())
    assert "time stamp" in guess(f"{now}".encode(), f"{now + 3}".encode())[0]


def test_names_of_both_worlds_are_seen() -> None:
    assert guess(b"on wardian", b"on varied-host", "host_name")[0] == (
        'the host\'s name is in it ("varied-host")'
    )
    assert (
        "build path"
        in guess(b"/build/source/x", b"/srv/wardian-varied/another/source-tree/x", "build_path")[0]
    )


def test_random_ids_are_told_from_random_bytes() -> None:
    ids = b"1b4e28ba-2fa1-11d2-883f-0016d3cca427", b"6fa459ea-ee8a-3ca4-894e-db77e160355e"
    assert guess(*ids) == ["a random id (UUID)"]
    assert "hexadecimal" in guess(b"0123456789abcdef01", b"fedcba987654321001")[0]
    assert "random bytes" in guess(bytes(16), b"\xff\0" * 8)[0]


def test_digits_of_arithmetic_are_told_from_other_numbers() -> None:
    assert "last digits" in guess(b"x = 0.30000000000000004", b"x = 0.3", "threads")[0]
    assert not guess(b"x = 1.5", b"x = 2.5", "threads")


def test_the_locale_s_decimal_point_is_seen() -> None:
    assert guess(b"1.5\n", b"1,5\n", "locale") == ["the locale's decimal point"]


def test_there_is_advice_for_every_variation() -> None:
    assert set(ADVICE) == {one.name for one in VARIATIONS}
    one = Difference(path="out", causes=[("time",), ("time_zone",)])
    assert advice(one) == [ADVICE["time"], ADVICE["time_zone"]]


def test_what_debian_s_programs_leave_in_an_image_has_advice() -> None:
    one = Difference(path="layer 1, RUN apt-get install -y x: var/log/dpkg.log", causes=[])
    assert advice(one) == [
        "a log: remove it in the same step, or have the clock stand still (--clock)"
    ]
    assert advice(Difference(path="layer 1, RUN x: srv/var/log/x", causes=[])) == []
