"""config-linux.md and runtime-linux.md: namespaces, ids, devices, paths, cgroups, seccomp."""

import os
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.boxes import Box, differs
from tests.machine import missing

pytestmark = pytest.mark.root

# The kind of a namespace, and its file in /proc/PID/ns.
FILES = {
    "pid": "pid",
    "network": "net",
    "mount": "mnt",
    "ipc": "ipc",
    "uts": "uts",
    "cgroup": "cgroup",
    "user": "user",
    "time": "time",
}
DEFAULT_DEVICES = {
    "null": (1, 3),
    "zero": (1, 5),
    "full": (1, 7),
    "random": (1, 8),
    "urandom": (1, 9),
    "tty": (5, 0),
}
LINKS = {
    "fd": "/proc/self/fd",
    "stdin": "/proc/self/fd/0",
    "stdout": "/proc/self/fd/1",
    "stderr": "/proc/self/fd/2",
}


def namespace(pid: int | str, kind: str) -> str:
    return os.readlink(f"/proc/{pid}/ns/{FILES[kind]}")


# ---- namespaces


@pytest.mark.parametrize(
    "kind",
    [
        *("pid", "network", "mount", "ipc", "uts", "cgroup"),
        pytest.param("time", marks=differs(runc="has none before 1.2")),
    ],
)
def test_a_namespace_without_a_path_is_a_new_one(box: Box, kind: str) -> None:
    kinds = {"pid", "network", "mount", "ipc", "uts", kind}
    box.namespaces(*sorted(kinds))
    pid = box.created()
    assert namespace(pid, kind) != namespace("self", kind)


@pytest.mark.parametrize("kind", ["pid", "network", "ipc", "uts", "cgroup", "user", "time"])
def test_a_namespace_that_is_not_listed_is_the_runtime_s(box: Box, kind: str) -> None:
    box.namespaces(*({"pid", "network", "mount", "ipc", "uts"} - {kind}))
    if kind == "uts":
        del box.config["hostname"]
    if kind == "network":  # sysfs needs a network namespace of one's own
        box.config["mounts"].pop()
    pid = box.created()
    assert namespace(pid, kind) == namespace("self", kind)


@contextmanager
def held(*options: str) -> Iterator[int]:
    """A process in new namespaces; the kernel keeps them while it lives."""
    with subprocess.Popen(
        ["unshare", *options, "sh", "-c", "echo in; read line"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout
        process.stdout.readline()
        try:
            yield process.pid
        finally:
            assert process.stdin
            process.stdin.close()


@pytest.mark.parametrize(
    ("kind", "option"),
    [("network", "--net"), ("ipc", "--ipc"), ("uts", "--uts"), ("cgroup", "--cgroup")],
)
def test_a_namespace_with_a_path_is_joined(box: Box, kind: str, option: str) -> None:
    with held(option) as owner:
        others = {"pid", "network", "mount", "ipc", "uts"} - {kind}
        box.namespaces(*others, **{kind: f"/proc/{owner}/ns/{FILES[kind]}"})
        pid = box.created()
        assert namespace(pid, kind) == namespace(owner, kind)


def test_a_pid_namespace_with_a_path_is_joined(box: Box) -> None:
    with held("--pid", "--fork", "--kill-child") as owner:
        child = int(Path(f"/proc/{owner}/task/{owner}/children").read_text())
        box.namespaces("network", "mount", "ipc", "uts", pid=f"/proc/{child}/ns/pid")
        pid = box.created("sleep 1000")
        assert namespace(pid, "pid") == namespace(child, "pid")
        box.kill("KILL")


def test_a_path_to_another_kind_of_namespace_is_an_error(box: Box) -> None:
    box.namespaces("pid", "mount", "ipc", "uts", network="/proc/self/ns/uts")
    box.refused()
    (box.directory / "file").touch()
    box.namespaces("pid", "mount", "ipc", "uts", network=str(box.directory / "file"))
    box.refused()


def test_a_path_that_is_not_absolute_or_not_there_is_an_error(box: Box) -> None:
    box.namespaces("pid", "mount", "ipc", "uts", network="proc/self/ns/net")
    box.refused()
    box.namespaces("pid", "mount", "ipc", "uts", network="/no/such/namespace")
    box.refused("/no/such/namespace")


def test_a_namespace_that_stands_twice_is_an_error(box: Box) -> None:
    box.namespaces("pid", "mount", "ipc", "uts", "network", "uts")
    box.refused()


def test_a_kind_of_namespace_that_is_unknown_is_an_error(box: Box) -> None:
    box.namespaces("pid", "mount", "nothing")
    box.refused()


# ---- ids and time


def test_ids_are_mapped_as_asked_for(box: Box) -> None:
    box.maps((0, 100000, 1000), (1000, 200000, 5))
    found = box.says("cat /proc/self/uid_map; echo; cat /proc/self/gid_map")
    lines = [line.split() for line in found.splitlines() if line]
    assert lines == [["0", "100000", "1000"], ["1000", "200000", "5"]] * 2


def test_mapping_ids_changes_no_owner_in_the_root(box: Box) -> None:
    before = (box.rootfs / "bin" / "busybox").stat()
    box.maps((0, 100000, 65536))
    assert box.says("id -u") == "0"
    after = (box.rootfs / "bin" / "busybox").stat()
    assert (before.st_uid, before.st_gid) == (after.st_uid, after.st_gid)


@differs(runc="has no time namespace before 1.2")
def test_clocks_have_their_offset(box: Box) -> None:
    box.linux["namespaces"].append({"type": "time"})
    box.linux["timeOffsets"] = {"boottime": {"secs": 1_000_000}, "monotonic": {"secs": 7}}
    lines = [line.split() for line in box.says("cat /proc/self/timens_offsets").splitlines()]
    assert lines == [["monotonic", "7", "0"], ["boottime", "1000000", "0"]]
    uptime = float(box.says("cut -d' ' -f1 /proc/uptime"))
    assert uptime > 1_000_000


# ---- files that are there


def test_the_usual_file_systems_are_there(box: Box) -> None:
    lines = [line.split() for line in box.says("cat /proc/self/mounts").splitlines()]
    found = {line[1]: line[2] for line in lines}
    wanted = {"/proc": "proc", "/sys": "sysfs", "/dev/pts": "devpts", "/dev/shm": "tmpfs"}
    assert {key: found[key] for key in wanted} == wanted


@pytest.mark.parametrize("name", DEFAULT_DEVICES)
def test_the_default_devices_are_there(box: Box, name: str) -> None:
    pid = box.created()
    found = Path(f"/proc/{pid}/root/dev/{name}").stat()
    assert stat.S_ISCHR(found.st_mode)
    assert (os.major(found.st_rdev), os.minor(found.st_rdev)) == DEFAULT_DEVICES[name]
    assert stat.S_IMODE(found.st_mode) == 0o666


def test_the_multiplexer_is_that_of_the_container(box: Box) -> None:
    found = box.says(
        "stat -L -c %t:%T /dev/ptmx; readlink -f /dev/ptmx; "
        "grep -c ' /dev/ptmx ' /proc/self/mounts || true"
    )
    lines = found.splitlines()
    assert lines[0] == "5:2"
    assert lines[1] == "/dev/pts/ptmx" or lines[2] == "1"


def test_there_is_no_console_without_a_terminal(box: Box) -> None:
    assert box.says("grep -c ' /dev/console ' /proc/self/mounts || true") == "0"


@pytest.mark.parametrize("name", LINKS)
def test_the_links_to_descriptors_are_there(box: Box, name: str) -> None:
    pid = box.created()
    assert os.readlink(f"/proc/{pid}/root/dev/{name}") == LINKS[name]


@differs(runc="needs /proc itself")
def test_without_proc_the_links_to_descriptors_are_not_needed(box: Box) -> None:
    box.config["mounts"] = [each for each in box.config["mounts"] if each["destination"] != "/proc"]
    assert box.says("echo fine") == "fine"


def test_only_the_standard_streams_are_open(box: Box) -> None:
    extra = os.open("/dev/null", os.O_RDONLY)
    box.shell("cd /proc/self/fd; echo *")
    box.write()
    done = box.command(*("run", "--bundle", str(box.bundle), box.name), pass_fds=(extra,))
    os.close(extra)
    # and 3, with which the shell reads the directory
    assert set(done.stdout.split()) == {"0", "1", "2", "3"}


# ---- devices that were asked for


def test_a_device_has_its_numbers_mode_and_owner(box: Box) -> None:
    box.linux["devices"] = [
        {
            "path": "/dev/mine",
            "type": "c",
            "major": 10,
            "minor": 229,
            "fileMode": 0o640,
            "uid": 5,
            "gid": 6,
        },
        {"path": "/other/disk", "type": "b", "major": 7, "minor": 200, "fileMode": 0o600},
        {"path": "/dev/pipe", "type": "p", "fileMode": 0o644},
    ]
    pid = box.created()
    root = Path(f"/proc/{pid}/root")
    mine = (root / "dev/mine").stat()
    assert stat.S_ISCHR(mine.st_mode)
    assert (os.major(mine.st_rdev), os.minor(mine.st_rdev)) == (10, 229)
    assert stat.S_IMODE(mine.st_mode) == 0o640
    assert (mine.st_uid, mine.st_gid) == (5, 6)
    disk = (root / "other/disk").stat()
    assert stat.S_ISBLK(disk.st_mode)
    assert (os.major(disk.st_rdev), os.minor(disk.st_rdev)) == (7, 200)
    assert stat.S_ISFIFO((root / "dev/pipe").stat().st_mode)


@differs(runc="leaves the file that is there", crun="likewise")
def test_a_file_that_is_not_the_device_is_an_error(box: Box) -> None:
    (box.rootfs / "data").mkdir()
    (box.rootfs / "data" / "null").write_text("a file")
    box.linux["devices"] = [{"path": "/data/null", "type": "c", "major": 1, "minor": 3}]
    box.refused("/data/null")


@pytest.mark.parametrize(
    "device",
    [
        {"path": "/dev/a", "type": "x", "major": 1, "minor": 3},
        {"path": "/dev/a", "type": "c", "major": -1, "minor": 3},
    ],
)
def test_a_device_that_can_not_be_is_an_error(box: Box, device: Any) -> None:
    box.linux["devices"] = [device]
    box.refused()


# ---- control groups


def test_a_cgroup_path_is_relative_to_the_mount_point_and_always_the_same(box: Box) -> None:
    for _ in range(2):
        pid = box.created()
        for line in Path(f"/proc/{pid}/cgroup").read_text().splitlines():
            number, controllers, path = line.split(":", 2)
            if controllers in ("pids", "cpu", "freezer") or (number == "0" and path != "/"):
                assert path == box.cgroup
        assert box.cgroups()
        box.kill("KILL")
        box.ended(pid)
        assert box.delete().returncode == 0


def test_a_cgroup_path_may_be_left_out(box: Box) -> None:
    del box.linux["cgroupsPath"]
    assert box.says("echo fine") == "fine"


@differs(runc="takes the path without them")
def test_a_cgroup_path_that_climbs_is_an_error(box: Box) -> None:
    box.linux["cgroupsPath"] = f"/../..{box.cgroup}"
    box.refused("cgroupsPath")


def test_the_owner_of_control_groups_of_version_1_stays(box: Box) -> None:
    box.maps((0, 100000, 65536))
    box.created()
    for group in box.cgroups():
        if "unified" not in group:
            assert Path(group).stat().st_uid == 0


def test_resources_are_set(box: Box) -> None:
    box.linux["resources"] = {"pids": {"limit": 43}}
    box.created()
    (group,) = (each for each in box.cgroups() if Path(each, "pids.max").exists())
    assert Path(group, "pids.max").read_text() == "43\n"


def test_resources_that_are_wrong_are_an_error_and_leave_no_cgroup(box: Box) -> None:
    box.linux["resources"] = {"memory": {"limit": -7}}
    if box.create().returncode == 0:
        pytest.skip("the runtime takes a negative limit for none")
    box.linux["resources"] = {"hugepageLimits": [{"pageSize": "3MB", "limit": 0}]}
    box.refused()


def test_rules_for_devices_hold_in_the_listed_order(box: Box) -> None:
    deny = {"allow": False, "access": "rwm"}
    null = {"type": "c", "major": 1, "minor": 3}
    box.linux["resources"] = {"devices": [deny, {"allow": True, "access": "rw", **null}]}
    assert box.says("echo x > /dev/null && echo open") == "open"
    box.linux["resources"] = {
        "devices": [
            deny,
            {"allow": True, "type": "c", "major": 10, "minor": 229, "access": "rwm"},
            {"allow": False, "type": "c", "major": 10, "minor": 229, "access": "w"},
        ]
    }
    box.linux["devices"] = [{"path": "/dev/fuse", "type": "c", "major": 10, "minor": 229}]
    found = box.says("(: > /dev/fuse) 2>&1; (: < /dev/fuse) 2>&1 || true")
    assert "not permitted" in found.splitlines()[0]


def test_a_file_of_cgroup_2_whose_controller_is_not_there_is_an_error(box: Box) -> None:
    box.linux["resources"] = {"unified": {"nosuchcontroller.max": "1"}}
    box.refused()


@differs(runc="does not look at it")
def test_burst_is_no_larger_than_quota(box: Box) -> None:
    box.linux["resources"] = {"cpu": {"quota": 10000, "period": 100000, "burst": 20000}}
    box.refused()


# ---- paths


def test_a_masked_path_can_not_be_read(box: Box) -> None:
    (box.rootfs / "secrets").mkdir()
    (box.rootfs / "secrets" / "key").write_text("secret")
    (box.rootfs / "key").write_text("secret")
    box.linux["maskedPaths"] = ["/secrets", "/key", "/proc/kcore", "/no/such/file"]
    assert box.says("ls /secrets; cat /key; cat /proc/kcore; echo end") == "end"


def test_a_read_only_path_can_not_be_written(box: Box) -> None:
    (box.rootfs / "data").mkdir()
    box.linux["readonlyPaths"] = ["/data", "/proc/sys", "/no/such/file"]
    found = box.says("(touch /data/a; echo x > /proc/sys/kernel/hostname) 2>&1; echo end")
    assert found.count("Read-only file system") == 2


@pytest.mark.parametrize("key", ["maskedPaths", "readonlyPaths"])
@differs(runc="takes it", crun="takes it")
def test_a_path_to_mask_is_absolute(box: Box, key: str) -> None:
    box.linux[key] = ["proc/kcore"]
    box.refused(key)


_RUNC_LOSES_IT = differs(runc="loses it when the root changes, before 1.3")


@pytest.mark.parametrize(
    ("value", "tag"),
    [
        pytest.param("shared", "shared:", marks=_RUNC_LOSES_IT),
        pytest.param("slave", "master:", marks=_RUNC_LOSES_IT),
        ("private", ""),
        pytest.param("unbindable", "unbindable", marks=_RUNC_LOSES_IT),
    ],
)
def test_the_root_has_the_propagation_that_was_asked_for(box: Box, value: str, tag: str) -> None:
    root = str(box.rootfs)
    subprocess.run(["mount", "--bind", root, root], check=True)
    subprocess.run(["mount", "--make-shared", root], check=True)
    try:
        box.linux["rootfsPropagation"] = value
        lines = box.says("cat /proc/self/mountinfo").splitlines()
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8")
        assert mounts.count(f" {root}/") == 0, "mounts of the container are on the host"
        (line,) = (each for each in lines if each.split()[4] == "/")
        tags = line.partition(" - ")[0].split()[6:]
        assert any(each.startswith(tag) for each in tags) if tag else tags == []
    finally:
        while f" {root} " in Path("/proc/self/mountinfo").read_text(encoding="utf-8"):
            subprocess.run(["umount", "--recursive", "--lazy", root], check=True)


def test_a_sysctl_is_set(box: Box) -> None:
    box.linux["sysctl"] = {"net.ipv4.ip_forward": "1", "kernel.shmmni": "1234"}
    assert box.says("cat /proc/sys/net/ipv4/ip_forward /proc/sys/kernel/shmmni") == "1\n1234"


def test_a_sysctl_of_the_host_is_an_error(box: Box) -> None:
    box.linux["sysctl"] = {"vm.overcommit_memory": "1"}
    box.refused("vm.overcommit_memory")


@differs(runc="has no personality before 1.2")
def test_the_personality_is_set(box: Box) -> None:
    box.linux["personality"] = {"domain": "LINUX32"}
    assert box.says("uname -m") in ("i686", "armv8l")


@differs(runc="has no personality before 1.2")
def test_an_unknown_personality_is_an_error(box: Box) -> None:
    box.linux["personality"] = {"domain": "BSD"}
    box.refused("BSD")


# ---- what needs hardware


@differs(runc="goes on without")
def test_without_resctrl_a_class_of_service_is_an_error(box: Box) -> None:
    if "resctrl" in Path("/proc/self/mountinfo").read_text():
        pytest.skip("this machine has resctrl")
    box.linux["intelRdt"] = {"closID": "guaranteed"}
    box.refused()


@differs(runc="has no memoryPolicy before 1.4", crun="has none before 1.25")
def test_a_memory_policy_is_set(box: Box) -> None:
    if not Path("/proc/self/numa_maps").exists():
        missing("memory nodes (CONFIG_NUMA)")
    box.linux["memoryPolicy"] = {"mode": "MPOL_BIND", "nodes": "0"}
    assert "bind:0" in box.says("cat /proc/self/numa_maps")


@differs(runc="has no memoryPolicy before 1.4", crun="has none before 1.25")
def test_a_memory_policy_that_can_not_be_is_an_error(box: Box) -> None:
    box.linux["memoryPolicy"] = {"mode": "MPOL_BIND"}
    box.refused("memoryPolicy")
    box.linux["memoryPolicy"] = {"mode": "MPOL_DEFAULT", "nodes": "0"}
    box.refused("memoryPolicy")
