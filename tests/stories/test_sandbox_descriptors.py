"""Descriptors on their way to and from boxes: how many there are is no matter of a run's limits."""

import array
import contextlib
import dataclasses
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from wardian import Sandbox, SandboxPool, WarmPython

pytestmark = pytest.mark.root

SAY = (
    "import os, resource;"
    "print(resource.getrlimit(resource.RLIMIT_NOFILE), sorted(os.listdir('/proc/self/fd')))"
)
IN_FLIGHT = 300  # more than the default limit of open files


@contextlib.contextmanager
def in_flight() -> Iterator[None]:
    """Have many descriptors on their way that nobody receives: root's, as those of launches."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        packed = array.array("i", [ours.fileno()] * 100)
        for _ in range(IN_FLIGHT // 100):
            ours.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, packed)])
        yield


@pytest.mark.parametrize("kind", [Sandbox, SandboxPool])
def test_descriptors_of_others_in_flight_stop_no_run(kind: Any) -> None:
    """Many threads that ask for boxes at once have as many, and so may any program of root's."""
    with in_flight(), kind() as box:
        assert box.run(["true"]).ok


@pytest.mark.parametrize("policy", ["compute", "strict"])
@pytest.mark.parametrize("kind", [Sandbox, SandboxPool])
def test_a_program_has_its_limit_of_open_files(kind: Any, policy: str) -> None:
    with kind(policy, limits={"open-files": 8}) as box:
        found = box.run(["cat", "/proc/self/limits"])
    assert b" ".join(found.stdout.partition(b"open files")[2].split()[:2]) == b"8 8", found


@pytest.mark.parametrize("limit", [8, 32, 64])
def test_a_warm_program_has_its_limit_of_open_files_however_small(limit: int) -> None:
    with WarmPython(limits={"open-files": limit}, size=1) as warm:
        found = warm.run(["-c", SAY])
    assert found.stdout == f"({limit}, {limit}) ['0', '1', '2', '3']\n".encode(), found


@pytest.mark.parametrize("audit", [False, True])
@pytest.mark.parametrize("kind", [Sandbox, SandboxPool])
def test_a_policy_that_refuses_limits_gets_one_all_the_same(kind: Any, audit: bool) -> None:
    usual = Sandbox().policy
    rules = {name: rule for name, rule in usual.arguments.items() if name != "prlimit64"}
    refused = {**usual.refuse, "prlimit64": "EPERM"}
    policy = dataclasses.replace(usual, arguments=rules, refuse=refused, audit=audit)
    with kind(policy, limits={"open-files": 8}) as box:
        found = box.run(["cat", "/proc/self/limits"])
    assert b" ".join(found.stdout.partition(b"open files")[2].split()[:2]) == b"8 8", found
