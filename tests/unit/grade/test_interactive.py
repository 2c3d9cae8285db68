"""Two ends, one judgement: whose failure came first."""

import pytest

from wardian.grade.interactive import decide
from wardian.grade.judging import Opinion
from wardian.grade.results import Judgement
from wardian.sandbox.verdict import Outcome, Verdict

RIGHT, WRONG = Opinion(Judgement.ACCEPTED, 1.0), Opinion(Judgement.WRONG_ANSWER)
BROKEN = Opinion(Judgement.JUDGE_ERROR)


@pytest.mark.parametrize(
    ("outcome", "said", "interactor_first", "judgement"),
    [
        (Outcome.OK, RIGHT, False, Judgement.ACCEPTED),
        (Outcome.OK, WRONG, False, Judgement.WRONG_ANSWER),
        (Outcome.OK, BROKEN, False, Judgement.JUDGE_ERROR),
        # it crashed, and the interactor then found no more input
        (Outcome.NONZERO_EXIT, WRONG, False, Judgement.RUNTIME_ERROR),
        # the interactor had said "wrong" and gone: the crash is its consequence
        (Outcome.SIGNAL, WRONG, True, Judgement.WRONG_ANSWER),
        (Outcome.INTERNAL_ERROR, WRONG, True, Judgement.WRONG_ANSWER),
        # right, but it did not end well by itself
        (Outcome.NONZERO_EXIT, RIGHT, True, Judgement.RUNTIME_ERROR),
        (Outcome.CPU_TIME, RIGHT, True, Judgement.TIME_LIMIT),
        (Outcome.WALL_TIME, WRONG, False, Judgement.WALL_TIME),
        (Outcome.VIOLATION, WRONG, True, Judgement.VIOLATION),
        (Outcome.VIOLATION, RIGHT, False, Judgement.VIOLATION),
    ],
)
def test_who_failed_first_decides(
    outcome: Outcome, said: Opinion, interactor_first: bool, judgement: Judgement
) -> None:
    found = decide(Verdict(outcome), said, interactor_first=interactor_first)
    assert found.judgement is judgement
