"""Pseudo-terminals and window sizes: join the user's terminal and a box's.

Facts about pseudo-terminals
----------------------------
The master reads EIO once no process has the other side open; what was written before that is read
first. A size that is set on the master sends SIGWINCH to the foreground process group, if it
differs. A terminal that was stopped with ^S takes no output: a write blocks for as long as its user
wants, so nothing is written before poll(2) says that it is taken, and then little.

Kernel: termios(3), ioctl_tty(2), pty(7).
"""

import errno
import os
import select
import termios

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

CHUNK_BYTES = 1 << 16
WRITE_BYTES = 4096  # PIPE_BUF: what a pipe that polls as writable takes without blocking
# termios(3): places in the list that tcgetattr gives
IFLAG, OFLAG, CFLAG, LFLAG, CC = 0, 1, 2, 3, 6


def window_size(fd: int) -> tuple[int, int]:
    """Return (rows, columns) of a terminal; (0, 0) where it has no size.

    Raises:
        OSError: ENOTTY, not a terminal.
    """
    rows, columns = termios.tcgetwinsize(fd)
    return rows, columns


def set_window_size(fd: int, rows: int, columns: int) -> None:
    """Set a terminal's size; its foreground process group gets SIGWINCH."""
    termios.tcsetwinsize(fd, (rows, columns))


def copy_window_size(source: int, target: int) -> None:
    """Give one terminal the size of another; nothing happens where the source is none."""
    try:
        set_window_size(target, *window_size(source))
    except (OSError, termios.error):
        pass


class RawMode:
    """A terminal in raw mode, as cfmakeraw(3) sets it, for the time of a `with`."""

    __slots__ = ("_before", "_fd")

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._before: list[Any] = []

    def __enter__(self) -> "RawMode":
        self._before = termios.tcgetattr(self._fd)
        mode = termios.tcgetattr(self._fd)
        mode[IFLAG] &= ~(
            termios.IGNBRK
            | termios.BRKINT
            | termios.PARMRK
            | termios.ISTRIP
            | termios.INLCR
            | termios.IGNCR
            | termios.ICRNL
            | termios.IXON
        )
        mode[OFLAG] &= ~termios.OPOST
        mode[LFLAG] &= ~(
            termios.ECHO | termios.ECHONL | termios.ICANON | termios.ISIG | termios.IEXTEN
        )
        mode[CFLAG] = (mode[CFLAG] & ~(termios.CSIZE | termios.PARENB)) | termios.CS8
        mode[CC][termios.VMIN], mode[CC][termios.VTIME] = 1, 0
        termios.tcsetattr(self._fd, termios.TCSANOW, mode)
        return self

    def __exit__(self, *_: object) -> None:
        # Not TCSAFLUSH: what was typed ahead is the shell's.
        try:
            termios.tcsetattr(self._fd, termios.TCSANOW, self._before)
        except termios.error:
            pass  # it was hung up


class Proxy:
    """Carries bytes between the user's standard streams and a box's terminal, piece by piece.

    Args:
        master: the box's pseudo-terminal; closed by `close`.
        source: where the user types, or -1.
        sink: where the box's output goes.

    Attributes:
        is_open: a process of the box may have the terminal open.
    """

    __slots__ = ("_inward", "_outward", "is_open", "master", "sink", "source")

    def __init__(self, master: int, source: int, sink: int) -> None:
        self.master = master
        self.source = source
        self.sink = sink
        self.is_open = True
        self._inward = b""
        self._outward = b""
        os.set_blocking(master, False)

    def watched(self) -> "list[tuple[int, int]]":
        """Return the descriptors to watch now, each with its poll(2) events."""
        rows = [(self.sink, select.POLLOUT)] if self._outward else []
        if not self.is_open:
            return rows
        events = (
            0 if self._outward else select.POLLIN
        )  # what can't be shown yet stays in the kernel
        events |= select.POLLOUT if self._inward else 0
        if events:
            rows.append((self.master, events))
        if self.source >= 0 and not self._inward:
            rows.append((self.source, select.POLLIN))
        return rows

    def owns(self, fd: int) -> bool:
        """True for a descriptor of this proxy."""
        return fd in (self.master, self.source, self.sink)

    def handle(self, fd: int, events: int) -> None:
        """Do what a watched descriptor is ready for.

        Raises:
            OSError: EPIPE or EIO: nobody takes the box's output any more.
        """
        if fd == self.sink and self._outward:
            self._show()
        elif fd == self.source:
            self._take()
        elif fd == self.master:
            if self._inward and events & select.POLLOUT:
                self._feed()
            if not self._outward and events & ~select.POLLOUT:
                self._read()

    def _take(self) -> None:
        """Read what the user typed; a terminal that was hung up has an end."""
        try:
            self._inward = os.read(self.source, CHUNK_BYTES)
        except OSError:
            self._inward = b""
        if not self._inward:
            self.source = -1

    def _feed(self) -> None:
        try:
            self._inward = self._inward[os.write(self.master, self._inward) :]
        except BlockingIOError:
            pass
        except OSError:
            self._inward = b""

    def _read(self) -> None:
        try:
            self._outward = os.read(self.master, CHUNK_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno != errno.EIO:
                raise
        if not self._outward:
            self.is_open = False

    def _show(self) -> None:
        self._outward = self._outward[os.write(self.sink, self._outward[:WRITE_BYTES]) :]

    def drain(self) -> None:
        """Show what a box that is gone wrote last."""
        poll = select.poll()
        poll.register(self.master, select.POLLIN)
        while self._outward or (self.is_open and poll.poll(0)):
            if self._outward:
                self._show()
            else:
                self._read()

    def close(self) -> None:
        """Close the box's terminal; whoever still has it open is hung up."""
        if self.master >= 0:
            os.close(self.master)
            self.master = -1
            self.is_open = False
