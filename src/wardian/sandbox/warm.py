"""`wardian.WarmPython`: an interpreter that has imported its modules; each run is a fork of it.

The template runs in a box without a capability, without network and without a way to write; what it
imports is the operator's choice. For each run it clones itself into namespaces of the run's own,
which need no privilege, and the run gives everything up before its first line: see warm_guest,
which is what runs in the box. Runs stand ready as those of any pool do.

What the run finds in memory is the template's: what was imported, and nothing of another run.
Memory that is shared with the template is not counted as the run's.

Kernel: user_namespaces(7), unix(7) SCM_RIGHTS, clone(2).
"""

import _socket
import base64
import json
import os
import threading

from wardian.errors import HostError, LaunchError, UsageError
from wardian.kernel import capabilities, idmap, memfd, processes
from wardian.kernel.cgroup_files import UNIFIED
from wardian.runtime import calls, failure, launch, plan
from wardian.runtime.mount_options import MS_RDONLY
from wardian.runtime.plan import Plan
from wardian.runtime.step import Step
from wardian.sandbox import box_plan, pool_plan, users, workdir
from wardian.sandbox.nest import Nest, Slot
from wardian.sandbox.pool import SandboxPool

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from wardian.kernel import cgroups
    from wardian.sandbox.box import Box, Request
    from wardian.sandbox.nest import Asked
    from wardian.sandbox.preparation import Prepared
    from wardian.sandbox.run import Run

HERE = os.path.dirname(os.path.abspath(__file__))
UNBROUGHT = 1  # warm_guest.py: a file of the run's could not be written
START_TIMEOUT_MS = 120_000
SAID_BYTES = 1 << 16
LATE = frozenset(("rlimit", "umask", "bounding", "user", "no_new_privs"))
CAP_KILL = capabilities.mask(("CAP_KILL",))
CAP_SETFCAP = capabilities.mask(("CAP_SETFCAP",))
GUEST_S = ("seccomp", "clone", "getrusage", "kill", "wait4")  # calls that it makes by number
NOT_THE_TEMPLATE_S = frozenset(("rlimit", "seccomp", "supervised", "exec"))
NAMESPACES = (
    plan.CLONE_NEWUSER
    | plan.CLONE_NEWNS
    | plan.CLONE_NEWPID
    | plan.CLONE_NEWIPC
    | plan.CLONE_NEWNET
)
FORKED = Plan((Step("stdio", (), "the interpreter forks"),), NAMESPACES)


class WarmPython(SandboxPool):
    """A pool whose boxes are forks of an interpreter that has imported its modules.

    `run` takes the words behind `python3`: ["-c", CODE, ...] or [FILE, ...]. Takes what SandboxPool
    takes, and gives the same verdicts; modules that the template has imported cost nothing.

    Args:
        imports: the modules that the template imports; they are trusted.
        python: the interpreter in the root.

    Raises:
        HostError: the template could not import them; says why.
    """

    IS_LAUNCHED = False

    def __init__(
        self,
        *arguments: "Any",
        imports: "Iterable[str]" = (),
        python: str = "python3",
        **words: "Any",
    ) -> None:
        super().__init__(*arguments, **words)
        self.imports = [imports] if isinstance(imports, str) else list(imports)
        self.python = python
        for name in self.imports:
            if not all(part.isidentifier() for part in name.split(".")):
                raise UsageError(f'import "{name}": not the name of a module')

    def _new_nest(self, prepared: "Prepared") -> Nest:
        return WarmNest(prepared, self.python, self.imports)

    def _request(self, argv: "Iterable[str] | str", *more: "Any") -> "Request":
        request = super()._request(argv, *more)
        words = request.argv
        if words[0][:1] == "-" and (words[0] != "-c" or len(words) < 2):
            raise UsageError("no program to run", hint='["-c", CODE, ...] or [FILE, ...]')
        request.argv = [self.python, *words]
        return request


class WarmLaunch(launch.Launch):
    """A run that the template cloned. Of its pid, only the pidfd means the same to us."""

    __slots__ = ("_is_known",)

    def __init__(self, channel: "_socket.socket", report: int) -> None:
        super().__init__(channel, report)
        self._is_known = False

    def _receive(self) -> None:
        try:
            super()._receive()
        except HostError:  # the template died, and with it all of its runs
            self.is_gone = True
            self.outcome = self.outcome or launch.Outcome(processes.SIGKILL, 0, 0, 0)
            self.pid = self.pid or -1
            return
        if self.pidfd >= 0 and not self._is_known:
            with open(f"/proc/self/fdinfo/{self.pidfd}", encoding="ascii") as file:
                rows = dict(line.split(":", 1) for line in file.read().splitlines())
            self.pid = int(rows["Pid"])  # -1 for one that is gone already
            self._is_known = True


class WarmNest(Nest):
    """The template's process, and how runs are asked of it."""

    def __init__(self, prepared: "Prepared", python: str, imports: "Sequence[str]") -> None:
        super().__init__(prepared)
        self.is_shared = True  # control groups are entered from inside
        self._words = (python, list(imports))
        self._asking = threading.Lock()
        self._template_box: launch.Launch | None = None
        self._control: _socket.socket | None = None
        self._owner: int | None = None

    def doors(self, group: "cgroups.Cgroup") -> "list[int]":
        """Return the files by which a run enters its control groups by itself: all of them."""
        found = super().doors(group)
        if UNIFIED in group.groups:
            found.append(group.opened(UNIFIED, "cgroup.procs", os.O_WRONLY))
        return found

    def take(self) -> Slot:
        """Return a slot, which has control groups alone: the template has the namespaces."""
        with self._lock:
            return self._slots.pop() if self._slots else Slot()

    def request(self, box: "Box", slot: Slot, stdio: "list[int]") -> "Asked":
        """Ask the template for a run; one that died is replaced."""
        self._furnish(box, slot)
        tasks = self.doors(box.group) if box.group is not None else []
        if slot.later >= 0:
            os.close(slot.later)
        slot.later = os.memfd_create("wardian-program", os.MFD_CLOEXEC)
        with self._asking:
            for attempt in (1, 2):
                if self._control is None:
                    self._begin(len(tasks))
                box.owner = self._owner
                try:
                    assert self._control is not None
                    fds = (slot.later, *stdio, *tasks)
                    return launch.ask(self._control, b"run", fds, WarmLaunch), FORKED
                except (BrokenPipeError, ConnectionResetError):
                    self._end_template()
                    if attempt == 2:
                        raise HostError("the warm interpreter died twice") from None
        raise AssertionError

    def word(self, problem: launch.ReportedError, _plan: Plan) -> HostError:
        """Return the error for what the guest reported, in its own words."""
        if problem.index == UNBROUGHT:
            return workdir.unwritten(problem.detail, problem.number)
        return LaunchError(
            f"a fork of the warm interpreter: {problem.detail}", number=problem.number
        )

    def bring(self, run: "Run", slot: Slot) -> None:
        """Write what the program's process reads: words, environment, files."""
        files = {
            workdir.check_name(name): _content(content)
            for name, content in run.request.files.items()
        }
        document = {
            "argv": run.request.argv[1:],
            "environment": {**self.prepared.environment, **run.request.environment},
            "files": files,
        }
        data = json.dumps(document).encode()
        while data:
            data = data[os.write(slot.later, data) :]

    def renew(self) -> None:
        """Let the next run start another template."""
        with self._asking:
            self._end_template()

    def bring_files(self, run: "Run") -> None:
        """Nothing: they come with the program, since only its user can be an owner there."""

    # ---- the template ---------------------------------------------------------------------

    def _begin(self, groups: int) -> None:
        """Start the template, and return when it has imported its modules."""
        import select

        python, imports = self._words
        made = self._plan(python)
        config = memfd.sealed("wardian-warm", json.dumps(self._config(groups, imports)).encode())
        os.lseek(config, 0, os.SEEK_SET)
        ours, theirs = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
        reader, writer = os.pipe()
        null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        if self._owner is None and self.prepared.owns_user:
            self._owner = users.take()
        try:
            started = launch.request(
                made.encode(self.prepared.bindings_of(self._owner)),
                [null, null, writer, theirs.fileno(), config],
                clone_flags=made.clone_flags,
                held=self.prepared.held,
            )
            theirs.close()
            os.close(writer)
            writer = -1  # what is left of it is the template's
            started.start(self._map)
            poll = select.poll()
            poll.register(ours.fileno(), select.POLLIN)
            if not poll.poll(START_TIMEOUT_MS) or ours.recv(16) != b"ready":
                started.abandon()
                ours.close()
                raise HostError(
                    f"the warm interpreter could not begin: {_last_line(reader)}",
                    hint=f"{python} -c 'import {', '.join(imports) or 'json'}' in the same root",
                )
        except launch.ReportedError as problem:
            ours.close()
            raise failure.describe(problem, made) from None
        finally:
            theirs.close()
            for fd in (config, reader, writer, null):
                if fd >= 0:
                    os.close(fd)
        self._template_box, self._control = started, ours

    def _map(self, pid: int) -> None:
        if self._owner is not None:
            line = [(box_plan.UID, self._owner, 1)]
            idmap.write_maps(pid, idmap.Maps(line, line, helper=False))

    def _plan(self, python: str) -> Plan:
        """Return the template's plan: a box like all others, without filter, limits and masks.

        A masked /proc would forbid its runs to mount theirs (EPERM), and they map their ids by it.
        """
        whole = self.prepared.unwatched
        row = [step for step in whole.steps if step.name not in NOT_THE_TEMPLATE_S]
        row = [box_plan.without_flag(step, "/proc", MS_RDONLY) for step in row]
        row = [step for step in row if not _is_a_run_s(step)]
        if not self.prepared.owns_user:
            row = [_with_setfcap(step) for step in row]
        environment = tuple(f"{name}={value}" for name, value in self._environment().items())
        row.append(
            Step(
                "exec",
                (python, (python, "-c", _source("warm_guest")), environment),
                "the interpreter",
            )
        )
        return Plan(tuple(row), whole.clone_flags)

    def _environment(self) -> "dict[str, str]":
        # One thread: a fork copies no other, and digits don't depend on how many there are.
        single = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        return {**self.prepared.environment, **dict.fromkeys(single, "1")}

    def _config(self, groups: int, imports: "list[str]") -> "dict[str, Any]":
        whole = self.prepared.unwatched
        uid = box_plan.UID if self.prepared.owns_user else 0
        early = [Step("enter_groups", (groups,), "")] if groups else []
        early.append(Step("unshare", (plan.CLONE_NEWCGROUP,), ""))
        late = [
            Step("user", (uid, uid, b"", 0), "") if step.name == "user" else step
            for step in whole.steps
            if step.name in LATE and not box_plan.is_of_open_files(step)
        ]
        late.append(Step("capabilities", (CAP_KILL, CAP_KILL, 0, 0), "what init needs"))
        last = [Step("session", (), ""), Step("no_capabilities", (), "")]
        loaded = [
            (flags, os.fsencode(self.prepared.bindings[str(name)]).hex())
            for flags, name in (step.args for step in whole.steps if step.name == "seccomp")
        ]
        return {
            "imports": imports,
            "program": _source("warm_program"),
            "flags": NAMESPACES,
            "ids": [uid, uid],
            "early": _rows(early),
            "tree": _rows(pool_plan.own_tree(whole.steps, network=False, exists=os.path.exists)),
            "late": _rows(late),
            "last": _rows(last),
            "filters": loaded,
            "filtered": _rows(
                box_plan.open_files(step) for step in whole.steps if box_plan.is_of_open_files(step)
            ),
            **{name: calls.number(name) for name in GUEST_S},
            "workdir": box_plan.WORKDIR,
        }

    def _end_template(self) -> None:
        if self._template_box is not None:
            self._template_box.abandon()
            self._template_box = None
        if self._control is not None:
            self._control.close()
            self._control = None
        if self._owner is not None:
            users.give_back(self._owner)
            self._owner = None

    def close(self) -> None:
        """End the template."""
        with self._asking:
            self._end_template()
        super().close()


def _source(name: str) -> str:
    """Return the text of a file that runs in the box."""
    with open(os.path.join(HERE, f"{name}.py"), encoding="utf-8") as file:
        return file.read()


def _is_a_run_s(step: Step) -> bool:
    return pool_plan.is_about_groups(step) or pool_plan.is_about_proc(step)


def _with_setfcap(step: Step) -> Step:
    """A user namespace in which id 0 is mapped can only be made with CAP_SETFCAP (5.12)."""
    if step.name == "bounding":
        return Step("bounding", (CAP_SETFCAP,), step.reason)
    if step.name == "capabilities":
        return Step("capabilities", (CAP_SETFCAP, CAP_SETFCAP, 0, 0), step.reason)
    return step


def _rows(steps: "Iterable[Step]") -> "list[list[Any]]":
    """Return steps as the guest plays them: number, five values, data as hexadecimal digits."""
    return [
        [*row[:-1], bytes(row[-1]).hex()]
        for step in steps
        for row in calls.rows(step.name, step.args)
    ]


def _content(content: "bytes | str | os.PathLike[str]") -> "list[Any]":
    """Return a file as the guest makes it: content in base64, whether it is executable."""
    if not isinstance(content, (bytes, bytearray, memoryview)):
        with open(workdir.open_source(content), "rb") as file:
            content = file.read()
    data = bytes(content)
    return [base64.b64encode(data).decode(), data.startswith(workdir.PROGRAM_HEADS)]


def _last_line(reader: int) -> str:
    os.set_blocking(reader, False)
    try:
        said = os.read(reader, SAID_BYTES).decode("utf-8", "replace").strip()
    except BlockingIOError:
        said = ""
    return said.splitlines()[-1] if said else "it ended without a word"
