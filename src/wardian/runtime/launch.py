"""Start the launcher, hand it plans, and hear how the boxes fare.

One launcher process serves all threads of this Python process. It is started on first use from a
sealed copy in memory, so that nothing in a box can write to it through /proc/1/exe (CVE-2019-5736),
and it dies with this process together with its boxes. A launch has a channel of its own (a
SOCK_SEQPACKET pair) and a report pipe whose end of file means that the program was executed.

launcher/README.md has the protocol. `_socket` is used without its wrapper, which costs 8 ms of
imports at the start of every command.

Kernel: memfd_create(2), posix_spawn(3), unix(7), pidfd_open(2).
"""

import _socket
import _thread
import os
import select

from wardian import errors
from wardian.kernel import memfd, processes
from wardian.runtime.messages import (
    CONSOLE,
    DESCRIPTOR,
    EXITED,
    FAILURE,
    LISTENER,
    MESSAGE,
    REQUEST,
    REQUEST_MAGIC,
    REQUEST_VERSION,
    STARTED,
    STATUS,
    WAITING,
    pack_descriptors,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

LASTING, HIDDEN, REAPED, NEAR = 1, 2, 4, 8

POLL_MAX_MS = (1 << 31) - 1  # poll(2) takes an int
CLIENT_DESCRIPTOR = 3  # where the launcher finds its socket


def binary() -> str:
    """Return the path of the launcher's executable."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    return os.environ.get("WARDIAN_LAUNCHER") or os.path.join(package, "wardian-launcher")


class Outcome:
    """How a box ended.

    Attributes:
        status: the program's wait status (waitpid(2)).
        user_usec, system_usec: processor time of all its processes that were waited for.
        max_rss_bytes: the largest resident set of one of its processes.
    """

    __slots__ = ("max_rss_bytes", "status", "system_usec", "user_usec")

    def __init__(self, status: int, user_usec: int, system_usec: int, max_rss_bytes: int) -> None:
        self.status = status
        self.user_usec = user_usec
        self.system_usec = system_usec
        self.max_rss_bytes = max_rss_bytes


class DiedError(errors.HostError):
    """The launcher was killed, and its boxes with it; the next request starts another."""


class ReportedError(Exception):
    """What the launcher reported; the caller, who knows the plan, words it.

    Attributes:
        index: the step's place among the launcher's steps; -1 where no process could be made.
        number: the errno.
        detail: the object, or the kernel's own explanation.
    """

    def __init__(self, index: int, number: int, detail: str) -> None:
        super().__init__(index, number, detail)
        self.index = index
        self.number = number
        self.detail = detail


class Launch:
    """One box on its way: from the request to the end of its first process.

    Attributes:
        pid: of the box's first process, as this process's namespace sees it.
        pidfd: refers to that process; readable once it ended.
        terminal: the pseudo-terminal's master, or -1.
        on_listener: called with the listener of the box's seccomp filter, which it closes; None
            where there is none.
        bell, is_frozen: a descriptor that is readable when the answer changes, or -1, and whether
            the box stands frozen: its init then can't say that the program was executed.
        outcome: how it ended; with init, known as soon as all of the box's programs are dead.
        is_gone: the first process was reaped; of the box nothing is left.
    """

    __slots__ = (
        "_channel",
        "_report",
        "_waits",
        "bell",
        "is_frozen",
        "is_gone",
        "on_listener",
        "outcome",
        "pid",
        "pidfd",
        "terminal",
    )

    def __init__(self, channel: "_socket.socket", report: int) -> None:
        self._channel = channel
        self._report = report
        self.outcome: Outcome | None = None
        self.is_gone = False
        self.pid = 0
        self.pidfd = -1
        self.terminal = -1
        self.on_listener: Callable[[int], None] | None = None
        self.bell = -1
        self.is_frozen: Callable[[], bool] = lambda: False
        self._waits = 0

    def start(self, *outside: "Callable[[int], None]") -> None:
        """Wait until the program's first instruction, or until the box awaits its start.

        Args:
            outside: one for each `wait` step: called with the pid while the box waits there.

        Raises:
            ReportedError: a step failed; nothing of the box is left.
        """
        self.prepare(*outside)
        self._execute()

    def prepare(self, *outside: "Callable[[int], None]") -> None:
        """Wait for the box's first process; then as `start` up to the last of `outside`."""
        try:
            while not self.pid:  # init's word about a short program may come before the launcher's
                self._receive()
            for number, act in enumerate(outside):
                if self._comes_to(number):
                    act(self.pid)
                    self.let_go_on()
        except BaseException:
            self.abandon()
            raise

    def stand(self, waits: int) -> bool:
        """Wait until the box stands in a `wait` step, which is left by `go_on`.

        Args:
            waits: how many `wait` steps it has been in then.

        Returns:
            False where it failed before; `go_on` then says how.
        """
        return self._comes_to(waits - 1)

    def go_on(self) -> None:
        """Let a box go on that stands, and return as `start` does; raises what `start` does."""
        self.let_go_on()
        self._execute()

    def _execute(self) -> None:
        try:
            is_told = self.on_listener is None or self._serve_listener()
            report = os.read(self._report, FAILURE.size) if is_told else b""
        except BaseException:
            self.abandon()
            raise
        os.close(self._report)
        self._report = -1
        if report:
            self.wait()
            self.close()
            raise _reported(report)

    def _comes_to(self, number: int) -> bool:
        """Return whether the box comes to a wait, and does not fail before."""
        while self._waits <= number and self.outcome is None:
            self._receive()
        return self.outcome is None

    def _serve_listener(self) -> bool:
        """Hand a listener over while the box goes on: the agent may have to allow its execve.

        Returns:
            False where the program was executed and the box frozen before its init could say so.
        """
        poll = select.poll()
        channel = self._channel.fileno()
        poll.register(self._report, select.POLLIN)
        if self.outcome is None:
            poll.register(channel, select.POLLIN)
        if self.bell >= 0:
            poll.register(self.bell, select.POLLIN)
        # The channel first: the listener is sent before the program is executed.
        while channel in (ready := dict(poll.poll())) or self._report not in ready:
            if channel in ready:
                self._receive()
                if self.outcome is not None:
                    poll.unregister(channel)
            elif self.is_frozen():
                return False
            else:
                poll.unregister(self.bell)
        return True

    def _take_listener(self, fd: int) -> None:
        if self.on_listener is None:
            os.close(fd)
        else:
            self.on_listener(fd)

    def reported(self) -> "ReportedError | None":
        """Return why a box that is over had no program; None where that was executed."""
        os.set_blocking(self._report, False)
        try:
            report = os.read(self._report, FAILURE.size)
        except BlockingIOError:
            return None
        return _reported(report) if report else None

    def let_go_on(self) -> None:
        """Let a box go on that stands in a `wait` step."""
        try:
            self._channel.send(b"g")
        except (BrokenPipeError, ConnectionResetError):
            pass  # it is gone; the report says why

    def _receive(self) -> None:
        try:
            data, ancillary, _flags, _address = self._channel.recvmsg(MESSAGE.size, 64)
        except ConnectionResetError:  # it died with a word of ours unread
            data, ancillary = b"", []
        if len(data) != MESSAGE.size:
            raise DiedError("the launcher died", hint="was it killed from outside?")
        kind, value, user, system, rss = MESSAGE.unpack(data)
        fd = -1
        for _level, _kind, packed in ancillary:
            (fd,) = DESCRIPTOR.unpack_from(packed)
        if kind == STARTED:
            self.pid, self.pidfd = value, fd
        elif kind == CONSOLE:
            self.terminal = fd
        elif kind == LISTENER:
            self._take_listener(fd)
        elif kind == WAITING:
            self._waits += 1
        elif kind in (STATUS, EXITED):
            self.is_gone = kind == EXITED
            if self.outcome is None:
                self.outcome = Outcome(value, user, system, rss)
        else:
            raise ReportedError(-1, value, "")

    def take_terminal(self) -> int:
        """Return the pseudo-terminal's master, which the box sent before its program started."""
        while self.terminal < 0 and self.outcome is None:
            self._receive()
        return self.terminal

    def fileno(self) -> int:
        """Return the channel's descriptor: readable when there is news."""
        return self._channel.fileno()

    def news(self) -> "Outcome | None":
        """Take one message that is there; return the outcome once the box has ended."""
        if self.outcome is None:
            self._receive()
        return self.outcome

    def wait(self, timeout_s: float | None = None) -> "Outcome | None":
        """Wait for the end of the box; None when the time is over first."""
        while self.outcome is None:
            if timeout_s is not None:
                poll = select.poll()
                poll.register(self.fileno(), select.POLLIN)
                if not poll.poll(min(timeout_s * 1000, POLL_MAX_MS)):
                    return None
            self._receive()
        return self.outcome

    def settle(self) -> None:
        """Wait until the kernel has taken the box's namespaces down."""
        while not self.is_gone:
            self._receive()

    def abandon(self) -> None:
        """End the box at once and forget it."""
        if self.pidfd >= 0:
            processes.send_signal(self.pidfd, processes.SIGKILL)
        self.close()

    def close(self) -> None:
        """Close the launch's descriptors. The pseudo-terminal belongs to the caller."""
        self._channel.close()
        for fd in (self._report, self.pidfd):
            if fd >= 0:
                os.close(fd)
        self._report = self.pidfd = -1

    def __del__(self) -> None:
        """Close them where nobody did, as a file does."""
        self.close()


def ask(
    server: "_socket.socket", words: bytes, fds: "Sequence[int]", kind: "type[Launch]" = Launch
) -> Launch:
    """Send a request to what speaks as a launcher; return it as a launch of a kind.

    A channel and a report pipe go before its descriptors, which stay the caller's.
    """
    channel, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
    report, report_write = os.pipe()
    try:
        packed = pack_descriptors((theirs.fileno(), report_write, *fds))
        rights = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, packed)]
        server.sendmsg([words], rights, _socket.MSG_NOSIGNAL)
    except BaseException:
        channel.close()
        os.close(report)
        raise
    finally:
        theirs.close()
        os.close(report_write)
    return kind(channel, report)


def _reported(report: bytes) -> ReportedError:
    index, number, detail = FAILURE.unpack(report)
    return ReportedError(index, number, detail.partition(b"\0")[0].decode("utf-8", "replace"))


class Launcher:
    """The launcher process of this Python process.

    Attributes:
        executable: what fstat(2) says of the file in memory that it alone runs from.
    """

    __slots__ = ("_socket", "euid", "executable", "owner", "pid")

    def __init__(self, *, keyring: bool = False) -> None:
        self.owner = os.getpid()
        self.euid = os.geteuid()
        ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
        path = binary()
        try:
            executable = memfd.sealed_program("wardian", path)
        except OSError as error:
            hint = "build it with `make launcher`, or install wardian again"
            raise errors.KernelError(f'open("{path}")', error.errno or 0, hint=hint) from None
        self.executable = os.fstat(executable)
        modes = (os.O_RDONLY, os.O_WRONLY, os.O_WRONLY)
        actions: list[Any] = [(os.POSIX_SPAWN_DUP2, theirs.fileno(), CLIENT_DESCRIPTOR)]
        for fd, mode in enumerate(modes):
            actions.append((os.POSIX_SPAWN_OPEN, fd, os.devnull, mode, 0))
        try:
            path = f"/proc/self/fd/{executable}"
            words = ["wardian", "keyring"] if keyring else ["wardian"]
            self.pid = os.posix_spawn(path, words, {}, file_actions=actions, setsid=True)
        except OSError as error:
            raise errors.KernelError(f'posix_spawn("{binary()}")', error.errno or 0) from None
        finally:
            os.close(executable)
            theirs.close()
        self._socket = ours

    def request(
        self,
        plan: "bytes | int",
        stdio: "Sequence[int]",
        *,
        clone_flags: int,
        cgroup_fd: int = -1,
        joins: "Sequence[int]" = (),
        own: "Sequence[int]" = (),
        held: "Sequence[int]" = (),
        flags: int = 0,
    ) -> Launch:
        """Ask for a box.

        Args:
            plan: as Plan.encode gives it, or `sealed`, which stays the caller's.
            stdio: the program's descriptors 0, 1, 2 and further ones.
            clone_flags: CLONE_NEW* of the first process.
            cgroup_fd: directory of a cgroup v2 that it starts in.
            joins: namespaces that it is cloned in, entered in this order.
            own: descriptors that steps of the plan name by their place.
            held: descriptors that the launcher keeps open until the box is gone (locks).
            flags: LASTING for a box that outlives this process, and REAPED beside it where this
                process means to wait for its end; HIDDEN where its pid namespace has others, which
                may not look into it; NEAR where it joins mount, UTS and network namespaces alone.
        """
        plan_fd = plan if isinstance(plan, int) else memfd.sealed("wardian-plan", plan)
        try:
            group = (cgroup_fd,) if cgroup_fd >= 0 else ()
            counts = (flags, len(group), len(joins), len(own), len(held), 0)
            words = REQUEST.pack(REQUEST_MAGIC, REQUEST_VERSION, clone_flags, *counts)
            return ask(self._socket, words, (plan_fd, *group, *joins, *own, *held, *stdio))
        finally:
            if plan_fd != plan:
                os.close(plan_fd)

    def stop(self) -> None:
        """Let the launcher go; its boxes go with it."""
        self._socket.close()
        self.reap()

    def reap(self) -> None:
        """Wait for its end, which is near."""
        if self.owner == os.getpid():
            try:
                os.waitpid(self.pid, 0)
            except ChildProcessError:
                pass

    def abandon(self) -> None:
        """Close our end in a forked child, whose parent goes on using the launcher."""
        self._socket.close()

    def __del__(self) -> None:
        """Close a dead one's socket when the last thread that may have been using it is done."""
        found = getattr(self, "_socket", None)
        if found is not None:
            found.close()


_lock = _thread.allocate_lock()
_current: Launcher | None = None


def launcher(*, keyring: bool = False) -> Launcher:
    """Return this process's launcher, started on first use.

    A process that changed its user gets a new one: the old has rights that were given up.

    Args:
        keyring: the boxes of one that is started now share the caller's session keyring.
    """
    global _current  # noqa: PLW0603 - one launcher for each process is the point
    found = _current
    if found is not None and found.owner == os.getpid() and found.euid == os.geteuid():
        return found
    with _lock:
        found = _current
        if found is None or found.owner != os.getpid() or found.euid != os.geteuid():
            if found is not None:
                found.abandon() if found.owner != os.getpid() else found.stop()
            found = _current = Launcher(keyring=keyring)
    return found


def request(plan: "bytes | int", stdio: "Sequence[int]", **details: "Any") -> Launch:
    """Ask this process's launcher for a box (Launcher.request); one that died is replaced."""
    found = launcher()
    try:
        return found.request(plan, stdio, **details)
    except (BrokenPipeError, ConnectionResetError):
        _forget(found)
        return launcher().request(plan, stdio, **details)


def _forget(dead: Launcher) -> None:
    """Not closed here: another thread may be about to use it, and hears so too."""
    global _current  # noqa: PLW0603
    with _lock:
        if _current is dead:
            _current = None
            dead.reap()


def _after_fork() -> None:
    """In a forked child: the lock may have been held by a thread that is not there any more."""
    global _lock, _current  # noqa: PLW0603
    _lock = _thread.allocate_lock()
    if _current is not None:
        _current.abandon()
        _current = None


os.register_at_fork(after_in_child=_after_fork)
