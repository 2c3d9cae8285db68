"""Compile a table of answers for system calls to a seccomp filter of one architecture (pure).

libseccomp knows one default and exceptions from it; a sandbox's policy has three answers, also for
one call by its arguments with an answer for all other arguments, and wants calls through another
ABI answered too. So the program is written here, and laid out by `wardian.kernel.bpf`.

Facts about what a filter sees
------------------------------
Each argument is 64 bits wide. Where the kernel takes an `int`, it looks at the low half alone, and
libraries leave different things in the high half (musl's ioctl extends the sign); comparing the low
half of such an argument is then exact. `Condition.wide` says which is meant. A call through
int 0x80 has another architecture word, one of x32 a number with bit 30; neither is in the table.

Kernel: seccomp(2), linux/seccomp.h; Documentation/userspace-api/seccomp_filter.rst, "Pitfalls".
"""

import sys

from wardian.errors import SpecError
from wardian.kernel import bpf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Instruction = tuple[int, int, int, int]

# Offsets in struct seccomp_data, linux/seccomp.h: 64-bit arguments follow the pointer.
ARGUMENTS = 16
_LOW, _HIGH = (0, 4) if sys.byteorder == "little" else (4, 0)
_WORD = 0xFFFFFFFF

EQUAL, NOT_EQUAL, LESS, AT_MOST, MORE, AT_LEAST, MASKED = "==", "!=", "<", "<=", ">", ">=", "&"
OPERATORS = (EQUAL, NOT_EQUAL, LESS, AT_MOST, MORE, AT_LEAST, MASKED)


class Condition:
    """What one argument must be.

    Attributes:
        index: of the argument, from 0.
        operator: one of OPERATORS; "&" compares the bits of `mask`.
        value: to compare with.
        mask: for "&".
        wide: compare 64 bits; else the low half.
    """

    __slots__ = ("index", "mask", "operator", "value", "wide")

    def __init__(
        self, index: int, operator: str, value: int, *, mask: int = 0, wide: bool = True
    ) -> None:
        self.index = index
        self.operator = operator
        self.value = value
        self.mask = mask
        self.wide = wide


class Answer:
    """What a call gets: by its arguments, else `otherwise`.

    Attributes:
        rules: (conditions that must all hold, verdict); the first that holds counts.
        otherwise: the verdict for all other arguments.
    """

    __slots__ = ("otherwise", "rules")

    def __init__(
        self, otherwise: int, rules: "Sequence[tuple[Sequence[Condition], int]]" = ()
    ) -> None:
        self.otherwise = otherwise
        self.rules = tuple(rules)


def assemble(
    table: "Mapping[int, Answer]",
    *,
    audit: int,
    default: int,
    foreign: int,
    ranges: "Sequence[tuple[int, int, int]]" = (),
) -> bytes:
    """Return the program, an array of `struct sock_filter`.

    Args:
        table: number of the call: what it gets.
        audit: the AUDIT_ARCH value of the table.
        default: the verdict for numbers that are not in the table.
        foreign: the verdict for calls of another architecture.
        ranges: (first, last, verdict) for numbers that are not in the table.

    Raises:
        SpecError: the program is too long for the kernel.
    """
    code: list[Instruction] = [
        (bpf.LOAD, 0, 0, bpf.ARCHITECTURE),
        (bpf.JUMP_EQUAL, 1, 0, audit),
        (bpf.RETURN, 0, 0, foreign),
        (bpf.LOAD, 0, 0, bpf.NUMBER),
    ]
    for number in sorted(table):
        leaf = _leaf(table[number])
        code += [(bpf.JUMP_EQUAL, 1, 0, number), (bpf.JUMP, 0, 0, len(leaf)), *leaf]
    for first, last, verdict in ranges:
        code += [
            (bpf.JUMP_GREATER_EQUAL, 0, 2, first),
            (bpf.JUMP_GREATER, 1, 0, last),
            (bpf.RETURN, 0, 0, verdict),
        ]
    code.append((bpf.RETURN, 0, 0, default))
    program = bpf.lay_out(bpf.encode(code))
    count = len(program) // bpf.INSTRUCTION_BYTES
    if count > bpf.BPF_MAXINSNS:
        raise SpecError(
            f"the compiled filter has {count} instructions, the kernel takes {bpf.BPF_MAXINSNS}",
            hint="use fewer conditions on arguments",
        )
    return program


def _leaf(answer: Answer) -> "list[Instruction]":
    """Decide one call; ends with a verdict on every path."""
    code: list[Instruction] = []
    for conditions, verdict in answer.rules:
        tests = [_test(condition) for condition in conditions]
        left = sum(map(len, tests))
        for test in tests:
            left -= len(test)
            # behind the rest of the tests and the verdict comes the next rule
            code += [_aimed(one, place, len(test), left + 1) for place, one in enumerate(test)]
        code.append((bpf.RETURN, 0, 0, verdict))
    code.append((bpf.RETURN, 0, 0, answer.otherwise))
    return code


_HOLDS, _FAILS = -1, -2  # jumps out of a test: to what follows it, or to the next rule


def _aimed(one: "Instruction", place: int, length: int, beyond: int) -> "Instruction":
    """Turn the jumps out of a test into distances."""
    ways = []
    for jump in one[1:3]:
        distance = jump
        if jump in (_HOLDS, _FAILS):
            distance = length - place - 1 + (beyond if jump == _FAILS else 0)
        ways.append(distance)
    if max(ways) > 255:
        raise SpecError("one rule has too many conditions", hint="split it into several")
    return (one[0], ways[0], ways[1], one[3])


def _test(condition: Condition) -> "list[Instruction]":
    """Test one argument; where it holds the code goes on behind the test."""
    at = ARGUMENTS + 8 * condition.index
    low, high = condition.value & _WORD, condition.value >> 32 & _WORD
    operator = condition.operator
    if operator == MASKED:
        code = _masked(at + _LOW, condition.mask & _WORD, low)
        if condition.wide and condition.mask >> 32 & _WORD:
            code += _masked(at + _HIGH, condition.mask >> 32 & _WORD, high)
        return code
    if not condition.wide:
        return [(bpf.LOAD, 0, 0, at + _LOW), _compare(operator, low)]
    if operator == EQUAL:
        head = [(bpf.LOAD, 0, 0, at + _HIGH), (bpf.JUMP_EQUAL, 0, _FAILS, high)]
    elif operator == NOT_EQUAL:
        head = [(bpf.LOAD, 0, 0, at + _HIGH), (bpf.JUMP_EQUAL, 0, _HOLDS, high)]
    else:
        above, below = (_HOLDS, _FAILS) if operator in (MORE, AT_LEAST) else (_FAILS, _HOLDS)
        head = [
            (bpf.LOAD, 0, 0, at + _HIGH),
            (bpf.JUMP_GREATER, above, 0, high),
            (bpf.JUMP_EQUAL, 0, below, high),
        ]
    return [*head, (bpf.LOAD, 0, 0, at + _LOW), _compare(operator, low)]


def _masked(offset: int, mask: int, value: int) -> "list[Instruction]":
    return [
        (bpf.LOAD, 0, 0, offset),
        (bpf.AND, 0, 0, mask),
        (bpf.JUMP_EQUAL, 0, _FAILS, value),
    ]


def _compare(operator: str, value: int) -> "Instruction":
    code, inverse = {
        EQUAL: (bpf.JUMP_EQUAL, False),
        NOT_EQUAL: (bpf.JUMP_EQUAL, True),
        MORE: (bpf.JUMP_GREATER, False),
        AT_MOST: (bpf.JUMP_GREATER, True),
        AT_LEAST: (bpf.JUMP_GREATER_EQUAL, False),
        LESS: (bpf.JUMP_GREATER_EQUAL, True),
    }[operator]
    ways = (_FAILS, _HOLDS) if inverse else (_HOLDS, _FAILS)
    return (code, *ways, value)
