"""A container's group outlives the process that made it: reopened, read, changed, deleted."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.groups import ENTER, MIB, compiled, start, usable_layout
from wardian.errors import KernelError, SpecError
from wardian.kernel import cgroup_files as files
from wardian.kernel import cgroups
from wardian.kernel.cgroups import Cgroup, Layout

pytestmark = pytest.mark.root

MAKE = """
import json, sys
from wardian.kernel import cgroups
layout = cgroups.detect()
group = cgroups.create(layout, sys.argv[1], (), wanted=cgroups.every(layout))
print(json.dumps(group.record()))
"""


@pytest.fixture
def layout() -> Layout:
    return usable_layout()


def name() -> str:
    return cgroups.of_container(f"/wardian-test-{os.getpid()}/one", "c1")


@pytest.fixture
def group(layout: Layout) -> Iterator[Cgroup]:
    """A group that another process made, which has ended."""
    done = subprocess.run(
        [sys.executable, "-c", MAKE, name()],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    found = cgroups.reopen(layout, json.loads(done.stdout))
    yield found
    found.remove()
    assert not found.exists


def test_it_is_in_every_hierarchy_and_is_found_by_record_and_by_path(
    layout: Layout, group: Cgroup
) -> None:
    assert tuple(group.groups) == cgroups.every(layout)
    assert all(os.path.isdir(path) for path in group.groups.values())
    again = cgroups.find(layout, name())
    assert again is not None
    assert again.groups == group.groups
    cgroups.sweep(layout)
    assert group.exists


def test_its_processes_are_counted_frozen_and_killed(group: Cgroup) -> None:
    code = ENTER + "x = bytearray(20 << 20)\nprint('in', flush=True)\nimport time; time.sleep(600)"
    child = start(group, code)
    try:
        assert child.stdout is not None
        child.stdout.readline()
        assert group.processes() == [child.pid]
        stats = group.stats()
        assert stats["cpu"]["usage"]["total"] > 0
        assert stats["memory"]["usage"]["usage"] >= 20 * MIB
        assert stats["memory"]["usage"]["limit"] > 1 << 60
        assert stats["memory"]["raw"]
        assert stats["pids"] == {"current": 1}
        assert stats["cpuset"]["cpus"][0] == 0
        assert stats["cpu"]["throttling"]["throttledPeriods"] == 0
        if "unified" in group.groups and os.path.exists("/proc/pressure/cpu"):
            assert stats["memory"]["psi"]["full"]["avg10"] >= 0
        seen = [group.is_frozen]
        group.freeze(timeout_s=5)
        seen.append(group.is_frozen)
        group.thaw()
        assert [*seen, group.is_frozen] == [False, True, False]
        group.kill()
        assert child.wait(30) == -signal.SIGKILL
    finally:
        child.kill()
        child.communicate()


def test_it_takes_limits_that_it_was_not_started_with(layout: Layout, group: Cgroup) -> None:
    changes = {"memory": {"limit": 64 * MIB, "swap": 64 * MIB}, "pids": {"limit": 9}}
    group.update(compiled(layout, {**changes, "cpu": {"quota": 20000, "period": 100000}}))
    group.update(compiled(layout, {"memory": {"limit": 256 * MIB, "swap": 300 * MIB}}))
    stats = group.stats()
    assert stats["memory"]["usage"]["limit"] == 256 * MIB
    assert stats["memory"]["swap"]["limit"] == 300 * MIB
    assert stats["pids"]["limit"] == 9


def test_a_limit_below_what_is_used_can_be_refused(layout: Layout, group: Cgroup) -> None:
    code = ENTER + "x = bytearray(40 << 20)\nprint('in', flush=True)\nimport time; time.sleep(600)"
    child = start(group, code)
    try:
        assert child.stdout is not None
        child.stdout.readline()
        writes = compiled(layout, {"memory": {"limit": 16 * MIB, "swap": 16 * MIB}})
        with pytest.raises(KernelError, match="resource busy"):
            group.update(writes, check_before_update=True)
        assert child.poll() is None
        assert group.stats()["memory"]["usage"]["limit"] > 1 << 60
    finally:
        child.kill()
        child.communicate()


def test_a_group_that_somebody_lives_in_is_not_taken(layout: Layout, group: Cgroup) -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        group.attach(child.pid)
        with pytest.raises(KernelError, match="file exists") as caught:
            cgroups.create(layout, name(), (), wanted=cgroups.every(layout))
        assert str(child.pid) in caught.value.hint
        assert group.processes() == [child.pid]
    finally:
        child.kill()
        child.wait()
    taken = cgroups.create(layout, name(), (), wanted=cgroups.every(layout))
    assert taken.groups == group.groups


def test_parents_go_with_it_but_not_those_that_others_use(layout: Layout) -> None:
    first, second = (f"wardian-test-{os.getpid()}/a/{leaf}" for leaf in ("x", "y"))
    one = cgroups.create(layout, first, ())
    two = cgroups.create(layout, second, ())
    one.remove()
    assert two.exists
    two.remove()
    one.remove()  # deleting twice is harmless; what was left of the parents goes now
    roots = {os.path.dirname(os.path.dirname(path)) for path in one.groups.values()}
    assert [path for path in roots if os.path.exists(path)] == []


def test_a_path_that_leads_elsewhere_is_refused() -> None:
    for path in ("/../x", "a/../../b", "/", "/a/cgroup.procs", "/a\nb", "/" + "x" * 256):
        with pytest.raises(SpecError, match=r"linux\.cgroupsPath"):
            cgroups.of_container(path, "id")
    assert cgroups.of_container("/docker//x/./y", "id") == "docker/x/y"
    assert cgroups.of_container("", "1-2-3-4") == "wardian-oci-1-2-3-4"


def test_a_frozen_group_that_is_taken_over_is_thawed(layout: Layout, group: Cgroup) -> None:
    if "unified" not in group.groups:
        pytest.skip("no cgroup2 tree")
    files.write(group.groups["unified"] + "/cgroup.freeze", "1")
    taken = cgroups.create(layout, name(), (), wanted=cgroups.every(layout))
    assert not taken.is_frozen
