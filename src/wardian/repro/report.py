"""A check's report as one document, from which text, JSON and HTML are made.

diffoscope, where it is installed, adds its own view of each pair of files; it knows more formats.

Programs: diffoscope(1).
"""

import shutil
import subprocess
from typing import Any

from wardian.repro import compare, reasons
from wardian.repro.check import Difference, Report
from wardian.repro.outputs import EXIT_CODE, Entry

FORMAT = 1
SHOWN = 200  # differences that are looked into
DIFFOSCOPE_S = 60
DIFFOSCOPE_LINES = 200
DIFFOSCOPE_FILES = 10
BY_ITSELF = "by itself: with nothing varied"


def document(report: Report, *, diffoscope: bool = True, **facts: object) -> "dict[str, Any]":
    """Return the report as JSON has it.

    Args:
        report: of a check.
        diffoscope: ask it too, where it is installed.
        facts: what the caller adds, such as the command.
    """
    tool = shutil.which("diffoscope") if diffoscope else None
    rows = []
    for number, one in enumerate(report.differences):
        row = _difference(one, deep=number < SHOWN)
        if tool and number < DIFFOSCOPE_FILES:
            row["diffoscope"] = _diffoscope(tool, one)
        rows.append(row)
    return {
        "format": FORMAT,
        "reproducible": report.is_reproducible,
        "runs": report.runs,
        **facts,
        "varied": [{"name": one.name, "text": one.text} for one in report.varied],
        "not_varied": report.not_varied,
        "same": report.same,
        "differences": rows,
    }


def _difference(one: Difference, *, deep: bool) -> "dict[str, Any]":
    row: dict[str, Any] = {
        "path": one.path,
        "causes": [list(names) for names in one.causes],
        "by_itself": one.by_itself,
        "control": _entry(one.control),
        "varied": _entry(one.varied),
        "conditions": list(one.varied_conditions.varied),
    }
    parts = places(one) if deep else []
    row["places"] = [
        {
            "where": part.where,
            "what": part.what,
            "offset": part.offset,
            "count": part.count,
            "diff": part.lines,
            "reasons": reasons.reasons(part, one),
        }
        for part in parts
    ]
    # What has a reason says more than the build ids and addresses that follow from it.
    row["places"].sort(key=lambda place: not place["reasons"])
    likely = [reason for place in row["places"] for reason in place["reasons"]]
    row["reasons"] = list(dict.fromkeys(likely))[:5]
    row["advice"] = reasons.advice(one)
    return row


def _entry(entry: "Entry | None") -> "dict[str, object] | None":
    if entry is None:
        return None
    return {
        "kind": entry.kind,
        "digest": entry.digest,
        "size": entry.size,
        "mode": f"{entry.mode:04o}",
    }


def places(one: Difference) -> "list[compare.Part]":
    """Return the places in which an output differs."""
    mine, theirs = one.control, one.varied
    if mine is None or theirs is None:
        here, gone = b"here", b"not here"
        words = (gone, here) if mine is None else (here, gone)
        lines = [f"-{words[0].decode()}", f"+{words[1].decode()}"]
        return [compare.Part(what="present", one=words[0], other=words[1], lines=lines)]
    if one.path == EXIT_CODE:
        lines = [f"-exit code {mine.digest}", f"+exit code {theirs.digest}"]
        return [compare.Part(what="exit code", lines=lines)]
    if mine.kind != theirs.kind:
        lines = [f"-{mine.kind}", f"+{theirs.kind}"]
        return [compare.Part(what="kind", lines=lines)]
    if mine.place and theirs.place:
        found = compare.compare(mine.content(compare.LIMIT), theirs.content(compare.LIMIT))
        if found:
            return found
    lines = [f"-mode {mine.mode:04o}", f"+mode {theirs.mode:04o}"]
    modes = [f"{entry.mode:04o}".encode() for entry in (mine, theirs)]
    return [compare.Part(what="mode", one=modes[0], other=modes[1], lines=lines)]


def _diffoscope(tool: str, one: Difference) -> str:
    if not (one.control and one.varied and one.control.place and one.varied.place):
        return ""
    command = [tool, "--no-progress", "--text", "-", "--max-text-report-size", "100000"]
    try:
        done = subprocess.run(
            [*command, one.control.place, one.varied.place],
            capture_output=True,
            check=False,
            timeout=DIFFOSCOPE_S,
        )
    except subprocess.TimeoutExpired:
        return f"diffoscope took more than {DIFFOSCOPE_S} s"
    lines = done.stdout.decode("utf-8", "replace").splitlines()[2:]
    if len(lines) > DIFFOSCOPE_LINES:
        lines[DIFFOSCOPE_LINES:] = [f"... and {len(lines) - DIFFOSCOPE_LINES} lines more"]
    return "\n".join(lines)


# ---- for people ---------------------------------------------------------------------------


def text(document: "dict[str, Any]") -> "list[str]":
    """Return the document as lines for a terminal."""
    lines = []
    for row in document["differences"]:
        lines += ["", row["path"], f"  cause:  {cause(row)}"]
        lines += [f"  likely: {reason}" for reason in row["reasons"][:3]]
        lines += [f"  advice: {one}" for one in dict.fromkeys(row["advice"])]
        for place in row["places"][:3]:
            lines.append(f"  {where(place)}")
            lines += [f"    {line}" for line in place["diff"][:8]]
            if len(place["diff"]) > 8:
                lines.append(f"    ... {len(place['diff']) - 8} lines more")
        if len(row["places"]) > 3:
            lines.append(f"  ... {len(row['places']) - 3} places more")
    return [*lines, "", verdict(document)][1:]


def cause(row: "dict[str, Any]") -> str:
    """Return what makes an output differ, in words."""
    if row["by_itself"]:
        return BY_ITSELF
    alone = [names[0] for names in row["causes"] if len(names) == 1]
    together = [" with ".join(names) for names in row["causes"] if len(names) > 1]
    words = ", ".join(alone) + (" (each alone)" if len(alone) > 1 else "")
    if together:
        words += ("; " if words else "") + "; ".join(f"only together: {one}" for one in together)
    return words


def where(place: "dict[str, Any]") -> str:
    """Return where a place is, in words."""
    words = place["where"]
    if place["what"] == "bytes":
        size = f"{place['count']} bytes" if place["count"] != 1 else "1 byte"
        return (f"{words}, " if words else "") + f"{size} at offset {place['offset']}"
    if place["what"] == "text":
        return (f"{words}, " if words else "") + "as text"
    return (f"{words}, " if words else "") + str(place["what"])


def verdict(document: "dict[str, Any]") -> str:
    """Return the result in one line."""
    count, runs = len(document["differences"]), document["runs"]
    kinds = len(document["varied"])
    if count:
        total = count + len(document["same"])
        return f"NOT reproducible: {count} of {total} outputs differ ({runs} runs)"
    return f"reproducible: {same(len(document['same']))}, with {kinds} variations ({runs} runs)"


def same(count: int) -> str:
    """Say how many outputs are the same."""
    return (
        f"{count} outputs are the same bit for bit"
        if count != 1
        else "1 output is the same bit for bit"
    )
