"""Mounts of a specification as steps."""

import pytest

from wardian.errors import SpecError
from wardian.runtime import mount_options as words
from wardian.runtime import mounts
from wardian.runtime.host import Host
from wardian.runtime.step import Step

HYBRID = Host(cgroup_mode="hybrid", cgroup_names=("cpu,cpuacct", "name=systemd", "unified"))


def steps(*options: str, host: Host | None = None, own: bool = True, **more: object) -> list[Step]:
    mount = {"destination": "/d", "type": "bind", "source": "/s", "options": list(options), **more}
    return list(mounts.steps(mount, host or Host(), own_cgroups=own))  # type: ignore[arg-type]


def test_attributes_of_the_whole_tree_are_set_before_it_is_seen() -> None:
    (bind,) = steps("rbind", "rro")
    assert bind.args == ("/s", "/d", 3, words.MOUNT_ATTR_RDONLY, 0, words.MS_PRIVATE)


def test_attributes_of_top_and_below_that_differ_take_two_steps() -> None:
    bind, below = steps("rbind", "ro", "rnosuid")
    assert bind.args[2:4] == (1, words.MOUNT_ATTR_RDONLY)
    assert below.args == ("/d", words.MOUNT_ATTR_NOSUID, 0, 0, 1)


def test_rw_does_not_open_what_the_host_mounts_read_only() -> None:
    (bind,) = steps("rbind", "rw")
    assert bind.args == ("/s", "/d", 1, 0, 0, words.MS_PRIVATE)


def test_a_file_system_that_spreads_is_told_so_afterwards() -> None:
    mount, spread = steps("rshared", "size=1m", type="tmpfs", source="tmpfs")
    assert mount.args == ("tmpfs", "/d", "tmpfs", "size=1m", 0)
    assert spread.args == ("/d", 0, 0, words.MS_SHARED, 1)


@pytest.mark.parametrize("kind", ["proc", "sysfs"])
def test_no_link_leads_to_where_the_kernel_s_files_are_mounted(kind: str) -> None:
    (mount,) = steps(type=kind, source=kind)
    assert int(str(mount.args[4])) & mounts.NO_LINKS


def test_the_v1_hierarchies_are_a_directory_of_mounts() -> None:
    row = steps("ro", "nosuid", host=HYBRID, type="cgroup", source="cgroup")
    assert [(step.name, step.args[1]) for step in row] == [
        ("mount", "/d"),
        ("mount", "/d/cpu,cpuacct"),
        ("symlink", "/d/cpu"),
        ("symlink", "/d/cpuacct"),
        ("mount", "/d/systemd"),
        ("mount", "/d/unified"),
        ("setattr", words.MOUNT_ATTR_RDONLY),
    ]
    assert row[1].args[2:4] == ("cgroup", "cpu,cpuacct")
    assert row[4].args[3] == "none,name=systemd"
    assert row[5].args[2] == "cgroup2"


def test_without_a_cgroup_namespace_the_group_itself_is_bound() -> None:
    (bind,) = steps(host=Host(cgroup_mode="v2"), own=False, type="cgroup", source="cgroup")
    assert (bind.name, bind.args[:2]) == ("bind", ("$cgroup/unified", "/d"))


def test_a_mount_that_was_prepared_is_only_put_in_its_place() -> None:
    mount = {"destination": "/d", "type": "bind", "source": "/s", "options": ["idmap"], "own": 3}
    (attach,) = mounts.steps(mount, Host(), own_cgroups=True)  # type: ignore[arg-type]
    assert (attach.name, attach.args) == ("attach", (3, "/d"))


@pytest.mark.parametrize("path", ["/proc/sys", "/proc/self/attr", "/proc/1", "/proc/stat/x"])
def test_what_reads_proc_meets_the_kernel(path: str) -> None:
    with pytest.raises(SpecError, match="inside /proc"):
        mounts.check_proc({"destination": path, "type": "tmpfs"})


@pytest.mark.parametrize("path", ["/proc/cpuinfo", "/proc/uptime", "/procs", "/data/proc/x"])
def test_other_paths_may_be_covered(path: str) -> None:
    mounts.check_proc({"destination": path, "type": "bind"})
