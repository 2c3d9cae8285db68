"""An interrupted grading goes on where it was; nothing is graded twice, nothing half."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Wardian
from tests.stories.test_grading import Course

pytestmark = [pytest.mark.root, pytest.mark.slow]

PROBLEM = '[limits]\ncpu = "2s"\n[[tests]]\nstdin = "1\\n"\nexpected = "1\\n"\n'
# The first of them come to their end, the last does not within the test's life.
SLOW = "import time; time.sleep(600)"


def course_of(directory: Path, slow: int = 0) -> Course:
    course = Course(directory, PROBLEM + ('limits = {wall = "900s"}\n' if slow else ""))
    for number in range(4):
        course.add(f"a{number}.py", "print(input())")
    for number in range(slow):
        course.add(f"z{number}.py", SLOW)
    return course


def started(course: Course, *more: str) -> subprocess.Popen[str]:
    out = str(course.directory / "out")
    argv = [sys.executable, "-u", "-m", "wardian", "grade", "-j1", "-o", out, *more]
    return subprocess.Popen(
        [*argv, str(course.directory), str(course.submissions)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def kept(course: Course) -> list[Path]:
    return sorted((course.directory / "out" / "results").glob("*.json"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_what_was_graded_stays_whatever_ends_the_command(
    number: signal.Signals, tmp_path: Path
) -> None:
    course = course_of(tmp_path / "c", slow=1)
    with started(course) as running:
        assert running.stdout is not None
        for _line in range(4):
            assert "ACCEPTED" in running.stdout.readline()
        running.send_signal(number)
        _out, told = running.communicate(timeout=60)
    assert running.returncode == (130 if number == signal.SIGINT else -number)
    if number == signal.SIGINT:
        assert told == "wardian: stopped; the same command goes on where this one was\n"
    assert [json.loads(path.read_text())["result"]["judgement"] for path in kept(course)] == [
        "ACCEPTED"
    ] * 4
    assert not list((course.directory / "out").glob("report.*"))


def test_the_same_command_goes_on(tmp_path: Path, wardian: Wardian) -> None:
    course = course_of(tmp_path / "c")
    course.grade(wardian)
    stamps = [os.stat(path).st_mtime_ns for path in kept(course)]
    course.add("b.py", "print(2)")
    out = str(course.directory / "out")
    words = (str(course.directory), str(course.submissions))
    done = wardian("grade", "-o", out, *words)
    assert done.stdout.count("(graded before)") == 4
    assert "WRONG_ANSWER" in done.stdout
    assert [os.stat(path).st_mtime_ns for path in kept(course)][:4] == stamps
    again = wardian("grade", "-o", out, "--no-resume", *words)
    assert "(graded before)" not in again.stdout


def test_what_changed_is_graded_again(tmp_path: Path, wardian: Wardian) -> None:
    course = course_of(tmp_path / "c")
    course.grade(wardian)
    course.add("a1.py", "print(2)")
    rows = course.grade(wardian)
    assert rows["a1.py"]["judgement"] == "WRONG_ANSWER"
    specification = course.directory / "problem.toml"
    specification.write_text(PROBLEM.replace('expected = "1', 'expected = "2'))
    rows = course.grade(wardian)
    assert {name: row["judgement"] for name, row in rows.items()} == {
        "a0.py": "WRONG_ANSWER",
        "a1.py": "ACCEPTED",
        "a2.py": "WRONG_ANSWER",
        "a3.py": "WRONG_ANSWER",
    }


def test_a_result_that_was_tampered_with_or_cut_is_graded_again(
    tmp_path: Path, wardian: Wardian
) -> None:
    course = course_of(tmp_path / "c")
    course.grade(wardian)
    first, second, *_rest = kept(course)
    first.write_text(first.read_text()[:100])
    second.write_text("{}")
    rows = course.grade(wardian)
    assert {row["judgement"] for row in rows.values()} == {"ACCEPTED"}


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["grade"], 125, "takes at least 2 word(s)"),
        (["grade", "nowhere.toml", "x"], 1, "no such file"),
        (["grade", "SPEC", "nowhere"], 1, 'submissions "nowhere": no such file'),
        (["grade", "-j0", "SPEC", "SUBMISSIONS"], 125, 'option "--jobs" "0"'),
        (["grade", "SPEC", "EMPTY"], 125, "there is none"),
    ],
)
def test_a_command_line_that_is_wrong_says_so(
    words: list[str], code: int, message: str, tmp_path: Path, wardian: Wardian
) -> None:
    course = course_of(tmp_path / "c")
    (tmp_path / "empty").mkdir()
    places = {
        "SPEC": str(course.directory),
        "SUBMISSIONS": str(course.submissions),
        "EMPTY": str(tmp_path / "empty"),
    }
    done = wardian(*[places.get(word, word) for word in words], cwd=tmp_path)
    assert (done.returncode, message in done.stderr) == (code, True), done.stderr
    assert "Traceback" not in done.stderr
