"""`wardian-oci --systemd-cgroup`: each container is a scope that systemd made, from end to end."""

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import runtimes, scopes
from tests.machine import until
from tests.runtimes import Bundle, Runtime

pytestmark = [pytest.mark.root, pytest.mark.lab_systemd]

MIB = 1 << 20
SLICE = "wardiantest.slice"
ROUNDS = 8
RESOURCES = {
    "memory": {"limit": 64 * MIB, "swap": 96 * MIB},
    "cpu": {"shares": 512, "quota": 50_000, "period": 100_000, "cpus": "0"},
    "pids": {"limit": 33},
    "unified": {"memory.high": str(48 * MIB)},
}
ENFORCED = {
    "memory.max": str(64 * MIB),
    "memory.swap.max": str(32 * MIB),
    "memory.high": str(48 * MIB),
    "cpu.max": "50000 100000",
    "cpu.weight": "59",
    "cpuset.cpus": "0",
    "pids.max": "33",
}
KNOWN = {
    "Slice": SLICE,
    "Delegate": "yes",
    "MemoryMax": str(64 * MIB),
    "MemoryHigh": str(48 * MIB),
    "CPUWeight": "59",
    "CPUQuotaPerSecUSec": "500ms",
    "AllowedCPUs": "0",
    "TasksMax": "33",
}


class BySystemd(Runtime):
    """The runtime, as an engine calls it that leaves control groups to systemd."""

    def argv(self, *args: str) -> list[str]:
        """The command line of a call."""
        return [str(self.program), "--root", str(self.state), "--systemd-cgroup", *args]

    def pid(self, name: str) -> int:
        """The first process of a container."""
        pid: int = self.state_of(name)["pid"]
        return pid

    def is_known(self, name: str) -> bool:
        """Whether there is such a container."""
        return self("state", name).returncode == 0

    def is_stopped(self, name: str) -> bool:
        """Whether its program has ended."""
        return bool(self.state_of(name)["status"] == "stopped")

    def output(self, *args: str) -> str:
        """Call it; it must succeed. Returns what it printed."""
        done = self(*args)
        assert done.returncode == 0, f"{args}: {done.stderr}"
        return done.stdout


@pytest.fixture
def oci(tmp_path: Path) -> Iterator[BySystemd]:
    """The runtime; afterwards neither containers nor scopes of it are there."""
    tested = BySystemd(runtimes.runtime_program(), tmp_path / "state")
    yield tested
    for name in tested.ids:
        tested("delete", "--force", name)
    assert scopes.gone("wardian-*.scope")


@pytest.fixture
def bundle(tmp_path: Path, busybox_root: Path) -> Bundle:
    """A bundle whose program waits, in a scope with a name of its own."""
    made = Bundle(tmp_path / "bundle", busybox_root, runtimes.configuration("sleep", "1000"))
    made.config["linux"]["cgroupsPath"] = f"{SLICE}:wardian:story-{os.getpid()}"
    return made


@pytest.fixture
def unit() -> str:
    """The name of the bundle's scope."""
    return f"wardian-story-{os.getpid()}.scope"


def test_a_container_lives_in_a_scope(oci: BySystemd, bundle: Bundle, unit: str) -> None:
    bundle.config["linux"]["resources"].update(RESOURCES)
    name = oci.create(bundle)
    assert oci.state_of(name)["status"] == "created"
    group = scopes.group_of(oci.pid(name))
    assert group == f"/{SLICE}/{unit}"
    assert scopes.limits(group, *ENFORCED) == ENFORCED
    assert scopes.properties(unit, *KNOWN) == KNOWN

    oci.output("start", name)
    assert oci.state_of(name)["status"] == "running"
    file = bundle.path / "pid"
    done = oci.detached("exec", "--detach", "--pid-file", str(file), name, "sleep", "999")
    assert done.returncode == 0, done.stderr
    assert scopes.group_of(int(file.read_text())) == group
    assert len(json.loads(oci.output("ps", "--format", "json", name))) == 2
    events = json.loads(oci.output("events", "--stats", name))
    assert events["data"]["memory"]["usage"]["limit"] == 64 * MIB
    assert events["data"]["pids"]["current"] == 2

    oci.output("update", "--memory", str(40 * MIB), "--memory-swap", str(40 * MIB), name)
    oci.output("update", "--pids-limit", "44", name)
    scopes.systemctl("daemon-reload")
    changed = {"memory.max": str(40 * MIB), "memory.swap.max": "0", "pids.max": "44"}
    assert scopes.limits(group, *ENFORCED) == {**ENFORCED, **changed}
    told = {"MemoryMax": str(40 * MIB), "TasksMax": "44"}
    assert scopes.properties(unit, *KNOWN) == {**KNOWN, **told}

    oci.output("kill", name, "KILL")
    assert until(lambda: oci.is_stopped(name), scopes.PATIENCE_S)
    oci.output("delete", name)
    assert not (scopes.CGROUPS / group.strip("/")).exists()
    assert unit not in scopes.names("wardian-*.scope")


def test_without_a_path_the_scope_has_the_container_s_name(oci: BySystemd, bundle: Bundle) -> None:
    bundle.config["linux"]["cgroupsPath"] = ""
    name = oci.start(bundle)
    assert scopes.group_of(oci.pid(name)) == f"/system.slice/wardian-{name}.scope"


def test_a_program_that_ends_takes_its_scope_along(
    oci: BySystemd, bundle: Bundle, unit: str
) -> None:
    bundle.config["process"]["args"] = ["true"]
    name = oci.start(bundle)
    assert until(lambda: oci.is_stopped(name), scopes.PATIENCE_S)
    assert scopes.gone(unit)
    oci.output("delete", name)
    assert oci.run(bundle).returncode == 0  # the scope's name is free again


def test_delete_by_force_ends_what_runs(oci: BySystemd, bundle: Bundle, unit: str) -> None:
    name = oci.start(bundle)
    assert oci("delete", name).returncode != 0
    assert unit in scopes.names(unit)
    oci.output("delete", "--force", name)
    assert unit not in scopes.names(unit)
    assert not oci.is_known(name)


def test_it_is_paused_and_goes_on(oci: BySystemd, bundle: Bundle) -> None:
    name = oci.start(bundle)
    group = scopes.group_of(oci.pid(name))
    oci.output("pause", name)
    assert oci.state_of(name)["status"] == "paused"
    assert "frozen 1" in scopes.limits(group, "cgroup.events")["cgroup.events"]
    oci.output("resume", name)
    assert oci.state_of(name)["status"] == "running"


def test_device_rules_hold_through_a_daemon_reload(oci: BySystemd, bundle: Bundle) -> None:
    mine = {"path": "/dev/mine", "type": "c", "major": 10, "minor": 237}  # loop-control
    bundle.config["linux"]["devices"] = [mine]
    forbid = {"allow": False, "access": "rwm"}
    allow = {"allow": True, "type": "c", "major": 10, "minor": 237, "access": "r"}
    bundle.config["linux"]["resources"]["devices"] = [forbid, allow]
    name = oci.start(bundle)
    for _ in range(2):
        oci.output("exec", name, "sh", "-c", ": </dev/mine; : >/dev/null")
        written = oci("exec", name, "sh", "-c", ": >/dev/mine")
        assert "Operation not permitted" in written.stderr
        scopes.systemctl("daemon-reload")


def test_too_much_memory_is_137(oci: BySystemd, bundle: Bundle) -> None:
    limits = {"limit": 32 * MIB, "swap": 32 * MIB}
    bundle.config["linux"]["resources"]["memory"] = limits
    bundle.config["process"]["args"] = ["dd", "if=/dev/zero", "of=/dev/null", "bs=200M", "count=1"]
    assert oci.run(bundle).returncode == 137


def test_a_limit_that_the_kernel_refuses_leaves_nothing(
    oci: BySystemd, bundle: Bundle, unit: str
) -> None:
    bundle.config["linux"]["resources"]["unified"] = {"memory.high": "x"}
    name = oci.new_id()
    done = oci.detached("create", "--bundle", bundle.save(), name)
    assert done.returncode != 0
    assert "memory.high" in done.stderr
    assert not oci.is_known(name)
    assert scopes.gone(unit)


def test_a_path_for_the_other_driver_is_refused(oci: BySystemd, bundle: Bundle) -> None:
    bundle.config["linux"]["cgroupsPath"] = "/a/path"
    name = oci.new_id()
    done = oci.detached("create", "--bundle", bundle.save(), name)
    assert done.returncode != 0
    assert '"slice:prefix:name"' in done.stderr
    assert not oci.is_known(name)


def test_what_a_killed_create_leaves_can_be_deleted(
    oci: BySystemd, bundle: Bundle, unit: str
) -> None:
    began = time.monotonic()
    oci("delete", "--force", oci.create(bundle))
    whole = time.monotonic() - began
    for number in range(1, ROUNDS + 1):
        name = oci.new_id()
        words = oci.argv("create", "--bundle", str(bundle.path), name)
        with subprocess.Popen(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as victim:
            try:
                victim.wait(whole * number / ROUNDS)
            except subprocess.TimeoutExpired:
                victim.kill()
        oci("delete", "--force", name)
        assert not oci.is_known(name)
        assert scopes.gone(unit), f"killed after {number}/{ROUNDS}"
