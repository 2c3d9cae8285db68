"""Grade submissions: build each once, run its tests in order, keep what came out.

Submissions go in parallel, the tests of one after another: what decides about skipping a test is
the same in every order. Points and judgements do not depend on how many workers there are; figures
of time and memory vary as they do.
"""

import concurrent.futures
import os

from wardian.errors import UsageError
from wardian.grade import languages, scoring, submissions
from wardian.grade.boxes import Boxes
from wardian.grade.building import Builder, BuildFaultError, check_names, language_of
from wardian.grade.checking import Checker
from wardian.grade.interactive import Interactor
from wardian.grade.results import GroupResult, Judgement, SubmissionResult
from wardian.grade.testing import Tester
from wardian.grade.turnstile import Turnstile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wardian.grade.building import Built
    from wardian.grade.problem import Group, Helper, Problem
    from wardian.grade.results import TestResult
    from wardian.grade.store import Store
    from wardian.grade.submissions import Submission

    Listener = Callable[["SubmissionResult", bool], None]

MOST_JOBS = 256
TIME_LIMITS = (Judgement.TIME_LIMIT, Judgement.WALL_TIME)


class Grading:
    """Grades the submissions to one problem.

    Args:
        problem: that they are to.
        store: keeps results; None keeps none.
        jobs: how many submissions at a time; the processors that this process may use where None.
        resume: take results from the store that would come out the same.
        confirm: run a test that ended at a time limit again, alone; that verdict counts.
        evidence, log: of violations, as wardian.Sandbox takes them.

    Raises:
        UsageError, NotFoundError, SpecError: an argument is wrong.
    """

    def __init__(
        self,
        problem: "Problem",
        *,
        store: "Store | None" = None,
        jobs: int | None = None,
        resume: bool = True,
        confirm: bool = False,
        evidence: "str | os.PathLike[str] | None" = None,
        log: "str | os.PathLike[str] | None" = None,
    ) -> None:
        self.problem = problem
        self.jobs = len(os.sched_getaffinity(0)) if jobs is None else jobs
        if not 1 <= self.jobs <= MOST_JOBS:
            raise UsageError(f"jobs {self.jobs}: not from 1 to {MOST_JOBS}")
        self._store, self._resume, self._confirm = store, resume, confirm
        self._boxes = Boxes(policy=problem.policy, evidence=evidence, log=log)
        self._builder = Builder(self._boxes, problem.compile_limits, problem.image)
        self._turnstile = Turnstile()
        self._tester: Tester | None = None

    # ---- before -------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Build the checker or the interactor.

        Raises:
            UsageError: it can't be built.
        """
        judge: Checker | Interactor | None = None
        problem = self.problem
        if problem.checker:
            program = self._helper("checker", problem.checker)
            judge = Checker(program, problem.checker, self._boxes)
        elif problem.interactor:
            program = self._helper("interactor", problem.interactor)
            judge = Interactor(program, problem.interactor, self._boxes)
        self._tester = Tester(problem, self._boxes, judge)

    def _helper(self, who: str, helper: "Helper") -> "Built":
        name = os.path.basename(helper.path)
        known = {**languages.PRESETS, **self.problem.languages}
        language = known[helper.language] if helper.language else None
        language = language or languages.by_ending(known.values(), name)
        assert language is not None  # the specification was checked
        with open(helper.path, "rb") as file:
            content = file.read()
        try:
            return self._builder.build(language, {name: content})
        except BuildFaultError as fault:
            raise UsageError(f'{who} "{name}" can\'t be built: {fault}') from None

    # ---- all of them --------------------------------------------------------------------------

    def run(self, path: str, names: "list[str]", listen: "Listener") -> "list[SubmissionResult]":
        """Grade submissions; returns their results, in the order of the names.

        An interruption (Ctrl-C) ends what runs at once; those submissions have no result.

        Args:
            path: the directory of submissions, or the only file.
            names: of those to grade.
            listen: is called with each result as it is there, and whether it is an earlier one.
        """
        if self._tester is None:
            self.prepare()
        found: dict[str, SubmissionResult] = {}
        with concurrent.futures.ThreadPoolExecutor(self.jobs, "grade") as workers:
            waiting = [workers.submit(self._one, path, name) for name in names]
            try:
                for result, is_earlier in _as_completed(waiting):
                    found[result.name] = result
                    listen(result, is_earlier)
            except BaseException:
                self._boxes.stop()
                for one in waiting:
                    one.cancel()
                raise
        return [found[name] for name in names]

    def _one(self, path: str, name: str) -> "tuple[SubmissionResult, bool]":
        submission = submissions.read(path, name, self.problem)
        if self._store is not None and self._resume:
            earlier = self._store.load(
                name, submission.digest, self.problem.fingerprint, self._version_of
            )
            if earlier is not None:
                return earlier, True
        result = self.grade(submission)
        if self._store is not None:
            self._store.save(result)
        return result, False

    def _version_of(self, name: str) -> str:
        try:
            return self._builder.version(self.problem.languages[name])
        except (KeyError, BuildFaultError):
            return ""

    # ---- one ----------------------------------------------------------------------------------

    def grade(self, submission: "Submission") -> SubmissionResult:
        """Grade one submission.

        Raises:
            StoppedError: grading was interrupted.
        """
        if self._tester is None:
            self.prepare()
        language = version = ""
        try:
            if submission.fault:
                raise BuildFaultError(Judgement.REJECTED, submission.fault)
            check_names(self.problem, submission.files)
            found = language_of(self.problem, submission.files)
            language = found.name
            version = self._builder.version(found)
            with self._turnstile.shared():
                built = self._builder.build(found, submission.files)
        except BuildFaultError as fault:
            return SubmissionResult(
                name=submission.name,
                digest=submission.digest,
                language=language,
                version=version,
                judgement=fault.judgement,
                points=0.0,
                of=self.problem.points,
                message=str(fault),
                fingerprint=self.problem.fingerprint,
            )
        groups, tests = self._groups(built)
        points, of = scoring.total(self.problem, groups)
        return SubmissionResult(
            name=submission.name,
            digest=submission.digest,
            language=language,
            version=version,
            judgement=scoring.overall(tests),
            points=points,
            of=of,
            groups=tuple(groups),
            tests=tuple(tests),
            fingerprint=self.problem.fingerprint,
            degraded=self._boxes.degraded,
        )

    def _groups(self, built: "Built") -> "tuple[list[GroupResult], list[TestResult]]":
        done: dict[str, GroupResult] = {}
        results: list[TestResult] = []
        for group in self.problem.groups:
            mine = list(self._tests(built, group, done))
            done[group.name] = scoring.group_result(group, self.problem.tests_of(group), mine)
            results += mine
        return list(done.values()), results

    def _tests(
        self, built: "Built", group: "Group", done: "dict[str, GroupResult]"
    ) -> "Iterator[TestResult]":
        why = scoring.lacking(group, done)
        for test in self.problem.tests_of(group):
            if why:
                yield scoring.skipped(test, why)
                continue
            assert self._tester is not None
            with self._turnstile.shared():
                result = self._tester.run(built, test)
            if self._confirm and self.jobs > 1 and result.judgement in TIME_LIMITS:
                with self._turnstile.alone():
                    result = self._tester.run(built, test)
            if group.stop and not result.fraction:
                why = f'test "{test.name}" was not passed'
            yield result

    @property
    def degraded(self) -> tuple[str, ...]:
        """What the sandboxes could not enforce on this machine."""
        return self._boxes.degraded

    def close(self) -> None:
        """Let go of the sandboxes."""
        self._boxes.close()

    def __enter__(self) -> "Grading":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _as_completed(
    waiting: "list[concurrent.futures.Future[tuple[SubmissionResult, bool]]]",
) -> "Iterator[tuple[SubmissionResult, bool]]":
    for one in concurrent.futures.as_completed(waiting):
        yield one.result()
