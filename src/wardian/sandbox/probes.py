"""Tell a healthy library that looks what there is from a program that wants it.

A JVM makes an internet socket to find out about IPv4 and IPv6, libuuid one for the machine's
address, Erlang's emulator one at its start: the very calls with which a program begins that wants
to reach the network. By their arguments they can't be told apart, by who makes them they can: the C
library's `socket` is a leaf, so that the return address into its caller is the first word on the
stack. A call that comes from a file of the policy's `probes` is refused quietly.

All of this is the program's own memory, and it may lie. What it gains by a lie is a refusal without
a violation: a probe is never let through.

Kernel: proc(5), /proc/TID/syscall; x86-64 psABI, "The Stack Frame".
"""

import os
import struct
import time

from wardian.kernel import libseccomp
from wardian.kernel.process_memory import Memory
from wardian.sandbox import offender
from wardian.sandbox.policy import errno_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from wardian.kernel.seccomp_notify import Notification
    from wardian.sandbox.policy import Probe

_WORD = struct.Struct("@Q")
SLEEPS_TIMEOUT_S = 0.5
PAUSE_S = 0.0002
SYSTEM = "/usr/"  # what a box can't write to


def answer(probes: "Mapping[str, Probe]", one: "Notification") -> int:
    """Return the errno for a call that a known library makes to find something out; 0 for others.

    Args:
        probes: of the policy.
        one: a call whose caller stands.
    """
    if not probes:
        return 0
    found = probes.get(libseccomp.call_name(one.number, one.audit))
    if found is None:
        return 0
    own = offender.file_at(one.tid, one.instruction)  # a library with system calls of its own
    if not _is_one_of(own, found.files) and not is_from(one.tid, found.files):
        return 0
    return errno_number(found.errno, "probes")


def is_from(tid: int, names: "tuple[str, ...]") -> bool:
    """Return whether a call was made by way of the C library by one of these files."""
    stack = _stack(tid)
    if stack is None:
        return False
    with Memory(tid) as memory:
        word = memory.read(stack, _WORD.size)
    if len(word) < _WORD.size:
        return False
    return _is_one_of(offender.file_at(tid, _WORD.unpack(word)[0]), names)


def _stack(tid: int) -> int | None:
    """Return the stack pointer of a caller; None where it can't be had.

    A notification is announced before its caller sleeps: until then the file says "running".
    """
    end_s = time.monotonic() + SLEEPS_TIMEOUT_S
    while True:
        try:
            with open(f"/proc/{tid}/syscall", encoding="ascii") as file:
                words = file.read(512).split()
        except OSError:
            return None
        if words != ["running"]:
            return int(words[-2], 16) if len(words) > 2 else None
        if time.monotonic() > end_s:
            return None
        time.sleep(PAUSE_S)


def _is_one_of(path: str, names: "tuple[str, ...]") -> bool:
    return path.startswith(SYSTEM) and os.path.basename(path) in names
