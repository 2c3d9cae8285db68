"""The evidence bundle's page for a person, in Markdown (pure).

What the program chose (names, arguments) stands in code spans, with all that is not plain ASCII
escaped: neither a terminal nor a Markdown reader takes it for more than text.
"""

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

CELL = 200


def write(
    line: "dict[str, Any]",
    tree: "Sequence[tuple[int, int, str, str]]",
    left_out: "Sequence[str]",
) -> str:
    """Return the page.

    Args:
        line: the log's line of the violation.
        tree: (pid, parent, command line, state) of each process.
        left_out: what is not in the bundle.
    """
    moment = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(line["time"]))
    where = line["instruction"]
    place = where.get("address", "unknown")
    if "file" in where:
        place = f"{where['file']}+{where['offset']} ({place})"
    rows = [
        ("when", moment),
        ("box", line["box"]),
        ("policy", line["policy"]),
        ("what", f"{line['syscall']} (number {line['number']}, {line['arch'] or 'unknown'})"),
        (
            "who",
            f"{line['comm']}, pid {line['pid']} ({line['inner_pid']} inside), uid {line['uid']}",
        ),
        ("where", place),
        ("program", " ".join(line["argv"])),
        ("plan", f"sha256:{line['plan_hash']}"),
    ]
    text = [f"# Forbidden system call: {code(line['syscall'])}", ""]
    text += [
        "The kernel stopped the call before it happened; the caller executed nothing after it.",
        "",
    ]
    text += ["| | |", "| --- | --- |", *(f"| {name} | {code(value)} |" for name, value in rows), ""]
    text += ["## Arguments", "", "| argument | value |", "| --- | --- |"]
    text += [f"| {name} | {code(value)} |" for name, value in line["decoded"].items()]
    text += [f"| {place} | {code(value)} |" for place, value in enumerate(line["args"])]
    text += ["", "## Processes", "", "```text", *_tree(tree), "```", ""]
    text += ["## Files", "", "| file | what |", "| --- | --- |"]
    text += [f"| {name} | {about} |" for name, about in FILES]
    if left_out:
        text += ["", "## Left out", "", *(f"* {code(entry)}" for entry in left_out)]
    return "\n".join(text) + "\n"


FILES = (
    ("`event.json`", "the violation, as in the log"),
    ("`processes/PID/`", "status, limits, maps, stack, open files, environment of each process"),
    ("`core`", "memory and registers of the offender: `gdb PROGRAM core`"),
    ("`criu/PID/`", "CRIU's image, where one was asked for: `crit x criu/PID ps`"),
    ("`writable.tar`", "what the program wrote"),
    ("`cgroup/`", "the counters of the control group"),
    ("`manifest.json`", "every file with its SHA-256"),
)


def code(value: object) -> str:
    """Return text that somebody else chose, as a code span on one line of a table."""
    text = str(value)[:CELL]
    plain = (
        text.encode("unicode_escape").decode("ascii").replace("`", "\\x60").replace("|", "\\x7c")
    )
    return f"`{plain}`" if plain.strip() else ""


def _tree(rows: "Sequence[tuple[int, int, str, str]]") -> "list[str]":
    below: dict[int, list[tuple[int, int, str, str]]] = {}
    known = {row[0] for row in rows}
    for row in rows:
        below.setdefault(row[1] if row[1] in known else 0, []).append(row)
    lines: list[str] = []
    todo = [(row, 0) for row in reversed(below.get(0, []))]
    while todo:
        row, depth = todo.pop()
        command = row[2][:CELL].encode("unicode_escape").decode("ascii").replace("`", "\\x60")
        lines.append(f"{'  ' * min(depth, 20)}{row[0]} {row[3]} {command}")
        todo += [(child, depth + 1) for child in reversed(below.get(row[0], []))]
    return lines
