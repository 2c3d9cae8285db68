"""Ask the second machine to run a command; for tests marked lab_hosts, on the first."""

import base64
import json
import os
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence

PORT = 7077  # guest/agent.py listens there
BOOT_S = 180.0


class Peer:
    """The second machine.

    Attributes:
        address: its address on the network that both machines share.
    """

    def __init__(self, address: str = "") -> None:
        self.address = address or os.environ["WARDIAN_LAB_PEER"]

    def run(
        self,
        argv: Sequence[str],
        *,
        input: bytes = b"",  # noqa: A002 - subprocess.run's word
        environment: Mapping[str, str] | None = None,
        directory: str = "/",
        timeout_s: float = 120,
    ) -> "subprocess.CompletedProcess[bytes]":
        """Run a program there as root; like subprocess.run, with its output.

        Raises:
            OSError: it could not be started there, or did not end in time.
        """
        request = {
            "argv": list(argv),
            "environment": dict(environment or {}),
            "directory": directory,
            "timeout_s": timeout_s,
            "input": base64.b64encode(input).decode(),
        }
        with self._connected() as connection, connection.makefile("rwb") as stream:
            connection.settimeout(timeout_s + 30)
            stream.write(json.dumps(request).encode() + b"\n")
            stream.flush()
            answer = json.loads(stream.readline())
        out, err = (base64.b64decode(answer[name]) for name in ("stdout", "stderr"))
        if answer["code"] is None:
            raise OSError(f"on {self.address}: {err.decode()}")
        return subprocess.CompletedProcess(list(argv), answer["code"], out, err)

    def _connected(self) -> socket.socket:
        end = time.monotonic() + BOOT_S  # it boots while the first one does
        while True:
            try:
                return socket.create_connection((self.address, PORT), timeout=5)
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.2)
