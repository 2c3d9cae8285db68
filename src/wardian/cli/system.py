"""`wardian doctor`: say what this machine can do, and for each "no" what to install or set.

Exit code 0 where a box can run, 1 where not. The checks are kernel/checks.py; here they become a
table.
"""

import os
import sys

from wardian.cli import render
from wardian.errors import UsageError
from wardian.kernel import checks, probe
from wardian.runtime import launch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

USAGE = """\
usage: wardian doctor [--json]

Say what this machine and this user can do, and what to install or set for what they can't.

  --json      print all checks as JSON, for programs

Exit code: 0 where a box can run, 1 where not.
"""

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


def doctor(argv: list[str]) -> int:
    """Print what this machine can do.

    Args:
        argv: the words behind `wardian doctor`.

    Raises:
        UsageError: an unknown option.
    """
    as_json = False
    for word in argv:
        if word in ("-h", "--help"):
            render.out(USAGE)
            return 0
        if word != "--json":
            raise UsageError(f'unknown option "{word}"', hint="see `wardian doctor --help`")
        as_json = True
    found = checks.gather(launch.binary())
    ready = checks.is_ready(found)
    conclusion = checks.verdict(found, probe.facts())
    if as_json:
        rows = [check.as_dict() for check in found]
        render.json_out({"ready": ready, "verdict": conclusion, "checks": rows})
    else:
        lines = table(found, colour=_wants_colour(), marks=_can_print_marks())
        render.out("\n".join([*lines, "", conclusion]) + "\n")
    return 0 if ready else 1


def _wants_colour() -> bool:
    return (
        sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    )


def _can_print_marks() -> bool:
    try:
        "✓✗".encode(sys.stdout.encoding or "ascii")
    except UnicodeEncodeError:
        return False
    return True


def table(found: "Sequence[checks.Check]", *, colour: bool, marks: bool = True) -> list[str]:
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
        if not marks:
            mark = ASCII_MARKS[check.answer].ljust(4)
        if colour:
            mark = f"\033[{code}m{mark}\033[0m"
        lines.append(f"  {mark} {check.name.ljust(width)}  {check.detail}".rstrip())
        if check.remedy:
            indent = " " * (4 if marks else 7)
            lines.append(
                f"{indent}{' ' * width}  → {check.remedy}"
                if marks
                else f"{indent}-> {check.remedy}"
            )
    return lines
