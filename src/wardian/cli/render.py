"""Lines for people and JSON for programs; the only place that prints.

Names of files may hold bytes that are no UTF-8, and messages may quote hostile text: what goes to a
terminal from here has no control characters, and a message is one line.
"""

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LINE_MAX = 2000
WIDTH, NARROW, WIDE = 80, 50, 120

_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), *range(127, 160))}
_CONTROL.update({ord("\n"): "\\n", ord("\t"): "\\t", ord("\r"): "\\r"})


def out(text: str, fd: int = 1) -> None:
    """Write to standard output or error; bytes that were no UTF-8 come out as they were."""
    out_bytes(text.encode("utf-8", "surrogateescape"), fd)


def out_bytes(content: bytes, fd: int = 1) -> None:
    """Write what a program wrote, as it is."""
    sys.stdout.flush()
    data = memoryview(content)
    while data:
        data = data[os.write(fd, data) :]


def json_out(document: object) -> None:
    """Write a document as JSON."""
    import json

    out(json.dumps(document, indent=2) + "\n")


def line(text: str) -> str:
    """Return text that fits in one line of a terminal."""
    clean = text.translate(_CONTROL)
    if len(clean) > LINE_MAX:
        clean = f"{clean[:LINE_MAX]}... ({len(clean)} letters)"
    return clean.encode("utf-8", "backslashreplace").decode("utf-8")


def complain(message: str, hint: str = "") -> None:
    """Write an error and its remedy to standard error."""
    rows = [f"wardian: {line(message)}"]
    if hint:
        rows.append(f"hint: {line(hint)}")
    # \r: the terminal may be in raw mode.
    end = "\r\n" if sys.stderr.isatty() else "\n"
    try:
        sys.stderr.write(end.join(rows) + end)
        sys.stderr.flush()
    except OSError:
        pass  # nobody listens; the exit code still tells


def warn(message: str) -> None:
    """Write a warning to standard error."""
    complain(f"warning: {message}")


def table(headings: "Sequence[str]", rows: "Iterable[Sequence[str]]") -> str:
    """Return rows under headings, in columns."""
    grid = [tuple(headings), *(tuple(line(cell) for cell in row) for row in rows)]
    widths = [max(len(row[column]) for row in grid) for column in range(len(headings))]
    lines = [
        "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in grid
    ]
    return "\n".join(lines) + "\n"


def width() -> int:
    """Return how many letters a line of help should have."""
    try:
        columns = os.get_terminal_size(1).columns
    except OSError:
        columns = 0
    return min(max(columns or WIDTH, NARROW), WIDE)
