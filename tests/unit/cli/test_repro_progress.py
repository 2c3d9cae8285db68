"""What a terminal shows of a check."""

import os
from collections.abc import Iterator

import pytest

from wardian.cli import repro_progress


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    master, slave = os.openpty()
    yield master, slave
    os.close(master)
    os.close(slave)


def test_runs_that_are_done_and_the_one_that_goes_on(terminal: tuple[int, int]) -> None:
    master, slave = terminal
    now_s = [0.0]
    with repro_progress.Runs(slave, lambda: now_s[0]) as shown:
        shown("control", 0)
        now_s[0] = 12.34
        shown("all varied", 1)
        now_s[0] = 20
    text = ""
    while "7.7s" not in text:  # a terminal gives what it has
        text += os.read(master, 4096).decode()
    lines = [line.split() for line in text.replace("\r\n", "\r\x1b[K").split("\r\x1b[K")]
    assert [line for line in lines if line] == [
        ["run", "1:", "control", "0s"],
        ["run", "1:", "control", "12.3s"],
        ["run", "2:", "all", "varied", "0s", "of", "about", "12s"],
        ["run", "2:", "all", "varied", "7.7s"],
    ]


def test_only_a_terminal_is_told(
    terminal: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    read, write = os.pipe()
    for fd, quiet, kind in (
        (terminal[1], False, repro_progress.Runs),
        (terminal[1], True, repro_progress.Nothing),
        (write, False, repro_progress.Nothing),
    ):
        assert type(repro_progress.reporter(quiet=quiet, fd=fd)) is kind
    monkeypatch.setenv("TERM", "dumb")
    assert type(repro_progress.reporter(quiet=False, fd=terminal[1])) is repro_progress.Nothing
    os.close(read)
    os.close(write)
