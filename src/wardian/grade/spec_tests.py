r"""Read the tests of a specification: one each, or many by a pattern of file names.

    [[tests]]
    input = "tests/small-*.in"      # * stands for the same letters in both
    answer = "tests/small-*.ans"
    group = "small"

    [[tests]]
    stdin = "1 2\n"
    expected = "3\n"

Files are in the order of their names, with numbers as numbers: 2 before 10.
"""

import functools
import glob
import os
import re

from wardian.errors import UsageError
from wardian.grade.problem import Test
from wardian.sandbox.limits import Limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wardian.grade.spec_reader import Table

MOST_TESTS = 10_000


def read_tests(table: "Table", directory: str, groups: "Sequence[str]") -> tuple[Test, ...]:
    """Return all tests, in order.

    Args:
        table: the whole specification.
        directory: that paths begin at.
        groups: their names; where there is none, all tests are of group "tests".
    """
    found: list[Test] = []
    names: set[str] = set()
    for row in table.tables("tests"):
        for test in _tests_of(row, directory, groups, len(found)):
            if test.name in names:
                row.fault("name", f'"{test.name}" is there already')
            names.add(test.name)
            found.append(test)
        row.close()
    if len(found) > MOST_TESTS:
        table.fault("tests", f"{len(found)} tests are more than {MOST_TESTS}")
    return tuple(found)


def _tests_of(
    row: "Table", directory: str, groups: "Sequence[str]", before: int
) -> "Iterator[Test]":
    make = functools.partial(
        Test,
        group=_group(row, groups),
        weight=row.number("weight", 1.0),
        limits=_limits(row),
        arguments=row.words("arguments"),
        files=_files(row, directory),
    )
    name, pattern, answer = row.text("name"), row.text("input"), row.text("answer")
    stdin, expected = _inline(row, "stdin"), _inline(row, "expected")
    if pattern is not None and stdin is not None:
        row.fault("stdin", "there is an input file already")
    if answer is not None and expected is not None:
        row.fault("expected", "there is an answer file already")
    if pattern is None:
        right = _file(row, "answer", directory, answer) if answer else expected
        yield make(name=name or f"test-{before + 1}", input=stdin or b"", answer=right)
        return
    for path, letters in _inputs(row, directory, pattern):
        right = expected
        if answer:
            right = _file(row, "answer", directory, answer.replace("*", letters))
        own = name or os.path.relpath(path, directory).rpartition(".")[0] or pattern
        if name and "*" in pattern:
            own = f"{name}-{letters}"
        yield make(name=own, input=path, answer=right)


def _group(row: "Table", groups: "Sequence[str]") -> str:
    default = groups[0] if len(groups) == 1 else None if groups else "tests"
    found = row.text("group", default)
    if found is None:
        row.fault("group", f"lacks; there are {', '.join(groups)}")
    elif found not in (groups or ("tests",)):
        row.fault("group", f"not one of {', '.join(groups or ('tests',))}")
    return found or ""


def _inline(row: "Table", key: str) -> bytes | None:
    found = row.take(key)
    if found is None:
        return None
    if not isinstance(found, str):
        row.fault(key, "not a text")
        return None
    return found.encode()


def _inputs(row: "Table", directory: str, pattern: str) -> "list[tuple[str, str]]":
    """Return the input files of a pattern, each with the letters that * stands for."""
    if pattern.count("*") > 1 or any(sign in pattern for sign in "?["):
        row.fault("input", "a pattern has one * and no other sign")
        return []
    path = os.path.join(directory, pattern)
    if "*" not in pattern:
        return [(_file(row, "input", directory, pattern), "")]
    head, _star, tail = path.partition("*")
    found = [
        (one, one[len(head) : len(one) - len(tail)])
        for one in glob.glob(f"{glob.escape(head)}*{glob.escape(tail)}")
        if os.path.isfile(one)
    ]
    if not found:
        row.fault("input", f'"{pattern}": no such file')
    return sorted(found, key=lambda one: _natural(one[1]))


def _natural(text: str) -> "list[tuple[int, str]]":
    """Return a key by which 2 comes before 10."""
    return [
        (int(part) if part.isascii() and part.isdecimal() else -1, part)
        for part in re.split(r"([0-9]+)", text)
    ]


def _file(row: "Table", key: str, directory: str, name: str) -> str:
    path = os.path.join(directory, name)
    if not os.path.isfile(path):
        row.fault(key, f'"{name}": no such file')
    return path


def _files(row: "Table", directory: str) -> "dict[str, str]":
    found = {}
    for name, path in row.mapping("files").items():
        if not isinstance(path, str):
            row.fault("files", f'"{name}" is not the path of a file')
            continue
        found[name] = _file(row, "files", directory, path)
    return found


def _limits(row: "Table") -> "dict[str, object]":
    words = row.mapping("limits")
    try:
        Limits.parse(words)
    except UsageError as error:
        row.fault("limits", str(error))
        return {}
    return words
