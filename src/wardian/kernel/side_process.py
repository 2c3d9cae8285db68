"""Run a function of ours in a process with namespaces of its own.

An ordinary user can't give files to other ids, and nobody should mount into the namespace of
everyone; a process that does such work for us gets its own mount namespace, and below an ordinary
user also a user namespace with the id maps of that user's boxes. It is a new interpreter, not a
fork: the caller may have threads.

The function is named by its module and name, takes a list of strings, and returns a string or
raises one of wardian's errors, which is raised here again. Its standard input and output are the
caller's to use.

Facts about becoming root of a user namespace
---------------------------------------------
The maps are written from outside, after unshare(2) and before the first call that needs an id. A
process keeps its ids through it: without setresuid(2) it would be an unmapped user.

Kernel: unshare(2), user_namespaces(7), mount_namespaces(7).
"""

import errno
import os
import sys

from wardian import errors
from wardian.kernel import idmap

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from subprocess import Popen
    from typing import IO

# linux/sched.h
CLONE_NEWNS = 0x00020000
CLONE_NEWUSER = 0x10000000
# linux/mount.h
MS_REC = 0x4000
MS_PRIVATE = 0x40000

_BOOT = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from wardian.kernel import side_process; side_process.serve(sys.argv[2:])"
)
_ANSWER_BYTES = 64 << 20
PIPE = -1  # subprocess.PIPE
DEVNULL = -3
_NONE, _MOUNT, _USER = "none", "mount", "user"


class SideProcess:
    """One such process; use it in a `with` statement, or `wait` for it.

    Args:
        function: "module:name".
        arguments: what the function gets.
        stdin, stdout: descriptors, or PIPE or DEVNULL.
        own_namespaces: False leaves it in the caller's, to join others by itself.

    Attributes:
        stdin, stdout: our ends, where PIPE was asked for.

    Raises:
        UnsupportedError: this user can't have a user namespace.
    """

    def __init__(
        self,
        function: str,
        arguments: "Sequence[str]",
        *,
        stdin: int = DEVNULL,
        stdout: int = DEVNULL,
        own_namespaces: bool = True,
    ) -> None:
        import subprocess

        package = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
        self._answer, theirs = os.pipe()
        go, self._go = os.pipe()
        kind = _NONE if not own_namespaces else _MOUNT if os.geteuid() == 0 else _USER
        command = [sys.executable or "python3", "-I", "-S", "-c", _BOOT, package]
        command += [str(theirs), str(go), kind, function, *arguments]
        try:
            self._process: Popen[bytes] = subprocess.Popen(
                command, stdin=stdin, stdout=stdout, pass_fds=(theirs, go), cwd="/"
            )
        finally:
            os.close(theirs)
            os.close(go)
        try:
            if os.read(self._answer, 1) == b"u":
                idmap.write_maps(self._process.pid, idmap.rootless_maps(os.geteuid(), os.getegid()))
            os.write(self._go, b"g")
        except BaseException:
            self.kill()
            raise

    @property
    def stdin(self) -> "IO[bytes]":
        """The writing end of its standard input."""
        assert self._process.stdin is not None
        return self._process.stdin

    @property
    def stdout(self) -> "IO[bytes]":
        """The reading end of its standard output."""
        assert self._process.stdout is not None
        return self._process.stdout

    def wait(self) -> str:
        """Return what the function returned, or raise what it raised."""
        import json

        if self._process.stdin:
            try:
                self._process.stdin.close()
            except BrokenPipeError:
                pass  # its answer says why
        with os.fdopen(os.dup(self._answer), "rb") as file:
            text = file.read(_ANSWER_BYTES)
        status = self._process.wait()
        self._close()
        try:
            answer = json.loads(text)
        except ValueError:
            raise errors.HostError(f"a process of ours ended with status {status}") from None
        if "result" in answer:
            return str(answer["result"])
        raise _error(answer)

    def kill(self) -> None:
        """End it, whatever it does."""
        if self._process.returncode is None:
            self._process.kill()
            self._process.wait()
        self._close()

    def _close(self) -> None:
        for fd in (self._answer, self._go):
            if fd >= 0:
                os.close(fd)
        self._answer = self._go = -1
        for file in (self._process.stdin, self._process.stdout):
            if file:
                try:
                    file.close()
                except BrokenPipeError:
                    pass

    def __enter__(self) -> "SideProcess":
        return self

    def __exit__(self, *ignored: object) -> None:
        self.kill()


def call(function: str, arguments: "Sequence[str]") -> str:
    """Run a function in such a process; returns what it returned, or raises what it raised."""
    return SideProcess(function, arguments).wait()


def descriptor(function: str, arguments: "Sequence[str]") -> int:
    """Run a function in a process without namespaces of its own; return what it sends with `send`.

    Raises:
        WardianError: what the function raised.
    """
    import socket

    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with ours:
        with theirs:
            side = SideProcess(function, arguments, stdin=theirs.fileno(), own_namespaces=False)
        with side:
            _data, fds, _flags, _address = socket.recv_fds(ours, 1, 1)
            side.wait()
            return fds[0]


def send(fd: int) -> None:
    """In a function that `descriptor` runs: send it back."""
    import socket

    with socket.socket(fileno=os.dup(0)) as channel:
        socket.send_fds(channel, [b"."], [fd])


def _error(answer: "dict[str, object]") -> errors.WardianError:
    message, hint = str(answer["message"]), str(answer["hint"])
    number = answer["errno"]
    if answer["error"] == "KernelError" and isinstance(number, int):
        return errors.KernelError(str(answer["call"]), number, hint=hint)
    kinds: dict[str, type[errors.RequestError]] = {
        "SpecError": errors.SpecError,
        "StatusError": errors.StatusError,
        "NotFoundError": errors.NotFoundError,
    }
    if kind := kinds.get(str(answer["error"])):
        return kind(message, hint=hint)
    return errors.HostError(message, hint=hint)


# ---- the other side -----------------------------------------------------------------------


def serve(words: "list[str]") -> None:
    """Be such a process: namespaces, the function, the answer."""
    import importlib
    import json

    answer, go, kind, function = int(words[0]), int(words[1]), words[2], words[3]
    os.set_inheritable(answer, False)
    os.set_inheritable(go, False)
    try:
        if kind == _NONE:
            os.write(answer, b"n")
        else:
            _unshare(answer, go, user=kind == _USER)
        module, _colon, name = function.partition(":")
        said: dict[str, object] = {
            "result": getattr(importlib.import_module(module), name)(words[4:])
        }
    except errors.WardianError as error:
        said = {
            "error": type(error).__name__,
            "message": str(error),
            "hint": error.hint,
            "errno": getattr(error, "errno", 0),
            "call": getattr(error, "call", ""),
        }
    except OSError as error:
        said = {"error": "HostError", "message": str(error), "hint": "", "errno": error.errno}
    with os.fdopen(answer, "w") as file:
        file.write(json.dumps(said))
    sys.stdout.flush()
    os._exit(0)


def _unshare(answer: int, go: int, *, user: bool) -> None:
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    flags = CLONE_NEWNS | (CLONE_NEWUSER if user else 0)
    if libc.unshare(flags) != 0:
        os.write(answer, b"n")
        raise errors.KernelError(
            "unshare(CLONE_NEWUSER | CLONE_NEWNS)" if user else "unshare(CLONE_NEWNS)",
            ctypes.get_errno() or errno.EPERM,
            hint="`wardian doctor` says what this machine allows",
        )
    os.write(answer, b"u" if user else b"n")
    if os.read(go, 1) != b"g":
        os._exit(1)  # the caller is gone
    if user:
        os.setresgid(0, 0, 0)
        os.setresuid(0, 0, 0)
    libc.mount(b"none", b"/", None, ctypes.c_ulong(MS_REC | MS_PRIVATE), None)
