"""What goes to a terminal is one clean line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardian.cli import render


@given(st.text())
def test_a_line_is_one_line_without_control_characters(text: str) -> None:
    found = render.line(text)
    assert not any(ord(letter) < 32 or 127 <= ord(letter) < 160 for letter in found)
    assert len(found) <= render.LINE_MAX * 12
    found.encode("utf-8")


def test_what_is_quoted_can_be_recognised() -> None:
    assert render.line("a\nb\x1b[31m\tc") == "a\\nb\\x1b[31m\\tc"
    assert render.line("\udcff") == "\\udcff"
    assert render.line("x" * 10000).endswith("... (10000 letters)")


def test_a_complaint_has_a_message_and_a_remedy(capsys: pytest.CaptureFixture[str]) -> None:
    render.complain("it\nbroke", "mend it")
    render.warn("beware")
    assert capsys.readouterr().err.splitlines() == [
        "wardian: it\\nbroke",
        "hint: mend it",
        "wardian: warning: beware",
    ]


def test_a_table_has_columns() -> None:
    lines = render.table(("NAME", "BASE"), [("a", "host"), ("longer", "/srv")]).splitlines()
    assert lines == ["NAME     BASE", "a        host", "longer   /srv"]


def test_bytes_come_out_as_they_were(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    render.out("é\udcff\n")
    render.json_out({"a": [1]})
    assert capfdbinary.readouterr().out == b'\xc3\xa9\xff\n{\n  "a": [\n    1\n  ]\n}\n'


def test_a_help_page_has_a_sane_width() -> None:
    assert render.NARROW <= render.width() <= render.WIDE
