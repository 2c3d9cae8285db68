"""Functions that tests call in a sandbox, whose Python has the standard library only."""

import os
from pathlib import Path
from typing import Any

RESULT = ".call/result.json"


def square(number: int) -> int:
    print("computing")
    return number * number


def plain(value: Any) -> Any:
    return value


def fail(text: str) -> None:
    raise ValueError(text)


def end_itself() -> None:
    os.kill(os.getpid(), 9)


def ask_the_network() -> None:
    import socket

    socket.create_connection(("192.0.2.1", 80))


def compute_for_ever() -> None:
    while True:
        pass


def forge(content: bytes) -> None:
    """Write another result than one's own, as hostile code may."""
    Path(RESULT).write_bytes(content)
    os._exit(0)


def leave_something_else(kind: str) -> None:
    if kind == "link":
        os.symlink("/etc/passwd", RESULT)
    elif kind == "fifo":
        os.mkfifo(RESULT)
    else:
        os.mkdir(RESULT)
    os._exit(0)


class Account:
    """Arguments may be objects of our own classes; the box knows their source."""

    def __init__(self, amount: int) -> None:
        self.amount = amount

    def doubled(self, times: int = 1) -> int:
        return self.amount << times


def leave(name: str) -> list[str]:
    found = [one for one in os.listdir("/tmp") if one.startswith("left-")]
    Path(f"/tmp/left-{name}").write_text("")
    return found
