"""Run OCI hooks, with the container's state on their standard input.

    prestart, createRuntime     outside, after the mounts are made and before the root is entered
    createContainer             likewise, in the container's namespaces; paths are the host's
    startContainer              inside of the finished container, before its program
    poststart, poststop         outside

Facts about hooks
-----------------
A hook is a program of the host's operator, but what surrounds it may come from an image. So a hook
without an environment gets an empty one, never this process's or the container's (CVE-2025-23266),
and its working directory is not in the container's root.

Source: opencontainers/runtime-spec, config.md "POSIX-platform Hooks".
Kernel: setns(2), pidfd_open(2).
"""

import os
import select
import time

from wardian import errors, json_text
from wardian.kernel import processes, procfs
from wardian.oci import preparation
from wardian.runtime import launch, plan
from wardian.runtime.step import Step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from wardian.runtime.spec import Hook

SAID_BYTES = 8192
READ, WRITE = 0, 1


def run(kind: str, row: "Sequence[Hook]", state: "dict[str, Any]") -> None:
    """Run the hooks of one kind outside of the container, in their order.

    Args:
        kind: for messages.
        row: the hooks.
        state: the container's state.

    Raises:
        HostError: one failed; the others after it did not run.
    """
    for number, hook in enumerate(row):
        about = f'running {kind} hook #{number} "{hook["path"]}"'
        _finish(about, hook, state, _Outside(hook, about))


def run_each(kind: str, row: "Sequence[Hook]", document: "dict[str, Any]") -> "list[str]":
    """Run hooks whose failure the container's life does not depend on; returns what failed."""
    warnings = []
    for hook in row:
        try:
            run(kind, [hook], document)
        except errors.HostError as error:
            warnings.append(str(error))
    return warnings


def run_inside(
    kind: str, row: "Sequence[Hook]", state: "dict[str, Any]", *, host_root: bool
) -> None:
    """Run the hooks of one kind in the container's namespaces, in their order.

    Args:
        kind: for messages.
        row: the hooks.
        state: the container's state.
        host_root: the root is not entered yet: paths lead to the host's files.

    Raises:
        HostError: one failed; the others after it did not run.
    """
    pid = int(state["pid"])
    state = {**state, "pid": procfs.inner_pid(pid)}
    for number, hook in enumerate(row):
        about = f'running {kind} hook #{number} "{hook["path"]}"'
        _finish(about, hook, state, _Inside(hook, pid, host_root=host_root))


def _words(hook: "Hook") -> "tuple[tuple[str, ...], tuple[str, ...]]":
    return tuple(hook.get("args") or [hook["path"]]), tuple(hook.get("env") or [])


class _Outside:
    """A hook as a child of this process."""

    __slots__ = ("pid", "pidfd", "said", "state")

    def __init__(self, hook: "Hook", about: str) -> None:
        arguments, environment = _words(hook)
        given, told = os.pipe2(os.O_CLOEXEC), os.pipe2(os.O_CLOEXEC)
        actions = [
            (os.POSIX_SPAWN_DUP2, given[READ], 0),
            (os.POSIX_SPAWN_DUP2, told[WRITE], 1),
            (os.POSIX_SPAWN_DUP2, told[WRITE], 2),
        ]
        pairs = (one.partition("=") for one in environment)
        try:
            self.pid = os.posix_spawn(
                hook["path"],
                arguments,
                {name: value for name, _equals, value in pairs},
                file_actions=actions,
                setsigmask=(),
            )
        except OSError as error:
            for fd in (given[WRITE], told[READ]):
                os.close(fd)
            raise errors.KernelError(about, error.errno or 0) from None
        finally:
            os.close(given[READ])
            os.close(told[WRITE])
        self.pidfd = os.pidfd_open(self.pid)
        self.state, self.said = given[WRITE], told[READ]

    def wait(self) -> int:
        _pid, status = os.waitpid(self.pid, 0)
        os.close(self.pidfd)
        return status


class _Inside:
    """A hook in the namespaces of a container's first process."""

    __slots__ = ("_launch", "said", "state")

    def __init__(self, hook: "Hook", pid: int, *, host_root: bool) -> None:
        joins, in_user = preparation.open_namespaces(pid, privileged=os.geteuid() == 0)
        root = os.open(f"/proc/{pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        given, told = os.pipe2(os.O_CLOEXEC), os.pipe2(os.O_CLOEXEC)
        steps = [Step("clone", (0,), "in the container's namespaces")]
        if in_user:
            steps.append(Step("become_root", (0,), "root of the container"))
        if host_root:
            steps.append(Step("enter_root", (0,), "the container's root is not entered yet"))
        steps += [
            Step("session", (), "away from the terminal"),
            Step("stdio", (), "its state comes from us"),
            Step("exec", (hook["path"], *_words(hook)), "the hook"),
        ]
        made = plan.Plan(tuple(steps), 0)
        try:
            self._launch = launch.request(
                made.encode({}),
                [given[READ], told[WRITE], told[WRITE]],
                clone_flags=0,
                joins=joins,
                own=[root],
                flags=launch.HIDDEN,
            )
            self._launch.start()
        except BaseException as error:
            os.close(given[WRITE])
            os.close(told[READ])
            if isinstance(error, launch.ReportedError):
                raise errors.KernelError(f'exec hook "{hook["path"]}"', error.number) from None
            raise
        finally:
            for fd in (*joins, root, given[READ], told[WRITE]):
                os.close(fd)
        self.state, self.said = given[WRITE], told[READ]

    @property
    def pidfd(self) -> int:
        return self._launch.pidfd

    def wait(self) -> int:
        outcome = self._launch.wait()
        self._launch.close()
        return outcome.status if outcome is not None else 0


def _finish(
    about: str, hook: "Hook", state: "dict[str, Any]", started: "_Outside | _Inside"
) -> None:
    """Give a hook the state, collect what it says, and wait for its end or its timeout."""
    over, said = _serve(started, json_text.dumps(state).encode(), hook.get("timeout") or 0)
    for fd in (started.state, started.said):
        if fd >= 0:
            os.close(fd)
    status = started.wait()
    if over:
        raise errors.HostError(f"{about}: it ran longer than its timeout of {hook['timeout']} s")
    if status:
        code = os.waitstatus_to_exitcode(status)
        words = f"exit status {code}" if code >= 0 else f"signal: {-code}"
        output = " ".join(said.decode("utf-8", "replace").split())
        raise errors.HostError(f"{about}: {words}" + (f", output: {output}" if output else ""))


def _serve(started: "_Outside | _Inside", text: bytes, timeout_s: int) -> "tuple[bool, bytes]":
    """Serve a hook until it has ended; returns whether its time was over, and what it said."""
    os.set_blocking(started.state, False)
    said, over, alive = b"", False, True
    poll = select.poll()
    poll.register(started.state, select.POLLOUT)
    poll.register(started.said, select.POLLIN)
    poll.register(started.pidfd, select.POLLIN)
    end_s = time.monotonic() + timeout_s
    while alive:
        left_ms = max(0.0, end_s - time.monotonic()) * 1000 if timeout_s and not over else None
        ready = dict(poll.poll(left_ms))
        if not ready:
            over = True
            processes.send_signal(started.pidfd, processes.SIGKILL)
        alive = started.pidfd not in ready
        if started.said in ready:
            data = os.read(started.said, 4096)
            said = (said + data)[:SAID_BYTES]
            if not data:
                poll.unregister(started.said)
        if started.state in ready:
            text = _give(started.state, text)
            if not text:
                poll.unregister(started.state)
                os.close(started.state)
                started.state = -1
    return over, said


def _give(fd: int, text: bytes) -> bytes:
    """Write what is taken now; returns the rest."""
    try:
        return text[os.write(fd, text) :]
    except OSError:  # it does not want to know
        return b""
