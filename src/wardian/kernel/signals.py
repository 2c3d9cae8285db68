"""Hear the signals that are sent to this process, as bytes in a pipe.

A handler of Python's runs between two instructions and can't end a system call that waits. So the
number of a signal is written to a pipe, by the C half of the handler, and poll(2) wakes up. What
the caller ignores (nohup, a background job of a shell) stays ignored.

`import signal` costs 4 ms through enum; `_signal` is the builtin module below it.

Kernel: signal(7), pipe(7).
"""

import _signal  # type: ignore[import-not-found]
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

# HUP INT QUIT USR1 USR2 ALRM TERM STKFLT XCPU VTALRM PROF WINCH IO PWR, and the real-time ones that
# libc leaves to programs
FORWARDED = (1, 2, 3, 10, 12, 14, 15, 16, 24, 26, 27, 28, 29, 30, *range(34, 65))


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
