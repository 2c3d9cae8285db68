"""Parse --device and --device-cgroup-rule: nodes of the host that a box sees, and may use.

A node is bound into the box, so its numbers, owner and mode stay the host's; as root a rule in the
control group allows it besides. A box has only the devices that every program needs otherwise.

Docker: docker run reference, "--device", "--device-cgroup-rule".
"""

import os
from stat import S_ISBLK, S_ISCHR, S_ISDIR

from wardian.errors import NotFoundError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

ACCESSES = frozenset("rwm")
NODES_MAX = 256


def _basic(kind: str, major: int, minor: int, access: str) -> "dict[str, Any]":
    return {"allow": True, "type": kind, "major": major, "minor": minor, "access": access}


# Docker's: nothing, but making nodes (which are dead on our nodev mounts), null, zero, full,
# random, urandom, tty, ptmx and the terminals.
BASIC_RULES: "tuple[dict[str, Any], ...]" = (
    {"allow": False, "access": "rwm"},
    _basic("c", -1, -1, "m"),
    _basic("b", -1, -1, "m"),
    *(_basic("c", 1, minor, "rwm") for minor in (3, 5, 7, 8, 9)),
    *(_basic("c", 5, minor, "rwm") for minor in (0, 2)),
    _basic("c", 136, -1, "rwm"),
)


class Device:
    """One node: where it is on the host and in the box, its numbers, and what may be done."""

    __slots__ = ("access", "kind", "major", "minor", "source", "target")

    def __init__(self, source: str, target: str, access: str, found: os.stat_result) -> None:
        self.source = source
        self.target = target
        self.access = access
        self.kind = "b" if S_ISBLK(found.st_mode) else "c"
        self.major = os.major(found.st_rdev)
        self.minor = os.minor(found.st_rdev)

    def rule(self) -> "dict[str, Any]":
        """Return its rule as OCI's linux.resources.devices has it."""
        return _basic(self.kind, self.major, self.minor, self.access)


def devices(texts: "Iterable[str]") -> "list[Device]":
    """Parse --device PATH[:PATH IN THE BOX][:rwm]; a directory stands for all nodes in it.

    Raises:
        UsageError: not of that form, or not a device; NotFoundError: it is not there.
    """
    found: dict[str, Device] = {}
    for text in texts:
        for device in _parse(text):
            found[device.target] = device
    return list(found.values())


def _parse(text: str) -> "list[Device]":
    parts = text.split(":")
    access = "rwm"
    if len(parts) > 1 and parts[-1] and ACCESSES.issuperset(parts[-1]):
        given = parts.pop()
        access = "".join(letter for letter in "rwm" if letter in given)
    source, target = parts[0], parts[-1]
    hint = "PATH[:PATH IN THE BOX][:rwm]"
    if len(parts) > 2 or not source.startswith("/") or not target.startswith("/"):
        raise UsageError(f'device "{text}": not {hint}')
    try:
        state = os.stat(source)
    except OSError as error:
        why = os.strerror(error.errno or 0).lower()
        raise NotFoundError(f'device "{text}": "{source}": {why}', hint=hint) from None
    if S_ISDIR(state.st_mode):
        row = _below(source, target, access)
        if len(row) > NODES_MAX:
            raise UsageError(f'device "{text}": more than {NODES_MAX} devices are in it')
    else:
        row = [Device(os.path.realpath(source), target, access, state)] if _is_node(state) else []
    if not row:
        raise UsageError(f'device "{text}": "{source}" is not a device')
    return row


def _is_node(state: os.stat_result) -> bool:
    return S_ISBLK(state.st_mode) or S_ISCHR(state.st_mode)


def _below(source: str, target: str, access: str) -> "list[Device]":
    row = []
    for directory, _names, files in os.walk(source):
        for name in sorted(files):
            path = f"{directory}/{name}"
            state = os.lstat(path)
            if _is_node(state):
                row.append(Device(path, target + path[len(source) :], access, state))
    return row


def rule(text: str) -> "dict[str, Any]":
    """Parse --device-cgroup-rule "c 1:3 rwm".

    Raises:
        UsageError: not of that form.
    """
    words = text.split()
    major, colon, minor = words[1].partition(":") if len(words) == 3 else ("", "", "")
    numbers = [-1 if word == "*" else int(word) for word in (major, minor) if _is_number(word)]
    if len(numbers) != 2 or not colon or words[0] not in ("a", "b", "c"):
        raise UsageError(f'device-cgroup-rule "{text}": not a rule', hint="as c 10:229 rwm")
    if not ACCESSES.issuperset(words[2]):
        raise UsageError(f'device-cgroup-rule "{text}": not an access', hint="letters of rwm")
    return _basic(words[0], numbers[0], numbers[1], words[2])


def _is_number(word: str) -> bool:
    return word == "*" or (word.isascii() and word.isdigit() and len(word) < 8)
