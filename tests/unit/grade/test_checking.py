"""What a checker's exit code says."""

import pytest

from wardian.grade.checking import read_answer
from wardian.grade.problem import Protocol
from wardian.grade.results import Judgement
from wardian.sandbox.verdict import Outcome, Verdict


def ended(code: int, stderr: bytes = b"", stdout: bytes = b"") -> Verdict:
    outcome = Outcome.NONZERO_EXIT if code else Outcome.OK
    return Verdict(outcome, exit_code=code, stderr=stderr, stdout=stdout)


@pytest.mark.parametrize(
    ("protocol", "code", "judgement"),
    [
        (Protocol.TESTLIB, 0, Judgement.ACCEPTED),
        (Protocol.TESTLIB, 1, Judgement.WRONG_ANSWER),
        (Protocol.TESTLIB, 2, Judgement.WRONG_ANSWER),
        (Protocol.TESTLIB, 8, Judgement.WRONG_ANSWER),
        (Protocol.TESTLIB, 3, Judgement.JUDGE_ERROR),
        (Protocol.TESTLIB, 42, Judgement.JUDGE_ERROR),
        (Protocol.ICPC, 42, Judgement.ACCEPTED),
        (Protocol.ICPC, 43, Judgement.WRONG_ANSWER),
        (Protocol.ICPC, 0, Judgement.JUDGE_ERROR),
        (Protocol.ICPC, 7, Judgement.JUDGE_ERROR),
    ],
)
def test_an_exit_code_is_an_answer(protocol: Protocol, code: int, judgement: Judgement) -> None:
    assert read_answer(ended(code), protocol, "checker").judgement is judgement


@pytest.mark.parametrize(
    ("stderr", "stdout", "judgement", "fraction"),
    [
        (b"points 0.5 nearly", b"", Judgement.PARTIAL, 0.5),
        (b"0.25", b"", Judgement.PARTIAL, 0.25),
        (b"", b"0.75\n", Judgement.PARTIAL, 0.75),
        (b"1", b"", Judgement.ACCEPTED, 1.0),
        (b"0.0", b"", Judgement.WRONG_ANSWER, 0.0),
        (b"7", b"", Judgement.JUDGE_ERROR, 0.0),
        (b"nan", b"", Judgement.JUDGE_ERROR, 0.0),
        (b"-1", b"", Judgement.JUDGE_ERROR, 0.0),
        (b"", b"", Judgement.JUDGE_ERROR, 0.0),
    ],
)
def test_a_part_of_the_points(
    stderr: bytes, stdout: bytes, judgement: Judgement, fraction: float
) -> None:
    found = read_answer(ended(7, stderr, stdout), Protocol.TESTLIB, "checker")
    assert (found.judgement, found.fraction) == (judgement, fraction)


@pytest.mark.parametrize("outcome", [Outcome.SIGNAL, Outcome.CPU_TIME, Outcome.VIOLATION])
def test_a_checker_that_fails_is_no_fault_of_the_submission(outcome: Outcome) -> None:
    found = read_answer(Verdict(outcome), Protocol.TESTLIB, "checker")
    assert found.judgement is Judgement.JUDGE_ERROR
    assert found.message.startswith(f"checker: {outcome}")
