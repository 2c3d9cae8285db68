"""The parts of a config.json fit each other and what the kernel takes."""

from typing import Any

import pytest

from tests import oci_configs
from wardian.errors import SpecError
from wardian.oci import validate
from wardian.oci.validate_rules import sysctl_words

ALL = ("pid", "network", "mount", "ipc", "uts", "cgroup")


def document(*namespaces: str, linux: Any = None, **fields: Any) -> Any:
    return {
        "ociVersion": "1.2.0",
        "root": {"path": "rootfs"},
        "linux": {"namespaces": [{"type": each} for each in namespaces], **(linux or {})},
        **fields,
    }


def faults(spoiled: Any) -> str:
    with pytest.raises(SpecError) as caught:
        validate.check(spoiled)
    return f"{caught.value} | {caught.value.hint}"


def fault(spoiled: Any) -> str:
    with pytest.raises(SpecError) as caught:
        validate.check(spoiled)
    assert caught.value.hint == ""
    return str(caught.value)


@pytest.mark.parametrize(
    "version", ["1.0.0", "1.0.2-dev", "1.1.0-rc.1", "1.2.1+build.5", "1.99.0-a-b.7+x-y", "1.0.0--"]
)
def test_versions_of_the_first_specification_are_taken(version: str) -> None:
    assert validate.check(document(ociVersion=version))["ociVersion"] == version


@pytest.mark.parametrize(
    "version",
    ["1", "1.0", "1.0.0.0", "v1.0.0", "1.0.0-", "1.0.0+", "1.0.0-a..b", "01.0.0", "1.²", "1.0.x"],
)
def test_what_is_no_version_is_refused(version: str) -> None:
    assert fault(document(ociVersion=version)).startswith("ociVersion: must be a version such as")


@pytest.mark.parametrize("version", ["0.1.0", "2.0.0", "11.0.0"])
def test_other_specifications_are_refused(version: str) -> None:
    assert "is not version 1" in fault(document(ociVersion=version))


def test_a_namespace_stands_once_and_is_of_a_known_kind() -> None:
    assert fault(document("pid", "uts", "pid")) == 'linux.namespaces[2].type: "pid" stands twice'
    assert fault(document("nets")).startswith('linux.namespaces[0].type: unknown word "nets"')
    assert fault(document("mnt")).startswith('linux.namespaces[0].type: unknown word "mnt"')
    nameless = document(linux={"namespaces": [{"path": "/proc/1/ns/pid"}]})
    assert fault(nameless) == "linux.namespaces[0].type: is missing"
    relative = document(linux={"namespaces": [{"type": "pid", "path": "proc/1/ns/pid"}]})
    assert fault(relative).startswith("linux.namespaces[0].path: must be an absolute path")
    empty = document(linux={"namespaces": [{"type": "pid", "path": ""}]})
    assert validate.check(empty)["linux"]["namespaces"] == [{"type": "pid", "path": ""}]


def mount(**fields: Any) -> Any:
    return document("mount", mounts=[{"destination": "/a", "type": "tmpfs", **fields}])


def test_a_relative_destination_is_taken_from_the_root_with_a_warning() -> None:
    """config.md: a relative path MUST be interpreted as relative to "/"."""
    warnings: list[str] = []
    found = validate.check(mount(destination="a/b"), warnings)
    assert found["mounts"][0]["destination"] == "/a/b"
    assert warnings == ['mounts[0].destination: "a/b" is relative: taken from /']


@pytest.mark.parametrize("target", ["/..", "/a/../../b", "..", "../a", "a/..", "/../../../etc"])
def test_a_destination_does_not_climb(target: str) -> None:
    assert 'mounts[0].destination: must have no ".."' in fault(mount(destination=target))


def test_a_destination_may_have_dots_in_its_names() -> None:
    for target in ("/a..b", "/..a", "/a/.../b", "/."):
        assert validate.check(mount(destination=target))["mounts"][0]["destination"] == target


def test_a_mount_is_a_bind_mount_or_has_a_type() -> None:
    assert "mounts[0].type: is missing" in fault(mount(type=None))
    assert "mounts[0].type: is missing" in fault(mount(type="", options=["ro"]))
    assert "mounts[0].source: is missing" in fault(mount(options=["rbind"]))
    for options in (["bind"], ["rbind", "ro"], ["remount", "ro"]):
        validate.check(mount(type=None, source="x", options=options))


def test_the_maps_of_a_mount_need_each_other() -> None:
    maps = [{"containerID": 0, "hostID": 1, "size": 1}]
    alone = mount(uidMappings=maps)
    assert fault(alone) == "mounts[0].uidMappings: uidMappings and gidMappings need each other"
    assert "gidMappings" in fault(mount(gidMappings=maps, uidMappings=[]))
    empty = [{"containerID": 0, "hostID": 1, "size": 0}]
    both = mount(uidMappings=empty, gidMappings=maps)
    assert fault(both) == "mounts[0].uidMappings[0].size: must not be 0"


def test_a_mapped_mount_without_maps_needs_a_user_namespace() -> None:
    for option in ("idmap", "ridmap"):
        spoiled = mount(source="/x", options=["bind", option])
        assert fault(spoiled).startswith("mounts[0].options: idmap needs uidMappings")
        maps = {
            each: oci_configs.podman()["linux"][each] for each in ("uidMappings", "gidMappings")
        }
        spoiled["linux"]["namespaces"].append({"type": "user"})
        spoiled["linux"] |= maps
        validate.check(spoiled)


def test_a_name_of_the_host_is_not_changed() -> None:
    for key in ("hostname", "domainname"):
        assert fault(document("pid", **{key: "a"})).startswith(f"{key}: needs a uts namespace")
        assert validate.check(document("uts", **{key: "a" * 64}))[key] == "a" * 64
        assert fault(document("uts", **{key: "a" * 65})) == f"{key}: is longer than 64 bytes"
        assert fault(document("uts", **{key: "é" * 33})) == f"{key}: is longer than 64 bytes"
        validate.check(document("pid", **{key: ""}))


def mapped(uids: Any, gids: Any = None, *namespaces: str, **fields: Any) -> Any:
    lines = {"uidMappings": uids, "gidMappings": uids if gids is None else gids}
    return document(*(namespaces or ("user",)), linux=lines, **fields)


def line(inside: int, outside: int, size: int) -> dict[str, int]:
    return {"containerID": inside, "hostID": outside, "size": size}


def test_a_new_user_namespace_has_maps_and_maps_have_a_user_namespace() -> None:
    fine = [line(0, 1000, 1)]
    validate.check(mapped(fine))
    text = faults(document("user"))
    assert "linux.uidMappings: is missing, and a new user namespace needs one" in text
    assert "linux.gidMappings: is missing" in text
    assert "linux.gidMappings: is missing" in fault(mapped(fine, []))
    assert "linux.uidMappings: needs a user namespace" in faults(mapped(fine, None, "pid"))
    validate.check(mapped([], [], "pid"))
    joined = document(linux={"namespaces": [{"type": "user", "path": "/proc/1/ns/user"}]})
    validate.check(joined)


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ([line(0, 1, 0)], "[0].size: must not be 0"),
        ([line(0, 100, 10), line(5, 200, 10)], "[1].containerID: overlaps"),
        ([line(0, 100, 10), line(10, 109, 1)], "[1].hostID: overlaps"),
        ([line(0, 100, 10), line(9, 50, 60)], "[1].containerID: overlaps"),
        ([line(0, 2**32 - 2, 2)], "[0].size: 2 from 4294967294 goes past the last id"),
        ([line(5, 0, 2**32 - 1)], "[0].size: 4294967295 from 5 goes past the last id"),
        ([line(number, number, 1) for number in range(341)], ": has 341 lines"),
    ],
)
def test_a_map_is_what_the_kernel_takes(lines: Any, words: str) -> None:
    assert f"linux.uidMappings{words}" in faults(mapped(lines, [line(0, 0, 1)]))
    assert f"linux.gidMappings{words}" in faults(mapped([line(0, 0, 1)], lines))


def test_the_largest_maps_are_taken() -> None:
    validate.check(mapped([line(0, 0, 2**32 - 1)]))
    validate.check(mapped([line(number, number, 1) for number in range(340)]))
    assert "size: is missing" in faults(mapped([{"containerID": 0, "hostID": 0}]))


def test_a_process_has_ids_that_its_user_namespace_has() -> None:
    fine = [line(0, 1000, 1), line(5, 2000, 10)]
    for uid, gid, more in ((0, 0, []), (5, 14, [6, 7]), (0, 5, [0])):
        user = {"uid": uid, "gid": gid, "additionalGids": more}
        validate.check(mapped(fine, process={"args": ["a"], "cwd": "/", "user": user}))
    user = {"uid": 1, "gid": 15, "additionalGids": [4]}
    text = faults(mapped(fine, process={"args": ["a"], "cwd": "/", "user": user}))
    assert "process.user.uid: 1 is not in linux.uidMappings" in text
    assert "process.user.gid: 15 is not in linux.gidMappings" in text
    assert "process.user.gid: 4 is not in linux.gidMappings" in text
    without_root = mapped([line(5, 5, 1)], process={"args": ["a"], "cwd": "/"})
    assert "process.user.uid: 0 is not in linux.uidMappings" in faults(without_root)


def test_time_offsets_need_a_new_time_namespace_and_known_clocks() -> None:
    offsets = {"timeOffsets": {"boottime": {"secs": -5, "nanosecs": 999_999_999}}}
    validate.check(document("time", linux=offsets))
    assert fault(document("pid", linux=offsets)) == "linux.timeOffsets: needs a time namespace"
    validate.check(document("pid", linux={"timeOffsets": {}}))
    joined = {"namespaces": [{"type": "time", "path": "/proc/1/ns/time"}], **offsets}
    assert "that is joined by its path" in fault(document(linux=joined))
    realtime = document("time", linux={"timeOffsets": {"realtime": {"secs": 1}}})
    assert fault(realtime) == "linux.timeOffsets.realtime: no such clock: monotonic or boottime"
    long = document("time", linux={"timeOffsets": {"boottime": {"nanosecs": 10**9}}})
    assert "linux.timeOffsets.boottime.nanosecs: must be from 0 to 999999999" in fault(long)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("net.ipv4.ip_forward", "network"),
        ("net/ipv4/ip_forward", "network"),
        ("net.ipv4.conf.eth0/100.forwarding", "network"),
        ("kernel.shm_rmid_forced", "ipc"),
        ("kernel/msgmax", "ipc"),
        ("fs.mqueue.msg_max", "ipc"),
        ("kernel.domainname", "uts"),
        ("user.max_user_namespaces", "user"),
    ],
)
def test_a_sysctl_needs_the_namespace_that_it_belongs_to(name: str, kind: str) -> None:
    others = [each for each in ALL if each != kind]
    sysctl = {"sysctl": {name: "1"}}
    text = fault(document(*others, linux=sysctl))
    assert text == f"linux.sysctl.{name}: needs a {kind} namespace, or the host's would be changed"
    if kind != "user":
        validate.check(document(*ALL, linux=sysctl))


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("vm.overcommit_memory", "belongs to the whole machine"),
        ("kernel.core_pattern", "belongs to the whole machine"),
        ("fs.file-max", "belongs to the whole machine"),
        ("kernel", "belongs to the whole machine"),
        ("kernel.hostname", "is what hostname is for"),
        ("net/../kernel/core_pattern", "no name of a sysctl"),
        ("net.ipv4...kernel", "no name of a sysctl"),
        ("net/./x", "no name of a sysctl"),
        ("net.//.kernel.core_pattern", "no name of a sysctl"),
        ("/net/ipv4", "no name of a sysctl"),
        ("net.", "no name of a sysctl"),
        (".net", "no name of a sysctl"),
    ],
)
def test_a_sysctl_of_the_machine_or_of_a_path_that_climbs_is_refused(name: str, words: str) -> None:
    spoiled = document(*ALL, linux={"sysctl": {name: "1"}})
    assert words in fault(spoiled)


def test_the_first_separator_of_a_sysctl_counts() -> None:
    assert sysctl_words("net.ipv4.conf.eth0/100.forwarding") == [
        *("net", "ipv4", "conf", "eth0.100", "forwarding")
    ]
    assert sysctl_words("net/ipv4/conf/eth0.100/forwarding") == [
        *("net", "ipv4", "conf", "eth0.100", "forwarding")
    ]
    assert sysctl_words("kernel") == ["kernel"]


def test_a_hook_has_an_absolute_path_and_a_timeout_above_zero() -> None:
    def hooks(**fields: Any) -> Any:
        return document(hooks={"poststop": [{"path": "/bin/true", **fields}]})

    validate.check(hooks(timeout=1, args=[], env=["no sign of equality"]))
    for value in (0, -1, 2**31):
        assert fault(hooks(timeout=value)).startswith("hooks.poststop[0].timeout: must be from 1")
    assert "must be an absolute path" in fault(hooks(path="true"))
    assert fault(document(hooks={"prestart": [{}]})) == "hooks.prestart[0].path: is missing"
    assert fault(document(hooks=[])) == "hooks: must be an object, not a list"


def test_annotations_are_strings_with_keys() -> None:
    validate.check(document(annotations={"a": "", "org.systemd.property.X": "'y'"}))
    assert fault(document(annotations={"": "x"})) == "annotations: must not have an empty key"
    assert fault(document(annotations={"a": 1})) == "annotations.a: must be a string, not 1"
