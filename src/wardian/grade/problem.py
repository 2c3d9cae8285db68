"""What is graded: a problem, its tests and groups, as plain values (docs/guides/grading.md)."""

import dataclasses
import enum
import math

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from wardian.grade.languages import Language
    from wardian.sandbox.limits import Limits


class Compare(enum.StrEnum):
    """How an output is compared with the expected one."""

    TOKENS = "tokens"
    """Word by word; how much white space is between them means nothing."""
    LINES = "lines"
    """Line by line; blanks at the ends of lines and empty lines at the end mean nothing."""
    EXACT = "exact"
    """Byte by byte."""
    FLOAT = "float"
    """Word by word, numbers within a tolerance."""


class Mode(enum.StrEnum):
    """How the tests of a group give its points."""

    SUM = "sum"
    """Each test brings its share."""
    MIN = "min"
    """The worst test counts: all or nothing where tests give no part of their points."""


class Protocol(enum.StrEnum):
    """How a checker or interactor is called, and how it answers."""

    TESTLIB = "testlib"
    """Arguments: input, output, answer. Exits with 0, 1 (wrong), 2, 3 (its own fault), 7 (part)."""
    ICPC = "icpc"
    """Arguments: input, answer, a directory; output on standard input. Exits with 42 or 43."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How an output is compared where there is no checker.

    Attributes:
        mode: tokens, lines, exact or float.
        ignore_case: A and a are equal; not for EXACT.
        absolute, relative: of FLOAT; a number is right within either.
    """

    mode: Compare = Compare.TOKENS
    ignore_case: bool = False
    absolute: float = 1e-6
    relative: float = 1e-6


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Helper:
    """A checker or an interactor: a program of the problem's author, which runs in a box too.

    Attributes:
        path: of its source; its ending tells the language, unless `language` does.
        language: its name, or None.
        protocol: how it is called.
        limits: of each of its runs.
    """

    path: str
    language: str | None
    protocol: Protocol
    limits: "Limits"


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Test:
    """One input, and what is right for it.

    Attributes:
        name: unique in its problem.
        group: the group's name.
        input, answer: content, or the path of a file. An answer of None needs a checker or an
            interactor, or only asks for a run without fault.
        weight: its share of the group's points against those of the other tests.
        limits: words that differ from the problem's.
        arguments: of the program.
        files: more files for its working directory: name, and path.
    """

    name: str
    group: str
    input: "bytes | str"
    answer: "bytes | str | None"
    weight: float = 1.0
    limits: "Mapping[str, object]" = dataclasses.field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    files: "Mapping[str, str]" = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Tests whose points belong together: a subtask.

    Attributes:
        name: unique in its problem.
        points: for all of it.
        mode: how its tests give them.
        requires: groups that must be passed whole, else this one is not tried.
        stop: no further test of it is run after one without points.
    """

    name: str
    points: float
    mode: Mode = Mode.SUM
    requires: tuple[str, ...] = ()
    stop: bool = False


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A problem: what is asked, and by which limits and tests an answer is judged.

    Attributes:
        name: short.
        title: for people.
        directory: that the paths in its specification begin at.
        tests: in the order in which they are run.
        groups: in the order of the report.
        limits: words of wardian.Limits for each run of a submission.
        compile_limits: for each compile step.
        comparison: of outputs, where there is no checker.
        checker, interactor: programs that judge.
        languages: by name; those that may be submitted.
        multipliers: by language, of the time limits.
        image: for all boxes; the host's own programs without.
        policy: of a submission's runs.
        input_file: a file from which the program reads instead of its standard input.
        output_file: a file to which it writes instead of its standard output.
        submission_bytes: that a submission's files may have together.
        submission_files: how many it may have.
        fingerprint: hash of all that decides about a verdict.
    """

    name: str
    title: str
    directory: str
    tests: tuple[Test, ...]
    groups: tuple[Group, ...]
    limits: "Mapping[str, object]"
    compile_limits: "Limits"
    comparison: Comparison
    checker: Helper | None
    interactor: Helper | None
    languages: "Mapping[str, Language]"
    multipliers: "Mapping[str, float]"
    image: str | None
    policy: str
    input_file: str | None
    output_file: str | None
    submission_bytes: int
    submission_files: int
    fingerprint: str = ""

    @property
    def points(self) -> float:
        """How many there are to be had."""
        return math.fsum(group.points for group in self.groups)

    def tests_of(self, group: Group) -> "list[Test]":
        """Return a group's tests, in order."""
        return [test for test in self.tests if test.group == group.name]
