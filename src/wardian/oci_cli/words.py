"""What was typed for wardian-oci, and where errors are told.

Options may stand in any order, with a blank or "=", with one dash or two, as Go's urfave/cli takes
them.
"""

import os
import sys
import time

from wardian import json_text
from wardian.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wardian.oci.state import State

NAME = "wardian-oci"

SHORT = {
    "b": "bundle",
    "d": "detach",
    "p": "process",
    "t": "tty",
    "u": "user",
    "e": "env",
    "c": "cap",
    "g": "additional-gids",
    "a": "all",
    "f": "format",
    "q": "quiet",
    "r": "resources",
    "h": "help",
    "v": "version",
}
MANY = frozenset(("env", "cap", "additional-gids", "cgroup"))
TRUTHS = {"true": True, "1": True, "t": True, "false": False, "0": False, "f": False}


class Words:
    """What was typed: options by name, and the other words."""

    __slots__ = ("command", "options", "words")

    def __init__(self, command: str) -> None:
        self.command = command
        self.options: dict[str, object] = {}
        self.words: list[str] = []

    def text(self, name: str, default: str = "") -> str:
        """Return an option's value."""
        return str(self.options.get(name, default))

    def many(self, name: str) -> "list[str]":
        """Return the values of an option that may be given many times."""
        row = self.options.get(name, [])
        return list(row) if isinstance(row, list) else []

    def flag(self, name: str) -> bool:
        """Return whether a flag is set."""
        return bool(self.options.get(name, False))

    def number(self, name: str, default: int = 0) -> int:
        """Return an option's value as a number."""
        text = self.text(name, str(default))
        try:
            return int(text)
        except ValueError:
            raise UsageError(f'option "--{name}": "{text}" is not a number') from None

    def root(self) -> str:
        """Return where containers are remembered."""
        from wardian.oci import state

        return self.text("global.root") or state.default_root()

    def load(self) -> "State":
        """Return the container that was named; the caller closes it.

        Raises:
            NotFoundError: there is none of that name.
        """
        from wardian.oci import state

        return state.load(self.root(), self.words[0])

    def store(self, name: str, value: str) -> None:
        """Take the value of an option."""
        if name in MANY:
            row = self.options.setdefault(name, [])
            row.append(value)  # type: ignore[attr-defined]
        else:
            self.options[name] = value


def parse(
    argv: "list[str]", options: "dict[str, bool]", words: Words, *, stop_at: int = -1
) -> None:
    """Take options and words; `stop_at` words end the options, -1 for no end.

    Raises:
        UsageError: an option that is not known, or whose value is missing.
    """
    rest = list(argv)
    while rest:
        word = rest.pop(0)
        if word == "--":
            words.words += rest
            return
        if word[:1] != "-" or word == "-":
            words.words.append(word)
            if len(words.words) == stop_at:
                words.words += rest
                return
            continue
        name, equals, value = word.lstrip("-").partition("=")
        if name == "f" and "force" in options:
            name = "force"
        name = SHORT.get(name, name) if len(name) == 1 else name
        if name not in options and name != "help":
            raise UsageError(f"flag provided but not defined: -{name}")
        if not options.get(name, False):
            words.options[name] = TRUTHS.get(value or "true", True)
            continue
        if not equals and not rest:
            raise UsageError(f"flag needs an argument: -{name}")
        words.store(name, value if equals else rest.pop(0))


class Log:
    """Where errors are told: standard error, and the file of --log in its format."""

    __slots__ = ("format", "path")

    def __init__(self) -> None:
        self.path = ""
        self.format = "text"

    def error(self, message: str, level: str = "error") -> None:
        """Tell one error or warning."""
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        if self.path:
            if self.format == "json":
                line = json_text.dumps({"level": level, "msg": message, "time": stamp})
            else:
                line = f'time="{stamp}" level={level} msg={json_text.dumps(message)}'
            try:
                flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
                fd = os.open(self.path, flags, 0o644)
                os.write(fd, line.encode() + b"\n")
                os.close(fd)
            except OSError as problem:
                sys.stderr.write(f'{NAME}: --log "{self.path}": {problem.strerror}\n')
        if level == "error" or not self.path:
            sys.stderr.write(f"{NAME}: {message}\n")
