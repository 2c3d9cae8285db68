"""Read the kernel's audit records, as a witness beside the one who is asked about system calls.

Facts about records
-------------------
- A seccomp filter with SECCOMP_FILTER_FLAG_LOG leaves a record of type 1326 for each call that it
  does not allow: who, which call, from where; no arguments. For one that is handed to a supervisor
  it is written when the call was answered, or when its caller was killed before; one that is let go
  on leaves none.
- Whoever has CAP_AUDIT_READ, in the first user and network namespace, gets all records of the
  machine from a multicast group, whether or not auditd runs. In /dev/kmsg most of them lack: what
  is written there is limited to a few a second, and nothing while auditd runs.
- Ids and pids are those of the first namespaces. Names that a program chose are quoted, or in
  hexadecimal where they have anything but printable characters, so that they can't look like
  another field.

Kernel: netlink(7), linux/audit.h.
"""

import _socket
import errno

from wardian.errors import KernelError

# linux/netlink.h, linux/audit.h
NETLINK_AUDIT = 9
AUDIT_NLGRP_READLOG = 1
AUDIT_SECCOMP = 1326

_HEADER_BYTES = 16
_LARGEST = 1 << 14
_SO_RCVBUFFORCE = 33  # asm-generic/socket.h
_RECEIVED_BYTES = 16 << 20


class Record:
    """One call that a filter did not allow.

    Attributes:
        stamp: the record's name: seconds since 1970, and its number.
        pid, uid: of the process, in the first namespaces.
        comm: the thread's name, as the kernel wrote it.
        audit: AUDIT_ARCH value of the call's architecture.
        number: of the call.
        instruction: address of the instruction behind the call.
        code: the filter's answer, SECCOMP_RET_*.
    """

    __slots__ = ("audit", "code", "comm", "instruction", "number", "pid", "stamp", "uid")

    def __init__(self, stamp: str, fields: "dict[str, str]") -> None:
        self.stamp = stamp
        self.pid, self.uid = int(fields["pid"]), int(fields["uid"])
        self.comm = _name(fields["comm"])
        self.audit = int(fields["arch"], 16)
        self.number = int(fields["syscall"]) & 0xFFFFFFFF
        self.instruction = int(fields["ip"], 16)
        self.code = int(fields["code"], 16)

    def as_dict(self) -> "dict[str, int | str]":
        """Return it as plain data."""
        found = {name: getattr(self, name) for name in ("stamp", "pid", "uid", "comm", "number")}
        return {**found, "arch": hex(self.audit), "ip": hex(self.instruction)}


def _name(text: str) -> str:
    if text[:1] == '"':
        return text.strip('"')
    try:
        return bytes.fromhex(text).decode("utf-8", "backslashreplace")
    except ValueError:
        return text


def open_log() -> "_socket.socket":
    """Return a socket that receives the records from now on; it does not block.

    Raises:
        KernelError: EPERM without CAP_AUDIT_READ, EPROTONOSUPPORT in a kernel without audit.
    """
    kind = _socket.SOCK_RAW | _socket.SOCK_CLOEXEC | _socket.SOCK_NONBLOCK
    try:
        found = _socket.socket(_socket.AF_NETLINK, kind, NETLINK_AUDIT)
    except OSError as error:
        raise KernelError("socket(NETLINK_AUDIT)", error.errno or 0) from None
    try:
        found.bind((0, AUDIT_NLGRP_READLOG))
    except OSError as error:
        found.close()
        raise KernelError("bind(AUDIT_NLGRP_READLOG)", error.errno or 0) from None
    try:
        found.setsockopt(_socket.SOL_SOCKET, _SO_RCVBUFFORCE, _RECEIVED_BYTES)
    except PermissionError:
        pass  # some may be lost then; receive says so
    return found


def receive(log: "_socket.socket") -> "Record | None":
    """Take one message; None for one that is about something else.

    Raises:
        BlockingIOError: there is none.
        KernelError: ENOBUFS where some were lost.
    """
    try:
        data = log.recv(_LARGEST)
    except BlockingIOError:
        raise
    except OSError as error:
        raise KernelError("recv(NETLINK_AUDIT)", error.errno or errno.EIO) from None
    return parse(data)


def parse(data: bytes) -> "Record | None":
    """Return the record of a netlink message, or None where it is none of seccomp."""
    if int.from_bytes(data[4:6], "little") != AUDIT_SECCOMP:
        return None
    text = data[_HEADER_BYTES:].rstrip(b"\0\n").decode("ascii", "backslashreplace")
    head, _colon, rest = text.partition("): ")
    fields = dict(word.partition("=")[::2] for word in rest.split(" "))
    try:
        return Record(head.removeprefix("audit("), fields)
    except (KeyError, ValueError):
        return None
