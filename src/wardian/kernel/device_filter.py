"""The eBPF program that allows or denies device nodes, in place of v1's devices controller.

The kernel runs the program whenever a process of the group opens or makes a device node. It asks
for one or more accesses at once (open with O_RDWR: read and write); for each of them the last rule
that matches decides, and what no rule matches is denied. So the program walks the rules backwards
and strikes off what is allowed.

Facts about these programs
--------------------------
- The context is three 32-bit words: access << 16 | type, major, minor.
- With BPF_F_ALLOW_MULTI all programs of a group and of those above it must agree. BPF_F_REPLACE
  swaps one program for another at once: no moment without a filter, nor with both.
- The program belongs to the group and goes with it. What was opened before stays open.
- Loading needs CAP_BPF or CAP_SYS_ADMIN in the first user namespace.

ctypes is loaded when a program is loaded (4 ms), not before; `program` is pure.

Kernel: bpf(2), Documentation/admin-guide/cgroup-v2.rst "Device controller", Documentation/bpf/.
"""

import errno
import os
import struct

from wardian.errors import KernelError, SpecError, UnsupportedError
from wardian.kernel.device_rules import EVERY_ACCESS, TYPES, Rule, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ctypes
    from collections.abc import Sequence

# linux/bpf.h
BPF_PROG_LOAD = 5
BPF_PROG_ATTACH = 8
BPF_PROG_DETACH = 9
BPF_PROG_GET_FD_BY_ID = 13
BPF_PROG_QUERY = 16
BPF_PROG_TYPE_CGROUP_DEVICE = 15
BPF_CGROUP_DEVICE = 6
BPF_F_ALLOW_MULTI = 2
BPF_F_REPLACE = 4

MAXIMUM_RULES = 2000
MAXIMUM_PROGRAMS = 64
INSTRUCTION_BYTES = 8
SYSCALL_NUMBERS = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "ppc64le": 361, "s390x": 351}

# linux/bpf_common.h, linux/bpf.h: class | size or source | operation
LOAD_WORD = 0x61  # BPF_LDX | BPF_MEM | BPF_W
MOVE = 0xBC  # BPF_ALU | BPF_MOV | BPF_X, 32 bits
MOVE_VALUE = 0xB4  # BPF_ALU | BPF_MOV | BPF_K
AND_VALUE = 0x54  # BPF_ALU | BPF_AND | BPF_K
SHIFT_RIGHT = 0x74  # BPF_ALU | BPF_RSH | BPF_K
JUMP_IF_EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
JUMP_IF_DIFFERENT = 0x55  # BPF_JMP | BPF_JNE | BPF_K
EXIT = 0x95  # BPF_JMP | BPF_EXIT
RESULT, CONTEXT, TYPE, LEFT, MAJOR, MINOR = range(6)  # registers


def program(rules: "Sequence[Rule]") -> bytes:
    """Return the eBPF instructions that decide by these rules (pure).

    Raises:
        SpecError: there are more than MAXIMUM_RULES.
    """
    if len(rules) > MAXIMUM_RULES:
        hint = f"at most {MAXIMUM_RULES}"
        raise SpecError(
            f"{len(rules)} device rules are too many", where="linux.resources.devices", hint=hint
        )
    code = [
        _instruction(LOAD_WORD, TYPE, CONTEXT, offset=0),
        _instruction(LOAD_WORD, MAJOR, CONTEXT, offset=4),
        _instruction(LOAD_WORD, MINOR, CONTEXT, offset=8),
        _instruction(MOVE, LEFT, TYPE),
        _instruction(SHIFT_RIGHT, LEFT, value=16),
        _instruction(AND_VALUE, TYPE, value=0xFFFF),
    ]
    for rule in reversed(rules):
        code.extend(_decide(rule))
        if rule.is_total:
            break  # no earlier rule is ever asked
    code.extend(_answer(0))
    return b"".join(code)


def _decide(rule: Rule) -> "list[bytes]":
    """Return the instructions for one rule; they fall through where it does not decide."""
    if rule.allow:
        body = [
            _instruction(AND_VALUE, LEFT, value=EVERY_ACCESS & ~rule.mask),
            _instruction(JUMP_IF_DIFFERENT, LEFT, offset=2),  # something is still to be decided
            *_answer(1),
        ]
    else:
        body = [
            _instruction(MOVE, CONTEXT, LEFT),  # the context is not needed any more
            _instruction(AND_VALUE, CONTEXT, value=rule.mask),
            _instruction(JUMP_IF_EQUAL, CONTEXT, offset=2),
            *_answer(0),
        ]
    tests = []
    if rule.kind != "a":
        tests.append((TYPE, TYPES[rule.kind]))
    if rule.major is not None:
        tests.append((MAJOR, rule.major))
    if rule.minor is not None:
        tests.append((MINOR, rule.minor))
    after = len(body) + len(tests)
    checks = [
        _instruction(JUMP_IF_DIFFERENT, register, value=value, offset=after - place - 1)
        for place, (register, value) in enumerate(tests)
    ]
    return checks + body


def _answer(value: int) -> "list[bytes]":
    return [_instruction(MOVE_VALUE, RESULT, value=value), _instruction(EXIT, 0)]


def _instruction(
    code: int, target: int, source: int = 0, *, offset: int = 0, value: int = 0
) -> bytes:
    registers = target | source << 4 if _LITTLE else target << 4 | source
    return struct.pack("=BBhi", code, registers, offset, value)


_LITTLE = struct.pack("=H", 1) == b"\1\0"


# ---- bpf(2) -------------------------------------------------------------------------------


def restrict(group: str, text: str) -> None:
    """Let these rules decide for the processes of a group.

    Args:
        group: its directory in the cgroup2 tree.
        text: as `format_rules` gives it.

    Raises:
        UnsupportedError: this user may not load BPF programs, or this kernel has no such programs.
    """
    fd = os.open(group, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        attach(fd, program(parse(text)))
    finally:
        os.close(fd)


def attach(cgroup_fd: int, code: bytes) -> None:
    """Make `code` the device filter of a group, in place of one that is there.

    Raises:
        UnsupportedError: as `restrict`.
        KernelError: the kernel refused the program, or a group above forbids programs below it.
    """
    loaded = _load(code)
    try:
        old = query(cgroup_fd)
        if len(old) == 1:
            held = _fd_of(old[0])
            try:
                _attach(cgroup_fd, loaded, held)
            finally:
                os.close(held)
            return
        _attach(cgroup_fd, loaded, None)
        for number in old:
            held = _fd_of(number)
            try:
                _bpf(
                    BPF_PROG_DETACH,
                    struct.pack("=IIII", cgroup_fd, held, BPF_CGROUP_DEVICE, 0),
                    "BPF_PROG_DETACH",
                )
            finally:
                os.close(held)
    finally:
        os.close(loaded)


def query(cgroup_fd: int) -> "list[int]":
    """Return the ids of the device programs that are attached to a group itself."""
    import ctypes

    found = (ctypes.c_uint32 * MAXIMUM_PROGRAMS)()
    words = (cgroup_fd, BPF_CGROUP_DEVICE, 0, 0, ctypes.addressof(found), MAXIMUM_PROGRAMS, 0)
    attributes = ctypes.create_string_buffer(struct.pack("=IIIIQII", *words))
    _bpf(BPF_PROG_QUERY, attributes, "BPF_PROG_QUERY")
    count = struct.unpack_from("=I", attributes.raw, 24)[0]
    return list(found[:count])


def _attach(cgroup_fd: int, loaded: int, replaced: "int | None") -> None:
    flags = BPF_F_ALLOW_MULTI | (0 if replaced is None else BPF_F_REPLACE)
    words = struct.pack("=IIIII", cgroup_fd, loaded, BPF_CGROUP_DEVICE, flags, replaced or 0)
    _bpf(BPF_PROG_ATTACH, words, "BPF_PROG_ATTACH")


def _fd_of(number: int) -> int:
    return _bpf(BPF_PROG_GET_FD_BY_ID, struct.pack("=III", number, 0, 0), "BPF_PROG_GET_FD_BY_ID")


def _load(code: bytes) -> int:
    import ctypes

    instructions = ctypes.create_string_buffer(code, len(code))
    licence = ctypes.create_string_buffer(b"Apache-2.0")
    words = struct.pack(
        "=IIQQIIQII16sII",
        BPF_PROG_TYPE_CGROUP_DEVICE,
        len(code) // INSTRUCTION_BYTES,
        ctypes.addressof(instructions),
        ctypes.addressof(licence),
        0,  # log level, size and buffer: the program is ours, the verifier's essay helps nobody
        0,
        0,
        0,  # kernel version and flags
        0,
        b"wardian_devices",
        0,  # network interface
        BPF_CGROUP_DEVICE,
    )
    return _bpf(BPF_PROG_LOAD, words, "BPF_PROG_LOAD")


def _bpf(command: int, attributes: "bytes | ctypes.Array[ctypes.c_char]", name: str) -> int:
    """Call bpf(2); return its result.

    Args:
        command: BPF_*.
        attributes: union bpf_attr; a ctypes buffer where the kernel writes an answer into it.
        name: of the command, for the error.
    """
    import ctypes

    number = SYSCALL_NUMBERS.get(os.uname().machine)
    if number is None:
        raise UnsupportedError(
            f'device rules: the number of bpf(2) on "{os.uname().machine}" is not known',
            feature="device filter",
            hint="please report it",
        )
    buffer = (
        ctypes.create_string_buffer(attributes, len(attributes))
        if isinstance(attributes, bytes)
        else attributes
    )
    libc = ctypes.CDLL(None, use_errno=True)
    size = ctypes.c_uint(ctypes.sizeof(buffer))
    result: int = libc.syscall(ctypes.c_long(number), ctypes.c_long(command), buffer, size)
    if result >= 0:
        return result
    found = ctypes.get_errno()
    if found in (errno.EPERM, errno.EACCES) and command == BPF_PROG_LOAD:
        raise UnsupportedError(
            "device rules: this user may not load BPF programs",
            feature="device filter",
            hint="run as root with CAP_BPF and CAP_NET_ADMIN, or leave the device rules away",
        )
    if found == errno.ENOSYS or (
        found == errno.EINVAL and command in (BPF_PROG_QUERY, BPF_PROG_ATTACH)
    ):
        raise UnsupportedError(
            f"device rules: bpf({name}): {os.strerror(found).lower()}",
            feature="device filter",
            hint="boot a kernel with CONFIG_CGROUP_BPF",
        )
    raise KernelError(f"bpf({name})", found)
