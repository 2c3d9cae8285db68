"""Tests by pattern: which files, in which order, with which answers."""

from pathlib import Path

from wardian.grade.spec_reader import Faults, Table
from wardian.grade.spec_tests import read_tests


def read(document: dict[str, object], directory: Path, groups: list[str]) -> tuple[list[str], str]:
    faults = Faults()
    found = read_tests(Table(document, "", faults), str(directory), groups)
    return [test.name for test in found], "; ".join(f"{a}: {b}" for a, b in faults.found)


def test_a_pattern_names_inputs_and_their_answers(tmp_path: Path) -> None:
    for name in ("2", "10", "1"):
        (tmp_path / f"t-{name}.in").write_text(name)
        (tmp_path / f"t-{name}.ans").write_text(name)
    faults = Faults()
    document = {"tests": [{"input": "t-*.in", "answer": "t-*.ans"}]}
    found = read_tests(Table(document, "", faults), str(tmp_path), [])
    assert not faults.found
    assert [test.name for test in found] == ["t-1", "t-2", "t-10"]
    assert [Path(str(test.answer)).name for test in found] == ["t-1.ans", "t-2.ans", "t-10.ans"]


def test_an_input_without_its_answer_is_told(tmp_path: Path) -> None:
    (tmp_path / "1.in").write_text("")
    _names, told = read({"tests": [{"input": "*.in", "answer": "*.ans"}]}, tmp_path, [])
    assert told == 'tests[0].answer: "1.ans": no such file'


def test_a_name_over_a_pattern_gets_the_letters_of_the_star(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.in").write_text("")
    names, _told = read({"tests": [{"name": "big", "input": "*.in", "expected": ""}]}, tmp_path, [])
    assert names == ["big-a", "big-b"]


def test_a_test_says_its_group_where_there_are_several(tmp_path: Path) -> None:
    _names, told = read({"tests": [{"expected": ""}]}, tmp_path, ["a", "b"])
    assert told == "tests[0].group: lacks; there are a, b"
    _names, told = read({"tests": [{"expected": "", "group": "c"}]}, tmp_path, ["a", "b"])
    assert told == "tests[0].group: not one of a, b"
    _names, told = read({"tests": [{"expected": ""}]}, tmp_path, ["a"])
    assert told == ""


def test_an_input_is_given_once(tmp_path: Path) -> None:
    (tmp_path / "1.in").write_text("")
    row = {"input": "1.in", "stdin": "", "expected": ""}
    _names, told = read({"tests": [row]}, tmp_path, [])
    assert "there is an input file already" in told


def test_signs_of_other_patterns_are_refused(tmp_path: Path) -> None:
    _names, told = read({"tests": [{"input": "*/*.in", "expected": ""}]}, tmp_path, [])
    assert "a pattern has one *" in told
