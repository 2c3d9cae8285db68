"""A small problem and results for the tests of this folder."""

import dataclasses
from pathlib import Path
from typing import Any

from wardian.grade import spec
from wardian.grade.problem import Problem
from wardian.grade.results import GroupResult, Judgement, SubmissionResult, TestResult


def problem(directory: Path, **changes: Any) -> Problem:
    document = {"name": "small", "tests": [{"name": "one", "stdin": "1", "expected": "1"}]}
    return dataclasses.replace(spec.from_dict(document, directory=str(directory)), **changes)


def result(name: str = "a.py", **changes: Any) -> SubmissionResult:
    test = TestResult(test="one", group="tests", judgement=Judgement.ACCEPTED, fraction=1.0)
    found = SubmissionResult(
        name=name,
        digest="d",
        language="python",
        version="Python 3",
        judgement=Judgement.ACCEPTED,
        points=100.0,
        of=100.0,
        groups=(GroupResult(group="tests", points=100.0, of=100.0, passed=True),),
        tests=(test,),
        fingerprint="f",
    )
    return dataclasses.replace(found, **changes)
