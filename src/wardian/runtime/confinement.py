"""Plan part: init, limits, user, capabilities, no_new_privs, seccomp, and the program itself.

The order matters. The bounding set shrinks while CAP_SETPCAP is still there; the user changes with
the permitted capabilities kept; then the sets are written. The filter comes last, so that it need
not allow what builds the box - except without no_new_privs, where loading it takes a capability.

Kernel: capabilities(7), seccomp(2), prctl(2), credentials(7).
"""

import _struct as struct  # built in: a file less to look for

from wardian import errors
from wardian.kernel import capabilities
from wardian.runtime import process_attributes
from wardian.runtime.step import Step, known

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from wardian.runtime.spec import Process, Spec

# sys/resource.h, asm-generic/resource.h
RLIMITS = {
    "RLIMIT_CPU": 0,
    "RLIMIT_FSIZE": 1,
    "RLIMIT_DATA": 2,
    "RLIMIT_STACK": 3,
    "RLIMIT_CORE": 4,
    "RLIMIT_RSS": 5,
    "RLIMIT_NPROC": 6,
    "RLIMIT_NOFILE": 7,
    "RLIMIT_MEMLOCK": 8,
    "RLIMIT_AS": 9,
    "RLIMIT_LOCKS": 10,
    "RLIMIT_SIGPENDING": 11,
    "RLIMIT_MSGQUEUE": 12,
    "RLIMIT_NICE": 13,
    "RLIMIT_RTPRIO": 14,
    "RLIMIT_RTTIME": 15,
}
RLIM_INFINITY = (1 << 64) - 1

SIGKILL = 9


def steps(spec: "Spec", *, init: bool, set_groups: bool = True) -> "Iterator[Step]":
    """Yield the steps from the finished root to the program's first instruction."""
    process = spec["process"]
    if init:
        yield Step("init", (0,), "process 1 stays: it forwards signals and reaps orphans")
    yield known("session", (), "a session of its own, away from the caller's terminal")
    for limit in process.get("rlimits", []):
        yield Step("rlimit", _rlimit(limit["type"], limit["soft"], limit["hard"]), limit["type"])
    yield Step(
        "umask", (process["user"].get("umask", 0o022),), "new files are writable by their owner"
    )
    yield known("stdio", (), "standard input, output and error; nothing else is inherited")
    if process.get("terminal"):
        yield known("controlling_terminal", (), "the terminal's signals are the program's")
    yield from process_attributes.late(spec)
    extension = spec.get("wardian", {})
    digest, flags = extension.get("seccomp", ""), extension.get("seccomp_flags", 0)
    restricted = process.get("noNewPrivileges", False)
    filter_step = Step(
        "seccomp", (flags, f"$seccomp:{digest}"), "system calls outside the profile are refused"
    )
    if digest and not restricted:
        yield filter_step
    yield from _privileges(process, set_groups=set_groups)
    if not init and not extension.get("lasting"):
        yield Step("parent_death", (SIGKILL,), "the box dies with its launcher")
    program = (process["args"][0], tuple(process["args"]), tuple(process.get("env", [])))
    if extension.get("later"):
        if program[0]:
            yield Step("find", program, "a program that is not there is told now")
        yield known("wait", (), "its state is written down")
        yield known("await", (0,), "until somebody starts it")
    if restricted:
        yield Step("no_new_privs", (), "no setuid program gives anything back")
        if digest:
            yield filter_step
    yield Step("exec", program, "the program")


def _privileges(process: "Process", *, set_groups: bool) -> "Iterator[Step]":
    user = process["user"]
    sets = process.get("capabilities", {})
    keep = capabilities.mask(sets.get("bounding", []))
    yield Step("bounding", (keep,), "no way leads to any other capability")
    groups = user.get("additionalGids", [])
    packed = struct.pack(f"<{len(groups)}I", *groups)
    identity = (user["uid"], user["gid"], packed, int(set_groups or bool(groups)))
    yield Step("user", identity, "the user, and no other groups")
    masks = tuple(
        capabilities.mask(sets.get(name, ()))  # type: ignore[arg-type]
        for name in ("effective", "permitted", "inheritable", "ambient")
    )
    yield Step("capabilities", masks, "exactly these capabilities")


def _rlimit(name: str, soft: int, hard: int) -> "tuple[int, int, int]":
    number = RLIMITS.get(name)
    if number is None:
        raise errors.SpecError(f'unknown resource limit "{name}"', where="process.rlimits")
    return number, soft & RLIM_INFINITY, hard & RLIM_INFINITY
