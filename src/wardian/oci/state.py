"""What an OCI runtime remembers of each container: state.json, its lock, and its status.

    ROOT/ID/state.json      what was asked for, and which process came of it
    ROOT/ID/start           a socket on which the container's first process waits to be started
    ROOT/ID/attended        the same, where a start is more than a word: hooks, a filter's agent
    ROOT/ID/answer          why it could not be, from the launcher's `start` (bin/wardian-oci)

A directory claims the id. Whoever changes a container holds a flock on it, which the kernel lets go
of when its holder dies. state.json is written before anything is made that has to be found again,
and again when the process is known; so a kill between two operations leaves a container that
`delete` can take away.

Facts about the status
----------------------
It is looked up, never stored. A pid means something only with the process's start time. A process
that waits to be started still is the launcher, whose name the kernel shows as COMM.

Source: opencontainers/runtime-spec, runtime.md "State".
Kernel: flock(2), proc_pid_stat(5), proc_pid_comm(5).
"""

import errno
import fcntl
import os

from wardian import json_text
from wardian.errors import KernelError, NotFoundError, SpecError, StatusError, UsageError
from wardian.kernel import procfs
from wardian.kernel.cgroup_place import Place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from wardian.kernel import cgroups
    from wardian.runtime.spec import Spec

VERSION = "1.2.1"
COMM = "wardian"  # launcher/main.c
FILE = "state.json"
SOCKET, ATTENDED, ANSWER = "start", "attended", "answer"
LARGEST_BYTES = 64 << 20
_LETTERS = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-.")
LONGEST_ID = 1024

CREATING, CREATED, RUNNING, PAUSED, STOPPED = "creating", "created", "running", "paused", "stopped"


def check_id(name: str) -> None:
    """Refuse what can't be the id of a container.

    Raises:
        UsageError: it is empty, too long, or has letters that file names should not have.
    """
    if not name or name in (".", "..") or not _LETTERS.issuperset(name) or len(name) > LONGEST_ID:
        raise UsageError(f'invalid container ID format: "{name}"', hint="letters, digits, _ + - .")


def default_root() -> str:
    """Return where containers are remembered when --root is not given.

    Root of a user namespace may be an ordinary user, for whom podman says where by
    XDG_RUNTIME_DIR alone; as with runc, that is told from a container's root by $USER.
    """
    from wardian.kernel import probe

    if os.geteuid() == 0 and (not probe.in_user_namespace() or os.environ.get("USER") == "root"):
        return "/run/wardian-oci"
    own = os.environ.get("XDG_RUNTIME_DIR")
    if os.geteuid() == 0 and not own:
        return "/run/wardian-oci"
    base = own or f"/tmp/wardian-oci-{os.geteuid()}"  # noqa: S108
    return os.path.join(base, "wardian-oci")


class State:
    """One container.

    Attributes:
        id, directory: its name, and where it is remembered.
        bundle, rootfs: absolute paths.
        created: when, in RFC 3339.
        pid, started: its first process and when that began, in clock ticks since boot; 0 before.
        config: the specification as it was checked.
        cgroup: the control group's record; None for none.
        ids: how ids are mapped, for processes that join (Host.ids).
    """

    __slots__ = (
        "_fd",
        "bundle",
        "cgroup",
        "config",
        "created",
        "directory",
        "id",
        "ids",
        "pid",
        "rootfs",
        "started",
    )

    def __init__(self, name: str, directory: str, fd: int) -> None:
        self.id = name
        self.directory = directory
        self._fd = fd
        self.bundle = self.rootfs = self.created = ""
        self.pid = self.started = 0
        self.config: Spec = {}
        self.cgroup: dict[str, Any] | None = None
        self.ids = "host"

    # ---- on disk --------------------------------------------------------------------------

    def save(self) -> None:
        """Write state.json, whole or not at all."""
        document = {
            "ociVersion": VERSION,
            "id": self.id,
            "bundle": self.bundle,
            "rootfs": self.rootfs,
            "created": self.created,
            "pid": self.pid,
            "started": self.started,
            "config": self.config,
            "cgroup": self.cgroup,
            "ids": self.ids,
        }
        write_file(f"{self.directory}/{FILE}", json_text.dumps(document))

    def _read(self) -> None:
        try:
            document = json_text.read(f"{self.directory}/{FILE}", LARGEST_BYTES)
        except (NotFoundError, SpecError):
            return  # its maker was killed before it wrote anything
        for key in ("bundle", "rootfs", "created", "pid", "started", "config", "cgroup", "ids"):
            if key in document:
                setattr(self, key, document[key])

    def lock(self, *, wait: bool = True) -> bool:
        """Let nobody else change the container until `close`, or until this process is dead."""
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            return False
        return True

    def close(self) -> None:
        """Let go of the lock."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def remove(self) -> None:
        """Forget the container."""
        for name in (SOCKET, ATTENDED, ANSWER, FILE):
            try:
                os.unlink(f"{self.directory}/{name}")
            except FileNotFoundError:
                continue
        try:
            os.rmdir(self.directory)
        except OSError as error:
            if error.errno != errno.ENOTEMPTY:
                raise KernelError(f'rmdir("{self.directory}")', error.errno or 0) from None
            from wardian.kernel import paths

            paths.remove_tree(self.directory)  # half-written files of a writer that was killed

    def __enter__(self) -> "State":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- now ------------------------------------------------------------------------------

    @property
    def socket(self) -> str:
        """The path of the socket on which the first process waits; no file where it does not."""
        plain = f"{self.directory}/{SOCKET}"
        return plain if os.path.exists(plain) else f"{self.directory}/{ATTENDED}"

    def attend(self) -> None:
        """Let nobody start the container who does not look at it."""
        try:
            os.rename(f"{self.directory}/{SOCKET}", f"{self.directory}/{ATTENDED}")
        except FileNotFoundError:
            pass  # it is so, or was started

    def take_answer(self) -> bytes:
        """Return, once, what the launcher heard when it started the container; b"" for nothing."""
        path = f"{self.directory}/{ANSWER}"
        try:
            with open(path, "rb") as file:
                found = file.read()
            os.unlink(path)
        except FileNotFoundError:
            return b""
        return found

    def group(self) -> "cgroups.Cgroup | None":
        """Return the container's control group."""
        if self.cgroup is None:
            return None
        from wardian.kernel import cgroups

        if not self.cgroup["groups"] and not self.cgroup["unit"]:
            # its maker was killed, or failed, before it knew
            return cgroups.find(cgroups.detect(), str(self.cgroup["name"]))
        return cgroups.reopen(cgroups.detect(), self.cgroup)

    def place(self) -> "Place | None":
        """Return where the container's control group is, to look at its end, or to end it."""
        if self.cgroup is None or self.cgroup["unit"] or not self.cgroup["groups"]:
            return self.group()
        row = self.cgroup
        return Place(str(row["name"]), dict(row["groups"]), list(row["parents"]))

    @property
    def is_alive(self) -> bool:
        """True while the first process runs."""
        return self.pid > 0 and procfs.start_time(self.pid) == self.started

    @property
    def status(self) -> str:
        """Creating, created, running, paused or stopped."""
        if not self.pid:
            if self.lock(wait=False):
                fcntl.flock(self._fd, fcntl.LOCK_UN)
                return STOPPED
            return CREATING
        if not self.is_alive:
            return STOPPED
        group = self.place()
        if group is not None and group.exists and group.is_frozen:
            return PAUSED
        if os.path.exists(self.socket) and procfs.comm(self.pid) == COMM:
            return CREATED
        return RUNNING

    def document(self, status: str = "") -> "dict[str, Any]":
        """Return the state as the specification words it."""
        status = status or self.status
        return {
            "ociVersion": VERSION,
            "id": self.id,
            "pid": 0 if status == STOPPED else self.pid,
            "status": status,
            "bundle": self.bundle,
            "rootfs": self.rootfs,
            "created": self.created,
            "annotations": self.config.get("annotations", {}),
        }


def write_file(path: str, text: str) -> None:
    """Write a small file by way of a temporary name, so that nobody reads half of it."""
    temporary = f"{path}.{os.getpid()}"
    try:
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(fd, "wb") as file:
            file.write(text.encode())
        os.rename(temporary, path)
    except OSError as error:
        raise KernelError(f'write("{path}")', error.errno or 0) from None


def claim(root: str, name: str) -> State:
    """Make the directory of a new container; returns it locked.

    Raises:
        StatusError: there is one of that name.
    """
    check_id(name)
    directory = os.path.join(os.path.abspath(root), name)
    try:
        os.makedirs(os.path.dirname(directory), 0o700, exist_ok=True)
        os.mkdir(directory, 0o700)
        found = State(name, directory, os.open(directory, os.O_RDONLY | os.O_CLOEXEC))
    except FileExistsError:
        raise StatusError(f'container with given ID already exists: "{name}"') from None
    except OSError as error:
        raise KernelError(f'mkdir("{directory}")', error.errno or errno.EIO) from None
    found.lock()
    return found


def load(root: str, name: str) -> State:
    """Return a container that was created; the caller closes it.

    Raises:
        NotFoundError: there is none of that name.
    """
    check_id(name)
    directory = os.path.join(os.path.abspath(root), name)
    try:
        fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR):
            raise NotFoundError(f'container "{name}" does not exist') from None
        raise KernelError(f'open("{directory}")', error.errno or 0) from None
    found = State(name, directory, fd)
    found._read()  # noqa: SLF001 - its own file
    return found


def names(root: str) -> "list[str]":
    """Return the ids of all containers, sorted."""
    try:
        entries = os.scandir(root)
    except FileNotFoundError:
        return []
    return sorted(entry.name for entry in entries if entry.is_dir(follow_symlinks=False))
