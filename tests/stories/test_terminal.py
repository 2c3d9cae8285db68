"""`wardian run -it`: a terminal of the box's own, joined with the user's."""

import signal
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.conftest import Wardian
from tests.people import Person, seated
from wardian.kernel import terminals

pytestmark = pytest.mark.root

Sit = Callable[..., Person]
WARDIAN = [sys.executable, "-m", "wardian", "run"]


@pytest.fixture
def sit() -> Iterator[Sit]:
    """Somebody sits down: sit("-it", "--", "sh")."""
    with ExitStack() as stack:
        yield lambda *args, **size: stack.enter_context(seated([*WARDIAN, *args], **size))


def test_a_shell_in_a_terminal(sit: Sit) -> None:
    person = sit("-it", "-e", "PS1=> ", "--", "sh")
    person.wait_for("> ")
    person.type("tty; echo $((6*7)) $TERM\n")
    person.wait_for("/dev/pts/0\r\n42 xterm\r\n> ")
    person.type("exit 9\n")
    assert person.end() == 9


def test_without_a_program_there_is_a_shell(sit: Sit) -> None:
    person = sit("-it", "-e", "PS1=> ")
    person.wait_for("> ")
    person.type("exit 4\n")
    assert person.end() == 4


def test_the_window_s_size_is_followed(sit: Sit) -> None:
    script = (
        "read go; stty size; trap 'stty size; exit 0' WINCH; echo up; while :; do sleep 0.02; done"
    )
    person = sit("-it", "--", "sh", "-c", script, rows=33, columns=77)
    person.type("go\n")
    person.wait_for("33 77\r\n")
    person.wait_for("up\r\n")
    terminals.set_window_size(person.master, 44, 123)
    person.wait_for("44 123\r\n")
    assert person.end() == 0


def test_what_is_typed_belongs_to_the_box(sit: Sit) -> None:
    # The signal comes before the first `read` or during it: only in the second case does that end.
    script = (
        "trap 'echo interrupted' INT; echo up;"
        ' until [ "$line" ]; do read line; done; echo "<$line>"'
    )
    person = sit("-it", "--", "sh", "-c", script)
    person.wait_for("up\r\n")
    person.type("\x03")
    person.wait_for("interrupted\r\n")
    person.type("hello\n")
    person.wait_for("<hello>")
    assert person.end() == 0


def test_the_end_of_input_reaches_the_program(sit: Sit) -> None:
    person = sit("-it", "--", "sh", "-c", "echo up; cat; echo over")
    person.wait_for("up\r\n")
    person.type("line\n\x04")
    person.wait_for("line\r\nline\r\nover\r\n")
    assert person.end() == 0


@pytest.mark.parametrize("program", ["true", "nowhere"])
def test_the_terminal_is_as_before_afterwards(sit: Sit, program: str) -> None:
    person = sit("-it", "--", "sh", "-c", "echo up; read line")
    before = termios.tcgetattr(person.slave)
    person.wait_for("up\r\n")
    assert termios.tcgetattr(person.slave) != before, "raw while the box runs"
    person.type("\n")
    person.end()
    assert termios.tcgetattr(person.slave) == before
    other = sit("-it", "--", program)
    before = termios.tcgetattr(other.slave)
    assert other.end() == (0 if program == "true" else 127)
    assert termios.tcgetattr(other.slave) == before


def test_the_terminal_is_as_before_after_a_signal(sit: Sit) -> None:
    person = sit("-it", "--", "sh", "-c", "echo up; exec sleep 1000")
    before = termios.tcgetattr(person.slave)
    person.wait_for("up\r\n")
    person.process.send_signal(signal.SIGTERM)
    assert person.end() == 143
    assert termios.tcgetattr(person.slave) == before


def test_the_last_words_are_shown(sit: Sit) -> None:
    person = sit("-t", "--", "sh", "-c", "seq 1 2000; echo end-of-it")
    lines = person.wait_for("end-of-it").split()
    assert lines == [str(number) for number in range(1, 2001)]
    assert person.end() == 0


def test_a_terminal_that_goes_away_ends_the_box(sit: Sit) -> None:
    person = sit("-it", "--", "sh", "-c", "echo up; exec sleep 1000")
    person.wait_for("up\r\n")
    person.process.send_signal(signal.SIGHUP)
    assert person.end() == 129


def test_t_without_i_shows_and_takes_nothing(wardian: Wardian) -> None:
    done = wardian("run", "-t", "--", "sh", "-c", "test -t 0 -a -t 1 && echo terminal")
    assert (done.stdout, done.returncode) == ("terminal\n", 0), done.stderr


def test_a_pipe_is_no_terminal(wardian: Wardian) -> None:
    done = wardian("run", "-it", "--", "true", input="x")
    assert done.returncode == 1
    assert "the input device is not a terminal" in done.stderr


def test_another_user_owns_its_terminal(sit: Sit) -> None:
    person = sit("-it", "-u", "65534", "--", "sh", "-c", "stat -c %u $(tty); echo x > $(tty)")
    person.wait_for("65534\r\nx\r\n")
    assert person.end() == 0
