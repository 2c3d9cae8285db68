r"""Patterns of names: globs of COPY and ADD, lines of .dockerignore, --exclude.

Facts about patterns
--------------------
They are Go's filepath.Match: * and ? stop at a slash, [a-z] and [^a-z] are classes, \\ takes the
next letter as it is; and ** stands for any number of directories. In an ignore file the last line
that fits decides, "!" brings back, "#" begins a comment, and a pattern that fits a directory counts
for all below it.

Source: docker build reference, ".dockerignore file"; Go, path/filepath.Match.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from wardian.errors import SpecError

IGNORE_BYTES = 4 << 20
_BLANK = re.compile(r"\s+$")


def is_pattern(text: str) -> bool:
    """Say whether it is more than a name."""
    return any(letter in text for letter in "*?[\\")


@lru_cache(maxsize=4096)
def compiled(pattern: str) -> "re.Pattern[str]":
    """Return a pattern as a regular expression for `fullmatch`.

    Raises:
        ValueError: it is none.
    """
    found = ""
    at = 0
    while at < len(pattern):
        letter = pattern[at]
        at += 1
        if letter == "*" and pattern.startswith("*", at):
            at += 1
            if pattern.startswith("/", at):
                at += 1
                found += "(?:.*/)?"
            else:
                found += ".*"
        elif letter == "*":
            found += "[^/]*"
        elif letter == "?":
            found += "[^/]"
        elif letter == "[":
            part, at = _class(pattern, at)
            found += part
        elif letter == "\\":
            if at == len(pattern):
                raise ValueError(f'"{pattern}" ends with \\')
            found += re.escape(pattern[at])
            at += 1
        else:
            found += re.escape(letter)
    return re.compile(found, re.DOTALL)


def _class(pattern: str, at: int) -> "tuple[str, int]":
    """Return a class as a regular expression, and where the pattern goes on."""
    start = at
    found = "["
    if pattern.startswith(("^", "!"), at):
        found += "^/"
        at += 1
    first = at
    while not pattern.startswith("]", at) or at == first:
        low, at = _letter(pattern, at, start)
        high = low
        if pattern.startswith("-", at) and not pattern.startswith("]", at + 1):
            high, at = _letter(pattern, at + 1, start)
        if high < low:
            raise ValueError(f'"{low}-{high}" is no range')
        found += re.escape(low) if high == low else f"{re.escape(low)}-{re.escape(high)}"
    return found + "]", at + 1


def _letter(pattern: str, at: int, start: int) -> "tuple[str, int]":
    """Return a letter of a class, and where the pattern goes on."""
    if pattern.startswith("\\", at):
        at += 1
    if at >= len(pattern):
        raise ValueError(f'"[{pattern[start:]}" is not closed')
    return pattern[at], at + 1


@dataclass(frozen=True)
class _Line:
    pattern: "re.Pattern[str]"
    brings_back: bool
    depth: int  # how many names of a path it can need; -1 for any


class Ignore:
    """Which paths of a context are left out.

    Args:
        lines: patterns, the last one that fits counts.
        source: where they come from, for errors.
    """

    def __init__(self, lines: "list[str]", source: str) -> None:
        self._lines: list[_Line] = []
        for number, text in enumerate(lines, 1):
            line = text.strip().removeprefix("\ufeff")
            if not line or line.startswith("#"):
                continue
            brings_back = line.startswith("!")
            line = _clean(line[brings_back:].strip())
            if not line:
                continue
            try:
                pattern = compiled(line)
            except ValueError as error:
                raise SpecError(f"{source}:{number}: {error}") from None
            depth = -1 if "**" in line else line.count("/") + 1
            self._lines.append(_Line(pattern, brings_back, depth))
        self._has_exceptions = any(line.brings_back for line in self._lines)

    def __bool__(self) -> bool:
        return bool(self._lines)

    def leaves_out(self, path: str) -> bool:
        """Say whether a path (with slashes, from the context's top) is left out."""
        names = path.split("/")
        parents = ["/".join(names[:count]) for count in range(1, len(names) + 1)]
        found = False
        for line in self._lines:
            if line.brings_back != found:
                continue  # it would change nothing
            near = parents if line.depth < 0 else parents[line.depth - 1 : line.depth]
            if any(line.pattern.fullmatch(one) for one in near):
                found = not line.brings_back
        return found

    def prunes(self, path: str) -> bool:
        """Say whether a directory is left out with all below it."""
        return not self._has_exceptions and self.leaves_out(path)


def _clean(line: str) -> str:
    """Return a line's pattern without "./", "..", and slashes at its ends."""
    names: list[str] = []
    for name in line.split("/"):
        if name == "..":
            names = names[:-1]
        elif name not in ("", "."):
            names.append(name)
    return "/".join(names)
