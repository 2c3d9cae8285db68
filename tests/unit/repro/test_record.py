"""Records: read, written, and two of them explained."""

from pathlib import Path
from typing import Any

import pytest

from wardian.errors import NotFoundError, SpecError
from wardian.repro import record
from wardian.repro.conditions import CONTROL

PLAIN: dict[str, Any] = {
    "command": ["make"],
    "source": {"commit": "c0ffee", "digest": "1"},
    "environment": {"plan": "p", "packages": []},
    "conditions": record.conditions_document(CONTROL),
    "inputs": {},
    "outputs": {"out": {"digest": "2"}},
    "output_patterns": [],
    "exit_code": 0,
    "machine": {"cpus": 2},
}


def test_conditions_come_back_as_they_were() -> None:
    now = CONTROL.but(env=(("A", "1"), ("B", "2")), cpus=2, clock_s=7)
    assert record.conditions_of({"conditions": record.conditions_document(now)}) == now


def test_unknown_conditions_are_refused() -> None:
    with pytest.raises(SpecError, match='unknown condition "moon"'):
        record.conditions_of({"conditions": {"moon": 1}})


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    record.write(PLAIN, str(path))
    read = record.read(str(path))
    assert record.diff(PLAIN, read) == []
    assert record.explain([]) == ["the two runs are the same, from the source to the outputs"]


def test_a_record_of_another_shape_is_refused_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "r.json"
    record.write({**PLAIN, "outputs": []}, str(path))
    with pytest.raises(SpecError, match="outputs is missing or no dict"):
        record.read(str(path))
    with pytest.raises(NotFoundError, match="no such file"):
        record.read(str(tmp_path / "no"))


def test_what_explains_comes_before_what_is_explained() -> None:
    other = {**PLAIN, "outputs": {"out": {"digest": "3"}}, "machine": {"cpus": 3}}
    lines = record.explain(record.diff(PLAIN, other))
    assert lines == [
        "the machine:",
        "  cpus: 2 -> 3",
        "the outputs:",
        "  out.digest: 2 -> 3",
        "the outputs differ, and so do the machine",
    ]


def test_long_lists_are_shortened_to_what_changed() -> None:
    packages = [f"deb:package{number}=1" for number in range(50)]
    one = {**PLAIN, "environment": {"packages": packages}}
    other = {**PLAIN, "environment": {"packages": [*packages[:-1], "deb:package49=2"]}}
    assert "  packages: deb:package49=1 -> deb:package49=2" in record.explain(
        record.diff(one, other)
    )


def test_this_machine_says_what_its_processor_can() -> None:
    found = record.machine()
    assert found["cpus"] >= 1
    assert found["architecture"]
