"""Two terminals, joined."""

import os
import pty
import select
import termios
from collections.abc import Iterator

import pytest

from wardian.kernel import terminals

Pair = tuple[int, int]


@pytest.fixture
def box() -> Iterator[Pair]:
    """Master and slave of a box's terminal, raw, so that bytes come as they are."""
    master, slave = pty.openpty()
    with terminals.RawMode(slave):
        yield master, slave
    os.close(slave)


@pytest.fixture
def pipe() -> Iterator[Pair]:
    reader, writer = os.pipe()
    yield reader, writer
    os.close(reader)


def step(proxy: terminals.Proxy) -> None:
    """One turn of a loop around the proxy."""
    poll = select.poll()
    for fd, events in proxy.watched():
        poll.register(fd, events)
    for fd, events in poll.poll(1000):
        proxy.handle(fd, events)


def test_a_window_has_a_size_that_is_copied(box: Pair) -> None:
    master, slave = box
    terminals.set_window_size(master, 33, 77)
    assert terminals.window_size(slave) == (33, 77)
    other, end = pty.openpty()
    terminals.copy_window_size(slave, other)
    assert terminals.window_size(end) == (33, 77)
    reader, writer = os.pipe()
    terminals.copy_window_size(reader, other)
    for fd in (other, end, reader, writer, master):
        os.close(fd)


def test_raw_mode_is_taken_back() -> None:
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    with terminals.RawMode(slave):
        raw = termios.tcgetattr(slave)
        assert not raw[terminals.LFLAG] & (termios.ECHO | termios.ICANON | termios.ISIG)
    assert termios.tcgetattr(slave) == before
    os.close(master)
    os.close(slave)


def test_what_is_typed_and_what_is_shown_pass_through(box: Pair, pipe: Pair) -> None:
    master, slave = box
    typed, keyboard = os.pipe()
    proxy = terminals.Proxy(master, typed, pipe[1])
    os.write(keyboard, b"ls\r")
    step(proxy)
    step(proxy)
    assert os.read(slave, 100) == b"ls\r"
    os.write(slave, b"files\r\n")
    step(proxy)
    step(proxy)
    assert os.read(pipe[0], 100) == b"files\r\n"
    os.close(keyboard)
    step(proxy)
    assert proxy.source == -1, "the end of what is typed is no end of the box"
    os.close(typed)
    proxy.close()
    os.close(pipe[1])


def test_what_nobody_reads_yet_is_not_lost_and_blocks_nothing(pipe: Pair) -> None:
    master, slave = pty.openpty()
    os.set_blocking(slave, False)
    proxy = terminals.Proxy(master, -1, pipe[1])
    sent, got = 0, b""
    with terminals.RawMode(slave):
        for _turn in range(100):
            try:
                sent += os.write(slave, b"x" * 4096)
            except BlockingIOError:
                pass
            poll = select.poll()
            for fd, events in proxy.watched():
                poll.register(fd, events)
            for fd, events in poll.poll(0):
                proxy.handle(fd, events)
    assert sent > 1 << 16, "the pipe is full"
    os.close(slave)
    while proxy.watched():
        got += os.read(pipe[0], 4096)
        step(proxy)
    os.close(pipe[1])
    while data := os.read(pipe[0], 1 << 16):
        got += data
    assert len(got) == sent
    proxy.close()


def test_the_last_words_of_a_box_are_shown(pipe: Pair) -> None:
    master, slave = pty.openpty()
    proxy = terminals.Proxy(master, -1, pipe[1])
    os.write(slave, b"bye")
    os.close(slave)
    proxy.drain()
    assert os.read(pipe[0], 10) == b"bye"
    assert not proxy.is_open
    assert proxy.watched() == []
    proxy.close()
    proxy.close()
    os.close(pipe[1])


def test_a_reader_that_is_gone_is_told(pipe: Pair) -> None:
    master, slave = pty.openpty()
    reader, writer = os.pipe()
    proxy = terminals.Proxy(master, -1, writer)
    os.close(reader)
    os.write(slave, b"x")
    step(proxy)
    with pytest.raises(BrokenPipeError):
        step(proxy)
    for fd in (slave, writer, pipe[1]):
        os.close(fd)
    proxy.close()
