"""Every exception wardian raises, drawn as a tree.

    WardianError
    ├── RequestError            the caller asked for something wrong
    │   ├── UsageError          a bad option or option value
    │   ├── SpecError           a bad document (config.json, profile); `.where` is the JSON path
    │   ├── NotFoundError       a name that does not exist
    │   └── StatusError         right thing, wrong moment (already running, in use ...)
    ├── HostError               this machine or this user can't do it
    │   ├── UnsupportedError    a feature is missing; `.feature` names it
    │   ├── KernelError         a system call failed; also an OSError with `.errno`
    │   └── LaunchError         a plan step failed in the box; `.step`, `.errno`
    ├── ProgramError            a sandboxed function raised, or was ended; `.verdict` says how
    ├── RemoteError             another machine can't be reached, or refused; `.status` is HTTP's
    └── InternalError           a bug in wardian; please report

A message says what was tried, on what, and why it failed: lower case, no full stop, the object in
quotes. What to do about it goes to `hint`, which the command line prints on a line of its own.
"""

import os


class WardianError(Exception):
    """Base of all errors that wardian raises on purpose."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class RequestError(WardianError):
    """The caller asked for something that can't be done on any machine."""


class UsageError(RequestError):
    """A bad option or option value."""


class SpecError(RequestError):
    """A document is wrong; `where` is the JSON path of the faulty place.

    What it quotes of the document stays on one line and sends no terminal a command.
    """

    def __init__(self, message: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(_plain(f"{where}: {message}" if where else message), hint=_plain(hint))
        self.where = _plain(where)


def _plain(text: str) -> str:
    return text if text.isprintable() else text.encode("unicode_escape").decode()


class NotFoundError(RequestError):
    """Something was named that does not exist; `program` says that it is the program to run."""

    def __init__(self, message: str, *, hint: str = "", program: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.program = program


class StatusError(RequestError):
    """The request does not fit the present state of the thing."""


class HostError(WardianError):
    """This machine, kernel or user can't do what was asked."""


class UnsupportedError(HostError):
    """A feature is missing here; `feature` names it as `wardian doctor` does."""

    def __init__(self, message: str, *, feature: str = "", hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.feature = feature


class KernelError(HostError, OSError):
    """A system call failed.

    Args:
        call: the call as one would write it, with its object: 'mkdir("/sys/fs/cgroup/x")'.
        number: the errno.
    """

    def __init__(self, call: str, number: int, *, hint: str = "") -> None:
        message = f"{call}: {os.strerror(number).lower()}"
        HostError.__init__(self, message, hint=hint)
        self.errno = number
        self.strerror = os.strerror(number)
        self.call = call

    def __str__(self) -> str:
        return str(self.args[0])


class LaunchError(HostError):
    """A step of a plan failed inside the box; nothing of the box is left.

    Args:
        message: the failed step in words.
        step: the step that failed (runtime.step.Step), or None where there was none to blame.
        number: the errno.
        exit_code: what the command line ends with: 127 not found, 126 not executable, else 125.
    """

    def __init__(
        self,
        message: str,
        *,
        step: object = None,
        number: int = 0,
        exit_code: int = 125,
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.step = step
        self.errno = number
        self.exit_code = exit_code


class ProgramError(WardianError):
    """A function that was called in a sandbox raised, or did not return.

    All that it says comes from the box: it may be invented.

    Attributes:
        verdict: of the run; a wardian.Verdict.
        kind: name of the exception that it raised; "" where it was ended.
        traceback: of the box's Python, as text.
    """

    def __init__(
        self, message: str, *, verdict: object = None, kind: str = "", traceback: str = ""
    ) -> None:
        super().__init__(_plain(message))
        self.verdict = verdict
        self.kind = kind
        self.traceback = traceback


class RemoteError(WardianError):
    """Another machine can't be reached, refused, or answered something senseless.

    Args:
        message: what was asked of whom, and what came back.
        status: of HTTP; 0 where there was no answer.
    """

    def __init__(self, message: str, *, status: int = 0, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.status = status


class InternalError(WardianError):
    """A bug in wardian; please report it."""
