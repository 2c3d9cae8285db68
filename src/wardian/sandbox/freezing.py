"""Bring a whole box to a stand, kill what stands, or keep it for a person.

Facts about the three ways
--------------------------
- cgroup2: one write; the kernel announces "frozen 1" in cgroup.events. `cgroup.kill` ends a frozen
  group.
- The v1 freezer: FROZEN is asked for again and again, since a process that was forked meanwhile is
  caught by the next write. SIGKILL works only after the thaw: it is sent to all first, so nothing
  runs on.
- SIGSTOP, without any control group: process by process, in rounds until no new one appears. A
  process stopped so can be seen to be by its parent, and be continued by a process that was not
  stopped yet; the rounds end only when all stand at the same time. The signal is one thread's to
  take, so others of the process may go on a little: a call of theirs is left without an answer,
  which holds them as well.

Kernel: Documentation/admin-guide/cgroup-v2.rst; cgroup-v1/freezer-subsystem.rst; signal(7).
"""

import os
import time

from wardian.errors import HostError
from wardian.kernel import cgroup_files as files
from wardian.kernel import processes
from wardian.kernel.cgroup_files import UNIFIED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from wardian.sandbox.box import Box

SIGSTOP = 19
PAUSE_S = 0.00005
KILL_TIMEOUT_S = 2.0


class Freezer:
    """How a box is brought to a stand.

    Attributes:
        kind: "unified", "freezer" or "SIGSTOP".
    """

    __slots__ = ("_box", "_fd", "_word", "kind")

    def __init__(self, box: "Box") -> None:
        self._box = box
        groups = box.group.groups if box.group is not None else {}
        self.kind = next((kind for kind in (UNIFIED, "freezer") if kind in groups), "SIGSTOP")
        self._fd = -1
        self._word = b"1" if self.kind == UNIFIED else b"FROZEN"
        if self.kind != "SIGSTOP":
            name = "cgroup.freeze" if self.kind == UNIFIED else "freezer.state"
            self._fd = box.group.opened(self.kind, name, os.O_WRONLY)  # type: ignore[union-attr]

    def request(self) -> None:
        """Ask for it; returns at once."""
        try:
            if self._fd >= 0:
                os.write(self._fd, self._word)
                return
        except OSError:
            return  # the box is going already
        for pid in self._box.members():
            _signal(pid, SIGSTOP)

    def holds(self, tid: int) -> bool:
        """Return whether a thread stands only as long as its call has no answer."""
        if self.kind != "SIGSTOP" or len(_threads(tid)) == 1:
            return False
        self._box.held.add(tid)
        return True

    def outlive(self) -> None:
        """Go on although the group's descriptors will be closed: its thread does not end."""
        if self._fd >= 0:
            self._fd = os.dup(self._fd)

    def wait(self, timeout_s: float, meanwhile: "Callable[[], None]") -> bool:
        """Wait until all stand.

        Args:
            timeout_s: when to give up.
            meanwhile: called again and again: a process that waits for an answer can't stand.
        """
        end_s = time.monotonic() + timeout_s
        while True:
            meanwhile()
            if self._stands():
                return True
            if time.monotonic() >= end_s:
                return False
            if self.kind != UNIFIED:
                self.request()
            time.sleep(PAUSE_S)

    def _stands(self) -> bool:
        if self.kind == "SIGSTOP":
            found = self._box.members()
            threads = [tid for pid in found for tid in _threads(pid) if tid not in self._box.held]
            return bool(found) and all(_state(tid) in "TtZX" for tid in threads)
        assert self._box.group is not None
        group = self._box.group.groups[self.kind]
        if self.kind == UNIFIED:
            return "frozen 1" in (files.find(f"{group}/cgroup.events") or "")
        return files.find(f"{group}/freezer.state") == "FROZEN"

    def kill(self) -> None:
        """End all that stand."""
        if self.kind == "SIGSTOP" or self._box.group is None:
            self._box.kill()
            return
        try:
            if self.kind == UNIFIED:
                files.write(f"{self._box.group.groups[UNIFIED]}/cgroup.kill", "1")
                files.write(f"{self._box.group.groups[UNIFIED]}/cgroup.freeze", "0")
            else:
                group = self._box.group.groups["freezer"]
                files.signal_all(group)
                self._box.kill()
                files.write(f"{group}/freezer.state", "THAWED")
        except HostError:  # before Linux 5.14; or the group is gone
            self._box.kill()
            self._thaw()

    def _thaw(self) -> None:
        assert self._box.group is not None
        try:
            self._box.group.thaw()
        except HostError:
            return


class FrozenBox:
    """A box that stands frozen for a person: look at it from outside, then `end` it.

    Attributes:
        pids: its processes, as this process sees them.
        group: the directories of its control group, by hierarchy.
    """

    def __init__(self, box: "Box", freezer: Freezer) -> None:
        self._box = box
        self._freezer = freezer
        self.pids = box.members()
        self.group = dict(box.group.groups) if box.group is not None else {}

    def end(self) -> None:
        """Kill it, and let go of all that it holds."""
        if self._box.launch is not None:
            self._freezer.kill()
            self._box.launch.wait(KILL_TIMEOUT_S)
            self._box.let_go()

    def __enter__(self) -> "FrozenBox":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


# ---- processes -----------------------------------------------------------------------------


def _threads(tid: int) -> "list[int]":
    """Return the threads of a thread's process."""
    try:
        return list(map(int, os.listdir(f"/proc/{tid}/task")))
    except OSError:
        return []


def _state(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b")")[2].split()[0].decode()
    except OSError:
        return "X"


def _signal(pid: int, number: int) -> None:
    try:
        fd = os.pidfd_open(pid)
    except OSError:
        return
    try:
        processes.send_signal(fd, number)
    except PermissionError:
        pass
    finally:
        os.close(fd)
