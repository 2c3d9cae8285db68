"""The config.json to begin with is a good one, and has its parts where runc has them."""

from typing import Any

from wardian.oci import validate
from wardian.oci.example import example


def test_both_examples_are_taken_as_they_are() -> None:
    for rootless in (None, (1000, 100)):
        assert validate.check(example(rootless)) == example(rootless)


def test_each_example_is_one_s_own() -> None:
    first, second = example(), example()
    for key in ("args", "env"):
        first["process"][key].append("x")
    first["process"]["capabilities"]["bounding"].append("x")
    first["linux"]["maskedPaths"].clear()
    first["mounts"][4]["options"].clear()
    assert second == example()


def test_the_places_are_those_that_scripts_edit() -> None:
    spec = example()
    assert spec["process"]["terminal"] is True
    assert spec["process"]["args"] == ["sh"]
    assert spec["process"]["noNewPrivileges"] is True
    assert spec["root"] == {"path": "rootfs", "readonly": True}
    assert [mount["destination"] for mount in spec["mounts"]] == [
        *("/proc", "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/sys", "/sys/fs/cgroup")
    ]


def test_without_root_the_caller_is_the_only_user_inside() -> None:
    spec: Any = example((1000, 100))
    linux = spec["linux"]
    assert linux["uidMappings"] == [{"containerID": 0, "hostID": 1000, "size": 1}]
    assert linux["gidMappings"] == [{"containerID": 0, "hostID": 100, "size": 1}]
    kinds = {each["type"] for each in linux["namespaces"]}
    assert "user" in kinds
    assert "network" not in kinds
    assert "resources" not in linux
    assert not any("gid=5" in mount.get("options", ()) for mount in spec["mounts"])
    assert [mount["source"] for mount in spec["mounts"] if mount["destination"] == "/sys"] == [
        "/sys"
    ]
