"""A teacher grades submissions: every kind of wrong one, in every language, in one command."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Wardian
from tests.habits.project import ROOT
from tests.machine import requires
from tests.users import User

pytestmark = [pytest.mark.root, pytest.mark.slow]

SUM = ROOT / "examples" / "grading" / "sum"
GUESS = ROOT / "examples" / "grading" / "guess"


def graded(wardian: Wardian, problem: Path, out: Path, *more: str) -> dict[str, Any]:
    """Grade a problem's own submissions; returns the report's rows by name."""
    done = wardian("grade", "-o", str(out), *more, str(problem), str(problem / "submissions"))
    assert done.returncode == 0, done.stderr
    report = json.loads((out / "report.json").read_text(encoding="ascii"))
    return {row["name"]: row for row in report["submissions"]}


def test_each_submission_gets_what_it_deserves(wardian: Wardian, tmp_path: Path) -> None:
    requires("compiler")
    rows = graded(wardian, SUM, tmp_path / "out", "-j", "2")
    expected: dict[str, tuple[str, float]] = {
        "broken.c": ("COMPILE_ERROR", 0),
        "crash.c": ("RUNTIME_ERROR", 30),
        "forged.py": ("WRONG_ANSWER", 0),
        "formula.c": ("ACCEPTED", 100),
        "formula.py": ("ACCEPTED", 100),
        "hungry.py": ("MEMORY_LIMIT", 40),
        "loop.py": ("TIME_LIMIT", 40),
        "network.py": ("VIOLATION", 0),
        "overflow.cpp": ("WRONG_ANSWER", 40),
        "parts": ("ACCEPTED", 100),
    }
    if shutil.which("javac", path="/usr/bin"):
        expected["formula.java"] = ("ACCEPTED", 100)
    if shutil.which("node", path="/usr/bin"):
        expected["formula.js"] = ("ACCEPTED", 100)
    found = {name: (rows[name]["judgement"], rows[name]["points"]) for name in expected}
    assert found == expected
    assert "undeclared" in rows["broken.c"]["message"]
    assert rows["formula.c"]["version"].startswith("gcc")
    assert [test["test"] for test in rows["formula.c"]["tests"]][-3:] == [
        *("tests/large-1", "tests/large-2", "tests/large-10"),
    ]


def test_an_interactive_problem_is_judged_by_its_interactor(
    wardian: Wardian, tmp_path: Path
) -> None:
    requires("compiler")
    rows = graded(wardian, GUESS, tmp_path / "out")
    found = {name: [test["judgement"] for test in row["tests"]] for name, row in rows.items()}
    assert found == {
        "gives_up.py": ["RUNTIME_ERROR"] * 3,
        "halves.c": ["ACCEPTED"] * 3,
        "halves.py": ["ACCEPTED"] * 3,
        "one_by_one.py": ["ACCEPTED", "WRONG_ANSWER", "WRONG_ANSWER"],
        "silent.c": ["WALL_TIME"] * 3,
    }
    assert rows["one_by_one.py"]["tests"][1]["message"] == "not found in 10 guesses"


class Course:
    """A problem and submissions of a test's own."""

    def __init__(self, directory: Path, specification: str) -> None:
        self.directory = directory
        self.submissions = directory / "submissions"
        self.submissions.mkdir(parents=True)
        (directory / "problem.toml").write_text(specification, encoding="utf-8")

    def add(self, name: str, content: str) -> None:
        path = self.submissions / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")

    def grade(self, wardian: Wardian, *more: str, code: int = 0) -> dict[str, Any]:
        out = self.directory / "out"
        done = wardian(
            "grade", "-q", "-o", str(out), *more, str(self.directory), str(self.submissions)
        )
        assert done.returncode == code, done.stderr
        self.report: dict[str, Any] = json.loads((out / "report.json").read_text("ascii"))
        return {row["name"]: row for row in self.report["submissions"]}


def test_a_checker_accepts_any_right_answer_and_gives_parts(
    wardian: Wardian, tmp_path: Path
) -> None:
    course = Course(
        tmp_path / "c",
        'checker = "check.py"\n[limits]\ncpu = "2s"\n[[tests]]\nstdin = "12\\n"\n',
    )
    (course.directory / "check.py").write_text(
        "import sys\n"
        "number = int(open(sys.argv[1]).read())\n"
        "words = open(sys.argv[2]).read().split()\n"
        "if len(words) == 1:\n"
        "    print('points 0.5 only one factor', file=sys.stderr)\n"
        "    sys.exit(7)\n"
        "a, b = map(int, words)\n"
        "sys.exit(0 if a * b == number else 1)\n"
    )
    course.add("one.py", "print(3, 4)")
    course.add("two.py", "print(6, 2)")
    course.add("half.py", "print(6)")
    course.add("wrong.py", "print(5, 5)")
    course.add("odd.py", "print('x y')")
    rows = course.grade(wardian, code=2)  # that the checker fell over "x y" is the judge's fault
    found = {name: (row["judgement"], row["points"]) for name, row in rows.items()}
    assert found == {
        "one.py": ("ACCEPTED", 100),
        "two.py": ("ACCEPTED", 100),
        "half.py": ("PARTIAL", 50),
        "wrong.py": ("WRONG_ANSWER", 0),
        "odd.py": ("JUDGE_ERROR", 0),
    }


FALLING = {  # by the program that is needed
    "node": ("check.js", 'require("process").exit(require("fs").nothing.length)'),
    "javac": (
        "Check.java",
        "class C { public static void main(String[] a) { a[9].length(); } }",
    ),
    "python3": ("check.py", "import socket; socket.socket()"),
}


@pytest.mark.parametrize(
    ("name", "source"),
    [row for program, row in FALLING.items() if shutil.which(program, path="/usr/bin")],
)
def test_a_checker_that_falls_says_nothing_of_a_submission(
    name: str, source: str, wardian: Wardian, tmp_path: Path
) -> None:
    """Their runtimes end with 1 then, which would mean "wrong"."""
    course = Course(tmp_path / "c", f'checker = "{name}"\n[[tests]]\nstdin = "1"\n')
    (course.directory / name).write_text(source)
    course.add("any.py", "print(1)")
    (row,) = course.grade(wardian, code=2).values()
    assert (row["judgement"], row["points"]) == ("JUDGE_ERROR", 0), row


def test_an_interactor_that_falls_is_named(wardian: Wardian, tmp_path: Path) -> None:
    course = Course(tmp_path / "c", 'interactor = "talk.py"\n[[tests]]\nstdin = "1"\n')
    (course.directory / "talk.py").write_text("import os; os.abort()")
    course.add("any.py", "import time; time.sleep(60)")
    (row,) = course.grade(wardian, code=2).values()
    (test,) = row["tests"]
    assert (test["judgement"], test["message"]) == ("JUDGE_ERROR", "interactor: SIGNAL signal 6")


def test_files_instead_of_streams(wardian: Wardian, tmp_path: Path) -> None:
    course = Course(
        tmp_path / "c",
        'input-file = "in.txt"\noutput-file = "out.txt"\n'
        '[[tests]]\nstdin = "5"\nexpected = "25"\narguments = ["2"]\n'
        'files = {"data/base.txt" = "base.txt"}\n',
    )
    (course.directory / "base.txt").write_text("0")
    course.add(
        "right.py",
        "import sys\n"
        "base = int(open('data/base.txt').read())\n"
        "number = int(open('in.txt').read())\n"
        "open('out.txt', 'w').write(str(base + number ** int(sys.argv[1])))\n",
    )
    course.add("none.py", "")
    course.add("link.py", "import os\nos.symlink('in.txt', 'out.txt')\n")
    course.add("fifo.py", "import os\nos.mkfifo('out.txt')\n")
    rows = course.grade(wardian)
    found = {name: row["tests"][0]["message"] for name, row in rows.items()}
    assert rows["right.py"]["judgement"] == "ACCEPTED"
    assert "no such file" in found["none.py"]
    assert "symbolic link" in found["link.py"]
    assert "fifo" in found["fifo.py"].lower()


def test_limits_of_a_test_are_over_those_of_the_problem(wardian: Wardian, tmp_path: Path) -> None:
    requires("compiler")
    course = Course(
        tmp_path / "c",
        '[limits]\nmemory = "32m"\n'
        '[[tests]]\nname = "less"\nexpected = "ok"\n'
        '[[tests]]\nname = "more"\nexpected = "ok"\nlimits = {memory = "256m"}\n',
    )
    course.add("large.c", _FILL)
    (less, more) = course.grade(wardian)["large.c"]["tests"]
    assert (less["judgement"], more["judgement"]) == ("MEMORY_LIMIT", "ACCEPTED")


_FILL = """#include <stdio.h>
#include <stdlib.h>
int main(void) {
    volatile char *place = malloc(100 << 20);
    for (int at = 0; at < 100 << 20; at += 4096)
        place[at] = 1;
    puts("ok");
}
"""


def test_a_language_of_one_s_own(wardian: Wardian, tmp_path: Path) -> None:
    course = Course(
        tmp_path / "c",
        'allow = ["shell"]\n[[tests]]\nstdin = "a\\n"\nexpected = "a"\n'
        '[languages.shell]\nendings = [".sh"]\nrun = ["sh", "{source}"]\n',
    )
    course.add("cat.sh", "cat\n")
    course.add("x.py", "")
    rows = course.grade(wardian)
    assert rows["cat.sh"]["judgement"] == "ACCEPTED"
    assert rows["x.py"]["judgement"] == "REJECTED"


def test_a_language_that_is_not_there_is_the_judge_s_fault(
    wardian: Wardian, tmp_path: Path
) -> None:
    course = Course(
        tmp_path / "c",
        '[[tests]]\nexpected = ""\n[languages.none]\nendings = [".none"]\n'
        'run = ["no-such-program"]\nversion = ["no-such-program", "--version"]\n',
    )
    course.add("a.none", "")
    row = course.grade(wardian, code=2)["a.none"]
    assert row["judgement"] == "JUDGE_ERROR"
    assert 'language "none" is not there' in row["message"]


def test_a_sequential_and_a_parallel_grading_agree(wardian: Wardian, tmp_path: Path) -> None:
    specification = (
        '[limits]\ncpu = "1s"\nmemory = "64m"\n'
        '[[tests]]\nstdin = "1\\n"\nexpected = "1\\n"\n'
        '[[tests]]\nstdin = "2\\n"\nexpected = "2\\n"\n'
    )
    programs = {
        "copy": "print(input())",
        "one": "print(1)",
        "loop": "while True: pass",
        "crash": "raise SystemExit(3)",
        "fill": "x = bytearray(10**9)",
        "kill": "import os; os.kill(os.getpid(), 9)",
        "flood": "while True: print('x' * 10**6)",
        "network": "import socket; socket.socket()",
    }
    hashes = []
    for name, jobs in (("alone", "1"), ("beside", "4")):
        course = Course(tmp_path / name, specification)
        for number in range(3):
            for word, text in programs.items():
                course.add(f"{word}-{number}.py", text)
        rows = course.grade(wardian, "-j", jobs)
        hashes.append(course.report["verdicts_sha256"])
        found = {row["judgement"] for row in rows.values()}
        assert found == {
            *("ACCEPTED", "WRONG_ANSWER", "TIME_LIMIT", "RUNTIME_ERROR", "MEMORY_LIMIT"),
            *("OUTPUT_LIMIT", "VIOLATION"),
        }
    assert hashes[0] == hashes[1]


@pytest.mark.rootless
def test_an_ordinary_user_grades_too(ordinary_user: User) -> None:
    home = ordinary_user.home
    shutil.copytree(SUM, home / "sum", dirs_exist_ok=True)
    few = {"formula.py", "forged.py", "network.py"}
    for path in (home / "sum" / "submissions").iterdir():
        if path.is_file() and path.name not in few:
            path.unlink()
    submissions = str(home / "sum" / "submissions")
    done = ordinary_user.wardian(["grade", "-o", "out", "sum", submissions])
    assert done.returncode == 0, done.stderr
    report = json.loads((home / "out" / "report.json").read_text("ascii"))
    found = {row["name"]: row["judgement"] for row in report["submissions"]}
    assert {name: found[name] for name in few} == {
        "formula.py": "ACCEPTED",
        "forged.py": "WRONG_ANSWER",
        "network.py": "VIOLATION",
    }


def test_programs_run_in_an_image_that_has_their_language(
    wardian: Wardian, tmp_path: Path, busybox_root: Path
) -> None:
    (busybox_root / "etc" / "only-here").write_text("yes\n")
    done = wardian("import", str(busybox_root), "shells:1")
    assert done.returncode == 0, done.stderr
    course = Course(
        tmp_path / "c",
        'image = "shells:1"\nallow = ["shell"]\n[[tests]]\nexpected = "yes"\n'
        '[languages.shell]\nendings = [".sh"]\nrun = ["sh", "{source}"]\n',
    )
    course.add("right.sh", "cat /etc/only-here\n")
    course.add("wrong.sh", "ls /usr/bin/python3 && echo yes\n")
    rows = course.grade(wardian)
    assert {name: row["judgement"] for name, row in rows.items()} == {
        "right.sh": "ACCEPTED",
        "wrong.sh": "RUNTIME_ERROR",
    }


def test_a_program_that_hit_a_time_limit_is_tried_again_alone(
    wardian: Wardian, tmp_path: Path
) -> None:
    course = Course(tmp_path / "c", '[limits]\ncpu = "1s"\n[[tests]]\nexpected = "1"\n')
    for number in range(2):
        course.add(f"right-{number}.py", "print(1)")
        course.add(f"loop-{number}.py", "while True: pass")
    rows = course.grade(wardian, "-j", "4", "--confirm")
    assert {name: row["judgement"] for name, row in rows.items()} == {
        "loop-0.py": "TIME_LIMIT",
        "loop-1.py": "TIME_LIMIT",
        "right-0.py": "ACCEPTED",
        "right-1.py": "ACCEPTED",
    }


def test_a_violation_leaves_its_evidence(wardian: Wardian, tmp_path: Path) -> None:
    course = Course(tmp_path / "c", '[[tests]]\nexpected = "1"\n')
    course.add("a.py", "import socket; socket.socket()")
    evidence, log = tmp_path / "evidence", tmp_path / "log"
    row = course.grade(wardian, "--evidence", str(evidence), "--log", str(log))["a.py"]
    (test,) = row["tests"]
    assert (test["judgement"], test["syscall"]) == ("VIOLATION", "socket")
    assert Path(test["evidence"]).parent == evidence
    assert json.loads(log.read_text().splitlines()[0])["syscall"] == "socket"
