"""Boxes that stand ready for a program, and the namespaces that they share.

What a program can leave something in is made anew for each box and goes with it; pool_plan says
which. So there is nothing to be cleaned between two runs: the next one gets another box.

Kernel: memfd_create(2), setns(2), namespaces(7).
"""

import os
import select
import threading

from wardian.errors import HostError
from wardian.kernel import cgroups
from wardian.runtime import failure, launch
from wardian.runtime.plan import Plan, encode_step
from wardian.sandbox import pool_plan, workdir
from wardian.sandbox.box import Box
from wardian.sandbox.run import Request, Run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from wardian.sandbox.preparation import Prepared
    from wardian.sandbox.supervisor import Supervisor
    from wardian.sandbox.verdict import Verdict

    Asked = tuple[launch.Launch, int, Plan]

PIPE_BYTES = 1 << 16
END_BYTES = 4 << 20  # room for a program's words
NETWORK_TRIES = 8
NOBODY = Request(["true"], stdin=b"", files={}, environment={}, outputs=())


def is_poolable(request: Request) -> bool:
    """Return whether a box that stands already can have this input and these words."""
    words = [*request.argv, *request.environment, *request.environment.values()]
    if sum(map(len, words)) + 16 * len(words) > END_BYTES // 8:
        return False
    return isinstance(request.stdin, bytes) and len(request.stdin) <= PIPE_BYTES


def _has_sockets(box: Box) -> bool:
    """Return whether there is a socket in the network namespace of a box that has not begun."""
    assert box.launch is not None
    with open(f"/proc/{box.launch.pid}/net/unix", "rb") as file:
        file.readline()
        return bool(file.read(1))


class Nest:
    """The namespaces that the boxes of one pool share, made on first use.

    Attributes:
        prepared: what all runs share.
        is_shared: boxes join namespaces that are there; else each has all of its own.
        owns_network: each box has a network namespace of its own, for sockets may reach it.
    """

    def __init__(self, prepared: "Prepared") -> None:
        self.prepared = prepared
        self.is_shared = prepared.owns_user or not pool_plan.uses_keys(prepared.policy)
        self.owns_network = pool_plan.reaches_network(prepared.policy)
        self._lock = threading.Lock()
        self._template: list[int] = []
        self._networks: list[int] = []
        self._plans: dict[int, Plan] = {}
        self._end = b""
        self._is_closed = False

    def plan(self, groups: int) -> "Plan":
        """Return the plan of a box up to its program.

        Args:
            groups: how many control groups it enters by itself.
        """
        found = self._plans.get(groups)
        if found is None:
            whole = self.prepared.plan
            if self.is_shared:
                found = pool_plan.joined(
                    whole, groups=groups, network=self.owns_network, exists=os.path.exists
                )
            else:
                found = pool_plan.alone(whole)
            self._plans[groups] = found
        return found

    def enter(self) -> "tuple[list[int], int]":
        """Return the namespaces to join, and the one among them that `leave` gives back, or -1."""
        if not self.is_shared:
            return [], -1
        with self._lock:
            if not self._template:
                kinds = KINDS[1:] if self.prepared.owns_user else KINDS
                self._template = self._make(pool_plan.template(self.prepared.plan), (), kinds)
            if self.owns_network:
                return self._template, -1
            if self._networks:
                network = self._networks.pop()
            else:
                user = self._template[:-2]  # user comes first, where there is one
                (network,) = self._make(pool_plan.NETWORK, user, ("net",))
            return [*self._template[:-1], network, self._template[-1]], network

    def doors(self, group: "cgroups.Cgroup") -> "Iterable[str]":
        """Return the files by which a box enters its control groups by itself."""
        return group.tasks if self.is_shared else ()

    def request(self, box: "Box", stdio: "list[int]", tasks: "list[int]", later: int) -> "Asked":
        """Ask for a box; it comes to stand before its program.

        Args:
            box: its control group is there.
            stdio: its standard descriptors.
            tasks: the files of `doors`.
            later: is read when it goes on.
        """
        plan = self.plan(len(tasks))
        joins, network = self.enter()
        bindings = self.prepared.bindings_of(box.owner)
        if box.group is not None and not self.is_shared:
            bindings = {**bindings, **box.group.bindings()}
        try:
            launched = launch.request(
                plan.encode(bindings),
                stdio,
                clone_flags=plan.clone_flags,
                cgroup_fd=box.group.unified_fd() if box.group is not None else -1,
                joins=joins,
                own=[*tasks, later],
                held=self.prepared.held,
            )
        except BaseException:
            self.leave(network)
            raise
        return launched, network, plan

    def lay(self, later: int) -> None:
        """Write the end of a box's plan but for its program, which is all that it waits for."""
        if not self._end:
            *before, _program = pool_plan.end(self.prepared.plan).steps
            self._end = Plan(tuple(before), 0).encode(self.prepared.bindings, to_come=1)
        os.ftruncate(later, END_BYTES)
        os.pwrite(later, self._end, 0)

    def bring(self, run: Run, later: int) -> None:
        """Write the program of a run."""
        (program,) = encode_step(run.plan.steps[-1], self.prepared.bindings)
        os.pwrite(later, program, len(self._end))

    def bring_files(self, run: Run) -> None:
        """Bring a run's files before its program."""
        workdir.put(run.box.directory, run.request.files, run.box.owner)

    def renew(self) -> None:
        """A box died before its program: make anew what boxes depend on, if anything."""

    def leave(self, network: int, *, is_empty: bool = True) -> None:
        """Give a network namespace back; it is used again where nothing runs in it any more."""
        if network < 0:
            return
        with self._lock:
            if is_empty and not self._is_closed:
                self._networks.append(network)
                return
        os.close(network)

    def _make(
        self, plan: "Plan", joins: "tuple[int, ...] | list[int]", kinds: "tuple[str, ...]"
    ) -> "list[int]":
        """Let a box make namespaces, and keep those of these kinds."""
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        try:
            started = launch.request(
                plan.encode(self.prepared.bindings_of(None)),
                [null] * 3,
                clone_flags=plan.clone_flags,
                joins=joins,
                held=self.prepared.held,
            )
        finally:
            os.close(null)
        found: list[int] = []
        try:
            started.prepare()
            if not started.stand(1):
                started.go_on()  # raises
            own = f"/proc/{started.pid}/ns"
            found.extend(_open(f"{own}/{kind}", os.O_RDONLY) for kind in kinds)
        except BaseException as problem:
            for fd in found:
                os.close(fd)
            if isinstance(problem, launch.ReportedError):
                raise failure.describe(problem, plan) from None
            raise
        finally:
            started.abandon()
        return found

    def close(self) -> None:
        """Let go of the namespaces."""
        with self._lock:
            self._is_closed = True
            for fd in (*self._template, *self._networks):
                os.close(fd)
            self._template, self._networks = [], []


def _open(path: str, mode: int) -> int:
    return os.open(path, mode | os.O_CLOEXEC)


# In the order of joining: the user namespace gives the rights for the others.
KINDS = ("user", "uts", "mnt")


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
        self._network = -1
        self._is_supervised = False
        # Executing is no call that the supervisor is asked about: so nobody need wait for it.
        self._is_hasty = nest.prepared.allows_execve
        self._writer = self._later = -1
        try:
            self._make()
        except BaseException:
            self._release()
            raise

    def _make(self) -> None:
        """Build the box, and leave it where it waits for its program."""
        mine: list[int] = []
        try:
            reader, self._writer = os.pipe()
            mine.append(reader)
            stdio = [reader, self._output("stdout", mine), self._output("stderr", mine)]
            self._later = os.memfd_create("wardian-program", os.MFD_CLOEXEC)
            self._nest.lay(self._later)
            for _ in range(NETWORK_TRIES):
                self._request(stdio, mine)
                if self._network < 0 or not _has_sockets(self.box):
                    self._listen()
                    return
                # Left by an earlier run in a cycle of sockets, which the kernel takes apart later.
                self._drop_box()
            raise HostError("the network namespaces of this pool do not become empty")
        finally:
            for fd in mine:
                os.close(fd)

    def _request(self, stdio: "list[int]", mine: "list[int]") -> None:
        tasks: list[int] = []
        writes = self.prepared.plan.cgroup_writes
        if writes:
            self.box.group = cgroups.create(cgroups.detect(), cgroups.new_name(), writes)
            for path in self._nest.doors(self.box.group):
                tasks.append(_open(path, os.O_WRONLY))
                mine.append(tasks[-1])
        asked, self._network, plan = self._nest.request(self.box, stdio, tasks, self._later)
        asked.on_listener = self._take
        self.box.launch = asked
        outside = [self._prepare] * plan.waits
        try:
            asked.prepare(*outside)
            if not asked.stand(plan.waits + 1):
                asked.go_on()  # raises
                raise HostError("the box was killed from outside before its program")
            if self.box.directory < 0:
                self.box.directory = workdir.open_in_box(asked.pid)
        except launch.ReportedError as found:
            self.box.launch = None
            raise failure.describe(found, plan) from None
        except BaseException:
            self.box.launch = None
            asked.abandon()
            raise

    def _drop_box(self) -> None:
        network, self._network = self._network, -1
        self.box.let_go()
        self._nest.leave(network, is_empty=False)
        self._replace_box()

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
        if self.box.launch is None:
            return False
        poll = select.poll()
        poll.register(self.box.launch.pidfd, select.POLLIN)
        return not poll.poll(0)

    def fits(self, request: Request) -> bool:
        """Return whether the standard input fits into the pipe, which nobody reads yet."""
        return len(request.stdin) <= workdir.pipe_bytes(self._writer)  # type: ignore[arg-type]

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
        self._let_go_of_box()
        self._nest.renew()
        request = self.request
        self._replace_box()
        self._make()
        self._assign(request)

    def _begin(self) -> bool:
        """Let the box go on to its program; returns False where it died before."""
        launched = self.box.launch
        if launched is None or not self.stands:
            return False
        if self.request.files:
            self._nest.bring_files(self)
        if self.request.stdin:
            os.write(self._writer, self.request.stdin)  # type: ignore[arg-type]
        os.close(self._writer)
        self._writer = -1
        self._nest.bring(self, self._later)
        self._mark_start()
        if self._is_hasty:
            self.supervisor.program_runs = True  # nothing of the launcher's is asked about any more
            launched.let_go_on()
            return True
        try:
            launched.go_on()
        except launch.ReportedError as found:
            self.box.launch = None
            raise failure.describe(found, pool_plan.end(self.plan)) from None
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
        problem = launched.reported() if self._is_hasty and launched is not None else None
        if problem is None:
            return super().finish()
        self._release()
        raise failure.describe(problem, pool_plan.end(self.plan)) from None

    def _let_go_of_box(self) -> None:
        for fd in (self._writer, self._later):
            if fd >= 0:
                os.close(fd)
        self._writer = self._later = -1
        network, self._network = self._network, -1
        # Without its outcome it was killed, and may not be dead yet.
        is_empty = self.box.launch is not None and self.box.launch.outcome is not None
        self._clean(self.box, lambda: self._nest.leave(network, is_empty=is_empty))

    def forget(self) -> None:
        """In a forked child: close what is the parent's; its box stands there as before."""
        for fd in (self._writer, self._later, self.box.directory, *self._outputs):
            if fd >= 0:
                os.close(fd)
        self._outputs.clear()
        self._writer = self._later = self.box.directory = -1
        if self.box.launch is not None:
            self.box.launch.close()
            self.box.launch = None
