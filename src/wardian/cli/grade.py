"""`wardian grade`: submissions against a problem's tests."""

import os

from wardian.cli import images, render
from wardian.cli.arguments import Command, flag, value
from wardian.cli.grading_progress import reporter
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
