"""Attend a running box: pass signals on, serve its terminal, keep its deadlines.

Facts about signals here
------------------------
All signals that a person sends go to the program (docker: --sig-proxy). SIGTERM means "stop": the
program gets --stop-signal, and after --stop-timeout the whole box gets SIGKILL. What the caller
ignores (nohup, a background job of a shell) stays ignored. SIGTSTP and its like keep their meaning
for the command itself: a box is a session of its own, in which they would do nothing.

Kernel: signal(7), poll(2).
"""

import select
import time

from wardian.cli import render

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wardian.engine.container import Container
    from wardian.engine.result import Result
    from wardian.kernel.signals import Bell
    from wardian.kernel.terminals import Proxy

SIGTERM = 15
SIGWINCH = 28
KILL = 9
POLL_MAX_MS = (1 << 31) - 1  # poll(2) takes an int


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
        self,
        container: "Container",
        bell: "Bell",
        *,
        proxy: "Proxy | None" = None,
        window: int = -1,
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
