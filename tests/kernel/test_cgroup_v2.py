"""What is v2's alone, on the cgroup2 tree; on a hybrid machine hugetlb stands for the rest."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.groups import MIB, compiled, made, usable_layout
from wardian.errors import UnsupportedError
from wardian.kernel import cgroup_files as files
from wardian.kernel import cgroup_v2, cgroups
from wardian.kernel.cgroups import CgroupWrite, Layout

pytestmark = pytest.mark.root


@pytest.fixture
def layout() -> Layout:
    return usable_layout()


@pytest.fixture
def delegated(layout: Layout) -> Iterator[Layout]:
    """A v2 layout whose groups are made below a group that is not the tree's root."""
    controllers = layout.controllers
    name = "hugetlb" if layout.mode == "v2" else "unified/hugetlb"
    mount = layout.unified
    if mount is None or name not in controllers:
        pytest.skip("the cgroup2 tree has no hugetlb controller to try v2 with")
    control = f"{mount}/cgroup.subtree_control"
    before = files.read(control).split()
    cgroup_v2.enable(mount, mount, frozenset(("hugetlb",)))
    base = f"{mount}/wardian-test-{os.getpid()}"
    os.mkdir(base)
    try:
        yield Layout("v2", {"hugetlb": mount}, mount, {mount: base})
    finally:
        assert files.remove(base)
        if "hugetlb" not in before:
            files.write(control, "-hugetlb")


def test_a_v2_group_has_its_limit_and_lets_in_by_descriptor(delegated: Layout) -> None:
    group = made(delegated, {"hugepageLimits": [{"pageSize": "2MB", "limit": 4 * MIB}]})
    try:
        found = group.read_limits()
        assert found["hugetlb.2MB.max"] == found["hugetlb.2MB.rsvd.max"] == str(4 * MIB)
        fd = group.unified_fd()
        assert fd == group.unified_fd() >= 0
        assert "cgroup.procs" in os.listdir(f"/proc/self/fd/{fd}")
        group.update(compiled(delegated, {"hugepageLimits": [{"pageSize": "2MB", "limit": 0}]}))
        assert group.read_limits()["hugetlb.2MB.max"] == "0"
    finally:
        group.remove()
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(fd)


def test_processes_that_stand_in_the_way_move_into_a_leaf(delegated: Layout) -> None:
    base = next(iter(delegated.prefix.values()))
    children = [
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) for _ in range(3)
    ]
    try:
        for child in children:
            files.write(base + "/cgroup.procs", str(child.pid))
        group = made(delegated, {"hugepageLimits": [{"pageSize": "2MB", "limit": 0}]})
        try:
            leaf = files.read(f"{base}/{cgroup_v2.CALLERS}/cgroup.procs").split()
            assert sorted(map(int, leaf)) == sorted(child.pid for child in children)
            assert files.read(base + "/cgroup.procs") == ""
            assert group.processes() == []
        finally:
            group.remove()
    finally:
        for child in children:
            child.kill()
            child.wait()


def test_a_controller_that_v2_lacks_is_named(delegated: Layout) -> None:
    ((mount, base),) = delegated.prefix.items()
    cgroup_v2.enable(base, base, frozenset(("hugetlb",)))
    os.mkdir(f"{base}/inner")  # here hugetlb is all there is, whatever is enabled above
    inner = Layout("v2", {"hugetlb": mount}, mount, {mount: f"{base}/inner"})
    write = CgroupWrite("unified", "memory.max", "1048576", "memory limit")
    match = r'"memory" is not available in .* \(there: hugetlb\)'
    with pytest.raises(UnsupportedError, match=match):
        cgroups.create(inner, cgroups.new_name(), (write,))
