"""Parse options from a table.

The habits are docker's (Go's pflag), since that is what fingers know: --name value, --name=value,
-e V, -eV, -e=V, clusters such as -it, a flag's --init, --init=false and --no-init. Options end at
the first word that is none, and at "--". The same table writes --help (cli/help.py).
"""

from wardian.errors import UsageError

FLAG, TEXT, LIST = "flag", "text", "list"

# Go's strconv.ParseBool
TRUTHS = {
    **dict.fromkeys(("1", "t", "T", "true", "TRUE", "True"), True),
    **dict.fromkeys(("0", "f", "F", "false", "FALSE", "False"), False),
}


class Option:
    """One row of an option table.

    Attributes:
        name: as written after "--".
        kind: FLAG, TEXT (the last one counts) or LIST (each one counts).
        metavar: what stands for the value in the help.
        text: what it does, for the help.
        short: its letter, or "".
        alias: a second name, or "".
        may_be_empty: an empty value means something.
    """

    __slots__ = ("alias", "kind", "may_be_empty", "metavar", "name", "short", "text")

    def __init__(
        self,
        name: str,
        metavar: str,
        text: str,
        *,
        kind: str,
        short: str = "",
        alias: str = "",
        may_be_empty: bool = False,
    ) -> None:
        self.may_be_empty = may_be_empty
        self.name = name
        self.metavar = metavar
        self.text = text
        self.kind = kind
        self.short = short
        self.alias = alias

    @property
    def keyword(self) -> str:
        """The name as a keyword of the Python API."""
        return self.name.replace("-", "_")


def flag(name: str, text: str, *, short: str = "") -> Option:
    """Return an option without a value."""
    return Option(name, "", text, kind=FLAG, short=short)


def value(
    name: str,
    metavar: str,
    text: str,
    *,
    short: str = "",
    alias: str = "",
    may_be_empty: bool = False,
) -> Option:
    """Return an option with a value, of which the last counts."""
    return Option(
        name, metavar, text, kind=TEXT, short=short, alias=alias, may_be_empty=may_be_empty
    )


def values(name: str, metavar: str, text: str, *, short: str = "") -> Option:
    """Return an option that may be given many times."""
    return Option(name, metavar, text, kind=LIST, short=short)


HELP = flag("help", "print this")


class Command:
    """What one command takes.

    Attributes:
        name: as typed.
        usage: the words after "wardian".
        text: what it does, in a sentence or a few.
        groups: (heading, options); HELP is added to the last.
        foreign: options that docker has and that have no meaning here yet, with blanks between.
    """

    __slots__ = ("foreign", "groups", "name", "text", "usage")

    def __init__(
        self,
        usage: str,
        text: str,
        groups: "tuple[tuple[str, tuple[Option, ...]], ...]" = (),
        *,
        foreign: str = "",
    ) -> None:
        self.name = usage.partition(" ")[0]
        self.usage = usage
        self.text = text
        last = groups[-1] if groups else ("Options", ())
        self.groups = (*groups[:-1], (last[0], (*last[1], HELP)))
        self.foreign = foreign

    def options(self) -> "list[Option]":
        """Return the options of all groups."""
        return [option for _heading, row in self.groups for option in row]


class Parsed:
    """What was typed.

    Attributes:
        values: by keyword, only what was given: bool, str or list of str.
        words: what is left before "--".
        command: what follows "--"; None where there was no "--".
    """

    __slots__ = ("command", "values", "words")

    def __init__(self) -> None:
        self.values: dict[str, object] = {}
        self.words: list[str] = []
        self.command: list[str] | None = None

    def take(self, keyword: str) -> bool:
        """Remove a flag that is the command line's own; returns whether it was set."""
        return bool(self.values.pop(keyword, False))


def parse(command: Command, argv: "list[str]", *, mixed: bool = False) -> Parsed:
    """Return what was typed. After --help nothing is looked at any more.

    Args:
        command: what it takes.
        argv: the words behind its name.
        mixed: options may follow words, as in all of docker's commands that start no program.

    Raises:
        UsageError: an option that is not in the table, or a value that lacks or is too many.
    """
    reader = _Reader(command, argv)
    parsed = reader.parsed
    words: list[str] = []
    while argv := reader.rest:
        word = argv[0]
        if word == "--":
            break
        if word[:1] != "-" or word == "-":
            if not mixed:
                break
            words.append(argv.pop(0))
            continue
        del argv[0]
        if word[:2] == "--":
            reader.take_long(word)
        else:
            reader.take_cluster(word)
        if "help" in parsed.values:
            return parsed
    rest = reader.rest
    if "--" in rest:
        at = rest.index("--")
        parsed.words, parsed.command = words + rest[:at], rest[at + 1 :]
    else:
        parsed.words = words + rest
    return parsed


class _Reader:
    """Takes options off the front of a list of words."""

    __slots__ = ("_command", "_names", "_shorts", "parsed", "rest")

    def __init__(self, command: Command, argv: "list[str]") -> None:
        self._command = command
        self._names: dict[str, Option] = {}
        self._shorts: dict[str, Option] = {}
        for option in command.options():
            self._names[option.name] = option
            if option.alias:
                self._names[option.alias] = option
            if option.short:
                self._shorts[option.short] = option
        self.rest = list(argv)
        self.parsed = Parsed()

    def take_long(self, word: str) -> None:
        name, equals, text = word[2:].partition("=")
        option = self._names.get(name)
        if option is None:
            opposite = self._names.get(name[3:]) if name[:3] == "no-" else None
            if opposite is None or opposite.kind != FLAG or equals:
                raise self._unknown(f"--{name}", name)
            self.parsed.values[opposite.keyword] = False
            return
        self._store(option, f"--{name}", text if equals else None)

    def take_cluster(self, word: str) -> None:
        letters = word[1:]
        while letters:
            letter, letters = letters[0], letters[1:]
            option = self._shorts.get(letter)
            if option is None:
                if letter == "h":
                    self.parsed.values["help"] = True
                    return
                raise self._unknown(f"-{letter}", letter)
            spelled = f"-{letter}"
            if option.kind == FLAG and letters[:1] != "=":
                self._store(option, spelled, None)
                continue
            self._store(option, spelled, letters.removeprefix("=") if letters else None)
            return

    def _store(self, option: Option, spelled: str, text: "str | None") -> None:
        stored = self.parsed.values
        if option.kind == FLAG:
            truth = True if text is None else TRUTHS.get(text)
            if truth is None:
                raise self._fault(f'option "{spelled}": "{text}" is neither true nor false')
            stored[option.keyword] = truth
            return
        if text is None:
            if not self.rest or self.rest[0] == "--":
                raise self._fault(f'option "{spelled}" needs a value: {spelled} {option.metavar}')
            text = self.rest.pop(0)
        if (
            not text and not option.may_be_empty
        ):  # more often a variable that is not set than a wish
            raise self._fault(f'option "{spelled}": the value is empty')
        if option.kind == LIST:
            row = stored.setdefault(option.keyword, [])
            row.append(text)  # type: ignore[attr-defined]
        else:
            stored[option.keyword] = text

    def _unknown(self, spelled: str, name: str) -> UsageError:
        if name in self._command.foreign.split():
            return self._fault(f'option "{spelled}" is docker\'s, and not there yet')
        if len(name) == 1:
            return self._fault(f'unknown option "{spelled}"')
        from difflib import get_close_matches

        near = [f"--{one}" for one in get_close_matches(name, self._names, n=3)]
        words = f" (did you mean {' or '.join(near)}?)" if near else ""
        return self._fault(f'unknown option "{spelled}"{words}')

    def _fault(self, message: str) -> UsageError:
        return UsageError(message, hint=f"see 'wardian {self._command.name} --help'")


def no_more(command: Command, parsed: Parsed) -> None:
    """Refuse words where a command takes none.

    Raises:
        UsageError: there is one.
    """
    extra = parsed.words + (parsed.command or [])
    if extra:
        raise UsageError(
            f'"wardian {command.name}" takes no "{extra[0]}"',
            hint=f"see 'wardian {command.name} --help'",
        )
