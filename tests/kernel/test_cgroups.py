"""Limits on the real kernel: what was written reads back, is enforced, and is counted."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.groups import ENTER, MIB, compiled, made, remains, sleeping, start, usable_layout
from tests.machine import about
from wardian.errors import KernelError, UnsupportedError
from wardian.kernel import cgroups
from wardian.kernel.cgroups import Cgroup, CgroupWrite, Layout

pytestmark = pytest.mark.root


@pytest.fixture
def layout() -> Layout:
    return usable_layout()


@pytest.fixture
def sleeper(layout: Layout) -> Iterator[tuple[Cgroup, "subprocess.Popen[str]"]]:
    with sleeping(layout) as found:
        yield found


# ---- limits -------------------------------------------------------------------------------

LIMITS = {
    "memory": {"limit": 64 * MIB, "swap": 96 * MIB, "reservation": 32 * MIB},
    "cpu": {"shares": 512, "quota": 25000, "period": 50000, "burst": 10000, "cpus": "0"},
    "pids": {"limit": 17},
}
EXPECTED_V1 = {
    "memory.limit_in_bytes": "67108864",
    "memory.memsw.limit_in_bytes": "100663296",
    "memory.soft_limit_in_bytes": "33554432",
    "cpu.shares": "512",
    "cpu.cfs_quota_us": "25000",
    "cpu.cfs_period_us": "50000",
    "cpu.cfs_burst_us": "10000",
    "cpuset.cpus": "0",
    "pids.max": "17",
}
EXPECTED_V2 = {
    "memory.max": "67108864",
    "memory.swap.max": "33554432",
    "memory.low": "33554432",
    "cpu.weight": "59",
    "cpu.max": "25000 50000",
    "cpu.max.burst": "10000",
    "cpuset.cpus": "0",
    "pids.max": "17",
}


def test_every_limit_reads_back_from_the_kernel(layout: Layout) -> None:
    group = made(layout, LIMITS)
    try:
        found = group.read_limits()
        expected = EXPECTED_V2 if layout.mode == "v2" else EXPECTED_V1
        assert {name: found.get(name) for name in expected} == expected
        if layout.mode != "v2":
            assert found["cpuset.mems"], "a cpuset without memory nodes lets nobody in"
    finally:
        group.remove()
    assert remains(layout, group) == []


def test_idle_reads_back(layout: Layout) -> None:
    group = made(layout, {"cpu": {"shares": 512, "idle": 1}})
    try:
        assert group.read_limits()["cpu.idle"] == "1"
    finally:
        group.remove()


def test_real_time_gets_its_share_down_to_the_box(layout: Layout) -> None:
    about("cgroup v1")
    mount = layout.mount_of("cpu")
    if mount is None or not os.path.exists(f"{mount}/cpu.rt_runtime_us"):
        pytest.skip("the cpu controller has no real-time share here")
    group = made(layout, {"cpu": {"realtimePeriod": 1_000_000, "realtimeRuntime": 1000}})
    try:
        assert group.read_limits()["cpu.rt_runtime_us"] == "1000"
    finally:
        group.remove()


def test_a_disk_s_rate_reads_back_and_a_partition_is_refused(layout: Layout) -> None:
    disks = [
        entry
        for entry in Path("/sys/block").iterdir()
        if (entry / "size").read_text() != "0\n" and (entry / "dev").exists()
    ]
    if not disks:
        pytest.skip("this machine shows no disk in /sys/block")
    major, minor = map(int, (disks[0] / "dev").read_text().split(":"))
    row = [{"major": major, "minor": minor, "rate": MIB}]
    group = made(layout, {"blockIO": {"throttleReadBpsDevice": row}})
    try:
        name = "io.max" if layout.mode == "v2" else "blkio.throttle.read_bps_device"
        assert f"{major}:{minor} " in group.read_limits()[name]
    finally:
        group.remove()
    row = [{"major": 4000, "minor": 1, "rate": MIB}]
    with pytest.raises(UnsupportedError, match='no whole block device "4000:1"'):
        made(layout, {"blockIO": {"throttleReadBpsDevice": row}})


def test_a_refused_value_leaves_nothing(layout: Layout) -> None:
    before = own_groups(layout)
    good = compiled(layout, LIMITS)
    bad = CgroupWrite(good[-1].controller, "pids.max", "many", "pids limit")
    with pytest.raises(KernelError, match=r'write\(".*pids.max", "many"\): invalid argument'):
        cgroups.create(layout, cgroups.new_name(), (*good, bad))
    missing = CgroupWrite(good[0].controller, "memory.magic", "1", "magic limit")
    with pytest.raises(UnsupportedError, match=r'magic limit: this kernel has no "memory.magic"'):
        cgroups.create(layout, cgroups.new_name(), (*good, missing))
    assert own_groups(layout) == before


def own_groups(layout: Layout) -> set[str]:
    """Return this process's groups; other wardians may be at work beside us."""
    mine = cgroups.new_name().rpartition("/")[2].split("-")[:2]
    found = {f"{prefix}/wardian" for prefix in layout.prefix.values()}
    return {
        f"{path}/{name}"
        for path in found
        if os.path.isdir(path)
        for name in os.listdir(path)
        if name.split("-")[:2] == mine
    }


def test_limits_of_a_running_box_change_in_either_order(
    layout: Layout, sleeper: tuple[Cgroup, "subprocess.Popen[str]"]
) -> None:
    group, _child = sleeper
    for mib in (128, 32, 256, 64):  # v1 wants memsw first when it grows, last when it shrinks
        group.update(compiled(layout, {"memory": {"limit": mib * MIB, "swap": mib * MIB}}))
        found = group.read_limits()
        name = "memory.max" if layout.mode == "v2" else "memory.memsw.limit_in_bytes"
        assert found[name] == str(mib * MIB)
    group.update(compiled(layout, {"pids": {"limit": 21}}))
    assert group.read_limits()["pids.max"] == "21"


def test_an_update_that_is_refused_changes_nothing(
    layout: Layout, sleeper: tuple[Cgroup, "subprocess.Popen[str]"]
) -> None:
    group, _child = sleeper
    before = group.read_limits()
    writes = compiled(layout, {"memory": {"limit": 128 * MIB}, "pids": {"limit": 5}})
    bad = CgroupWrite(writes[-1].controller, "pids.max", "many", "pids limit")
    with pytest.raises(KernelError):
        group.update((*writes, bad))
    assert group.read_limits() == before


# ---- enforcement --------------------------------------------------------------------------


def test_too_much_memory_is_an_oom_kill_that_is_counted(layout: Layout) -> None:
    group = made(layout, {"memory": {"limit": 32 * MIB, "swap": 32 * MIB}})
    try:
        child = start(group, ENTER + "x = bytearray(200 << 20)")
        child.communicate()
        assert child.returncode == -signal.SIGKILL
        used = group.usage()
        assert (used["oom_kills"] or 0) >= 1
        assert 24 * MIB <= (used["peak_memory_bytes"] or 0) <= 32 * MIB
    finally:
        group.remove()
    assert remains(layout, group) == []


def test_one_process_too_many_is_eagain(layout: Layout) -> None:
    group = made(layout, {"pids": {"limit": 3}})
    code = ENTER + (
        "import signal\nkids = []\ntry:\n"
        "    while True:\n        pid = os.fork()\n"
        "        if not pid: signal.pause()\n        kids.append(pid)\n"
        "except OSError as error: print(error.errno, len(kids), flush=True)\n"
        "for kid in kids: os.kill(kid, 9); os.waitpid(kid, 0)\n"
    )
    try:
        child = subprocess.run(
            [sys.executable, "-c", code, *group.procs], capture_output=True, text=True, check=True
        )
        assert child.stdout.split() == [str(errno.EAGAIN), "2"]
        peak = group.usage()["pids_peak"]
        assert peak in (None, 3)
    finally:
        group.remove()


def test_time_is_counted_with_all_children(layout: Layout) -> None:
    group = made(layout, {"pids": {"limit": 10}})
    code = (
        ENTER
        + "import time\nend = time.process_time() + 0.2\nwhile time.process_time() < end: pass"
    )
    try:
        for _ in range(2):
            child = start(group, code)
            assert child.wait() == 0
            child.communicate()
        assert (group.usage()["cpu_s"] or 0) >= 0.39
    finally:
        group.remove()
