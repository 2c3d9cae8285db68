"""Try things out in processes of their own, and know what to do where one fails.

What is tried is kernel/trials.py's; here is the table that gives each trial a name and a remedy.

Kernel: namespaces(7), overlayfs, seccomp(2).
"""

import contextlib
import os

from wardian.errors import UnsupportedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from subprocess import Popen
    from typing import Any

TIMEOUT_S = 20


class Attempt:
    """A thing that is tried in a process of its own.

    Attributes:
        group, name: of the row in doctor's table.
        arguments: what kernel/trials.py is told.
        remedy: what to do where it fails.
        needed: no box can run without it.
    """

    __slots__ = ("arguments", "group", "name", "needed", "remedy")

    def __init__(
        self, group: str, name: str, arguments: str, remedy: str, *, needed: bool = True
    ) -> None:
        self.group = group
        self.name = name
        self.arguments = tuple(arguments.split())
        self.remedy = remedy
        self.needed = needed


_NAMESPACE = "boot a kernel with the namespaces compiled in; in a container, allow them there"
_OLD = "boot a newer kernel; in a container, its seccomp filter may hide the call"

ATTEMPTS = (
    Attempt("isolation", "mount namespace", "mnt", _NAMESPACE),
    Attempt("isolation", "pid namespace", "pid", _NAMESPACE),
    Attempt("isolation", "network namespace", "net", _NAMESPACE),
    Attempt("isolation", "ipc namespace", "ipc", _NAMESPACE),
    Attempt("isolation", "uts namespace", "uts", _NAMESPACE),
    Attempt("isolation", "cgroup namespace", "cgroup", _NAMESPACE),
    Attempt(
        "isolation",
        "time namespace",
        "time",
        "boot a kernel with CONFIG_TIME_NS; only --time-offset needs it",
        needed=False,
    ),
    Attempt(
        "isolation",
        "loopback in a box",
        "loopback",
        "boot a kernel with network namespaces and IPv4",
    ),
    Attempt(
        "files",
        "overlayfs",
        "overlay",
        "load the module (`modprobe overlay`); an ordinary user needs Linux 5.11, and 6.6 for a "
        "writable layer on tmpfs",
    ),
    Attempt(
        "files",
        "attributes on tmpfs",
        "tmpfs_xattr",
        "boot Linux 6.6 or newer with CONFIG_TMPFS_XATTR; only rootless boxes need it",
        needed=False,
    ),
    Attempt(
        "files",
        "EROFS from files",
        "erofs",
        "boot Linux 6.12 or newer with CONFIG_EROFS_FS_BACKED_BY_FILE, as root; without it layers "
        "of images are unpacked into directories",
        needed=False,
    ),
    Attempt("files", "mounts by descriptor", "mount_fds", "boot Linux 5.12 or newer"),
    Attempt(
        "files",
        "proc and sysfs in a box",
        "proc",
        "in a container the masked /proc forbids it: start that with --security-opt "
        "systempaths=unconfined (docker) or unmask=ALL (podman)",
    ),
    Attempt("files", "pseudo-terminals", "terminal", "boot a kernel with CONFIG_UNIX98_PTYS"),
    Attempt("privilege", "seccomp filters", "seccomp", "boot a kernel with CONFIG_SECCOMP_FILTER"),
    Attempt(
        "privilege",
        "seccomp notification",
        "notification",
        "boot Linux 5.0 or newer; only one process in a chain of containers may listen",
        needed=False,
    ),
    Attempt("system", "clone3", "clone3", _OLD),
    Attempt("system", "pidfd_open", "pidfd", _OLD),
    Attempt("system", "openat2", "openat2", _OLD),
    Attempt("system", "close_range", "close_range", _OLD),
    Attempt("system", "executable memfd", "memfd", "sysctl vm.memfd_noexec=0"),
)


def start(arguments: "Sequence[str]") -> "Popen[bytes]":
    """Start a trial; the caller passes it to `finish`."""
    import subprocess
    import sys

    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "trials.py")
    return subprocess.Popen(
        [sys.executable or "python3", "-I", "-S", script, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd="/",
    )


def finish(process: "Popen[bytes]") -> "tuple[bool, str, int]":
    """Return whether it worked, what failed in words, and the errno."""
    import json
    import subprocess

    try:
        out, err = process.communicate(timeout=TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return False, f"no answer in {TIMEOUT_S} s", 0
    try:
        answer: dict[str, Any] = json.loads(out)
    except ValueError:
        last = err.decode("utf-8", "replace").strip().rpartition("\n")[2]
        return False, f"the trial ended with status {process.returncode}: {last}", 0
    if answer["ok"]:
        return True, "", 0
    number = int(answer["errno"])
    return False, f"{answer['call']}: {os.strerror(number).lower()}", number


def try_out(*arguments: str) -> "tuple[bool, str, int]":
    """Run one trial of kernel/trials.py in a process of its own.

    Returns:
        Whether it worked, which call failed and why, the errno.
    """
    return finish(start(arguments))


@contextlib.contextmanager
def held_user_namespace() -> "Iterator[int]":
    """Hold a process in a new user namespace without id maps, and give its pid.

    Raises:
        UnsupportedError: this user can't make a user namespace.
    """
    process = start(("hold",))
    assert process.stdout is not None
    try:
        if process.stdout.readline().strip() != b"holding":
            raise UnsupportedError(
                "unshare(CLONE_NEWUSER): this user can't make a user namespace",
                feature="user namespace",
            )
        yield process.pid
    finally:
        process.communicate()
