"""From verdicts to judgements."""

from pathlib import Path

import pytest

from tests.unit.grade.problems import problem
from wardian.grade import judging
from wardian.grade.judging import Opinion
from wardian.grade.results import Judgement
from wardian.sandbox.verdict import LimitHit, Outcome, Usage, Verdict


@pytest.mark.parametrize("outcome", [one for one in Outcome if one is not Outcome.OK])
def test_every_outcome_but_ok_is_a_judgement(outcome: Outcome) -> None:
    found = judging.of_run(Verdict(outcome))
    assert found is not None
    assert found.fraction == 0


def test_a_run_that_ended_well_is_judged_by_its_output(tmp_path: Path) -> None:
    assert judging.of_run(Verdict(Outcome.OK)) is None
    small = problem(tmp_path)
    assert judging.of_output(small, b"1", b"1").judgement is Judgement.ACCEPTED
    assert judging.of_output(small, b"2", b"1").judgement is Judgement.WRONG_ANSWER


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("cpu_s", 2.0, "more than 2 s of processor time"),
        ("wall_s", 9.5, "more than 9.5 s of wall-clock time"),
        ("memory_bytes", 64 << 20, "more than 64.0MiB of memory"),
        ("processes", 20, "more than 20 of processes"),
    ],
)
def test_a_limit_is_named_with_its_value(name: str, value: float, words: str) -> None:
    found = judging.of_run(Verdict(Outcome.MEMORY, limit=LimitHit(name, value, value)))
    assert found is not None
    assert found.message == words


def test_a_program_s_own_end_is_told() -> None:
    found = judging.of_run(Verdict(Outcome.SIGNAL, signal=9))
    assert found is not None
    assert (found.judgement, found.message) == (Judgement.RUNTIME_ERROR, "signal 9")


def test_a_result_holds_figures_and_the_beginning_of_errors(tmp_path: Path) -> None:
    (test,) = problem(tmp_path).tests
    usage = Usage(cpu_s=0.123456, wall_s=1.0, peak_memory_bytes=7)
    verdict = Verdict(Outcome.NONZERO_EXIT, exit_code=3, stderr=b"\xffx" * 5000, usage=usage)
    bad = judging.result(test, verdict, Opinion(Judgement.RUNTIME_ERROR))
    assert (bad.cpu_s, bad.memory_bytes, bad.exit_code) == (0.1235, 7, 3)
    assert bad.stderr.startswith("\\xffx")
    good = judging.result(test, verdict, judging.RIGHT)
    assert good.stderr == ""
