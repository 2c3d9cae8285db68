"""config-linux.md: seccomp, and the agent that is asked."""

import json
import os
import socket
import threading
from typing import Any

import pytest

from tests.conformance.boxes import PATIENCE_S, Box, differs

pytestmark = pytest.mark.root


def rule(*names: str, action: str = "SCMP_ACT_ERRNO", **more: Any) -> dict[str, Any]:
    return {"names": list(names), "action": action, **more}


def test_a_call_fails_with_the_errno_that_was_asked_for(box: Box) -> None:
    box.linux["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "syscalls": [rule("mkdir", "mkdirat"), rule("chmod", "fchmodat", errnoRet=28)],
    }
    found = box.says("(mkdir /a; chmod 700 /tmp) 2>&1; echo end").splitlines()
    assert "not permitted" in found[0]
    assert "No space left" in found[1]


@pytest.mark.parametrize("key", ["defaultErrnoRet", "errnoRet"])
@differs(runc="ignores it", crun="ignores it")
def test_an_errno_for_an_action_that_takes_none_is_an_error(box: Box, key: str) -> None:
    seccomp: dict[str, Any] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule("mkdir")]}
    if key == "errnoRet":
        seccomp["syscalls"] = [rule("mkdir", action="SCMP_ACT_KILL", errnoRet=5)]
    else:
        seccomp["defaultErrnoRet"] = 5
    box.linux["seccomp"] = seccomp
    box.refused()


@differs(runc="takes it", crun="takes it")
def test_a_rule_without_names_is_an_error(box: Box) -> None:
    box.linux["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule()]}
    box.refused("names")


@differs(runc="takes it", crun="takes it")
def test_metadata_without_a_listener_are_an_error(box: Box) -> None:
    box.linux["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "listenerMetadata": "x",
        "syscalls": [rule("mkdir")],
    }
    box.refused("listenerMetadata")


class Agent:
    """Receive what a runtime sends to a seccomp agent."""

    def __init__(self, box: Box) -> None:
        self.path = str(box.directory / "agent.sock")
        self.server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.server.bind(self.path)
        self.server.listen(2)
        self.server.settimeout(PATIENCE_S)
        self.text = b""
        self.descriptors: list[int] = []
        self.thread = threading.Thread(target=self._receive, daemon=True)
        self.thread.start()

    def _receive(self) -> None:
        try:
            connection, _ = self.server.accept()
        except TimeoutError:
            return
        with connection:
            while True:
                data, files, _, _ = socket.recv_fds(connection, 65536, 4)
                self.descriptors += files
                if not data:
                    return
                self.text += data

    def close(self) -> None:
        self.thread.join()
        self.server.close()
        for each in self.descriptors:
            os.close(each)


def test_the_agent_gets_one_state_with_the_descriptor(box: Box) -> None:
    agent = Agent(box)
    box.config["annotations"] = {"com.example.key": "value"}
    box.linux["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "listenerPath": agent.path,
        "listenerMetadata": "for the agent",
        "syscalls": [rule("mknod", "mknodat", action="SCMP_ACT_NOTIFY")],
    }
    pid = box.started("sleep 1000")
    agent.thread.join(30)
    try:
        found = json.loads(agent.text)
        assert found["fds"] == ["seccompFd"]
        assert len(agent.descriptors) == 1
        assert "seccomp notify" in os.readlink(f"/proc/self/fd/{agent.descriptors[0]}")
        assert found["pid"] == pid
        assert found["metadata"] == "for the agent"
        assert found["ociVersion"].startswith("1.")
        assert found["state"]["id"] == box.name
        assert found["state"]["bundle"] == str(box.bundle)
        assert found["state"]["annotations"]["com.example.key"] == "value"
        assert found["state"]["status"] in ("creating", "created", "running")
    finally:
        box.kill("KILL")
        box.ended(pid)
        agent.close()


def test_an_agent_that_is_not_there_is_an_error(box: Box) -> None:
    box.linux["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "listenerPath": str(box.directory / "nobody.sock"),
        "syscalls": [rule("mknod", action="SCMP_ACT_NOTIFY")],
    }
    if box.create().returncode == 0:
        assert box.start().returncode != 0


def test_the_path_of_an_agent_is_ignored_where_nothing_is_notified(box: Box) -> None:
    box.linux["seccomp"] = {
        "defaultAction": "SCMP_ACT_ALLOW",
        "listenerPath": str(box.directory / "nobody.sock"),
        "syscalls": [rule("mkdir")],
    }
    assert box.says("echo fine") == "fine"
