"""Lines, and a bar on a terminal."""

import os
import pty

import pytest

from tests.unit.grade.problems import result
from wardian.cli import grade
from wardian.grade.results import Judgement


def test_a_result_is_one_harmless_line() -> None:
    evil = result("a\n\x1b[2J.py", judgement=Judgement.WRONG_ANSWER, points=0.5)
    text = grade.line(evil, is_earlier=False)
    assert text.split() == ["a\\n\\x1b[2J.py", "WRONG_ANSWER", "0.5/100", "python"]
    assert grade.line(evil, is_earlier=True).endswith("(graded before)")
    assert "..." in grade.line(result("x" * 300), is_earlier=False)


def test_without_a_terminal_there_are_lines_only(capfd: pytest.CaptureFixture[str]) -> None:
    show = grade.reporter(2, quiet=False)
    show(result("a.py"), False)
    show(result("b.py"), True)
    show.close()
    lines = capfd.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["a.py", "b.py"]
    assert "\r" not in "".join(lines)


def test_quiet_shows_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    show = grade.reporter(1, quiet=True)
    show(result(), False)
    show.close()
    assert capfd.readouterr().out == ""


def test_on_a_terminal_a_bar_stands_below_the_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    master, terminal = pty.openpty()
    try:
        show = grade.reporter(4, quiet=False, fd=terminal)
        assert "0/4" in os.read(master, 65536).decode()
        show(result("a.py"), False)
        text = os.read(master, 65536).decode()
        assert "a.py" in text
        assert "1/4" in text
        assert "[==" in text
        assert not text.endswith("\n")
        show.close()
        assert os.read(master, 100) == b"\r\x1b[K"
    finally:
        os.close(master)
        os.close(terminal)


@pytest.mark.parametrize("columns", [1, 5, 20, 80, 500])
def test_a_bar_fits_every_terminal(columns: int) -> None:
    bar = grade.Bar(1000)
    assert len(bar.bar(columns)) <= columns
