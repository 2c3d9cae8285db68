"""Read a parsed TOML document by tables and keys, and gather all its faults.

Each `get` names the key, what it must be, and what holds where it lacks. What nobody asked for is a
fault as well: a misspelt limit must not be no limit.
"""

import difflib
import math

from wardian.errors import SpecError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from enum import StrEnum
    from typing import Any, TypeVar

    Word = TypeVar("Word", bound=StrEnum)

SHOWN_FAULTS = 5


class Faults:
    """What is wrong with a document."""

    def __init__(self) -> None:
        self.found: list[tuple[str, str]] = []

    def add(self, where: str, message: str) -> None:
        """Note one."""
        self.found.append((where, message))

    def report(self, name: str) -> None:
        """Raise the first; the hint has the others.

        Raises:
            SpecError: there is one.
        """
        if not self.found:
            return
        (where, message), *more = self.found
        rest = [f"{place}: {words}" for place, words in more[:SHOWN_FAULTS]]
        if len(more) > SHOWN_FAULTS:
            rest.append(f"and {len(more) - SHOWN_FAULTS} more")
        hint = f"also {'; '.join(rest)}" if rest else ""
        raise SpecError(f"{where}: {message}", where=name, hint=hint)


class Table:
    """One table of the document, and the place where it stands.

    Args:
        content: as the TOML reader gave it.
        where: its path, "" for the document itself.
        faults: that are added to.
    """

    def __init__(self, content: object, where: str, faults: Faults) -> None:
        self.where = where
        self.faults = faults
        self._asked: set[str] = set()
        self.content: dict[str, Any] = {}
        if isinstance(content, dict):
            self.content = content
        else:
            faults.add(where, "not a table")

    def fault(self, key: str, message: str) -> None:
        """Note what is wrong with a key."""
        self.faults.add(self.place(key), message)

    def place(self, key: str) -> str:
        """Return a key's path."""
        return f"{self.where}.{key}" if self.where else key

    def take(self, key: str) -> "Any":
        """Return a value of any kind, or None."""
        self._asked.add(key)
        return self.content.get(key)

    def text(self, key: str, default: "str | None" = None) -> "str | None":
        """Return a word that is not empty."""
        found = self.take(key)
        if found is None:
            return default
        if isinstance(found, str) and found and "\0" not in found:
            return found
        self.fault(key, "not a text, or an empty one")
        return default

    def number(self, key: str, default: float, least: float = 0.0) -> float:
        """Return a finite number."""
        found = self.take(key)
        if found is None:
            return default
        is_number = isinstance(found, (int, float)) and not isinstance(found, bool)
        if is_number and math.isfinite(found) and found >= least:
            return float(found)
        self.fault(key, f"not a number from {least:g}")
        return default

    def truth(self, key: str, *, default: bool) -> bool:
        """Return true or false."""
        found = self.take(key)
        if found is None:
            return default
        if isinstance(found, bool):
            return found
        self.fault(key, "neither true nor false")
        return default

    def choice(self, key: str, kind: "type[Word]", default: "Word") -> "Word":
        """Return one of a few words."""
        found = self.take(key)
        if found is None:
            return default
        try:
            return kind(found)
        except ValueError:
            self.fault(key, f"not one of {', '.join(kind)}")
            return default

    def words(self, key: str) -> tuple[str, ...]:
        """Return a list of texts."""
        found = self.take(key)
        if found is None:
            return ()
        if isinstance(found, list) and all(isinstance(one, str) for one in found):
            return tuple(found)
        self.fault(key, "not a list of texts")
        return ()

    def table(self, key: str) -> "Table":
        """Return a table below this one, an empty one where it lacks."""
        found = self.take(key)
        return Table({} if found is None else found, self.place(key), self.faults)

    def tables(self, key: str) -> "Iterator[Table]":
        """Give each table of a list of tables."""
        found = self.take(key)
        if found is None:
            return
        if not isinstance(found, list):
            self.fault(key, f"not a list of tables: [[{key}]]")
            return
        for number, one in enumerate(found):
            yield Table(one, f"{self.place(key)}[{number}]", self.faults)

    def mapping(self, key: str) -> "dict[str, Any]":
        """Return a table's content as it is."""
        below = self.table(key)
        return dict(below.content)

    def close(self, known: "Sequence[str]" = ()) -> None:
        """Say that no other key may be here.

        Args:
            known: keys that may be there, and were not asked for.
        """
        allowed = self._asked | set(known)
        for key in self.content:
            if key not in allowed:
                near = difflib.get_close_matches(key, sorted(allowed), n=1)
                words = f' (did you mean "{near[0]}"?)' if near else ""
                self.fault(key, f"unknown key{words}")
