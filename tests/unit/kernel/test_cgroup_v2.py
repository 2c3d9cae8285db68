"""The files of v2 are read right; what needs the kernel is in tests/kernel and in the lab."""

from pathlib import Path

import pytest

from wardian.errors import UnsupportedError
from wardian.kernel import cgroup_v2


def test_a_file_belongs_to_the_controller_it_is_named_after() -> None:
    names = ("memory.max", "cpu.max", "hugetlb.2MB.max", "cgroup.max.depth", "BPF_CGROUP_DEVICE")
    assert cgroup_v2.needed_controllers(names) == {"memory", "cpu", "hugetlb"}


def test_usage_is_none_where_nobody_counts(tmp_path: Path) -> None:
    (tmp_path / "cpu.stat").write_text("usage_usec 2500000\nuser_usec 1\n")
    assert cgroup_v2.usage(str(tmp_path)) == {
        "cpu_s": 2.5,
        "peak_memory_bytes": None,
        "oom_kills": None,
        "pids_peak": None,
    }


def test_usage_is_read_from_each_controller(tmp_path: Path) -> None:
    (tmp_path / "memory.peak").write_text("8192\n")
    (tmp_path / "memory.events").write_text("low 0\noom 1\noom_kill 1\n")
    (tmp_path / "pids.peak").write_text("5\n")
    found = cgroup_v2.usage(str(tmp_path))
    assert (found["peak_memory_bytes"], found["oom_kills"], found["pids_peak"]) == (8192, 1, 5)


def test_limits_are_read_by_file(tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "hugetlb.2MB.max").write_text("0\n")
    (tmp_path / "memory.stat").write_text("anon 0\n")
    assert cgroup_v2.read_limits(str(tmp_path)) == {"memory.max": "max", "hugetlb.2MB.max": "0"}


def test_controllers_are_enabled_from_the_top_down(tmp_path: Path) -> None:
    parent = tmp_path / "a" / "b"
    parent.mkdir(parents=True)
    for group in (tmp_path, tmp_path / "a", parent):
        (group / "cgroup.subtree_control").write_text("")
    cgroup_v2.enable(str(tmp_path), str(parent), frozenset(("pids",)))
    for group in (tmp_path, tmp_path / "a", parent):
        assert (group / "cgroup.subtree_control").read_text() == "+pids"


def test_what_is_enabled_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "cgroup.subtree_control").write_text("cpu pids\n")
    cgroup_v2.enable(str(tmp_path), str(tmp_path), frozenset(("pids",)))
    assert (tmp_path / "cgroup.subtree_control").read_text() == "cpu pids\n"


def test_a_controller_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("memory pids\n")  # and no subtree_control: ENOENT
    with pytest.raises(UnsupportedError, match=r'"cpuset" is not available.*there: memory pids'):
        cgroup_v2.enable(str(tmp_path), str(tmp_path), frozenset(("cpuset",)))


def test_a_group_is_delegated_where_all_three_are_writable(tmp_path: Path) -> None:
    (tmp_path / "cgroup.procs").write_text("")
    assert not cgroup_v2.is_delegated(str(tmp_path))
    (tmp_path / "cgroup.subtree_control").write_text("")
    assert cgroup_v2.is_delegated(str(tmp_path))
