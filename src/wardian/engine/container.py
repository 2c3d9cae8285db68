"""One container, from options to the end of its process.

    options -> base -> spec -> plan -> launch

Nothing of a throw-away container is on disk: its writable layer is in its mount namespace, and its
processes die with the launcher. A control group, made only where a limit is asked for, carries its
owner's pid and start time in its name, so that the next command can clean up after a kill -9.
"""

import os
import select
import time

from wardian import errors
from wardian.engine import recent
from wardian.engine.result import Result, Usage
from wardian.engine.streams import DEVNULL, PIPE, Streams
from wardian.kernel import processes
from wardian.runtime import launch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from wardian.engine.image_base import Progress
    from wardian.kernel import cgroups
    from wardian.runtime.plan import Plan

__all__ = ["DEVNULL", "PIPE", "Container"]

PAUSE_TIMEOUT_S = 10.0


class Container:
    """A box and the program in it.

    Args:
        command: the program and its arguments; without one, the image's.
        options: docker's words, as in `wardian run --help`, with "_" for "-"; image="NAME"; and
            progress=FUNCTION, called with each exchange.transfer.Event where it must be pulled;
            on_listener=FUNCTION, called with the listener of a filter with SCMP_ACT_NOTIFY, which
            it closes: a thread must answer before the program starts (seccomp_unotify(2)).

    Attributes:
        plan: what will be done, or was.
        resources: the limits that hold, as OCI's linux.resources.
        warnings: what the user should know, each one line.
    """

    def __init__(self, command: "Iterable[str] | str" = (), **options: object) -> None:
        # Not a keyword of its own: type checkers then refuse options that are spread from a dict.
        progress: Progress | None = options.pop("progress", None)  # type: ignore[assignment]
        self._on_listener: Any = options.pop("on_listener", None)
        if self._on_listener is not None:
            options["supervised"] = True
        self.options, self._assembly = recent.assemble(command, options, progress)
        self.plan: Plan = self._assembly.plan
        self.resources: dict[str, object] = self.options.resources
        self.warnings: list[str] = list(self._assembly.warnings)
        self._launch: launch.Launch | None = None
        self._cgroup: cgroups.Cgroup | None = None
        self._result: Result | None = None
        self._started_s = 0.0
        self._deadline_s: float | None = None
        self._timed_out = False
        self._waits = 0
        self._streams = Streams()

    # ---- start ----------------------------------------------------------------------------

    def start(
        self,
        *,
        stdin: int | None = None,
        stdout: int | None = None,
        stderr: int | None = None,
        window: tuple[int, int] = (0, 0),
    ) -> None:
        """Start the program; returns when it was executed.

        Args:
            stdin: a descriptor, PIPE, DEVNULL, or None to inherit the caller's.
            stdout: likewise.
            stderr: likewise.
            window: rows and columns of the terminal where tty=True.

        Raises:
            LaunchError: a step failed; nothing of the box is left.
            UnsupportedError: this machine or user can't do what was asked.
        """
        if self._launch is not None:
            raise errors.StatusError("the container was started already")
        if self.options.mounts:
            from wardian.engine import mount_words

            mount_words.make_sources(self.options.mounts)
        mine: list[int] = []
        try:
            ends = [
                self._streams.endpoint(number, wanted, mine)
                for number, wanted in enumerate((stdin, stdout, stderr))
            ]
            self._start(ends, window)
        except BaseException:
            self._streams.close()
            self._release()
            raise
        finally:
            for fd in mine:
                os.close(fd)

    def _start(self, stdio: "list[int]", window: tuple[int, int]) -> None:
        build = self._assembly
        bindings = dict(build.bindings)
        bindings["$rows"], bindings["$columns"] = map(str, window)
        cgroup_fd = -1
        if self._is_grouped and self.options.cgroup_manager == "systemd":
            from wardian.kernel import cgroups, systemd

            systemd.check(cgroups.detect())
        elif self._is_grouped:
            from wardian.engine import groups

            self._cgroup = groups.create(self.options, self.plan.cgroup_writes)
            bindings.update(self._cgroup.bindings())
            cgroup_fd = self._cgroup.unified_fd()
        self._started_s = time.monotonic()
        if self.options.timeout_s is not None:
            self._deadline_s = self._started_s + self.options.timeout_s
        self._waits = self.plan.waits
        if self._assembly.emulation is not None and not self._waits:
            self._assembly.emulation.start(0)
        request = launch.request(
            self.plan.encode(bindings),
            stdio,
            clone_flags=self.plan.clone_flags,
            cgroup_fd=cgroup_fd,
            held=build.held,
        )
        request.on_listener = self._on_listener
        try:
            request.start(*[self._meet] * self._waits)
        except launch.ReportedError as found:
            from wardian.runtime import failure

            raise failure.describe(found, self.plan) from None
        self._launch = request

    @property
    def _is_grouped(self) -> bool:
        """True where the box starts in a control group of its own."""
        return bool(self.plan.cgroup_writes or self.options.cgroup_parent)

    def _meet(self, pid: int) -> None:
        """Do what belongs to the next of the plan's waits; the first and the last have something.

        An emulation needs a box whose user namespace has its ids, which is so at the last one.
        """
        if self._waits == self.plan.waits:
            self._prepare(pid)
        self._waits -= 1
        if self._waits == 0:
            if self._assembly.emulation is not None:
                self._assembly.emulation.start(pid)
            self._assembly.attend(pid)

    def _prepare(self, pid: int) -> None:
        """Do from outside what the plan says, while the box waits."""
        if self._is_grouped and self.options.cgroup_manager == "systemd":
            from wardian.engine import groups

            self._cgroup = groups.start_scope(self.options, pid, self.plan.cgroup_writes)
        maps = self._assembly.id_maps
        if maps is not None and maps.helper:  # a single id is mapped by the box itself
            from wardian.kernel import idmap

            idmap.write_maps(pid, maps)

    # ---- while it runs --------------------------------------------------------------------

    @property
    def pid(self) -> int:
        """Host pid of the box's first process."""
        return self._running().pid

    @property
    def pidfd(self) -> int:
        """Refers to the box's first process (pidfd_open(2)); readable once it ended."""
        return self._running().pidfd

    @property
    def terminal(self) -> int:
        """The pseudo-terminal's master where tty=True; the caller closes it."""
        return self._running().take_terminal()

    def _running(self) -> launch.Launch:
        if self._launch is None:
            raise errors.StatusError("the container was not started")
        return self._launch

    def kill(self, signal: int = 9) -> None:
        """Send a signal; init forwards all but SIGKILL, which ends the whole box.

        A paused box goes on with the one that shall end it, as docker has it.
        """
        if self._result is None:
            processes.send_signal(self._running().pidfd, signal)
            if signal in (processes.SIGKILL, self.options.stop_signal) and self.is_paused:
                self.resume()

    def stop(self, timeout: float | None = None) -> "Result":
        """Ask the program to end, and end the box after `timeout` seconds (--stop-timeout)."""
        patience = self.options.stop_timeout_s if timeout is None else timeout
        self.warn_if_deaf()
        self.kill(self.options.stop_signal)
        if self._await_end(patience) is None:
            self.kill(9)
        return self.wait()

    def warn_if_deaf(self) -> None:
        """Note in `warnings` when the program would not react to the stop signal."""
        from wardian.kernel import procfs

        text = procfs.deafness(
            self._running().pid, self.options.stop_signal, init=self.options.init
        )
        if text and text not in self.warnings:
            patience = self.options.stop_timeout_s
            end = f"is killed after {patience:g} s" if patience < float("inf") else "is not killed"
            self.warnings.append(f"{text}; it {end}")

    # ---- its control group ----------------------------------------------------------------

    @property
    def group(self) -> "cgroups.Cgroup":
        """Its control group (kernel.cgroups.Cgroup); made now for a box that has none yet.

        Raises:
            UnsupportedError: this user may not make one.
        """
        running = self._running()
        if self._cgroup is None:
            if self._result is not None or running.outcome is not None:
                raise errors.StatusError("the container has ended")
            from wardian.engine import groups

            self._cgroup = groups.gather(running.pid)
        return self._cgroup

    def pause(self) -> None:
        """Stop all its processes; returns when they stand. Time goes on for --timeout.

        Raises:
            KernelError: ETIMEDOUT for a process that can't be stopped now; all run again.
        """
        self.group.freeze(PAUSE_TIMEOUT_S)

    def resume(self) -> None:
        """Let its processes go on after `pause`."""
        self.group.thaw()

    @property
    def is_paused(self) -> bool:
        """True between `pause` and `resume`."""
        return self._cgroup is not None and self._cgroup.is_frozen

    def stats(self) -> "dict[str, object]":
        """Return what its control group counts now, in the words of `runc events --stats`."""
        return self.group.stats()

    def pressure(self) -> "dict[str, dict[str, dict[str, float]]]":
        """Return how much its processes wait: {"cpu": {"some": {"avg10": per cent, ...}}, ...}.

        Raises:
            UnsupportedError: this machine does not measure it.
        """
        return self.group.pressure()

    def update(self, **options: object) -> None:
        """Change limits while it runs: memory="512m", cpus=2, pids_limit=100 ...

        Raises:
            UsageError: not a limit, or a bad value.
            KernelError: the kernel refused; the old limits hold.
        """
        from wardian.engine import groups

        self.resources = groups.update(self.group, self.resources, options)

    def write(self, data: bytes) -> int:
        """Write to the program's input (start(stdin=PIPE)); returns how much was taken now."""
        try:
            return os.write(self._streams.stdin, data)
        except BlockingIOError:
            return 0

    def close_stdin(self) -> None:
        """End the program's input (start(stdin=PIPE))."""
        self._streams.close_stdin()

    def stream(self) -> "Iterator[tuple[str, bytes]]":
        """Yield ("stdout" | "stderr", bytes) as they come, until both are closed."""
        poll = select.poll()
        for fd in self._streams.outputs:
            poll.register(fd, select.POLLIN)
        while self._streams.outputs:
            for fd, _events in poll.poll(self._poll_ms()):
                name, data = self._streams.read(fd)
                if data:
                    yield name, data
                else:
                    poll.unregister(fd)
            self.check_deadline()

    def communicate(self, data: bytes = b"") -> Result:
        """Feed `data` to the program, collect what it writes, and wait for its end."""
        self.give(data)
        while not self.ended:
            poll = select.poll()
            for fd, events in self.watched():
                poll.register(fd, events)
            ready = poll.poll(self._poll_ms())
            for fd, _events in ready:
                self.handle(fd)
            self.check_deadline()
        return self.wait()

    # The pieces of `communicate`, for an event loop that is not ours.

    def give(self, data: bytes) -> None:
        """Set what the program shall read."""
        self._streams.give(data)

    @property
    def ended(self) -> bool:
        """True once the box is gone; `wait` then returns at once."""
        return self._running().outcome is not None

    def watched(self) -> "list[tuple[int, int]]":
        """Return the descriptors to watch now, each with POLLIN or POLLOUT."""
        row = [(fd, select.POLLIN) for fd in self._streams.outputs]
        if self._streams.stdin >= 0:
            row.append((self._streams.stdin, select.POLLOUT))
        row.append((self._running().fileno(), select.POLLIN))
        return row

    def handle(self, fd: int) -> None:
        """Do what a watched descriptor is ready for."""
        if fd == self._streams.stdin:
            self._streams.feed()
        elif fd in self._streams.outputs:
            self._streams.collect(fd)
        else:
            self._running().news()

    @property
    def patience_s(self) -> float | None:
        """Seconds until `check_deadline` has something to do; None for never."""
        if self._deadline_s is None:
            return None
        return max(0.0, self._deadline_s - time.monotonic())

    def _poll_ms(self) -> float | None:
        left = self.patience_s
        return None if left is None else min(left * 1000 + 1, launch.POLL_MAX_MS)

    def check_deadline(self) -> None:
        """When --timeout is over, ask the box to end; after --stop-timeout, kill it."""
        if self._deadline_s is None or time.monotonic() < self._deadline_s:
            return
        if self._timed_out:
            self.kill(9)
            self._deadline_s = None
            return
        self._timed_out = True
        self._deadline_s = time.monotonic() + self.options.stop_timeout_s
        self.kill(self.options.stop_signal)

    # ---- the end --------------------------------------------------------------------------

    def wait(self, timeout: float | None = None) -> Result:
        """Wait for the end and clean up.

        Raises:
            TimeoutError: `timeout` seconds passed; the container goes on.
        """
        if self._result is not None:
            return self._result
        try:
            outcome = self._await_end(timeout)
        except errors.HostError:  # the launcher died, and the box with it
            self._release()
            raise
        if outcome is None:
            raise TimeoutError(f"the container still runs after {timeout} s")
        return self._finish(outcome)

    def _await_end(self, timeout: float | None) -> "launch.Outcome | None":
        """Wait for the outcome, watching --timeout; None when `timeout` seconds are over first."""
        running = self._running()
        limit = None if timeout is None else time.monotonic() + timeout
        while running.outcome is None:
            ends = [end for end in (limit, self._deadline_s) if end is not None]
            left = max(0.0, min(ends) - time.monotonic()) if ends else None
            if running.wait(left) is not None:
                break
            self.check_deadline()
            if limit is not None and time.monotonic() >= limit:
                return running.outcome
        return running.outcome

    def _finish(self, outcome: "launch.Outcome") -> Result:
        wall_s = time.monotonic() - self._started_s
        self._streams.drain()
        usage = Usage(wall_s, outcome)
        if self._cgroup is not None:
            usage.add_cgroup(self._cgroup.usage())
            usage.add_pressure(self._cgroup.stalled_s())
        self._result = Result(outcome.status, usage, self.plan, timed_out=self._timed_out)
        chunks = self._streams.chunks
        self._result.stdout, self._result.stderr = (
            b"".join(chunks["stdout"]),
            b"".join(chunks["stderr"]),
        )
        self._release()
        return self._result

    def _release(self) -> None:
        if self._launch is not None:
            if self._result is not None and (self._cgroup is not None or self._assembly.keeps):
                self._launch.settle()  # a group with a process, or a mounted layer, can't be let go
            self._launch.close()
        if self._cgroup is not None:
            from wardian.engine import groups

            groups.remove(self._cgroup)
            self._cgroup = None
        self._assembly.release(finished=self._result is not None)

    def __enter__(self) -> "Container":
        return self

    def __exit__(self, *_: object) -> None:
        if self._launch is not None and self._result is None:
            self.kill(9)
            self.wait()
        self._streams.close()
        if self._launch is None:
            self._release()
