"""Which language a submission is in, and names that it may not have."""

from pathlib import Path

import pytest

from tests.unit.grade.problems import problem
from wardian.grade.building import BuildFaultError, check_names, language_of
from wardian.grade.results import Judgement


@pytest.mark.parametrize(
    ("files", "language"),
    [
        ({"a.c": b"", "a.h": b""}, "c"),
        ({"README": b"", "x/y.py": b""}, "python"),
        ({"main.py": b"", "gen.c": b""}, "python"),
        ({"x/Main.java": b"", "run.py": b""}, "java"),
    ],
)
def test_the_language_is_that_of_the_main_file(
    files: dict[str, bytes], language: str, tmp_path: Path
) -> None:
    assert language_of(problem(tmp_path), files).name == language


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"a.txt": b""}, "no file has the ending of a language: .c .cpp"),
        ({"a.c": b"", "b.py": b""}, "more than one language: c, python"),
        ({"main.c": b"", "main.py": b""}, "more than one language: c, python"),
    ],
)
def test_what_has_no_language_is_rejected(
    files: dict[str, bytes], words: str, tmp_path: Path
) -> None:
    with pytest.raises(BuildFaultError) as caught:
        language_of(problem(tmp_path), files)
    assert caught.value.judgement is Judgement.REJECTED
    assert words in str(caught.value)


@pytest.mark.parametrize("name", ["in.txt", "in.txt/x", "data", "data/x/y"])
def test_a_submission_can_t_lay_its_files_over_the_problem_s(name: str, tmp_path: Path) -> None:
    small = problem(tmp_path, input_file="in.txt")
    (test,) = small.tests
    import dataclasses

    test = dataclasses.replace(test, files={"data/x": "/dev/null"})
    small = dataclasses.replace(small, tests=(test,))
    check_names(small, {"main.c": b"", "datax": b""})
    if name == "data/x/y" or name.startswith("in.txt") or name == "data":
        with pytest.raises(BuildFaultError, match="is a file of the problem"):
            check_names(small, {name: b""})
