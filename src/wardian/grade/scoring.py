"""From judgements of tests to points (pure).

A group's points are split by the weights of its tests ("sum"), or given by its worst test ("min").
Points are rounded to six decimals, so that their sum does not tell in which order they were added.
"""

import math

from wardian.grade.problem import Mode
from wardian.grade.results import GroupResult, Judgement, TestResult

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wardian.grade.problem import Group, Problem, Test

DECIMALS = 6


def group_result(
    group: "Group", tests: "Sequence[Test]", results: "Sequence[TestResult]"
) -> GroupResult:
    """Return a group's points.

    Args:
        group: whose they are.
        tests: all of the group's.
        results: of these tests, in the same order.
    """
    passed = all(one.passed for one in results)
    if passed:
        return GroupResult(group=group.name, points=group.points, of=group.points, passed=True)
    if group.mode is Mode.MIN:
        share = min(one.fraction for one in results)
    else:
        weights = [test.weight for test in tests]
        whole = math.fsum(weights)
        won = math.fsum(weight * one.fraction for weight, one in zip(weights, results, strict=True))
        share = won / whole if whole else 0.0
    points = round(group.points * share, DECIMALS)
    return GroupResult(group=group.name, points=points, of=group.points, passed=False)


def skipped(test: "Test", why: str) -> TestResult:
    """Return the result of a test that is not run."""
    return TestResult(test=test.name, group=test.group, judgement=Judgement.SKIPPED, message=why)


def lacking(group: "Group", done: "Mapping[str, GroupResult]") -> str:
    """Return why a group is not tried: the first that it requires and that was not passed."""
    for name in group.requires:
        if not done[name].passed:
            return f'group "{name}" was not passed'
    return ""


def overall(results: "Sequence[TestResult]") -> Judgement:
    """Return what is said of the submission: of the first test that was not passed.

    A failure of the judge comes first, since it makes all else uncertain; a violation comes next.
    """
    found = [one.judgement for one in results]
    for first in (Judgement.JUDGE_ERROR, Judgement.VIOLATION):
        if first in found:
            return first
    return next((one for one in found if one is not Judgement.ACCEPTED), Judgement.ACCEPTED)


def total(problem: "Problem", groups: "Sequence[GroupResult]") -> "tuple[float, float]":
    """Return the points of a submission, and those to be had."""
    won = round(math.fsum(one.points for one in groups), DECIMALS)
    return won, round(problem.points, DECIMALS)
