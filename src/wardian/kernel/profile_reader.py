"""Read the values of a JSON document and collect all that is wrong, each fault with its path.

A path is written as in `syscalls[3].args[0].op`. Reading goes on after a fault with an empty value,
so that one look at the error is enough to mend the whole document.

Kernel: none.
"""

from wardian.errors import SpecError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    Document = dict[str, Any]

_MOST_REPORTED = 5
_LONGEST = 60


class Faults:
    """Read JSON values and collect what is wrong with them, each with its path."""

    def __init__(self) -> None:
        self._found: list[tuple[str, str]] = []

    @property
    def count(self) -> int:
        """How many faults there are so far."""
        return len(self._found)

    def add(self, where: str, message: str) -> None:
        """Remember a fault."""
        self._found.append((where, message))

    def report(self) -> None:
        """Raise the faults, if there are any."""
        if self._found:
            (where, message), *others = self._found
            rest = "; ".join(f"{path}: {text}" for path, text in others[:_MOST_REPORTED])
            if len(others) > _MOST_REPORTED:
                rest += f"; and {len(others) - _MOST_REPORTED} more"
            raise SpecError(message, where=where, hint=f"also {rest}" if others else "")

    def table(self, value: object, where: str, keys: "Sequence[str]") -> "Document":
        """Give an object; its unknown keys are a fault where they look like a known one."""
        if not isinstance(value, dict):
            self.add(where or "(top)", f"must be an object, not {kind(value)}")
            return {}
        for key in value:
            if key not in keys and (close := close_word(str(key), keys, 0.8)):
                self.add(join(where, key), f'unknown key, did you mean "{close}"?')
        return value

    def array(self, table: "Document", key: str, where: str) -> "list[Any]":
        """Give a list; null and absent are empty."""
        value = table.get(key)
        if value is None:
            return []
        if not isinstance(value, list):
            self.add(join(where, key), f"must be a list, not {kind(value)}")
            return []
        return value

    def words(
        self, table: "Document", key: str, where: str, known: "Sequence[str]" = ()
    ) -> list[str]:
        """Give a list of non-empty strings, each of them one of those known, if any are given."""
        found = []
        for place, value in enumerate(self.array(table, key, where)):
            path = f"{join(where, key)}[{place}]"
            if not isinstance(value, str) or not value or "\0" in value:
                self.add(path, f"must be a word, not {kind(value)}")
            elif known and value not in known:
                self.add(path, unknown_word(value, known))
            else:
                found.append(value)
        return found

    def text(self, table: "Document", key: str, where: str) -> str:
        """Give a string; null and absent are empty."""
        value = table.get(key)
        if value is None or isinstance(value, str):
            return value or ""
        self.add(join(where, key), f"must be a string, not {kind(value)}")
        return ""

    def choice(self, table: "Document", key: str, where: str, known: "Sequence[str]") -> str:
        """Give a string that must be one of those known."""
        value = table.get(key)
        if isinstance(value, str) and value in known:
            return value
        if value is None:
            self.add(join(where, key), "is missing")
        elif isinstance(value, str):
            self.add(join(where, key), unknown_word(value, known))
        else:
            self.add(join(where, key), f"must be a string, not {kind(value)}")
        return ""

    def integer(self, table: "Document", key: str, where: str, highest: int) -> int | None:
        """Give a number from 0 to `highest`; null and absent are None."""
        value = table.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int):
            self.add(join(where, key), f"must be an integer, not {kind(value)}")
        elif not 0 <= value <= highest:
            self.add(join(where, key), f"must be from 0 to {highest}, not {kind(value)}")
        else:
            return value
        return None


def join(where: str, key: object) -> str:
    """Give the path of a key."""
    return f"{where}.{key}" if where else str(key)


def kind(value: object) -> str:
    """Name a value in JSON's words, short enough for a message."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    return f'"{shown(value)}"' if isinstance(value, str) else shown(repr(value))


def shown(text: str) -> str:
    """Make any text fit into a message: short, and on one line."""
    short = text if len(text) <= _LONGEST else text[:_LONGEST] + "..."
    return short if short.isprintable() else short.encode("unicode_escape").decode()


def unknown_word(word: str, known: "Sequence[str]") -> str:
    """Say that a word is not one of those known, and which is closest."""
    close = close_word(word, known, 0.6)
    return f"unknown word {kind(word)}" + (f', did you mean "{close}"?' if close else "")


def close_word(word: str, known: "Sequence[str]", cutoff: float) -> str:
    """Give the known word that is most like another; empty where none is."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(word, known, n=1, cutoff=cutoff)), "")
