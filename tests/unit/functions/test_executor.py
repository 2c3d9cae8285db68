"""What comes back from a function's box."""

import pytest

from wardian.errors import ProgramError, UsageError
from wardian.functions.call import RESULT
from wardian.functions.executor import SandboxExecutor, read_result
from wardian.sandbox.verdict import Outcome, Verdict


def returned(text: bytes, outcome: Outcome = Outcome.OK) -> Verdict:
    return Verdict(outcome, outputs={RESULT: text})


def test_a_value_is_returned() -> None:
    assert read_result(returned(b'{"dict": [["value", {"tuple": [1]}]]}'), 100) == (1,)


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        (Verdict(Outcome.CPU_TIME), "did not return: CPU_TIME"),
        (Verdict(Outcome.OK), "did not return: OK"),
        (Verdict(Outcome.NONZERO_EXIT, stderr=b"x\nlast\x1b\n"), r"NONZERO_EXIT: last\\x1b"),
        (returned(b'{"dict": [["value", 1]]}', Outcome.VIOLATION), "did not return: VIOLATION"),
        (returned(b"cos\nsystem"), "can't be read"),
        (returned(b"[]"), "no value and no error"),
        (returned(b'{"dict": []}'), "no value and no error"),
        (returned(b" " * 101), "larger than 100 bytes"),
    ],
)
def test_anything_else_is_an_error_with_the_verdict(verdict: Verdict, words: str) -> None:
    with pytest.raises(ProgramError, match=words) as caught:
        read_result(verdict, 100)
    assert caught.value.verdict is verdict


def test_an_exception_is_told_and_not_raised_as_itself() -> None:
    text = b'{"dict": [["error", "SystemExit"], ["message", "\\n\\u001b"], ["traceback", "t"]]}'
    with pytest.raises(ProgramError) as caught:
        read_result(returned(text), 1000)
    assert str(caught.value) == "SystemExit: \\n\\x1b"
    assert (caught.value.kind, caught.value.traceback) == ("SystemExit", "t")


def test_words_that_make_no_sense_are_refused() -> None:
    with pytest.raises(UsageError, match="max_workers 0"):
        SandboxExecutor(0)
    with SandboxExecutor(1) as mine, pytest.raises(UsageError, match="is the sandbox's"):
        SandboxExecutor(sandbox=mine.sandbox, limits={"cpu": 1})
