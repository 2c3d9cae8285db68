"""Write --help from the tables of options."""

from wardian.cli import render
from wardian.cli.arguments import FLAG, LIST, Command, Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

INDENT = 6  # room for "  -x, "
COLUMN_MAX = 34


def show(command: Command) -> int:
    """Print a command's help; returns the exit code."""
    render.out(text(command, render.width()))
    return 0


def text(command: Command, width: int) -> str:
    """Return a command's help in lines of at most `width` letters, where words allow it."""
    lines = [f"usage: wardian {command.usage}", ""]
    for paragraph in command.text.split("\n\n"):
        lines.extend([*wrap(paragraph, width), ""])
    for heading, options in command.groups:
        lines.append(f"{heading}:")
        for option in options:
            lines.extend(_option(option, width))
        lines.append("")
    if any(option.kind == LIST for option in command.options()):
        lines.append("Options with ... may be repeated.")
    return "\n".join(lines).rstrip("\n") + "\n"


def rows(pairs: "Iterable[tuple[str, str]]", width: int) -> "list[str]":
    """Return names with their texts beside them."""
    pairs = list(pairs)
    column = max(len(name) for name, _text in pairs) + 4
    lines = []
    for name, words in pairs:
        first, *more = wrap(words, max(width - column, 20))
        lines.append(f"  {name:<{column - 2}}{first}")
        lines.extend(" " * column + row for row in more)
    return lines


def _option(option: Option, width: int) -> "list[str]":
    short = f"-{option.short}, " if option.short else ""
    left = f"{short:>{INDENT}}--{option.name}"
    if option.kind != FLAG:
        left += f" {option.metavar}"
    if option.kind == LIST:
        left += " ..."
    column = min(COLUMN_MAX, width // 2)
    lines = wrap(option.text, width - column)
    if len(left) > column - 2:
        return [left, *(" " * column + row for row in lines)]
    first, *more = lines
    return [f"{left:<{column}}{first}", *(" " * column + row for row in more)]


def wrap(words: str, width: int) -> "list[str]":
    """Break text into lines of at most `width` letters; a longer word gets a line of its own."""
    lines: list[str] = [""]
    for word in words.split():
        if lines[-1] and len(lines[-1]) + 1 + len(word) > width:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".lstrip()
    return lines
