"""Rewrite a classic BPF program for seccomp so that the kernel loads it fast (pure).

Facts about the cost of a filter
--------------------------------
Loading is paid at every start of a box: the kernel checks the program, translates it to eBPF,
compiles it in several passes, and then walks it once for every system call number of every
architecture, to fill the bitmap of calls that are always allowed. So both the length of the
program and the length of its paths count. libseccomp tests every call by a comparison of its own,
and repeats the argument checks for each architecture. Neighbouring numbers mostly share a fate, so
a binary search over *ranges* of numbers gives the same verdicts with a quarter of the instructions
(numbers: `wardian.kernel.libseccomp`).

How
---
The program is run with unknown inputs. Where it compares a word of `struct seccomp_data` that it
doesn't know yet, the constants that the word is compared with anywhere further on cut the 32-bit
numbers into ranges in which the program can't tell two values apart; it is run on for one value of
each. What comes out is a graph of decisions with equal parts shared, which is written down with
the ranges as binary searches. A word that is masked somewhere is not cut: its tests stay as they
are. What this file doesn't know (arithmetic, scratch memory) leaves the program unchanged.

Kernel: seccomp(2), Documentation/networking/filter.rst; the bitmap since Linux 5.11.
"""

import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    Instruction = tuple[int, int, int, int]
    State = tuple[int, int, int]
    Known = tuple[tuple[int, int], ...]

# linux/filter.h
BPF_MAXINSNS = 4096
# linux/bpf_common.h: class | size | mode, class | operation | source
LOAD = 0x20
JUMP = 0x05
JUMP_EQUAL = 0x15
JUMP_GREATER = 0x25
JUMP_GREATER_EQUAL = 0x35
JUMP_BITS = 0x45
RETURN = 0x06
AND = 0x54

# Offsets in struct seccomp_data, linux/seccomp.h.
NUMBER = 0
ARCHITECTURE = 4

INSTRUCTION_BYTES = 8
_ALL = 0xFFFFFFFF
_CONDITIONS = (JUMP_EQUAL, JUMP_GREATER, JUMP_GREATER_EQUAL, JUMP_BITS)
# The accumulator is (offset, mask): a word of the input under a mask, or (_CONSTANT, value).
_CONSTANT = -1
_MOST_WORK = 1_000_000
_FARTHEST = 255


class _UnknownProgramError(Exception):
    """The program does what this file has no model for, or is too big to be worth it."""


def decode(program: bytes) -> "list[Instruction]":
    """Split bytes into (code, jump if true, jump if false, k)."""
    return list(struct.iter_unpack("=HBBI", program))


def encode(instructions: "Iterable[Instruction]") -> bytes:
    """Join instructions to the bytes of a `struct sock_filter` array."""
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in instructions)


def override(program: bytes, rules: "Iterable[tuple[int, int, int, int]]") -> bytes:
    """Put rules before a program that decide some numbers whatever the program says.

    Args:
        program: the program that decides the rest.
        rules: (AUDIT_ARCH value, first number, last number, verdict); the first that fits wins.
    """
    prefix: list[Instruction] = []
    for architecture, first, last, verdict in rules:
        prefix += [
            (LOAD, 0, 0, ARCHITECTURE),
            (JUMP_EQUAL, 0, 4, architecture),
            (LOAD, 0, 0, NUMBER),
            (JUMP_GREATER_EQUAL, 0, 2, first),
            (JUMP_GREATER, 1, 0, last),
            (RETURN, 0, 0, verdict),
        ]
    return encode(prefix) + program


def lay_out(program: bytes) -> bytes:
    """Give a program with the same verdict for every input that loads faster.

    It is the program itself where nothing can be gained or where it is not understood.
    """
    try:
        graph = _Graph(decode(program))
        root = graph.explore((0, _CONSTANT, 0), ())
        shorter = encode(_Writer(graph.nodes).write(root))
    except (_UnknownProgramError, RecursionError):
        return program
    return shorter if len(shorter) < len(program) else program


class _Graph:
    """The decisions of a program: (verdict,) or (offset, mask, condition, k, then, else)."""

    def __init__(self, program: "list[Instruction]") -> None:
        self.program = program
        self.nodes: list[tuple[int, ...]] = []
        self._ids: dict[tuple[int, ...], int] = {}
        self._explored: dict[tuple[State, Known], int] = {}
        self._work = 0

    def explore(self, state: "State", known: "Known") -> int:
        """Give the decisions from a state on, where the values of some words are known."""
        state = place, offset, mask = self._run(state, dict(known))
        found = self._explored.get((state, known))
        if found is not None:
            return found
        code, when_true, when_false, k = self.program[place]
        if code == RETURN:
            node = self._node((k,))
        else:
            cuts = self._cuts(state, dict(known))
            if cuts:
                ranges = [(cut, self.explore(state, (*known, (offset, cut)))) for cut in cuts]
                node = self._search(offset, _merged(ranges))
            else:
                then = self.explore((place + 1 + when_true, offset, mask), known)
                other = self.explore((place + 1 + when_false, offset, mask), known)
                node = self._test((offset, mask, code, k), then, other)
        self._explored[state, known] = node
        return node

    def _run(self, state: "State", known: dict[int, int]) -> "State":
        """Run on to the next thing that can't be decided, or to a verdict."""
        place, offset, mask = state
        while True:
            self._count()
            if offset in known:
                offset, mask = _CONSTANT, known[offset] & mask
            try:
                code, when_true, when_false, k = self.program[place]
            except IndexError:
                raise _UnknownProgramError from None
            place += 1
            if code == LOAD:
                offset, mask = k, _ALL
            elif code == AND:
                mask &= k
                offset = offset if mask else _CONSTANT
            elif code == JUMP:
                place += k
            elif code in _CONDITIONS and offset == _CONSTANT:
                place += when_true if _holds(code, mask, k) else when_false
            elif code in _CONDITIONS or code == RETURN:
                return (place - 1, offset, mask) if code != RETURN else (place - 1, _CONSTANT, 0)
            else:
                raise _UnknownProgramError

    def _cuts(self, start: "State", known: dict[int, int]) -> list[int]:
        """Give the first number of each range of a word that the program can tell apart.

        Nothing where the word is masked somewhere on the way.
        """
        target = start[1]
        cuts = {0}
        seen = set()
        todo = [start]
        while todo:
            state = place, offset, mask = self._run(todo.pop(), known)
            if state in seen:
                continue
            seen.add(state)
            code, when_true, when_false, k = self.program[place]
            if code == RETURN:
                continue
            if offset == target:
                if mask != _ALL or code == JUMP_BITS:
                    return []
                cuts.update((k + 1,) if code == JUMP_GREATER else (k,))
                cuts.update((k + 1,) if code == JUMP_EQUAL else ())
            todo.append((place + 1 + when_true, offset, mask))
            todo.append((place + 1 + when_false, offset, mask))
        return sorted(cut for cut in cuts if cut <= _ALL)

    def _search(self, offset: int, ranges: list[tuple[int, int]]) -> int:
        """Write the choice between ranges as a binary search."""
        usual = max({node for _, node in ranges}, key=[node for _, node in ranges].count)
        rest = [place for place, (_, node) in enumerate(ranges) if node != usual]
        if len(rest) <= 2 and all(_is_single(ranges, place) for place in rest):
            node = usual
            for place in rest:
                first, other = ranges[place]
                node = self._test((offset, _ALL, JUMP_EQUAL, first), other, node)
            return node
        middle = _middle(ranges)
        low = self._search(offset, ranges[:middle])
        high = self._search(offset, ranges[middle:])
        return self._test((offset, _ALL, JUMP_GREATER_EQUAL, ranges[middle][0]), high, low)

    def _test(self, test: tuple[int, int, int, int], then: int, other: int) -> int:
        return then if then == other else self._node((*test, then, other))

    def _node(self, node: tuple[int, ...]) -> int:
        found = self._ids.get(node)
        if found is None:
            found = self._ids[node] = len(self.nodes)
            self.nodes.append(node)
        return found

    def _count(self) -> None:
        self._work += 1
        if self._work > _MOST_WORK:
            raise _UnknownProgramError


class _Writer:
    """Write a graph of decisions as a program, from its end to its start.

    Jumps go forward only, and conditional ones at most 255 instructions, so a place is counted
    from the end and what lies too far is reached by a copy (of a verdict) or a long jump.
    """

    def __init__(self, nodes: list[tuple[int, ...]]) -> None:
        self._nodes = nodes
        self._code: list[Instruction] = []
        self._places: dict[tuple[int, bool], int] = {}

    def write(self, root: int) -> "list[Instruction]":
        """Give the program that starts at a node."""
        self._write(root, loaded=False)
        return self._code[::-1]

    def _write(self, number: int, *, loaded: bool) -> int:
        """Write a node and all below it; give its place.

        Args:
            number: the node.
            loaded: the word that it tests is in the accumulator already.
        """
        place = self._places.get((number, loaded))
        if place is not None:
            return place
        node = self._nodes[number]
        if len(node) == 1:
            self._code.append((RETURN, 0, 0, node[0]))
        else:
            # Where the test was just written for another parent, the load is put before it.
            if loaded or self._places.get((number, True)) != len(self._code):
                self._write_test(node)
            if not loaded:
                if node[1] != _ALL:
                    self._code.append((AND, 0, 0, node[1]))
                self._code.append((LOAD, 0, 0, node[0]))
        self._places[number, loaded] = len(self._code)
        return len(self._code)

    def _write_test(self, node: tuple[int, ...]) -> None:
        places = []
        for child in node[4:]:
            below = self._nodes[child]
            loaded = len(below) > 1 and below[:2] == node[:2]
            places.append([child, self._write(child, loaded=loaded)])
        # Bringing one near moves the other by one, hence twice.
        for entry in (*places, *places):
            if len(self._code) - entry[1] > _FARTHEST - 1:
                entry[1] = self._bring_near(entry[0], entry[1])
        here = len(self._code)
        self._code.append((node[2], here - places[0][1], here - places[1][1], node[3]))

    def _bring_near(self, number: int, place: int) -> int:
        node = self._nodes[number]
        if len(node) == 1:
            self._code.append((RETURN, 0, 0, node[0]))
            self._places[number, False] = len(self._code)
        else:
            self._code.append((JUMP, 0, 0, len(self._code) - place))
        return len(self._code)


def _holds(code: int, value: int, k: int) -> bool:
    if code == JUMP_EQUAL:
        return value == k
    if code == JUMP_GREATER:
        return value > k
    if code == JUMP_GREATER_EQUAL:
        return value >= k
    return bool(value & k)


def _merged(ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    return [
        entry
        for place, entry in enumerate(ranges)
        if place == 0 or entry[1] != ranges[place - 1][1]
    ]


def _is_single(ranges: list[tuple[int, int]], place: int) -> bool:
    return place + 1 < len(ranges) and ranges[place + 1][0] == ranges[place][0] + 1


def _middle(ranges: list[tuple[int, int]]) -> int:
    """Choose where to halve; not between a lone number and its equal neighbours."""

    def parts(place: int) -> bool:
        return (
            0 < place < len(ranges) - 1
            and ranges[place - 1][1] == ranges[place + 1][1]
            and _is_single(ranges, place)
        )

    half = len(ranges) // 2
    for step in range(half):
        for place in (half - step, half + step):
            if 0 < place < len(ranges) and not parts(place) and not parts(place - 1):
                return place
    return half
