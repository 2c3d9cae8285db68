"""`wardian grade`: submissions against a problem's tests.

A line appears as its submission is graded, and on a terminal a bar stands below them, redrawn in
place; its time left counts the submissions graded in this run, since earlier results cost nothing.
"""

import os
import time

from wardian.cli import images, render
from wardian.cli.arguments import Command, flag, value
from wardian.cli.progress import clock
from wardian.grade import html_report, report, spec, store, submissions
from wardian.grade.grading import Grading
from wardian.units import parse_integer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from wardian.cli.arguments import Parsed
    from wardian.grade.problem import Problem
    from wardian.grade.results import SubmissionResult

OUTPUT = "grades"
JUDGE_FAILED = 2
NAME_LETTERS = 40
BAR_MIN, BAR_MAX = 10, 40

GRADE = Command(
    "grade [OPTIONS] SPEC SUBMISSIONS",
    "Compile and run each file or directory in SUBMISSIONS against the tests of SPEC, a problem's"
    " TOML file (or the directory with its problem.toml), in sandboxes; write report.html,"
    " report.json and a result for each submission."
    "\n\nWhat was graded before is taken as it is, as long as problem, submission and compiler are"
    " the same: after an interruption, give the same command again.",
    (
        (
            "Options",
            (
                value("output", "DIR", f"for reports and results ({OUTPUT})", short="o"),
                value("jobs", "N", "submissions at a time (one for each processor)", short="j"),
                flag("resume", "take earlier results (the default); --no-resume grades all again"),
                flag("confirm", "run a test that ends at a time limit again, with no other beside"),
                value("evidence", "DIR", "gets a bundle of evidence for each violation"),
                value("log", "FILE|syslog", "gets one line of JSON for each forbidden call"),
                flag("json", "print the report, and no progress"),
                flag("quiet", "print nothing but errors", short="q"),
            ),
        ),
    ),
)


def grade(argv: "list[str]") -> int:
    """Grade submissions; returns 0, or 2 where the judge failed for one of them."""
    parsed = images.parsed_or_help(GRADE, argv)
    if parsed is None:
        return 0
    specification, path = images.words(GRADE, parsed, 2, 2)
    problem = spec.load(specification)
    names = submissions.names_in(path)
    output = str(parsed.values.get("output", OUTPUT))
    is_quiet, as_json = bool(parsed.values.get("quiet")), bool(parsed.values.get("json"))
    keeper = store.Store(output)
    show = reporter(len(names), quiet=is_quiet or as_json)
    with _grading(problem, keeper, parsed) as grading:
        try:
            results = grading.run(path, names, show)
        except KeyboardInterrupt:
            show.close()
            if not is_quiet:
                words = "stopped; the same command goes on where this one was"
                render.out(f"wardian: {words}\n", 2)
            raise
        show.close()
    _write(output, problem, results)
    if as_json:
        render.json_out(report.document(problem, results))
    elif not is_quiet:
        render.out(_summary(results, output))
    return JUDGE_FAILED if any(one.has_judge_error for one in results) else 0


def _grading(problem: "Problem", keeper: store.Store, parsed: "Parsed") -> Grading:
    words = parsed.values
    jobs = words.get("jobs")
    log = words.get("log")
    return Grading(
        problem,
        store=keeper,
        jobs=None if jobs is None else parse_integer(jobs, 'option "--jobs"', 1, 256),
        resume=bool(words.get("resume", True)),
        confirm=bool(words.get("confirm")),
        evidence=_path(words.get("evidence")),
        log=None if log is None else str(log),
    )


def _path(found: object) -> str | None:
    return None if found is None else str(found)


def _write(output: str, problem: "Problem", results: "Sequence[SubmissionResult]") -> None:
    store.write(os.path.join(output, "report.json"), report.to_json(problem, results))
    page = html_report.page(problem, results).encode("utf-8", "backslashreplace")
    store.write(os.path.join(output, "report.html"), page)


def _summary(results: "Sequence[SubmissionResult]", output: str) -> str:
    found = ", ".join(f"{count} {word}" for word, count in report.counts(results).items())
    return f"{len(results)} graded: {found}\n{os.path.join(output, 'report.html')}\n"


# ---- progress ------------------------------------------------------------------------------------


class Silent:
    """Shows nothing."""

    def __call__(self, result: "SubmissionResult", is_earlier: bool) -> None:
        """Take a result."""

    def close(self) -> None:
        """End."""


class Lines(Silent):
    """A line for each submission.

    Args:
        whole: how many there are.
        fd: where to.
    """

    def __init__(self, whole: int, fd: int = 1) -> None:
        self._whole, self._fd = whole, fd
        self._done = self._graded = 0
        self._started_s = time.monotonic()

    def __call__(self, result: "SubmissionResult", is_earlier: bool) -> None:
        """Take a result."""
        self._done += 1
        self._graded += not is_earlier
        self._show(line(result, is_earlier=is_earlier))

    def _show(self, text: str) -> None:
        render.out(f"{text}\n", self._fd)


class Bar(Lines):
    """Lines, and a bar below them."""

    def __init__(self, whole: int, fd: int = 1) -> None:
        super().__init__(whole, fd)
        render.out(f"\r{self.bar(_columns(fd) - 1)}\033[K", fd)

    def _show(self, text: str) -> None:
        columns = _columns(self._fd) - 1
        head = f"\r{text[:columns]}\033[K\n"
        render.out(f"{head}\r{self.bar(columns)}\033[K", self._fd)

    def bar(self, columns: int) -> str:
        """Return the bar: "[====>    ] 12/40  18s"."""
        amount = f" {self._done}/{self._whole}{self._left()}"
        room = min(BAR_MAX, columns - len(amount) - 2)
        if room < BAR_MIN:
            return amount.strip()[:columns]
        filled = self._done * room // self._whole
        bar = "=" * filled + (">" if filled < room else "")
        return f"[{bar:<{room}}]{amount}"

    def _left(self) -> str:
        if not self._graded or self._done == self._whole:
            return ""
        each_s = (time.monotonic() - self._started_s) / self._graded
        return f"  {clock(each_s * (self._whole - self._done))}"

    def close(self) -> None:
        """Leave the bar: what follows begins a line of its own."""
        render.out("\r\033[K", self._fd)


def line(result: "SubmissionResult", *, is_earlier: bool) -> str:
    """Return a result in one line."""
    name = render.line(result.name)
    if len(name) > NAME_LETTERS:
        name = f"{name[: NAME_LETTERS - 3]}..."
    points = f"{round(result.points, 2):.10g}/{round(result.of, 2):.10g}"
    language = f"  {result.language}" if result.language else ""
    more = "  (graded before)" if is_earlier else ""
    return f"{name:<24} {result.judgement:<14} {points:>9}{language}{more}"


def reporter(whole: int, *, quiet: bool, fd: int = 1) -> Silent:
    """Return what shows progress on this standard output.

    Args:
        whole: how many submissions there are.
        quiet: nothing.
        fd: where to.
    """
    if quiet:
        return Silent()
    if os.isatty(fd) and os.environ.get("TERM", "dumb") != "dumb":
        return Bar(whole, fd)
    return Lines(whole, fd)


def _columns(fd: int) -> int:
    try:
        return os.get_terminal_size(fd).columns or 80
    except OSError:
        return 80
