"""Read a part of an OCI document; each fault names its JSON path.

An absent value is None or empty: what that means is the reader's to know. Unknown fields are left
alone, as the runtime specification asks.

Source: opencontainers/runtime-spec, config.md "Extensibility".
"""

from wardian.errors import SpecError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


class Section:
    """A part of the document, which knows its JSON path."""

    __slots__ = ("fields", "where")

    def __init__(self, fields: object, where: str) -> None:
        if fields is None:
            fields = {}
        if not isinstance(fields, dict) or not all(isinstance(key, str) for key in fields):
            raise SpecError("an object is needed here", where=where)
        self.fields: dict[str, object] = fields
        self.where = where

    def section(self, key: str) -> "Section":
        """Return the part of that name; empty where there is none."""
        return Section(self.fields.get(key), f"{self.where}.{key}")

    def __iter__(self) -> "Iterator[str]":
        return iter(self.fields)

    def rows(self, key: str) -> "list[Section]":
        """Return the objects of a list."""
        value = self.fields.get(key)
        if value is None:
            return []
        if not isinstance(value, (list, tuple)):
            raise self.fault(key, "a list is needed here")
        return [Section(row, f"{self.where}.{key}[{place}]") for place, row in enumerate(value)]

    def integer(self, key: str, low: int, high: int) -> "int | None":
        """Return a number within bounds, or None where there is none."""
        value = self.fields.get(key)
        if value is None:
            return None
        if not isinstance(value, int) or isinstance(value, bool):
            raise self.fault(key, f'"{value}" is not a whole number')
        if not low <= value <= high:
            raise self.fault(key, f"{value} is out of range", hint=f"{low} to {high}")
        return value

    def needed(self, key: str, low: int, high: int) -> int:
        """Return a number that must be there."""
        value = self.integer(key, low, high)
        if value is None:
            raise self.fault(key, "a number is needed here")
        return value

    def flag(self, key: str) -> "bool | None":
        """Return true or false, or None where there is none."""
        value = self.fields.get(key)
        if value is not None and not isinstance(value, bool):
            raise self.fault(key, f'"{value}" is not true or false')
        return value

    def text(self, key: str) -> str:
        """Return a string; empty where there is none."""
        value = self.fields.get(key)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self.fault(key, f'"{value}" is not a string')
        return value

    def fault(self, key: str, message: str, *, hint: str = "") -> SpecError:
        """Return the error for a faulty field."""
        return SpecError(message, where=f"{self.where}.{key}", hint=hint)
