"""`wardian doctor`: say what this machine can do, and for each "no" what to install or set.

Exit code 0 where a box can run, 1 where not. The checks are kernel/checks.py; here they become a
table.
"""

import os
import sys

from wardian.cli import arguments, exit_codes, render
from wardian.cli.arguments import Command, flag
from wardian.kernel import checks, probe
from wardian.runtime import launch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

DOCTOR = Command(
    "doctor [--json]",
    "Say what this machine and this user can do, and what to install or set for what they can't."
    " Ends with 0 where a box can run, with 1 where not.",
    (("Options", (flag("json", "as JSON, for programs"),)),),
)

TITLES = {
    "system": "System",
    "isolation": "Namespaces",
    "files": "File systems",
    "privilege": "Privilege",
    "limits": "Limits",
    "helpers": "Helpers",
}
MARKS = {checks.YES: ("✓", "32"), checks.NO: ("✗", "31"), checks.PARTLY: ("~", "33")}
ASCII_MARKS = {checks.YES: "yes", checks.NO: "no", checks.PARTLY: "part"}


def doctor(argv: "list[str]") -> int:
    """Print what this machine can do.

    Args:
        argv: the words behind `wardian doctor`.
    """
    parsed = arguments.parse(DOCTOR, argv)
    if parsed.take("help"):
        from wardian.cli import help as helping

        return helping.show(DOCTOR)
    arguments.no_more(DOCTOR, parsed)
    found = checks.gather(launch.binary())
    ready = checks.is_ready(found)
    conclusion = checks.verdict(found, probe.facts())
    if parsed.take("json"):
        rows = [check.as_dict() for check in found]
        render.json_out({"ready": ready, "verdict": conclusion, "checks": rows})
    else:
        lines = table(found, colour=_wants_colour(), marks=_can_print_marks())
        render.out("\n".join([*lines, "", conclusion]) + "\n")
    return 0 if ready else exit_codes.FAILED


def _wants_colour() -> bool:
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return sys.stdout.isatty()


def _can_print_marks() -> bool:
    try:
        "✓✗".encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def table(found: "Sequence[checks.Check]", *, colour: bool, marks: bool = True) -> "list[str]":
    """Return the checks as lines, a heading for each group, remedies indented below their rows.

    Args:
        found: the checks, sorted by group.
        colour: with terminal escapes.
        marks: ✓ and ✗ for yes and no.
    """
    width = max((len(check.name) for check in found), default=0)
    lines: list[str] = []
    group = ""
    for check in found:
        if check.group != group:
            group = check.group
            lines += ["", TITLES[group]] if lines else [TITLES[group]]
        mark, code = MARKS[check.answer]
        arrow = "→"
        if not marks:
            mark, arrow = ASCII_MARKS[check.answer].ljust(4), "->"
        indent = " " * (len(mark) + 5 + width)
        if colour:
            mark = f"\033[{code}m{mark}\033[0m"
        detail = render.line(check.detail)
        lines.append(f"  {mark} {check.name.ljust(width)}  {detail}".rstrip())
        if check.remedy:
            lines.append(f"{indent}{arrow} {render.line(check.remedy)}")
    return lines
