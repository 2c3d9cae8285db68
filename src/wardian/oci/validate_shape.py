"""Part of runtime.validate: copy what has the shape that runtime.validate_schema says (pure).

Source: opencontainers/runtime-spec 1.3, schema/; the words are runtime.validate_schema's.
"""

from wardian.kernel.profile_reader import Faults, join, kind, shown, unknown_word
from wardian.oci.validate_schema import CHOICES, OBJECTS, RANGES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Document = dict[str, Any]

MOST_OBJECTS = 10_000  # each mount is work for the kernel, which takes 100,000 (fs.mount-max)
MOST_STRINGS = 1_000_000
MOST_FAULTS = 100


class Shape(Faults):
    """Copy what has the right shape; what has not is a fault, and missing in the copy."""

    def add(self, where: str, message: str) -> None:
        """Remember a fault, but not without end."""
        super().add(where, message)
        if self.count >= MOST_FAULTS:
            self.report()

    def record(self, name: str, value: object, where: str) -> "Document":
        """Return the known fields of an object of OBJECTS; empty where it is none."""
        found: Document = {}
        if not isinstance(value, dict):
            self.add(where or "(top)", f"must be an object, not {kind(value)}")
            return found
        for field, word in OBJECTS[name].items():
            key = field.rstrip("!")
            inner = value.get(key)
            if inner is not None:
                good = self.value(word, inner, f"{where}.{key}" if where else key)
                if good is not None:
                    found[key] = good
            elif key != field:
                self.add(join(where, key), "is missing")
        return found

    def value(self, word: str, value: "Any", where: str) -> "Any":
        """Return a value if it is what the word of the schema says, else None."""
        if word[0] == "[":
            return self._list(word[1:-1], value, where)
        if word[0] == "{":
            return self._map(word[1:-1], value, where)
        if word in OBJECTS:
            return self.record(word, value, where)
        if word in RANGES:
            return self._number(RANGES[word], value, where)
        if word in CHOICES:
            return self._choice(CHOICES[word], value, where)
        if word == "flag":
            return value if isinstance(value, bool) else self._not("true or false", value, where)
        return value if word == "any" else self._text(word, value, where)

    def _not(self, wanted: str, value: object, where: str) -> "Any":
        self.add(where, f"must be {wanted}, not {kind(value)}")
        return None

    def _number(self, bounds: "tuple[int, int]", value: object, where: str) -> "Any":
        low, high = bounds
        if isinstance(value, bool) or not isinstance(value, int):
            return self._not("a whole number", value, where)
        return value if low <= value <= high else self._not(f"from {low} to {high}", value, where)

    def _choice(self, known: "tuple[str, ...]", value: object, where: str) -> "Any":
        if not isinstance(value, str):
            return self._not("a string", value, where)
        if value in known:
            return value
        self.add(where, unknown_word(value, known))
        return None

    def _text(self, word: str, value: object, where: str) -> "Any":
        if not isinstance(value, str):
            wanted = "a string"
        elif not value.isascii() and not _encodes(value):
            wanted = "Unicode text"
        elif "\0" in value:
            wanted = "a string without NUL"
        elif word == "text":
            return value
        elif not value:
            wanted = "a string that is not empty"
        elif word != "word" and value[0] != "/":
            wanted = "an absolute path"
        elif word == "inside" and ".." in value.split("/"):
            wanted = 'a path without ".."'
        else:
            return value
        return self._not(wanted, value, where)

    def _list(self, word: str, value: object, where: str) -> "Any":
        if not isinstance(value, list):
            return self._not("a list", value, where)
        most = MOST_OBJECTS if word in OBJECTS else MOST_STRINGS
        if len(value) > most:
            self.add(where, f"has {len(value)} entries, more than {most}")
            return None
        if word == "text" and _all_text(value):
            return list(value)
        row = [self.value(word, each, f"{where}[{place}]") for place, each in enumerate(value)]
        return [each for each in row if each is not None]

    def _map(self, word: str, value: object, where: str) -> "Any":
        if not isinstance(value, dict):
            return self._not("an object", value, where)
        if len(value) > MOST_OBJECTS:
            self.add(where, f"has {len(value)} entries, more than {MOST_OBJECTS}")
            return None
        found = {}
        for key, each in value.items():
            path = f"{where}.{shown(key)}"
            if not key:
                self.add(where, "must not have an empty key")
            elif self._text("text", key, path) is not None:
                good = self.value(word, each, path)
                if good is not None:
                    found[key] = good
        return found


def _all_text(row: "list[Any]") -> bool:
    """Say quickly that nothing is wrong with a list of strings, as nearly always."""
    try:
        text = "".join(row)
    except TypeError:
        return False
    return text.isascii() and "\0" not in text


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        return False
    return True
