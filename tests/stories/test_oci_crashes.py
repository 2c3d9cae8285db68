"""wardian-oci is killed between any two operations: `delete --force` always cleans up."""

import json
import os
import random
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.machine import requires
from tests.runtimes import own_programs

pytestmark = [pytest.mark.root, pytest.mark.slow]

ROUNDS = 40
SEED = 7
LONGEST_S = 0.08  # about what a create takes
RUNTIME = own_programs()[0]


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """A bundle whose program waits."""
    requires("busybox")
    busybox = shutil.which("busybox")
    assert busybox
    (tmp_path / "rootfs/bin").mkdir(parents=True)
    shutil.copy(busybox, tmp_path / "rootfs/bin/busybox")
    subprocess.run([RUNTIME, "spec", "--bundle", str(tmp_path)], check=True)
    config = json.loads((tmp_path / "config.json").read_text())
    config["process"].update(terminal=False, args=["/bin/busybox", "sleep", "1000"])
    config["hooks"] = {"createRuntime": [{"path": "/bin/true"}]}
    config["linux"]["resources"] = {"memory": {"limit": 64 << 20}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    return tmp_path


def oci(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [str(RUNTIME), "--root", str(root), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def groups(name: str) -> list[Path]:
    wanted = "wardian-oci-" + name  # os.walk: others' groups may vanish meanwhile
    return [Path(top, wanted) for top, below, _ in os.walk("/sys/fs/cgroup") if wanted in below]


def processes(bundle: Path) -> list[str]:
    """Processes whose root is the bundle's."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if str(bundle) in (entry / "root").readlink().as_posix():
                    found.append((entry / "cmdline").read_text())
            except OSError:
                continue
    return found


@pytest.mark.parametrize("operation", ["create", "start", "delete"])
def test_what_a_kill_leaves_can_be_deleted(operation: str, bundle: Path, tmp_path: Path) -> None:
    rng = random.Random(SEED)
    root = tmp_path / "state"
    for number in range(ROUNDS):
        name = f"crash-{os.getpid()}-{operation}-{number}"
        words = {
            "create": ["create", "--bundle", str(bundle), name],
            "start": ["start", name],
            "delete": ["delete", "--force", name],
        }
        if operation != "create":
            assert oci_quiet(root, words["create"]) == 0
        if operation == "delete":
            assert oci(root, *words["start"]).returncode == 0
        victim = subprocess.Popen(
            [str(RUNTIME), "--root", str(root), *words[operation]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(rng.uniform(0, LONGEST_S))
        victim.kill()
        victim.wait()
        done = oci(root, "delete", "--force", name)
        assert (done.returncode, done.stderr) == (0, "")
        assert oci(root, "list", "--quiet").stdout == ""
        assert groups(name) == []
    assert processes(bundle) == []


def oci_quiet(root: Path, words: list[str]) -> int:
    """A container keeps its creator's standard streams, so none may be a pipe that is read."""
    command = [str(RUNTIME), "--root", str(root), *words]
    null = subprocess.DEVNULL
    return subprocess.run(command, stdin=null, stdout=null, stderr=null, check=False).returncode
