"""A program that is laid out anew decides as the old one did."""

from collections.abc import Callable, Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from wardian.kernel import bpf

Run = Callable[[bytes, int, int, Sequence[int]], int]

ALLOW, REFUSE = 0x7FFF0000, 0x00050001
X86_64, X86 = 0xC000003E, 0x40000003
ARGUMENT_0_LOW, ARGUMENT_0_HIGH = 16, 20

_WORDS = st.sampled_from([bpf.NUMBER, bpf.ARCHITECTURE, ARGUMENT_0_LOW, ARGUMENT_0_HIGH])
_NUMBERS = st.one_of(
    st.integers(0, 12),
    st.sampled_from([X86, X86_64, 0x3FFFFFFF, 0x40000000, 0xFFFFFFFE, 0xFFFFFFFF]),
)


@st.composite
def _programs(draw: st.DrawFn) -> bytes:
    """Any program of loads, masks, forward jumps and verdicts."""
    length = draw(st.integers(1, 30))
    code = []
    for place in range(length):
        room = st.integers(0, length - place - 1)
        kind = draw(st.sampled_from(["load", "jump", "test", "test", "test", "bits", "mask"]))
        if kind == "load":
            code.append((bpf.LOAD, 0, 0, draw(_WORDS)))
        elif kind == "mask":
            code.append((bpf.AND, 0, 0, draw(_NUMBERS)))
        elif kind == "jump":
            code.append((bpf.JUMP, 0, 0, draw(room)))
        else:
            tests = [bpf.JUMP_EQUAL, bpf.JUMP_GREATER, bpf.JUMP_GREATER_EQUAL]
            test = bpf.JUMP_BITS if kind == "bits" else draw(st.sampled_from(tests))
            code.append((test, draw(room), draw(room), draw(_NUMBERS)))
    verdicts = st.sampled_from([ALLOW, REFUSE, 0])
    code += [(bpf.RETURN, 0, 0, draw(verdicts)) for _ in range(2)]
    return bpf.encode(code)


@given(_programs(), st.lists(st.tuples(_NUMBERS, _NUMBERS, _NUMBERS, _NUMBERS), max_size=40))
def test_the_verdict_is_the_same_for_every_input(
    run_bpf: Run, program: bytes, inputs: list[tuple[int, int, int, int]]
) -> None:
    laid_out = bpf.lay_out(program)
    assert len(laid_out) <= len(program)
    for architecture, number, low, high in inputs:
        arguments = [high << 32 | low]
        assert run_bpf(laid_out, architecture, number, arguments) == run_bpf(
            program, architecture, number, arguments
        )


def _chain(verdicts: dict[int, int]) -> bytes:
    code = [(bpf.LOAD, 0, 0, bpf.NUMBER)]
    for number, verdict in verdicts.items():
        code += [(bpf.JUMP_EQUAL, 0, 1, number), (bpf.RETURN, 0, 0, verdict)]
    return bpf.encode([*code, (bpf.RETURN, 0, 0, REFUSE)])


@settings(max_examples=8)
@given(st.dictionaries(st.integers(0, 900), st.integers(0, 5), min_size=200, max_size=600))
def test_a_long_chain_becomes_a_search_with_jumps_that_fit(
    run_bpf: Run, verdicts: dict[int, int]
) -> None:
    laid_out = bpf.lay_out(_chain(verdicts))
    for number in (*range(0, 902, 3), *list(verdicts)[:100], 0xFFFFFFFF):
        assert run_bpf(laid_out, X86_64, number, ()) == verdicts.get(number, REFUSE)


def test_neighbours_with_one_fate_cost_one_range() -> None:
    program = _chain(dict.fromkeys(range(100, 400), ALLOW))
    assert len(program) // bpf.INSTRUCTION_BYTES > 600
    assert len(bpf.lay_out(program)) // bpf.INSTRUCTION_BYTES <= 6


def test_an_instruction_without_a_model_leaves_the_program_alone() -> None:
    store = (0x02, 0, 0, 0)
    program = bpf.encode([store, (bpf.LOAD, 0, 0, 0), (bpf.RETURN, 0, 0, ALLOW)])
    assert bpf.lay_out(program) == program


def test_a_program_that_runs_off_its_end_is_left_alone() -> None:
    program = bpf.encode([(bpf.LOAD, 0, 0, 0), (bpf.JUMP, 0, 0, 7)])
    assert bpf.lay_out(program) == program


def test_overrides_come_before_the_program_and_the_first_wins(run_bpf: Run) -> None:
    program = bpf.encode([(bpf.RETURN, 0, 0, ALLOW)])
    rules = [(X86_64, 5, 5, 1), (X86_64, 4, 9, 2), (X86, 0, 0xFFFFFFFF, 3)]
    for changed in (bpf.override(program, rules), bpf.lay_out(bpf.override(program, rules))):
        found = [run_bpf(changed, X86_64, number, ()) for number in (3, 4, 5, 6, 9, 10)]
        assert found == [ALLOW, 2, 1, 2, 2, ALLOW]
        assert run_bpf(changed, X86, 7, ()) == 3
