"""Boxes that stand ready for a program, and the namespaces that they share.

What a program can leave something in is made anew for each box and goes with it; pool_plan says
which. So there is nothing to be cleaned between two runs: the next one gets another box.

Kernel: memfd_create(2), setns(2), namespaces(7).
"""

import os
import select
import threading
import time

from wardian.kernel import cgroups
from wardian.runtime import failure, launch
from wardian.sandbox import pool_plan
from wardian.sandbox.run import Request, Run

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from wardian.runtime.plan import Plan
    from wardian.sandbox.box import Box
    from wardian.sandbox.preparation import Prepared
    from wardian.sandbox.supervisor import Supervisor

PIPE_BYTES = 1 << 16
NOBODY = Request(["true"], stdin=b"", files={}, environment={}, outputs=())


def is_poolable(request: Request) -> bool:
    """Return whether a box that stands already can have this standard input: a pipe was made."""
    return isinstance(request.stdin, bytes) and len(request.stdin) <= PIPE_BYTES


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
                self._template = self._make(pool_plan.template(self.prepared.plan), (), _KINDS)
            if self.owns_network:
                return self._template, -1
            if self._networks:
                network = self._networks.pop()
            else:
                user = self._template[:-2]  # user comes first, where there is one
                (network,) = self._make(pool_plan.NETWORK, user, ("net",))
            return [*self._template[:-1], network, self._template[-1]], network

    def leave(self, network: int) -> None:
        """Give a network namespace back, in which nothing runs any more."""
        if network >= 0:
            with self._lock:
                self._networks.append(network)

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
            own_kinds = kinds[self.prepared.owns_user and kinds[0] == "user" :]
            found.extend(_open(f"{own}/{kind}", os.O_RDONLY) for kind in own_kinds)
        except launch.ReportedError as problem:
            raise failure.describe(problem, plan) from None
        started.abandon()
        return found

    def close(self) -> None:
        """Let go of the namespaces."""
        with self._lock:
            for fd in (*self._template, *self._networks):
                os.close(fd)
            self._template, self._networks = [], []


def _open(path: str, mode: int) -> int:
    return os.open(path, mode | os.O_CLOEXEC)


# In the order of joining: what comes first gives the rights for the others.
_KINDS = ("user", "uts", "mnt")


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
        self._clean = clean
        self._network = -1
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
            self._request(stdio, mine)
        finally:
            for fd in mine:
                os.close(fd)

    def _request(self, stdio: "list[int]", mine: "list[int]") -> None:
        bindings, cgroup_fd, tasks = self.prepared.bindings_of(self.box.owner), -1, []
        whole = self.prepared.plan
        if whole.cgroup_writes:
            layout = cgroups.detect()
            group = cgroups.create(layout, cgroups.new_name(), whole.cgroup_writes)
            self.box.group = group
            cgroup_fd = group.unified_fd()
            if self._nest.is_shared:
                tasks.extend(_open(path, os.O_WRONLY) for path in group.tasks)
                mine.extend(tasks)
            else:
                bindings = {**bindings, **group.bindings()}
        plan = self._nest.plan(len(tasks))
        joins, self._network = self._nest.enter()
        request = launch.request(
            plan.encode(bindings),
            stdio,
            clone_flags=plan.clone_flags,
            cgroup_fd=cgroup_fd,
            joins=joins,
            own=[*tasks, self._later],
            held=self.prepared.held,
        )
        request.on_listener = self.supervisor.take
        request.on_notice = self._serve
        self.box.launch = request
        try:
            request.prepare(self._prepare)
            if not request.stand(plan.waits):
                request.go_on()  # raises
        except launch.ReportedError as found:
            self.box.launch = None
            raise failure.describe(found, plan) from None

    @property
    def stands(self) -> bool:
        """True while the box waits for its program."""
        if self.box.launch is None:
            return False
        poll = select.poll()
        poll.register(self.box.launch.pidfd, select.POLLIN)
        return not poll.poll(0)

    def ask(self, request: Request) -> "ReadyRun":
        """Say what is to be run; `start` then starts it."""
        self._assign(request)
        return self

    def start(self) -> None:
        """Bring the program, and start it; returns when it was executed.

        Raises:
            LaunchError: the program is not there; nothing is left.
        """
        launched = self.box.launch
        assert launched is not None
        try:
            if self.request.files:
                self._bring_files()
            if self.request.stdin:
                os.write(self._writer, self.request.stdin)  # type: ignore[arg-type]
            os.close(self._writer)
            self._writer = -1
            later = pool_plan.program(self.plan)
            os.write(self._later, later.encode(self.prepared.bindings))
            self._started_s = time.monotonic()
            try:
                launched.go_on()
            except launch.ReportedError as found:
                self.box.launch = None
                raise failure.describe(found, later) from None
            self.supervisor.program_runs = True
            self._watch()
        except BaseException:
            self._release()
            raise

    def _let_go_of_box(self) -> None:
        for fd in (self._writer, self._later):
            if fd >= 0:
                os.close(fd)
        self._writer = self._later = -1
        network, self._network = self._network, -1
        self._clean(self.box, lambda: self._nest.leave(network))
