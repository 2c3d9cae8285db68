"""A seccomp agent that is asked of execve itself: nobody waits for anybody for ever."""

import array
import fcntl
import json
import os
import select
import socket
import struct
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.runtimes import Bundle, Runtime

pytestmark = [pytest.mark.root, pytest.mark.slow]

# linux/seccomp.h
SECCOMP_IOCTL_NOTIF_RECV = 0xC0502100
SECCOMP_IOCTL_NOTIF_SEND = 0xC0182101
SECCOMP_USER_NOTIF_FLAG_CONTINUE = 1
NOTIFICATION = struct.Struct("=QII64s")


class Agent:
    """Takes listeners, and lets every call go on that it is asked about."""

    def __init__(self, path: str) -> None:
        self.asked = 0
        self.states: list[dict[str, object]] = []
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(path)
        self._server.listen(8)
        self._stop, self._stopper = os.pipe()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        poll = select.poll()
        for fd in (self._server.fileno(), self._stop):
            poll.register(fd, select.POLLIN)
        while True:
            for fd, events in poll.poll():
                if fd == self._stop:
                    return
                if fd == self._server.fileno():
                    poll.register(self._take(), select.POLLIN)
                elif events & select.POLLHUP:
                    poll.unregister(fd)
                    os.close(fd)
                else:
                    self._answer(fd)

    def _take(self) -> int:
        connection, _address = self._server.accept()
        with connection:
            text, fds, _flags, _from = socket.recv_fds(connection, 1 << 16, 4)
        self.states.append(json.loads(text))
        (listener,) = fds
        return listener

    def _answer(self, listener: int) -> None:
        words = array.array("B", bytes(NOTIFICATION.size))
        with suppress(OSError):  # the caller went in between
            fcntl.ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, words, True)
            number = NOTIFICATION.unpack(words.tobytes())[0]
            answer = struct.pack("=QqiI", number, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE)
            fcntl.ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, bytearray(answer))
            self.asked += 1

    def close(self) -> None:
        os.close(self._stopper)
        self._thread.join()
        self._server.close()
        os.close(self._stop)


@contextmanager
def agent() -> Iterator[tuple[Agent, str]]:
    with tempfile.TemporaryDirectory() as directory:
        path = str(Path(directory) / "agent")
        found = Agent(path)
        try:
            yield found, path
        finally:
            found.close()


@pytest.mark.parametrize("restricted", [True, False])
def test_an_agent_is_asked_before_the_program_runs(
    restricted: bool, oci: Runtime, bundle: Bundle
) -> None:
    with agent() as (asked, path):
        bundle.config["process"]["args"] = ["sh", "-c", "sleep 600"]
        bundle.config["process"]["noNewPrivileges"] = restricted
        bundle.config["linux"]["seccomp"] = {
            "defaultAction": "SCMP_ACT_ALLOW",
            "listenerPath": path,
            "syscalls": [{"names": ["execve"], "action": "SCMP_ACT_NOTIFY"}],
        }
        name = oci.create(bundle)
        try:
            assert oci("start", name, timeout_s=30).returncode == 0
            done = oci("exec", name, "echo", "fine", timeout_s=30)
            assert (done.returncode, done.stdout) == (0, "fine\n"), done.stderr
        finally:
            oci("delete", "--force", name)
        assert asked.asked >= 2
        assert len(asked.states) == 2
        assert asked.states[0]["pid"] != asked.states[1]["pid"]
