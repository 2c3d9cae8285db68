"""config-linux.md: devices of the network that move in."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conformance.boxes import Box, differs

pytestmark = pytest.mark.root


@contextmanager
def interface(name: str) -> Iterator[str]:
    """An interface of the host; its other end goes with it."""
    done = subprocess.run(
        ["ip", "link", "add", name, "type", "veth"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"no virtual interface: {done.stderr.strip()}")
    try:
        yield name
    finally:
        subprocess.run(["ip", "link", "del", name], capture_output=True, check=False)


@differs(runc="has no netDevices before 1.4", crun="has none before 1.24")
def test_an_interface_is_moved_in_and_is_up(box: Box) -> None:
    with interface("wardtest0") as name:
        subprocess.run(["ip", "addr", "add", "192.0.2.7/24", "dev", name], check=True)
        box.linux["netDevices"] = {name: {"name": "inside0"}}
        found = box.says("ip addr show dev inside0")
        assert "UP" in found
        assert "192.0.2.7/24" in found


@differs(runc="has no netDevices before 1.4", crun="has none before 1.24")
def test_an_interface_that_is_not_there_is_an_error(box: Box) -> None:
    box.linux["netDevices"] = {"nosuchdev": {}}
    box.refused("nosuchdev")


@differs(runc="has no netDevices before 1.4", crun="has none before 1.24")
def test_an_interface_whose_name_is_taken_is_an_error(box: Box) -> None:
    with interface("wardtest1") as name:
        box.linux["netDevices"] = {name: {"name": "lo"}}
        box.refused(name)
        assert Path(f"/sys/class/net/{name}").exists(), "the interface is not the host's again"


@differs(runc="has no netDevices before 1.4", crun="has none before 1.24")
def test_an_interface_goes_with_its_namespace(box: Box) -> None:
    with interface("wardtest2") as name:
        box.linux["netDevices"] = {name: {}}
        pid = box.started("sleep 1000")
        assert not Path(f"/sys/class/net/{name}").exists()
        box.kill("KILL")
        box.ended(pid)
        assert box.delete().returncode == 0
        assert not Path(f"/sys/class/net/{name}").exists()
