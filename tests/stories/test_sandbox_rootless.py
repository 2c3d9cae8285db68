"""A sandbox as an ordinary user: what holds, and what is told to be weaker."""

import json
from typing import Any

import pytest

from tests.machine import SLOWNESS
from tests.users import User

pytestmark = pytest.mark.rootless

PRELUDE = """
import json, sys, wardian
def tell(verdict):
    print(json.dumps(verdict.as_dict()))
"""
MOUNT = (
    "import ctypes; print('before', flush=True);"
    "ctypes.CDLL(None).mount(b'none', b'/mnt', b'tmpfs', 0, None); print('after')"
)


def judged(user: User, script: str, *args: str) -> list[dict[str, Any]]:
    """Run Python code as the user; returns the verdicts that it told."""
    done = user.python(PRELUDE + script, *args)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture(params=["ordinary_user", "lone_user"])
def anyone(request: pytest.FixtureRequest) -> Any:
    """An ordinary user with subordinate ids, and one without."""
    return request.getfixturevalue(request.param)


def test_an_ordinary_user_gets_verdicts_and_files(anyone: User) -> None:
    (found,) = judged(
        anyone,
        """
verdict = wardian.Sandbox().run(
    ["sh", "-c", "id -u; cat in; umask 077; echo private > out"],
    files={"in": b"given"}, outputs=["out"])
assert verdict.outputs == {"out": b"private\\n"}, verdict
tell(verdict)
""",
    )
    assert (found["verdict"], found["stdout"]["text"]) == ("OK", "0\ngiven")
    assert found["degraded"], "an ordinary user has no control groups on cgroup v1"


def test_a_forbidden_call_is_stopped_and_its_evidence_taken(anyone: User) -> None:
    script = f"""
box = wardian.Sandbox(evidence="evidence", log="log")
tell(box.run(["python3", "-c", {MOUNT!r}]))
"""
    (found,) = judged(anyone, script)
    assert (found["verdict"], found["stdout"]["text"]) == ("VIOLATION", "before\n")
    (violation,) = found["violations"]
    assert (violation["syscall"], violation["decoded"]["target"]) == ("mount", "/mnt")
    bundle = anyone.home / found["evidence"]
    assert (bundle / "core").read_bytes()[:4] == b"\x7fELF"
    assert json.loads((anyone.home / "log").read_text())["syscall"] == "mount"


def test_the_strict_policy_lets_the_launcher_start_the_program_and_nothing_else(
    anyone: User,
) -> None:
    script = """
box = wardian.Sandbox("strict")
tell(box.run(["cat"], stdin=b"text"))
tell(box.run(["env", "true"]))
"""
    good, bad = judged(anyone, script)
    assert (good["verdict"], good["stdout"]["text"]) == ("OK", "text")
    assert (bad["verdict"], bad["violations"][0]["syscall"]) == ("VIOLATION", "execve")


def test_limits_without_control_groups_are_held_by_other_means(anyone: User) -> None:
    script = f"LIMITS = {{'wall': {2 * SLOWNESS}, 'cpu': {0.3 * SLOWNESS}}}\n"
    script += """
box = wardian.Sandbox(limits={"memory": "64m", "processes": 10, **LIMITS})
tell(box.run(["python3", "-c", "bytearray(200 << 20)"]))
tell(box.run(["python3", "-c", "while True: pass"]))
tell(box.run(["sleep", "60"]))
tell(box.run(["yes"]))
"""
    memory, cpu, wall, output = judged(anyone, script)
    assert memory["verdict"] in ("NONZERO_EXIT", "MEMORY")
    assert cpu["verdict"] == "CPU_TIME"
    assert (wall["verdict"], output["verdict"]) == ("WALL_TIME", "OUTPUT")


@pytest.mark.parametrize("kind", ["Sandbox", "SandboxPool"])
def test_what_a_killed_program_used_is_told_without_control_groups(anyone: User, kind: str) -> None:
    """The kernel ends them unwaited, and tells nobody what they had used."""
    script = (
        f"KIND, LIMITS = wardian.{kind}, {{'wall': {20 * SLOWNESS}, 'cpu': {0.4 * SLOWNESS}}}\n"
    )
    script += """
box = KIND(limits=LIMITS)
code = "import os; x = b'1' * (50 << 20); os.fork(); os.fork()\\nwhile True: pass"
tell(box.run(["python3", "-c", code]))
box.close()
"""
    (found,) = judged(anyone, script)
    assert found["verdict"] == "CPU_TIME", found
    assert found["time"]["cpu_ms"] >= 400 * SLOWNESS
    assert found["memory"]["peak"] >= 50 << 20
