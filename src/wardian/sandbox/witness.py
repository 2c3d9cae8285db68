"""An independent witness of forbidden calls: the kernel's audit records of the boxes' users.

One thread reads for the whole process, and hands each record to the box whose user made the call;
no two boxes have the same, but for the runs of one warm interpreter, which are told by their pids.
What no notification accounts for is a call that its program called off so fast that the supervisor
never heard of it.

Kernel: kernel/audit.py has the facts.
"""

import collections
import os
import select
import threading
import time

from wardian.errors import KernelError
from wardian.kernel import audit

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket

    from wardian.kernel.audit import Record
    from wardian.kernel.seccomp_notify import Notification
    from wardian.sandbox.box import Box

SECCOMP_RET_USER_NOTIF = 0x7FC00000  # linux/seccomp.h
KEPT = 256
SETTLE_TIMEOUT_S = 0.05
PAUSE_S = 0.0005


class Watch:
    """What is known of one box's calls from both sides.

    Attributes:
        box: whose calls they are.
        records: of the kernel, the first KEPT.
        count: how many there were.
    """

    __slots__ = ("_answered", "_called_off", "_heard", "_quiet", "box", "count", "records")

    def __init__(self, box: "Box") -> None:
        self.box = box
        self.records: list[Record] = []
        self.count = 0
        self._heard: collections.Counter[tuple[int, int]] = collections.Counter()
        self._answered = 0
        self._called_off = 0
        self._quiet: set[tuple[int, int]] = set()

    def take(self, record: "Record") -> None:
        """Keep a record."""
        self.count += 1
        if len(self.records) < KEPT:
            self.records.append(record)

    def hear(self, one: "Notification | None") -> None:
        """Note what the supervisor was told; None for a call that was called off."""
        if one is None:
            self._called_off += 1
        else:
            self._answered += 1
            if self._answered <= KEPT:
                self._heard[one.number, one.instruction] += 1

    def excuse(self, one: "Notification") -> None:
        """Note that a call is no violation: a library's probe, or the launcher's."""
        self._quiet.add((one.number, one.instruction))

    def of_violations(self) -> "list[Record]":
        """Return the records but for those of calls that are none."""
        quiet = self._quiet
        return [one for one in self.records if (one.number, one.instruction) not in quiet]

    def unseen(self) -> "list[Record]":
        """Return the records of calls that the supervisor was never told of."""
        if self.count > KEPT:
            return []  # it was told of hundreds; one more says nothing
        left = self._heard.copy()
        found = []
        for one in self.of_violations():
            if left[one.number, one.instruction] > 0:
                left[one.number, one.instruction] -= 1
            else:
                found.append(one)
        return found[self._called_off :]


class Witness:
    """Reads the records of this machine, in a thread."""

    def __init__(self, log: "_socket.socket") -> None:
        self._log = log
        self._watches: dict[int, list[Watch]] = {}
        self._lock = threading.Lock()
        threading.Thread(target=self._read, daemon=True).start()

    def begin(self, box: "Box") -> Watch:
        """Watch a box until `end`."""
        assert box.owner is not None
        watch = Watch(box)
        with self._lock:
            self._watches.setdefault(box.owner, []).append(watch)
        return watch

    def end(self, watch: Watch) -> None:
        """Forget a box."""
        owner = watch.box.owner
        assert owner is not None
        with self._lock:
            found = self._watches.get(owner, [])
            if watch in found:
                found.remove(watch)
            if not found:
                self._watches.pop(owner, None)

    def settle(self, watch: Watch) -> bool:
        """Wait until what was written of a box so far is here; returns False if it seems not."""
        end_s = time.monotonic() + SETTLE_TIMEOUT_S
        while time.monotonic() < end_s:
            with self._lock:
                # Each box has one at least: that of the launcher's word with its supervisor.
                if watch.count and not select.select([self._log], [], [], 0)[0]:
                    return True
            time.sleep(PAUSE_S)
        return False

    def _read(self) -> None:
        while True:
            select.select([self._log], [], [])
            with self._lock:
                self._drain()

    def _drain(self) -> None:
        while True:
            try:
                record = audit.receive(self._log)
            except BlockingIOError:
                return
            except KernelError:  # ENOBUFS: some are lost; it is a second witness, not the first
                continue
            if record is not None and record.code == SECCOMP_RET_USER_NOTIF:
                self._hand_on(record)

    def _hand_on(self, record: "Record") -> None:
        found = self._watches.get(record.uid, [])
        if len(found) > 1:
            found = [one for one in found if record.pid in one.box.members()]
        if len(found) == 1:
            found[0].take(record)


_lock = threading.Lock()
_one: "list[Witness]" = []
_why: "list[str]" = []


def lacks() -> str:
    """Return why there is no witness here; "" where there is one, which is begun."""
    with _lock:
        if not _one and not _why:
            try:
                if not _is_first("pid", _FIRST_PID) or not _is_first("user", _FIRST_USER):
                    _why.append("this process is in a namespace")
                else:
                    _one.append(Witness(audit.open_log()))
            except KernelError as error:
                _why.append(str(error))
        return _why[0] if _why else ""


def begin(box: "Box") -> Watch | None:
    """Watch a box; None where there is no witness, or the box has no user of its own."""
    if box.owner is None or lacks():
        return None
    return _one[0].begin(box)


def settle(watch: Watch) -> bool:
    """Wait until the records so far are here (Witness.settle)."""
    return _one[0].settle(watch) if _one else False


def end(watch: Watch) -> None:
    """Forget a box."""
    if _one:
        _one[0].end(watch)


# linux/nsfs.h (since Linux 6.18), and the same numbers before: of the first namespaces
_FIRST_USER, _FIRST_PID = 0xEFFFFFFD, 0xEFFFFFFC


def _is_first(kind: str, number: int) -> bool:
    try:
        return os.stat(f"/proc/self/ns/{kind}").st_ino == number
    except OSError:
        return False


def _after_fork() -> None:
    global _lock  # noqa: PLW0603 - a thread that is not here may have held it
    _lock = threading.Lock()
    _one.clear()
    _why.clear()


os.register_at_fork(after_in_child=_after_fork)
