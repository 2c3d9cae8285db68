"""Names, slices and properties; what systemd does with them is in tests/kernel."""

import pytest

from wardian.errors import SpecError, UnsupportedError
from wardian.kernel import systemd
from wardian.kernel.cgroups import BPF_DEVICES, CgroupWrite, Layout
from wardian.runtime import resources

V2 = ("memory", "cpu", "cpuset", "pids", "io", "devices")


def properties(document: object, *, is_root: bool = True) -> dict[str, object]:
    writes = resources.compile(document, mode="v2", controllers=V2, cpus="0-11")
    return {name: value for name, (_kind, value) in systemd.limits(writes, is_root=is_root)}


def test_every_limit_that_systemd_knows_becomes_its_property() -> None:
    assert properties(
        {
            "memory": {"limit": 64 << 20, "swap": 96 << 20, "reservation": 32 << 20},
            "cpu": {"shares": 512, "quota": 50000, "period": 200000, "cpus": "0,8-9", "mems": "0"},
            "pids": {"limit": 7},
            "blockIO": {"weight": 10},
            "unified": {"memory.high": "max", "memory.min": "4096"},
        }
    ) == {
        "MemoryMax": 64 << 20,
        "MemorySwapMax": 32 << 20,
        "MemoryLow": 32 << 20,
        "MemoryHigh": (1 << 64) - 1,
        "MemoryMin": 4096,
        "CPUWeight": 59,
        "CPUQuotaPerSecUSec": 250_000,
        "CPUQuotaPeriodUSec": 200_000,
        "AllowedCPUs": [0b00000001, 0b00000011],
        "AllowedMemoryNodes": [1],
        "TasksMax": 7,
        "IOWeight": 1,
    }


def test_a_quota_is_rounded_up_to_whole_per_cents() -> None:
    assert properties({"cpu": {"quota": 1001}})["CPUQuotaPerSecUSec"] == 20_000
    unlimited = properties({"cpu": {"quota": -1, "period": 50_000}})
    assert unlimited["CPUQuotaPerSecUSec"] == (1 << 64) - 1
    assert unlimited["CPUQuotaPeriodUSec"] == 50_000


def test_idle_is_weight_zero_and_what_systemd_lacks_is_left_to_the_files() -> None:
    assert properties({"cpu": {"idle": 1, "burst": 100}}) == {"CPUWeight": 0}


def devices(*lines: str, is_root: bool = True) -> dict[str, object]:
    write = CgroupWrite("unified", BPF_DEVICES, "\n".join(lines), "device rules")
    return {name: value for name, (_kind, value) in systemd.limits((write,), is_root=is_root)}


def test_device_rules_become_an_allow_list() -> None:
    found = devices("deny a *:* rwm", "allow c 1:3 rw", "allow b 8:0 r", "allow c *:* m")
    assert found == {
        "DevicePolicy": "strict",
        "DeviceAllow": [("/dev/char/1:3", "rw"), ("/dev/block/8:0", "r"), ("char-*", "m")],
    }
    assert devices("deny a *:* rwm", "allow a *:* rwm", "deny c 1:3 w") == {}
    assert devices("deny a *:* rwm", is_root=False) == {}


def test_without_a_limit_of_processes_systemd_s_default_is_lifted() -> None:
    row = dict(systemd.properties(77, "machine.slice", (), is_root=True))
    assert row["TasksMax"] == ("t", (1 << 64) - 1)
    assert row["PIDs"] == ("au", [77])
    assert row["Delegate"] == ("b", True)
    assert row["Slice"] == ("s", "machine.slice")


def test_a_container_s_path_names_slice_and_scope() -> None:
    assert systemd.of_container("machine.slice:libpod:a+b", "x") == (
        "machine.slice",
        "libpod-a\\x2bb.scope",
    )
    assert systemd.of_container("-.slice::c", "x") == ("-.slice", "c.scope")
    assert systemd.of_container("", "id1")[1] == "wardian-id1.scope"
    for path in ("/a/b", "a:b", "x:y:", "a/b.slice:p:n", "a--b.slice:p:n", "one:p:n"):
        with pytest.raises(SpecError, match="cgroupsPath"):
            systemd.of_container(path, "x")


def test_a_machine_without_v2_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    layout = Layout("hybrid", {"memory": "/c/memory"}, "/c/unified", {})
    monkeypatch.setattr(systemd, "is_running", lambda: True)
    with pytest.raises(UnsupportedError, match="hybrid") as caught:
        systemd.start(layout, "x.scope", "machine.slice", 1, writes=())
    assert "cgroupfs" in caught.value.hint


def test_a_machine_without_systemd_is_told_so() -> None:
    if systemd.is_running():
        pytest.skip("systemd is this machine's init; tests/kernel talks to it")
    with pytest.raises(UnsupportedError, match="init is not systemd") as caught:
        systemd.connect()
    assert "cgroupfs" in caught.value.hint


def test_a_bus_s_address_may_have_several_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "tcp:host=x;unix:guid=1,path=/run/user/7/bus")
    assert systemd._address("DBUS_SESSION_BUS_ADDRESS") == "/run/user/7/bus"
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:abstract=/tmp/x,guid=1")
    assert systemd._address("DBUS_SESSION_BUS_ADDRESS") == "@/tmp/x"
