"""Boxes that stand ready for a program.

What a program can leave something in is made anew for each box and goes with it; pool_plan says
which, and nest has the rest. So there is nothing to be cleaned between two runs: the next one gets
another box.

Kernel: pidfd_open(2), namespaces(7).
"""

import os
import select
import time

from wardian.errors import HostError
from wardian.runtime import launch
from wardian.sandbox import groups, pool_plan, workdir
from wardian.sandbox.box import PIPE_BYTES, Box, Request, pipe
from wardian.sandbox.nest import END_BYTES, Nest, Slot
from wardian.sandbox.run import Run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from wardian.sandbox.supervisor import Supervisor
    from wardian.sandbox.verdict import Verdict

FAILED_STATUS = 125 << 8
NOBODY = Request(["true"], stdin=b"", files={}, environment={}, outputs=())


def is_poolable(request: Request) -> bool:
    """Return whether a box that stands already can have this input and these words."""
    words = [*request.argv, *request.environment, *request.environment.values()]
    if sum(map(len, words)) + 16 * len(words) > END_BYTES // 8:
        return False
    return isinstance(request.stdin, bytes) and len(request.stdin) <= PIPE_BYTES


class ReadyRun(Run):
    """One run whose box was made before anybody asked for it.

    Args:
        nest: the namespaces that it joins.
        supervise: as Run takes it.
        clean: is given the box when the run is over, to let it go at leisure.
    """

    def __init__(
        self,
        nest: Nest,
        supervise: "Callable[[Box, Callable[[], None]], Supervisor]",
        clean: "Callable[[Box, Callable[[], None]], None]",
    ) -> None:
        super().__init__(nest.prepared, NOBODY, supervise)
        self._nest = nest
        self._supervise = supervise
        self._clean = clean
        self._slot: Slot | None = None
        self._is_supervised = False
        # Executing is no call that the supervisor is asked about: so nobody need wait for it.
        self._is_hasty = nest.prepared.allows_execve
        self._writer = -1
        self._death = select.poll()
        try:
            self._make()
        except BaseException:
            self._release()
            raise

    def _make(self) -> None:
        """Build the box, and leave it where it waits for its program."""
        mine: list[int] = []
        try:
            reader, self._writer = pipe()
            mine.append(reader)
            stdio = [reader, self._output("stdout", mine), self._output("stderr", mine)]
            self._request(stdio)
            self._listen()
            if self.box.group is not None:
                groups.open_counters(self.box.group)
            self._built = groups.Spent(self.box.group)  # nothing is used while it stands
        finally:
            for fd in mine:
                os.close(fd)

    def _request(self, stdio: "list[int]") -> None:
        self._slot = self._nest.take()
        asked, plan = self._nest.request(self.box, self._slot, stdio)
        asked.on_listener = self._take
        asked.bell, asked.is_frozen = self.supervisor.bell, lambda: self.supervisor.is_kept
        self.box.launch = asked
        outside = [self._prepare] * plan.waits
        try:
            asked.prepare(*outside)
            if not asked.stand(plan.waits + 1):
                asked.go_on()  # raises
                raise HostError("the box was killed from outside before its program")
            if self.box.directory < 0:
                self.box.directory = workdir.open_in_box(asked.pid)
            self._nest.watch_sockets(self._slot, asked.pid)
            self._death = select.poll()
            self._death.register(asked.pidfd, select.POLLIN)
        except launch.ReportedError as found:
            self.box.launch = None
            raise self._nest.word(found, plan) from None
        except BaseException:
            self.box.launch = None
            asked.abandon()
            raise

    def _new_box(self, request: Request) -> Box:
        return Box(self.prepared.plan, request.argv, self.prepared.policy.name)  # a slot has a user

    def _replace_box(self) -> None:
        self._stop_listening()
        self.supervisor.close()
        self.box = self._new_box(self.request)
        self.supervisor = self._supervise(self.box, self.end)

    def _take(self, listener: int) -> None:
        self._is_supervised = True
        self.supervisor.take(listener)

    @property
    def stands(self) -> bool:
        """True while the box waits for its program."""
        return self.box.launch is not None and not self._death.poll(0)

    def fits(self, request: Request) -> bool:
        """Return whether the standard input fits into the pipe, which nobody reads yet."""
        return not request.stdin or len(request.stdin) <= workdir.pipe_bytes(self._writer)  # type: ignore[arg-type]

    def ask(self, request: Request) -> "ReadyRun":
        """Say what is to be run; `start` then starts it."""
        self._assign(request)
        return self

    def start(self) -> None:
        """Bring the program, and start it; returns when it was executed.

        A box that dies before its program is replaced, once.

        Raises:
            LaunchError: the program is not there; nothing is left.
        """
        try:
            if not self._begin():
                self._again()
                if not self._begin():
                    raise HostError("the box was killed from outside before its program")
            self.supervisor.program_runs = True
            self._set_clock()
        except BaseException:
            self.box.kill()
            self._release()
            raise

    def _again(self) -> None:
        self._is_supervised = False
        for fd in self._outputs:
            os.close(fd)
        self._outputs.clear()
        self.supervisor.close()
        self._let_go_of_box()
        self._nest.renew()
        request = self.request
        self._replace_box()
        self._make()
        self._assign(request)

    def _begin(self) -> bool:
        """Let the box go on to its program; returns False where it died before."""
        launched, slot = self.box.launch, self._slot
        if launched is None or slot is None or not self.stands:
            return False
        if self.request.files:
            self._nest.bring_files(self)
        if self.request.stdin:
            os.write(self._writer, self.request.stdin)  # type: ignore[arg-type]
        os.close(self._writer)
        self._writer = -1
        self._nest.bring(self, slot)
        self._started_s = time.monotonic()
        if self._is_hasty:
            self.supervisor.program_runs = True  # nothing of the launcher's is asked about any more
            launched.let_go_on()
            return True
        try:
            launched.go_on()
        except launch.ReportedError as found:
            self.box.launch = None
            raise self._nest.word(found, pool_plan.end(self.plan)) from None
        except HostError:  # the launcher died, and its boxes with it
            self.box.launch = None
            return False
        return self._is_supervised

    def finish(self) -> "Verdict":
        """Judge a run that ended, and clean up.

        Raises:
            LaunchError: the program is not there, which is looked at only now.
        """
        launched = self.box.launch
        # The launcher's own word for a step that failed; a program may use it too.
        is_doubtful = self.status in (None, FAILED_STATUS)
        if not self._is_hasty or launched is None or not is_doubtful:
            return super().finish()
        problem = launched.reported()
        if problem is None:
            return super().finish()
        self._release()
        raise self._nest.word(problem, pool_plan.end(self.plan)) from None

    def _let_go_of_box(self) -> None:
        if self._writer >= 0:
            os.close(self._writer)
            self._writer = -1
        slot, self._slot = self._slot, None
        if slot is None:
            self.supervisor.close()
            self.box.let_go()
            return
        if self.box.launch is not None and self.box.launch.outcome is not None:
            slot.await_sockets()
        box, supervisor, is_clean = self.box, self.supervisor, self._has_ended_well

        def after() -> None:
            supervisor.close()
            _leave(self._nest, slot, box, is_clean=is_clean)

        self._clean(box, after)

    def _end_supervision(self) -> None:
        """Later: nobody waits for it."""

    def _leave_box(self) -> None:
        slot, self._slot = self._slot, None
        self.box.lends_group = False
        if slot is not None:
            slot.group = None
            self._nest.leave(slot, is_clean=False)

    @property
    def _has_ended_well(self) -> bool:
        """True where it ended by itself, was never frozen, and nothing of it runs any more."""
        if self._killed_s is not None or self.supervisor.count or self.trouble:
            return False
        if self.supervisor.is_witness_late:  # it would be taken for the next box's, by the user
            return False
        return self.box.launch is not None and self.box.launch.outcome is not None

    def forget(self) -> None:
        """In a forked child: close what is the parent's; its box stands there as before."""
        for fd in (self._writer, self.box.directory, *self._outputs):
            if fd >= 0:
                os.close(fd)
        self._outputs.clear()
        self._writer = self.box.directory = -1
        if self.box.launch is not None:
            self.box.launch.close()
            self.box.launch = None
        if self._slot is not None:
            self._slot.forget()
            self._slot = None


def _leave(nest: Nest, slot: Slot, box: Box, *, is_clean: bool) -> None:
    """Give a slot back. What fails stands in box.trouble; the next box is not concerned."""
    try:
        nest.leave(slot, is_clean=is_clean and not box.trouble)
    except (OSError, HostError) as error:
        box.trouble = box.trouble or str(error)
