"""Variables in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardian.build.words import Expander, WordError

ENV = {"a": "1", "empty": "", "path": "/x/y/z.tar.gz", "b": "two words"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("$a", "1"),
        ("${a}b", "1b"),
        ("$ab", ""),
        ("$", "$"),
        ("$$", "$$"),
        ("a$", "a$"),
        ("\\$a", "$a"),
        ("\\\\$a", "\\1"),
        ("'$a'", "$a"),
        ('"$a"', "1"),
        ('"\\$a \\x"', "$a \\x"),
        ("\"a '$a'\"", "a '1'"),
        ("x'y'\"z\"", "xyz"),
        ("${none:-d}", "d"),
        ("${empty:-d}", "d"),
        ("${empty-d}", ""),
        ("${none-d}", "d"),
        ("${a:+s}", "s"),
        ("${none:+s}", ""),
        ("${empty+s}", "s"),
        ("${empty:+s}", ""),
        ("${none:-${a}}", "1"),
        ("${none:-$a-${b}}", "1-two words"),
        ("${a:?must}", "1"),
        ("${path#*/}", "x/y/z.tar.gz"),
        ("${path##*/}", "z.tar.gz"),
        ("${path%.*}", "/x/y/z.tar"),
        ("${path%%.*}", "/x/y/z"),
        ("${path/y/Q}", "/x/Q/z.tar.gz"),
        ("${path//[/Q}", "/x/y/z.tar.gz"),
        ("${path//\\//_}", "_x_y_z.tar.gz"),
        ("${b}", "two words"),
    ],
)
def test_what_a_word_becomes(text: str, found: str) -> None:
    assert Expander(ENV).word(text) == found


@pytest.mark.parametrize(
    ("text", "message", "offset"),
    [
        ("x'y", "a ' that is not closed", 1),
        ('x"y', 'a " that is not closed', 1),
        ("a${a", "a ${ that is not closed", 1),
        ("${}", "a variable's name is needed after ${", 2),
        ("${a!}", 'unknown modifier "!"', 3),
        ("${none:?please}", "none: please", 0),
        ("${none?}", "none: is not set", 0),
    ],
)
def test_what_is_no_word_says_where(text: str, message: str, offset: int) -> None:
    with pytest.raises(WordError) as caught:
        Expander(ENV).word(text)
    assert (str(caught.value), caught.value.offset) == (message, offset)


def test_another_escape_character() -> None:
    assert Expander(ENV, "`").word("C:\\$a`$a") == "C:\\1$a"


def test_in_the_body_of_a_heredoc_quotes_mean_nothing() -> None:
    assert Expander(ENV).body("'$a' \"$a\" \\$a \\n") == "'1' \"1\" $a \\n"


@given(st.text(alphabet="abc \"'\\$", max_size=20))
def test_what_is_quoted_comes_back_as_it_was(text: str) -> None:
    quoted = "'" + text.replace("'", "'\"'\"'") + "'"
    assert Expander({"a": "no"}).word(quoted) == text


@given(st.text(alphabet="ab${}:-+?#%/'\"\\", max_size=30))
def test_whatever_comes_is_expanded_or_refused(text: str) -> None:
    try:
        Expander({"a": "1"}).word(text)
    except WordError as error:
        assert 0 <= error.offset <= len(text)
