"""Warm interpreters: each run is a fork of one that has imported its modules, and keeps nothing."""

import dataclasses
import json
import os
import select
from collections.abc import Iterator

import pytest

from tests.users import User
from wardian import Outcome, Sandbox, WarmPython
from wardian.errors import HostError, UsageError

pytestmark = pytest.mark.root

PROBE = r"""
import json, os, random, sys
status = dict(line.rstrip("\n").split(":\t", 1) for line in open("/proc/self/status"))
try:
    open("/proc/1/mem", "rb")
    init = "open"
except PermissionError:
    init = "closed"
print(json.dumps({
    "warm": "decimal" in sys.modules,
    "argv": sys.argv,
    "name": __name__,
    "files": os.listdir("/tmp"),
    "fds": sorted(map(int, os.listdir("/proc/self/fd"))),
    "privileges": [
        status[n] for n in ("CapEff", "CapPrm", "CapBnd", "NoNewPrivs", "Seccomp")
    ],
    "processes": sum(name.isdigit() for name in os.listdir("/proc")),
    "init": init,
    "nets": open("/proc/net/dev").read().count(":"),
    "secret": getattr(sys, "secret", None),
    "environment": os.environ.get("WARM"),
}), random.random())
sys.secret = 1
open("/tmp/left", "w").write("x")
if os.fork() == 0:
    os.setsid()
    import time
    time.sleep(100)
"""


@pytest.fixture(scope="module")
def warm() -> Iterator[WarmPython]:
    made = WarmPython(imports=["decimal", "json"], size=1, limits={"memory": "64m", "wall": "20s"})
    yield made
    made.close()


def test_a_run_has_the_modules_and_nothing_of_another_run(warm: WarmPython) -> None:
    seen, numbers = [], set()
    for _ in range(3):
        verdict = warm.run(["-c", PROBE, "one", "two"], env={"WARM": "yes"})
        assert verdict.outcome is Outcome.OK, verdict.stderr
        text, number = verdict.stdout.decode().rsplit(" ", 1)
        seen.append(json.loads(text))
        numbers.add(number)
    assert seen[0] == seen[1] == seen[2]
    assert len(numbers) == 3  # random numbers are not the template's
    found = seen[0]
    assert found["warm"] is True
    assert (found["argv"], found["name"]) == (["-c", "one", "two"], "__main__")
    assert (found["files"], found["secret"], found["environment"]) == ([], None, "yes")
    assert found["fds"] == [0, 1, 2, 3]  # the last is the listing's own
    assert found["privileges"] == ["0000000000000000"] * 3 + ["1", "2"]
    assert (found["processes"], found["init"]) == (2, "closed")


def test_files_go_in_and_come_out(warm: WarmPython) -> None:
    code = b"import data, sys\nopen('out', 'w').write(data.TEXT + sys.stdin.read())\nsys.exit(3)"
    files = {"main.py": code, "data.py": b"TEXT = 'text'", "sub/tool.sh": b"#!/bin/sh\n"}
    verdict = warm.run(["main.py"], files=files, stdin=b" and input", outputs=["out"])
    assert (verdict.outcome, verdict.exit_code) == (Outcome.NONZERO_EXIT, 3)
    assert verdict.outputs == {"out": b"text and input"}


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("pass", Outcome.OK),
        ("raise SystemExit('said')", Outcome.NONZERO_EXIT),
        ("1 / 0", Outcome.NONZERO_EXIT),
        ("syntax error", Outcome.NONZERO_EXIT),
        ("import os; os.abort()", Outcome.SIGNAL),
        ("import os; os.kill(os.getpid(), 9)", Outcome.SIGNAL),
        ("x = [bytearray(1 << 20) for _ in range(200)]", Outcome.MEMORY),
        ("import os\nwhile True: os.fork()", Outcome.PROCESSES),
        ("while True: print('x' * 100000)", Outcome.OUTPUT),
        ("import ctypes; ctypes.CDLL(None).unshare(0x40000000)", Outcome.VIOLATION),
        ("import socket; socket.socket()", Outcome.VIOLATION),
    ],
)
def test_its_verdicts_are_those_of_any_run(warm: WarmPython, code: str, outcome: Outcome) -> None:
    verdict = warm.run(["-c", code])
    assert verdict.outcome is outcome, verdict.to_json()


def test_a_traceback_is_the_program_s_alone(warm: WarmPython) -> None:
    lines = (
        warm.run(["-c", "def f():\n    raise ValueError('x')\nf()"]).stderr.decode().splitlines()
    )
    assert lines[0] == "Traceback (most recent call last):"
    assert [line.strip() for line in lines if "File" in line] == [
        'File "<string>", line 3, in <module>',
        'File "<string>", line 2, in f',
    ]


@pytest.mark.parametrize(
    ("code", "out"),
    [
        ("f = open('out', 'w'); f.write('text')", b"text"),  # never closed
        ("f = open('out', 'w'); f.write('a'); f.me = f", b"a"),  # in a cycle
        ("import atexit; atexit.register(lambda: open('out', 'w').write('b'))", b"b"),
        (
            "import threading, time\n"
            "def late():\n    time.sleep(0.1)\n    open('out', 'w').write('c')\n"
            "threading.Thread(target=late).start()",
            b"c",
        ),
        ("class A:\n    def __del__(self): open('out', 'w').write('d')\na = A()", b"d"),
        ("import json; json.kept = open('out', 'w'); json.kept.write('e')", b"e"),
    ],
)
def test_a_program_s_end_is_that_of_any_interpreter(
    warm: WarmPython, code: str, out: bytes
) -> None:
    verdict = warm.run(["-c", code], outputs=["out"])
    assert verdict.outcome is Outcome.OK, verdict.stderr
    assert verdict.outputs == {"out": out}


ENDS = (
    "import sys; sys.exit(2 ** 70)",
    "import sys; sys.exit([1, 2])",
    "raise KeyboardInterrupt",
    "import sys; sys.stdout.close()",
    "import sys; sys.stdout = None",
    "import io\nclass W(io.TextIOBase):\n    def flush(self): raise RuntimeError\nw = W()",
    "import os; f = os.fdopen(os.dup(1), 'w'); f.write('late'); print('first')",
    "x = 'named'\nclass A:\n    def __del__(self): print(x)\na = A()",
    "import sys; print(__builtins__, sys.stdin.name, sys.stdout.name, sys.stderr.name)",
)


@pytest.mark.parametrize("code", ENDS)
def test_a_program_ends_as_in_an_interpreter_of_its_own(warm: WarmPython, code: str) -> None:
    found = warm.run(["-c", code])
    with Sandbox(limits={"wall": "20s"}) as box:
        usual = box.run(["python3", "-c", code])
    assert (found.outcome, found.exit_code, found.signal) == (
        usual.outcome,
        usual.exit_code,
        usual.signal,
    )
    assert (found.stdout, found.stderr) == (usual.stdout, usual.stderr)


def test_a_file_is_run_by_its_whole_name_and_one_that_is_not_there_is_named(
    warm: WarmPython,
) -> None:
    found = warm.run(["p.py", "a"], files={"p.py": b"import sys; print(__file__, sys.argv)"})
    assert found.stdout == b"/tmp/p.py ['p.py', 'a']\n"
    found = warm.run(["q.py"])
    assert (found.exit_code, b"can't open file '/tmp/q.py'" in found.stderr) == (2, True)


def test_a_file_that_can_t_be_brought_is_named(warm: WarmPython) -> None:
    with pytest.raises(HostError, match=r'writing "x{80}" for the program: file name too long'):
        warm.run(["-c", ""], files={"x" * 300: b""})
    deep = "d/" * 1000 + "f"
    assert warm.run(["-c", ""], files={deep: b"here"}, outputs=[deep]).outputs == {deep: b"here"}


def test_a_large_input_is_no_violation_where_programs_may_not_be_executed() -> None:
    """Such a run gets a new box, whose launcher executes the interpreter."""
    usual = Sandbox().policy
    policy = dataclasses.replace(usual, allow=tuple(n for n in usual.allow if n != "execve"))
    with WarmPython(policy, size=1, limits={"wall": "20s"}) as warm:
        code = "import sys; print(len(sys.stdin.read()))"
        assert warm.run(["-c", code], stdin=b"x" * 100_000).stdout == b"100000\n"
        found = warm.run(["-c", "import os; os.execv('/bin/true', ['true'])"], stdin=b"x" * 100_000)
        assert (found.outcome, found.reason) == (Outcome.VIOLATION, "system call execve")


def test_signals_to_its_init_change_no_verdict(warm: WarmPython) -> None:
    code = (
        "import os, time\n"
        "for number in [*range(1, 9), *range(10, 19), *range(20, 65)]:\n"
        "    try: os.kill(1, number)\n"
        "    except OSError: pass\n"
        "time.sleep(0.2); print('alive', flush=True); raise SystemExit(3)"
    )
    verdict = warm.run(["-c", code])
    assert (verdict.outcome, verdict.exit_code) == (Outcome.NONZERO_EXIT, 3), verdict.to_json()
    assert verdict.stdout == b"alive\n"


def test_no_descriptor_of_the_template_is_left_however_many_runs_stand() -> None:
    code = "import os; print(sorted(os.listdir('/proc/self/fd')))"
    with WarmPython(size=32) as warm:
        warm.fill()
        for _ in range(34):  # those that were made last, and were made when 32 stood
            assert warm.run(["-c", code]).stdout == b"['0', '1', '2', '3']\n"


def test_a_brought_file_is_not_taken_for_a_module_of_the_library(warm: WarmPython) -> None:
    files = dict.fromkeys(("secrets.py", "encodings.py", "os.py"), b"raise SystemExit('taken')")
    assert warm.run(["-c", "print('fine')"], files=files).stdout == b"fine\n"


def test_a_template_that_died_is_replaced(warm: WarmPython) -> None:
    assert warm.run(["-c", "pass"]).outcome is Outcome.OK
    box = warm._nest._template_box  # type: ignore[union-attr]
    own = os.pidfd_open(box.pid)  # the pool closes its own as soon as it sees the end
    os.kill(box.pid, 9)
    gone = select.poll()
    gone.register(own, select.POLLIN)
    assert gone.poll(10_000)
    os.close(own)
    assert warm.run(["-c", "print('again')"]).stdout == b"again\n"


def test_what_a_module_says_when_it_is_imported_is_said_by_no_run() -> None:
    with WarmPython(imports=["this"], size=1) as poets:
        for _ in range(2):
            assert poets.run(["-c", "print('mine')"]).stdout == b"mine\n"


def test_modules_that_are_not_there_are_named() -> None:
    missing = pytest.raises(HostError, match="No module named 'nowhere_at_all'")
    with WarmPython(imports=["nowhere_at_all"], size=1) as warm, missing:
        warm.run(["-c", "pass"])
    with pytest.raises(UsageError, match="not the name of a module"):
        WarmPython(imports=["os; evil"])
    with WarmPython() as warm, pytest.raises(UsageError, match="no program to run"):
        warm.run(["-i"])


def test_numpy_and_pandas_stay_imported(warm: WarmPython) -> None:
    if not os.path.isdir("/usr/lib/python3/dist-packages/pandas"):
        pytest.skip("python3-pandas is not installed")
    with WarmPython(imports=["numpy", "pandas"], size=1, limits={"memory": "256m"}) as made:
        code = (
            "import numpy, pandas, sys; a = numpy.arange(6.0).reshape(2, 3);"
            "print((a @ a.T).tolist(), pandas.DataFrame(a).sum().tolist(), numpy.random.rand())"
        )
        first, second = (made.run(["-c", code]) for _ in range(2))
        assert first.outcome is Outcome.OK, first.to_json()
        expected = "[[5.0, 14.0], [14.0, 50.0]] [3.0, 5.0, 7.0]"
        assert first.stdout.decode().startswith(expected)
        assert first.stdout != second.stdout  # random numbers of its own


@pytest.mark.rootless
def test_an_ordinary_user_has_warm_interpreters_too(ordinary_user: User) -> None:
    code = (
        "import wardian; w = wardian.WarmPython(imports=['json'], size=1);"
        'print([w.run([\'-c\', \'import os, sys; print(os.listdir("/tmp"), "json" in sys.modules);'
        'open("/tmp/a", "w")\']).stdout for _ in \'12\']); w.close()'
    )
    done = ordinary_user.python(code)
    assert done.stdout == "[b'[] True\\n', b'[] True\\n']\n", done.stderr
