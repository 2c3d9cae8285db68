"""Checkers: the problem's own program says whether an output is right, in a box of its own.

The output comes to it as a file, so a submission can at most write what deceives this checker, and
reach nothing else. What a checker says is its exit code; a checker that fails is a fault of the
judge, never of the submission. An exception that nobody caught ends Python, Java and Node with exit
code 1, so what they write then is looked for: else each bug of a checker would say "wrong".

testlib   exit code 0 right, 1 2 4 8 wrong, 3 its own failure, 7 a part: the fraction, 0 to 1, is
          the first number on its standard error, or on its standard output
ICPC      exit code 42 right, 43 wrong
"""

import re

from wardian.errors import WardianError
from wardian.grade import judging, limits
from wardian.grade.boxes import with_room
from wardian.grade.judging import Opinion
from wardian.grade.problem import Protocol
from wardian.grade.results import Judgement
from wardian.sandbox.verdict import Outcome

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wardian.grade.boxes import Boxes
    from wardian.grade.building import Built
    from wardian.grade.problem import Helper, Problem, Test
    from wardian.sandbox.verdict import Verdict

INPUT, OUTPUT, ANSWER, FEEDBACK = "input.txt", "output.txt", "answer.txt", "feedback/"
RIGHT, WRONG, FAILED, PART = 0, (1, 2, 4, 8), 3, 7
ICPC_RIGHT, ICPC_WRONG = 42, 43
_FRACTION = re.compile(rb"\s*(?:points?\s+)?([0-9]*\.?[0-9]+)(?=\s|$)")


class Checker:
    """A checker, built and ready.

    Args:
        program: that was built of it.
        helper: how it is called, and its limits.
        boxes: to run it in.
    """

    def __init__(self, program: "Built", helper: "Helper", boxes: "Boxes") -> None:
        self._program, self._helper, self._boxes = program, helper, boxes

    def opinion(self, problem: "Problem", test: "Test", output: bytes) -> Opinion:
        """Return what the checker says of an output."""
        files = {
            **self._program.files,
            INPUT: test.input,
            ANSWER: b"" if test.answer is None else test.answer,
            OUTPUT: output,
        }
        room = with_room(self._helper.limits, files)
        words, stdin = [INPUT, OUTPUT, ANSWER], b""
        if self._helper.protocol is Protocol.ICPC:
            files[f"{FEEDBACK}judgemessage.txt"] = b""
            words, stdin = [INPUT, ANSWER, FEEDBACK], output
        command = self._program.command(limits.of_problem(problem, {}))
        try:
            sandbox = self._boxes.trusted(room, self._program.image)
            verdict = self._boxes.run(sandbox, [*command, *words], files=files, stdin=stdin)
        except WardianError as error:
            return Opinion(Judgement.JUDGE_ERROR, 0.0, f"checker: {error}")
        if self._program.language.ended_by_exception(verdict.exit_code, verdict.stderr):
            return Opinion(Judgement.JUDGE_ERROR, 0.0, f"checker: exception: {_message(verdict)}")
        return read_answer(verdict, self._helper.protocol, "checker")


def read_answer(verdict: "Verdict", protocol: Protocol, who: str) -> Opinion:
    """Return what a checker's or interactor's end says.

    Args:
        verdict: of its run.
        protocol: how it answers.
        who: "checker" or "interactor".
    """
    message = _message(verdict)
    if verdict.outcome not in (Outcome.OK, Outcome.NONZERO_EXIT):
        found = judging.of_run(verdict)
        words = found.message if found else ""
        return Opinion(Judgement.JUDGE_ERROR, 0.0, f"{who}: {verdict.outcome} {words}".rstrip())
    code = verdict.exit_code
    is_icpc = protocol is Protocol.ICPC
    wrong = (ICPC_WRONG,) if is_icpc else WRONG
    if code == (ICPC_RIGHT if is_icpc else RIGHT):
        return Opinion(Judgement.ACCEPTED, 1.0, message)
    if code in wrong:
        return Opinion(Judgement.WRONG_ANSWER, 0.0, message)
    if code == PART and not is_icpc:
        return _part(verdict, message, who)
    return Opinion(Judgement.JUDGE_ERROR, 0.0, f"{who}: exit code {code}: {message}")


def _part(verdict: "Verdict", message: str, who: str) -> Opinion:
    for text in (verdict.stderr, verdict.stdout):
        found = _FRACTION.match(text[:200])
        if found and 0.0 <= (fraction := float(found[1])) <= 1.0:
            judgement = Judgement.PARTIAL
            if fraction in (0.0, 1.0):
                judgement = Judgement.ACCEPTED if fraction else Judgement.WRONG_ANSWER
            return Opinion(judgement, fraction, message)
    return Opinion(Judgement.JUDGE_ERROR, 0.0, f"{who}: says no fraction from 0 to 1: {message}")


def _message(verdict: "Verdict") -> str:
    text = verdict.stderr.strip() or verdict.stdout.strip()
    return text[: judging.MESSAGE_LETTERS].decode("utf-8", "backslashreplace")
