"""Show how a check goes on: on a terminal the runs that are done, and the one that goes on.

A run may be silent for minutes, so the time is drawn by a thread of its own. Elsewhere nothing is
shown: the report says all.
"""

import os
import time

from wardian.cli import progress, render

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

STDERR = 2
_REDRAW_S = 1.0
_CLEAR = "\r\033[K"


class Nothing:
    """Shows nothing."""

    def __call__(self, words: str, runs: int) -> None:
        """Take what is run now."""

    def __enter__(self) -> "Nothing":
        return self

    def __exit__(self, *_error: object) -> None:
        pass


class Runs:
    """A line for each run; use it in a `with` statement, and call it as each run begins.

    Args:
        fd: a terminal.
        clock: tells the time in seconds.
    """

    def __init__(self, fd: int = STDERR, clock: "Callable[[], float]" = time.monotonic) -> None:
        import threading

        self._fd, self._clock = fd, clock
        self._words = ""
        self._run = 0
        self._started_s = 0.0
        self._usual_s = 0.0  # how long the first one took
        self._guard = threading.Lock()
        self._over = threading.Event()

    def __call__(self, words: str, runs: int) -> None:
        """Take what is run now, and how many runs there were before."""
        with self._guard:
            self._finish()
            self._words, self._run, self._started_s = words, runs + 1, self._clock()
            self._draw()

    def __enter__(self) -> "Runs":
        import threading

        threading.Thread(target=self._tick, name="progress", daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._over.set()
        with self._guard:
            self._finish()

    def _tick(self) -> None:
        while not self._over.wait(_REDRAW_S):
            with self._guard:
                if self._words and not self._over.is_set():
                    self._draw()

    def _finish(self) -> None:
        """Write the line of a run that is done."""
        if not self._words:
            return
        took_s = self._clock() - self._started_s
        self._usual_s = self._usual_s or took_s
        self._line(f"{took_s:.1f}s", "\n")
        self._words = ""

    def _draw(self) -> None:
        spent = progress.clock(self._clock() - self._started_s)
        usual = f" of about {progress.clock(self._usual_s)}" if self._usual_s >= 1 else ""
        self._line(spent + usual, "")

    def _line(self, how: str, end: str) -> None:
        try:
            columns = os.get_terminal_size(self._fd).columns or render.WIDTH
        except OSError:
            columns = render.WIDTH
        room = max(0, columns - len(how) - 2)
        head = render.line(f"run {self._run}: {self._words}")[:room]
        render.out(f"{_CLEAR}{head:<{room}} {how}{end}", self._fd)


def reporter(*, quiet: bool, fd: int = STDERR) -> "Runs | Nothing":
    """Return what shows a check: lines on a terminal, nothing elsewhere."""
    fits = os.isatty(fd) and os.environ.get("TERM", "dumb") != "dumb"
    return Runs(fd) if fits and not quiet else Nothing()
