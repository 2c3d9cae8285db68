"""Freeze, thaw, kill, move in and remove, on the real kernel; nothing stays."""

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.groups import ENTER, MIB, SLEEP, compiled, made, remains, sleeping, start, usable_layout
from tests.machine import about
from wardian.errors import KernelError, UnsupportedError
from wardian.kernel import cgroup_files as files
from wardian.kernel import cgroup_v1, cgroup_v2, cgroups
from wardian.kernel.cgroups import Cgroup, Layout

pytestmark = pytest.mark.root


@pytest.fixture
def layout() -> Layout:
    return usable_layout()


@pytest.fixture
def sleeper(layout: Layout) -> Iterator[tuple[Cgroup, "subprocess.Popen[str]"]]:
    with sleeping(layout) as found:
        yield found


def ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def test_a_frozen_box_uses_no_time_until_it_is_thawed(layout: Layout) -> None:
    group = made(layout, {"pids": {"limit": 10}})
    code = ENTER + "print('in', flush=True)\nn = 0\nwhile True:\n  n += 1\n"
    child = start(group, code)
    assert child.stdout is not None
    child.stdout.readline()
    try:
        group.freeze(timeout_s=5)
        before = ticks(child.pid)
        select.select([], [], [], 0.1)
        assert ticks(child.pid) == before
        group.thaw()
        end = time.monotonic() + 30
        while ticks(child.pid) == before and time.monotonic() < end:
            select.select([], [], [], 0.01)
        assert ticks(child.pid) > before
    finally:
        child.kill()
        child.communicate()
        group.remove()


@pytest.mark.parametrize("frozen", [False, True])
def test_kill_ends_all_even_when_frozen(
    layout: Layout, sleeper: tuple[Cgroup, "subprocess.Popen[str]"], *, frozen: bool
) -> None:
    group, child = sleeper
    more = [start(group, SLEEP) for _ in range(3)]
    for one in more:
        assert one.stdout is not None
        one.stdout.readline()
    assert len(group.processes()) == 4
    if frozen:
        group.freeze(timeout_s=5)
    group.kill()
    assert {one.wait(30) for one in (child, *more)} == {-signal.SIGKILL}
    for one in more:
        one.communicate()


def test_without_the_unified_tree_the_freezer_does_the_same(layout: Layout) -> None:
    about("cgroup v1")
    if "freezer" not in layout.controllers:
        pytest.skip("the v1 freezer is not mounted here")
    alone = Layout("v1", layout.controllers, None, layout.prefix)
    group = cgroups.create(alone, cgroups.new_name(), compiled(alone, {"pids": {"limit": 30}}))
    children = [start(group, SLEEP) for _ in range(3)]
    try:
        for child in children:
            assert child.stdout is not None
            child.stdout.readline()
        group.freeze(timeout_s=5)
        assert files.read(group.groups["freezer"] + "/freezer.state") == "FROZEN"
        group.thaw()
        assert files.read(group.groups["freezer"] + "/freezer.state") == "THAWED"
        group.freeze(timeout_s=5)
        group.kill()
        assert {child.wait(30) for child in children} == {-signal.SIGKILL}
        with pytest.raises(UnsupportedError, match="pressure"):
            group.pressure()
        assert group.usage()["cpu_s"] is not None
    finally:
        for child in children:
            child.kill()
            child.communicate()
        group.remove()
    assert remains(layout, group) == []


def test_on_v2_the_kernel_s_own_files_freeze_and_kill(
    sleeper: tuple[Cgroup, "subprocess.Popen[str]"],
) -> None:
    about("cgroup v2")
    group, child = sleeper
    (directory,) = set(group.groups.values())
    group.freeze(timeout_s=5)
    assert "frozen 1" in files.read(directory + "/cgroup.events").splitlines()
    assert files.read(directory + "/cgroup.freeze") == "1"
    group.thaw()
    assert files.read(directory + "/cgroup.freeze") == "0"
    group.kill()
    assert child.wait(30) == -signal.SIGKILL


def test_kill_on_v2_is_one_write_that_no_fork_escapes(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    about("cgroup v2")

    def one_by_one(group: str) -> bool:
        raise AssertionError(f"{group}: its processes are killed one by one")

    monkeypatch.setattr(files, "signal_all", one_by_one)
    group = made(layout, {"pids": {"limit": 20}})
    bomb = ENTER + (
        "import time\nprint('in', flush=True)\n"
        "while True:\n"
        "    try:\n        if not os.fork(): os.setsid()\n"
        "    except OSError: time.sleep(0.01)\n"
    )
    child = start(group, bomb)
    try:
        assert child.stdout is not None
        child.stdout.readline()
        group.kill()
        assert child.wait(30) == -signal.SIGKILL
        assert group.processes() == []
    finally:
        child.communicate()
        group.remove()


def test_kill_without_freezer_or_cgroup_kill_pins_what_it_kills(
    sleeper: tuple[Cgroup, "subprocess.Popen[str]"],
) -> None:
    group, child = sleeper
    cgroup_v1.kill(next(iter(group.groups.values())), None, 5)
    assert child.wait(30) == -signal.SIGKILL


FORK = ENTER + (
    "print('in', flush=True)\n"
    "while True:\n    if os.fork(): os._exit(0)\n"  # another pid each time one looks
)


def test_before_cgroup_kill_came_a_group_that_forks_is_killed_all_the_same(layout: Layout) -> None:
    if layout.unified is None:
        pytest.skip("no cgroup2 tree is mounted here")
    group = made(layout, {"pids": {"limit": 50}})
    child = start(group, FORK)
    try:
        assert child.stdout is not None
        child.stdout.readline()
        child.wait(30)
        cgroup_v2.kill_each(group.groups["unified"], 10)
        assert files.await_event(
            group.groups["unified"] + "/cgroup.events", "populated 0", timeout_s=10
        )
        assert not group.is_frozen
    finally:
        child.communicate()
        group.remove()


def test_remove_ends_what_still_runs_and_takes_nested_groups_along(layout: Layout) -> None:
    group = made(layout, {"pids": {"limit": 10}})
    inner = [f"{directory}/a/b" for directory in dict.fromkeys(group.groups.values())]
    for directory in inner:
        os.makedirs(directory)
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        for directory in inner:
            files.write(directory + "/cgroup.procs", str(child.pid))
        assert group.processes() == [child.pid]
        group.remove()
        assert child.wait(30) == -signal.SIGKILL
    finally:
        child.kill()
        child.wait()
    assert remains(layout, group) == []
    group.remove()  # again: nothing to do


def test_a_process_can_be_moved_in(layout: Layout) -> None:
    group = made(layout, {"pids": {"limit": 10}})
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        group.attach(child.pid)
        assert group.processes() == [child.pid]
        again = cgroups.find(layout, group.name)
        assert again is not None
        assert again.groups == group.groups
    finally:
        child.kill()
        child.wait()
        group.remove()
    with pytest.raises(KernelError, match="no such"):
        group.attach(child.pid)
    assert cgroups.find(layout, group.name) is None


def test_pressure_is_told_where_it_is_measured(layout: Layout) -> None:
    group = made(layout, {"pids": {"limit": 10}})
    try:
        if layout.unified is None or not os.path.exists("/proc/pressure/cpu"):
            with pytest.raises(UnsupportedError):
                group.pressure()
            return
        assert group.pressure()["cpu"]["some"]["total"] >= 0
    finally:
        group.remove()


def test_a_group_that_is_renewed_has_its_limits_and_nothing_of_its_use(layout: Layout) -> None:
    document = {"memory": {"limit": 64 * MIB}, "pids": {"limit": 20}}
    writes = compiled(layout, document)
    group = cgroups.create(layout, cgroups.new_name(), writes)
    kept = [name for name in group.groups if name not in ("memory", "unified")]
    try:
        before = group.read_limits()
        with start(group, ENTER + "x = bytearray(30 << 20); print(len(x))") as process:
            process.communicate(timeout=30)
        assert group.usage()["peak_memory_bytes"] > 30 * MIB  # type: ignore[operator]
        cgroups.renew(group, writes, kept)
        assert group.usage()["peak_memory_bytes"] < 8 * MIB  # type: ignore[operator]
        assert group.read_limits() == before
    finally:
        group.remove()
    assert remains(layout, group) == []


def test_a_group_in_use_can_not_be_renewed(layout: Layout) -> None:
    with sleeping(layout) as (group, _sleeper), pytest.raises(KernelError):
        cgroups.renew(group, compiled(layout, {"memory": {"limit": 64 * MIB}}), [])
