"""Help pages from the tables."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardian.cli import help as helping
from wardian.cli import run_options


@pytest.mark.parametrize("width", [50, 80, 120])
@pytest.mark.parametrize("command", [run_options.RUN, run_options.EXPLAIN])
def test_the_page_has_every_option_and_fits(command: object, width: int) -> None:
    page = helping.text(command, width)  # type: ignore[arg-type]
    for option in command.options():  # type: ignore[attr-defined]
        assert f"--{option.name}" in page
    assert page.endswith("\n")
    assert not page.endswith("\n\n")
    if width >= 80:
        assert max(map(len, page.splitlines())) <= width


def test_a_repeatable_option_says_so() -> None:
    page = helping.text(run_options.RUN, 100)
    assert "  -e, --env NAME[=VALUE] ..." in page
    assert "Options with ... may be repeated." in page
    assert "      --rootfs DIR  " in page


@given(st.text("ab \n", max_size=60), st.integers(1, 20))
def test_wrapping_keeps_every_word_and_the_width(words: str, width: int) -> None:
    lines = helping.wrap(words, width)
    assert " ".join(lines).split() == words.split()
    assert all(len(line) <= width or " " not in line for line in lines)


def test_names_have_their_texts_beside_them() -> None:
    assert helping.rows([("a", "x"), ("long", "y z")], 60) == ["  a     x", "  long  y z"]
