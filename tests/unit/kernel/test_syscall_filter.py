"""Filters that are written from a table of answers, run by a small interpreter."""

import itertools

import pytest

from wardian.kernel import bpf
from wardian.kernel.syscall_filter import OPERATORS, Answer, Condition, assemble

AUDIT = 0xC000003E
ALLOW, NOTIFY, QUIET = 0x7FFF0000, 0x7FC00000, 0x00050026
EDGES = (0, 1, 5, 6, 0xFFFFFFFF, 1 << 32, (1 << 32) + 5, (1 << 63) + 5, (1 << 64) - 1)


def run(program: bytes, number: int, *arguments: int, audit: int = AUDIT) -> int:
    """Give the verdict of a program."""
    padded = (*arguments, 0, 0, 0, 0, 0, 0)[:6]
    words = [number & 0xFFFFFFFF, audit, 0, 0]
    for value in padded:
        words += [value & 0xFFFFFFFF, value >> 32 & 0xFFFFFFFF]
    code = bpf.decode(program)
    accumulator = place = 0
    while True:
        operation, when_true, when_false, k = code[place]
        place += 1
        if operation == bpf.LOAD:
            accumulator = words[k // 4]
        elif operation == bpf.AND:
            accumulator &= k
        elif operation == bpf.JUMP:
            place += k
        elif operation == bpf.RETURN:
            return k
        else:
            holds = {
                bpf.JUMP_EQUAL: accumulator == k,
                bpf.JUMP_GREATER: accumulator > k,
                bpf.JUMP_GREATER_EQUAL: accumulator >= k,
                bpf.JUMP_BITS: bool(accumulator & k),
            }[operation]
            place += when_true if holds else when_false


def expected(condition: Condition, value: int) -> bool:
    width = (1 << 64) - 1 if condition.wide else 0xFFFFFFFF
    mine, other = value & width, condition.value & width
    return {
        "==": mine == other,
        "!=": mine != other,
        "<": mine < other,
        "<=": mine <= other,
        ">": mine > other,
        ">=": mine >= other,
        "&": mine & condition.mask & width == other,
    }[condition.operator]


@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("wide", [True, False])
def test_every_operator_compares_as_arithmetic_does(operator: str, wide: bool) -> None:
    for value in EDGES:
        mask = 0xFF | 0xFF << 40 if operator == "&" else 0
        wanted = value & mask if operator == "&" else value
        condition = Condition(2, operator, wanted, mask=mask, wide=wide)
        program = assemble(
            {7: Answer(NOTIFY, [((condition,), ALLOW)])}, audit=AUDIT, default=NOTIFY, foreign=0
        )
        for given in EDGES:
            verdict = run(program, 7, 0, 0, given)
            assert verdict == (ALLOW if expected(condition, given) else NOTIFY), (value, given)


def test_the_first_rule_that_holds_counts_and_all_its_conditions_must() -> None:
    both = (Condition(0, "==", 1), Condition(1, "==", 2))
    one = (Condition(0, "==", 1),)
    program = assemble(
        {3: Answer(QUIET, [(both, ALLOW), (one, NOTIFY)])},
        audit=AUDIT,
        default=NOTIFY,
        foreign=0,
    )
    assert run(program, 3, 1, 2) == ALLOW
    assert run(program, 3, 1, 3) == NOTIFY
    assert run(program, 3, 2, 2) == QUIET


def test_other_architectures_and_unlisted_numbers_get_their_verdicts() -> None:
    table = {number: Answer(ALLOW) for number in (0, 1, 3, 60, 231)}
    program = assemble(
        table, audit=AUDIT, default=NOTIFY, foreign=NOTIFY + 1, ranges=[(472, 1023, QUIET)]
    )
    for number in itertools.chain(range(1030), (0x40000000, 0x40000001, 0xFFFFFFFF, 10**6)):
        wanted = ALLOW if number in table else QUIET if 472 <= number <= 1023 else NOTIFY
        assert run(program, number) == wanted, number
    assert run(program, 0, audit=0x40000003) == NOTIFY + 1
