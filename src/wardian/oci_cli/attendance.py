"""Attend a process in the foreground: pass signals on, serve its terminal, end as it ends.

Kernel: signal(7), poll(2), pidfd_send_signal(2).
"""

import os
import select

from wardian.kernel import processes
from wardian.kernel.signals import Bell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wardian.kernel.terminals import Proxy
    from wardian.runtime.launch import Launch

SIGWINCH = 28


def bell() -> Bell:
    """Return the bell, rung from now on: a signal may come before the process is there."""
    found = Bell()
    found.__enter__()
    return found


def attend(started: "Launch", heard: Bell, terminals: "list[int]") -> int:
    """Stay until a process has ended; returns its exit code, 128+n for a signal.

    Args:
        started: the process.
        heard: entered before its start.
        terminals: the master of its pseudo-terminal, if it has one.
    """
    if terminals:
        from wardian.kernel import terminals as kernel_terminals

        source = 0 if os.isatty(0) else -1
        proxy = kernel_terminals.Proxy(terminals[0], 0, 1)
        _follow_window(proxy)
        if source >= 0:
            with kernel_terminals.RawMode(source):
                _attend(started, heard, proxy)
        else:
            _attend(started, heard, proxy)
        proxy.drain()
    else:
        _attend(started, heard, None)
    outcome = started.wait()
    started.close()
    code = os.waitstatus_to_exitcode(outcome.status) if outcome is not None else 1
    return code if code >= 0 else 128 - code


def _follow_window(proxy: "Proxy") -> None:
    from wardian.kernel import terminals

    terminals.copy_window_size(0, proxy.master)


def _attend(started: "Launch", heard: Bell, proxy: "Proxy | None") -> None:
    while started.outcome is None:
        poll = select.poll()
        poll.register(heard.fd, select.POLLIN)
        poll.register(started.fileno(), select.POLLIN)
        for fd, events in proxy.watched() if proxy is not None else ():
            poll.register(fd, events)
        for fd, events in poll.poll():
            if fd == heard.fd:
                for number in heard.heard():
                    if number == SIGWINCH and proxy is not None:
                        _follow_window(proxy)
                    else:
                        processes.send_signal(started.pidfd, number)
            elif fd == started.fileno():
                started.news()
            elif proxy is not None and proxy.owns(fd):
                proxy.handle(fd, events)
