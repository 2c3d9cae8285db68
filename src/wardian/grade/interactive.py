"""Interactive problems: submission and interactor, two boxes joined by two pipes.

The pipes are direct: no byte passes through this process. Who failed first decides, and that must
not depend on which end is noticed first:

* We keep copies of the submission's own two ends, and let go of them only after its end was
  noticed. So the interactor sees the end of its input only then.
* When the submission's end is noticed, the pipes say whether the interactor had closed its ends
  before (POLLERR where nobody reads any more, POLLHUP where nobody writes). If it had, a crash of
  the submission (SIGPIPE, an end of input) may be its consequence: the interactor's word counts.

Both loops are one poll(2): no threads, no timing.

Kernel: pipe(7), poll(2).
"""

import contextlib
import dataclasses
import os
import select

from wardian.grade import checking, judging, limits
from wardian.grade.boxes import with_room
from wardian.grade.checking import ANSWER, INPUT, OUTPUT
from wardian.grade.judging import Opinion
from wardian.grade.results import Judgement
from wardian.sandbox.box import pipe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wardian.grade.boxes import Boxes
    from wardian.grade.building import Built
    from wardian.grade.problem import Helper, Problem, Test
    from wardian.sandbox.limits import Limits
    from wardian.sandbox.run import Run
    from wardian.sandbox.sandbox import Sandbox
    from wardian.sandbox.verdict import Verdict

    Starter = Callable[[int, int], Run]
    Files = Mapping[str, bytes | str]

_PASSED = (Judgement.ACCEPTED, Judgement.PARTIAL)
# What the interactor may take longer than the submission: the latter's limit comes first.
GRACE_S = 5.0


class Interactor:
    """An interactor, built and ready.

    Args:
        program: that was built of it.
        helper: its limits.
        boxes: to run it in.
    """

    def __init__(self, program: "Built", helper: "Helper", boxes: "Boxes") -> None:
        self._program, self._helper, self._boxes = program, helper, boxes

    def judge(
        self, problem: "Problem", test: "Test", command: "list[str]", box: "tuple[Sandbox, Files]"
    ) -> "tuple[Verdict, Opinion]":
        """Run a submission against the interactor.

        Args:
            problem: that is judged.
            test: of it.
            command: of the submission.
            box: its sandbox, and its files.

        Raises:
            WardianError: a box could not be built.
            StoppedError: grading was asked to stop.
        """
        sandbox, files = box
        given = {INPUT: test.input, ANSWER: b"" if test.answer is None else test.answer}
        mine = {**self._program.files, **given}
        room = with_room(self._limits(sandbox.limits), mine)
        own = self._boxes.trusted(room, self._program.image)
        words = self._program.command(limits.of_problem(problem, {}))
        with _Talk(self._boxes) as talk:
            talk.start(
                lambda stdin, stdout: sandbox.start(
                    command, stdin=stdin, stdout=stdout, files=files
                ),
                lambda stdin, stdout: own.start(
                    [*words, INPUT, OUTPUT, ANSWER], stdin=stdin, stdout=stdout, files=mine
                ),
            )
            verdict, said = talk.attend(self._word)
        return verdict, decide(verdict, said, interactor_first=talk.interactor_first)

    def _word(self, verdict: "Verdict") -> Opinion:
        return checking.read_answer(verdict, self._helper.protocol, "interactor")

    def _limits(self, of_submission: "Limits") -> "Limits":
        wall_s = max(self._helper.limits.wall_s, of_submission.wall_s + GRACE_S)
        return dataclasses.replace(self._helper.limits, wall_s=wall_s)


def decide(verdict: "Verdict", said: Opinion, *, interactor_first: bool) -> Opinion:
    """Return what two ends mean together (pure).

    Args:
        verdict: of the submission.
        said: by the interactor.
        interactor_first: it had gone when the submission ended.
    """
    own = judging.of_run(verdict)
    if own is not None and own.judgement is Judgement.VIOLATION:
        return own
    if interactor_first and said.judgement not in _PASSED:
        return said
    return said if own is None else own


class _Talk:
    """Two runs and the pipes between them."""

    def __init__(self, boxes: "Boxes") -> None:
        self.interactor_first = False
        self._boxes = boxes
        self._runs: list[Run] = []
        self._kept: list[int] = []

    def __enter__(self) -> "_Talk":
        return self

    def __exit__(self, *_: object) -> None:
        for run in self._runs:
            run.abandon()
        self._let_go()

    def start(self, submission: "Starter", interactor: "Starter") -> None:
        """Make the pipes and start both programs."""
        to_submission, from_interactor = pipe()
        to_interactor, from_submission = pipe()
        self._kept = [to_submission, from_submission]
        others = [to_interactor, from_interactor]
        try:
            self._runs.append(interactor(to_interactor, from_interactor))
            os.close(others.pop())
            os.close(others.pop())
            self._runs.append(submission(to_submission, from_submission))
        finally:
            for fd in others:
                os.close(fd)

    def attend(self, read: "Callable[[Verdict], Opinion]") -> "tuple[Verdict, Opinion]":
        """Stay until both are gone; returns the submission's verdict and the interactor's word.

        Args:
            read: what the interactor's end says.
        """
        interactor, submission = self._runs
        verdict: Verdict | None = None
        said: Opinion | None = None
        while verdict is None or said is None:
            waiting = [run for run, done in ((interactor, said), (submission, verdict)) if not done]
            self._boxes.wait(waiting)
            # the interactor first: a step may end both, and what it has said then stands
            if said is None and interactor.ended:
                said = read(interactor.finish())
                if said.judgement not in _PASSED and not submission.ended:
                    submission.end()  # it has failed, and need not go on until a limit
            if verdict is None and submission.ended:
                self.interactor_first = said is not None or self._interactor_left()
                verdict = submission.finish()
                self._let_go()
        self._runs.clear()
        return verdict, said

    def _interactor_left(self) -> bool:
        """Say whether the interactor had closed an end of its own."""
        reader, writer = self._kept
        poll = select.poll()
        poll.register(reader, 0)  # POLLHUP and POLLERR come unasked
        poll.register(writer, 0)
        return bool(poll.poll(0))

    def _let_go(self) -> None:
        """Close the copies: now the interactor sees that the submission is gone."""
        for fd in self._kept:
            with contextlib.suppress(OSError):
                os.close(fd)
        self._kept = []
