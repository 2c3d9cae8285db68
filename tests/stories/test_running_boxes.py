"""A running box is paused, read and changed from Python; its group is made where one says."""

import os
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import wardian
from tests.conftest import Wardian
from tests.groups import usable_layout
from wardian.engine.container import PIPE
from wardian.kernel import cgroups, systemd

pytestmark = pytest.mark.root

COUNT = "n=0; while :; do n=$((n+1)); [ $((n % 1000)) = 0 ] && echo $n; done"
MIB = 1 << 20


@contextmanager
def running(script: str, **options: Any) -> Iterator[wardian.Container]:
    with wardian.Container(["sh", "-c", script], **options) as box:
        box.start(stdout=PIPE)
        yield box


def speaks(box: wardian.Container, timeout_s: float = 30) -> bool:
    """Whether the box writes something, once what it wrote before was read."""
    fd = next(iter(box._streams.outputs))
    while select.select([fd], [], [], 0)[0]:
        os.read(fd, 1 << 16)
    return bool(select.select([fd], [], [], timeout_s)[0])


@pytest.mark.parametrize("limits", [{}, {"pids_limit": 50}])
def test_a_paused_box_stands_still_with_all_its_processes(limits: dict[str, int]) -> None:
    with running(f"({COUNT}) & ({COUNT}) & wait", **limits) as box:
        assert speaks(box)
        seen = [box.is_paused]
        box.pause()
        seen.append(box.is_paused)
        states = {
            Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
            for pid in box.group.processes()
        }
        assert len(box.group.processes()) >= 3
        assert "R" not in states
        before = box.group.usage()["cpu_s"]
        assert box.group.usage()["cpu_s"] == before
        box.resume()
        assert [*seen, box.is_paused] == [False, True, False]
        assert speaks(box)
        box.kill(9)


def test_a_paused_box_can_be_ended() -> None:
    with running(COUNT) as box:
        box.pause()
        box.kill(9)
        assert box.wait(30).exit_code == 137


def test_a_paused_box_that_is_stopped_goes_on_to_its_end() -> None:
    with running("trap 'exit 7' TERM; while :; do echo on; sleep 0.01; done") as box:
        assert speaks(box)
        box.pause()
        assert box.stop(30).exit_code == 7


def test_a_box_without_limits_gets_its_group_with_all_that_is_in_it() -> None:
    with running(
        "sleep 600 & sleep 600 & unshare -pf sleep 601 & wait", cap_add=["SYS_ADMIN"]
    ) as box:
        end = time.monotonic() + 30
        while len(children(box.pid)) < 6 and time.monotonic() < end:
            select.select([], [], [], 0.01)
        inside = box.group.processes()
        assert set(children(box.pid)) == set(inside)
        box.kill(9)
        box.wait()


def children(pid: int) -> list[int]:
    """The process and all that descend from it."""
    text = subprocess.run(
        ["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True
    )
    pairs = [tuple(map(int, line.split())) for line in text.stdout.splitlines()]
    found = [pid]
    for one in found:
        found += [child for child, parent in pairs if parent == one]
    return found


def test_limits_of_a_running_box_change_and_hold() -> None:
    with running("read x; exec python3 -c 'bytearray(200 << 20)'", memory="256m") as box:
        with pytest.raises(wardian.WardianError, match="memory"):
            box.update(memory="1m")
        box.update(memory="48m", memory_swap="48m")
        assert box.stats()["memory"]["usage"]["limit"] == 48 * MIB  # type: ignore[index]
        assert box.resources["memory"] == {"limit": 48 * MIB, "swap": 48 * MIB}
        with pytest.raises(wardian.UsageError, match="hostname"):
            box.update(hostname="x")


def test_an_update_is_enforced() -> None:
    script = "read x; python3 -c 'bytearray(200 << 20)'; echo $?"
    with wardian.Container(["sh", "-c", script], memory="256m") as box:
        box.start(stdin=PIPE, stdout=PIPE)
        box.update(memory="48m", memory_swap="48m")
        result = box.communicate(b"go\n")
    assert result.stdout == b"137\n"
    assert result.oom_killed


def test_what_a_box_counts_is_told_while_it_runs_and_at_the_end() -> None:
    with running(f"exec timeout 0.3 sh -c '{COUNT}'", pids_limit=20) as box:
        assert speaks(box)
        stats = box.stats()
        assert stats["pids"]["current"] >= 1  # type: ignore[index]
        assert stats["cpu"]["usage"]["total"] > 0  # type: ignore[index]
        measured = os.path.exists("/proc/pressure/cpu") and usable_layout().unified is not None
        if measured:
            assert box.pressure()["cpu"]["some"]["avg10"] >= 0
        result = box.communicate()
    assert (result.usage.stalled_s is not None) == measured
    if result.usage.stalled_s is not None:
        assert 0 <= result.usage.stalled_s["cpu"] <= result.usage.wall_s


# ---- where the group is -------------------------------------------------------------------


def test_a_group_is_made_in_its_parent_and_goes_with_the_box() -> None:
    parent = f"wardian-test-{os.getpid()}/inner"
    result = wardian.run(["cat", "/proc/self/cgroup"], cgroup_parent=f"/{parent}", cgroupns="host")
    assert f"/{parent}/wardian-".encode() in result.stdout
    for place in {place for place in usable_layout().prefix.values() if place}:
        assert not os.path.exists(f"{place}/{parent.partition('/')[0]}")


OWNER = """
import os, sys, wardian
box = wardian.Container(["sleep", "600"], cgroup_parent=sys.argv[1], pids_limit=9)
box.start()
print(box.group.name, flush=True)
os.kill(os.getpid(), 9)
"""


def test_what_a_killed_engine_left_below_a_parent_is_removed_by_the_next_command(
    tmp_path: Path,
) -> None:
    env = {**os.environ, "WARDIAN_STATE": str(tmp_path / "s"), "PYTHONPATH": ":".join(sys.path)}
    parent = f"wardian-test-{os.getpid()}"
    killed = subprocess.run(
        [sys.executable, "-c", OWNER, parent], env=env, capture_output=True, text=True, check=False
    )
    name = killed.stdout.strip()
    assert cgroups.find(usable_layout(), name) is not None, killed.stderr
    subprocess.run([sys.executable, "-m", "wardian", "run", "--", "true"], env=env, check=True)
    assert cgroups.find(usable_layout(), name) is None
    assert os.listdir(tmp_path / "s" / "groups") == []
    left = cgroups.find(usable_layout(), parent)
    if left is not None:
        left.remove()


def test_the_group_looks_like_the_root_of_all_unless_asked_otherwise() -> None:
    own = wardian.run(["cat", "/proc/self/cgroup"], pids_limit=9).stdout.decode()
    assert {line.rpartition(":")[2] for line in own.splitlines() if "wardian" in line} == set()
    host = wardian.run(["cat", "/proc/self/cgroup"], pids_limit=9, cgroupns="host").stdout.decode()
    assert f"/wardian-{os.getpid()}-" in host


# ---- devices ------------------------------------------------------------------------------

OPEN = (
    "import os, sys\ntry: os.open(sys.argv[1], os.O_RDWR); print('open')\n"
    "except OSError as error: print(error.errno)"
)


def opened(path: str, **options: Any) -> str:
    return wardian.run(["python3", "-c", OPEN, path], **options).stdout.decode().strip()


def test_a_device_is_seen_and_may_be_used_as_was_asked() -> None:
    assert opened("/dev/kmsg") == "2"
    assert opened("/dev/full", device=["/dev/kmsg"]) == "open"
    assert opened("/dev/kmsg", device=["/dev/kmsg"]) in ("open", "1")
    assert opened("/dev/mem2", device=["/dev/full:/dev/mem2:rw"]) == "open"


def test_a_device_with_less_access_is_refused_by_the_control_group() -> None:
    node = "/dev/loop-control" if os.path.exists("/dev/loop-control") else "/dev/kmsg"
    number = os.stat(node).st_rdev
    rule = f"c {os.major(number)}:{os.minor(number)} r"
    volume = f"type=bind,src={node},dst=/node"
    assert opened("/dev/x", device=[f"{node}:/dev/x:r"]) == "1"
    assert opened("/node", device_cgroup_rule=[rule], mount=[volume]) in ("1", "13")


def test_words_that_are_no_devices_are_refused() -> None:
    for words in (
        {"device": ["/etc/passwd"]},
        {"device": ["/dev/none"]},
        {"device": ["dev/null"]},
        {"device_cgroup_rule": ["c 1:3"]},
        {"device_cgroup_rule": ["d 1:3 rwm"]},
        {"cgroup_parent": "../x"},
        {"cgroupns": "own"},
        {"cgroup_manager": "upstart"},
        {"cgroup_conf": ["memory.high"]},
    ):
        with pytest.raises(wardian.WardianError):
            wardian.Container(["true"], **words)


def test_other_files_of_cgroup_v2_are_set_or_refused_with_the_reason() -> None:
    layout = usable_layout()
    if layout.mode != "v2":
        with pytest.raises(wardian.UnsupportedError, match=r'unified "memory.high"'):
            wardian.run(["true"], cgroup_conf=["memory.high=64m"])
        return
    with running("sleep 600", cgroup_conf={"memory.high": "64m", "memory.oom.group": "1"}) as box:
        found = box.group.read_limits()
        assert (found["memory.high"], found["memory.oom.group"]) == (str(64 * MIB), "1")
        box.kill(9)


def test_without_systemd_asking_it_for_a_group_is_an_error_and_starts_nothing(
    wardian: Wardian,
) -> None:
    if systemd.is_running() and usable_layout().mode == "v2":
        pytest.skip("systemd is this machine's init; tests/kernel has its scopes")
    done = wardian("run", "--cgroup-manager", "systemd", "--pids-limit", "9", "--", "echo", "x")
    assert done.returncode == 125
    assert done.stdout == ""
    assert "control groups by systemd" in done.stderr
    assert "--cgroup-manager cgroupfs" in done.stderr
    environment = {"WARDIAN_CGROUP_MANAGER": "systemd"}
    assert wardian("run", "--", "true", env=environment).returncode == 0
    assert wardian("run", "--pids-limit", "9", "--", "true", env=environment).returncode == 125


def test_explain_names_what_of_this_machine_is_in_the_hash(wardian: Wardian) -> None:
    mode = usable_layout().mode
    assert "made for ids host\n" in wardian("explain", "--", "true").stdout
    limited = wardian("explain", "--pids-limit", "9", "--", "true").stdout
    word = "v2" if mode == "v2" else "v1"  # a hybrid machine's cgroup2 leaf changes nothing
    assert f"made for ids host, cgroups {word}" in limited
    again = wardian("explain", "--pids-limit", "9", "--", "true").stdout
    assert again == limited
