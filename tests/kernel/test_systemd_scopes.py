"""Scopes that systemd makes: limits outlive a reload, nothing stays, users have them too."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import wardian
from tests import scopes
from tests.users import User
from wardian.engine.container import PIPE
from wardian.kernel import cgroups, systemd
from wardian.runtime import launch

pytestmark = [pytest.mark.root, pytest.mark.lab_systemd]

MIB = 1 << 20
LIMITS: dict[str, Any] = {
    "memory": "64m",
    "memory_swap": "96m",
    "cpus": "0.5",
    "cpu_shares": 512,
    "pids_limit": 33,
    "cpuset_cpus": "0",
    "cgroup_conf": ["memory.high=48m"],
}
ENFORCED = {
    "memory.max": str(64 * MIB),
    "memory.swap.max": str(32 * MIB),
    "memory.high": str(48 * MIB),
    "cpu.max": "50000 100000",
    "cpu.weight": "59",
    "pids.max": "33",
    "cpuset.cpus": "0",
}


@pytest.fixture(autouse=True)
def by_systemd() -> None:
    if not systemd.is_running():
        pytest.skip("this machine's init is not systemd")
    if cgroups.detect().mode != "v2":
        pytest.skip("this machine has not cgroup v2 alone")


def there() -> set[str]:
    """The controllers that systemd gives away."""
    return set(Path("/sys/fs/cgroup/cgroup.controllers").read_text().split())


def test_limits_hold_through_a_daemon_reload() -> None:
    if not {"memory", "cpu", "cpuset", "pids"} <= there():
        pytest.skip("the kernel's cgroup2 tree has not the controllers of these limits")
    with wardian.Container(["sleep", "600"], cgroup_manager="systemd", **LIMITS) as box:
        box.start()
        path = Path(f"/proc/{box.pid}/cgroup").read_text().strip().removeprefix("0::")
        assert path == f"/system.slice/{box.group.unit}"
        before = box.group.read_limits()
        assert {name: before.get(name) for name in ENFORCED} == ENFORCED
        subprocess.run(["systemctl", "daemon-reload"], check=True)
        assert box.group.read_limits() == before
        box.update(memory="32m", memory_swap="32m", pids_limit=44)
        subprocess.run(["systemctl", "daemon-reload"], check=True)
        found = box.group.read_limits()
        assert (found["memory.max"], found["pids.max"]) == (str(32 * MIB), "44")
        shown = subprocess.run(
            ["systemctl", "show", "-p", "MemoryMax,TasksMax,Delegate", box.group.unit],
            capture_output=True,
            text=True,
            check=True,
        )
        assert set(shown.stdout.split()) == {
            f"MemoryMax={32 * MIB}",
            "TasksMax=44",
            "Delegate=yes",
        }
        box.kill(9)
        assert box.wait(30).exit_code == 137
    assert scopes.gone("wardian-*.scope")


def test_device_rules_hold_through_a_daemon_reload() -> None:
    code = (
        "import os, sys\n"
        "for _ in range(2):\n"
        "    for path in ('/dev/null', '/dev/mine', '/dev/full'):\n"
        "        try: os.close(os.open(path, os.O_RDWR)); print('open')\n"
        "        except OSError as error: print(error.errno)\n"
        "    sys.stdout.flush(); sys.stdin.readline()\n"
    )
    node = "/dev/loop-control" if os.path.exists("/dev/loop-control") else "/dev/kmsg"
    with wardian.Container(
        ["python3", "-c", code], device=[f"{node}:/dev/mine:r"], cgroup_manager="systemd"
    ) as box:
        box.start(stdin=PIPE, stdout=PIPE)
        first = next(data for name, data in box.stream() if name == "stdout")
        subprocess.run(["systemctl", "daemon-reload"], check=True)
        result = box.communicate(b"\n\n")
    assert (first + result.stdout).split() == [b"open", b"1", b"open"] * 2


def test_a_box_in_a_scope_is_frozen_counted_and_leaves_nothing() -> None:
    script = "n=0; while :; do n=$((n+1)); done"
    parent = "wardiantest.slice"
    with wardian.Container(
        ["sh", "-c", script], cgroup_manager="systemd", cgroup_parent=parent
    ) as box:
        box.start()
        directory = box.group.groups["unified"]
        assert f"/{parent}/" in directory
        box.pause()
        assert box.is_paused
        assert box.group.stats()["cpu"]["usage"]["total"] > 0
        assert box.pid in box.group.processes()
        box.resume()
        box.kill(9)
        result = box.wait(30)
        assert result.usage.source == "cgroup"
    assert not os.path.exists(directory)
    assert scopes.gone("wardian-*.scope")


def test_the_program_starts_when_the_limits_are_set() -> None:
    if "pids" not in there():
        pytest.skip("no pids controller")
    script = "for i in 1 2 3 4 5 6 7 8 9; do sleep 1 & done; wait"
    result = wardian.run(["sh", "-c", script], pids_limit=5, cgroup_manager="systemd")
    assert b"ork" in result.stderr


OWNER = """
import os, wardian
words = {"cgroup_manager": "systemd", "cgroup_parent": "wardiantest.slice"}
box = wardian.Container(["sleep", "600"], **words)
box.start()
print(box.group.unit, flush=True)
os.kill(os.getpid(), 9)
"""


def test_a_scope_goes_when_its_engine_is_killed() -> None:
    killed = subprocess.run(
        [sys.executable, "-c", OWNER],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert killed.stdout.strip().endswith(".scope"), killed.stderr
    assert scopes.gone("wardian-*.scope")


def test_a_container_s_scope_is_reopened_and_removed_by_its_record() -> None:
    layout = cgroups.detect()
    parent, unit = systemd.of_container(f"wardiantest.slice:wardian-x:{os.getpid()}", "c")
    child = subprocess.Popen(["sleep", "600"])
    try:
        made = systemd.start(layout, unit, parent, child.pid, writes=())
        record = json.loads(json.dumps(made.record()))
        found = cgroups.reopen(layout, record)
        assert found.processes() == [child.pid]
        found.remove()
        assert child.wait(30) == -9
        assert not found.exists
        found.remove()
        again = subprocess.Popen(["sleep", "600"])
        try:
            systemd.start(layout, unit, parent, again.pid, writes=())
            # A record that was saved before the scope was made knows its name alone.
            early = {"name": unit, "groups": {}, "parents": [], "unit": unit}
            cgroups.reopen(layout, early).remove()
            assert again.wait(30) == -9
        finally:
            again.kill()
            again.wait()
    finally:
        child.kill()
        child.wait()
    assert scopes.gone("wardian-*.scope")


def test_a_limit_that_is_refused_leaves_no_scope_and_no_box() -> None:
    with (
        pytest.raises(wardian.WardianError, match="memory"),
        wardian.Container(
            ["sleep", "600"], cgroup_manager="systemd", cgroup_conf=["memory.high=x"]
        ) as box,
    ):
        box.start()
    assert scopes.gone("wardian-*.scope")


# ---- ordinary users -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def lingering(ordinary_user: User) -> Iterator[dict[str, str]]:
    """The environment of a user whose manager runs."""
    with scopes.lingering(ordinary_user) as environment:
        yield {**environment, "WARDIAN_LAUNCHER": launch.binary()}


SHOW = ("cat", "/proc/self/cgroup")
HOG = "x = bytearray(200 << 20)"


def test_an_ordinary_user_has_limits_by_its_own_manager(
    ordinary_user: User, lingering: dict[str, str]
) -> None:
    wardian_command = str(ordinary_user.prefix / "bin" / "wardian")
    limits = ["--cgroup-manager", "systemd", "--memory", "64m", "--pids-limit", "20"]
    where = ordinary_user.run(
        [wardian_command, "run", *limits, "--cgroupns", "host", "--", "cat", "/proc/self/cgroup"],
        env=lingering,
    )
    assert f"/user@{ordinary_user.uid}.service/app.slice/wardian-" in where.stdout, where.stderr
    hog = ordinary_user.run(
        [wardian_command, "run", *limits, "--memory-swap", "64m", "--", "python3", "-c", HOG],
        env=lingering,
    )
    assert hog.returncode == 137, hog.stderr


def test_an_ordinary_user_has_limits_in_a_scope_that_was_delegated(
    ordinary_user: User, lingering: dict[str, str]
) -> None:
    wardian_command = str(ordinary_user.prefix / "bin" / "wardian")
    scope = ["systemd-run", "--user", "--scope", "--quiet", "-p", "Delegate=yes", "--"]
    limits = ["--memory", "64m", "--memory-swap", "64m"]
    hog = ordinary_user.run(
        [*scope, wardian_command, "run", *limits, "--", "python3", "-c", HOG], env=lingering
    )
    assert hog.returncode == 137, hog.stderr
    where = ordinary_user.run(
        [*scope, wardian_command, "run", *limits, "--cgroupns=host", "--", *SHOW],
        env=lingering,
    )
    assert ".scope/wardian-" in where.stdout, where.stderr


def test_an_ordinary_user_outside_of_a_delegated_group_is_told_what_to_do(
    ordinary_user: User, lingering: dict[str, str]
) -> None:
    wardian_command = str(ordinary_user.prefix / "bin" / "wardian")
    done = ordinary_user.run(
        [wardian_command, "run", "--memory", "64m", "--", "true"], env=lingering
    )
    assert done.returncode == 125
    assert "this user may not create control groups" in done.stderr
    assert "--cgroup-manager systemd" in done.stderr
