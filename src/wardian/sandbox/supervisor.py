"""The violation pipeline: what happens from a forbidden call to the end of its box.

    1  receive: the caller stands before its call, which has not happened
    2  ask for the freeze of the whole box
    3  read the call's arguments out of the caller's memory; is it still the same caller?
    4  answer -EPERM: the caller leaves the wait, and goes straight into the freezer (without a
     control group, a caller with threads beside it is left waiting instead)
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

A signal can call a notification off in the microseconds before it is received. The call has not
happened then either, but a handler without SA_RESTART lets the caller go on until the freeze. So a
thread blocks in receiving: nothing is faster, and it hears of what was called off. That counts as a
violation without a name, and the box ends the same way. On a busy machine the program can even end
before the thread hears: so the box's init, which is under the filter, has the last word, and the
number of its notification says how many there have been.

Kernel: seccomp_unotify(2); Documentation/admin-guide/cgroup-v2.rst, "cgroup.freeze".
"""

import os
import time

from wardian.kernel import libseccomp, seccomp_notify
from wardian.kernel.seccomp_notify import Listener, Notification
from wardian.runtime import launch
from wardian.runtime.calls import SUPERVISED
from wardian.sandbox import freezing, listening, offender, probes, witness
from wardian.sandbox.reporting import LINES_PER_RUN
from wardian.sandbox.verdict import Violation

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _thread
    from collections.abc import Callable, Mapping

    from wardian.sandbox.box import Box
    from wardian.sandbox.policy import Probe
    from wardian.sandbox.reporting import Reporter

FREEZE_TIMEOUT_S = 2.0
MOST_LOOKS = 64  # quiet answers to libraries that look what there is
KEPT_VIOLATIONS = 32
MOST_REFUSED = 100_000  # of one box in mode "errno", before it is killed
END_TIMEOUT_S = 30.0  # evidence has bounds of its own
# What the launcher does between its word with the supervisor and the program's first instruction.
LAST_CALLS = frozenset(("execve", "rt_sigprocmask", "brk", "mmap", "read", "pread64", "recvfrom"))


class Supervisor:
    """Answers the notifications of one box, in a thread.

    Args:
        box: whose calls they are.
        mode: "kill", "freeze" or "errno".
        reporter: takes what is to be told.
        end: ends the run.
        looks: the policy's `probes`.
        is_recorded: the kernel leaves audit records of forbidden calls.
        is_launched: the launcher executes the program; else it is there when the box is.

    Attributes:
        violations: the first ones.
        count: how many there were.
        program_runs: the launcher asks for nothing more: who calls is the program.
        ends_the_run: a violation ends the box, or froze it.
        evidence: directory of the bundle, or None.
        kept_box: the frozen box of mode "freeze", or None.
        frozen_after_s: from the violation to the moment when all stood; None before.
        trouble: why the log or the evidence is not whole; "" where they are.
        is_witness_late: an audit record of this box may still come.
        bell: written to when a box is kept; -1 for nobody.
    """

    def __init__(
        self,
        box: "Box",
        mode: str,
        reporter: "Reporter",
        end: "Callable[[], None]",
        *,
        looks: "Mapping[str, Probe] | None" = None,
        is_launched: bool = True,
        is_recorded: bool = False,
    ) -> None:
        self._box = box
        self._end = end
        self._reporter = reporter
        self._mode = mode
        self._probes = looks or {}
        self._looked = 0
        self._listener: Listener | None = None
        self._freezer: freezing.Freezer | None = None
        self._done: _thread.LockType | None = None
        self._blocks = seccomp_notify.hears_all()
        self._is_awaited = True
        self._is_launched = is_launched
        self._is_recorded = is_recorded
        # Of the first notification that is not accounted for; the launcher's word is the first.
        self._next_id: int | None = None
        self._missing = 0  # so many were called off, and nobody heard of them
        self._watch: witness.Watch | None = None
        self.is_witness_late = False
        self._launcher = 0  # the thread that becomes the program
        self.violations: list[Violation] = []
        self.count = 0
        self.program_runs = False
        self.ends_the_run = False
        self.evidence: str | None = None
        self.trouble = ""
        self.kept_box: freezing.FrozenBox | None = None
        self.frozen_after_s: float | None = None
        self.bell = os.eventfd(0, os.EFD_CLOEXEC) if mode == "freeze" else -1

    @property
    def is_kept(self) -> bool:
        """The box stands frozen for a person."""
        return self.kept_box is not None

    def take(self, fd: int) -> None:
        """Take the listener, before the program runs, and begin to answer."""
        self._listener = Listener(fd)
        self._listener.wake_up_at_once()
        if self._mode != "errno":
            self._freezer = freezing.Freezer(self._box)
        if self._reporter.wants_witness and self._is_recorded:
            self._watch = witness.begin(self._box)
        self._done = listening.start(self._serve, urgent=True)

    def _serve(self) -> None:
        assert self._listener is not None
        try:
            while not self.ends_the_run:
                try:
                    one = self._next()
                except EOFError:
                    return
                if one is not None and self._is_init_s(one):
                    if self._answer_init(one):
                        return
                elif one is not None and self._is_launcher_s_word(one):
                    self._is_awaited = False
                    self._launcher = one.tid
                    self._excuse(one)
                    # Before the answer: what comes behind it may be the program already.
                    self.program_runs = not self._is_launched
                    self._listener.succeed(one)
                else:
                    self.handle(one)
        finally:
            if self.bell >= 0:
                os.eventfd_write(self.bell, 1)

    def _is_launcher_s_word(self, one: Notification) -> bool:
        """Return whether that is the launcher's call that only a supervisor can answer."""
        return self._is_awaited and not self.program_runs and one.arguments[0] == SUPERVISED

    def _next(self) -> Notification | None:
        assert self._listener is not None
        return self._heard(self._listener.next(blocks=self._blocks))

    def _heard(self, one: Notification | None) -> Notification | None:
        """Account for a notification; None for one that was called off."""
        if self._watch is not None:
            self._watch.hear(one)
        if self._next_id is not None:
            self._next_id += 1
        elif one is not None:
            self._next_id = one.id + 1
        return one

    def _is_init_s(self, one: Notification) -> bool:
        """Return whether it is the box's init, which is ours; nobody else has its pid meanwhile."""
        launched = self._box.launch
        return launched is not None and 0 < launched.pid == one.tid

    def _answer_init(self, one: Notification) -> bool:
        """Let init go on; returns whether that was its farewell, and all else of the box ended."""
        assert self._listener is not None
        self._excuse(one)
        if one.arguments[:2] != (SUPERVISED, 1):
            self._listener.let_go_on(one)
            return False
        self._listener.succeed(one)
        assert self._next_id is not None
        self._missing = one.id + 1 - self._next_id
        return True

    def _add_unseen(self, record: Violation) -> None:
        """Keep a violation of a program that has gone on meanwhile, or ended."""
        self.count += 1
        if len(self.violations) < KEPT_VIOLATIONS:
            self.violations.append(record)
            self._log(record)
        self.ends_the_run = self.ends_the_run or self._mode != "errno"

    def handle(self, one: Notification | None) -> None:
        """Answer one notification; None for one that was called off."""
        if one is not None and self._is_probe(one):
            return
        if self._freezer is not None and (one is None or self.program_runs):
            self._freezer.request()  # first of all: the others run until then
        if one is not None and self.is_launchers(one):
            assert self._listener is not None
            self._listener.let_go_on(one)
            return
        self._violation(one)

    def _is_probe(self, one: Notification) -> bool:
        """Refuse quietly what a library only looks for; no run does so without end."""
        if not self.program_runs or self._looked >= MOST_LOOKS:
            return False
        number = probes.answer(self._probes, one)
        if number:
            assert self._listener is not None
            self._looked += 1
            self._excuse(one)
            self._listener.refuse(one, number)
        return number != 0

    def is_launchers(self, one: Notification) -> bool:
        """Return whether it is the launcher that calls, on its way to become the program.

        It is trusted, and nobody else can be it: until the supervisor has answered it there is no
        other process in the box; then it is one thread, and runs from a sealed file in memory. By
        that file's number, not by its name, which any program can give to a file of its own.
        """
        assert self._listener is not None
        if self.program_runs:
            return False
        if not self._is_awaited:
            if one.tid != self._launcher:
                return False
            try:
                found = os.stat(f"/proc/{one.tid}/exe")
            except PermissionError:  # below an ordinary user: the launcher alone is not dumpable
                if self.name_of(one) not in LAST_CALLS:
                    return False
            except OSError:
                return False
            else:
                if not os.path.samestat(found, launch.launcher().executable):
                    return False
        return self._listener.is_valid(one)

    def name_of(self, one: Notification) -> str:
        """Return the call's name; "" for one that nobody knows."""
        return libseccomp.call_name(one.number, one.audit)

    # ---- one violation --------------------------------------------------------------------

    def _violation(self, one: Notification | None) -> None:
        seen_s, moment_s = time.monotonic(), time.time()
        self.count += 1
        freezer = self._freezer
        if freezer is not None:
            self.ends_the_run = True
            freezer.request()
            listening.calm()
        elif self._refuse_briefly(one):
            return
        record = self._describe(one, moment_s)
        self._answer(one)
        if len(self.violations) < KEPT_VIOLATIONS:
            self.violations.append(record)
        if freezer is None:
            self._log(record)
            return
        is_frozen = freezer.wait(FREEZE_TIMEOUT_S, self._refuse_more)
        if is_frozen:
            self.frozen_after_s = time.monotonic() - seen_s
        self._log(record)
        try:
            if self._watch is not None:
                witness.settle(self._watch)
            self.evidence = self._reporter.take_evidence(self._box, record, one, self._watch)
        except Exception as error:  # noqa: BLE001 - whatever it is, the box is ended
            self.trouble = self.trouble or f"the evidence: {error}"
        if self._mode == "freeze" and is_frozen:
            self.kept_box = freezing.FrozenBox(self._box, freezer)
            return
        self._end()
        freezer.kill()

    def _refuse_briefly(self, one: Notification | None) -> bool:
        """In mode "errno": refuse what nobody is told of any more; returns whether that was it.

        To describe a call takes ten times what the program takes for it, and others wait meanwhile.
        """
        if self.count == KEPT_VIOLATIONS:
            listening.calm()
        if self.count <= LINES_PER_RUN:
            return False
        self._answer(one)
        if self.count >= MOST_REFUSED:
            self.ends_the_run = True
            self._end()
        return True

    def _refuse_more(self) -> None:
        """Refuse and count what others call while the box comes to a stand."""
        assert self._listener is not None
        while self._listener.is_waiting():
            one = self._heard(self._listener.receive())
            if one is not None and self._is_init_s(one):
                self._answer_init(one)
                continue
            self.count += 1
            if one is None:
                continue
            if len(self.violations) < KEPT_VIOLATIONS:
                record = self._describe(one, time.time())
                self.violations.append(record)
                self._log(record)
            self._answer(one)

    def _excuse(self, one: Notification) -> None:
        if self._watch is not None:
            self._watch.excuse(one)

    def _hear_witness(self) -> None:
        """Compare what was seen with the kernel's records: a call may have been called off."""
        watch, self._watch = self._watch, None
        if watch is None:
            return
        self.is_witness_late = not witness.settle(watch)
        unseen = watch.unseen()
        for record in unseen:
            self._add_unseen(offender.witnessed(record, time.time(), self._mode))
        self._missing -= len(unseen)
        try:
            self._reporter.log_records(self._box, watch, len(unseen))
        except OSError as error:
            self.trouble = self.trouble or f"the log: {error}"
        witness.end(watch)

    def _log(self, record: Violation) -> None:
        """Log a violation. A full disk, or somebody's function that fails, holds up nothing."""
        try:
            self._reporter.log(self._box, record, self.count)
        except Exception as error:  # noqa: BLE001 - it is the caller's function too
            self.trouble = self.trouble or f"the log: {error}"

    def _answer(self, one: Notification | None) -> None:
        """Refuse a call; but let it stand where only that holds its caller."""
        if one is None or (self._freezer is not None and self._freezer.holds(one.tid)):
            return
        assert self._listener is not None
        self._listener.refuse(one)

    def _describe(self, one: Notification | None, moment_s: float) -> Violation:
        if one is None:
            return offender.unknown(moment_s, self._mode)
        assert self._listener is not None
        record = offender.describe(one, moment_s, self._mode, self._box.owner)
        if not self._listener.is_valid(one):  # what was read may be somebody else's
            return offender.bare(one, moment_s, self._mode)
        return record

    # ---- the end --------------------------------------------------------------------------

    def finish(self) -> bool:
        """Wait until the thread is done; returns whether it is. The log then has all."""
        if self._done is not None:
            if not self._done.acquire(timeout=END_TIMEOUT_S):
                return False
            self._done = None
            self._hear_witness()
            for _ in range(min(self._missing, MOST_REFUSED)):
                self._add_unseen(offender.unknown(time.time(), self._mode))
            self._missing = 0
            try:
                self._reporter.finish(self._box, self.count)
            except OSError as error:
                self.trouble = self.trouble or f"the log: {error}"
        return True

    def close(self) -> None:
        """Close the listener: who waits there gets ENOSYS."""
        if not self.finish():
            if self._freezer is not None:
                self._freezer.outlive()
            return  # a descriptor that is in use is not closed
        if self._listener is not None:
            os.close(self._listener.fd)
            self._listener = None
        if self.bell >= 0:
            os.close(self.bell)
            self.bell = -1
