"""Steps that are a row of plain system calls, as the launcher's `call` step plays them (pure).

The launcher has a function of its own only for what needs to know of the box: its root, its
descriptors, init. All else is a call with numbers, one block of data, and descriptors of the launch
by their place. A step of this table stands in the plan, its text and its hash as one operation; on
the wire it is as many calls as it takes.

Kernel: syscalls(2), prctl(2), setresuid(2), capset(2), capabilities(7), sched_setattr(2),
ioprio_set(2), personality(2), set_mempolicy(2).
"""

import _struct as struct  # built in: a file less to look for
import os

from wardian import errors
from wardian.kernel import capabilities

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    Call = tuple[str, tuple[int, ...], bytes]
    Rows = Iterator[Call]

# launcher/steps.c: the upper half of an argument
IN_DATA = 0xFFFFFFFE << 32  # the address of the data, plus an offset
OWN = 0xFFFFFFFD << 32  # one of the launch's own descriptors, by its place

# Numbers as in asm/unistd_64.h; tests/unit/runtime/test_calls.py compares both tables.
_X86_64 = {
    "capset": 126,
    "chroot": 161,
    "clone": 56,
    "fchdir": 81,
    "fchownat": 260,
    "getrusage": 98,
    "ioctl": 16,
    "ioprio_set": 251,
    "kill": 62,
    "mount": 165,
    "personality": 135,
    "prctl": 157,
    "prlimit64": 302,
    "sched_setaffinity": 203,
    "sched_setattr": 314,
    "set_mempolicy": 238,
    "seccomp": 317,
    "setdomainname": 171,
    "setgroups": 116,
    "setns": 308,
    "sethostname": 170,
    "setresgid": 119,
    "setresuid": 117,
    "setsid": 112,
    "umask": 95,
    "unshare": 272,
    "wait4": 61,
    "write": 1,
}
# One table for the architectures that came later: aarch64, riscv64, loongarch64 (asm-generic).
_GENERIC = {
    "capset": 91,
    "chroot": 51,
    "clone": 220,
    "fchdir": 50,
    "fchownat": 54,
    "getrusage": 165,
    "ioctl": 29,
    "ioprio_set": 30,
    "kill": 129,
    "mount": 40,
    "personality": 92,
    "prctl": 167,
    "prlimit64": 261,
    "sched_setaffinity": 122,
    "sched_setattr": 274,
    "set_mempolicy": 237,
    "seccomp": 277,
    "setdomainname": 162,
    "setgroups": 159,
    "setns": 268,
    "sethostname": 161,
    "setresgid": 149,
    "setresuid": 147,
    "setsid": 157,
    "umask": 166,
    "unshare": 97,
    "wait4": 260,
    "write": 64,
}
_NUMBERS = {"x86_64": _X86_64, "aarch64": _GENERIC, "riscv64": _GENERIC, "loongarch64": _GENERIC}

# asm-generic/resource.h
RLIMIT_NOFILE = 7
# linux/prctl.h
PR_SET_PDEATHSIG = 1
PR_SET_KEEPCAPS = 8
PR_CAPBSET_DROP = 24
PR_SET_DUMPABLE = 4
PR_SET_NO_NEW_PRIVS = 38
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
PR_CAP_AMBIENT_CLEAR_ALL = 4
# asm/ioctls.h
TIOCSCTTY = 0x540E
# linux/sched.h
CLONE_NEWUSER = 0x10000000
# linux/capability.h
_LINUX_CAPABILITY_VERSION_3 = 0x20080522

# linux/fcntl.h
AT_FDCWD = -100 & (1 << 64) - 1
AT_SYMLINK_NOFOLLOW = 0x100

# Ours: no option of prctl(2), so a filter can hand this call to a supervisor and no other. With 1
# as its second argument it is init's farewell. Its fifth marks the calls of an init (main.c).
SUPERVISED = 0x57415244


def number(name: str) -> int:
    """Return the number of a system call on this machine's architecture.

    Raises:
        UnsupportedError: the architecture is not known.
    """
    machine = os.uname().machine
    table = _NUMBERS.get(machine)
    if table is None:
        raise errors.UnsupportedError(
            f'the numbers of system calls of "{machine}" are not known',
            hint="add them to wardian/runtime/calls.py",
        )
    return table[name]


def _one(name: str, *arguments: int, data: bytes = b"") -> "Rows":
    yield name, arguments, data


def _become_root(groups: int) -> "Rows":
    if groups:
        yield "setgroups", (0, 0), b""
    yield "setresgid", (0, 0, 0), b""
    yield "setresuid", (0, 0, 0), b""


def _name(call: str) -> "Callable[[str], Rows]":
    def rows(name: str) -> "Rows":
        data = name.encode("utf-8", "surrogateescape")
        return _one(call, IN_DATA, len(data), data=data)

    return rows


def _propagation(path: str, flags: int) -> "Rows":
    data = path.encode("utf-8", "surrogateescape") + b"\0"
    return _one("mount", 0, IN_DATA, 0, flags, data=data)


def _owner(path: str, uid: int, gid: int) -> "Rows":
    data = path.encode("utf-8", "surrogateescape") + b"\0"
    return _one("fchownat", AT_FDCWD, IN_DATA, uid, gid, AT_SYMLINK_NOFOLLOW, data=data)


def _mount_within(*words: "Any") -> "Rows":
    """mount(2) in a mount namespace that was joined: the root is a box's, no path leads out."""
    source, target, kind, flags, options = words
    data = b""
    places: list[int] = []
    for text in (source, target, kind, options):
        places.append(IN_DATA + len(data) if text else 0)
        data += text.encode("utf-8", "surrogateescape") + b"\0" if text else b""
    yield "mount", (*places[:3], flags, places[3]), data


def _rlimit(resource: int, soft: int, hard: int) -> "Rows":
    return _one("prlimit64", 0, resource, IN_DATA, data=struct.pack("=QQ", soft, hard))


def _open_files(limit: int) -> "Rows":
    """Limit the open files behind a filter; a mark, past its four arguments, lets it pass."""
    data = struct.pack("=QQ", limit, limit)
    return _one("prlimit64", 0, RLIMIT_NOFILE, IN_DATA, 0, SUPERVISED, data=data)


def _bounding(keep: int) -> "Rows":
    for cap in range(capabilities.last() + 1):
        if not keep >> cap & 1:
            yield "prctl", (PR_CAPBSET_DROP, cap), b""


def _user(uid: int, gid: int, groups: bytes, set_groups: int) -> "Rows":
    """Change the user; the permitted capabilities stay until `capabilities` sets them."""
    yield "prctl", (PR_SET_KEEPCAPS, 1), b""
    if set_groups:  # a user namespace with a single id forbids setgroups(2)
        yield "setgroups", (len(groups) // 4, IN_DATA), groups
    yield "setresgid", (gid, gid, gid), b""
    yield "setresuid", (uid, uid, uid), b""
    yield "prctl", (PR_SET_KEEPCAPS, 0), b""


def _become(uid: int, gid: int) -> "Rows":
    """Change the user behind a filter, whose supervisor lets pass what is marked."""
    yield "setresgid", (gid, gid, gid, 0, SUPERVISED), b""
    yield "setresuid", (uid, uid, uid, 0, SUPERVISED), b""


def _capabilities(effective: int, permitted: int, inheritable: int, ambient: int) -> "Rows":
    yield "prctl", (PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL), b""
    sets = (effective, permitted, inheritable)
    words = [each >> shift & 0xFFFFFFFF for shift in (0, 32) for each in sets]
    data = struct.pack("=Ii6I", _LINUX_CAPABILITY_VERSION_3, 0, *words)
    yield "capset", (IN_DATA, IN_DATA + 8), data
    for cap in range(64):
        if ambient >> cap & 1:
            yield "prctl", (PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap), b""


def _no_capabilities() -> "Rows":
    """Give up all, behind a filter (`become`)."""
    data = struct.pack("=Ii6I", _LINUX_CAPABILITY_VERSION_3, *[0] * 7)
    return _one("capset", IN_DATA, IN_DATA + 8, 0, 0, SUPERVISED, data=data)


def _scheduler(attributes: bytes) -> "Rows":
    return _one("sched_setattr", 0, IN_DATA, 0, data=attributes)


def _affinity(mask: bytes) -> "Rows":
    return _one("sched_setaffinity", 0, len(mask), IN_DATA, data=mask)


def _memory_policy(mode: int, nodes: bytes) -> "Rows":
    return _one("set_mempolicy", mode, IN_DATA, len(nodes) * 8, data=nodes)


def _enter_root(place: int) -> "Rows":
    yield "fchdir", (OWN + place,), b""
    yield "chroot", (IN_DATA,), b".\0"


def _enter_groups(count: int) -> "Rows":
    """Write "0" into open files of control groups, the first of the launch's own descriptors."""
    for place in range(count):
        yield "write", (OWN + place, IN_DATA, 1), b"0"


# name: (signature, argument names, what it is on the wire)
CALLS: "dict[str, tuple[str, tuple[str, ...], Callable[..., Rows]]]" = {
    "unshare": ("u", ("flags",), lambda flags: _one("unshare", flags)),
    "become_root": ("u", ("groups",), _become_root),
    "hostname": ("s", ("name",), _name("sethostname")),
    "domainname": ("s", ("name",), _name("setdomainname")),
    "propagation": ("su", ("path", "flags"), _propagation),
    "owner": ("suu", ("path", "uid", "gid"), _owner),
    "session": ("", (), lambda: _one("setsid", 0, 0, 0, 0, SUPERVISED)),
    "controlling_terminal": ("", (), lambda: _one("ioctl", 0, TIOCSCTTY, 0)),
    "rlimit": ("uuu", ("resource", "soft", "hard"), _rlimit),
    "open_files": ("u", ("limit",), _open_files),
    "umask": ("u", ("mask",), lambda mask: _one("umask", mask)),
    "bounding": ("u", ("keep",), _bounding),
    "user": ("uubu", ("uid", "gid", "groups", "set_groups"), _user),
    "groups": ("b", ("groups",), lambda ids: _one("setgroups", len(ids) // 4, IN_DATA, data=ids)),
    "become": ("uu", ("uid", "gid"), _become),
    "capabilities": (
        "uuuu",
        ("effective", "permitted", "inheritable", "ambient"),
        _capabilities,
    ),
    "no_capabilities": ("", (), _no_capabilities),
    "supervised": ("", (), lambda: _one("prctl", SUPERVISED)),
    "no_new_privs": ("", (), lambda: _one("prctl", PR_SET_NO_NEW_PRIVS, 1)),
    "undumpable": ("", (), lambda: _one("prctl", PR_SET_DUMPABLE, 0)),
    "parent_death": ("u", ("signal",), lambda signal: _one("prctl", PR_SET_PDEATHSIG, signal)),
    "scheduler": ("b", ("attributes",), _scheduler),
    "affinity": ("b", ("mask",), _affinity),
    "io_priority": ("u", ("priority",), lambda priority: _one("ioprio_set", 1, 0, priority)),
    "personality": ("u", ("domain",), lambda domain: _one("personality", domain)),
    "memory_policy": ("ub", ("mode", "nodes"), _memory_policy),
    "enter_root": ("u", ("root",), _enter_root),
    "enter_groups": ("u", ("count",), _enter_groups),
    "mount_within": (
        "sssus",
        ("source", "target", "type", "flags", "options"),
        _mount_within,
    ),
    "enter_user": (
        "u",
        ("namespace",),
        lambda place: _one("setns", OWN + place, CLONE_NEWUSER),
    ),
    "enter": ("u", ("directory",), lambda place: _one("fchdir", OWN + place)),
}


def rows(name: str, arguments: "Sequence[object]") -> "list[tuple[int | bytes, ...]]":
    """Return the `call` steps of a step: (number, first ... fifth, data) each."""
    found: list[tuple[int | bytes, ...]] = []
    for call, values, data in CALLS[name][2](*arguments):
        padded = (*values, 0, 0, 0, 0, 0)[:5]
        found.append((number(call), *padded, data))
    return found
