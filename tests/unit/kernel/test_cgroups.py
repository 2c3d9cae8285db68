"""Names, hierarchies and bindings; what the kernel does with them is in tests/kernel."""

import os
import subprocess
import sys

import pytest

from wardian.errors import UnsupportedError
from wardian.kernel import cgroups, procfs
from wardian.kernel.cgroups import CgroupWrite

PIDS = CgroupWrite("pids", "pids.max", "7", "pids limit")
MEMORY = CgroupWrite("memory", "memory.limit_in_bytes", "67108864", "memory limit")


def test_the_anchor_comes_first_and_nothing_twice() -> None:
    assert cgroups.hierarchies((PIDS, MEMORY, PIDS), "hybrid") == ("unified", "memory", "pids")
    assert cgroups.hierarchies((PIDS,), "v1") == ("freezer", "memory", "cpuacct", "pids")
    assert cgroups.hierarchies((), "v2") == ("unified",)
    assert cgroups.hierarchies((), "none") == ()


def test_hierarchies_that_do_not_exist_are_left_out() -> None:
    assert cgroups.hierarchies((PIDS,), "v1", {"pids", "cpuacct"}) == ("cpuacct", "pids")
    assert cgroups.hierarchies((PIDS,), "hybrid", {"pids"}) == ("unified", "pids")


def test_names_carry_their_owner_and_are_never_given_twice() -> None:
    first, second = cgroups.new_name(), cgroups.new_name()
    assert first != second
    ours, *words = first.split("-")
    assert (ours, "/" in first) == ("wardian", False)
    assert [int(word) for word in words[:2]] == [os.getpid(), procfs.start_time(os.getpid())]


def test_a_process_that_ended_has_no_start_time() -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert procfs.start_time(child.pid) == -1


def test_a_zombie_counts_as_dead() -> None:
    pid = os.posix_spawn("/bin/true", ["true"], {})
    try:
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        assert procfs.start_time(pid) == -1
    finally:
        os.waitpid(pid, 0)


def test_a_plan_s_words_are_bound_to_directories() -> None:
    layout = cgroups.Layout("hybrid", {"pids": "/c/pids"}, "/c/u", {"/c/pids": "/c/pids"})
    made = cgroups.Cgroup(layout, "w/x", {"unified": "/c/u/w/x", "pids": "/c/pids/w/x"})
    assert made.bindings() == {
        "$cgroup/unified": "/c/u/w/x",
        "$cgroup/unified/tasks": "/c/u/w/x/tasks",
        "$cgroup/memory": "/c/pids/w/x",  # not there: another one again
        "$cgroup/memory/tasks": "/c/pids/w/x/tasks",
        "$cgroup/pids": "/c/pids/w/x",
        "$cgroup/pids/tasks": "/c/pids/w/x/tasks",
    }
    assert made.procs == ("/c/u/w/x/cgroup.procs", "/c/pids/w/x/cgroup.procs")
    assert made.tasks == ("/c/pids/w/x/tasks",)


def test_a_record_from_before_the_group_was_made_is_a_group_that_is_not_there() -> None:
    layout = cgroups.Layout("v2", {}, "/c", {"/c": "/c"})
    record = {"name": "x", "groups": {}, "parents": [], "unit": ""}
    found = cgroups.reopen(layout, record)
    assert not found.exists
    assert found.processes() == []
    assert found.record() == record
    found.remove()


@pytest.mark.parametrize(
    ("mode", "uid", "remedy"),
    [
        ("v2", 1000, "systemd-run"),
        ("v2", 0, "/sys/fs/cgroup has to be writable"),
        ("v1", 0, "root"),
    ],
)
def test_a_user_who_may_not_is_told_which_limit_and_what_to_do(
    mode: str, uid: int, remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    unified = "/c" if mode == "v2" else None
    layout = cgroups.Layout(mode, {"memory": "/c"}, unified, {"/c": ""}, own={"/c": "/c/me"})
    with pytest.raises(UnsupportedError, match="memory limit: this user may not") as caught:
        cgroups.create(layout, cgroups.new_name(), (MEMORY,))
    assert '"/c/me" is not writable' in str(caught.value)
    assert remedy in caught.value.hint


def test_there_is_nothing_to_sweep_where_groups_can_t_be_made() -> None:
    assert cgroups.sweep(cgroups.Layout("none", {}, None, {})) == 0
    assert cgroups.sweep(cgroups.Layout("v2", {}, "/c", {"/c": ""})) == 0


def test_importing_it_is_cheap() -> None:
    heavy = "{'typing', 're', 'enum', 'ctypes', 'dataclasses', 'json', 'signal', 'subprocess'}"
    code = f"import sys; from wardian.kernel import cgroups; print({heavy} & set(sys.modules))"
    path = os.pathsep.join(entry for entry in sys.path if entry)
    done = subprocess.run(
        [
            sys.executable,
            "-I",
            "-S",
            "-c",
            f"import sys; sys.path[:0] = {path!r}.split(':'); {code}",
        ],
        capture_output=True,
        check=True,
        text=True,
    )
    assert done.stdout.strip() == "set()"
