"""One run: start the box, watch it, end it where it must be, and judge.

All that can happen is a descriptor that becomes ready, or a moment that comes; both are in one
epoll, which is itself a descriptor for an event loop that is not ours. Nothing here costs a thread.

    start      group, pipes, request; the box waits, its ids and files are brought; execve
    step       wait for the next event and handle it; `ended` once the box is gone, or stands frozen
    finish     drain, count, judge, read the outputs, clean up

Kernel: epoll(7), pidfd_open(2), cgroups(7).
"""

import dataclasses
import os
import select
import time

from wardian.errors import HostError
from wardian.kernel import cgroups, idmap
from wardian.runtime import failure, launch
from wardian.sandbox import box_plan, groups, judge, listening, requests, users, workdir
from wardian.sandbox.box import Box, holding, pipe
from wardian.sandbox.verdict import Outcome, Usage, Verdict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wardian.sandbox.box import Request
    from wardian.sandbox.preparation import Prepared
    from wardian.sandbox.supervisor import Supervisor

CHUNK_BYTES = 1 << 16
END_TIMEOUT_S = 5.0
STOPPED_TIMEOUT_S = 20.0  # evidence has bounds of its own, CRIU's is the largest
LEAST_CPU_CHECK_S = 0.005
FILES_LOOKED_AT = 65536
SHORT_S = 0.002
NO_MEMORY = "the machine, or a group above the box's, had no memory left"
IDS = (box_plan.UID, 0)  # those that a box may have, the program's first
PROCESSORS = os.cpu_count() or 1


class Run:
    """One box on its way from the request to its verdict."""

    def __init__(
        self,
        prepared: "Prepared",
        request: "Request",
        supervise: "Callable[[Box, Callable[[], None]], Supervisor]",
    ) -> None:
        self.prepared = prepared
        self.limits = prepared.limits
        self.box = self._new_box(request)
        self._assign(request)
        self.supervisor = supervise(self.box, self.end)
        self.ended_by: Outcome | None = None
        self.trouble = ""
        self.wall_s = 0.0
        self._outputs: dict[int, str] = {}
        self._chunks: dict[str, list[bytes]] = {"stdout": [], "stderr": []}
        self._kept = {"stdout": 0, "stderr": 0}
        self.written = {"stdout": 0, "stderr": 0}
        self._events = -1  # the group's
        self._heard: dict[int, int] = {}  # descriptors and what is awaited of them
        self._poll = select.poll()
        self._end_poll = select.poll()
        self._is_new = True
        self._epoll: select.epoll | None = None  # for who asks for a descriptor
        self._started_s = self._deadline_s = self._next_cpu_s = 0.0
        self._killed_s: float | None = None
        self._is_released = self._is_stopped = False
        self._built = groups.Spent(None)  # of the group, before the program
        self._seen = groups.Spent(None)  # of processes that nobody counts

    def _new_box(self, request: "Request") -> Box:
        box = Box(self.prepared.plan, request.argv, self.prepared.policy.name)
        if self.prepared.owns_user:
            box.lent = [users.take() for _ in range(1 + self.prepared.for_criu)]
            box.owner = box.lent[0]
        return box

    def _assign(self, request: "Request") -> None:
        self.request = request
        self.plan = self.prepared.with_program(request.argv, request.environment)
        self.box.plan, self.box.argv = self.plan, request.argv

    def tighten(self, bounds: "Mapping[str, float]") -> None:
        """Let the run use less than its limits say, before it starts."""
        self.limits = dataclasses.replace(self.limits, **requests.bounds(bounds, self.limits))

    # ---- start ----------------------------------------------------------------------------

    def start(self) -> None:
        """Build the box and start the program; returns when it was executed.

        Raises:
            LaunchError: the program is not there, or a step failed; nothing is left.
        """
        mine: list[int] = []
        try:
            stdin, stdout = self._stdin(mine), self.request.stdout
            stdout = self._output("stdout", mine) if stdout is None else stdout
            stdio = [stdin, stdout, self._output("stderr", mine)]
            self._launch(stdio)
            self._watch()
        except BaseException:
            self.box.kill()
            self._release()
            raise
        finally:
            for fd in mine:
                os.close(fd)

    def _stdin(self, mine: "list[int]") -> int:
        """Return the program's standard input; a copy, so that nobody's file can be written to."""
        given = self.request.stdin
        if isinstance(given, int):
            return given
        if isinstance(given, (str, os.PathLike)):
            source = workdir.open_source(given)
            with open(source, "rb") as file:
                given = file.read()
        fd = holding(given)  # not /dev/null, which is everybody's
        mine.append(fd)
        return fd

    def _output(self, name: str, mine: "list[int]") -> int:
        reader, writer = pipe()
        os.set_blocking(reader, False)
        self._outputs[reader] = name
        mine.append(writer)
        return writer

    def _launch(self, stdio: "list[int]") -> None:
        bindings, cgroup_fd = self.prepared.bindings_of(self.box.owner), -1
        if self.plan.cgroup_writes:
            layout = cgroups.detect()
            self.box.group = cgroups.create(layout, cgroups.new_name(), self.plan.cgroup_writes)
            bindings = {**bindings, **self.box.group.bindings()}
            cgroup_fd = self.box.group.unified_fd()
        request = launch.request(
            self.plan.encode(bindings),
            stdio,
            clone_flags=self.plan.clone_flags,
            cgroup_fd=cgroup_fd,
            held=self.prepared.held,
        )
        request.on_listener = self.supervisor.take
        request.bell, request.is_frozen = self.supervisor.bell, lambda: self.supervisor.is_kept
        self.box.launch = request
        try:
            request.start(self._prepare)
        except launch.ReportedError as found:
            self.box.launch = None
            raise failure.describe(found, self.plan) from None
        self.supervisor.program_runs = True

    def _prepare(self, pid: int) -> None:
        """While the box waits: give it its user, and its files."""
        if self.box.owner is not None:
            outside = (self.box.owner, *self.box.lent[1:])
            lines = [(inside, one, 1) for inside, one in zip(IDS, outside, strict=False)]
            idmap.write_maps(pid, idmap.Maps(lines, lines, helper=False))
        self.box.directory = workdir.open_in_box(pid)
        if self.request.files:
            self._bring_files()
        self._mark_start()

    def _mark_start(self) -> None:
        """From here on what is used is the program's: building its box is not."""
        self._built = groups.Spent(self.box.group)
        self._started_s = time.monotonic()

    def _bring_files(self) -> None:
        workdir.put(self.box.directory, self.request.files, self.box.owner)

    def _watch(self) -> None:
        self._set_clock()
        self._listen()

    def _set_clock(self) -> None:
        now_s = time.monotonic()
        self._deadline_s = now_s + self.limits.wall_s
        self._next_cpu_s = now_s + self.limits.cpu_s / PROCESSORS

    def _listen(self) -> None:
        assert self.box.launch is not None
        self._events = groups.open_events(self.box.group)
        fds = (self.supervisor.bell, self.box.launch.fileno(), *self._outputs)
        self._heard = dict.fromkeys(fds, select.POLLIN)
        self._heard[self._events] = select.POLLPRI
        self._heard.pop(-1, None)
        self._poll = select.poll()
        for fd, events in self._heard.items():
            self._poll.register(fd, events)
        self._end_poll = select.poll()
        for fd in self._heard.keys() - self._outputs.keys():
            self._end_poll.register(fd, self._heard[fd])

    def _stop_listening(self) -> None:
        if self._epoll is not None:
            self._epoll.close()
            self._epoll = None
        self._heard.clear()
        self._events = -1

    def _unlisten(self, fd: int) -> None:
        if self._heard.pop(fd, None) is not None:
            self._poll.unregister(fd)
            if self._epoll is not None:
                self._epoll.unregister(fd)

    # ---- while it runs --------------------------------------------------------------------

    @property
    def ended(self) -> bool:
        """True once there is nothing to wait for: `finish` then judges."""
        if self.trouble or self.supervisor.is_kept:
            return True
        return self.box.launch is None or self.box.launch.outcome is not None

    def fileno(self) -> int:
        """Return a descriptor that is readable when `step(0)` has something to do."""
        if self._epoll is None:
            self._epoll = select.epoll()
            for fd, events in self._heard.items():  # its words have the values of poll's
                self._epoll.register(fd, events)
        return self._epoll.fileno()

    @property
    def patience_s(self) -> float:
        """Seconds until `step` has something to do, though no descriptor is ready."""
        if self._killed_s is not None:
            moment_s = self._killed_s + END_TIMEOUT_S
        else:
            moment_s = min(self._deadline_s, self._next_cpu_s)
        return max(0.0, moment_s - time.monotonic())

    def step(self, timeout_s: float | None = None) -> None:
        """Wait for the next event, and handle all that are there."""
        wait_s = self.patience_s if timeout_s is None else min(timeout_s, self.patience_s)
        if self._is_new and timeout_s is None:
            self._is_new = False
            if self._is_over_soon(min(SHORT_S, wait_s)):
                return
        for fd, _events in self._poll.poll(wait_s * 1000):
            if fd in self._outputs:
                self._collect(fd)
            elif fd == self._events:
                self._look_at_forks()
            elif fd == self.supervisor.bell:
                self._unlisten(fd)
            elif fd in self._heard and not self.ended and self.box.launch is not None:
                self._hear(self.box.launch)
        self._look_at_clock()

    def _is_over_soon(self, wait_s: float) -> bool:
        """Wait a moment, but for outputs: a short program wakes nobody by closing its pipes."""
        if self.box.launch is None or self.box.launch.outcome is not None:
            return True
        found = self._end_poll.poll(wait_s * 1000)
        if [fd for fd, _events in found] != [self.box.launch.fileno()]:
            return False
        self._hear(self.box.launch)
        return True

    def _hear(self, launched: "launch.Launch") -> None:
        try:
            launched.news()
        except HostError as error:  # the launcher died, and this box with it
            self.trouble = str(error)

    def _collect(self, fd: int) -> None:
        """Read once from an output; more than the limit ends the run."""
        name = self._outputs[fd]
        try:
            data = os.read(fd, CHUNK_BYTES)
        except BlockingIOError:
            return
        if not data:
            self._unlisten(fd)
            os.close(fd)
            del self._outputs[fd]
            for other in list(self._outputs):  # it most often ends at the same moment
                self._collect(other)
            return
        self.written[name] += len(data)
        room = self.limits.output_bytes - self._kept[name]
        if room > 0:
            self._chunks[name].append(data[:room])
            self._kept[name] += min(room, len(data))
        if self.written[name] > self.limits.output_bytes:
            self.end(Outcome.OUTPUT)

    def _look_at_forks(self) -> None:
        """A fork was refused: the limit is exceeded."""
        os.pread(self._events, 256, 0)
        self.end(Outcome.PROCESSES)

    def _look_at_clock(self) -> None:
        now_s = time.monotonic()
        if self.supervisor.ends_the_run and not self._is_stopped:
            self._is_stopped = True
            self._deadline_s = self._next_cpu_s = now_s + STOPPED_TIMEOUT_S  # for the evidence
        if self._killed_s is not None:
            if now_s >= self._killed_s + END_TIMEOUT_S and not self.ended:
                self.trouble = f"the box did not end within {END_TIMEOUT_S:g} s of SIGKILL"
        elif now_s >= self._deadline_s:
            self.end(Outcome.WALL_TIME)
        elif now_s >= self._next_cpu_s:
            used_s = _since(self._built.cpu_s or 0.0, self._spent().cpu_s) or 0.0
            if used_s > self.limits.cpu_s:
                self.end(Outcome.CPU_TIME)
            least = max(LEAST_CPU_CHECK_S, self.limits.cpu_s / 100)
            left_s = (self.limits.cpu_s - used_s) / PROCESSORS
            self._next_cpu_s = now_s + max(left_s, least)

    def _spent(self) -> "groups.Spent":
        spent, found = groups.Spent(self.box.group), self.box.launch
        if spent.cpu_s is None and found is not None and found.outcome is None:
            spent = self._seen = groups.seen(found.pid, self.box.members())
        return spent

    def end(self, why: Outcome | None = None) -> None:
        """Kill all of the box's processes; the first reason counts."""
        if self._killed_s is not None or self.box.launch is None:
            return
        self._killed_s = time.monotonic()
        self.ended_by = why
        self._spent()  # where nobody counts, this is the last chance to see it
        self.box.kill()

    # ---- the end --------------------------------------------------------------------------

    def finish(self) -> Verdict:
        """Judge a run that ended, and clean up."""
        self.wall_s = time.monotonic() - self._started_s
        try:
            if not self.supervisor.finish():
                self.trouble = "the supervisor of forbidden calls did not end"
            self._drain()
            return self._verdict()
        finally:
            self._release()

    @property
    def status(self) -> int | None:
        """The program's wait status; None where its init was killed before it could tell."""
        found = self.box.launch
        return (
            None
            if found is None or found.outcome is None or found.is_gone
            else found.outcome.status
        )

    def _drain(self) -> None:
        """Read what is left in the pipes of a box that is gone."""
        for fd in list(self._outputs):
            while fd in self._outputs:
                before = self.written[self._outputs[fd]]
                self._collect(fd)
                if fd in self._outputs and self.written[self._outputs[fd]] == before:
                    break  # another process holds the writing end; what it writes is not the box's
                if fd in self._outputs and before > self.limits.output_bytes:
                    break

    def _verdict(self) -> Verdict:
        counters = groups.Counters(self.box.group, self.limits, is_doubtful=self.status != 0)
        if counters.strange_kills and not self.supervisor.ends_the_run:
            self.trouble = self.trouble or NO_MEMORY
        fill = workdir.Fill(self.box.directory)
        usage = self._usage(counters, fill)
        facts = judge.Facts(usage, counters)
        facts.status, facts.ended_by, facts.trouble = self.status, self.ended_by, self.trouble
        facts.violated = self.supervisor.ends_the_run
        facts.is_full, facts.no_inodes = fill.is_full, fill.no_inodes
        if self.status not in (None, 0):
            facts.largest_file = workdir.largest_file(self.box.directory, FILES_LOOKED_AT)
        outcome, hit = judge.outcome(facts, self.limits)
        own = self.status if self.ended_by is None and not facts.violated else None
        outputs: dict[str, bytes] = {}
        faults: dict[str, str] = {}
        if self.request.outputs and not self.supervisor.is_kept:
            # a sparse file has a size without a content: no more than the disk could hold is read
            most = (min(self.limits.file_bytes, self.limits.disk_bytes), self.limits.disk_bytes)
            outputs, faults = workdir.take(self.box.directory, self.request.outputs, *most)
        return Verdict(
            outcome=outcome,
            exit_code=os.WEXITSTATUS(own) if own is not None and os.WIFEXITED(own) else None,
            signal=os.WTERMSIG(own) if own is not None and os.WIFSIGNALED(own) else None,
            stdout=b"".join(self._chunks["stdout"]),
            stderr=b"".join(self._chunks["stderr"]),
            stdout_truncated=self.written["stdout"] > self._kept["stdout"],
            stderr_truncated=self.written["stderr"] > self._kept["stderr"],
            usage=usage,
            violations=tuple(self.supervisor.violations),
            violation_count=self.supervisor.count,
            frozen_after_s=self.supervisor.frozen_after_s,
            limit=hit,
            outputs=outputs,
            output_errors=faults,
            evidence=self.supervisor.evidence,
            box=self.supervisor.kept_box,
            degraded=tuple(self.prepared.degraded),
            reason=self.trouble or self._reason(outcome) or self.supervisor.trouble,
            hashing=lambda: self.plan.hash,
        )

    def _reason(self, outcome: Outcome) -> str:
        if outcome is Outcome.VIOLATION and self.supervisor.violations:
            told = f"system call {self.supervisor.violations[0].syscall}"
            return f"{told}; {self.supervisor.trouble}" if self.supervisor.trouble else told
        if outcome is Outcome.INTERNAL_ERROR:
            return "the box was killed from outside"
        return ""

    def _usage(self, counters: "groups.Counters", fill: "workdir.Fill") -> Usage:
        found = self.box.launch.outcome if self.box.launch is not None else None
        told = (found.user_usec / 1e6, found.system_usec / 1e6) if found else (0.0, 0.0)
        max_rss = max(found.max_rss_bytes if found else 0, self._seen.max_rss_bytes)
        built, spent = self._built, counters.spent
        seen = (self._seen.user_s or 0.0, self._seen.system_s or 0.0)
        user_s, system_s = max(told, seen, key=sum)
        in_user_s = _since(built.user_s, spent.user_s)
        in_system_s = _since(built.system_s, spent.system_s)
        if in_user_s is not None and in_system_s is not None:  # of those too nobody could wait for
            user_s, system_s = in_user_s, in_system_s
        counted_s = _since(built.cpu_s, spent.cpu_s)
        cpu_s = user_s + system_s if counted_s is None else counted_s
        peak, tasks = counters.peak_memory_bytes, counters.peak_tasks
        return Usage(
            wall_s=self.wall_s,
            user_s=user_s,
            system_s=system_s,
            cpu_s=cpu_s,
            peak_memory_bytes=max_rss if peak is None else peak,
            max_rss_bytes=max_rss,
            processes=None if tasks is None else max(1, tasks - 1),  # without its init
            stdout_bytes=self.written["stdout"],
            stderr_bytes=self.written["stderr"],
            disk_bytes=fill.used_bytes,
            inodes=fill.used_inodes,
            source="rusage" if peak is None else "cgroup",
        )

    def abandon(self) -> None:
        """Kill the box and let go of everything; for a caller that was cancelled."""
        if self._is_released:
            return
        self.end()
        try:
            if self.box.launch is not None and not self.ended:
                self.box.launch.wait(END_TIMEOUT_S)
        except HostError:
            pass  # the launcher died, and its boxes with it
        self._release()

    def _release(self) -> None:
        if self._is_released:
            return
        self._is_released = True
        for fd in self._outputs:
            os.close(fd)
        self._outputs.clear()
        self._stop_listening()
        if self.supervisor.is_kept:
            self._leave_box()
            return
        self._end_supervision()
        self._let_go_of_box()

    def _end_supervision(self) -> None:
        self.supervisor.close()

    def _leave_box(self) -> None:
        """The box stands frozen, and is somebody else's now."""

    def _let_go_of_box(self) -> None:
        listening.later(self.box.let_go)


def _since(before: float | None, now: float | None) -> float | None:
    return None if before is None or now is None else max(0.0, now - before)
