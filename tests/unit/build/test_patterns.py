"""Globs, and what an ignore file leaves out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardian.build import patterns
from wardian.build.patterns import Ignore
from wardian.errors import SpecError


@pytest.mark.parametrize(
    ("pattern", "fits", "fits_not"),
    [
        ("*.txt", ["a.txt", ".txt"], ["d/a.txt", "a.txt.gz"]),
        ("a?c", ["abc"], ["ac", "a/c"]),
        ("[a-c]x", ["ax", "cx"], ["dx"]),
        ("[^a-c]x", ["dx"], ["ax", "/x"]),
        ("**/x", ["x", "a/x", "a/b/x"], ["xx", "a/xx"]),
        ("a/**", ["a/b", "a/b/c"], ["b"]),
        ("a\\*b", ["a*b"], ["axb"]),
        ("a[]]b", ["a]b"], ["ab"]),
        ("a+(b).c", ["a+(b).c"], ["aab.c"]),
    ],
)
def test_what_fits_a_pattern(pattern: str, fits: list[str], fits_not: list[str]) -> None:
    regular = patterns.compiled(pattern)
    assert [name for name in fits if not regular.fullmatch(name)] == []
    assert [name for name in fits_not if regular.fullmatch(name)] == []


@pytest.mark.parametrize("pattern", ["[a", "a\\", "[b-a]"])
def test_what_is_no_pattern(pattern: str) -> None:
    with pytest.raises(ValueError):
        patterns.compiled(pattern)


@given(st.text(alphabet="ab/*?[]^-\\.", max_size=12))
def test_whatever_comes_is_a_pattern_or_refused(text: str) -> None:
    try:
        patterns.compiled(text)
    except ValueError as error:
        assert str(error)


@given(st.text(alphabet="abc./*?[\\", min_size=1, max_size=12))
def test_a_name_with_each_letter_escaped_fits_itself_alone(name: str) -> None:
    regular = patterns.compiled("".join(f"\\{letter}" for letter in name))
    assert regular.fullmatch(name)
    assert not regular.fullmatch(name + "x")


def test_the_last_line_that_fits_decides() -> None:
    ignore = Ignore(["# why", "", "*.md", "!README.md", "docs", "!docs/keep", "/x/", "**/*.o"], "i")
    assert ignore.leaves_out("a.md")
    assert not ignore.leaves_out("README.md")
    assert not ignore.leaves_out("d/a.md")
    assert ignore.leaves_out("docs/a/b")
    assert not ignore.leaves_out("docs/keep")
    assert ignore.leaves_out("x/y")
    assert ignore.leaves_out("a/b/c.o")
    assert not ignore.prunes("docs")


def test_a_bad_line_is_named() -> None:
    with pytest.raises(SpecError, match=r"ignore:2: "):
        Ignore(["a", "[x"], "ignore")
