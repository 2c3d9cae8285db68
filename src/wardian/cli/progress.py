"""Show how a pull or push goes on: bars on a terminal, lines elsewhere.

A bar is redrawn in place, at most ten times a second; it has a rate and the time left. Where there
are more layers than the terminal has lines, those that are done make room.
"""

import os
import time

from wardian.cli import render
from wardian.units import format_decimal_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wardian.exchange.transfer import Event

_REDRAW_S = 0.1
_WINDOW_S = 3.0
_BAR_MIN, _BAR_MAX = 5, 24
_BETWEEN = ("downloading", "uploading", "unpacking", "waiting")
WORDS = {
    "waiting": "Waiting",
    "downloading": "Downloading",
    "uploading": "Pushing",
    "unpacking": "Extracting",
    "exists": "Already exists",
    "mounted": "Mounted",
    "done": "Pull complete",
    "pushed": "Pushed",
    "loaded": "Loaded",
}
# What a line is written for where there is no terminal.
_LINES = {"exists", "mounted", "done"}


class Lines:
    """A line for each layer that is done."""

    def __init__(self, done: str = "done", fd: int = 1) -> None:
        """Begin.

        Args:
            done: the word for it in WORDS.
            fd: where to.
        """
        self._done = done
        self._fd = fd
        self._told: set[tuple[str, str]] = set()

    def __call__(self, event: "Event") -> None:
        """Take an event."""
        key = (event.digest, event.phase)
        if event.phase in _LINES and key not in self._told:
            self._told.add(key)
            word = WORDS[self._done if event.phase == "done" else event.phase]
            render.out(f"{_short(event.digest)}: {word}\n", self._fd)

    def close(self) -> None:
        """Nothing is left to be written."""


class _Row:
    """One layer's bar."""

    def __init__(self, event: "Event") -> None:
        self.event = event
        self._samples = [(time.monotonic(), event.done_bytes)]

    def take(self, event: "Event") -> None:
        now = time.monotonic()
        if event.phase != self.event.phase:
            self._samples = []
        self.event = event
        self._samples.append((now, event.done_bytes))
        while len(self._samples) > 2 and self._samples[0][0] < now - _WINDOW_S:
            del self._samples[0]

    def text(self, done: str, columns: int) -> str:
        event = self.event
        word = WORDS[done if event.phase == "done" else event.phase]
        head = f"{_short(event.digest)}: {word}"
        if event.phase not in ("downloading", "uploading") or not event.size_bytes:
            return head
        amount = f"{format_decimal_size(event.done_bytes)}/{format_decimal_size(event.size_bytes)}"
        amount += self._pace()
        room = min(_BAR_MAX, columns - len(head) - len(amount) - 4)
        if room < _BAR_MIN:
            return f"{head} {amount}"
        filled = int(min(1.0, event.done_bytes / event.size_bytes) * room)
        bar = "=" * filled + (">" if filled < room else "")
        return f"{head} [{bar:<{room}}] {amount}"

    def _pace(self) -> str:
        """Return the rate and the time left, as far as there is one."""
        first, last = self._samples[0], self._samples[-1]
        rate = (last[1] - first[1]) / (last[0] - first[0]) if last[0] > first[0] else 0.0
        if rate <= 0:
            return ""
        left_s = (self.event.size_bytes - self.event.done_bytes) / rate
        return f"  {format_decimal_size(int(rate))}/s  {clock(left_s)}"


def clock(seconds: float) -> str:
    """Return a time left: "42s", "3m05s", "2h10m"."""
    whole = int(seconds + 0.5)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"


class Bars:
    """A bar for each layer."""

    def __init__(self, done: str = "done", fd: int = 1) -> None:
        self._done = done
        self._fd = fd
        self._rows: dict[str, _Row] = {}
        self._drawn = 0
        self._next = 0.0

    def __call__(self, event: "Event") -> None:
        """Take an event."""
        row = self._rows.get(event.digest)
        if row:
            row.take(event)
        else:
            self._rows[event.digest] = _Row(event)
        if time.monotonic() >= self._next:
            self._draw()

    def close(self) -> None:
        """Draw the last state."""
        if self._rows:
            self._draw()

    def _draw(self) -> None:
        columns, lines = _size(self._fd)
        rows = list(self._rows.values())
        room = max(1, lines - 1)
        if len(rows) > room:
            busy = [row for row in rows if row.event.phase in _BETWEEN]
            rest = [row for row in rows if row not in busy]
            rows = (busy + rest[::-1])[:room]
        text = f"\033[{self._drawn}A" if self._drawn else ""
        for row in rows:
            text += f"\r{row.text(self._done, columns - 1)[: columns - 1]}\033[K\n"
        self._drawn = max(self._drawn, len(rows))
        text += "\033[K\n" * (self._drawn - len(rows))
        render.out(text, self._fd)
        self._next = time.monotonic() + _REDRAW_S


def reporter(*, quiet: bool, done: str = "done", fd: int = 1) -> "Bars | Lines | None":
    """Return what shows progress on this standard output; None for nothing.

    Args:
        quiet: nothing.
        done: what a layer that is done is called, in WORDS.
        fd: 2 for standard error instead.
    """
    if quiet:
        return None
    if os.isatty(fd) and os.environ.get("TERM", "dumb") != "dumb":
        return Bars(done, fd)
    return Lines(done, fd)


def _short(digest: str) -> str:
    return digest.partition(":")[2][:12]


def _size(fd: int) -> "tuple[int, int]":
    try:
        found = os.get_terminal_size(fd)
    except OSError:
        return 80, 24
    return found.columns or 80, found.lines or 24
