"""The compiled filters of the policies that come along, run by the interpreter of BPF."""

import dataclasses

import pytest

from tests.machine import requires
from tests.unit.kernel.test_syscall_filter import run
from wardian.errors import UsageError
from wardian.kernel import libseccomp
from wardian.runtime.calls import SUPERVISED
from wardian.sandbox import filters, policy_files
from wardian.sandbox.policy import Policy

ALLOW, NOTIFY = filters.SECCOMP_RET_ALLOW, filters.SECCOMP_RET_USER_NOTIF
QUIET = filters.SECCOMP_RET_ERRNO


Loaded = tuple[bytes, ...]


def run_all(loaded: Loaded, number: int, *arguments: int, audit: int) -> int:
    """What a call gets from several filters: the kernel takes the strictest, which is the least."""
    return min(run(one, number, *arguments, audit=audit) for one in loaded)


def verdict(loaded: Loaded, name: str, *arguments: int) -> int:
    """What a call gets on this machine."""
    audit = libseccomp.native_architecture()[1]
    return run_all(loaded, libseccomp.call_numbers([name])[name], *arguments, audit=audit)


@pytest.fixture(scope="module", params=[True, False], ids=["audit", "no-audit"])
def compute(request: pytest.FixtureRequest) -> Loaded:
    requires("libseccomp")
    policy = dataclasses.replace(policy_files.load("compute"), audit=request.param)
    quiet = (filters._assemble_quiet(policy),) if policy.audit else ()
    return (filters._assemble(policy), *quiet)


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("read", (), ALLOW),
        ("mount", (), NOTIFY),
        ("ptrace", (), NOTIFY),
        ("unshare", (), NOTIFY),
        ("clone3", (), QUIET | 38),
        ("io_uring_setup", (), QUIET | 38),
        ("setuid", (), ALLOW),  # make asks for its own ids again
        ("syslog", (), QUIET | 1),
        ("sched_setscheduler", (0, 0), ALLOW),
        ("sched_setscheduler", (0, 1), QUIET | 1),
        ("clone", (0x01200011,), ALLOW),
        ("clone", (0x10000011,), NOTIFY),
        ("socket", (1, 1, 0), ALLOW),
        ("socket", (2, 1, 0), NOTIFY),
        ("socket", ((7 << 32) | 2, 1, 0), NOTIFY),
        ("ioctl", (0, 0x5401), ALLOW),
        ("ioctl", (0, (0xFFFFFFFF << 32) | 0x5401), ALLOW),
        ("ioctl", (0, 0x5412), NOTIFY),
        ("ioctl", (0, 0x1234), QUIET | 25),
        ("mknodat", (0, 0, 0o10644), ALLOW),
        ("mknodat", (0, 0, 0o20644), NOTIFY),
        ("personality", (0xFFFFFFFF,), ALLOW),
        ("personality", (0x0040000,), QUIET | 1),
        ("prctl", (15,), ALLOW),
        ("prctl", (SUPERVISED,), NOTIFY),
        ("prctl", (22,), QUIET | 22),
        ("execveat", (), NOTIFY),
    ],
)
def test_compute_answers(
    compute: Loaded, name: str, arguments: tuple[int, ...], expected: int
) -> None:
    assert verdict(compute, name, *arguments) == expected


def test_numbers_that_nobody_knows_yet_are_not_there_and_absurd_ones_are_violations(
    compute: Loaded,
) -> None:
    audit = libseccomp.native_architecture()[1]
    newest = max(libseccomp.call_numbers(list(libseccomp.NEWER_CALLS)).values())
    assert run_all(compute, newest + 1, audit=audit) == QUIET | 38
    for number in (1024, 10**6, 0xFFFFFFFF, 0x40000000):
        assert run_all(compute, number, audit=audit) == NOTIFY
    assert run_all(compute, 0, audit=audit ^ 1) == NOTIFY


def test_strict_lets_the_launcher_send_its_listener_and_nobody_else() -> None:
    requires("libseccomp")
    program = (filters._assemble(policy_files.load("strict")),)
    assert verdict(program, "sendmsg", 40) == ALLOW
    assert verdict(program, "sendmsg", 3) == NOTIFY
    for name in ("execve", "socket", "clone", "fork", "kill", "unlink", "mkdir", "chdir"):
        assert verdict(program, name, 1) == NOTIFY


def test_a_misspelled_call_is_told_with_what_was_meant() -> None:
    requires("libseccomp")
    with pytest.raises(UsageError) as caught:
        filters._assemble(Policy("x", allow=("raed",)))
    assert "read" in caught.value.hint
    assert filters._assemble(Policy("x", allow=("?raed", "read")))
