"""Whole boxes by a launcher that was built with AddressSanitizer and UBSan."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.root, pytest.mark.slow]

TOP = Path(__file__).resolve().parent.parent.parent

BOXES = """
import wardian
assert wardian.run(["sh", "-c", "cat; exit 3"], input=b"abc").exit_code == 3
assert wardian.run(["true"], init=False).exit_code == 0
assert wardian.run(["true"], user="65534", cap_add=["NET_BIND_SERVICE"]).exit_code == 0
assert wardian.run(["true"], memory="256m", read_only=True, tmpfs=["/run"]).exit_code == 0
assert wardian.run(["ls"], scratch=True, closure=["ls"]).exit_code == 0
for command in (["no-such-program"], ["/etc/passwd"], [""]):
    try:
        wardian.run(command)
    except wardian.WardianError as error:
        print(type(error).__name__)
c = wardian.Container(["sh", "-c", "tty"], tty=True)
c.start()
import os
os.close(c.terminal)
c.wait()
c = wardian.Container(["sleep", "1000"])
c.start()
c.kill(15)
assert c.wait().signal == 15
print("all right")
"""


@pytest.fixture(scope="module")
def sanitized(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The launcher, built with sanitizers."""
    target = tmp_path_factory.mktemp("asan") / "wardian-launcher"
    tool = [sys.executable, str(TOP / "tools" / "build_launcher.py"), str(target), "--sanitize"]
    subprocess.run(tool, check=True, capture_output=True)
    return target


def test_boxes_of_every_kind_run_under_sanitizers(sanitized: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BOXES],
        env={**os.environ, "WARDIAN_LAUNCHER": str(sanitized)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "all right"
    assert done.stdout.count("LaunchError") >= 2
