"""The report as plain data: what was graded, by what, and how it came out.

The hash of the verdicts says whether two gradings agree: it leaves out figures of time and memory.
"""

import hashlib
import json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from wardian.grade.problem import Problem
    from wardian.grade.results import SubmissionResult

FORMAT = 1


def document(problem: "Problem", results: "Sequence[SubmissionResult]") -> "dict[str, Any]":
    """Return the report.

    Args:
        problem: that was graded.
        results: of all submissions, in order.
    """
    rows = [_submission(one) for one in results]
    versions = {one.language: one.version for one in results if one.version}
    return {
        "format": FORMAT,
        "problem": {
            "name": problem.name,
            "title": problem.title,
            "points": problem.points,
            "fingerprint": problem.fingerprint,
            "groups": [
                {
                    "name": group.name,
                    "points": group.points,
                    "mode": str(group.mode),
                    "tests": [test.name for test in problem.tests_of(group)],
                }
                for group in problem.groups
            ],
        },
        "summary": {"submissions": len(results), "judgements": counts(results)},
        "verdicts_sha256": verdicts_hash(results),
        "languages": dict(sorted(versions.items())),
        "degraded": sorted({row for one in results for row in one.degraded}),
        "submissions": rows,
    }


def counts(results: "Iterable[SubmissionResult]") -> "dict[str, int]":
    """Return how many submissions got each judgement; most frequent first."""
    found: dict[str, int] = {}
    for one in results:
        found[str(one.judgement)] = found.get(str(one.judgement), 0) + 1
    return dict(sorted(found.items(), key=lambda row: (-row[1], row[0])))


def verdicts_hash(results: "Iterable[SubmissionResult]") -> str:
    """Return the hash of all that two gradings agree about."""
    rows = sorted(one.verdict() for one in results)
    return hashlib.sha256(json.dumps(rows, separators=(",", ":")).encode("ascii")).hexdigest()


def _submission(result: "SubmissionResult") -> "dict[str, Any]":
    """Return a result for programs that read no lone surrogates."""
    row = result.as_dict()
    del row["fingerprint"], row["degraded"]
    data = result.name.encode("utf-8", "surrogateescape")
    row["name"] = data.decode("utf-8", "backslashreplace")
    if data.decode("utf-8", "replace") != result.name:
        row["name_hex"] = data.hex()
    return row


def to_json(problem: "Problem", results: "Sequence[SubmissionResult]") -> bytes:
    """Return the report as JSON, in ASCII."""
    text = json.dumps(document(problem, results), indent=2, ensure_ascii=True)
    return text.encode("ascii") + b"\n"
