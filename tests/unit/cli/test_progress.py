"""Bars on a terminal, lines elsewhere."""

import os
import pty

import pytest

from wardian.cli import progress
from wardian.exchange.transfer import Event

DIGEST = "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (42.4, "42s"), (185, "3m05s"), (7800, "2h10m")]
)
def test_a_time_left_is_short(seconds: float, text: str) -> None:
    assert progress.clock(seconds) == text


def test_without_a_terminal_there_is_a_line_for_each_layer(
    capfd: pytest.CaptureFixture[str],
) -> None:
    lines = progress.Lines()
    for phase in ("downloading", "downloading", "unpacking", "done", "done"):
        lines(Event(DIGEST, phase, 1, 2))
    lines(Event("sha256:" + "c" * 64, "exists", 2, 2))
    assert capfd.readouterr().out == ("abababababab: Pull complete\ncccccccccccc: Already exists\n")


def _read(master: int) -> bytes:
    try:
        return os.read(master, 1 << 16)
    except OSError:  # EIO: nobody has the other end any more
        return b""


def on_terminal(columns: int, rows: int, layers: int) -> str:
    """What a pull of some layers writes to a terminal."""
    import fcntl
    import struct
    import termios

    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    saved = os.dup(1)
    os.dup2(slave, 1)
    try:
        bars = progress.Bars()
        for number in range(layers):
            bars(Event(f"sha256:{number:064d}", "downloading", 30_000_000, 100_000_000))
        bars(Event(f"sha256:{0:064d}", "done", 100_000_000, 100_000_000))
        bars.close()
    finally:
        os.dup2(saved, 1)
        os.close(saved)
        os.close(slave)
    try:
        text = b""
        while piece := _read(master):
            text += piece
        return text.decode()
    finally:
        os.close(master)


def test_a_bar_has_a_size_and_fits_the_terminal() -> None:
    text = on_terminal(60, 24, 2)
    assert "30MB/100MB" in text
    assert "000000000000: Pull complete" in text
    for line in text.replace("\r", "\n").split("\n"):
        assert len(line.replace("\033[K", "").replace("\033[2A", "")) <= 60


def test_more_layers_than_lines_scroll_nothing() -> None:
    text = on_terminal(80, 5, 20)
    assert text.count("\n") <= 5 * 4
