"""Compile a policy to a seccomp filter, once: the bytes are cached on disk and in this process.

A violation is answered by the supervisor (user notification), so that the call does not happen and
the caller stands still before it. Calls of another architecture (int 0x80, x32) are violations.
Numbers above all that is known, up to UNKNOWN_LAST, get ENOSYS, as from a kernel that lacks them:
that is how new libraries find out.

Facts about the start of a program
----------------------------------
The filter is loaded by the launcher, which then sends the listener to us over its channel (sendmsg)
and executes the program. So every filter lets sendmsg pass on descriptors from STDIO_MAX on, where
the launcher's own are; a program that may not make sockets has none there. Only then is the number
of open files limited, by a prlimit64 with a mark: until then all that the sender's user, the host's
root, has in flight would count against that limit (ETOOMANYREFS). Then the launcher makes a call
that only a supervisor can answer, so that one is there before the program is. Last it sets the
signal mask, which is harmless in every program. What else the launcher does up to its execve, that
supervisor lets go on. The box's init is under the filter too, and so its listener lasts until all
others have ended. Its calls bear a mark (calls.SUPERVISED): those of them that a policy would
refuse quietly go to the supervisor, who lets them pass.

Kernel: seccomp(2), seccomp_unotify(2); the flags since Linux 3.17, 4.14, 5.0 and 5.19.
"""

import hashlib
import os

from wardian.engine import directories
from wardian.errors import UsageError
from wardian.kernel import libseccomp, syscall_filter
from wardian.kernel.syscall_filter import Answer, Condition
from wardian.runtime import calls, filter_cache
from wardian.runtime.filter_cache import SeccompFilter
from wardian.sandbox import policy as policies
from wardian.sandbox.policy import Policy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# linux/seccomp.h
SECCOMP_FILTER_FLAG_LOG = 0x2
SECCOMP_FILTER_FLAG_SPEC_ALLOW = 0x4
SECCOMP_FILTER_FLAG_NEW_LISTENER = 0x8
SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV = 0x20
SECCOMP_RET_ACTION_FULL = 0xFFFF0000
SECCOMP_RET_ERRNO = 0x00050000
SECCOMP_RET_USER_NOTIF = 0x7FC00000
SECCOMP_RET_ALLOW = 0x7FFF0000

STDIO_MAX = 32  # launcher/box.h: the program's descriptors are below
UNKNOWN_LAST = 1023
ENOSYS = 38
LAUNCHERS = ("sendmsg", "prctl", "prlimit64", "rt_sigprocmask")
INITS = (
    "capset",
    "clone",
    "close_range",
    "getrusage",
    "kill",
    "setresgid",
    "setresuid",
    "setsid",
    "wait4",
)

_FORBIDDEN = Answer(SECCOMP_RET_USER_NOTIF)

_compiled: "dict[tuple[str, str], SeccompFilter]" = {}


def compiled(policy: Policy) -> SeccompFilter:
    """Return the filter of a policy; its `flags` are without those that the kernel may lack.

    Raises:
        UsageError: a name that is no system call.
        UnsupportedError: libseccomp, which knows the names, is missing.
    """
    return _cached("sandbox", policy, _assemble, SECCOMP_FILTER_FLAG_NEW_LISTENER)


def quiet(policy: Policy) -> SeccompFilter:
    """Return the filter that refuses what the policy refuses quietly, and lets all else pass.

    It is loaded behind the policy's own, which lets these calls pass. This one has no
    SECCOMP_FILTER_FLAG_LOG: so forbidden calls alone leave a record of the kernel, and no program
    can fill the host's audit log with refusals.
    """
    return _cached("quiet sandbox", policy, _assemble_quiet, 0)


def _cached(
    kind: str, policy: Policy, assemble: "Callable[[Policy], bytes]", flags: int
) -> SeccompFilter:
    cache = os.path.join(directories.cache(), "seccomp")
    text = policy.text()
    name = f"{kind} {bool(policy.audit)} {os.uname().machine} {text}"
    key = f"{filter_cache.stamp(__file__)} {name}"
    known = _compiled.get((cache, key))
    if known is None:
        slot = f"{kind} {hashlib.sha256(name.encode()).hexdigest()[:16]}"
        known = filter_cache.load(cache, slot, key)
        if known is None:
            digest = hashlib.sha256(text.encode()).hexdigest()
            known = SeccompFilter(digest, assemble(policy), flags)
            filter_cache.store(cache, slot, key, known)
        _compiled[cache, key] = known
    return known


def allows_execve(policy: Policy) -> bool:
    """Return whether the program itself may execute others."""
    return any(name.lstrip("?") == "execve" for name in policy.allow)


def _assemble(policy: Policy) -> bytes:
    table, newest = _table(policy)
    if policy.audit:  # the quiet one refuses
        table = {number: _mapped(one, _not_refused) for number, one in table.items()}
    return _assembled(table, newest, SECCOMP_RET_USER_NOTIF)


def _assemble_quiet(policy: Policy) -> bytes:
    table, newest = _table(policy)
    refused = {
        number: _mapped(one, _refusal)
        for number, one in table.items()
        if any(map(_is_quiet, (one.otherwise, *(ret for _when, ret in one.rules))))
    }
    return _assembled(refused, newest, SECCOMP_RET_ALLOW)


def _assembled(table: "dict[int, Answer]", newest: int, otherwise: int) -> bytes:
    """Return the filter of a table; calls that are not in it, and foreign ones, get `otherwise`."""
    return syscall_filter.assemble(
        table,
        audit=libseccomp.native_architecture()[1],
        default=otherwise,
        foreign=otherwise,
        ranges=[(newest + 1, UNKNOWN_LAST, SECCOMP_RET_ERRNO | ENOSYS)],
    )


def _is_quiet(verdict: int) -> bool:
    return verdict & SECCOMP_RET_ACTION_FULL == SECCOMP_RET_ERRNO


def _refusal(verdict: int) -> int:
    return verdict if _is_quiet(verdict) else SECCOMP_RET_ALLOW


def _not_refused(verdict: int) -> int:
    return SECCOMP_RET_ALLOW if _is_quiet(verdict) else verdict


def _mapped(one: Answer, change: "Callable[[int], int]") -> Answer:
    return Answer(change(one.otherwise), [(when, change(verdict)) for when, verdict in one.rules])


def _table(policy: Policy) -> "tuple[dict[int, Answer], int]":
    """Return the answers by number, and the newest number that is known."""
    wanted = [*policy.allow, *policy.refuse, *policy.arguments]
    check_names(wanted)
    names = (*wanted, *LAUNCHERS, *INITS)
    plain = list(dict.fromkeys(name.lstrip("?") for name in names))
    numbers = libseccomp.call_numbers(plain)
    table: dict[int, Answer] = {}
    for name in policy.allow:
        _put(table, numbers, name, Answer(SECCOMP_RET_ALLOW))
    for name, word in policy.refuse.items():
        _put(table, numbers, name, Answer(_verdict(word)))
    for name, asked in policy.arguments.items():
        rules = [
            (policies.parse_conditions(text, name), _verdict(answer))
            for text, answer in asked.rules
        ]
        _put(table, numbers, name, Answer(_verdict(asked.otherwise), rules))
    gate = Condition(0, "==", calls.SUPERVISED, wide=False)
    channel = Condition(0, ">=", STDIO_MAX, wide=False)
    marked = Condition(4, "==", calls.SUPERVISED, wide=False)
    own_files = [Condition(0, "==", 0, wide=False), Condition(1, "==", calls.RLIMIT_NOFILE), marked]
    for name in INITS:
        before = table.get(numbers[name], _FORBIDDEN)
        if _is_quiet(before.otherwise):
            let_pass = ([marked], SECCOMP_RET_USER_NOTIF)
            table[numbers[name]] = Answer(before.otherwise, (*before.rules, let_pass))
    for name, rule in (
        ("sendmsg", ([channel], SECCOMP_RET_ALLOW)),
        ("prctl", ([gate], SECCOMP_RET_USER_NOTIF)),
        ("prlimit64", (own_files, SECCOMP_RET_ALLOW)),  # nobody can raise it
        ("rt_sigprocmask", ([], SECCOMP_RET_ALLOW)),
    ):
        before = table.get(numbers[name], _FORBIDDEN)
        table[numbers[name]] = Answer(before.otherwise, (rule, *before.rules))
    newest = max(*libseccomp.call_numbers(list(libseccomp.NEWER_CALLS)).values(), *numbers.values())
    return table, newest


def _put(table: dict[int, Answer], numbers: dict[str, int], name: str, answer: Answer) -> None:
    number = numbers.get(name.lstrip("?"))
    if number is not None:  # else this architecture has no such call, and no program can make it
        table[number] = answer


def check_names(names: list[str]) -> None:
    """Refuse what is no system call of any architecture.

    Raises:
        UsageError: the hint has close matches.
    """
    unknown = libseccomp.unknown_calls([name for name in names if not name.startswith("?")])
    for name, close in unknown.items():
        hint = f"did you mean {' or '.join(close)}? " if close else ""
        raise UsageError(
            f'unknown system call "{name}"', hint=hint + 'as "?NAME" it may be unknown'
        )


def _verdict(answer: str) -> int:
    if answer == policies.ALLOW:
        return SECCOMP_RET_ALLOW
    if answer == policies.VIOLATION:
        return SECCOMP_RET_USER_NOTIF
    return SECCOMP_RET_ERRNO | policies.errno_number(answer, "policy")
