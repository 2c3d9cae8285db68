"""Capability sets: names, numbers and masks.

Facts about capabilities
------------------------
A set is a 64-bit mask; bit N stands for the capability with number N. The numbers are the same
on every architecture and never change. A kernel knows those up to /proc/sys/kernel/cap_last_cap;
raising a bit above it gives EPERM or EINVAL, so what is asked for must be compared with `last()`.

Kernel: capabilities(7), since Linux 2.2; the file cap_last_cap since 3.2.
"""

import os

from wardian.errors import KernelError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

# linux/capability.h
CAP_CHOWN = 0
CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2
CAP_FOWNER = 3
CAP_FSETID = 4
CAP_KILL = 5
CAP_SETGID = 6
CAP_SETUID = 7
CAP_SETPCAP = 8
CAP_LINUX_IMMUTABLE = 9
CAP_NET_BIND_SERVICE = 10
CAP_NET_BROADCAST = 11
CAP_NET_ADMIN = 12
CAP_NET_RAW = 13
CAP_IPC_LOCK = 14
CAP_IPC_OWNER = 15
CAP_SYS_MODULE = 16
CAP_SYS_RAWIO = 17
CAP_SYS_CHROOT = 18
CAP_SYS_PTRACE = 19
CAP_SYS_PACCT = 20
CAP_SYS_ADMIN = 21
CAP_SYS_BOOT = 22
CAP_SYS_NICE = 23
CAP_SYS_RESOURCE = 24
CAP_SYS_TIME = 25
CAP_SYS_TTY_CONFIG = 26
CAP_MKNOD = 27
CAP_LEASE = 28
CAP_AUDIT_WRITE = 29
CAP_AUDIT_CONTROL = 30
CAP_SETFCAP = 31
CAP_MAC_OVERRIDE = 32
CAP_MAC_ADMIN = 33
CAP_SYSLOG = 34
CAP_WAKE_ALARM = 35
CAP_BLOCK_SUSPEND = 36
CAP_AUDIT_READ = 37
CAP_PERFMON = 38
CAP_BPF = 39
CAP_CHECKPOINT_RESTORE = 40

_NUMBERS = {
    name: value
    for name, value in globals().items()
    if name.startswith("CAP_") and isinstance(value, int)
}

# A name's place is its number.
NAMES = tuple(sorted(_NUMBERS, key=_NUMBERS.__getitem__))

_LAST_PATH = "/proc/sys/kernel/cap_last_cap"
_STATUS_PATH = "/proc/self/status"


def number(name: str) -> int:
    """Give the number of a capability, spelled NET_RAW or CAP_NET_RAW in any case.

    Raises:
        UsageError: there is no such capability; the hint has close matches.
    """
    full = name.upper()
    if not full.startswith("CAP_"):
        full = "CAP_" + full
    found = _NUMBERS.get(full)
    if found is None:
        raise UsageError(f'unknown capability "{name}"', hint=_matches(full))
    return found


def mask(names: "Iterable[str]") -> int:
    """Turn names into a mask.

    Raises:
        UsageError: one of them is no capability.
    """
    result = 0
    for name in names:
        result |= 1 << number(name)
    return result


def names(mask: int) -> list[str]:
    """Name the bits of a mask in the order of their numbers.

    Bits that this version has no name for are spelled as the kernel prints them, by number.
    """
    return [
        NAMES[bit] if bit < len(NAMES) else str(bit)
        for bit in range(mask.bit_length())
        if mask >> bit & 1
    ]


def last() -> int:
    """Give the highest capability number that the running kernel knows.

    Raises:
        KernelError: the kernel's file can't be read; ENOENT where /proc is not mounted.
    """
    return int(_read(_LAST_PATH))


def own() -> int:
    """Give the mask of what this process may hand on: permitted, and in its bounding set.

    Root has all only where nobody took any away: a container manager above us, or a hypervisor's
    init, may have.

    Raises:
        KernelError: the kernel's file can't be read; ENOENT where /proc is not mounted.
    """
    found = {b"CapPrm": 0, b"CapBnd": 0}
    for line in _read(_STATUS_PATH).split(b"\n"):
        name, _colon, value = line.partition(b":")
        if name in found:
            found[name] = int(value, 16)
    return found[b"CapPrm"] & found[b"CapBnd"]


def _read(path: str) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise KernelError(f'open("{path}")', error.errno or 0) from None
    try:
        return os.read(descriptor, 1 << 14)
    finally:
        os.close(descriptor)


def _matches(name: str) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, NAMES, n=3, cutoff=0.6)
    if close:
        return "did you mean " + " or ".join(close) + "?"
    return "capabilities(7) lists the names"
