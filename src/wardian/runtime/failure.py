"""Word a launch that failed: which step, on what, why, and what to do about it."""

import errno
import os

from wardian import errors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wardian.runtime.launch import ReportedError
    from wardian.runtime.plan import Plan
    from wardian.runtime.spec import Spec
    from wardian.runtime.step import Step

NOT_FOUND = 127
NOT_EXECUTABLE = 126
OWN_FAILURE = 125


def describe(failure: "ReportedError", plan: "Plan") -> errors.LaunchError:
    """Return the error for what the launcher reported."""
    reason = os.strerror(failure.number).lower()
    if failure.index < 0:
        return errors.LaunchError(
            f"clone3: {reason}", number=failure.number, hint=_clone_hint(failure.number)
        )
    played = plan.played()
    step = played[failure.index] if failure.index < len(played) else None
    if step is None:
        text = f"the launcher could not read the plan: {failure.detail or reason}"
        return errors.LaunchError(text, number=failure.number)
    text, hint, code = _describe_step(step, failure)
    return errors.LaunchError(text, step=step, number=failure.number, exit_code=code, hint=hint)


def _describe_step(step: "Step", failure: "ReportedError") -> tuple[str, str, int]:
    reason = os.strerror(failure.number).lower()
    if step.name in ("exec", "find"):
        return _describe_exec(str(step.args[0]), failure.number)
    what = step.name.replace("_", " ")
    about = f'"{step.args[0]}"' if step.args and isinstance(step.args[0], str) else ""
    if step.name == "rlimit":
        about = step.reason
    target = step.args[1] if step.name in ("bind", "mount", "symlink") else ""
    if target:
        about = f'{about} on "{target}"'
    detail = f" ({failure.detail})" if failure.detail and failure.detail not in about else ""
    words = " ".join(part for part in (what, about) if part)
    return f"{words}: {reason}{detail}", _step_hint(step, failure.number), OWN_FAILURE


def _describe_exec(program: str, number: int) -> tuple[str, str, int]:
    reason = os.strerror(number).lower()
    if number == errno.ENOENT:
        hint = "is it in the box's root and PATH? a script also needs its #! interpreter there"
        return f'exec "{program}": executable file not found in the box', hint, NOT_FOUND
    if number == errno.E2BIG:
        return f'exec "{program}": {reason}', "arguments and environment are too large", OWN_FAILURE
    hints = {
        errno.EACCES: "it is not an executable file, or the box's user may not run it",
        errno.ENOEXEC: "it is for another architecture, or a script without a #! line",
        errno.EPERM: "the seccomp profile may refuse execve",
        errno.ENOMEM: "the memory limit is too small to start it",
    }
    return f'exec "{program}": {reason}', hints.get(number, ""), NOT_EXECUTABLE


def _clone_hint(number: int) -> str:
    if number in (errno.EPERM, errno.ENOSPC):
        return "unprivileged user namespaces may be off or used up; `wardian doctor` says more"
    if number == errno.EAGAIN:
        return "a limit of processes was reached (ulimit -u, pids cgroup)"
    return ""


def _step_hint(step: "Step", number: int) -> str:
    if step.name == "bind" and number == errno.ENOENT:
        return "the source must exist on the host"
    if step.name == "rlimit" and number == errno.EPERM:
        return "a hard limit can't be raised above the caller's own (ulimit -H)"
    if step.name == "user" and number == errno.EINVAL:
        return (
            "this id is not mapped in the user namespace; add ranges to /etc/subuid and /etc/subgid"
        )
    if step.name == "capabilities" and number == errno.EPERM:
        return "wardian lacks one of them itself (CapPrm in /proc/self/status); --cap-drop helps"
    if step.name == "init" and number == errno.EAGAIN:
        return "init and the program are two processes: a larger --pids-limit, or --no-init"
    return _mount_hint(step, number)


def _mount_hint(step: "Step", number: int) -> str:
    if step.name == "mount" and step.args[0] == "proc" and number == errno.EPERM:
        return (
            "parts of /proc are covered here, by an outer container: there,"
            " --security-opt systempaths=unconfined (podman: unmask=ALL)"
        )
    if step.name == "overlay" and number == errno.EINVAL:
        return (
            "as an ordinary user the base can't be a directory with mounts below it;"
            " else `wardian doctor` says whether overlayfs works here"
        )
    if step.name == "overlay":
        return "`wardian doctor` says whether overlayfs works here"
    return ""


def of_start(spec: "Spec", number: int, detail: str) -> errors.LaunchError:
    """Return the error for what failed after a container was told to start."""
    if detail:
        text = f"start the container: {os.strerror(number).lower()} ({detail})"
        return errors.LaunchError(text, number=number)
    text, hint, code = _describe_exec(spec["process"]["args"][0], number)
    return errors.LaunchError(text, number=number, exit_code=code, hint=hint)
