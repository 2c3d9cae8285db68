"""Limits of a run: problem, test, language."""

from pathlib import Path

from tests.unit.grade.problems import problem
from wardian.grade import limits
from wardian.grade.languages import PRESETS
from wardian.sandbox.verdict import Usage

C, JAVA = PRESETS["c"], PRESETS["java"]


def test_a_test_s_words_are_over_the_problem_s(tmp_path: Path) -> None:
    small = problem(tmp_path, limits={"cpu": "1s", "memory": "64m"})
    found = limits.of_run(small, C, {"memory_bytes": 1 << 24})
    assert (found.cpu_s, found.memory_bytes) == (1, 1 << 24)


def test_a_language_has_more_time_and_its_runtime_more_memory(tmp_path: Path) -> None:
    small = problem(tmp_path, limits={"cpu": 1, "memory": "64m"}, multipliers={"java": 2.5})
    found = limits.of_run(small, JAVA, {})
    assert found.cpu_s == 2.5
    assert found.memory_bytes == (64 << 20) + JAVA.extra_memory_bytes
    assert limits.of_run(small, C, {}).cpu_s == 1


def test_wall_clock_time_leaves_room_where_nobody_says_it(tmp_path: Path) -> None:
    assert limits.of_run(problem(tmp_path, limits={"cpu": 1}), C, {}).wall_s == 7
    assert limits.of_run(problem(tmp_path, limits={"cpu": 1}), C, {}, 6.0).wall_s == 42
    said = problem(tmp_path, limits={"cpu": 1, "wall": 3})
    assert limits.of_run(said, C, {}, 6.0).wall_s == 3


def test_only_a_program_that_computed_was_held_up(tmp_path: Path) -> None:
    small = problem(tmp_path, limits={"cpu": 1})
    assert limits.was_held_up(small, {}, Usage(wall_s=7, cpu_s=0.9))
    assert not limits.was_held_up(small, {}, Usage(wall_s=7, cpu_s=0.01))
    assert not limits.was_held_up(small, {"wall": 7}, Usage(wall_s=7, cpu_s=0.9))
