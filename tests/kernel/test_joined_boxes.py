"""A further process cloned in a running box's namespaces, with mounts of its own."""

import os

import pytest

import wardian
from wardian.runtime import launch
from wardian.runtime.plan import Plan
from wardian.runtime.step import Step

pytestmark = pytest.mark.root

# linux/sched.h
CLONE_NEWNS, CLONE_NEWIPC, CLONE_NEWPID = 0x20000, 0x8000000, 0x20000000
# linux/mount.h
MS_RDONLY, MS_NODEV, MS_REMOUNT, MS_BIND = 1, 4, 32, 4096


def test_a_process_in_a_box_s_namespaces_mounts_for_itself_alone() -> None:
    box = wardian.Container(["sleep", "60"])
    box.start(stdin=wardian.DEVNULL, stdout=wardian.DEVNULL, stderr=wardian.DEVNULL)
    joins = [os.open(f"/proc/{box.pid}/ns/{kind}", os.O_RDONLY) for kind in ("net", "uts", "mnt")]
    reading, writing = os.pipe()
    null = os.open(os.devnull, os.O_RDWR)
    script = (
        "cat /proc/mounts; mkdir /tmp/a /tmp/b /tmp/c /tmp/d /tmp/e; ls /proc | grep -c '^[0-9]'"
    )
    steps = [
        Step("mount_within", ("proc", "/proc", "proc", 0, ""), ""),
        Step("mount_within", ("own", "/tmp", "tmpfs", MS_NODEV, "size=64k,nr_inodes=5"), ""),
        Step("mount_within", ("", "/tmp", "", MS_REMOUNT | MS_BIND | MS_NODEV, ""), ""),
        Step("init", (0,), ""),
        Step("stdio", (), ""),
        Step("exec", ("/bin/sh", ("/bin/sh", "-c", script), ("PATH=/usr/bin:/bin",)), ""),
    ]
    flags = CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWPID
    try:
        plan = Plan(tuple(steps), flags).encode({})
        joined = launch.request(plan, [null, writing, writing], clone_flags=flags, joins=joins)
        joined.start()
        outcome = joined.wait()
        joined.close()
        os.close(writing)
        with open(reading, encoding="utf-8") as file:
            text = file.read()
        assert outcome is not None
        assert "own /tmp tmpfs rw,nodev,relatime,size=64k,nr_inodes=5" in text
        assert "No space left on device" in text  # five directories and its own root are six inodes
        assert text.splitlines()[-1] in {"3", "4", "5"}  # init, sh and what counts: not the box's
        with open(f"/proc/{box.pid}/mounts", encoding="utf-8") as file:
            assert "own /tmp" not in file.read()
    finally:
        for fd in (*joins, null):
            os.close(fd)
        box.kill(9)
        box.wait()
