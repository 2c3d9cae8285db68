"""What grading gives: judgements of tests, groups and submissions, as values and as JSON."""

import dataclasses
import enum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


class Judgement(enum.StrEnum):
    """What is said of a test, and of a submission as a whole."""

    ACCEPTED = "ACCEPTED"
    PARTIAL = "PARTIAL"
    """Right enough for a part of the points."""
    WRONG_ANSWER = "WRONG_ANSWER"
    TIME_LIMIT = "TIME_LIMIT"
    """It used more processor time than it may."""
    WALL_TIME = "WALL_TIME"
    """It did not end in time, though it did not compute all the while: asleep, or a deadlock."""
    MEMORY_LIMIT = "MEMORY_LIMIT"
    OUTPUT_LIMIT = "OUTPUT_LIMIT"
    DISK_LIMIT = "DISK_LIMIT"
    PROCESS_LIMIT = "PROCESS_LIMIT"
    RUNTIME_ERROR = "RUNTIME_ERROR"
    """It ended with another exit code than 0, or by a signal."""
    VIOLATION = "VIOLATION"
    """It asked the kernel for what its policy forbids."""
    COMPILE_ERROR = "COMPILE_ERROR"
    REJECTED = "REJECTED"
    """Its files are none that can be graded: a link, too large, no known language."""
    SKIPPED = "SKIPPED"
    """Not run: what it builds on was not passed."""
    JUDGE_ERROR = "JUDGE_ERROR"
    """The checker, the interactor or the machine failed; says nothing of the submission."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class TestResult:
    """One test of one submission.

    Attributes:
        test, group: their names.
        judgement: in one word.
        fraction: of the test's points, 0 to 1.
        message: why, for people; of a checker what it said.
        outcome: of the run, as wardian.Outcome has it; "" where there was none.
        exit_code, signal: as the verdict has them.
        cpu_s, wall_s, memory_bytes: what it used.
        stderr: the beginning of its standard error, where it did not end well.
        syscall: of a violation.
        evidence: directory of a violation's evidence, or None.
    """

    test: str
    group: str
    judgement: Judgement
    fraction: float = 0.0
    message: str = ""
    outcome: str = ""
    exit_code: int | None = None
    signal: int | None = None
    cpu_s: float = 0.0
    wall_s: float = 0.0
    memory_bytes: int = 0
    stderr: str = ""
    syscall: str | None = None
    evidence: str | None = None

    @property
    def passed(self) -> bool:
        """All of its points."""
        return self.judgement is Judgement.ACCEPTED

    @classmethod
    def from_dict(cls, document: "Mapping[str, Any]") -> "TestResult":
        """Return what `as_dict` of a result gave."""
        return cls(**{**document, "judgement": Judgement(document["judgement"])})


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class GroupResult:
    """The points of one group.

    Attributes:
        group: its name.
        points, of: won, and to be had.
        passed: all of its tests were.
    """

    group: str
    points: float
    of: float
    passed: bool


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionResult:
    """One submission, graded.

    Attributes:
        name: of its file or directory; bytes that are no UTF-8 are surrogates (PEP 383).
        digest: of its files.
        language, version: which compiler or interpreter; "" where it came to none.
        judgement: of the first test that was not passed; ACCEPTED where all were.
        points, of: won, and to be had.
        message: of a submission that was rejected, or did not compile.
        groups, tests: in the problem's order.
        fingerprint: of the problem that it was graded by.
        degraded: what the sandbox could not enforce on this machine.
    """

    name: str
    digest: str
    language: str
    version: str
    judgement: Judgement
    points: float
    of: float
    message: str = ""
    groups: tuple[GroupResult, ...] = ()
    tests: tuple[TestResult, ...] = ()
    fingerprint: str = ""
    degraded: tuple[str, ...] = ()

    @property
    def has_judge_error(self) -> bool:
        """Something else than the submission failed."""
        return self.judgement is Judgement.JUDGE_ERROR or any(
            test.judgement is Judgement.JUDGE_ERROR for test in self.tests
        )

    def as_dict(self) -> "dict[str, Any]":
        """Return it as plain data."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, document: "Mapping[str, Any]") -> "SubmissionResult":
        """Return what `as_dict` of a result gave.

        Raises:
            KeyError, TypeError, ValueError: it is from another version, or damaged.
        """
        return cls(
            **{
                **document,
                "judgement": Judgement(document["judgement"]),
                "groups": tuple(GroupResult(**one) for one in document["groups"]),
                "tests": tuple(TestResult.from_dict(one) for one in document["tests"]),
                "degraded": tuple(document["degraded"]),
            }
        )

    def verdict(self) -> "list[Any]":
        """Return what two gradings of the same submission agree about: all but figures."""
        return [
            self.name,
            self.digest,
            str(self.judgement),
            self.points,
            [[test.test, str(test.judgement), test.fraction] for test in self.tests],
        ]
