"""kill -9 of the owner at any moment leaves no process, and the next command cleans the rest."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import wardian
from wardian.kernel import cgroups

pytestmark = [pytest.mark.root, pytest.mark.slow]

ROUNDS = 50
SEED = 20261123
PATIENCE_S = 10.0
MARK = "sleep\x0098765"

OWNER = """
import sys, threading
import wardian
def work():
    while True:
        wardian.run(["true"], memory="64m")
        wardian.Container(["sleep", "98765"], memory="64m", pids_limit=10).start()
threads = [threading.Thread(target=work, daemon=True) for _ in range(2)]
wardian.run(["true"])
print("up", flush=True)
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


def boxed() -> list[int]:
    """Processes of the boxes that the owner starts."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                command = Path(f"/proc/{entry}/cmdline").read_text(encoding="utf-8").rstrip("\0")
            except OSError:
                continue
            if command == MARK:
                found.append(int(entry))
    return found


def wait_until_gone() -> list[int]:
    """Wait until no boxed process is left; returns those that stayed."""
    end = time.monotonic() + PATIENCE_S
    while (left := boxed()) and time.monotonic() < end:
        time.sleep(0.02)
    return left


def leftover_groups() -> list[Path]:
    """Groups whose owner is dead."""
    groups = Path("/sys/fs/cgroup").glob("*/wardian-[0-9]*-[0-9]*-[0-9]*-[0-9]*")
    found = [path for path in groups if path.is_dir()]
    return [path for path in found if not Path("/proc", path.name.split("-")[1]).exists()]


def test_fifty_kills_at_random_moments_leave_nothing() -> None:
    rng = random.Random(SEED)
    mounts = Path("/proc/self/mountinfo").read_text().count("\n")
    for _ in range(ROUNDS):
        owner = subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE)
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"up\n"
        time.sleep(rng.uniform(0, 0.06))
        owner.send_signal(signal.SIGKILL)
        owner.wait()
        owner.stdout.close()
        assert wait_until_gone() == []
    cgroups.sweep(cgroups.detect())
    assert leftover_groups() == []
    assert Path("/proc/self/mountinfo").read_text().count("\n") == mounts


def test_the_next_command_removes_a_dead_owner_s_groups() -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE)
    assert owner.stdout is not None
    assert owner.stdout.readline() == b"up\n"
    time.sleep(0.1)
    owner.kill()
    owner.wait()
    owner.stdout.close()
    assert wait_until_gone() == []
    script = 'import wardian; wardian.run(["true"], memory="64m")'
    subprocess.run([sys.executable, "-c", script], check=True)
    assert leftover_groups() == []


def test_a_killed_launcher_is_an_error_and_the_next_run_works() -> None:
    from wardian.runtime import launch

    container = wardian.Container(["sleep", "98765"])
    container.start()
    os.kill(launch.launcher().pid, signal.SIGKILL)
    assert wait_until_gone() == []
    with pytest.raises(wardian.HostError, match="launcher"):
        container.wait()
    assert wardian.run(["true"]).exit_code == 0
