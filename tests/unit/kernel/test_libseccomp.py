"""The compiled filter says what the document says, call by call, on every ABI of the machine."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from wardian.errors import SpecError, UnsupportedError
from wardian.kernel import bpf, libseccomp

Run = Callable[[bytes, int, int, Sequence[int]], int]
Document = dict[str, Any]

ALLOW = "SCMP_ACT_ALLOW"
EPERM, ENOSYS = 0x00050001, 0x00050026
KILL_PROCESS = 0x80000000
X86_64, X86 = 0xC000003E, 0x40000003

# libseccomp names these by the call that hides them (socketcall, ipc); each has its own number too.
_DIRECT_ON_X86 = (
    {"recvmmsg": 337, "sendmmsg": 345}
    | dict(
        zip(
            [
                "socket",
                "socketpair",
                "bind",
                "connect",
                "listen",
                "accept4",
                "getsockopt",
                "setsockopt",
                "getsockname",
                "getpeername",
                "sendto",
                "sendmsg",
                "recvfrom",
                "recvmsg",
                "shutdown",
            ],
            range(359, 374),
            strict=True,
        )
    )
    | dict(
        zip(
            [
                "semget",
                "semctl",
                "shmget",
                "shmctl",
                "shmat",
                "shmdt",
                "msgget",
                "msgsnd",
                "msgrcv",
                "msgctl",
            ],
            range(393, 403),
            strict=True,
        )
    )
)

_OPERATORS: dict[str, Callable[[int, int, int], bool]] = {
    "SCMP_CMP_NE": lambda value, a, _: value != a,
    "SCMP_CMP_LT": lambda value, a, _: value < a,
    "SCMP_CMP_LE": lambda value, a, _: value <= a,
    "SCMP_CMP_EQ": lambda value, a, _: value == a,
    "SCMP_CMP_GE": lambda value, a, _: value >= a,
    "SCMP_CMP_GT": lambda value, a, _: value > a,
    "SCMP_CMP_MASKED_EQ": lambda value, a, b: value & a == b,
}

try:
    _library = libseccomp._Library()
except UnsupportedError as error:
    pytest.skip(f"{error}: {error.hint}", allow_module_level=True)

_on_x86_64 = pytest.mark.skipif(os.uname().machine != "x86_64", reason="names x86_64's ABIs")


def _document(**changes: object) -> Document:
    return {"defaultAction": "SCMP_ACT_ERRNO", "syscalls": [], **changes}


def _rule(*names: str, action: str = ALLOW, **more: object) -> Document:
    return {"names": list(names), "action": action, **more}


def _number(name: str, architecture: str) -> int:
    if architecture == "SCMP_ARCH_X86" and name in _DIRECT_ON_X86:
        return _DIRECT_ON_X86[name]
    token = libseccomp.ARCHITECTURES[architecture][0]
    number = _library.number(name, token)
    return libseccomp._newer_number(name, architecture) if number == -1 else number


def _holds(condition: Document, arguments: Sequence[int]) -> bool:
    value = arguments[condition["index"]]
    compare = _OPERATORS[condition["op"]]
    return compare(value, condition["value"], condition.get("valueTwo", 0))


def _expected(
    document: Document, by_number: dict[int, list[Document]], number: int, arguments: list[int]
) -> int:
    for rule in by_number.get(number, ()):
        sets = libseccomp.alternatives(rule.get("args") or ())
        if any(all(_holds(entry, arguments) for entry in conditions) for conditions in sets):
            return libseccomp.verdict(rule["action"], rule.get("errnoRet"))
    if number > max(by_number) and document["defaultAction"] not in libseccomp.PERMISSIVE:
        return ENOSYS
    return libseccomp.verdict(document["defaultAction"], document.get("defaultErrnoRet"))


def _by_number(document: Document, architecture: str) -> dict[int, list[Document]]:
    found: dict[int, list[Document]] = {}
    for rule in document["syscalls"]:
        for name in rule["names"]:
            number = _number(name, architecture)
            if number >= 0:
                found.setdefault(number, []).append(rule)
    return found


def _check(run: Run, document: Document, architecture: str, values: Sequence[int]) -> None:
    program = libseccomp.assemble(document)
    audit = libseccomp.ARCHITECTURES[architecture][1]
    by_number = _by_number(document, architecture)
    base = 0x40000000 if architecture == "SCMP_ARCH_X32" else 0
    for number in range(base, max(by_number) + 20):
        rules = by_number.get(number, [])
        checked = {entry["index"] for rule in rules for entry in rule.get("args") or ()}
        for value in values if checked else [0]:
            arguments = [value if index in checked else 77 for index in range(6)]
            expected = _expected(document, by_number, number, arguments)
            found = run(program, audit, number, arguments)
            assert found == expected, (architecture, number, arguments)


def default_document(caps: int) -> Document:
    """Resolve the built-in profile."""
    import json

    from wardian.engine import profiles
    from wardian.kernel import seccomp

    path = Path(profiles.__file__).with_name("seccomp_default.json")
    profile = json.loads(path.read_text())
    return seccomp.resolve(profile, caps=caps, arch=os.uname().machine, kernel=(6, 1))


# Around every family of sockets, execution domain and clone flag that the profile names.
_VALUES = [*range(50), 0x11, 0x1200011, 0x20000, 0x20008, 0x40000, 0xFFFFFFFF]
_VALUES += [1 << bit for bit in range(6, 32)]


@pytest.mark.parametrize("caps", [0, 0xA80425FB, (1 << 41) - 1])
@pytest.mark.parametrize("architecture", ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"])
@_on_x86_64
def test_every_call_of_every_abi_gets_what_the_default_profile_says(
    run_bpf: Run, architecture: str, caps: int
) -> None:
    wide = [1 << 32, 1 << 32 | 1, 1 << 63, (1 << 64) - 1]
    values = _VALUES + (wide if architecture == "SCMP_ARCH_X86_64" else [])
    _check(run_bpf, default_document(caps), architecture, values)


@pytest.mark.parametrize("operator", list(libseccomp.OPERATORS))
@pytest.mark.parametrize("limit", [0, 7, 1 << 32, (5 << 32) + 3, (1 << 64) - 1])
@_on_x86_64
def test_every_operator_compares_all_64_bits(run_bpf: Run, operator: str, limit: int) -> None:
    condition = {"index": 2, "value": limit, "op": operator}
    if operator == "SCMP_CMP_MASKED_EQ":
        condition["valueTwo"] = limit & 0x500000003
    document = _document(syscalls=[_rule("read", "getpid"), _rule("write", args=[condition])])
    near = [(limit + step) % (1 << 64) for step in (-1, 0, 1, 1 << 32, -(1 << 32))]
    _check(run_bpf, document, "SCMP_ARCH_X86_64", [*near, 0, 3, 5 << 32, 0x500000003])


@pytest.mark.parametrize(
    ("action", "value", "verdict"),
    [
        ("SCMP_ACT_KILL", None, 0),
        ("SCMP_ACT_KILL_THREAD", None, 0),
        ("SCMP_ACT_KILL_PROCESS", None, 0x80000000),
        ("SCMP_ACT_TRAP", None, 0x00030000),
        ("SCMP_ACT_ERRNO", None, 0x00050001),
        ("SCMP_ACT_ERRNO", 0, 0x00050000),
        ("SCMP_ACT_ERRNO", 4094, 0x00050FFE),
        ("SCMP_ACT_TRACE", 9, 0x7FF00009),
        ("SCMP_ACT_LOG", None, 0x7FFC0000),
        ("SCMP_ACT_NOTIFY", None, 0x7FC00000),
        ("SCMP_ACT_ALLOW", None, 0x7FFF0000),
    ],
)
def test_every_action_can_be_the_fate_of_a_call(
    run_bpf: Run, action: str, value: int | None, verdict: int
) -> None:
    default = "SCMP_ACT_LOG" if action == ALLOW else ALLOW
    rule = _rule("getpid", action=action)
    if value is not None:
        rule["errnoRet"] = value
    program = libseccomp.assemble(_document(defaultAction=default, syscalls=[rule]))
    native = _library.native()
    assert run_bpf(program, native, _library.number("getpid"), ()) == verdict
    assert run_bpf(program, native, _library.number("getppid"), ()) == libseccomp.ACTIONS[default]


def test_conditions_on_one_argument_are_alternatives_and_on_several_hold_together(
    run_bpf: Run,
) -> None:
    one = [{"index": 0, "value": value, "op": "SCMP_CMP_EQ"} for value in (3, 5)]
    both = [{"index": index, "value": 1, "op": "SCMP_CMP_EQ"} for index in (0, 1)]
    rules = [_rule("mmap", args=one), _rule("write", args=both), _rule("zzz_no_call")]
    program = libseccomp.assemble(_document(syscalls=rules))
    native = _library.native()
    first, second = _library.number("mmap"), _library.number("write")
    allow = libseccomp.ACTIONS[ALLOW]
    assert [run_bpf(program, native, first, [value]) for value in (3, 4, 5)] == [
        allow,
        EPERM,
        allow,
    ]
    assert run_bpf(program, native, second, [1, 1]) == allow
    assert run_bpf(program, native, second, [1, 0]) == EPERM


@_on_x86_64
def test_an_architecture_that_is_not_listed_kills_the_process(run_bpf: Run) -> None:
    document = _document(architectures=["SCMP_ARCH_X86_64"], syscalls=[_rule("getpid")])
    program = libseccomp.assemble(document)
    assert run_bpf(program, X86, 20, ()) == KILL_PROCESS
    assert run_bpf(program, X86_64, 0x40000000 + 39, ()) == KILL_PROCESS


@_on_x86_64
def test_calls_newer_than_the_library_are_decided_by_number(run_bpf: Run) -> None:
    names = ["SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"]
    program = libseccomp.assemble(
        _document(architectures=names, syscalls=[_rule("getpid", "rseq_slice_yield", "uretprobe")])
    )
    allow = libseccomp.ACTIONS[ALLOW]
    assert run_bpf(program, X86_64, 471, ()) == allow
    assert run_bpf(program, X86, 471, ()) == allow
    assert run_bpf(program, X86_64, 0x40000000 + 471, ()) == allow
    assert run_bpf(program, X86_64, 470, ()) == EPERM
    assert run_bpf(program, X86_64, 472, ()) == ENOSYS
    assert run_bpf(program, X86_64, 335, ()) == allow
    assert run_bpf(program, X86, 335, ()) == EPERM


def test_arguments_of_a_call_that_the_library_does_not_know_are_an_error() -> None:
    condition = {"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}
    name = next((name for name in libseccomp.NEWER_CALLS if _library.number(name) == -1), "")
    if not name:
        pytest.skip("this libseccomp knows every call that wardian knows")
    with pytest.raises(UnsupportedError, match=name):
        libseccomp.assemble(_document(syscalls=[_rule(name, args=[condition])]))


def test_a_filter_without_rules_is_its_default(run_bpf: Run) -> None:
    program = libseccomp.assemble(_document(defaultAction=ALLOW))
    assert run_bpf(program, _library.native(), 1, ()) == libseccomp.ACTIONS[ALLOW]


def test_rules_that_contradict_each_other_name_the_call() -> None:
    condition = {"index": 0, "value": 1, "op": "SCMP_CMP_EQ"}
    rules = [_rule("getpid", action=action, args=[condition]) for action in (ALLOW, "SCMP_ACT_LOG")]
    with pytest.raises(SpecError, match=r'syscalls\[1\]: "getpid"'):
        libseccomp.assemble(_document(syscalls=rules))


def test_the_default_filter_stays_short_enough_to_load_fast() -> None:
    program = libseccomp.assemble(default_document(0xA80425FB))
    assert len(program) // bpf.INSTRUCTION_BYTES < 320


def test_unknown_names_come_with_close_matches() -> None:
    found = libseccomp.unknown_calls(["read", "wrte", "statmount", "socketcall"])
    assert list(found) == ["wrte"]
    assert "write" in found["wrte"]
