"""Put the arguments of forbidden calls into words: paths, addresses, flags.

Only what a person wants to know of an attempt is decoded; the numbers of all six arguments stand
beside it in any case.

Kernel: syscalls(2); linux/mount.h, linux/sched.h, linux/socket.h, linux/ptrace.h, linux/keyctl.h.
"""

import os
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from wardian.kernel.process_memory import Memory

PATH_BYTES = 4096
WORDS = 32
ADDRESS_BYTES = 128
AT_FDCWD = 0xFFFFFF9C

# linux/mount.h
MOUNT_FLAGS = {
    "MS_RDONLY": 0x1,
    "MS_NOSUID": 0x2,
    "MS_NODEV": 0x4,
    "MS_NOEXEC": 0x8,
    "MS_REMOUNT": 0x20,
    "MS_BIND": 0x1000,
    "MS_MOVE": 0x2000,
    "MS_REC": 0x4000,
    "MS_PRIVATE": 0x40000,
    "MS_SLAVE": 0x80000,
    "MS_SHARED": 0x100000,
}
# linux/sched.h
CLONE_FLAGS = {
    "CLONE_VM": 0x100,
    "CLONE_FS": 0x200,
    "CLONE_FILES": 0x400,
    "CLONE_PTRACE": 0x2000,
    "CLONE_VFORK": 0x4000,
    "CLONE_PARENT": 0x8000,
    "CLONE_THREAD": 0x10000,
    "CLONE_NEWNS": 0x20000,
    "CLONE_NEWCGROUP": 0x2000000,
    "CLONE_NEWUTS": 0x4000000,
    "CLONE_NEWIPC": 0x8000000,
    "CLONE_NEWUSER": 0x10000000,
    "CLONE_NEWPID": 0x20000000,
    "CLONE_NEWNET": 0x40000000,
}
FAMILIES = {
    0: "AF_UNSPEC",
    1: "AF_UNIX",
    2: "AF_INET",
    10: "AF_INET6",
    15: "AF_KEY",
    16: "AF_NETLINK",
    17: "AF_PACKET",
    29: "AF_CAN",
    31: "AF_BLUETOOTH",
    38: "AF_ALG",
    40: "AF_VSOCK",
    44: "AF_XDP",
}
SOCKET_TYPES = {1: "SOCK_STREAM", 2: "SOCK_DGRAM", 3: "SOCK_RAW", 5: "SOCK_SEQPACKET"}
PTRACE_REQUESTS = {
    0: "PTRACE_TRACEME",
    1: "PTRACE_PEEKTEXT",
    4: "PTRACE_POKETEXT",
    5: "PTRACE_POKEDATA",
    13: "PTRACE_SETREGS",
    16: "PTRACE_ATTACH",
    0x4206: "PTRACE_SEIZE",
}

# call: (name of the argument, how it is put into words) for the first arguments; "" leaves one out
CALLS: "dict[str, tuple[tuple[str, str], ...]]" = {
    "mount": (
        ("source", "text"),
        ("target", "text"),
        ("type", "text"),
        ("flags", "mount flags"),
    ),
    "umount2": (("target", "text"), ("flags", "hex")),
    "pivot_root": (("new_root", "text"), ("put_old", "text")),
    "chroot": (("path", "text"),),
    "move_mount": (("from", "fd"), ("from_path", "text"), ("to", "fd"), ("to_path", "text")),
    "open_tree": (("directory", "fd"), ("path", "text"), ("flags", "hex")),
    "fsopen": (("type", "text"), ("flags", "hex")),
    "open": (("path", "text"), ("flags", "hex")),
    "openat": (("directory", "fd"), ("path", "text"), ("flags", "hex")),
    "creat": (("path", "text"),),
    "unlink": (("path", "text"),),
    "unlinkat": (("directory", "fd"), ("path", "text")),
    "rename": (("old", "text"), ("new", "text")),
    "mkdir": (("path", "text"), ("mode", "octal")),
    "mkdirat": (("directory", "fd"), ("path", "text"), ("mode", "octal")),
    "chdir": (("path", "text"),),
    "chmod": (("path", "text"), ("mode", "octal")),
    "chown": (("path", "text"), ("uid", "int"), ("gid", "int")),
    "symlink": (("text", "text"), ("path", "text")),
    "link": (("old", "text"), ("new", "text")),
    "truncate": (("path", "text"), ("size", "int")),
    "mknod": (("path", "text"), ("mode", "octal"), ("device", "hex")),
    "mknodat": (("directory", "fd"), ("path", "text"), ("mode", "octal"), ("device", "hex")),
    "name_to_handle_at": (("directory", "fd"), ("path", "text")),
    "swapon": (("path", "text"),),
    "swapoff": (("path", "text"),),
    "acct": (("path", "text"),),
    "quotactl": (("command", "hex"), ("special", "text")),
    "execve": (("path", "text"), ("argv", "words")),
    "execveat": (("directory", "fd"), ("path", "text"), ("argv", "words")),
    "clone": (("flags", "clone flags"),),
    "unshare": (("flags", "clone flags"),),
    "setns": (("fd", "fd"), ("type", "clone flags")),
    "socket": (("family", "family"), ("type", "socket type"), ("protocol", "int")),
    "socketpair": (("family", "family"), ("type", "socket type"), ("protocol", "int")),
    "connect": (("fd", "fd"), ("address", "address")),
    "bind": (("fd", "fd"), ("address", "address")),
    "sendto": (("fd", "fd"), ("", ""), ("size", "int"), ("flags", "hex"), ("address", "address")),
    "ptrace": (("request", "ptrace"), ("pid", "int"), ("address", "hex")),
    "kill": (("pid", "int"), ("signal", "int")),
    "process_vm_readv": (("pid", "int"),),
    "process_vm_writev": (("pid", "int"),),
    "pidfd_getfd": (("pidfd", "fd"), ("target", "int")),
    "kcmp": (("first", "int"), ("second", "int"), ("type", "int")),
    "add_key": (("type", "text"), ("description", "text")),
    "request_key": (("type", "text"), ("description", "text")),
    "keyctl": (("operation", "int"),),
    "sethostname": (("name", "text"),),
    "setdomainname": (("name", "text"),),
    "reboot": (("magic", "hex"), ("magic2", "hex"), ("command", "hex")),
    "delete_module": (("name", "text"),),
    "finit_module": (("fd", "fd"), ("parameters", "text")),
    "bpf": (("command", "int"),),
    "ioctl": (("fd", "fd"), ("request", "hex")),
    "fcntl": (("fd", "fd"), ("command", "int")),
    "dup": (("fd", "fd"),),
    "prctl": (("option", "int"),),
    "personality": (("persona", "hex"),),
    "mmap": (("address", "hex"), ("size", "int"), ("protection", "hex"), ("flags", "hex")),
}


def decode(name: str, values: "tuple[int, ...]", memory: "Memory", tid: int) -> "dict[str, Any]":
    """Return the arguments that are understood, by name.

    Args:
        name: of the call.
        values: its arguments.
        memory: the caller's.
        tid: the caller's, for what its descriptors refer to.
    """
    found: dict[str, Any] = {}
    for (word, kind), value, after in zip(
        CALLS.get(name, ()), values, (*values[1:], 0), strict=False
    ):
        if kind == "text":
            text = memory.text(value, PATH_BYTES)
            found[word] = text if text is not None else (None if value == 0 else hex(value))
        elif kind == "words":
            found[word] = _words(memory, value)
        elif kind == "address":
            found[word] = address(memory.read(value, min(after & 0xFFFFFFFF, ADDRESS_BYTES)))
        elif kind == "fd":
            found[word] = descriptor(tid, value)
        elif kind:
            found[word] = _PLAIN[kind](value)
    return found


def _words(memory: "Memory", pointer: int) -> list[str]:
    found: list[str] = []
    while len(found) < WORDS:
        data = memory.read(pointer + 8 * len(found), 8)
        if len(data) < 8:
            break
        text = memory.text(int.from_bytes(data, "little"), PATH_BYTES)
        if text is None:
            break
        found.append(text)
    return found


def descriptor(tid: int, value: int) -> str:
    """Say what a descriptor of a process refers to: "3 (/tmp/x)"."""
    low = value & 0xFFFFFFFF
    if low == AT_FDCWD:
        return "AT_FDCWD"
    try:
        return f"{low} ({os.readlink(f'/proc/{tid}/fd/{low}')})"
    except OSError:
        return str(low if low < 1 << 31 else low - (1 << 32))


def address(data: bytes) -> "dict[str, Any] | None":
    """Put a socket address into words."""
    if len(data) < 2:
        return None
    family = int.from_bytes(data[:2], "little")
    found: dict[str, Any] = {"family": FAMILIES.get(family, family)}
    if family == 2 and len(data) >= 8:
        found["host"] = ".".join(map(str, data[4:8]))
        found["port"] = struct.unpack(">H", data[2:4])[0]
    elif family == 10 and len(data) >= 24:
        import ipaddress

        found["host"] = str(ipaddress.IPv6Address(data[8:24]))
        found["port"] = struct.unpack(">H", data[2:4])[0]
    elif family == 1:
        path = data[2:]
        text = (b"@" + path[1:] if path[:1] == b"\0" else path).partition(b"\0")[0]
        found["path"] = text.decode("utf-8", "backslashreplace")
    return found


def flags(table: "dict[str, int]", value: int) -> str:
    """Write flags by their names: "MS_BIND|MS_REC"."""
    names = [name for name, bit in table.items() if value & bit]
    rest = value & ~sum(table.values())
    if rest:
        names.append(hex(rest))
    return "|".join(names) or "0"


def _socket_type(value: int) -> str:
    kind = SOCKET_TYPES.get(value & 0xF, str(value & 0xF))
    more = [
        name
        for name, bit in (("SOCK_NONBLOCK", 0o4000), ("SOCK_CLOEXEC", 0o2000000))
        if value & bit
    ]
    return "|".join([kind, *more])


def _integer(value: int) -> int:
    low = value & 0xFFFFFFFF
    return low if low < 1 << 31 else low - (1 << 32)


_PLAIN: "dict[str, Callable[[int], Any]]" = {
    "hex": hex,
    "octal": oct,
    "int": _integer,
    "mount flags": lambda value: flags(MOUNT_FLAGS, value),
    "clone flags": lambda value: flags(CLONE_FLAGS, value & 0xFFFFFFFF),
    "family": lambda value: FAMILIES.get(_integer(value), _integer(value)),
    "socket type": _socket_type,
    "ptrace": lambda value: PTRACE_REQUESTS.get(value, value),
}
