"""One hash of all that decides about a problem's verdicts: specification, tests, checker.

A result is kept with it, so that grading goes on after an interruption only where it would come to
the same result again.
"""

import dataclasses
import hashlib
import os

from wardian.errors import NotFoundError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from wardian.grade.problem import Problem

# Counts changes in what a verdict means; an older result is then graded again.
VERSION = "1"
CHUNK_BYTES = 1 << 20


def added(problem: "Problem") -> "Problem":
    """Return the problem with its fingerprint."""
    return dataclasses.replace(problem, fingerprint=of(problem))


def of(problem: "Problem") -> str:
    """Return a problem's fingerprint.

    Raises:
        NotFoundError: one of its files can't be read.
    """
    found = hashlib.sha256(VERSION.encode())
    described = {
        field.name: getattr(problem, field.name)
        for field in dataclasses.fields(problem)
        if field.name not in ("tests", "checker", "interactor", "directory", "fingerprint")
    }
    found.update(repr(sorted(described.items())).encode("utf-8", "backslashreplace"))
    for test in problem.tests:
        said = (test.name, test.group, test.weight, sorted(test.limits.items()), test.arguments)
        found.update(repr(said).encode("utf-8", "backslashreplace"))
        for content in (test.input, test.answer, *_values(test.files)):
            found.update(_digest(content))
    for helper in (problem.checker, problem.interactor):
        if helper:
            said_of_it = (helper.language, str(helper.protocol), helper.limits)
            found.update(repr(said_of_it).encode())
            found.update(_digest(helper.path))
        found.update(b";")
    return found.hexdigest()


def _values(files: "Mapping[str, str]") -> "list[str | bytes]":
    """Return names and paths in order: names as content, paths as files."""
    row: list[str | bytes] = []
    for name, path in sorted(files.items()):
        row += [name.encode("utf-8", "surrogateescape"), path]
    return row


def _digest(content: "bytes | str | None") -> bytes:
    if content is None:
        return bytes(32)
    if isinstance(content, bytes):
        return hashlib.sha256(content).digest()
    try:
        with open(content, "rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError as error:
        name = os.path.basename(content)
        raise NotFoundError(f'file "{name}": {(error.strerror or "").lower()}') from None


def of_files(files: "Mapping[str, bytes]") -> str:
    """Return the hash of a submission's files."""
    found = hashlib.sha256()
    for name, content in sorted(files.items()):
        found.update(hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest())
        found.update(hashlib.sha256(content).digest())
    return found.hexdigest()
