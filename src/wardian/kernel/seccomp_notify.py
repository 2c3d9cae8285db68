"""Answer the system calls that a seccomp filter hands to a supervisor.

Facts about notifications
-------------------------
- The caller stands before its call, which has not happened, until it is answered. Its tid is in
  the pid namespace of whoever receives.
- A signal ends the wait of a caller whose notification nobody has received yet: receiving then
  fails with ENOENT, and so does answering. With WAIT_KILLABLE_RECV (since Linux 5.19) a received
  one waits on, but for SIGKILL. A call that vanished so was attempted, and did not happen.
- The kernel counts notifications, and receiving takes one from the count: whoever blocks in it
  hears of one that was called off too, as ENOENT, where poll shows nothing. It waits for the next
  while there is none; since Linux 6.11 it ends, as ENOENT, when no process with the filter is left;
  before that it never does, and only poll (POLLHUP) tells.
- What was read of the caller counts only if the id is still valid afterwards; else it may be
  another process with the same pid.
- Ids are given in sequence, to those too that are called off before they are received.
- SYNC_WAKE_UP (since Linux 6.6) wakes the supervisor on the caller's processor, at once.

Kernel: seccomp_unotify(2), linux/seccomp.h.
"""

import errno
import fcntl
import select
import struct

from wardian.kernel import probe

# linux/seccomp.h; struct seccomp_notif has 80 bytes, struct seccomp_notif_resp 24
SECCOMP_IOCTL_NOTIF_RECV = 0xC0502100
SECCOMP_IOCTL_NOTIF_SEND = 0xC0182101
SECCOMP_IOCTL_NOTIF_ID_VALID = 0x40082102
SECCOMP_IOCTL_NOTIF_SET_FLAGS = 0x40082104
SECCOMP_USER_NOTIF_FLAG_CONTINUE = 1
SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP = 1

_NOTIFICATION = struct.Struct("=QIIiIQ6Q")
_RESPONSE = struct.Struct("=QqiI")
_ID = struct.Struct("=Q")


class Notification:
    """One call that waits for an answer.

    Attributes:
        id: names it.
        tid: of the caller, as this process sees it; 0 where it can't be seen from here.
        number, audit: of the call, and the AUDIT_ARCH value of its architecture.
        instruction: address of the instruction behind the call.
        arguments: all six.
    """

    __slots__ = ("arguments", "audit", "id", "instruction", "number", "tid")

    def __init__(self, data: "bytes | bytearray") -> None:
        ident, tid, _flags, number, audit, instruction, *arguments = _NOTIFICATION.unpack(data)
        self.id: int = ident
        self.tid: int = tid
        self.number: int = number & 0xFFFFFFFF
        self.audit: int = audit
        self.instruction: int = instruction
        self.arguments: tuple[int, ...] = tuple(arguments)


class Listener:
    """The supervisor's end of a filter; closes the descriptor."""

    __slots__ = ("fd",)

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def wake_up_at_once(self) -> None:
        """Ask to be woken on the caller's processor; older kernels don't know how."""
        try:
            fcntl.ioctl(self.fd, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP)
        except OSError:
            return

    def receive(self) -> "Notification | None":
        """Take a notification that poll announced; None for one that a signal called off."""
        while True:
            data = bytearray(_NOTIFICATION.size)
            try:
                fcntl.ioctl(self.fd, SECCOMP_IOCTL_NOTIF_RECV, data, True)
            except OSError as error:
                if error.errno == errno.ENOENT:
                    return None
                if error.errno != errno.EINTR:  # a signal of ours
                    raise
            else:
                return Notification(data)

    def next(self, *, blocks: bool) -> "Notification | None":
        """Wait for the next notification; None for one that was called off.

        Args:
            blocks: receive at once (`hears_all`); else poll first, which misses some.

        Raises:
            EOFError: no process is left that could call.
        """
        if not blocks:
            poll = select.poll()
            poll.register(self.fd, select.POLLIN)
            if not poll.poll()[0][1] & select.POLLIN:
                raise EOFError
        found = self.receive()
        if found is None and self._is_over():
            raise EOFError
        return found

    def _is_over(self) -> bool:
        poll = select.poll()
        poll.register(self.fd, 0)
        return bool(poll.poll(0))

    def is_waiting(self) -> bool:
        """Return whether there is something to receive now."""
        poll = select.poll()
        poll.register(self.fd, select.POLLIN)
        return any(events & select.POLLIN for _fd, events in poll.poll(0))

    def is_valid(self, one: Notification) -> bool:
        """Return whether the caller still stands before that call."""
        try:
            fcntl.ioctl(self.fd, SECCOMP_IOCTL_NOTIF_ID_VALID, _ID.pack(one.id))
        except OSError:
            return False
        return True

    def refuse(self, one: Notification, number: int = errno.EPERM) -> bool:
        """Have the call fail with an errno; returns whether its caller was still there."""
        return self._send(_RESPONSE.pack(one.id, 0, -number, 0))

    def succeed(self, one: Notification) -> bool:
        """Have the call return 0 without making it."""
        return self._send(_RESPONSE.pack(one.id, 0, 0, 0))

    def let_go_on(self, one: Notification) -> bool:
        """Have the kernel make the call; only for a caller that is trusted (a race else)."""
        return self._send(_RESPONSE.pack(one.id, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE))

    def _send(self, response: bytes) -> bool:
        try:
            fcntl.ioctl(self.fd, SECCOMP_IOCTL_NOTIF_SEND, response)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.EINPROGRESS):
                return False
            raise
        return True


def hears_all() -> bool:
    """Return whether a blocked receiver is let go when the last process ends: Linux 6.11."""
    return probe.facts().kernel >= (6, 11)


_SYS_SECCOMP = {"x86_64": 317}  # asm-generic has 277
_SECCOMP_SET_MODE_FILTER = 1
_known: dict[int, bool] = {}


def knows_flags(flags: int) -> bool:
    """Return whether this kernel takes these flags of SECCOMP_SET_MODE_FILTER.

    seccomp(2): with a null filter a known flag ends in EFAULT, an unknown one in EINVAL.
    """
    found = _known.get(flags)
    if found is None:
        import ctypes
        import os

        libc = ctypes.CDLL(None, use_errno=True)
        number = _SYS_SECCOMP.get(os.uname().machine, 277)
        libc.syscall(ctypes.c_long(number), _SECCOMP_SET_MODE_FILTER, ctypes.c_uint(flags), None)
        found = _known[flags] = ctypes.get_errno() == errno.EFAULT
    return found
