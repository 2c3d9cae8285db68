"""A problem's specification: what it says, and that all its faults are told at once."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.habits.project import ROOT
from wardian.errors import NotFoundError, SpecError
from wardian.grade import spec
from wardian.grade.problem import Compare, Mode, Problem, Protocol

TESTS = '\n[[tests]]\nstdin = "1"\nexpected = "2"\n'


def read(text: str, directory: Path) -> Problem:
    return spec.from_dict(tomllib.loads(text), directory=str(directory))


def faults(text: str, directory: Path) -> str:
    with pytest.raises(SpecError) as caught:
        read(text, directory)
    return f"{caught.value} | {caught.value.hint}"


def test_the_least_is_one_test(tmp_path: Path) -> None:
    found = read(TESTS, tmp_path)
    assert found.name == tmp_path.name
    assert found.points == 100
    assert [(test.name, test.group, test.input, test.answer) for test in found.tests] == [
        ("test-1", "tests", b"1", b"2")
    ]
    assert set(found.languages) == {"c", "c++", "python", "java", "node"}
    assert found.comparison.mode is Compare.TOKENS


def test_groups_have_points_modes_and_requirements(tmp_path: Path) -> None:
    text = """
[[groups]]
name = "a"
points = 30
[[groups]]
name = "b"
points = 70
mode = "min"
requires = ["a"]
stop = true
[[tests]]
expected = ""
group = "a"
weight = 2
[[tests]]
expected = ""
group = "b"
"""
    first, second = read(text, tmp_path).groups
    assert (first.points, first.mode, first.stop) == (30, Mode.SUM, False)
    assert (second.mode, second.requires, second.stop) == (Mode.MIN, ("a",), True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "tests: there is none"),
        (TESTS + '\n[limits]\nmemry = "1m"', 'limits: "memry" is no limit'),
        (TESTS + '\n[limits]\nmemory = "much"', "not a size"),
        ('tile = "x"' + TESTS, 'tile: unknown key (did you mean "title"?)'),
        ('allow = ["cobol"]' + TESTS, '"cobol" is none of'),
        ('checker = "c.py"' + TESTS, '"c.py": no such file'),
        ('input-file = "../x"' + TESTS, "input-file: not the plain name of a file"),
        ('[[tests]]\nstdin = "1"', "no answer, and neither checker nor interactor"),
        ('[[tests]]\ninput = "none-*.in"\nanswer = "x"', '"none-*.in": no such file'),
        ('[[tests]]\nstdin = 1\nexpected = "2"', "tests[0].stdin: not a text"),
        ('[compare]\nmode = "fuzzy"' + TESTS, "compare.mode: not one of tokens, lines"),
        ("[compare]\nabsolute = 0.1" + TESTS, 'a tolerance is for mode = "float"'),
        ("[time-multipliers]\ncobol = 2" + TESTS, "time-multipliers.cobol: no such language"),
        ("[languages.zig]\nrun = []" + TESTS, "languages.zig: a new language needs"),
        (
            '[[groups]]\nname = "a"\nrequires = ["b"]' + TESTS,
            'groups[0].requires: no group "b" stands before this one',
        ),
        (TESTS.replace("stdin", 'name = "x"\nstdin') * 2, '"x" is there already'),
    ],
)
def test_a_fault_names_its_place(text: str, words: str, tmp_path: Path) -> None:
    assert words in faults(text, tmp_path)


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    text = '[compare]\nmode = "x"\n[limits]\ncpu = "y"\n' + TESTS.replace('"2"', "2")
    told = faults(text, tmp_path)
    assert "compare.mode" in told
    assert "limits" in told
    assert "expected" in told


def test_a_checker_is_a_path_or_a_table(tmp_path: Path) -> None:
    (tmp_path / "check.py").write_text("")
    short = read('checker = "check.py"\n[[tests]]\nstdin = "1"\n', tmp_path)
    assert short.checker is not None
    assert short.checker.protocol is Protocol.TESTLIB
    assert short.checker.limits.cpu_s == 10
    table = '[[tests]]\n[checker]\nsource = "check.py"\nprotocol = "icpc"\nlimits = {cpu = "3s"}\n'
    found = read(table, tmp_path).checker
    assert found is not None
    assert (found.protocol, found.limits.cpu_s) == (Protocol.ICPC, 3)


def test_a_language_is_changed_and_another_added(tmp_path: Path) -> None:
    text = """
[languages.c]
compile = ["cc", "-o", "program", "{sources}"]
[languages.rust]
endings = [".rs"]
compile = ["rustc", "{source}"]
artefacts = ["main"]
run = ["./main"]
extra-memory = "8m"
"""
    found = read(text + TESTS, tmp_path).languages
    assert found["c"].compile[0] == "cc"
    assert found["c"].run == ("./program",)
    assert found["rust"].endings == (".rs",)
    assert found["rust"].extra_memory_bytes == 8 << 20


def test_the_guide_s_specification_is_one(tmp_path: Path) -> None:
    guide = (ROOT / "docs" / "guides" / "grading.md").read_text(encoding="utf-8")
    main, rust = re.findall(r"^```toml\n(.*?)^```", guide, re.DOTALL | re.MULTILINE)
    (tmp_path / "tests").mkdir()
    for name in ("large-1.in", "large-1.ans", "data.csv"):
        (tmp_path / "tests" / name).write_text("")
    found = read(main + rust, tmp_path)
    assert (found.points, len(found.tests)) == (100, 2)
    with_rust = main.replace('"python"]', '"python", "rust"]') + rust
    assert read(with_rust, tmp_path).languages["rust"].image == "rust"


def test_only_allowed_languages_may_be_submitted(tmp_path: Path) -> None:
    assert set(read('allow = ["python"]' + TESTS, tmp_path).languages) == {"python"}


def test_a_file_or_its_directory_is_read(tmp_path: Path) -> None:
    (tmp_path / "problem.toml").write_text(TESTS)
    assert spec.load(tmp_path).tests == spec.load(tmp_path / "problem.toml").tests
    with pytest.raises(NotFoundError, match="no such file"):
        spec.load(tmp_path / "nothing.toml")


@pytest.mark.parametrize("content", [b"[[", b"\xff", b"a = 1\n" * 900_000])
def test_what_is_no_specification_is_told_so(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "problem.toml").write_bytes(content)
    with pytest.raises(SpecError):
        spec.load(tmp_path)


def test_anything_that_is_toml_is_read_or_refused(tmp_path: Path) -> None:
    keys = (
        *("name", "title", "points", "limits", "compile", "compare", "checker", "interactor"),
        *("languages", "groups", "tests", "allow", "time-multipliers", "image", "policy"),
        *("input-file", "output-file", "submission-size", "submission-files"),
    )
    odd: list[Any] = [0, -1, "", "x", True, [], [1], {}, {"x": 1}, [{}], 1e300, float("nan")]
    for key in keys:
        for value in odd:
            document = {"tests": [{"expected": ""}], key: value}
            try:
                spec.from_dict(document, directory=str(tmp_path))
            except SpecError:
                continue
