"""The report as one HTML page, for people: an overview, and each submission below it.

What a submission chose (names, output, errors) is text and nothing else: escaped, with all that is
not printable (control characters, marks that turn the direction of writing) shown as escapes. The
page has no script and may load nothing (Content-Security-Policy), should an escape be missing.
"""

import html

from wardian.grade import report
from wardian.grade.html_style import STYLE
from wardian.grade.results import Judgement
from wardian.units import format_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from wardian.grade.problem import Problem
    from wardian.grade.results import GroupResult, SubmissionResult, TestResult

# Class of the style, and letter of the square.
MARKS = {
    Judgement.ACCEPTED: ("good", "✓"),
    Judgement.PARTIAL: ("part", "½"),
    Judgement.WRONG_ANSWER: ("bad", "✗"),
    Judgement.TIME_LIMIT: ("limit", "T"),
    Judgement.WALL_TIME: ("limit", "W"),
    Judgement.MEMORY_LIMIT: ("limit", "M"),
    Judgement.OUTPUT_LIMIT: ("limit", "O"),
    Judgement.DISK_LIMIT: ("limit", "D"),
    Judgement.PROCESS_LIMIT: ("limit", "P"),
    Judgement.RUNTIME_ERROR: ("bad", "R"),
    Judgement.VIOLATION: ("alarm", "!"),
    Judgement.COMPILE_ERROR: ("bad", "C"),
    Judgement.REJECTED: ("bad", "–"),
    Judgement.SKIPPED: ("skip", "·"),
    Judgement.JUDGE_ERROR: ("alarm", "?"),
}
# What a page may hold before a browser is slow: rows of tests; blocks of errors for a submission.
MOST_ROWS, MOST_BLOCKS = 20_000, 5
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def text(content: str, *, keep: str = "") -> str:
    """Return text as HTML shows it.

    Args:
        content: hostile or not.
        keep: letters that are not printable and may stay.
    """
    plain = "".join(
        letter
        if letter.isprintable() or letter in keep
        else letter.encode("unicode_escape", "surrogatepass").decode("ascii")
        for letter in content
    )
    return html.escape(plain, quote=True)


def name_of(result: "SubmissionResult") -> str:
    """Return a submission's name as HTML shows it; bytes that are no UTF-8 as escapes."""
    data = result.name.encode("utf-8", "surrogateescape")
    return f"<bdi>{text(data.decode('utf-8', 'backslashreplace'))}</bdi>"


def page(problem: "Problem", results: "Sequence[SubmissionResult]") -> str:
    """Return the whole page."""
    is_short = sum(len(one.tests) for one in results) > MOST_ROWS
    ordered = sorted(results, key=lambda one: (-one.points, one.name))
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{text(problem.title)}</title><style>{STYLE}</style></head><body><main>",
        *_head(problem, results),
        *_overview(problem, ordered),
        "<h2>Submissions</h2>",
        '<p class="about">Tests that were passed are left out below.</p>' if is_short else "",
        *(_details(problem, (at, one), is_short=is_short) for at, one in enumerate(ordered)),
        f"<footer>verdicts sha256:{report.verdicts_hash(results)}<br>",
        f"problem sha256:{problem.fingerprint}</footer>",
        "</main></body></html>",
    ]
    return "\n".join(parts) + "\n"


def _head(problem: "Problem", results: "Sequence[SubmissionResult]") -> "list[str]":
    parts = [f"<h1>{text(problem.title)}</h1>", '<p class="counts">']
    whole = "submission" if len(results) == 1 else "submissions"
    parts.append(f"<span><strong>{len(results)}</strong> {whole}</span>")
    for word, count in report.counts(results).items():
        parts.append(f"<span>{_pill(Judgement(word))} {count}</span>")
    parts.append("</p>")
    rows = sorted({row for one in results for row in one.degraded})
    if rows:
        items = "".join(f"<li>{text(row)}</li>" for row in rows)
        parts.append(f'<div class="note">Not enforced in full here:<ul>{items}</ul></div>')
    return parts


def _overview(problem: "Problem", results: "Sequence[SubmissionResult]") -> "list[str]":
    groups = problem.groups if len(problem.groups) > 1 else ()
    heads = ["Submission", "Language", "Points", "Verdict"]
    heads += [f"<bdi>{text(group.name)}</bdi>" for group in groups]
    heads += ["Tests", "Time", "Memory"]
    parts = ['<div class="wide"><table class="overview"><thead><tr>']
    parts += [f"<th>{head}</th>" for head in heads]
    parts.append("</tr></thead><tbody>")
    for number, one in enumerate(results):
        slowest = max((test.cpu_s for test in one.tests), default=0.0)
        largest = max((test.memory_bytes for test in one.tests), default=0)
        by_group = {row.group: row for row in one.groups}
        cells = [
            f'<td class="name"><a href="#s{number}">{name_of(one)}</a></td>',
            f"<td>{text(one.language)}</td>",
            f'<td class="number">{_points(one.points, one.of)}</td>',
            f"<td>{_pill(one.judgement)}</td>",
            *(_group_cell(by_group.get(group.name)) for group in groups),
            f'<td class="squares">{"".join(_square(test) for test in one.tests)}</td>',
            f'<td class="number">{_time(slowest) if one.tests else ""}</td>',
            f'<td class="number">{_memory(largest) if one.tests else ""}</td>',
        ]
        parts.append(f"<tr>{''.join(cells)}</tr>")
    parts.append("</tbody></table></div>")
    return parts + _legend(results)


def _legend(results: "Sequence[SubmissionResult]") -> "list[str]":
    """Say what the letters in the squares mean, as far as there are some."""
    there = {test.judgement for one in results for test in one.tests}
    parts = [
        f'<span><span class="square {kind}">{letter}</span> {_words(judgement)}</span>'
        for judgement, (kind, letter) in MARKS.items()
        if judgement in there
    ]
    return ['<p class="counts legend">', *parts, "</p>"] if parts else []


def _group_cell(group: "GroupResult | None") -> str:
    if group is None:
        return '<td class="number">0</td>'
    mark = "good" if group.passed else ""
    return f'<td class="number {mark}">{_number(group.points)}</td>'


def _details(
    problem: "Problem", numbered: "tuple[int, SubmissionResult]", *, is_short: bool
) -> str:
    number, result = numbered
    blocks = 0
    is_open = " open" if result.message else ""
    parts = [
        f'<details id="s{number}"{is_open}><summary>{name_of(result)} {_pill(result.judgement)}',
        f" <span>{_number(result.points)} of {_number(result.of)} points</span></summary>",
    ]
    about = result.version or result.language
    if about:
        parts.append(f'<p class="about">{text(about)}</p>')
    if result.message:
        parts.append(_block(result.message))
    if result.tests:
        parts.append(
            '<div class="wide"><table><thead><tr><th>Test</th><th>Verdict</th><th>Part</th>'
            "<th>Time</th><th>Memory</th><th>Why</th></tr></thead><tbody>"
        )
        for group in problem.groups:
            mine = [test for test in result.tests if test.group == group.name]
            if len(problem.groups) > 1:
                parts.append(_group_row(group.name, result))
            for test in mine:
                if is_short and test.passed:
                    continue
                blocks += bool(test.stderr.strip())
                parts.append(_test_row(test, shows_errors=blocks <= MOST_BLOCKS))
        parts.append("</tbody></table></div>")
    parts.append("</details>")
    return "".join(parts)


def _group_row(name: str, result: "SubmissionResult") -> str:
    found = next((row for row in result.groups if row.group == name), None)
    points = f"{_number(found.points)} of {_number(found.of)} points" if found else ""
    return (
        f'<tr class="group"><th colspan="6"><bdi>{text(name)}</bdi> <span>{points}</span></th></tr>'
    )


def _test_row(test: "TestResult", *, shows_errors: bool) -> str:
    ran = bool(test.outcome)
    why = text(test.message)
    if test.syscall and test.syscall not in test.message:
        why += f" {text(test.syscall)}"
    if test.evidence:
        why += f"<br>evidence: <code>{text(test.evidence)}</code>"
    if shows_errors and test.stderr.strip():
        why += _block(test.stderr)
    return (
        f"<tr><td><bdi>{text(test.test)}</bdi></td><td>{_pill(test.judgement)}</td>"
        f'<td class="number">{_number(test.fraction)}</td>'
        f'<td class="number">{_time(test.cpu_s) if ran else ""}</td>'
        f'<td class="number">{_memory(test.memory_bytes) if ran else ""}</td>'
        f'<td class="why">{why}</td></tr>'
    )


def _block(content: str) -> str:
    return f"<pre>{text(content, keep=chr(10) + chr(9))}</pre>"


def _words(judgement: Judgement) -> str:
    return judgement.replace("_", " ").lower()


def _pill(judgement: Judgement) -> str:
    kind, _letter = MARKS[judgement]
    return f'<span class="pill {kind}">{_words(judgement)}</span>'


def _square(test: "TestResult") -> str:
    kind, letter = MARKS[test.judgement]
    words = f"{test.test}: {_words(test.judgement)}"
    return f'<span class="square {kind}" title="{text(words)}">{letter}</span>'


def _points(won: float, of: float) -> str:
    share = won / of if of else 0.0
    return (
        f'{_number(won)}<meter value="{share:.4f}" title="{_number(won)} of {_number(of)}"></meter>'
    )


def _number(value: float) -> str:
    return f"{round(value, 2):.10g}"


def _time(seconds: float) -> str:
    return f"{seconds:.2f}&nbsp;s" if seconds >= 0.995 else f"{seconds * 1000:.0f}&nbsp;ms"


def _memory(count: int) -> str:
    return text(format_size(count))
