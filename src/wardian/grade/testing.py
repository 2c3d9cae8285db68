"""Run one test of one submission, and judge it."""

from wardian.errors import HostError, LaunchError, UsageError
from wardian.grade import judging, limits
from wardian.grade.boxes import with_room
from wardian.grade.checking import Checker
from wardian.grade.interactive import Interactor
from wardian.grade.judging import Opinion
from wardian.grade.results import Judgement
from wardian.sandbox.verdict import Outcome

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wardian.grade.boxes import Boxes
    from wardian.grade.building import Built
    from wardian.grade.problem import Problem, Test
    from wardian.grade.results import TestResult
    from wardian.sandbox.sandbox import Sandbox
    from wardian.sandbox.verdict import Verdict

# How often a run is tried again that wardian or the machine could not finish.
ATTEMPTS = 3
NOT_EXECUTABLE = (126, 127)


class Tester:
    """Runs the tests of one problem.

    Args:
        problem: whose tests they are.
        boxes: to run submissions in.
        judge: its checker or interactor, built; None where the comparison judges.
    """

    def __init__(
        self, problem: "Problem", boxes: "Boxes", judge: "Checker | Interactor | None"
    ) -> None:
        self._problem, self._boxes, self._judge = problem, boxes, judge

    def run(self, built: "Built", test: "Test") -> "TestResult":
        """Run a program against a test."""
        result, was_held_up = self._run(built, test, 1.0)
        if was_held_up:
            result, _again = self._run(built, test, limits.PATIENCE)
        return result

    def _run(self, built: "Built", test: "Test", patience: float) -> "tuple[TestResult, bool]":
        """Return a test's result, and whether it took too long since the machine was busy."""
        fault = ""
        for _attempt in range(ATTEMPTS):
            try:
                verdict, opinion = self._attempt(built, test, patience)
            except LaunchError as error:
                if error.exit_code in NOT_EXECUTABLE:  # what the compiler made is no program
                    opinion = Opinion(Judgement.RUNTIME_ERROR, 0.0, str(error))
                    return judging.result(test, None, opinion), False
                fault = str(error)
            except (HostError, UsageError) as error:
                fault = str(error)
            else:
                # one without an outcome of its own may have been ended since it had failed
                failed = opinion.judgement is Judgement.JUDGE_ERROR
                if verdict.outcome is not Outcome.INTERNAL_ERROR or not failed:
                    was_held_up = opinion.judgement is Judgement.WALL_TIME and limits.was_held_up(
                        self._problem, test.limits, verdict.usage
                    )
                    return judging.result(test, verdict, opinion), was_held_up
                fault = opinion.message or verdict.reason
        return judging.result(test, None, Opinion(Judgement.JUDGE_ERROR, 0.0, fault)), False

    def _attempt(self, built: "Built", test: "Test", patience: float) -> "tuple[Verdict, Opinion]":
        sandbox, files, command = self._prepare(built, test, patience)
        if isinstance(self._judge, Interactor):
            return self._judge.judge(self._problem, test, command, (sandbox, files))
        reads_file = self._problem.input_file is not None
        wanted = self._problem.output_file
        verdict = self._boxes.run(
            sandbox,
            command,
            stdin=b"" if reads_file else test.input,
            files=files,
            outputs=() if wanted is None else (wanted,),
        )
        own = judging.of_run(verdict)
        if own is not None:
            return verdict, own
        output = verdict.stdout
        if wanted is not None:
            if wanted not in verdict.outputs:
                words = f'file "{wanted}": {verdict.output_errors.get(wanted, "lacks")}'
                return verdict, Opinion(Judgement.WRONG_ANSWER, 0.0, words)
            output = verdict.outputs[wanted]
        return verdict, self._opinion(test, output)

    def _opinion(self, test: "Test", output: bytes) -> Opinion:
        if isinstance(self._judge, Checker):
            return self._judge.opinion(self._problem, test, output)
        return judging.of_output(self._problem, output, _content(test.answer))

    def _prepare(
        self, built: "Built", test: "Test", patience: float
    ) -> "tuple[Sandbox, dict[str, bytes | str], list[str]]":
        """Return sandbox, files and command of a run."""
        files: dict[str, bytes | str] = {**built.files, **test.files}
        if self._problem.input_file is not None:
            files[self._problem.input_file] = test.input
        allowed = limits.of_run(self._problem, built.language, test.limits, patience)
        room = with_room(allowed, files)
        command = built.command(limits.of_problem(self._problem, test.limits))
        sandbox = self._boxes.untrusted(room, built.image)
        return sandbox, files, [*command, *test.arguments]


def _content(source: "bytes | str | None") -> bytes:
    if isinstance(source, str):
        with open(source, "rb") as file:
            return file.read()
    return source or b""
