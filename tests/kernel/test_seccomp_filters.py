"""The compiled filters, loaded into the running kernel: what a filtered call really gives."""

import json
import os
import platform
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from wardian.engine import profiles
from wardian.errors import UnsupportedError
from wardian.kernel import capabilities, seccomp
from wardian.runtime.filter_cache import SeccompFilter

DEFAULT_MASK = capabilities.mask(profiles.DEFAULT_CAPABILITIES)
EPERM, EBADF, ENOSYS = 1, 9, 38

# Runs in its own process: loads a filter, makes calls, prints each result (-errno where it failed).
_CHILD = """
import ctypes, json, mmap, sys
libc = ctypes.CDLL(None, use_errno=True)
bpf, flags, calls = bytes.fromhex(sys.argv[1]), int(sys.argv[2]), json.loads(sys.argv[3])
# A way into the kernel by its 32-bit gate: push rbx; mov eax, edi; mov ebx, esi; mov ecx, edx;
# int 0x80; pop rbx; ret
page = mmap.mmap(-1, 4096, prot=7)
page.write(bytes.fromhex("53" "89f8" "89f3" "89d1" "cd80" "5b" "c3"))
address = ctypes.addressof(ctypes.c_char.from_buffer(page))
compat = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_uint, ctypes.c_uint, ctypes.c_uint)(address)
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]
program = Program(len(bpf) // 8, bpf)
assert libc.prctl(38, 1, 0, 0, 0) == 0
if libc.syscall(317, 1, flags, ctypes.byref(program)) < 0:
    raise SystemExit(f"seccomp: errno {ctypes.get_errno()}")
for gate, *numbers in calls:
    if gate == "x86":
        result = compat(*(numbers + [0, 0])[:3])
    else:
        arguments = [ctypes.c_ulong(number % 2**64) for number in numbers]
        result = libc.syscall(*arguments)
        result = -ctypes.get_errno() if result == -1 else result
    print(result, flush=True)
"""

pytestmark = pytest.mark.skipif(
    platform.machine() != "x86_64", reason="the numbers of the calls are those of x86_64"
)


def _results(bpf: bytes, calls: list[tuple[Any, ...]], flags: int = 0) -> tuple[list[int], int]:
    """Give the result of each call, and how the process ended."""
    done = subprocess.run(
        [sys.executable, "-c", _CHILD, bpf.hex(), str(flags), json.dumps(calls)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert not done.stderr.startswith("seccomp: "), done.stderr
    return [int(line) for line in done.stdout.split()], done.returncode


@pytest.fixture(scope="module")
def default(tmp_path_factory: pytest.TempPathFactory) -> SeccompFilter:
    """Give the default filter for root in a box."""
    cache = tmp_path_factory.mktemp("cache")
    found = profiles.seccomp_filter("default", caps=DEFAULT_MASK, cache_dir=str(cache))
    assert found is not None
    return found


_NEW_USER = 0x10000000

_REFUSED = {
    "mount": ("x86_64", 165, 0, 0, 0, 0, 0),
    "unshare a user namespace": ("x86_64", 272, _NEW_USER),
    "setns": ("x86_64", 308, -1, 0),
    "clone with a user namespace": ("x86_64", 56, _NEW_USER | signal.SIGCHLD, 0, 0, 0, 0),
    "add_key": ("x86_64", 248, 0, 0, 0, 0, 0),
    "keyctl": ("x86_64", 250, 0, 0, 0, 0, 0),
    "bpf": ("x86_64", 321, 0, 0, 0),
    "perf_event_open": ("x86_64", 298, 0, 0, -1, -1, 0),
    "io_uring_setup": ("x86_64", 425, 1, 0),
    "userfaultfd": ("x86_64", 323, 0),
    "open_by_handle_at": ("x86_64", 304, -1, 0, 0),
    "kexec_load": ("x86_64", 246, 0, 0, 0, 0),
    "init_module": ("x86_64", 175, 0, 0, 0),
    "personality ADDR_NO_RANDOMIZE": ("x86_64", 135, 0x40000),
    "socket AF_VSOCK": ("x86_64", 41, 40, 1, 0),
    "socket AF_ALG": ("x86_64", 41, 38, 5, 0),
    "socket of a family above all": ("x86_64", 41, 46, 1, 0),
    "unshare by the 32-bit gate": ("x86", 310, _NEW_USER),
    "mount by the 32-bit gate": ("x86", 21, 0),
    "socket AF_VSOCK by the 32-bit gate": ("x86", 359, 40, 1),
    "a number in a gap": ("x86_64", 400),
}


@pytest.mark.parametrize("call", _REFUSED.values(), ids=_REFUSED)
def test_the_default_refuses_with_eperm(default: SeccompFilter, call: tuple[Any, ...]) -> None:
    assert _results(default.bpf, [call], default.flags) == ([-EPERM], 0)


_UNSUPPORTED = {
    "clone3": ("x86_64", 435, 0, 0),
    "a call newer than the profile": ("x86_64", 471),
    "a number that does not exist yet": ("x86_64", 5000),
    "clone3 by the 32-bit gate": ("x86", 435, 0, 0),
    "a new call by the 32-bit gate": ("x86", 471),
}


@pytest.mark.parametrize("call", _UNSUPPORTED.values(), ids=_UNSUPPORTED)
def test_the_default_answers_enosys_so_that_programs_fall_back(
    default: SeccompFilter, call: tuple[Any, ...]
) -> None:
    assert _results(default.bpf, [call], default.flags) == ([-ENOSYS], 0)


def test_the_default_lets_ordinary_calls_through(default: SeccompFilter) -> None:
    calls = [
        ("x86_64", 39),
        ("x86", 20),
        ("x86_64", 41, 1, 1, 0),
        ("x86_64", 135, 0xFFFFFFFF),
        ("x86_64", 135, 8),
        ("x86_64", 9, 0, 4096, 1, 2, -1, 0),
    ]
    (pid, compat_pid, unix, personality, linux32, mmap), code = _results(
        default.bpf, calls, default.flags
    )
    assert pid == compat_pid > 0
    assert unix > 2
    assert (personality, linux32, mmap) == (0, 0, -EBADF)
    assert code == 0


def _assembled(action: str, value: int | None = None, **more: object) -> bytes:
    rule = {"names": ["getppid"], "action": action}
    if value is not None:
        rule["errnoRet"] = value  # type: ignore[assignment]
    profile = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule], **more}
    return seccomp.assemble(seccomp.resolve(profile, caps=0, arch="x86_64", kernel=(6, 1)))


_GETPPID = ("x86_64", 110)


@pytest.mark.parametrize(
    ("action", "value", "results", "code"),
    [
        ("SCMP_ACT_ERRNO", 99, [-99], 0),
        ("SCMP_ACT_TRACE", 5, [-ENOSYS], 0),
        ("SCMP_ACT_KILL_PROCESS", None, [], -signal.SIGSYS),
        ("SCMP_ACT_KILL", None, [], -signal.SIGSYS),
        ("SCMP_ACT_TRAP", None, [], -signal.SIGSYS),
    ],
)
def test_an_action_is_what_the_kernel_does(
    action: str, value: int | None, results: list[int], code: int
) -> None:
    assert _results(_assembled(action, value), [_GETPPID]) == (results, code)


def test_a_logged_call_goes_through() -> None:
    assert _results(_assembled("SCMP_ACT_LOG"), [_GETPPID]) == ([os.getpid()], 0)


def test_another_architecture_than_those_listed_kills_the_process() -> None:
    program = _assembled("SCMP_ACT_KILL", architectures=["SCMP_ARCH_X86_64"])
    assert _results(program, [("x86_64", 39), ("x86", 20)])[1] == -signal.SIGSYS


@pytest.mark.parametrize("name", list(seccomp.FLAGS))
def test_the_kernel_knows_every_flag(name: str) -> None:
    document = {"defaultAction": "SCMP_ACT_ALLOW", "flags": [name], "syscalls": []}
    flags = seccomp.flags(document)
    if name == "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV":
        flags |= 0x8  # Only together with a listener.
    try:
        program = seccomp.assemble(document)
    except UnsupportedError as error:
        pytest.skip(f"{error}: {error.hint}")
    assert _results(program, [("x86_64", 39)], flags)[1] == 0


def test_an_allow_list_allows_what_it_lists_and_refuses_the_rest(tmp_path: Path) -> None:
    needed_by_the_interpreter = ["write", "brk", "mmap", "munmap", "mprotect", "rt_sigaction"]
    source = ("allow", ["getppid", *needed_by_the_interpreter])
    found = profiles.seccomp_filter(source, caps=0, cache_dir=str(tmp_path))
    assert found is not None
    results, code = _results(found.bpf, [_GETPPID, ("x86_64", 39), ("x86_64", 5000)], found.flags)
    assert results == [os.getpid(), -EPERM, -ENOSYS]
    assert code == 0
