"""Needs root, or a control group of yours: run untrusted code, and see what stopped it."""

from typing import Any

import wardian

ATTEMPTS = {
    "a normal program": "print(6 * 7)",
    "too much memory": "x = bytearray(10**9)",
    "no end": "while True: pass",
    "files of others": "print(open('/etc/shadow').read())",
    "the network": "import socket; socket.create_connection(('192.0.2.1', 80), 1)",
}
LIMITS: dict[str, Any] = {
    "memory": "64m",
    "pids_limit": 8,
    "timeout": 2,
    "read_only": True,
    "user": "65534",
}

for name, code in ATTEMPTS.items():
    result = wardian.run(["python3", "-c", code], cap_drop=["ALL"], **LIMITS)
    why = "timed out" if result.timed_out else "out of memory" if result.oom_killed else ""
    last = (result.stdout or result.stderr).decode().strip().split("\n")[-1]
    print(f"{name:18} exit {result.exit_code:3}  {why or last}")
