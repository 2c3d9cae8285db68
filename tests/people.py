"""Somebody who sits at a terminal, types, and reads what is shown."""

import os
import pty
import select
import subprocess
import termios
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from wardian.kernel import terminals

PATIENCE_S = 60


class Person:
    """Somebody at a terminal in which a command runs.

    Attributes:
        process: the command.
        slave: the terminal as the command sees it.
        seen: what was shown and not yet looked for.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        rows: int = 24,
        columns: int = 80,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.master, self.slave = pty.openpty()
        terminals.set_window_size(self.slave, rows, columns)
        self.seen = b""
        slave = self.slave
        self.process = subprocess.Popen(
            argv,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=env,
            start_new_session=True,
            preexec_fn=lambda: take_control(slave),  # noqa: PLW1509 - there are no threads
        )

    def type(self, text: str) -> None:
        os.write(self.master, text.encode())

    def wait_for(self, text: str) -> str:
        """Return what was shown before `text`."""
        wanted = text.encode()
        while wanted not in self.seen:
            ready, _, _ = select.select([self.master], [], [], PATIENCE_S)
            assert ready, f"no {text!r} in {self.seen!r}"
            self.seen += os.read(self.master, 4096)
        before, _, self.seen = self.seen.partition(wanted)
        return before.decode()

    def end(self) -> int:
        return self.process.wait(PATIENCE_S)


def take_control(slave: int) -> None:
    """Make the terminal the controlling one of a new session."""
    import fcntl

    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)


@contextmanager
def seated(
    argv: Sequence[str],
    *,
    rows: int = 24,
    columns: int = 80,
    env: Mapping[str, str] | None = None,
) -> Iterator[Person]:
    """Let somebody sit down, until the block ends."""
    person = Person(argv, rows=rows, columns=columns, env=env)
    try:
        yield person
    finally:
        person.process.kill()
        person.process.wait()
        os.close(person.master)
        os.close(person.slave)
