"""One sandboxed box: what is asked of it, what it is made of, and how all of it is let go."""

import itertools
import os

from wardian.errors import HostError
from wardian.kernel import memfd, processes
from wardian.sandbox import users, workdir

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from wardian.kernel import cgroups
    from wardian.runtime import launch
    from wardian.runtime.plan import Plan

PIPE_BYTES = 1 << 16

_count = itertools.count()


def pipe() -> "tuple[int, int]":
    """Return both ends of a pipe for a box: its user can open it again, as /dev/stdin.

    Nobody else has a name for it.
    """
    reader, writer = os.pipe()
    os.fchmod(reader, 0o666)  # of the pipe: both ends have one inode
    return reader, writer


def holding(content: bytes) -> int:
    """Return a descriptor to read this from: a pipe, or a file if none is large enough."""
    if len(content) <= PIPE_BYTES:
        fd, writer = pipe()
        try:
            if len(content) <= workdir.pipe_bytes(writer):
                os.write(writer, content)
                return fd
        finally:
            os.close(writer)
        os.close(fd)
    fd = memfd.sealed("wardian-stdin", content)
    os.lseek(fd, 0, os.SEEK_SET)
    return fd


class Request:
    """What one run is asked to do, checked.

    Attributes:
        argv, files, environment, outputs: as Sandbox.run takes them.
        stdin: bytes, a path or a descriptor.
        stdout: a descriptor to write to, which nobody reads here; None to collect what it writes.
    """

    __slots__ = ("argv", "environment", "files", "outputs", "stdin", "stdout")

    def __init__(
        self,
        argv: "Sequence[str]",
        *,
        stdin: "bytes | str | os.PathLike[str] | int",
        files: "Mapping[str, Any]",
        environment: "Mapping[str, str]",
        outputs: "Sequence[str]",
        stdout: int | None = None,
    ) -> None:
        self.argv = list(argv)
        self.stdin = stdin
        self.stdout = stdout
        self.files = files
        self.environment = environment
        self.outputs = outputs


class Box:
    """What a run holds while it lasts.

    Attributes:
        number: counts the boxes of this process.
        argv: the program and its arguments.
        policy: its name.
        plan: what was done to build it.
        owner: its user as the host sees it; None where that is the caller.
        lent: the ids that `users` gets back when it is let go.
        launch: its processes; None before and after.
        group: its control group, or None.
        lends_group: the group is somebody else's, who removes it.
        held: threads that stand because their call has no answer.
        directory: descriptor of its writable directory, or -1.
        trouble: what could not be cleaned up; "" for nothing.
    """

    __slots__ = (
        "argv",
        "directory",
        "group",
        "held",
        "launch",
        "lends_group",
        "lent",
        "number",
        "owner",
        "plan",
        "policy",
        "trouble",
    )

    def __init__(self, plan: "Plan", argv: "list[str]", policy: str) -> None:
        self.number = next(_count)
        self.plan, self.argv, self.policy = plan, argv, policy
        self.owner: int | None = None
        self.lent: list[int] = []
        self.launch: launch.Launch | None = None
        self.group: cgroups.Cgroup | None = None
        self.lends_group = False
        self.held: set[int] = set()
        self.directory = -1
        self.trouble = ""

    @property
    def name(self) -> str:
        """How it is called in logs: who started it, and its number."""
        return f"{os.getpid()}-{self.number}"

    @property
    def is_there(self) -> bool:
        """True while it may still run."""
        return self.launch is not None and self.launch.outcome is None

    def kill(self) -> None:
        """Send SIGKILL to its init, whose end is that of all others."""
        found = self.launch
        if found is not None and found.outcome is None and found.pidfd >= 0:
            processes.send_signal(found.pidfd, processes.SIGKILL)

    def members(self) -> "list[int]":
        """Return the pids of its processes but init, as this process sees them."""
        if self.launch is None:
            return []
        init = self.launch.pid
        found = self.group.processes() if self.group is not None else _descendants(init)
        return [pid for pid in found if pid != init]

    def let_go(self) -> None:
        """Kill what still runs, and let go of the processes, the group and the directory."""
        if self.directory >= 0:
            os.close(self.directory)
            self.directory = -1
        if self.launch is not None:
            self.kill()
            try:
                if self.group is not None and self.launch.outcome is not None:
                    self.launch.settle()
            except HostError as error:  # the launcher died, and its boxes with it
                self.trouble = str(error)
            self.launch.close()
            self.launch = None
        if self.group is not None:
            group, self.group = self.group, None
            try:
                if not self.lends_group:
                    group.remove()
            except HostError as error:
                self.trouble = str(error)
        while self.lent:
            users.give_back(self.lent.pop())


def _descendants(init: int) -> "list[int]":
    """Return all processes below a box's init."""
    parents: dict[int, int] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                parents[int(name)] = int(file.read().rpartition(b")")[2].split()[1])
        except OSError:  # it ended while we looked
            continue
    found = {init}
    grown = True
    while grown:  # who loses its parent becomes a child of init, so none is ever outside
        more = {pid for pid, parent in parents.items() if parent in found} - found
        found |= more
        grown = bool(more)
    return sorted(found)
