"""The agent of the second machine: runs what the first machine's tests ask it to.

One TCP connection is one command: a line of JSON with argv, environment, directory, timeout_s and
input, then a line of JSON {"code", "stdout", "stderr"}; bytes are base64. lab/peer.py asks.
The network has two machines and no way out, so nobody is asked who they are.
"""

import base64
import json
import os
import socketserver
import subprocess
from typing import Any

PORT = 7077


class Command(socketserver.StreamRequestHandler):
    """One connection."""

    def handle(self) -> None:
        """Run the command, answer with how it ended."""
        answer = run(json.loads(self.rfile.readline()))
        self.wfile.write(json.dumps(answer).encode() + b"\n")


def run(request: dict[str, Any]) -> dict[str, Any]:
    """Run one command; returns the answer."""
    try:
        done = subprocess.run(
            request["argv"],
            input=base64.b64decode(request["input"]),
            capture_output=True,
            check=False,
            cwd=request["directory"],
            env={**os.environ, **request["environment"]},
            timeout=request["timeout_s"],
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return {"code": None, "stdout": "", "stderr": _text(str(error).encode())}
    return {
        "code": done.returncode,
        "stdout": _text(done.stdout),
        "stderr": _text(done.stderr),
    }


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


class Server(socketserver.ThreadingTCPServer):
    """A thread for each command."""

    allow_reuse_address = True
    daemon_threads = True


if __name__ == "__main__":
    with Server(("", PORT), Command) as server:
        print("lab: the agent listens", flush=True)
        server.serve_forever()
