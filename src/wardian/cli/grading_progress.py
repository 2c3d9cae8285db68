"""How far a grading is: a line for each submission, and on a terminal a bar below them.

A line appears as its submission is graded. The bar is redrawn in place; its time left counts the
submissions graded in this run, since earlier results cost nothing.
"""

import os
import time

from wardian.cli import render
from wardian.cli.progress import clock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wardian.grade.results import SubmissionResult

NAME_LETTERS = 40
BAR_MIN, BAR_MAX = 10, 40


class Silent:
    """Shows nothing."""

    def __call__(self, result: "SubmissionResult", is_earlier: bool) -> None:
        """Take a result."""

    def close(self) -> None:
        """End."""


class Lines(Silent):
    """A line for each submission.

    Args:
        whole: how many there are.
        fd: where to.
    """

    def __init__(self, whole: int, fd: int = 1) -> None:
        self._whole, self._fd = whole, fd
        self._done = self._graded = 0
        self._started_s = time.monotonic()

    def __call__(self, result: "SubmissionResult", is_earlier: bool) -> None:
        """Take a result."""
        self._done += 1
        self._graded += not is_earlier
        self._show(line(result, is_earlier=is_earlier))

    def _show(self, text: str) -> None:
        render.out(f"{text}\n", self._fd)


class Bar(Lines):
    """Lines, and a bar below them."""

    def _show(self, text: str) -> None:
        columns = _columns(self._fd) - 1
        head = f"\r{text[:columns]}\033[K\n"
        render.out(f"{head}\r{self.bar(columns)}\033[K", self._fd)

    def bar(self, columns: int) -> str:
        """Return the bar: "[====>    ] 12/40  18s"."""
        amount = f" {self._done}/{self._whole}{self._left()}"
        room = min(BAR_MAX, columns - len(amount) - 2)
        if room < BAR_MIN:
            return amount.strip()[:columns]
        filled = self._done * room // self._whole
        bar = "=" * filled + (">" if filled < room else "")
        return f"[{bar:<{room}}]{amount}"

    def _left(self) -> str:
        if not self._graded or self._done == self._whole:
            return ""
        each_s = (time.monotonic() - self._started_s) / self._graded
        return f"  {clock(each_s * (self._whole - self._done))}"

    def close(self) -> None:
        """Leave the bar: what follows begins a line of its own."""
        render.out("\r\033[K", self._fd)


def line(result: "SubmissionResult", *, is_earlier: bool) -> str:
    """Return a result in one line."""
    name = render.line(result.name)
    if len(name) > NAME_LETTERS:
        name = f"{name[: NAME_LETTERS - 3]}..."
    points = f"{result.points:g}/{result.of:g}"
    language = f"  {result.language}" if result.language else ""
    more = "  (graded before)" if is_earlier else ""
    return f"{name:<24} {result.judgement:<14} {points:>9}{language}{more}"


def reporter(whole: int, *, quiet: bool, fd: int = 1) -> Silent:
    """Return what shows progress on this standard output.

    Args:
        whole: how many submissions there are.
        quiet: nothing.
        fd: where to.
    """
    if quiet:
        return Silent()
    if os.isatty(fd) and os.environ.get("TERM", "dumb") != "dumb":
        return Bar(whole, fd)
    return Lines(whole, fd)


def _columns(fd: int) -> int:
    try:
        return os.get_terminal_size(fd).columns or 80
    except OSError:
        return 80
