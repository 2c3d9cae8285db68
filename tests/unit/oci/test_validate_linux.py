"""Devices, interfaces, paths and the smaller parts of `linux` make sense."""

from typing import Any

import pytest

from wardian.errors import SpecError
from wardian.oci import validate


def checked(**linux: Any) -> Any:
    kinds = ("mount", "network")
    linux.setdefault("namespaces", [{"type": each} for each in kinds])
    return validate.check({"ociVersion": "1.2.0", "root": {"path": "r"}, "linux": linux})["linux"]


def fault(**linux: Any) -> str:
    with pytest.raises(SpecError) as caught:
        checked(**linux)
    return f"{caught.value} | {caught.value.hint}"


def device(**fields: Any) -> Any:
    return [{"type": "c", "path": "/dev/a", "major": 1, "minor": 3, **fields}]


def test_a_device_has_numbers_unless_it_is_a_pipe() -> None:
    for fine in (device(), device(type="u"), device(type="b", major=0, minor=2**20 - 1)):
        assert checked(devices=fine)["devices"] == fine
    pipe = [{"type": "p", "path": "/dev/pipe"}]
    assert checked(devices=pipe)["devices"] == pipe
    assert "devices[0].major: is missing" in fault(
        devices=[{"type": "c", "path": "/a", "minor": 1}]
    )
    assert "devices[0].minor: is missing" in fault(devices=device(minor=None))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"type": "a"}, "type: unknown word"),
        ({"path": "dev/a"}, "path: must be an absolute path"),
        ({"path": "/dev/../../etc/passwd"}, 'path: must be a path without ".."'),
        ({"path": "/dev/a\0"}, "path: must be a string without NUL"),
        ({"major": -1}, "major: must be from 0 to 4095"),
        ({"major": 4096}, "major: must be from 0 to 4095"),
        ({"minor": 2**20}, "minor: must be from 0 to 1048575"),
        ({"minor": True}, "minor: must be a whole number"),
        ({"fileMode": -1}, "fileMode: must be from 0"),
        ({"uid": 2**32}, "uid: must be from 0"),
    ],
)
def test_a_device_that_the_kernel_would_not_make_is_refused(fields: Any, words: str) -> None:
    assert f"linux.devices[0].{words}" in fault(devices=device(**fields))


def test_an_interface_has_a_name_that_the_kernel_takes() -> None:
    fine = {"eth0": {}, "eth1": {"name": "net%d"}, "eth2": {"name": "net%d"}, "é" * 7: {}}
    assert checked(netDevices=fine)["netDevices"] == fine
    for name in ("x" * 16, "a/b", "a b", "a:b", ".", "..", "a\n"):
        assert "can't be the name of an interface" in fault(netDevices={name: {}})
        assert "can't be the name of an interface" in fault(netDevices={"eth0": {"name": name}})
    assert '"a" stands twice' in fault(netDevices={"a": {}, "b": {"name": "a"}})
    assert "needs a network namespace" in fault(netDevices={"a": {}}, namespaces=[])


def test_masked_and_read_only_paths_are_absolute_and_need_a_mount_namespace() -> None:
    for key in ("maskedPaths", "readonlyPaths"):
        assert checked(**{key: ["/proc/a", "/x/../y"]})[key] == ["/proc/a", "/x/../y"]
        assert f"linux.{key}[0]: must be an absolute path" in fault(**{key: ["proc"]})
        assert f"linux.{key}: needs a mount namespace" in fault(**{key: ["/a"], "namespaces": []})
        checked(**{key: [], "namespaces": []})


def test_a_cgroup_does_not_climb() -> None:
    for path in ("/a/b", "a..b", "", "system.slice:docker:0123"):
        assert checked(cgroupsPath=path)["cgroupsPath"] == path
    for path in ("..", "/a/../../b", "../a"):
        assert "linux.cgroupsPath: must have no" in fault(cgroupsPath=path)


@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ({"mode": "MPOL_BIND"}, "nodes: is missing, and MPOL_BIND needs it"),
        ({"mode": "MPOL_DEFAULT", "nodes": "0"}, "nodes: must be empty for MPOL_DEFAULT"),
        ({"mode": "MPOL_LOCAL", "nodes": "0"}, "nodes: must be empty for MPOL_LOCAL"),
        ({"mode": "MPOL_BIND", "nodes": "x"}, "nodes: no list of memory nodes"),
        ({"mode": "MPOL_ALL"}, "mode: unknown word"),
        ({"nodes": "0"}, "mode: is missing"),
        (
            {
                "mode": "MPOL_PREFERRED",
                "flags": ["MPOL_F_STATIC_NODES", "MPOL_F_RELATIVE_NODES"],
            },
            "flags: MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES",
        ),
    ],
)
def test_a_memory_policy_is_what_the_kernel_takes(policy: Any, words: str) -> None:
    assert f"linux.memoryPolicy.{words}" in fault(memoryPolicy=policy)


def test_a_good_memory_policy_comes_back() -> None:
    for mode, nodes in (("MPOL_BIND", "0-1"), ("MPOL_PREFERRED", ""), ("MPOL_LOCAL", "")):
        policy = {"mode": mode, "nodes": nodes}
        assert checked(memoryPolicy=policy)["memoryPolicy"] == policy


def test_the_schemata_of_a_class_are_lines_and_the_class_is_a_name() -> None:
    assert checked(intelRdt={"closID": "/"})["intelRdt"] == {"closID": "/"}
    for name in ("..", ".", "a/b", "/a", "a\nb"):
        assert "linux.intelRdt.closID: must be the name" in fault(intelRdt={"closID": name})
    assert "memBwSchema: must be one line" in fault(intelRdt={"memBwSchema": "L3:0=f"})
    assert "memBwSchema: must be one line" in fault(intelRdt={"memBwSchema": "MB:0=5\nL3:0=f"})
    assert "schemata[1]: must be one line" in fault(intelRdt={"schemata": ["a", "b\nc"]})


def test_metadata_for_a_listener_need_a_listener_and_a_rule_needs_names() -> None:
    allow = "SCMP_ACT_ALLOW"
    lonely = {"defaultAction": allow, "listenerMetadata": "x"}
    assert "linux.seccomp.listenerMetadata: needs listenerPath" in fault(seccomp=lonely)
    nameless = {"defaultAction": allow, "syscalls": [{"names": [], "action": allow}]}
    assert "linux.seccomp.syscalls[0].names: needs one name" in fault(seccomp=nameless)
    assert "linux.seccomp.defaultAction: is missing" in fault(seccomp={})


def test_a_personality_has_a_domain_and_no_flags() -> None:
    linux = {"domain": "LINUX"}
    assert checked(personality=linux)["personality"] == linux
    assert "linux.personality.domain: is missing" in fault(personality={})
    assert "no flags are supported" in fault(personality={**linux, "flags": ["ADDR_NO_RANDOMIZE"]})
    assert "linux.rootfsPropagation: unknown word" in fault(rootfsPropagation="shard")
