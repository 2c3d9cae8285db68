"""Points of groups and submissions."""

import pytest

from wardian.grade import scoring
from wardian.grade.problem import Group, Mode
from wardian.grade.problem import Test as Case
from wardian.grade.results import GroupResult, Judgement
from wardian.grade.results import TestResult as Result


def cases(*weights: float) -> list[Case]:
    return [
        Case(name=str(number), group="g", input=b"", answer=b"", weight=weight)
        for number, weight in enumerate(weights)
    ]


def results(*fractions: float) -> list[Result]:
    words = {0.0: Judgement.WRONG_ANSWER, 1.0: Judgement.ACCEPTED}
    return [
        Result(
            test=str(number),
            group="g",
            judgement=words.get(one, Judgement.PARTIAL),
            fraction=one,
        )
        for number, one in enumerate(fractions)
    ]


@pytest.mark.parametrize(
    ("mode", "weights", "fractions", "points"),
    [
        (Mode.SUM, (1, 1, 1), (1, 0, 1), 40),
        (Mode.SUM, (2, 1, 1), (1, 0, 0.5), 37.5),
        (Mode.SUM, (0, 0), (0, 1), 0),
        (Mode.MIN, (1, 1), (1, 0), 0),
        (Mode.MIN, (5, 1), (1, 0.5), 30),
        (Mode.MIN, (1, 1), (1, 1), 60),
    ],
)
def test_a_group_s_points(
    mode: Mode, weights: tuple[float, ...], fractions: tuple[float, ...], points: float
) -> None:
    group = Group(name="g", points=60, mode=mode)
    found = scoring.group_result(group, cases(*weights), results(*fractions))
    assert found.points == points
    assert found.passed == all(one == 1 for one in fractions)


def test_thirds_do_not_tell_the_order_of_adding() -> None:
    group = Group(name="g", points=100)
    won = scoring.group_result(group, cases(1, 1, 1), results(1, 1, 0)).points
    assert won == 66.666667


def test_a_group_is_not_tried_before_what_it_requires_is_passed() -> None:
    group = Group(name="b", points=1, requires=("a",))
    done = {"a": GroupResult(group="a", points=0.5, of=1, passed=False)}
    assert scoring.lacking(group, done) == 'group "a" was not passed'
    done = {"a": GroupResult(group="a", points=1, of=1, passed=True)}
    assert scoring.lacking(group, done) == ""


def test_the_first_failure_is_the_submission_s_judgement() -> None:
    words = [Judgement.ACCEPTED, Judgement.TIME_LIMIT, Judgement.WRONG_ANSWER]
    rows = [Result(test="", group="", judgement=word) for word in words]
    assert scoring.overall(rows) is Judgement.TIME_LIMIT
    assert scoring.overall(rows[:1]) is Judgement.ACCEPTED


def test_a_failure_of_the_judge_and_a_violation_come_first() -> None:
    words = [Judgement.WRONG_ANSWER, Judgement.VIOLATION, Judgement.JUDGE_ERROR]
    rows = [Result(test="", group="", judgement=word) for word in words]
    assert scoring.overall(rows) is Judgement.JUDGE_ERROR
    assert scoring.overall(rows[:2]) is Judgement.VIOLATION
