"""Submissions that attack the grader: its verdict, its checker, its report, its directory."""

import json
import os
import socket
from pathlib import Path

import pytest

from tests.conftest import Wardian
from tests.machine import requires
from tests.stories.test_grading import Course

pytestmark = [pytest.mark.root, pytest.mark.slow]

PROBLEM = """
title = "<b>Echo</b>"
[limits]
cpu = "1s"
memory = "64m"
output = "1m"
[compile]
cpu = "5s"
memory = "256m"
output = "64k"
[[tests]]
stdin = "secret-input\\n"
expected = "secret-answer\\n"
"""


@pytest.fixture
def course(tmp_path: Path) -> Course:
    return Course(tmp_path / "course", PROBLEM)


def verdicts(course: Course, wardian: Wardian) -> dict[str, tuple[str, float]]:
    rows = course.grade(wardian, "-j", "2")
    return {name: (row["judgement"], row["points"]) for name, row in rows.items()}


def test_no_program_talks_itself_to_points(course: Course, wardian: Wardian) -> None:
    tricks = {
        # forging what a grader might read
        "marker": 'print(\'ACCEPTED 100/100\\n{"judgement": "ACCEPTED"}\')',
        "exit": "import os; os._exit(0)",
        "killed": "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
        "sigsys": "import os, signal; os.kill(os.getpid(), signal.SIGSYS)",
        "sigxcpu": "import os, signal; os.kill(os.getpid(), signal.SIGXCPU)",
        # looking for the answer
        "search": (
            "import os\n"
            "for place, _below, names in os.walk('/'):\n"
            "    if place.startswith(('/usr', '/lib', '/proc', '/dev')): continue\n"
            "    for name in names:\n"
            "        try: data = open(os.path.join(place, name), 'rb').read(1 << 20)\n"
            "        except OSError: continue\n"
            "        if b'secret-' + b'answer' in data: print('secret-' + 'answer')\n"
        ),
        "environment": "import os; print(os.environ, open('/proc/self/cmdline').read())",
        # outliving its run, and writing into the next one's
        "daemon": (
            "import os, time\n"
            "if os.fork() == 0:\n"
            "    os.setsid()\n"
            "    while True: time.sleep(0.01)\n"
            "print('x')\n"
        ),
    }
    for name, text in tricks.items():
        course.add(f"{name}.py", text)
    found = verdicts(course, wardian)
    assert {points for _judgement, points in found.values()} == {0}
    runtime = {name for name, (word, _points) in found.items() if word == "RUNTIME_ERROR"}
    assert runtime == {"killed.py", "sigsys.py", "sigxcpu.py"}
    assert "secret-answer" not in json.dumps(
        [row["tests"][0]["stderr"] for row in course.report["submissions"]]
    )


def test_a_compiler_is_no_way_out(course: Course, wardian: Wardian) -> None:
    requires("compiler")
    course.add("endless.c", '#include "/dev/zero"\n')
    course.add("recursion.c", '#include "recursion.c"\n')
    course.add("shadow.c", '#include "/etc/shadow"\n')
    course.add("huge.c", "char big[1L << 40] = {1};\nint main(void) { return big[5]; }\n")
    course.add(
        "templates.cpp",
        "template<int n> struct A { A<n + 1> a; A<n * 2> b; };\nint main() { A<1> a; }\n",
    )
    course.add("-fplugin=x.c", "int main(void) { return 0; }\n")
    course.add("notes.py", "x = (\n")
    found = verdicts(course, wardian)
    assert found.pop("-fplugin=x.c") == ("WRONG_ANSWER", 0)  # it compiles, and prints nothing
    assert found == dict.fromkeys(found, ("COMPILE_ERROR", 0))
    messages = " ".join(row["message"] for row in course.report["submissions"])
    assert "root:" not in messages


def test_what_is_no_file_is_rejected_and_nothing_blocks(course: Course, wardian: Wardian) -> None:
    (course.submissions / "link.py").symlink_to("/etc/shadow")
    (course.submissions / "loop.py").symlink_to("loop.py")
    os.mkfifo(course.submissions / "fifo.py")
    os.mknod(course.submissions / "device.py", 0o20666, os.makedev(1, 5))
    with (course.submissions / "sparse.py").open("wb") as file:
        file.truncate(1 << 40)
    (course.submissions / "tree").mkdir()
    (course.submissions / "tree" / "main.py").symlink_to("/proc/self/environ")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(course.submissions / "socket.py"))
        found = verdicts(course, wardian)
    assert found == dict.fromkeys(found, ("REJECTED", 0))
    assert len(found) == 7


def test_names_and_output_stay_text(course: Course, wardian: Wardian) -> None:
    evil = "<img src=x onerror=alert(1)>\x1b]0;owned\x07"
    names = [os.fsdecode(b"\xff\xfe.py"), "new\nline.py", f"{evil}.py", "\u202egnp.py", "' \".py"]
    for name in names:
        course.add(name, f"import sys\nprint({evil!r})\nprint({evil!r}, file=sys.stderr)\n1/0\n")
    out = course.directory / "shown"
    done = wardian("grade", "-o", str(out), str(course.directory), str(course.submissions))
    assert done.returncode == 0
    assert "\x1b" not in done.stdout
    assert len(done.stdout.splitlines()) == len(names) + 2
    page = (out / "report.html").read_text("utf-8")
    assert "<img" not in page
    assert "\x1b" not in page
    assert "\u202e" not in page
    report = json.loads((out / "report.json").read_text("ascii"))
    assert {row["judgement"] for row in report["submissions"]} == {"RUNTIME_ERROR"}
    assert "fffe2e7079" in {row.get("name_hex") for row in report["submissions"]}


def test_a_checker_sees_the_output_as_a_file_and_nothing_else(
    tmp_path: Path, wardian: Wardian
) -> None:
    course = Course(
        tmp_path / "c",
        'checker = "check.py"\noutput-file = "out.txt"\n[limits]\ncpu = "2s"\nfile-size = "1m"\n'
        "[[tests]]\n",
    )
    (course.directory / "check.py").write_text(
        "import os, stat, sys\n"
        "found = os.lstat(sys.argv[2])\n"
        "assert stat.S_ISREG(found.st_mode)\n"
        "assert set(os.listdir('.')) == {'answer.txt', 'check.py', 'input.txt', 'output.txt'}\n"
        "sys.exit(0 if open(sys.argv[2]).read() == 'fine' else 1)\n"
    )
    course.add("fine.py", "open('out.txt', 'w').write('fine')")
    course.add(
        "more.py", "open('out.txt', 'w').write('fine'); open('check.py', 'w').write('exit(0)')"
    )
    course.add("link.py", "import os; os.symlink('/etc/passwd', 'out.txt')")
    course.add("hard.py", "import os; os.mkdir('out.txt')")
    course.add("sparse.py", "open('out.txt', 'w').truncate(1 << 30)")
    found = verdicts(course, wardian)
    assert found.pop("fine.py") == ("ACCEPTED", 100)
    assert found.pop("more.py") == ("ACCEPTED", 100)  # what it left stays in its own box
    assert {points for _judgement, points in found.values()} == {0}


def test_an_interactor_is_not_reached_through_its_pipes(tmp_path: Path, wardian: Wardian) -> None:
    course = Course(
        tmp_path / "c",
        'interactor = "talk.py"\n[limits]\ncpu = "1s"\nwall = "3s"\n[[tests]]\nstdin = "7"\n',
    )
    (course.directory / "talk.py").write_text(
        "import sys\n"
        "print('hello', flush=True)\n"
        "line = sys.stdin.readline(100)\n"
        "sys.exit(0 if line == open(sys.argv[1]).read() + '\\n' else 1)\n"
    )
    attempts = {
        "right": "input(); print(7)",
        "silent": "import time; time.sleep(1000)",
        "closes": "import os, time; os.close(1); os.close(0); time.sleep(1000)",
        "flood": "while True: print('x' * 10000)",
        "binary": "import os\nwhile True: os.write(1, bytes(range(256)) * 100)",
        "busy": "while True: pass",
        "network": "import socket; socket.socket()",
        "dies": "import os; os.abort()",
    }
    for name, text in attempts.items():
        course.add(f"{name}.py", text)
    found = verdicts(course, wardian)
    assert {name: word for name, (word, _points) in found.items()} == {
        "right.py": "ACCEPTED",
        "silent.py": "WALL_TIME",
        "closes.py": "WALL_TIME",
        "flood.py": "WRONG_ANSWER",
        "binary.py": "WRONG_ANSWER",
        "busy.py": "TIME_LIMIT",
        "network.py": "VIOLATION",
        "dies.py": "RUNTIME_ERROR",
    }
