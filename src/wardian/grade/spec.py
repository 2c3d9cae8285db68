"""Read a problem's specification (TOML), and the tests that it names; docs/guides/grading.md.

Paths begin at the specification's directory. All faults are gathered: the first is the error, the
others its hint.
"""

import os
import tomllib

from wardian.errors import NotFoundError, SpecError, UsageError
from wardian.grade import fingerprint, languages
from wardian.grade.problem import (
    Compare,
    Comparison,
    Group,
    Helper,
    Mode,
    Problem,
    Protocol,
)
from wardian.grade.spec_reader import Faults, Table
from wardian.grade.spec_tests import read_tests
from wardian.sandbox.limits import Limits
from wardian.units import parse_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

LARGEST_BYTES = 4 << 20
FILE_NAME = "problem.toml"
COMPILE_LIMITS: "Mapping[str, Any]" = {
    "cpu": "20s",
    "wall": "40s",
    "memory": "768m",
    "processes": 64,
    "file-size": "64m",
    "disk": "128m",
    "output": "1m",
}
HELPER_LIMITS: "Mapping[str, Any]" = {"cpu": "10s", "wall": "30s", "memory": "256m"}
SUBMISSION_BYTES = 1 << 20
SUBMISSION_FILES = 64


def load(path: "str | os.PathLike[str]") -> Problem:
    """Return the problem that a specification describes.

    Args:
        path: of the file, or of a directory with a problem.toml in it.

    Raises:
        NotFoundError: it is not there; SpecError: it is wrong, and where.
    """
    name = os.fspath(path)
    if os.path.isdir(name):
        name = os.path.join(name, FILE_NAME)
    try:
        with open(name, "rb") as file:
            content = file.read(LARGEST_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise NotFoundError(f'problem "{name}": {reason}') from None
    if len(content) > LARGEST_BYTES:
        raise SpecError(f"larger than {LARGEST_BYTES} bytes", where=name)
    try:
        document = tomllib.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise SpecError(f"no TOML: {error}", where=name) from None
    return from_dict(document, directory=os.path.dirname(os.path.abspath(name)), name=name)


def from_dict(document: "Mapping[str, Any]", *, directory: str, name: str = "problem") -> Problem:
    """Return the problem that a parsed specification describes.

    Args:
        document: as the TOML reader gave it.
        directory: that its paths begin at.
        name: how errors call it.

    Raises:
        SpecError: the first fault; the hint has the others.
    """
    faults = Faults()
    table = Table(dict(document), "", faults)
    title = table.text("title", "") or ""
    short = table.text("name") or os.path.basename(directory) or "problem"
    checker = _helper(table.take("checker"), "checker", directory, faults)
    interactor = _helper(table.take("interactor"), "interactor", directory, faults)
    if checker and interactor:
        faults.add("checker", "an interactor judges already; there can't be both")
    known = _languages(table.table("languages"))
    groups = _groups(table)
    tests = read_tests(table, directory, [group.name for group in groups])
    if not groups:
        groups = (Group(name="tests", points=table.number("points", 100.0)),)
    problem = Problem(
        name=short,
        title=title or short,
        directory=directory,
        tests=tests,
        groups=groups,
        limits=_limit_words(table.table("limits")),
        compile_limits=_limits(table.table("compile"), COMPILE_LIMITS),
        comparison=_comparison(table.table("compare")),
        checker=checker,
        interactor=interactor,
        languages=_allowed(table, known),
        multipliers=_multipliers(table.table("time-multipliers"), known),
        image=table.text("image"),
        policy=table.text("policy", "compute") or "compute",
        input_file=_file_name(table, "input-file"),
        output_file=_file_name(table, "output-file"),
        submission_bytes=_size(table, "submission-size", SUBMISSION_BYTES),
        submission_files=int(table.number("submission-files", SUBMISSION_FILES, 1)),
    )
    table.close()
    _check(problem, faults)
    faults.report(name)
    return fingerprint.added(problem)


def _check(problem: Problem, faults: Faults) -> None:
    """Look at what concerns more than one key."""
    if not problem.tests:
        faults.add(
            "tests",
            "there is none",
        )
    names = [group.name for group in problem.groups]
    for number, group in enumerate(problem.groups):
        where = f"groups[{number}]"
        if group.name in names[:number]:
            faults.add(f"{where}.name", f'"{group.name}" is there already')
        for other in group.requires:
            if other not in names[:number]:
                faults.add(f"{where}.requires", f'no group "{other}" stands before this one')
        if not problem.tests_of(group):
            faults.add(where, f'group "{group.name}" has no test')
    judged = problem.checker or problem.interactor
    for test in problem.tests:
        if test.answer is None and not judged:
            faults.add(f'test "{test.name}"', "no answer, and neither checker nor interactor")
    if problem.interactor and (problem.input_file or problem.output_file):
        faults.add("interactor", "goes by standard input and output, not by files")


# ---- parts -------------------------------------------------------------------------------------


def _file_name(table: Table, key: str) -> str | None:
    found = table.text(key)
    if found is not None and ("/" in found or found in (".", "..")):
        table.fault(key, "not the plain name of a file")
    return found


def _size(table: Table, key: str, default: int) -> int:
    found = table.take(key)
    if found is None:
        return default
    try:
        return parse_size(str(found), key)
    except UsageError as error:
        table.fault(key, str(error))
        return default


def _limit_words(table: Table) -> "dict[str, object]":
    """Return limits as words, after a look whether they are some."""
    words = {key: table.take(key) for key in list(table.content)}
    try:
        Limits.parse(words)
    except UsageError as error:
        table.faults.add(table.where, f"{error}{f' ({error.hint})' if error.hint else ''}")
        return {}
    return words


def _limits(table: Table, default: "Mapping[str, Any]") -> Limits:
    return Limits.parse({**default, **_limit_words(table)})


def _comparison(table: Table) -> Comparison:
    mode = table.choice("mode", Compare, Compare.TOKENS)
    found = Comparison(
        mode=mode,
        ignore_case=table.truth("ignore-case", default=False),
        absolute=table.number("absolute", 1e-6),
        relative=table.number("relative", 1e-6),
    )
    if mode is not Compare.FLOAT and {"absolute", "relative"} & set(table.content):
        table.fault("mode", 'a tolerance is for mode = "float"')
    if mode is Compare.EXACT and found.ignore_case:
        table.fault("ignore-case", 'means nothing with mode = "exact"')
    table.close()
    return found


def _helper(content: object, where: str, directory: str, faults: Faults) -> Helper | None:
    """Read a checker or interactor: the path of its source, or a table."""
    if content is None:
        return None
    table = Table({"source": content} if isinstance(content, str) else content, where, faults)
    source = table.text("source")
    path = os.path.join(directory, source or "")
    if source is None:
        table.fault("source", "lacks")
    elif not os.path.isfile(path):
        table.fault("source", f'"{source}": no such file')
    language = table.text("language")
    if language is not None and language not in languages.PRESETS:
        table.fault("language", f'"{language}" is none of {", ".join(languages.PRESETS)}')
    elif (
        language is None and source and not languages.by_ending(languages.PRESETS.values(), source)
    ):
        table.fault("source", f'"{source}": no language has this ending')
    found = Helper(
        path=path,
        language=language,
        protocol=table.choice("protocol", Protocol, Protocol.TESTLIB),
        limits=_limits(table.table("limits"), HELPER_LIMITS),
    )
    table.close()
    return found


def _groups(table: Table) -> tuple[Group, ...]:
    found = []
    for row in table.tables("groups"):
        name = row.text("name")
        if name is None:
            row.fault("name", "lacks")
        found.append(
            Group(
                name=name or "",
                points=row.number("points", 0.0),
                mode=row.choice("mode", Mode, Mode.SUM),
                requires=row.words("requires"),
                stop=row.truth("stop", default=False),
            )
        )
        row.close()
    return tuple(found)


# ---- languages ---------------------------------------------------------------------------------


def _languages(table: Table) -> "dict[str, languages.Language]":
    """Return the presets, with what the problem changes and adds."""
    found = dict(languages.PRESETS)
    for name in table.content:
        row = table.table(name)
        preset = found.get(name)
        if not (preset or {"endings", "run"} <= set(row.content)):
            row.faults.add(row.where, "a new language needs endings and run")
        start = preset or languages.Language(name=name, endings=(), run=())
        found[name] = languages.Language(
            name=name,
            endings=_endings(row) or start.endings,
            run=row.words("run") or start.run,
            compile=row.words("compile") if "compile" in row.content else start.compile,
            artefacts=row.words("artefacts") if "artefacts" in row.content else start.artefacts,
            version=row.words("version") or start.version,
            image=row.text("image", start.image),
            extra_memory_bytes=_size(row, "extra-memory", start.extra_memory_bytes),
            extra_processes=int(row.number("extra-processes", start.extra_processes)),
            names_by_class=start.names_by_class,
            exception=start.exception,
        )
        row.close()
    return found


def _endings(row: Table) -> tuple[str, ...]:
    found = row.words("endings")
    if not all(one.startswith(".") and len(one) > 1 for one in found):
        row.fault("endings", 'not all begin with a dot, as ".rs"')
    return found


def _allowed(
    table: Table, known: "dict[str, languages.Language]"
) -> "dict[str, languages.Language]":
    wanted = table.words("allow")
    for name in wanted:
        if name not in known:
            table.fault("allow", f'"{name}" is none of {", ".join(known)}')
    return {name: known[name] for name in wanted if name in known} if wanted else known


def _multipliers(table: Table, known: "Mapping[str, object]") -> "dict[str, float]":
    found = {}
    for name in table.content:
        found[name] = table.number(name, 1.0, 0.01)
        if name not in known:
            table.fault(name, "no such language")
    return found
