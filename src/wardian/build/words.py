"""Put variables into the words of a recipe, as docker does.

    $name ${name} ${name:-word} ${name-word} ${name:+word} ${name+word} ${name:?word} ${name?word}
    ${name#pattern} ${name##pattern} ${name%pattern} ${name%%pattern}
    ${name/pattern/word} ${name//pattern/word}

Single quotes keep all as it is; the escape character keeps the next one. Quotes go. A variable that
is not set is empty. In a pattern, * and ? mean what they mean to a shell.

Source: Dockerfile reference, "Environment replacement".
"""

import re
from dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_FIRST = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_")
_REST = _FIRST | frozenset("0123456789")
_NEST_MAX = 50


class WordError(ValueError):
    """A word can't be expanded; `offset` says where in it."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


@dataclass(frozen=True)
class Expander:
    """Expands words.

    Attributes:
        env: the variables.
        escape: the escape character.
    """

    env: "Mapping[str, str]"
    escape: str = "\\"

    def word(self, text: str) -> str:
        """Return a word with its variables put in and its quotes gone.

        Raises:
            WordError: a quote or brace is not closed, or ${name:?} is not set.
        """
        if "$" not in text and "'" not in text and '"' not in text and self.escape not in text:
            return text
        return _Reader(self, text, keeps_quotes=False).run()

    def body(self, text: str) -> str:
        """Return a heredoc's body with its variables put in; quotes mean nothing there."""
        return _Reader(self, text, keeps_quotes=True).run()


class _Reader:
    """Reads one word."""

    def __init__(self, rules: Expander, text: str, *, keeps_quotes: bool) -> None:
        self._rules = rules
        self._text = text
        self._keeps_quotes = keeps_quotes
        self._at = 0
        self._depth = 0

    def run(self) -> str:
        return self._until("")

    def _fault(self, message: str, offset: "int | None" = None) -> WordError:
        return WordError(message, self._at if offset is None else offset)

    def _until(self, ends: str) -> str:
        """Return what stands before a letter of `ends`, or before the end of the text."""
        found: list[str] = []
        while self._at < len(self._text):
            letter = self._text[self._at]
            if letter in ends:
                return "".join(found)
            if letter == "$":
                found.append(self._variable())
            elif letter == self._rules.escape:
                found.append(self._escaped())
            elif letter in "'\"" and not self._keeps_quotes:
                found.append(self._single() if letter == "'" else self._double())
            else:
                found.append(letter)
                self._at += 1
        return "".join(found)

    def _escaped(self) -> str:
        at = self._at
        self._at += 2
        if at + 1 >= len(self._text):
            return self._text[at]
        if self._keeps_quotes and self._text[at + 1] not in ("$", self._rules.escape):
            return self._text[at : at + 2]
        return self._text[at + 1]

    def _single(self) -> str:
        start = self._at
        end = self._text.find("'", start + 1)
        if end < 0:
            raise self._fault("a ' that is not closed", start)
        self._at = end + 1
        return self._text[start + 1 : end]

    def _double(self) -> str:
        start = self._at
        self._at += 1
        found: list[str] = []
        while self._at < len(self._text):
            letter = self._text[self._at]
            if letter == '"':
                self._at += 1
                return "".join(found)
            if letter == "$":
                found.append(self._variable())
            elif letter == self._rules.escape and self._at + 1 < len(self._text):
                follower = self._text[self._at + 1]
                known = follower in ('"', "$", self._rules.escape)
                found.append(follower if known else letter + follower)
                self._at += 2
            else:
                found.append(letter)
                self._at += 1
        raise self._fault('a " that is not closed', start)

    def _name(self) -> str:
        start = self._at
        if start < len(self._text) and self._text[start] in _FIRST:
            while self._at < len(self._text) and self._text[self._at] in _REST:
                self._at += 1
        elif start < len(self._text) and self._text[start] in "0123456789":
            self._at += 1  # a shell's $1: never set here
        return self._text[start : self._at]

    def _variable(self) -> str:
        start = self._at
        self._at += 1
        if self._text[self._at : self._at + 1] != "{":
            name = self._name()
            return self._rules.env.get(name, "") if name else "$"
        self._at += 1
        name = self._name()
        if not name:
            raise self._fault("a variable's name is needed after ${")
        self._depth += 1
        if self._depth > _NEST_MAX:
            raise self._fault("nested too deeply", start)
        found = self._modified(name, start)
        self._depth -= 1
        if self._text[self._at : self._at + 1] != "}":
            raise self._fault("a ${ that is not closed", start)
        self._at += 1
        return found

    def _modified(self, name: str, start: int) -> str:
        value = self._rules.env.get(name)
        letter = self._text[self._at : self._at + 1]
        if letter in ("}", ""):
            return value or ""
        if letter in ("#", "%", "/"):
            return self._edited(value or "")
        if letter == ":":
            self._at += 1
            letter = self._text[self._at : self._at + 1]
            value = value or None  # an empty one counts as not set
        if letter not in ("-", "+", "?") or not letter:
            raise self._fault(f'unknown modifier "{letter}"')
        self._at += 1
        word = self._until("}")
        if letter == "-":
            return word if value is None else value
        if letter == "+":
            return "" if value is None else word
        if value is None:
            raise self._fault(f"{name}: {word or 'is not set'}", start)
        return value

    def _edited(self, value: str) -> str:
        """Carry out # ## % %% / and //."""
        letter = self._text[self._at]
        self._at += 1
        twice = self._text[self._at : self._at + 1] == letter
        self._at += twice
        if letter == "/":
            pattern = self._until("/}")
            replacement = ""
            if self._text[self._at : self._at + 1] == "/":
                self._at += 1
                replacement = self._until("}")
            found = re.compile(_regular(pattern, greedy=True), re.DOTALL)
            return found.sub(lambda _match: replacement, value, count=0 if twice else 1)
        pattern = self._until("}")
        if letter == "#":
            match = re.match(_regular(pattern, greedy=twice), value, re.DOTALL)
            return value[match.end() :] if match else value
        starts = range(len(value) + 1) if twice else range(len(value), -1, -1)
        whole = re.compile(_regular(pattern, greedy=True), re.DOTALL)
        cut = next((at for at in starts if whole.fullmatch(value, at)), len(value))
        return value[:cut]


def _regular(pattern: str, *, greedy: bool) -> str:
    """Return a shell's pattern as a regular expression."""
    found = ""
    at = 0
    while at < len(pattern):
        letter = pattern[at]
        at += 1
        if letter == "\\" and at < len(pattern):
            found += re.escape(pattern[at])
            at += 1
        elif letter == "*":
            found += ".*" if greedy else ".*?"
        elif letter == "?":
            found += "."
        else:
            found += re.escape(letter)
    return found
