"""Show how a build goes on: on a terminal the running step with its last lines, elsewhere lines.

On a terminal what a program writes is shown in a few lines that the next ones push away, and as a
whole only where the step fails.
"""

import os
import time

from wardian.build import events
from wardian.cli import progress, render

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wardian.build.events import Event, Step

KINDS = ("auto", "plain", "tty", "quiet")
_REDRAW_S = 0.1
_TAIL_LINES = 6
_KEPT_BYTES = 256 << 10


class Quiet:
    """Shows nothing."""

    def __call__(self, event: "Event") -> None:
        """Take an event."""

    def close(self) -> None:
        """End."""


class Plain:
    """A line for each step, and what its program writes."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._is_open = False  # the last line has no end yet
        self._transfer = progress.Lines(fd=fd)

    def __call__(self, event: "Event") -> None:
        """Take an event."""
        if event.kind == events.OUTPUT:
            self._write(event.data)
        elif event.kind == events.TRANSFER:
            self._transfer(event.transfer)  # type: ignore[arg-type]
        elif event.step is not None:
            self._line(_head(event.step), event)

    def _line(self, head: str, event: "Event") -> None:
        if self._is_open:
            render.out("\n", self._fd)
            self._is_open = False
        if event.kind == events.STARTED:
            render.out(render.line(head) + "\n", self._fd)
        elif event.kind == events.CACHED:
            render.out("  found in the cache\n", self._fd)

    def _write(self, data: bytes) -> None:
        render.out(data.decode("utf-8", "surrogateescape"), self._fd)
        self._is_open = not data.endswith(b"\n")

    def close(self) -> None:
        """End."""


class Terminal:
    """Steps that are done, one a line, and under them the one that goes on."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._step: Step | None = None
        self._started_s = 0.0
        self._output = bytearray()
        self._drawn = 0
        self._next_s = 0.0
        self._bars: progress.Bars | None = None

    def __call__(self, event: "Event") -> None:
        """Take an event."""
        if event.kind == events.TRANSFER:
            self._pulled(event)
            return
        if event.kind == events.STARTED:
            self._step, self._started_s = event.step, time.monotonic()
            self._output.clear()
            self._next_s = self._started_s  # it may be silent for long
        elif event.kind == events.OUTPUT:
            self._output += event.data
            if len(self._output) > _KEPT_BYTES:
                del self._output[: -_KEPT_BYTES // 2]
        elif event.step is not None:
            self._done(event)
            return
        if time.monotonic() >= self._next_s:
            self._draw()

    def _pulled(self, event: "Event") -> None:
        if self._bars is None:
            self._erase()
            self._bars = progress.Bars(fd=self._fd)
        self._bars(event.transfer)  # type: ignore[arg-type]

    def _done(self, event: "Event") -> None:
        self._erase()
        if self._bars is not None:
            self._bars.close()
            self._bars = None
        assert event.step is not None
        how = "cached" if event.kind == events.CACHED else f"{event.seconds:.1f}s"
        self._put(_head(event.step), how)
        self._step = None

    def _columns(self) -> int:
        try:
            return os.get_terminal_size(self._fd).columns or render.WIDTH
        except OSError:
            return render.WIDTH

    def _put(self, head: str, how: str) -> None:
        room = self._columns() - len(how) - 2
        render.out(f"{render.line(head)[:room]:<{room}} {how}\n", self._fd)

    def _erase(self) -> None:
        if self._drawn:
            render.out(f"\033[{self._drawn}A\r\033[J", self._fd)
            self._drawn = 0

    def _draw(self) -> None:
        if self._step is None:
            return
        self._erase()
        columns = self._columns()
        self._put(_head(self._step), f"{time.monotonic() - self._started_s:.1f}s")
        tail = bytes(self._output[-8192:]).decode("utf-8", "replace").splitlines()[-_TAIL_LINES:]
        for text in tail:
            render.out(f"  {render.line(text.expandtabs())[: columns - 3]}\n", self._fd)
        self._drawn = 1 + len(tail)
        self._next_s = time.monotonic() + _REDRAW_S

    def close(self) -> None:
        """End; of a step that failed, show all that it wrote."""
        self._erase()
        if self._bars is not None:
            self._bars.close()
        if self._step is not None:
            self._put(_head(self._step), "failed")
            render.out(bytes(self._output).decode("utf-8", "surrogateescape"), self._fd)
            if self._output and not self._output.endswith(b"\n"):
                render.out("\n", self._fd)


def _head(step: "Step") -> str:
    width = len(str(step.total))
    stage = f" {step.stage}" if not step.stage.isdecimal() else ""
    return f"[{step.number:>{width}}/{step.total}{stage}] {step.text}"


def reporter(kind: str, fd: int) -> "Quiet | Plain | Terminal":
    """Return what shows a build.

    Args:
        kind: one of KINDS.
        fd: where to.
    """
    if kind == "quiet":
        return Quiet()
    fits = os.isatty(fd) and os.environ.get("TERM", "dumb") != "dumb"
    return Terminal(fd) if kind == "tty" or (kind == "auto" and fits) else Plain(fd)
