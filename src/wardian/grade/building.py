"""The compile step: once for each submission, in a box; what it makes is kept as bytes.

A compiler reads what the submission wrote (`#include "/dev/zero"`, templates without end, a file
called -o), so it has limits and a policy as any program has. It sees no test.
"""

import dataclasses
import threading

from wardian.errors import HostError, UsageError, WardianError
from wardian.grade import languages
from wardian.grade.boxes import with_room
from wardian.grade.languages import Sources
from wardian.grade.results import Judgement
from wardian.sandbox.limits import Limits
from wardian.sandbox.verdict import Outcome

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from wardian.grade.boxes import Boxes
    from wardian.grade.languages import Language
    from wardian.grade.problem import Problem
    from wardian.sandbox.verdict import Verdict

SHOWN_BYTES = 4000
VERSION_LIMITS = Limits(wall_s=30.0, cpu_s=15.0, memory_bytes=512 << 20, processes=128)


class BuildFaultError(Exception):
    """A submission that can't be built.

    Attributes:
        judgement: COMPILE_ERROR, REJECTED, VIOLATION or JUDGE_ERROR.
    """

    def __init__(self, judgement: Judgement, message: str) -> None:
        super().__init__(message)
        self.judgement = judgement


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A program that is ready to run.

    Attributes:
        language: of its source.
        version: of the compiler or interpreter.
        sources: that it was made of.
        files: that its box must have: artefacts, or sources.
        image: for its box, or None.
    """

    language: "Language"
    version: str
    sources: Sources
    files: "Mapping[str, bytes]"
    image: str | None

    def command(self, limits: Limits) -> "list[str]":
        """Return what runs it, where a program may use as much as these limits say."""
        return languages.fill(
            self.language.run,
            self.sources,
            memory_bytes=limits.memory_bytes,
            stack_bytes=limits.stack_bytes,
        )


class Builder:
    """Builds programs of one problem's submissions, and its own.

    Args:
        boxes: to run compilers in.
        limits: of a compile step.
        image: for all boxes, unless the language has one.
    """

    def __init__(self, boxes: "Boxes", limits: Limits, image: str | None) -> None:
        self._boxes, self._limits, self._image = boxes, limits, image
        self._lock = threading.Lock()
        self._versions: dict[str, str] = {}

    def version(self, language: "Language") -> str:
        """Return the first line that a compiler says of itself; asked once.

        Raises:
            BuildFaultError: JUDGE_ERROR, since the language is not installed here.
        """
        with self._lock:
            if language.name not in self._versions:
                self._versions[language.name] = self._ask(language)
            return self._versions[language.name]

    def _ask(self, language: "Language") -> str:
        if not language.version:
            return ""
        image = language.image or self._image
        try:
            sandbox = self._boxes.trusted(VERSION_LIMITS, image)
            verdict = self._boxes.run(sandbox, language.version)
        except WardianError as error:
            raise BuildFaultError(Judgement.JUDGE_ERROR, _absent(language, str(error))) from None
        if not verdict.ok:
            raise BuildFaultError(Judgement.JUDGE_ERROR, _absent(language, said(verdict)))
        lines = (verdict.stdout or verdict.stderr).decode("utf-8", "replace").strip().splitlines()
        return lines[0] if lines else ""

    def build(self, language: "Language", files: "Mapping[str, bytes]") -> Built:
        """Compile a program.

        Raises:
            BuildFaultError: it can't be built.
        """
        try:
            sources = Sources(language, files)
        except UsageError as error:
            raise BuildFaultError(Judgement.REJECTED, str(error)) from None
        version = self.version(language)
        image = language.image or self._image
        made: Mapping[str, bytes] = sources.files
        if language.compile:
            verdict = self._compile(language, sources, image)
            _check(verdict)
            if language.artefacts:
                made = verdict.outputs
                for name, fault in verdict.output_errors.items():
                    raise BuildFaultError(Judgement.COMPILE_ERROR, f'no "{name}": {fault}')
        return Built(language=language, version=version, sources=sources, files=made, image=image)

    def _compile(self, language: "Language", sources: Sources, image: str | None) -> "Verdict":
        limits = with_room(self._limits, sources.files)
        command = languages.fill(
            language.compile,
            sources,
            memory_bytes=limits.memory_bytes,
            stack_bytes=limits.stack_bytes,
        )
        try:
            sandbox = self._boxes.compiler(limits, image)
            return self._boxes.run(
                sandbox, command, files=sources.files, outputs=language.artefacts
            )
        except UsageError as error:
            raise BuildFaultError(Judgement.REJECTED, str(error)) from None
        except HostError as error:
            raise BuildFaultError(Judgement.JUDGE_ERROR, f"compile step: {error}") from None


def _check(verdict: "Verdict") -> None:
    """Raise what a compile step's end means.

    Raises:
        BuildFaultError: it did not end well.
    """
    if verdict.ok:
        return
    text = said(verdict)
    if verdict.outcome is Outcome.NONZERO_EXIT:
        raise BuildFaultError(Judgement.COMPILE_ERROR, text or f"exit code {verdict.exit_code}")
    message = f"compile step: {verdict.outcome}"
    if verdict.reason:
        message += f", {verdict.reason}"
    if verdict.outcome is Outcome.VIOLATION:
        raise BuildFaultError(Judgement.VIOLATION, message)
    if verdict.outcome is Outcome.INTERNAL_ERROR:
        raise BuildFaultError(Judgement.JUDGE_ERROR, message)
    raise BuildFaultError(Judgement.COMPILE_ERROR, f"{message}\n{text}".rstrip())


def said(verdict: "Verdict") -> str:
    """Return the beginning of what a program wrote to standard error, else to its output."""
    content = verdict.stderr.strip() or verdict.stdout.strip()
    text = content[:SHOWN_BYTES].decode("utf-8", "backslashreplace")
    return f"{text}\n..." if len(content) > SHOWN_BYTES else text


def _absent(language: "Language", why: str) -> str:
    where = f' in image "{language.image}"' if language.image else ""
    return f'language "{language.name}" is not there{where}: {why}'


def language_of(problem: "Problem", files: "Mapping[str, bytes]") -> "Language":
    """Return the language of a submission: that of its main file, else the only one there is.

    Raises:
        BuildFaultError: REJECTED, since there is none, or more than one.
    """
    known = problem.languages
    found = {name: languages.by_ending(known.values(), name) for name in files}
    there = {one.name: one for one in found.values() if one}
    if not there:
        endings = " ".join(ending for one in known.values() for ending in one.endings)
        raise BuildFaultError(
            Judgement.REJECTED, f"no file has the ending of a language: {endings}"
        )
    if len(there) > 1:
        mains = {
            one.name: one
            for name, one in found.items()
            if one and name.rpartition("/")[2].lower().startswith("main.")
        }
        there = mains if len(mains) == 1 else there
    if len(there) > 1:
        raise BuildFaultError(
            Judgement.REJECTED, f"more than one language: {', '.join(sorted(there))}"
        )
    return next(iter(there.values()))


def check_names(problem: "Problem", files: "Mapping[str, bytes]") -> None:
    """Refuse a submission with a file where one of the problem's must lie.

    Raises:
        BuildFaultError: REJECTED.
    """
    taken = {name for test in problem.tests for name in test.files}
    taken |= {name for name in (problem.input_file, problem.output_file) if name}
    for name in files:
        for other in taken:
            if name == other or name.startswith(f"{other}/") or other.startswith(f"{name}/"):
                raise BuildFaultError(Judgement.REJECTED, f'"{name}" is a file of the problem\'s')
