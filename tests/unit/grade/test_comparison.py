"""Comparing outputs: what counts in which mode, and what is said of a difference."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardian.grade.comparison import difference, shown
from wardian.grade.problem import Compare, Comparison

TOKENS, LINES = Comparison(), Comparison(mode=Compare.LINES)
EXACT, FLOAT = Comparison(mode=Compare.EXACT), Comparison(mode=Compare.FLOAT)


@pytest.mark.parametrize(
    ("how", "output", "answer"),
    [
        (TOKENS, b"1  2\n\n3", b"1 2 3\n"),
        (TOKENS, b"1\r\n2\r\n", b"1\n2\n"),
        (TOKENS, b"", b"\n"),
        (LINES, b"a  b  \n c\n\n\n", b"a  b\n c"),
        (EXACT, b"a\n", b"a\n"),
        (FLOAT, b"0.3333333 x", b"0.33333333333 x"),
        (FLOAT, b"1000000.5", b"1000000"),
        (FLOAT, b"nan inf -inf", b"NaN Infinity -inf"),
        (FLOAT, b"1e3", b"1000.0"),
        (Comparison(ignore_case=True), b"YES", b"yes"),
    ],
)
def test_equal_outputs_have_no_difference(how: Comparison, output: bytes, answer: bytes) -> None:
    assert difference(output, answer, how) == ""


@pytest.mark.parametrize(
    ("how", "output", "answer", "words"),
    [
        (TOKENS, b"1 2 4", b"1 2 3", 'word 3: found "4", expected "3"'),
        (TOKENS, b"1 2", b"1 2 3", 'word 3: ends before "3"'),
        (TOKENS, b"1 2 3", b"1 2", 'word 3: there is more than expected: "3"'),
        (TOKENS, b"YES", b"yes", 'word 1: found "YES", expected "yes"'),
        (TOKENS, b"", b"1", 'word 1: ends before "1"'),
        (LINES, b"a b", b"a  b", 'line 1: found "a b", expected "a  b"'),
        (EXACT, b"a\nb", b"a\nb\n", r'line 2: ends before "\n"'),
        (EXACT, b"a\nc\n", b"a\nb\n", r'line 2: found "c\n", expected "b\n"'),
        (FLOAT, b"1.1", b"1.2", 'word 1: found "1.1", expected "1.2"'),
        (FLOAT, b"1_0", b"10", 'word 1: found "1_0", expected "10"'),
        (FLOAT, b"nan", b"1", 'word 1: found "nan", expected "1"'),
        (FLOAT, b"0x10", b"16", 'word 1: found "0x10", expected "16"'),
    ],
)
def test_a_difference_names_its_place(
    how: Comparison, output: bytes, answer: bytes, words: str
) -> None:
    assert difference(output, answer, how) == words


@pytest.mark.parametrize("how", [TOKENS, LINES, FLOAT])
def test_an_output_far_longer_than_expected_is_wrong_unless_it_is_blank(how: Comparison) -> None:
    assert difference(b"1" + b" \n" * (1 << 20), b"1", how) == ""
    assert "more than expected" in difference(b"1" + b" \n" * (1 << 20) + b"2", b"1\n", how)
    assert "more than expected" in difference(b"1\n" + b"a " * (8 << 20), b"1\n", how)


def test_a_number_of_a_million_digits_is_no_number() -> None:
    assert difference(b"1" * 1_000_000, b"1", FLOAT).startswith("word 1: found")


def test_what_is_quoted_is_short_and_harmless() -> None:
    assert shown(b"\x1b[31m\0" + b"x" * 100) == '"\\x1b[31m\\x00' + "x" * 34 + '"...'
    assert shown("\u202eabc".encode()) == '"\\u202eabc"'
    assert shown(b"\xff") == '"\\xff"'


@given(st.binary(), st.sampled_from([TOKENS, LINES, EXACT, FLOAT]))
def test_every_output_is_equal_to_itself(content: bytes, how: Comparison) -> None:
    assert difference(content, content, how) == ""


@given(st.binary(), st.binary(), st.sampled_from([TOKENS, LINES, EXACT, FLOAT]))
def test_every_difference_is_one_printable_line(one: bytes, two: bytes, how: Comparison) -> None:
    assert difference(one, two, how).isprintable()
