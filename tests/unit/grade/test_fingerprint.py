"""The fingerprint changes with all that decides about a verdict, and with nothing else."""

import dataclasses
from pathlib import Path

import pytest

from tests.unit.grade.problems import problem
from wardian.errors import NotFoundError
from wardian.grade import fingerprint
from wardian.grade.problem import Compare, Comparison, Helper, Protocol
from wardian.sandbox.limits import Limits


def test_equal_problems_in_two_places_have_one(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    assert problem(one).fingerprint == problem(two).fingerprint


def test_every_part_counts(tmp_path: Path) -> None:
    small = problem(tmp_path)
    (test,) = small.tests
    (tmp_path / "check.py").write_text("x")
    helper = Helper(
        path=str(tmp_path / "check.py"), language=None, protocol=Protocol.ICPC, limits=Limits()
    )
    others = [
        dataclasses.replace(small, limits={"cpu": 3}),
        dataclasses.replace(small, comparison=Comparison(mode=Compare.EXACT)),
        dataclasses.replace(small, tests=(dataclasses.replace(test, input=b"2"),)),
        dataclasses.replace(small, tests=(dataclasses.replace(test, answer=b"2"),)),
        dataclasses.replace(small, tests=(dataclasses.replace(test, arguments=("x",)),)),
        dataclasses.replace(small, checker=helper),
        dataclasses.replace(small, interactor=helper),
        dataclasses.replace(small, image="debian"),
    ]
    found = {fingerprint.of(one) for one in (small, *others)}
    assert len(found) == len(others) + 1
    (tmp_path / "check.py").write_text("y")
    assert fingerprint.of(others[5]) not in found


def test_content_counts_and_not_where_it_lies(tmp_path: Path) -> None:
    (tmp_path / "1.in").write_bytes(b"1")
    small = problem(tmp_path)
    (test,) = small.tests
    by_path = dataclasses.replace(
        small, tests=(dataclasses.replace(test, input=str(tmp_path / "1.in")),)
    )
    assert fingerprint.of(by_path) == fingerprint.of(small)
    (tmp_path / "1.in").unlink()
    with pytest.raises(NotFoundError, match=r'"1\.in"'):
        fingerprint.of(by_path)


def test_files_are_told_apart_by_name_and_content() -> None:
    sets = [{"a": b"b"}, {"a": b"c"}, {"b": b"b"}, {"a": b"b", "b": b""}, {}]
    assert len({fingerprint.of_files(one) for one in sets}) == len(sets)
