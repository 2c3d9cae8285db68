"""One instruction of a Containerfile: its flags, words, pairs or command.

Facts about the forms
---------------------
RUN, CMD, ENTRYPOINT, COPY, ADD, VOLUME and SHELL may have a JSON array of strings (the exec form).
What begins like one and is none is words, as docker has it. Words of COPY, ADD and the like are cut
at blanks, quotes or not; those of ENV, LABEL and ARG are cut as a shell would.

Source: Dockerfile reference.
"""

import json
from dataclasses import dataclass, field

from wardian.build.lines import Heredoc, Statement, shell_words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from wardian.errors import SpecError

FLAGS: "dict[str, tuple[str, ...]]" = {
    "FROM": ("platform",),
    "ADD": ("checksum", "chmod", "chown", "exclude", "keep-git-dir", "link", "unpack"),
    "COPY": ("chmod", "chown", "exclude", "from", "link", "parents"),
    "RUN": ("mount", "network", "security"),
    "HEALTHCHECK": ("interval", "retries", "start-interval", "start-period", "timeout"),
}
REPEATED = ("exclude", "mount")
SWITCHES = ("keep-git-dir", "link", "parents", "unpack")
NOT_ON_BUILD = ("FROM", "MAINTAINER", "ONBUILD")
_SHOWN_MAX = 200


@dataclass(frozen=True)
class Word:
    """A word as written, and where: an offset in the statement."""

    text: str
    offset: int = 0


@dataclass
class Instruction:
    """One instruction.

    Attributes:
        keyword: in capitals.
        statement: its lines.
        flags: by name, as written; one that may stand only once has one word.
        rest: all behind the flags.
        words: of the forms that have words, or an array's strings.
        is_exec: it is a JSON array.
        pairs: NAME and value of ENV, LABEL and ARG; None where there is no value.
        heredocs: that follow.
        inner: what an ONBUILD holds, or a HEALTHCHECK's CMD.
    """

    keyword: str
    statement: Statement
    flags: "dict[str, list[Word]]" = field(default_factory=dict)
    rest: Word = Word("")
    words: "list[Word]" = field(default_factory=list)
    is_exec: bool = False
    pairs: "list[tuple[Word, Word | None]]" = field(default_factory=list)
    inner: "Instruction | None" = None

    @property
    def heredocs(self) -> "list[Heredoc]":
        """The here-documents that follow it."""
        return self.statement.heredocs

    @property
    def text(self) -> str:
        """It on one line."""
        whole = " ".join(self.statement.text.split())
        return whole if len(whole) <= _SHOWN_MAX else whole[: _SHOWN_MAX - 3] + "..."

    def switch(self, name: str) -> bool:
        """Return whether a flag without a value is set."""
        words = self.flags.get(name)
        return bool(words) and words[-1].text.lower() not in ("false", "0")  # type: ignore[index]

    def fault(self, message: str, word: "Word | None" = None, *, hint: str = "") -> "SpecError":
        """Return an error about a word of it, or about the whole."""
        return self.statement.fault(message, word.offset if word else 0, hint=hint)


def parse(statement: Statement, escape: str, start: int = 0) -> Instruction:
    """Read one instruction.

    Args:
        statement: its lines.
        escape: the escape character.
        start: where in the statement it begins.

    Raises:
        SpecError: it has a fault.
    """
    text = statement.text
    end = start
    while end < len(text) and not text[end].isspace():
        end += 1
    keyword = text[start:end].upper()
    reader = _READERS.get(keyword)
    if reader is None:
        raise statement.fault(
            f'unknown instruction "{text[start:end][:60]}"', start, hint=_near(keyword)
        )
    made = Instruction(keyword, statement)
    at = _flags(made, _skip(text, end), escape)
    made.rest = Word(text[at:], at)
    if not made.rest.text:
        raise statement.fault(f"{keyword} needs something after it", start)
    reader(made, escape)
    return made


def _near(keyword: str) -> str:
    from difflib import get_close_matches

    near = get_close_matches(keyword, _READERS, n=1)
    return f"did you mean {near[0]}?" if near else f"one of {', '.join(sorted(_READERS))}"


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _flags(made: Instruction, at: int, escape: str) -> int:
    """Take the flags; returns where the rest begins."""
    text = made.statement.text
    known = FLAGS.get(made.keyword, ())
    while text.startswith("--", at):
        _offset, word = next(shell_words(text[at:], escape))
        end = _skip(text, at + len(word))
        if word == "--":
            return end
        name, equals, value = word[2:].partition("=")
        if name not in known:
            from difflib import get_close_matches

            near = get_close_matches(name, known, n=1)
            hint = f"did you mean --{near[0]}?" if near else ""
            if not known and made.keyword in ("CMD", "ENTRYPOINT"):
                return at  # part of a command
            raise made.statement.fault(f'{made.keyword} has no flag "--{name}"', at, hint=hint)
        if not equals and name not in SWITCHES:
            raise made.statement.fault(f"--{name} needs a value: --{name}=...", at)
        if name in made.flags and name not in REPEATED:
            raise made.statement.fault(f"--{name} is there twice", at)
        value_at = at + len(name) + 3 if equals else at
        made.flags.setdefault(name, []).append(Word(value if equals else "true", value_at))
        at = end
    return at


# ---- the forms ----------------------------------------------------------------------------


def _array(made: Instruction) -> bool:
    """Take a JSON array of strings; False where it is none."""
    if not made.rest.text.startswith("["):
        return False
    try:
        found = json.loads(made.rest.text)
    except (ValueError, RecursionError):
        return False
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        return False
    made.words = [Word(one, made.rest.offset) for one in found]
    made.is_exec = True
    return True


def _command(made: Instruction, _escape: str) -> None:
    _array(made)
    if made.is_exec and not made.words and made.keyword == "RUN":
        raise made.fault("an empty array: there is nothing to run", made.rest)


def _blank_words(made: Instruction) -> None:
    text, offset = made.rest.text, made.rest.offset
    at = 0
    while at < len(text):
        end = at
        while end < len(text) and not text[end].isspace():
            end += 1
        made.words.append(Word(text[at:end], offset + at))
        at = _skip(text, end)


def _words(made: Instruction, _escape: str) -> None:
    if made.keyword != "VOLUME" or not _array(made):
        _blank_words(made)


def _one(made: Instruction, _escape: str) -> None:
    """The whole rest is one word, blanks and all."""
    made.words = [made.rest]


def _copy(made: Instruction, _escape: str) -> None:
    if not _array(made):
        _blank_words(made)
    if len(made.words) < 2:
        hint = f"{made.keyword} SOURCE... TARGET"
        raise made.fault(f"{made.keyword} needs a source and a target", made.rest, hint=hint)


def _pairs(made: Instruction, escape: str) -> None:
    text, offset = made.rest.text, made.rest.offset
    found = list(shell_words(text, escape))
    if made.keyword != "ARG" and "=" not in found[0][1]:
        name, _blank, value = text.partition(" ") if " " in text else text.partition("\t")
        if not value.strip():
            raise made.fault(f"{made.keyword} needs NAME=VALUE", made.rest)
        value_at = offset + len(text) - len(value.lstrip())
        made.pairs = [(Word(name, offset), Word(value.strip(), value_at))]
        return
    for start, word in found:
        at = offset + start
        name, equals, value = word.partition("=")
        if not name or (not equals and made.keyword != "ARG"):
            hint = 'blanks in a value need quotes: NAME="a b"'
            raise made.fault(
                f'"{word}": {made.keyword} needs NAME=VALUE', Word(word, at), hint=hint
            )
        given = Word(value, at + len(name) + 1) if equals else None
        made.pairs.append((Word(name, at), given))


def _shell(made: Instruction, _escape: str) -> None:
    if not _array(made) or not made.words:
        hint = 'SHELL ["/bin/bash", "-c"]'
        raise made.fault("SHELL needs a JSON array of strings", made.rest, hint=hint)


def _onbuild(made: Instruction, escape: str) -> None:
    made.inner = parse(made.statement, escape, made.rest.offset)
    if made.inner.keyword in NOT_ON_BUILD:
        raise made.fault(f"{made.inner.keyword} can't be an ONBUILD", made.rest)


def _healthcheck(made: Instruction, escape: str) -> None:
    kind = made.rest.text.split(None, 1)[0].upper()
    if kind == "NONE":
        return
    if kind != "CMD":
        hint = "HEALTHCHECK CMD COMMAND, or HEALTHCHECK NONE"
        raise made.fault(f'HEALTHCHECK "{kind[:60]}" is neither CMD nor NONE', made.rest, hint=hint)
    made.inner = parse(made.statement, escape, made.rest.offset)


_READERS: "dict[str, Callable[[Instruction, str], None]]" = {
    "ADD": _copy,
    "ARG": _pairs,
    "CMD": _command,
    "COPY": _copy,
    "ENTRYPOINT": _command,
    "ENV": _pairs,
    "EXPOSE": _words,
    "FROM": _words,
    "HEALTHCHECK": _healthcheck,
    "LABEL": _pairs,
    "MAINTAINER": _one,
    "ONBUILD": _onbuild,
    "RUN": _command,
    "SHELL": _shell,
    "STOPSIGNAL": _one,
    "USER": _one,
    "VOLUME": _words,
    "WORKDIR": _one,
}
