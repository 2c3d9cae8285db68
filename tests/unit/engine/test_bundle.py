"""Options and a base give one OCI spec."""

from typing import Any

import pytest

from wardian.engine import bundle, profiles
from wardian.engine.accounts import Account
from wardian.engine.options import Options
from wardian.kernel import capabilities
from wardian.runtime.spec import Spec

ROOT = Account(uid=0, gid=0, groups=(), home="/root", name="root")
NOBODY = Account(uid=65534, gid=65534, groups=(7,), home="/", name="nobody")


def spec(account: Account = ROOT, *, ids: str = "host", **words: Any) -> Spec:
    """The spec of `true` with these options over a small base."""
    options = Options.parse(["true"], **words)
    base = bundle.Base([("/", ["/srv/root"])])
    return bundle.make_spec(options, base, account, ids=ids, seccomp=None)


def namespaces(found: Spec) -> set[str]:
    """The kinds of its new namespaces."""
    return {one["type"] for one in found["linux"]["namespaces"]}


def test_six_namespaces_are_the_default() -> None:
    assert namespaces(spec()) == {"mount", "pid", "ipc", "uts", "cgroup", "network"}


def test_namespaces_follow_the_options() -> None:
    assert "network" not in namespaces(spec(network="host"))
    assert "user" in namespaces(spec(ids="single"))
    assert "time" in namespaces(spec(time_offset=["boottime=5"]))


def test_root_has_docker_s_capabilities_and_none_are_inherited() -> None:
    sets = spec()["process"]["capabilities"]
    assert sets["effective"] == sets["bounding"] == list(profiles.DEFAULT_CAPABILITIES)
    assert sets["ambient"] == sets["inheritable"] == []


def test_another_user_has_only_what_was_added() -> None:
    sets = spec(NOBODY, cap_drop=["ALL"], cap_add=["net_bind_service"])["process"]["capabilities"]
    assert set(map(tuple, sets.values())) == {("CAP_NET_BIND_SERVICE",)}  # type: ignore[arg-type]
    assert spec(NOBODY)["process"]["capabilities"]["ambient"] == []


@pytest.mark.parametrize("ids", ["host", "range"])
def test_all_can_be_added_but_for_some(ids: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lacking = capabilities.mask(["SYS_RESOURCE"])
    monkeypatch.setattr(capabilities, "own", lambda: ~lacking)
    process = spec(ids=ids, cap_add=["ALL"], cap_drop=["SYS_ADMIN"])["process"]
    bounding = process["capabilities"]["bounding"]
    assert "CAP_SYS_TIME" in bounding
    assert "CAP_SYS_ADMIN" not in bounding
    assert ("CAP_SYS_RESOURCE" in bounding) == (ids == "range"), "what we lack we can't give"


def test_the_environment_has_defaults_that_can_be_replaced() -> None:
    assert "HOME=/root" in spec()["process"]["env"]
    env = spec(env=["HOME=/elsewhere"])["process"]["env"]
    assert env.count("HOME=/elsewhere") == 1
    assert "HOME=/root" not in env
    assert "TERM=xterm" in spec(tty=True)["process"]["env"]


def test_nothing_but_terminals_may_hold_device_nodes() -> None:
    for mount in spec(tmpfs=["/run"], volume=["/tmp:/data"])["mounts"]:
        if mount["destination"] != "/dev/pts":
            assert {"nodev", "rnodev"} & set(mount["options"]), mount


def test_a_file_can_be_hidden_behind_dev_null() -> None:
    found = {one["destination"]: one for one in spec(volume=["/dev/null:/etc/motd"])["mounts"]}
    assert "nodev" not in found["/etc/motd"]["options"]


@pytest.mark.parametrize("network", ["none", "host"])
def test_the_host_name_s_file_says_the_box_s_name(network: str) -> None:
    files = {path: data for path, _mode, data in spec(network=network)["wardian"]["files"]}
    assert files["/etc/hostname"] == b"wardian\n"
    assert ("/etc/hosts" in files) == (network == "none")


def test_deeper_mounts_come_after_those_above_them() -> None:
    found = spec(tmpfs=["/a/b/c", "/a", "/a/b"])["mounts"]
    asked = [one["destination"] for one in found if one["destination"].startswith("/a")]
    assert asked == ["/a", "/a/b", "/a/b/c"]


def test_a_terminal_group_needs_more_than_one_id() -> None:
    pts = {
        ids: next(one for one in spec(ids=ids)["mounts"] if one["destination"] == "/dev/pts")
        for ids in ("host", "range", "single")
    }
    assert "gid=5" in pts["range"]["options"]
    assert "gid=5" not in pts["single"]["options"]


@pytest.mark.parametrize("ids", ["single", "range"])
def test_the_host_s_network_shows_the_host_s_sys(ids: str) -> None:
    found = [one for one in spec(ids=ids, network="host")["mounts"] if one["destination"] == "/sys"]
    assert found[0]["type"] == "bind"
    assert "rro" in found[0]["options"]


def test_limits_are_only_there_when_asked_for() -> None:
    assert spec()["linux"]["resources"] == {}
    assert spec(memory="64m")["linux"]["resources"]["memory"] == {
        "limit": 64 << 20,
        "swap": 128 << 20,
    }
