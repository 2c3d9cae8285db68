"""From a run's verdict and its output to a judgement (pure)."""

import dataclasses

from wardian.grade import comparison
from wardian.grade.results import Judgement, TestResult
from wardian.sandbox.verdict import Outcome
from wardian.units import format_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wardian.grade.problem import Problem, Test
    from wardian.sandbox.verdict import Verdict

SHOWN_BYTES = 2000
MESSAGE_LETTERS = 1000

OF_OUTCOME = {
    Outcome.NONZERO_EXIT: Judgement.RUNTIME_ERROR,
    Outcome.SIGNAL: Judgement.RUNTIME_ERROR,
    Outcome.WALL_TIME: Judgement.WALL_TIME,
    Outcome.CPU_TIME: Judgement.TIME_LIMIT,
    Outcome.MEMORY: Judgement.MEMORY_LIMIT,
    Outcome.OUTPUT: Judgement.OUTPUT_LIMIT,
    Outcome.DISK: Judgement.DISK_LIMIT,
    Outcome.PROCESSES: Judgement.PROCESS_LIMIT,
    Outcome.VIOLATION: Judgement.VIOLATION,
    Outcome.INTERNAL_ERROR: Judgement.JUDGE_ERROR,
}


class Opinion:
    """What is said of an output.

    Attributes:
        judgement, fraction, message: as a TestResult has them.
    """

    __slots__ = ("fraction", "judgement", "message")

    def __init__(self, judgement: Judgement, fraction: float = 0.0, message: str = "") -> None:
        self.judgement = judgement
        self.fraction = fraction
        self.message = message


RIGHT = Opinion(Judgement.ACCEPTED, 1.0)


def of_run(verdict: "Verdict") -> Opinion | None:
    """Return what a run's end alone decides; None where its output has to be looked at."""
    if verdict.ok:
        return None
    words = verdict.reason
    if verdict.outcome is Outcome.NONZERO_EXIT:
        words = f"exit code {verdict.exit_code}"
    elif verdict.outcome is Outcome.SIGNAL:
        words = f"signal {verdict.signal}"
    elif verdict.limit is not None:
        words = f"more than {_amount(verdict.limit.name, verdict.limit.value)}"
    return Opinion(OF_OUTCOME[verdict.outcome], 0.0, words)


def _amount(name: str, value: float) -> str:
    """Return a limit for people: "2 s of processor time"."""
    if name.endswith("_s"):
        return f"{value:g} s of {'processor' if name == 'cpu_s' else 'wall-clock'} time"
    what = name.removesuffix("_bytes").replace("_", " ")
    return f"{format_size(int(value)) if name.endswith('_bytes') else int(value)} of {what}"


def of_output(problem: "Problem", output: bytes, answer: bytes) -> Opinion:
    """Return what the comparison with the expected output says."""
    found = comparison.difference(output, answer, problem.comparison)
    return Opinion(Judgement.WRONG_ANSWER, 0.0, found) if found else RIGHT


def result(test: "Test", verdict: "Verdict | None", opinion: Opinion) -> TestResult:
    """Return a test's result.

    Args:
        test: that was run.
        verdict: of the submission's program; None where there was no run.
        opinion: what is said of it.
    """
    found = TestResult(
        test=test.name,
        group=test.group,
        judgement=opinion.judgement,
        fraction=opinion.fraction,
        message=opinion.message[:MESSAGE_LETTERS],
    )
    if verdict is None:
        return found
    usage = verdict.usage
    first = verdict.violations[0] if verdict.violations else None
    is_right = opinion.judgement in (Judgement.ACCEPTED, Judgement.PARTIAL)
    stderr = verdict.stderr[:SHOWN_BYTES].decode("utf-8", "backslashreplace")
    return dataclasses.replace(
        found,
        outcome=str(verdict.outcome),
        exit_code=verdict.exit_code,
        signal=verdict.signal,
        cpu_s=round(usage.cpu_s, 4),
        wall_s=round(usage.wall_s, 4),
        memory_bytes=usage.peak_memory_bytes,
        stderr="" if is_right else stderr,
        syscall=first.syscall if first else None,
        evidence=verdict.evidence,
    )
