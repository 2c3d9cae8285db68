"""Attend a running box: pass signals on, serve its terminal, keep its deadlines.

Facts about signals here
------------------------
All signals that a person sends go to the program (docker: --sig-proxy). SIGTERM means "stop": the
program gets --stop-signal, and after --stop-timeout the whole box gets SIGKILL. What the caller
ignores (nohup, a background job of a shell) stays ignored. SIGTSTP and its like keep their meaning
for the command itself: a box is a session of its own, in which they would do nothing.

A handler of Python's runs between two instructions and can't end a system call that waits. So the
number of a signal is written to a pipe, by the C half of the handler, and poll(2) wakes up.

`import signal` costs 4 ms through enum; `_signal` is the builtin module below it.

Kernel: signal(7), poll(2).
"""

import _signal  # type: ignore[import-not-found]
import os
import select
import time

from wardian.cli import render

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

    from wardian.engine.container import Container
    from wardian.engine.result import Result
    from wardian.kernel.terminals import Proxy

SIGTERM = 15
SIGWINCH = 28
# HUP INT QUIT USR1 USR2 ALRM TERM STKFLT XCPU VTALRM PROF WINCH IO PWR, and the real-time ones that
# libc leaves to programs
FORWARDED = (1, 2, 3, 10, 12, 14, 15, 16, 24, 26, 27, 28, 29, 30, *range(34, 65))
KILL = 9
POLL_MAX_MS = (1 << 31) - 1  # poll(2) takes an int


class Bell:
    """Hears the signals that are sent to this process, for the time of a `with`.

    Attributes:
        fd: readable when there is one.
    """

    __slots__ = ("_handlers", "_wakeup", "_writer", "fd")

    def __init__(self) -> None:
        self.fd, self._writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._handlers: dict[int, Any] = {}
        self._wakeup = -1

    def __enter__(self) -> "Bell":
        self._wakeup = _signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        for number in FORWARDED:
            if _signal.getsignal(number) != _signal.SIG_IGN:
                self._handlers[number] = _signal.signal(number, _heard)
        return self

    def __exit__(
        self, _kind: "type[BaseException] | None", _error: object, _trace: "TracebackType | None"
    ) -> None:
        for number, handler in self._handlers.items():
            _signal.signal(number, handler)
        _signal.set_wakeup_fd(self._wakeup)
        os.close(self.fd)
        os.close(self._writer)

    def heard(self) -> bytes:
        """Return the numbers of the signals that came, in their order."""
        try:
            return os.read(self.fd, 256)
        except BlockingIOError:
            return b""


def _heard(_number: int, _frame: object) -> None:
    """Nothing to do: the number is in the pipe already."""


class Session:
    """One box and who attends it.

    Args:
        container: started.
        bell: entered before the start, so that no signal is lost.
        proxy: of the box's terminal, or None.
        window: the user's terminal whose size the box's follows, or -1.
    """

    __slots__ = ("_bell", "_container", "_proxy", "_said", "_stop_s", "_window")

    def __init__(
        self, container: "Container", bell: Bell, *, proxy: "Proxy | None" = None, window: int = -1
    ) -> None:
        self._container = container
        self._bell = bell
        self._proxy = proxy
        self._window = window
        self._stop_s: float | None = None
        self._said = 0

    def attend(self) -> "Result":
        """Stay until the box is gone.

        Raises:
            OSError: nobody takes the output of the box's terminal any more.
        """
        self.say_warnings()
        container, proxy = self._container, self._proxy
        while not container.ended:
            for fd, events in self._ready():
                if fd == self._bell.fd:
                    for number in self._bell.heard():
                        self._pass_on(number)
                elif proxy is not None and proxy.owns(fd):
                    proxy.handle(fd, events)
                elif not container.ended:
                    container.handle(fd)
            if not container.ended:
                self._keep_deadlines()
        if proxy is not None:
            proxy.drain()
        return container.wait()

    def _ready(self) -> "list[tuple[int, int]]":
        poll = select.poll()
        poll.register(self._bell.fd, select.POLLIN)
        for fd, events in self._container.watched():
            poll.register(fd, events)
        for fd, events in self._proxy.watched() if self._proxy is not None else ():
            poll.register(fd, events)
        return poll.poll(self._patience_ms())

    def _patience_ms(self) -> float | None:
        left = self._container.patience_s
        if self._stop_s is not None:
            stop = max(0.0, self._stop_s - time.monotonic())
            left = stop if left is None else min(left, stop)
        return None if left is None else min(left * 1000 + 1, POLL_MAX_MS)

    def _keep_deadlines(self) -> None:
        self._container.check_deadline()
        if self._stop_s is not None and time.monotonic() >= self._stop_s:
            self._container.kill(KILL)
            self._stop_s = None

    def _pass_on(self, number: int) -> None:
        if number == SIGWINCH and self._proxy is not None:
            self.follow_window()
        elif number == SIGTERM:
            self._stop()
        else:
            self._container.kill(number)

    def _stop(self) -> None:
        options = self._container.options
        if self._stop_s is None:
            self._stop_s = time.monotonic() + options.stop_timeout_s
            self._container.warn_if_deaf()
            self.say_warnings()
        self._container.kill(options.stop_signal)

    def follow_window(self) -> None:
        """Give the box's terminal the size of the user's."""
        if self._proxy is not None and self._window >= 0:
            from wardian.kernel import terminals

            terminals.copy_window_size(self._window, self._proxy.master)

    def say_warnings(self) -> None:
        """Print the container's warnings that were not printed yet."""
        for text in self._container.warnings[self._said :]:
            render.warn(text)
        self._said = len(self._container.warnings)
