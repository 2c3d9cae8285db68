"""The program, run by a small eBPF interpreter, decides as the rules say; documents are checked."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardian.errors import InternalError, SpecError
from wardian.kernel import device_filter, device_rules
from wardian.kernel.device_rules import Rule

WHERE = "linux.resources.devices[0]"
STEP_LIMIT = 100_000

numbers = st.sampled_from([None, 0, 1, 195, 4095])
rules = st.builds(
    lambda allow, kind, major, minor, access: Rule(allow, kind, major, minor, access=access),
    st.booleans(),
    st.sampled_from("abc"),
    numbers,
    numbers,
    st.sampled_from(["rwm", "r", "w", "m", "rw", "rm", "wm"]),
)


def run(code: bytes, context: bytes) -> int:
    """Run the eBPF instructions that the program uses."""
    instructions = list(struct.iter_unpack("=BBhi", code))
    register = [0] * 11
    place = 0
    for _ in range(STEP_LIMIT):
        operation, registers, offset, value = instructions[place]
        target, source = registers & 15, registers >> 4
        place += 1
        if operation == device_filter.LOAD_WORD:
            register[target] = struct.unpack_from("=I", context, offset)[0]
        elif operation == device_filter.MOVE:
            register[target] = register[source]
        elif operation == device_filter.MOVE_VALUE:
            register[target] = value
        elif operation == device_filter.AND_VALUE:
            register[target] &= value
        elif operation == device_filter.SHIFT_RIGHT:
            register[target] >>= value
        elif operation == device_filter.JUMP_IF_EQUAL:
            place += offset if register[target] == value else 0
        elif operation == device_filter.JUMP_IF_DIFFERENT:
            place += offset if register[target] != value else 0
        elif operation == device_filter.EXIT:
            return register[0]
    raise AssertionError("the program does not end")


def may(code: bytes, kind: str, major: int, minor: int, access: str) -> bool:
    mask = sum(device_rules.ACCESSES[letter] for letter in access)
    word = mask << 16 | device_rules.TYPES[kind]
    return run(code, struct.pack("=III", word, major, minor)) == 1


def verdict(row: list[Rule], kind: str, major: int, minor: int, access: str) -> bool:
    """For each letter the last rule that matches decides; all must be allowed."""
    for letter in access:
        asked = Rule(True, kind, major, minor, access=letter)
        last = [rule for rule in row if rule.overlaps(asked)][-1:]
        if not last or not last[0].allow:
            return False
    return True


@given(st.lists(rules, max_size=8))
def test_the_program_decides_as_the_rules_say(row: list[Rule]) -> None:
    code = device_filter.program(row)
    for kind in "bc":
        for major in (0, 1, 195, 4095, 7):
            for minor in (0, 1, 7):
                for access in ("r", "w", "m", "rw", "rwm"):
                    expected = verdict(row, kind, major, minor, access)
                    assert may(code, kind, major, minor, access) == expected


@given(st.lists(rules, max_size=8))
def test_every_jump_stays_inside(row: list[Rule]) -> None:
    instructions = list(struct.iter_unpack("=BBhi", device_filter.program(row)))
    jumps = (device_filter.JUMP_IF_EQUAL, device_filter.JUMP_IF_DIFFERENT)
    for place, (operation, _registers, offset, _value) in enumerate(instructions):
        if operation in jumps:
            assert offset > 0
            assert place + 1 + offset < len(instructions)
    assert instructions[-1][0] == device_filter.EXIT


@given(st.lists(rules, max_size=8))
def test_rules_survive_the_round_trip_through_text(row: list[Rule]) -> None:
    text = device_rules.format_rules(row)
    assert device_rules.format_rules(device_rules.parse(text)) == text


def test_two_rules_together_allow_what_neither_does_alone() -> None:
    row = [Rule(True, "c", 1, 3, access="r"), Rule(True, "c", 1, 3, access="w")]
    assert may(device_filter.program(row), "c", 1, 3, "rw")


def test_without_rules_all_is_denied() -> None:
    assert not may(device_filter.program([]), "c", 1, 3, "r")


def test_too_many_rules_are_refused() -> None:
    with pytest.raises(SpecError, match="too many"):
        device_filter.program([Rule(True, "c", 1, 3, access="r")] * 2001)


def test_a_document_s_rule_is_read() -> None:
    entry = {"allow": True, "type": "c", "major": 195, "minor": -1, "access": "mwr"}
    assert str(device_rules.read_rule(entry, WHERE)) == "c 195:* rwm"
    assert device_rules.read_rule({"allow": False}, WHERE).is_total


@pytest.mark.parametrize(
    ("entry", "place"),
    [
        ({}, "allow"),
        ({"allow": 1, "access": "r"}, "allow"),
        ({"allow": True}, "access"),
        ({"allow": True, "access": "rx"}, "access"),
        ({"allow": True, "access": ["r"]}, "access"),
        ({"allow": True, "type": "p", "access": "r"}, "type"),
        ({"allow": True, "type": ["c"], "access": "r"}, "type"),
        ({"allow": True, "major": 4096, "access": "r"}, "major"),
        ({"allow": True, "minor": "3", "access": "r"}, "minor"),
        ({"allow": True, "minor": True, "access": "r"}, "minor"),
        ({"allow": True, "minor": -2, "access": "r"}, "minor"),
    ],
)
def test_a_bad_rule_is_refused_at_its_place(entry: dict[str, object], place: str) -> None:
    with pytest.raises(SpecError) as caught:
        device_rules.read_rule(entry, WHERE)
    assert caught.value.where == f"{WHERE}.{place}"


def test_text_that_is_no_rule_is_our_own_fault() -> None:
    with pytest.raises(InternalError):
        device_rules.parse("allow everything")
