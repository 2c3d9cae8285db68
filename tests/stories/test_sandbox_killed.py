"""kill -9 of whoever supervises, while evidence is taken: the next one cleans up."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from wardian import Outcome, Sandbox
from wardian.kernel import paths
from wardian.sandbox.evidence import TEMPORARY

SLOW = """
import sys, time
from wardian import Sandbox
from wardian.sandbox.evidence import Bundle
Bundle._manifest = lambda self: time.sleep(60)
Sandbox(evidence=sys.argv[1]).run(["unshare", "-n", "true"])
"""


def bundles(place: Path) -> list[str]:
    return [path.name for path in place.iterdir()]


@pytest.mark.root
def test_the_bundle_of_a_killed_supervisor_goes_and_that_of_a_live_one_stays(
    tmp_path: Path,
) -> None:
    place = tmp_path / "evidence"
    place.mkdir()
    killed = subprocess.Popen([sys.executable, "-c", SLOW, str(place)])
    end_s = time.monotonic() + 60
    while not list(place.glob(f"{TEMPORARY}*/summary.md")):
        assert time.monotonic() < end_s
        time.sleep(0.01)
    os.kill(killed.pid, signal.SIGKILL)
    killed.wait()
    (left,) = bundles(place)
    live, lock_fd = paths.make_locked(str(place), TEMPORARY)
    try:
        with Sandbox(evidence=place) as box:
            assert box.run(["unshare", "-n", "true"]).outcome is Outcome.VIOLATION
        found = bundles(place)
    finally:
        os.close(lock_fd)
    assert left not in found
    assert os.path.basename(live) in found
    assert len(found) == 2
