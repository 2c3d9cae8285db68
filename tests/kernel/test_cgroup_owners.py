"""Whose group it is: the dead's are swept, the living's left; a user who may not is told so."""

import os
import select
import subprocess
import sys
import threading

import pytest

from tests.groups import MIB, compiled, made, usable_layout
from wardian.errors import WardianError
from wardian.kernel import cgroup_layout, cgroups
from wardian.kernel.cgroups import Layout

pytestmark = pytest.mark.root


@pytest.fixture
def layout() -> Layout:
    return usable_layout()


OWNER = """
import subprocess, sys
from wardian.kernel import cgroups
layout = cgroups.detect()
place = "pids" if layout.mode != "v2" else "unified"
write = cgroups.CgroupWrite(place, "pids.max", "9", "pids limit")
group = cgroups.create(layout, cgroups.new_name(), (write,))
child = subprocess.Popen(["sleep", "600"], stdout=subprocess.DEVNULL)
group.attach(child.pid)
print(group.name, child.pid, flush=True)
sys.stdin.read()
"""


def owner() -> "tuple[subprocess.Popen[str], str, int]":
    paths = os.pathsep.join(sys.path)
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
    )
    assert process.stdout is not None
    name, pid = process.stdout.readline().split()
    return process, name, int(pid)


def test_what_a_killed_owner_left_is_swept_and_a_living_one_s_is_not(layout: Layout) -> None:
    dead, dead_name, orphan = owner()
    alive, alive_name, _pid = owner()
    orphan_fd = os.pidfd_open(orphan)
    mine = made(layout, {"pids": {"limit": 10}})
    try:
        cgroups.sweep(layout)
        assert cgroups.find(layout, dead_name) is not None
        dead.kill()
        dead.wait()
        cgroups.sweep(layout)
        assert cgroups.find(layout, dead_name) is None
        poll = select.poll()
        poll.register(orphan_fd, select.POLLIN)
        assert poll.poll(10_000), "the process in a dead owner's group ends"
        for name in (alive_name, mine.name):
            assert cgroups.find(layout, name) is not None
    finally:
        os.close(orphan_fd)
        for process in (dead, alive):
            process.kill()
            process.communicate()
        mine.remove()
        cgroups.sweep(layout)
    assert cgroups.find(layout, alive_name) is None


def test_groups_of_another_pid_namespace_are_left_alone(layout: Layout) -> None:
    name = f"wardian-{(1 << 22) - 1}-1-1-1"  # nobody here has that pid, but who knows over there
    group = cgroups.create(layout, name, ())
    try:
        cgroups.sweep(layout)
        assert cgroups.find(layout, name) is not None
    finally:
        group.remove()


def test_sixteen_threads_make_and_remove_at_once(layout: Layout) -> None:
    writes = compiled(layout, {"memory": {"limit": 64 * MIB}, "pids": {"limit": 5}})
    faults: list[WardianError] = []
    names: list[str] = []

    def work() -> None:
        try:
            for _ in range(10):
                group = cgroups.create(layout, cgroups.new_name(), writes)
                names.append(group.name)
                cgroups.sweep(layout)
                group.usage()
                group.remove()
        except WardianError as error:
            faults.append(error)

    threads = [threading.Thread(target=work) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert len(set(names)) == 160
    assert [name for name in names if cgroups.find(layout, name) is not None] == []


def test_an_ordinary_user_is_told_that_it_may_not(layout: Layout) -> None:
    place, file, remedy = "memory", "memory.limit_in_bytes", "run as root"
    if layout.mode == "v2":
        place, file, remedy = "unified", "memory.max", "systemd-run"
    code = (
        "import os, sys\n"
        "from wardian.kernel import cgroups\nfrom wardian.errors import UnsupportedError\n"
        "os.setgid(65534); os.setuid(65534)\n"  # after the imports: our files may be root's alone
        f"write = cgroups.CgroupWrite('{place}', '{file}', '1', 'memory limit')\n"
        "try: cgroups.create(cgroups.detect(), cgroups.new_name(), (write,))\n"
        "except UnsupportedError as error: print(error, '/', error.hint)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("memory limit: this user may not create control groups"), (
        done.stderr
    )
    assert remedy in done.stdout


def test_the_layout_is_looked_up_once() -> None:
    assert cgroups.detect() is cgroups.detect()
    first = cgroups.detect()
    cgroup_layout.forget()
    assert cgroups.detect() is not first
