"""Cut a Containerfile into statements: directives, comments, continued lines, heredocs.

Facts about the lines of a Containerfile
----------------------------------------
Directives ("# escape=`") stand before everything else, also before blank lines and comments. A line
that ends in the escape character, blanks after it allowed, goes on in the next one; comments and
blank lines between are left out. A heredoc belongs to RUN, COPY and ADD; its word is found where a
shell would find it, so not within quotes, and its body is taken as it is, comments and all.

Source: Dockerfile reference, "Format", "Parser directives", "Here-documents".
"""

import re
from bisect import bisect_right
from dataclasses import dataclass, field

from wardian.errors import SpecError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

RECIPE_BYTES = 16 << 20
_DIRECTIVE = re.compile(r"#\s*([A-Za-z][A-Za-z0-9-]*)\s*=\s*(.*?)\s*$")
_DIRECTIVES = ("escape", "syntax", "check")
_HEREDOC = re.compile(r"(\d*)<<(-?)([^\s<]*)$")
_WITH_HEREDOCS = ("RUN", "COPY", "ADD")


@dataclass(frozen=True)
class Heredoc:
    """One here-document.

    Attributes:
        name: the word that ends it.
        text: its body, with tabs stripped where "<<-" says so.
        raw: its body as written.
        is_expanded: the word was not quoted: variables count in it.
        strips_tabs: "<<-".
        line: of its first line.
    """

    name: str
    text: str
    raw: str
    is_expanded: bool
    strips_tabs: bool
    line: int


@dataclass
class Statement:
    """One instruction with all its lines.

    Attributes:
        text: keyword and the rest, continued lines joined.
        starts: offsets in `text` where another line of the file begins.
        places: line and column of each of `starts`.
        heredocs: that follow it.
        source: the recipe's name, for errors.
    """

    text: str
    starts: "list[int]"
    places: "list[tuple[int, int]]"
    source: str
    heredocs: "list[Heredoc]" = field(default_factory=list)

    @property
    def line(self) -> int:
        """Where it begins, from 1."""
        return self.places[0][0]

    def place(self, offset: int) -> "tuple[int, int]":
        """Return line and column, from 1, of a place in `text`."""
        at = bisect_right(self.starts, offset) - 1
        line, column = self.places[at]
        return line, column + offset - self.starts[at]

    def fault(self, message: str, offset: int = 0, *, hint: str = "") -> SpecError:
        """Return an error about a place in `text`."""
        line, column = self.place(offset)
        return SpecError(f"{self.source}:{line}:{column}: {message}", hint=hint)


class Lines:
    """The statements of one file.

    Attributes:
        directives: by name.
        escape: the escape character.
    """

    def __init__(self, data: bytes, source: str) -> None:
        """Read the directives.

        Raises:
            SpecError: it is no text, or a directive is wrong.
        """
        if len(data) > RECIPE_BYTES:
            raise SpecError(f"{source}: larger than {RECIPE_BYTES} bytes")
        try:
            text = data.removeprefix(b"\xef\xbb\xbf").decode()
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            column = error.start - data.rfind(b"\n", 0, error.start)
            raise SpecError(f"{source}:{line}:{column}: not UTF-8") from None
        if "\0" in text:
            line = text.count("\n", 0, text.index("\0")) + 1
            raise SpecError(f"{source}:{line}: a NUL byte")
        self._source = source
        self._lines = [line.removesuffix("\r") for line in text.split("\n")]
        self._at = 0
        self.directives: dict[str, str] = {}
        self._read_directives()
        self.escape = self.directives.get("escape", "\\")

    def _read_directives(self) -> None:
        for number, line in enumerate(self._lines, 1):
            match = _DIRECTIVE.match(line.strip()) if line.strip().startswith("#") else None
            name = match[1].lower() if match else ""
            if match is None or name not in _DIRECTIVES:
                return
            column = len(line) - len(line.lstrip()) + 1
            where = f"{self._source}:{number}:{column}"
            if name in self.directives:
                raise SpecError(f'{where}: the directive "{name}" is there twice')
            if name == "escape" and match[2] not in ("\\", "`"):
                raise SpecError(f'{where}: escape "{match[2]}" is neither \\ nor `')
            self.directives[name] = match[2]

    def __iter__(self) -> "Iterator[Statement]":
        while (statement := self._next()) is not None:
            yield statement

    def _next(self) -> "Statement | None":
        parts: list[str] = []
        starts: list[int] = []
        places: list[tuple[int, int]] = []
        length = 0
        goes_on = False
        while self._at < len(self._lines):
            line = self._lines[self._at]
            self._at += 1
            bare = line.strip()
            if not bare or bare.startswith("#"):
                continue
            indent = 0 if goes_on else len(line) - len(line.lstrip())
            piece, goes_on = self._without_escape(line[indent:])
            starts.append(length)
            places.append((self._at, indent + 1))
            parts.append(piece)
            length += len(piece)
            if not goes_on:
                break
        text = "".join(parts).rstrip()
        if not text:
            return None
        statement = Statement(text, starts, places, self._source)
        if text.split(None, 1)[0].upper() in (*_WITH_HEREDOCS, "ONBUILD"):
            self._take_heredocs(statement)
        return statement

    def _without_escape(self, line: str) -> "tuple[str, bool]":
        """Return a line without the escape at its end, and whether there was one."""
        bare = line.rstrip(" \t")
        if not bare.endswith(self.escape):
            return line, False
        return bare[:-1], True

    def _take_heredocs(self, statement: Statement) -> None:
        if not _may_have_heredocs(statement.text):
            return
        for offset, word in shell_words(statement.text, self.escape):
            match = _HEREDOC.match(word)
            if not match:
                continue
            quoted = match[3]
            name = unquoted(quoted, self.escape)
            if not name:
                raise statement.fault("a heredoc without a name", offset)
            statement.heredocs.append(
                self._heredoc(statement, offset, (name, name == quoted), strips_tabs=bool(match[2]))
            )

    def _heredoc(
        self,
        statement: Statement,
        offset: int,
        name: "tuple[str, bool]",
        *,
        strips_tabs: bool,
    ) -> Heredoc:
        first = self._at
        while self._at < len(self._lines):
            line = self._lines[self._at]
            self._at += 1
            if (line.lstrip("\t") if strips_tabs else line) == name[0]:
                body = self._lines[first : self._at - 1]
                raw = "".join(f"{one}\n" for one in body)
                text = "".join(one.lstrip("\t") + "\n" for one in body) if strips_tabs else raw
                return Heredoc(name[0], text, raw, name[1], strips_tabs, first + 1)
        raise statement.fault(f'the heredoc "{name[0]}" has no end', offset)


def _may_have_heredocs(text: str) -> bool:
    """Tell whether the instruction can have one: not in exec form."""
    if "<<" not in text:
        return False
    words = text.split()
    if words[0].upper() == "ONBUILD":
        words = words[1:]
    if not words or words[0].upper() not in _WITH_HEREDOCS:
        return False
    rest = [word for word in words[1:] if not word.startswith("--")]
    return not (rest and rest[0].startswith("["))


def shell_words(text: str, escape: str) -> "Iterator[tuple[int, str]]":
    """Yield the words of a line, quotes and escapes left in, each with its offset.

    A quote that is not closed ends with the line: here we only look for words.
    """
    word, start = "", 0
    quote = ""
    at = 0
    while at < len(text):
        letter = text[at]
        if letter == escape and quote != "'" and at + 1 < len(text):
            word += text[at : at + 2]
            at += 2
            continue
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "'\"":
            quote = letter
        elif letter in " \t":
            if word:
                yield start, word
            at += 1
            word, start = "", at
            continue
        word += letter
        at += 1
    if word:
        yield start, word


def unquoted(word: str, escape: str) -> str:
    """Return a word without its quotes and escapes."""
    found, quote, at = "", "", 0
    while at < len(word):
        letter = word[at]
        if letter == escape and quote != "'" and at + 1 < len(word):
            at += 1
            found += word[at]
        elif quote and letter == quote:
            quote = ""
        elif not quote and letter in "'\"":
            quote = letter
        else:
            found += letter
        at += 1
    return found
