"""The violation pipeline: what happens from a forbidden call to the end of its box.

    1  receive: the caller stands before its call, which has not happened
    2  ask for the freeze of the whole box
    3  read the call's arguments out of the caller's memory; is it still the same caller?
    4  answer -EPERM: the caller leaves the wait, and goes straight into the freezer
    5  wait until all stand, for FREEZE_TIMEOUT_S at most; refuse and count what else was called
    6  write the event to the log, and fsync it
    7  take the evidence
    8  kill, or leave frozen for a person (mode "freeze")

In mode "errno" it ends with 4 and 6.

Facts behind the order
----------------------
A caller whose notification was received can't be frozen before it is answered (it waits killably);
one whose notification was not received yet can, and then its notification is void. So the freeze is
asked for first and comes true with the answer, and no instruction behind the call is executed.

A signal can call a notification off before it is received. The call has not happened then either,
but there is nothing to read: it counts as a violation without a name, and the box ends the same
way.

Kernel: seccomp_unotify(2); Documentation/admin-guide/cgroup-v2.rst, "cgroup.freeze".
"""

import os
import select
import time

from wardian.kernel import libseccomp
from wardian.kernel.seccomp_notify import Listener, Notification
from wardian.sandbox import freezing, offender
from wardian.sandbox.verdict import Violation

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from wardian.sandbox.box import Box
    from wardian.sandbox.reporting import Reporter

FREEZE_TIMEOUT_S = 0.25
KEPT_VIOLATIONS = 32
LAUNCHER = "/memfd:wardian (deleted)"
EXECUTIONS = ("execve", "execveat")


class Supervisor:
    """Answers the notifications of one box.

    Attributes:
        violations: the first ones.
        count: how many there were.
        listener: the filter's, once it is there.
        program_runs: the launcher's own execve has succeeded.
        ends_the_run: a violation ended the box, or froze it.
        evidence: directory of the bundle, or None.
        kept_box: the frozen box of mode "freeze", or None.
        frozen_after_s: from the violation to the moment when all stood; None before.
    """

    def __init__(
        self, box: "Box", mode: str, reporter: "Reporter", end: "Callable[[], None]"
    ) -> None:
        self._box = box
        self._end = end
        self._reporter = reporter
        self.mode = mode
        self.violations: list[Violation] = []
        self.count = 0
        self.listener: Listener | None = None
        self.program_runs = False
        self.ends_the_run = False
        self.evidence: str | None = None
        self.kept_box: freezing.FrozenBox | None = None
        self.frozen_after_s: float | None = None

    @property
    def is_kept(self) -> bool:
        """The box stands frozen for a person."""
        return self.kept_box is not None

    def take(self, fd: int) -> None:
        """Take the listener, before the program runs."""
        self.listener = Listener(fd)
        self.listener.wake_up_at_once()

    def serve(self) -> bool:
        """Answer all that waits; returns False when no process is left that could call."""
        assert self.listener is not None
        poll = select.poll()
        poll.register(self.listener.fd, select.POLLIN)
        while ready := poll.poll(0):
            if not ready[0][1] & select.POLLIN:
                return False
            one = self.listener.receive()
            if one is not None and self.is_launchers(one):
                self.listener.let_go_on(one)
                continue
            self._violation(one)
            if self.ends_the_run:
                return False
        return True

    def is_launchers(self, one: Notification) -> bool:
        """Return whether the launcher wants to become the program.

        It runs from a sealed copy in memory, which nothing else does.
        """
        if self.program_runs or self.name_of(one) not in EXECUTIONS:
            return False
        try:
            executable = os.readlink(f"/proc/{one.tid}/exe")
        except PermissionError:  # below an ordinary user: it is not dumpable, as no program is
            executable = LAUNCHER
        except OSError:
            return False
        assert self.listener is not None
        return executable == LAUNCHER and self.listener.is_valid(one)

    def name_of(self, one: Notification) -> str:
        """Return the call's name; "" for one that nobody knows."""
        return libseccomp.call_name(one.number, one.audit)

    # ---- one violation --------------------------------------------------------------------

    def _violation(self, one: Notification | None) -> None:
        seen_s, moment_s = time.monotonic(), time.time()
        self.count += 1
        is_fatal = self.mode != "errno"
        freezer = None
        if is_fatal:
            self.ends_the_run = True
            freezer = freezing.Freezer(self._box)
            freezer.request()
        record = self._describe(one, moment_s)
        if one is not None and self.listener is not None:
            self.listener.refuse(one)
        if len(self.violations) < KEPT_VIOLATIONS:
            self.violations.append(record)
        if freezer is None:
            self._reporter.log(self._box, record, self.count)
            return
        is_frozen = freezer.wait(FREEZE_TIMEOUT_S, self._refuse_more)
        if is_frozen:
            self.frozen_after_s = time.monotonic() - seen_s
        self._reporter.log(self._box, record, self.count)
        self.evidence = self._reporter.take_evidence(self._box, record, one)
        if self.mode == "freeze" and is_frozen:
            self.kept_box = freezing.FrozenBox(self._box, freezer)
            return
        self._end()
        freezer.kill()

    def _refuse_more(self) -> None:
        """Refuse and count what others call while the box comes to a stand."""
        assert self.listener is not None
        while self.listener.is_waiting():
            one = self.listener.receive()
            self.count += 1
            if one is None:
                continue
            if len(self.violations) < KEPT_VIOLATIONS:
                record = self._describe(one, time.time())
                self.violations.append(record)
                self._reporter.log(self._box, record, self.count)
            self.listener.refuse(one)

    def _describe(self, one: Notification | None, moment_s: float) -> Violation:
        if one is None:
            return offender.unknown(moment_s, self.mode)
        assert self.listener is not None
        record = offender.describe(one, moment_s, self.mode, self._box.owner)
        if not self.listener.is_valid(one):  # what was read may be somebody else's
            return offender.bare(one, moment_s, self.mode)
        return record

    def finish(self) -> None:
        """Count what still waits once the box is gone: refused by its end."""
        self._reporter.finish(self._box, self.count)

    def close(self) -> None:
        """Close the listener: who waits there gets ENOSYS."""
        if self.listener is not None:
            os.close(self.listener.fd)
            self.listener = None
