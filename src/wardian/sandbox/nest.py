"""What the boxes of one pool share, and what one box after the other may have again.

A *slot* is what a box has that keeps nothing of its run: a network namespace that no socket of the
policy reaches, a user namespace, control groups that show nothing of it, the file with the program.
pool_plan says why. After any run that did not end by itself, with all of its processes, the slot is
thrown away. Keys are kept by user namespace: where a policy has them, each box gets its own.

Kernel: memfd_create(2), setns(2), namespaces(7), keyrings(7).
"""

import _socket
import os
import threading
import time

from wardian.errors import HostError, UsageError
from wardian.kernel import cgroups, idmap, memfd
from wardian.kernel.cgroup_files import UNIFIED
from wardian.runtime import failure, launch
from wardian.runtime.plan import Plan, encode_step
from wardian.sandbox import box_plan, groups, pool_plan, users, workdir

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from wardian.sandbox.box import Box
    from wardian.sandbox.preparation import Prepared
    from wardian.sandbox.run import Run

    Asked = tuple[launch.Launch, Plan]

END_BYTES = 4 << 20  # room for a program's words
# In the order of joining: the user namespace gives the rights for the others.
KINDS = ("user", "uts", "mnt")
NO_SOCKETS = b"sockets: used 0\n"
SOCKETS_TIMEOUT_S = 0.5
PAUSE_S = 0.0005


class Slot:
    """What one box has, and after it another.

    Attributes:
        network, user: namespaces, or -1.
        sockets: a file that counts those of `network`, or -1.
        owner: the user as the host sees it; None where that is the caller.
        group: control groups, or None.
        later: the file from which the program is read, or -1.
        told: how many bytes of a program are in it.
    """

    __slots__ = ("group", "later", "network", "owner", "sockets", "told", "user")

    def __init__(self) -> None:
        self.network = self.user = self.sockets = self.later = -1
        self.owner: int | None = None
        self.group: cgroups.Cgroup | None = None
        self.told = 0

    @property
    def has_sockets(self) -> bool:
        """True where a run left some: in a cycle, which the kernel takes apart later."""
        return self.sockets >= 0 and not os.pread(self.sockets, 64, 0).startswith(NO_SOCKETS)

    def await_sockets(self) -> None:
        """Wait until what a run left in its sockets is gone: it may hold a lock that others see."""
        end_s = time.monotonic() + SOCKETS_TIMEOUT_S
        while self.has_sockets and time.monotonic() < end_s:
            for one in _socket.socketpair():  # the kernel looks for cycles when one is closed
                one.close()
            time.sleep(PAUSE_S)

    def close(self) -> None:
        """Let go of all.

        Raises:
            HostError: the control group can't be removed.
        """
        group, owner = self.group, self.owner
        self.forget()
        self.owner = None
        try:
            if group is not None:
                group.remove()  # returns when all of its processes have ended
        finally:
            if owner is not None:
                users.give_back(owner)

    def forget(self) -> None:
        """Close the descriptors: in a forked child, the rest is the parent's."""
        for fd in (self.network, self.user, self.sockets, self.later):
            if fd >= 0:
                os.close(fd)
        self.network = self.user = self.sockets = self.later = -1
        if self.group is not None:
            self.group.close()
            self.group = None


class Nest:
    """The namespaces that the boxes of one pool share, made on first use.

    Attributes:
        prepared: what all runs share.
        is_shared: boxes join namespaces that are there; else each has all of its own.
        owns_network: each box has a network namespace of its own, for sockets may reach it.
        owns_keys: each box has a user namespace of its own, for the program may keep keys in it.
    """

    def __init__(self, prepared: "Prepared") -> None:
        self.prepared = prepared
        self.owns_keys = pool_plan.uses_keys(prepared.policy)
        self.is_shared = prepared.owns_user or not self.owns_keys
        self.owns_network = pool_plan.reaches_network(prepared.policy)
        self._lock = threading.Lock()
        self._template: list[int] = []
        self._slots: list[Slot] = []
        self._plans: dict[tuple[int, bool], Plan] = {}
        self._sealed: dict[tuple[int, bool, int], int] = {}
        self._end = b""
        self._is_closed = False

    # ---- slots ----------------------------------------------------------------------------

    def take(self) -> Slot:
        """Return a slot that no box has."""
        while (slot := self._take()) is not None:
            if not slot.has_sockets:
                return slot
            slot.close()
        slot = Slot()
        try:
            self._fill(slot)
        except BaseException:
            slot.close()
            raise
        return slot

    def _take(self) -> Slot | None:
        with self._lock:
            if self._slots:
                return self._slots.pop()
            if self.is_shared and not self._template:
                kinds = KINDS[1:] if self.prepared.owns_user else KINDS
                self._template = self._make(pool_plan.template(self.prepared.plan), [], kinds)
        return None

    def _fill(self, slot: Slot) -> None:
        if self.prepared.owns_user:
            slot.owner = users.take()
        kinds = ["net"] if self.is_shared and not self.owns_network else []
        if slot.owner is not None and not self.owns_keys:
            kinds.append("user")
        if not kinds:
            return
        plan = pool_plan.slot(network="net" in kinds, user="user" in kinds)
        inside = self._template[:-2]  # user comes first, where there is one
        made = dict(zip(kinds, self._make(plan, inside, kinds, slot.owner), strict=True))
        slot.network, slot.user = made.get("net", -1), made.get("user", -1)

    def leave(self, slot: Slot, *, is_clean: bool) -> None:
        """Give a slot back.

        Args:
            slot: as `take` gave it.
            is_clean: the run ended by itself, and nothing of its box is left.

        Raises:
            HostError: a control group can't be removed.
        """
        is_reusable = is_clean and self.is_shared and not self.owns_keys
        if is_reusable and self._renew_group(slot):
            with self._lock:
                if not self._is_closed:
                    self._slots.append(slot)
                    return
        slot.close()

    def watch_sockets(self, slot: Slot, pid: int) -> None:
        """Keep a file that counts the sockets of a slot's network namespace.

        Args:
            slot: as `take` gave it.
            pid: a process in that namespace.
        """
        if slot.network >= 0 and slot.sockets < 0:
            slot.sockets = os.open(f"/proc/{pid}/net/sockstat", os.O_RDONLY | os.O_CLOEXEC)

    def _renew_group(self, slot: Slot) -> bool:
        """Make anew what a run has left something in; returns whether all is as new."""
        group = slot.group
        if group is None:
            return True
        try:
            kept = groups.as_new(group, self.prepared.limits, self.prepared.enforced)
            if len(kept) == len(group.groups):
                return True
            if group.layout.mode == "v2":  # one hierarchy: the next box makes a group
                slot.group = None
                group.remove()
            else:
                cgroups.renew(group, self.prepared.plan.cgroup_writes, kept)
        except (HostError, OSError):
            return False
        return True

    # ---- boxes ----------------------------------------------------------------------------

    def plan(self, doors: int, *, has_user: bool) -> Plan:
        """Return the plan of a box up to its program.

        Args:
            doors: how many control groups it enters by itself.
            has_user: its slot has a user namespace.
        """
        found = self._plans.get((doors, has_user))
        if found is None:
            whole = self.prepared.plan
            if self.is_shared:
                found = pool_plan.joined(
                    whole,
                    groups=doors,
                    network=self.owns_network,
                    user=has_user,
                    exists=os.path.exists,
                )
            else:
                found = pool_plan.alone(whole)
            self._plans[doors, has_user] = found
        return found

    def doors(self, group: "cgroups.Cgroup") -> "list[int]":
        """Return open files by which a box enters its control groups by itself; the group's."""
        names = [name for name in group.groups if name != UNIFIED] if self.is_shared else []
        same = {group.groups[name]: name for name in names}
        return [group.opened(name, "tasks", os.O_WRONLY) for name in same.values()]

    def request(self, box: "Box", slot: Slot, stdio: "list[int]") -> "Asked":
        """Ask for a box; it comes to stand before its program.

        Args:
            box: it gets its owner and its control group from the slot.
            slot: what it has; with the file from which it reads its program.
            stdio: its standard descriptors.
        """
        self._furnish(box, slot)
        tasks = self.doors(box.group) if box.group is not None else []
        user = [slot.user] if slot.user >= 0 else []
        plan = self.plan(len(tasks), has_user=bool(user))
        network = [slot.network] if slot.network >= 0 else []
        template = self._template
        if self.is_shared and not template:  # closed meanwhile: never in namespaces of the host's
            raise UsageError("this pool is closed")
        self._lay(slot)
        launched = launch.request(
            self._wire(plan, box, (len(tasks), bool(user))),
            stdio,
            clone_flags=plan.clone_flags,
            cgroup_fd=box.group.unified_fd() if box.group is not None else -1,
            joins=[*template[:-1], *network, *template[-1:]],
            own=[*tasks, *user, slot.later],
            held=self.prepared.held,
            flags=launch.NEAR if self.prepared.owns_user else 0,
        )
        return launched, plan

    def _furnish(self, box: "Box", slot: Slot) -> None:
        writes = self.prepared.plan.cgroup_writes
        if slot.group is None and writes:
            slot.group = cgroups.create(cgroups.detect(), cgroups.new_name(), writes)
        box.group, box.lends_group = slot.group, True
        box.owner = slot.owner

    def _wire(self, plan: Plan, box: "Box", key: "tuple[int, bool]") -> "bytes | int":
        """Return the plan as the launcher takes it; the same file for all boxes that share it."""
        bindings = self.prepared.bindings_of(box.owner)
        if not self.is_shared:
            return plan.encode({**bindings, **(box.group.bindings() if box.group else {})})
        place = (*key, os.geteuid())
        with self._lock:
            if place not in self._sealed:
                self._sealed[place] = memfd.sealed("wardian-plan", plan.encode(bindings))
            return self._sealed[place]

    def _lay(self, slot: Slot) -> None:
        """Write the end of a box's plan but for its program, which is all that it waits for."""
        if slot.later >= 0:
            return
        if not self._end:
            *before, _program = pool_plan.end(self.prepared.plan).steps
            self._end = Plan(tuple(before), 0).encode(self.prepared.bindings, to_come=1)
        slot.later = os.memfd_create("wardian-program", os.MFD_CLOEXEC)
        os.ftruncate(slot.later, END_BYTES)
        os.pwrite(slot.later, self._end, 0)

    def bring(self, run: "Run", slot: Slot) -> None:
        """Write the program of a run, over that of the last."""
        last = run.plan.steps[-1]
        if last.wire is None:  # there are no symbols in it
            last.wire = encode_step(last, {})
        (program,) = last.wire
        os.pwrite(slot.later, program.ljust(slot.told, b"\0"), len(self._end))
        slot.told = len(program)

    def bring_files(self, run: "Run") -> None:
        """Bring a run's files before its program."""
        workdir.put(run.box.directory, run.request.files, run.box.owner)

    def word(self, problem: launch.ReportedError, plan: Plan) -> HostError:
        """Return the error for what a box reported, whose steps are those of a plan."""
        return failure.describe(problem, plan)

    def renew(self) -> None:
        """A box died before its program: make anew what boxes depend on, if anything."""

    def _make(
        self, plan: Plan, joins: "list[int]", kinds: "Sequence[str]", owner: int | None = None
    ) -> "list[int]":
        """Let a box make namespaces, and keep those of these kinds.

        Args:
            plan: ends with a `wait`.
            joins: namespaces that it is made in.
            kinds: as in /proc/PID/ns.
            owner: whom a new user namespace is for.
        """
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
            if owner is not None:
                line = [(box_plan.UID, owner, 1)]
                idmap.write_maps(started.pid, idmap.Maps(line, line, helper=False))
            for kind in kinds:
                path = f"/proc/{started.pid}/ns/{kind}"
                found.append(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
        except BaseException as problem:
            for fd in found:
                os.close(fd)
            if isinstance(problem, launch.ReportedError):
                raise failure.describe(problem, plan) from None
            raise
        finally:
            started.abandon()
        return found

    def forget(self) -> None:
        """In a forked child: close what is the parent's."""
        self._lock = threading.Lock()  # a thread that is not here may have held it
        for slot in self._close():
            slot.forget()

    def _close(self) -> "list[Slot]":
        with self._lock:
            self._is_closed = True
            slots, self._slots = self._slots, []
            for fd in (*self._template, *self._sealed.values()):
                os.close(fd)
            self._template = []
            self._sealed.clear()
        return slots

    def close(self) -> None:
        """Let go of the namespaces and of the slots that no box has."""
        for slot in self._close():
            try:
                slot.close()
            except HostError:  # the sweep of a later command removes the group
                continue
