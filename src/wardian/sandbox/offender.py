"""Who made a forbidden call, with which arguments, and from where: read while it stands.

Everything that is read was written by the program: lengths are bounded, bad pointers are normal,
and text is kept as it is found, for others to escape.

Kernel: proc(5), /proc/TID/mem, maps and status; ptrace(2), "Ptrace access mode checking".
"""

import os

from wardian.kernel import libseccomp
from wardian.kernel.process_memory import Memory
from wardian.kernel.seccomp_notify import Notification
from wardian.sandbox import arguments
from wardian.sandbox.box_plan import UID
from wardian.sandbox.verdict import Violation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from wardian.kernel.audit import Record

STATUS_BYTES = 8192
MAPS_BYTES = 4 << 20
X86_64 = 0xC000003E  # linux/audit.h
X32_BIT = 0x40000000  # asm/unistd.h
ARCHITECTURES = {
    audit: name.removeprefix("SCMP_ARCH_").lower()
    for name, (token, audit, _new) in libseccomp.ARCHITECTURES.items()
    if token == audit
}


def describe(one: "Notification", moment_s: float, action: str, owner: int | None) -> Violation:
    """Return the record of a call whose caller stands.

    Args:
        one: the call.
        moment_s: when it was seen.
        action: what the policy's mode is.
        owner: the box's user outside; None where it is our own.
    """
    name = call_name(one)
    status = read_status(one.tid)
    with Memory(one.tid) as memory:
        decoded = arguments.decode(name, one.arguments, memory, one.tid)
    uid = int((status.get("Uid") or "-1").split()[0])
    mine = os.geteuid() if owner is None else owner
    return Violation(
        time=moment_s,
        syscall=name,
        number=one.number,
        arch=architecture(one),
        args=one.arguments,
        decoded=decoded,
        pid=int(status.get("Tgid", "0")),
        tid=one.tid,
        inner_pid=int((status.get("NStgid") or "0").split()[-1]),
        comm=status.get("Name", ""),
        uid=(0 if owner is None else UID) if uid == mine else uid,
        instruction=instruction(one.tid, one.instruction),
        action=action,
    )


def bare(one: "Notification", moment_s: float, action: str) -> Violation:
    """Return the record of a call whose caller is gone: only what the notification says."""
    return Violation(
        time=moment_s,
        syscall=call_name(one),
        number=one.number,
        arch=architecture(one),
        args=one.arguments,
        decoded={},
        pid=0,
        tid=one.tid,
        inner_pid=0,
        comm="",
        uid=-1,
        instruction={"address": hex(one.instruction)},
        action=action,
    )


def unknown(moment_s: float, action: str) -> Violation:
    """Return the record of a call that a signal called off before it could be received."""
    return Violation(
        time=moment_s,
        syscall="interrupted",
        number=-1,
        arch="",
        args=(),
        decoded={},
        pid=0,
        tid=0,
        inner_pid=0,
        comm="",
        uid=-1,
        instruction={},
        action=action,
    )


def witnessed(record: "Record", moment_s: float, action: str) -> Violation:
    """Return the record of a call that the kernel's audit alone has told of."""
    import dataclasses

    one = Notification(bytes(80))
    one.number, one.audit, one.instruction = record.number, record.audit, record.instruction
    found = bare(one, moment_s, action)
    return dataclasses.replace(found, args=(), pid=record.pid, tid=0, comm=record.comm)


def architecture(one: "Notification") -> str:
    """Return the architecture of a call: that of x32 is told by the number alone."""
    if one.audit == X86_64 and one.number & X32_BIT:
        return "x32"
    return ARCHITECTURES.get(one.audit, hex(one.audit))


def call_name(one: "Notification") -> str:
    """Return the call's name; "#512" for one that nobody knows."""
    name = libseccomp.call_name(one.number, one.audit)
    return name or f"#{one.number}"


def read_status(tid: int) -> "dict[str, str]":
    """Return /proc/TID/status by its words; empty for a process that is gone."""
    try:
        with open(f"/proc/{tid}/status", "rb") as file:
            text = file.read(STATUS_BYTES).decode("utf-8", "backslashreplace")
    except OSError:
        return {}
    rows = (line.partition(":") for line in text.split("\n"))
    return {name: value.strip() for name, colon, value in rows if colon}


def read_maps(tid: int) -> "list[tuple[int, int, str, int, str]]":
    """Return (first, end, permissions, file offset, path) of each mapping."""
    try:
        with open(f"/proc/{tid}/maps", "rb") as file:
            data = file.read(MAPS_BYTES)
    except OSError:
        return []
    found = []
    for line in data.decode("utf-8", "backslashreplace").split("\n"):
        words = line.split(None, 5)
        if len(words) < 5:
            continue
        first, _dash, end = words[0].partition("-")
        path = words[5] if len(words) > 5 else ""
        found.append((int(first, 16), int(end, 16), words[1], int(words[2], 16), path))
    return found


def file_at(tid: int, address: int) -> str:
    """Return the path of the file that is mapped at an address; "" for none."""
    for first, end, _permissions, _offset, path in read_maps(tid):
        if first <= address < end:
            return path or ""
    return ""


def instruction(tid: int, address: int) -> "dict[str, Any]":
    """Return where the call was made: the address, its file and the offset in it."""
    found: dict[str, Any] = {"address": hex(address)}
    for first, end, _permissions, offset, path in read_maps(tid):
        if first <= address < end:
            if path:
                found["file"] = path
                found["offset"] = hex(address - first + offset)
            break
    return found
