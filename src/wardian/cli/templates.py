"""Fill in templates as docker's users write them: "{{.Repository}}:{{.Tag}}", "{{json .Config}}".

The part of Go's text/template that formats need: fields, `if`, `else`, `range`, `end`, pipes, and
the functions of docker's and of Go's that make sense for documents. Anything else is refused with
its name. Values print as Go prints them: a list as [a b], an object as map[k:v], nothing as
"<no value>".

Source: Go text/template; docs.docker.com "Format command and log output".
"""

import re
from typing import TYPE_CHECKING, Any

from wardian.cli import render
from wardian.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_ACTION = re.compile(r"\{\{(-\s)?\s*(.*?)\s*(\s-)?\}\}", re.DOTALL)
_TOKEN = re.compile(
    r"""\s*(?:(?P<text>"(?:[^"\\]|\\.)*"|`[^`]*`)|(?P<number>-?\d+)|(?P<word>[A-Za-z]\w*)"""
    r"""|(?P<field>\.[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*|\.)|(?P<mark>[|()]))"""
)
_HINT = 'as in "{{.Repository}}:{{.Tag}}" or "{{json .Config}}"'
_DEPTH_MAX = 50

# A part of a template: fills in a value, and returns text.
Part = "Callable[[Any], str]"


def fill(template: str, value: object) -> str:
    """Return a template with a document's values.

    Raises:
        UsageError: it is no template, or asks for what the document lacks.
    """
    return compile(template)(value)


def compile(template: str) -> "Callable[[object], str]":  # noqa: A001 - the word of the field
    """Return a function that fills a template in.

    Raises:
        UsageError: it is no template.
    """
    reader = _Reader(template)
    part, end = reader.body(0)
    if end:
        raise reader.fault(f'"{end}" without "if" or "range"')
    return part


def lines(template: str, rows: "Sequence[dict[str, object]]", titles: "dict[str, object]") -> str:
    r"""Return a line for each row; "table " before the template asks for headings and columns.

    Args:
        template: as docker's lists take it: \t and \n may be spelled.
        rows: the fields that it may name.
        titles: their headings.
    """
    bare = template.removeprefix("table ").strip() if template.startswith("table ") else template
    line = compile(bare.replace("\\t", "\t").replace("\\n", "\n"))
    if bare is template:
        return "".join(f"{line(row)}\n" for row in rows)
    grid = [line(row).split("\t") for row in (titles, *rows)]
    widest = max(len(cells) for cells in grid)
    grid = [cells + [""] * (widest - len(cells)) for cells in grid]
    return render.table(grid[0], grid[1:])


class _Reader:
    """Reads a template from its start to its end."""

    def __init__(self, template: str) -> None:
        self._template = template
        self._pieces = iter(list(_pieces(template)))

    def fault(self, why: str) -> UsageError:
        return UsageError(f'format "{self._template[:200]}": {why}', hint=_HINT)

    def body(self, depth: int) -> "tuple[Callable[[Any], str], str]":
        """Return what comes before the next "end" or "else", and that word; "" at the end."""
        if depth > _DEPTH_MAX:
            raise self.fault("too deep")
        parts: list[Callable[[Any], str]] = []
        end = ""
        for is_action, text in self._pieces:
            first = text.split(None, 1)[0] if is_action and text else ""
            if not is_action:
                parts.append(_constant(text))
            elif text.startswith("/*") and text.endswith("*/"):
                continue
            elif first in ("if", "range"):
                parts.append(self._block(first, text[len(first) :], depth))
            elif first in ("end", "else"):
                end = text
                break
            else:
                parts.append(self._shown(self._pipe(text)))
        return lambda value: "".join(part(value) for part in parts), end

    @staticmethod
    def _shown(find: "Callable[[Any], Any]") -> "Callable[[Any], str]":
        return lambda value: shown(find(value))

    def _block(self, word: str, text: str, depth: int) -> "Callable[[Any], str]":
        find = self._pipe(text)
        inner, end = self.body(depth + 1)
        other: Callable[[Any], str] = _constant("")
        if end.startswith("else if "):
            other = self._block("if", end.removeprefix("else if"), depth + 1)
        elif end == "else":
            other, end = self.body(depth + 1)
        if not end.startswith(("end", "else if ")):
            raise self.fault(f'"{word}" without "end"')
        if word == "if":
            return lambda value: (inner if find(value) else other)(value)

        def repeat(value: "Any") -> str:
            found = find(value)
            rows = list(found.values()) if isinstance(found, dict) else list(found or [])
            return "".join(inner(row) for row in rows) if rows else other(value)

        return repeat

    # ---- what stands between the braces ----

    def _pipe(self, text: str) -> "Callable[[Any], Any]":
        return self._commands(self._tokens(text))

    def _tokens(self, text: str) -> "list[tuple[str, str]]":
        found, at = [], 0
        while at < len(text.rstrip()):
            match = _TOKEN.match(text, at)
            if not match or match.lastgroup is None:
                raise self.fault(f'"{text[at:].strip()}" is not understood')
            found.append((match.lastgroup, match.group(match.lastgroup)))
            at = match.end()
        if not found:
            raise self.fault("nothing stands between the braces")
        return found

    def _commands(self, tokens: "list[tuple[str, str]]", depth: int = 0) -> "Callable[[Any], Any]":
        """Take commands with "|" between off a list, up to ")" or the end."""
        steps: list[tuple[str, list[Callable[[Any], Any]]]] = []
        name = ""
        operands: list[Callable[[Any], Any]] = []
        is_closed = not depth
        while tokens:
            kind, text = tokens.pop(0)
            if text == ")" and kind == "mark":
                is_closed = not is_closed
                break
            if text == "|" and kind == "mark":
                steps.append((name, operands))
                name, operands = "", []
            elif kind == "mark":
                operands.append(self._commands(tokens, depth + 1))
            elif kind == "word" and text not in ("true", "false"):
                if name or operands or text not in _FUNCTIONS:
                    raise self.fault(f'"{text}" is not understood')
                name = text
            else:
                operands.append(self._operand(kind, text))
        if not is_closed or depth > _DEPTH_MAX:
            raise self.fault('"(" and ")" don\'t fit')
        steps.append((name, operands))
        for place, (name, operands) in enumerate(steps):
            if not (name or operands) or (not name and (place or len(operands) > 1)):
                raise self.fault("a function is missing")
        return _chain(steps, self.fault)

    def _operand(self, kind: str, text: str) -> "Callable[[Any], Any]":
        if kind == "number":
            return _constant(int(text))
        if kind == "word":
            return _constant(text == "true")
        if kind == "text":
            if text[0] == "`":
                return _constant(text[1:-1])
            import json

            try:
                return _constant(json.loads(text))
            except ValueError:
                raise self.fault(f"{text} is not understood") from None
        names = [name for name in text.split(".") if name]
        return lambda value: self._field(value, names)

    def _field(self, value: "Any", names: "list[str]") -> "Any":
        for depth, name in enumerate(names):
            if not isinstance(value, dict):
                raise self.fault(f'"{shown(value)[:100]}" has no field "{name}"')
            if name not in value and not depth:
                there = ", ".join(f".{one}" for one in value)
                raise self.fault(f'there is no field ".{name}"; there are {there}')
            value = value.get(name)
            if value is None:
                return None
        return value


def _pieces(template: str) -> "Iterator[tuple[bool, str]]":
    """Give a template's texts, and what stands in its braces: (is in braces, text)."""
    at, trims = 0, False
    for match in _ACTION.finditer(template):
        text = template[at : match.start()]
        text = text.lstrip() if trims else text
        yield False, text.rstrip() if match.group(1) else text
        yield True, match.group(2)
        at, trims = match.end(), bool(match.group(3))
    rest = template[at:]
    if "{{" in rest:
        raise UsageError(f'format "{template[:200]}": "{{{{" without "}}}}"', hint=_HINT)
    yield False, rest.lstrip() if trims else rest


def _constant(value: "Any") -> "Callable[[Any], Any]":
    return lambda _value: value


def _chain(
    steps: "list[tuple[str, list[Callable[[Any], Any]]]]", fault: "Callable[[str], UsageError]"
) -> "Callable[[Any], Any]":
    def run(value: "Any") -> "Any":
        result: list[Any] = []
        for name, operands in steps:
            arguments = [find(value) for find in operands] + result
            if not name:
                result = arguments
                continue
            try:
                result = [_FUNCTIONS[name](*arguments)]
            except (TypeError, LookupError, ValueError, AttributeError):
                words = " ".join(shown(one)[:100] for one in arguments)
                raise fault(f"{name} {words}: it can't be done with that") from None
        return result[0]

    return run


# ---- values --------------------------------------------------------------------------------------


def shown(value: object) -> str:
    """Return a value as Go prints it."""
    if value is None:
        return "<no value>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return f"map[{' '.join(f'{key}:{shown(value[key])}' for key in sorted(value))}]"
    if isinstance(value, list | tuple):
        return f"[{' '.join(shown(one) for one in value)}]"
    return str(value)


def _json(value: object) -> str:
    import json

    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _index(value: "Any", *places: "Any") -> "Any":
    for place in places:
        if value is None:
            return ""
        if isinstance(place, int) and place < 0:
            raise IndexError
        value = value.get(place, "") if isinstance(value, dict) else value[place]
    return value


def _and(*values: "Any") -> "Any":
    return next((value for value in values if not value), values[-1])


def _or(*values: "Any") -> "Any":
    return next((value for value in values if value), values[-1])


_FUNCTIONS: "dict[str, Callable[..., Any]]" = {
    "and": _and,
    "eq": lambda first, *others: first in others,
    "index": _index,
    "join": lambda values, between: between.join(shown(one) for one in values or []),
    "json": _json,
    "len": lambda value: len(value or ()),
    "lower": lambda text: text.lower(),
    "ne": lambda one, other: one != other,
    "not": lambda value: not value,
    "or": _or,
    "print": lambda *values: "".join(shown(one) for one in values),
    "println": lambda *values: " ".join(shown(one) for one in values) + "\n",
    "split": lambda text, between: text.split(between),
    "title": lambda text: text.title(),
    "truncate": lambda text, length: text[:length],
    "upper": lambda text: text.upper(),
}
