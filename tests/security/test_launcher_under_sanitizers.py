"""The whole launcher, built with AddressSanitizer and UBSan, builds boxes of many kinds.

A fault that a sanitizer finds aborts the launcher or the box's first process: the run then fails.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.habits import project
from tests.machine import requires

pytestmark = [pytest.mark.root, pytest.mark.slow]

BOXES = """
import threading
import wardian
from wardian.errors import LaunchError

def code(*command, **options):
    result = wardian.run(list(command), **options)
    assert not result.stderr, result.stderr
    return result.exit_code

def refused(*command, **options):
    try:
        wardian.run(list(command), **options)
    except LaunchError as error:
        return error.exit_code
    raise AssertionError(command)

assert code("true") == 0
assert code("sh", "-c", "exit 7") == 7
assert code("sh", "-c", "kill -9 $$") == 137
assert code("sh", "-c", "sleep 0 & sleep 0 & wait", init=False) == 0
assert code("true", env={f"NAME{n}": "x" * 1000 for n in range(500)}) == 0
assert code("true", *["word"] * 5000) == 0
assert code("true", read_only=True, user="65534", cap_drop=["ALL"], cap_add=["NET_RAW"]) == 0
assert code("true", tmpfs=[f"/t{n}" for n in range(40)], network="host") == 0
assert code("true", volume=["/usr/share:/srv/share:ro"], ulimit=["nofile=64"]) == 0
assert code("true", memory="64m", cpus="1", pids_limit=20, time_offset=["boottime=100"]) == 0
assert code("/usr/bin/true", scratch=True, closure=["/usr/bin/true"]) == 0
assert code("true", workdir="/made/on/demand", hostname="h" * 64) == 0
assert refused("no-such-program") == 127
assert refused("/etc/hostname") == 126
with wardian.Container(["sleep", "100"]) as container:
    container.start()
    container.kill()
    assert container.wait().exit_code == 137
threads = [threading.Thread(target=code, args=["true"]) for _ in range(16)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print("all as expected")
"""


@pytest.fixture(scope="module")
def launcher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The launcher, built with sanitizers."""
    requires("compiler")
    target = tmp_path_factory.mktemp("sanitized") / "wardian-launcher"
    build = [sys.executable, str(project.ROOT / "tools" / "build_launcher.py"), str(target)]
    done = subprocess.run([*build, "--sanitize"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return target


def test_boxes_of_many_kinds_are_built_without_a_fault(launcher: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BOXES],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env={**os.environ, "WARDIAN_LAUNCHER": str(launcher)},
    )
    assert done.stdout == "all as expected\n", done.stderr
