"""Give each task of a parallel program random numbers of its own, from one root seed.

    rng(7)                      # the stream of task 7; the root seed is WARDIAN_SEED
    rng(("bootstrap", 7))       # of the seventh task of that name
    stdlib_rng(7)               # the same stream, for programs without NumPy

The stream belongs to the task, not to the worker that happens to do it: with 1 or 64 workers, in
threads, processes or on other machines, in any order, a task draws the same numbers. What is summed
up from tasks must be summed in the tasks' order, or by math.fsum: floating-point sums depend on it.

Facts about these streams
-------------------------
NumPy's SeedSequence hashes the root seed and the task's place ("spawn key") into 128 bits, the key
of a Philox generator, which counts from zero: `rng(7, seed)` is what
Generator(Philox(SeedSequence(seed).spawn(8)[7])) is, so that anyone can check it without wardian. A
name becomes the eight words of its SHA-256. NumPy keeps SeedSequence and the bits of Philox for
ever; `Generator`'s distributions may change between its versions (NEP 19), so a record holds the
version. Python keeps Random.random(), and changes other methods rarely.

`Philox` here is the same generator in plain Python, a hundred times slower than C: random() gives
the very numbers that Generator.random() gives; all of random.Random stands on it.

Source: numpy/random/bit_generator.pyx; O'Neill, "Developing a seed_seq Alternative" (2015); Salmon
and others, "Parallel Random Numbers: As Easy as 1, 2, 3" (2011).
"""

import os
import random
from hashlib import sha256
from typing import TYPE_CHECKING

from wardian.errors import UnsupportedError, UsageError

if TYPE_CHECKING:
    from typing import Any

    import numpy as np

    Task = int | str | tuple[int | str, ...]

VARIABLE = "WARDIAN_SEED"
SEED_BITS = 256

_32, _64 = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF


def root_seed(seed: "int | None" = None) -> int:
    """Return the seed that all streams come from: a given one, or that of WARDIAN_SEED.

    Raises:
        UsageError: there is none, or it is no whole number from 0 on.
    """
    if seed is None:
        text = os.environ.get(VARIABLE, "")
        if not text:
            raise UsageError(
                "there is no root seed",
                hint=f"set {VARIABLE} (`wardian repro run` does), or pass seed=NUMBER",
            )
        try:
            seed = int(text, 0)
        except ValueError:
            raise UsageError(f'{VARIABLE} "{text[:40]}" is not a whole number') from None
    if isinstance(seed, bool) or not isinstance(seed, int) or not 0 <= seed < 1 << SEED_BITS:
        raise UsageError(f"the seed {str(seed)[:40]!r} is not a whole number of {SEED_BITS} bits")
    return seed


def spawn_key(task: "Task") -> "tuple[int, ...]":
    """Return a task's place as SeedSequence has it.

    Raises:
        UsageError: it is no number from 0 on, no text, and no tuple of these.
    """
    parts = task if isinstance(task, tuple) else (task,)
    key: list[int] = []
    for part in parts:
        if isinstance(part, str):
            digest = sha256(part.encode()).digest()
            key += [int.from_bytes(digest[at : at + 4], "little") for at in range(0, 32, 4)]
        elif hasattr(part, "__index__") and not isinstance(part, bool) and part.__index__() >= 0:
            key.append(part.__index__())
        else:
            raise UsageError(f"task {task!r}: whole numbers from 0 on, names, or a tuple of them")
    if not key:
        raise UsageError("task (): an empty tuple names none")
    return tuple(key)


def rng(task: "Task", seed: "int | None" = None) -> "np.random.Generator":
    """Return a task's own random numbers, as NumPy's Generator.

    Args:
        task: its number from 0 on, its name, or a tuple of them.
        seed: the root seed, instead of WARDIAN_SEED.

    Raises:
        UsageError: a bad task, or no seed.
        UnsupportedError: NumPy is not installed.
    """
    root, key = root_seed(seed), spawn_key(task)
    try:
        from numpy.random import Generator, Philox, SeedSequence
    except ImportError:
        raise UnsupportedError(
            "rng: NumPy is not installed",
            feature="numpy",
            hint="pip install numpy; stdlib_rng has the same stream without it",
        ) from None
    return Generator(Philox(SeedSequence(root, spawn_key=key)))


def stdlib_rng(task: "Task", seed: "int | None" = None) -> "Philox":
    """Return a task's own random numbers, as a random.Random; arguments and errors of `rng`."""
    return Philox(key_of(root_seed(seed), spawn_key(task)))


# ---- SeedSequence -------------------------------------------------------------------------

_POOL = 4


def key_of(entropy: int, place: "tuple[int, ...]" = ()) -> "tuple[int, int]":
    """Return the two words that SeedSequence(entropy, spawn_key=place) gives to Philox."""
    words = _words(entropy)
    if place:
        words += [0] * (_POOL - len(words))  # so that a long seed is not a short one with a place
        for part in place:
            words += _words(part)
    mixed = _mixed(words)
    state = []
    constant = 0x8B51F9DD
    for value in mixed:
        following = constant * 0x58F38DED & _32
        word = (value ^ constant) * following & _32
        state.append(word ^ word >> 16)
        constant = following
    return state[0] | state[1] << 32, state[2] | state[3] << 32


def _words(value: int) -> "list[int]":
    """Return a number as words of 32 bits, the lowest first."""
    found = [value & _32]
    while value := value >> 32:
        found.append(value & _32)
    return found


class _Hash:
    """The multiplicative hash, whose constant goes on from word to word."""

    def __init__(self) -> None:
        self._constant = 0x43B0D7E5

    def __call__(self, value: int) -> int:
        value ^= self._constant
        self._constant = self._constant * 0x931E8875 & _32
        value = value * self._constant & _32
        return value ^ value >> 16


def _mix(one: int, other: int) -> int:
    value = (one * 0xCA01F9DD - other * 0x4973F715) & _32
    return value ^ value >> 16


def _mixed(words: "list[int]") -> "list[int]":
    """Return the pool into which all words were mixed."""
    hashed = _Hash()
    pool = [hashed(words[at] if at < len(words) else 0) for at in range(_POOL)]
    for source in range(_POOL):
        for target in range(_POOL):
            if source != target:
                pool[target] = _mix(pool[target], hashed(pool[source]))
    for word in words[_POOL:]:
        for target in range(_POOL):
            pool[target] = _mix(pool[target], hashed(word))
    return pool


# ---- Philox -------------------------------------------------------------------------------

_MULTIPLIERS = (0xD2E7470EE14C6C93, 0xCA5A826395121157)
_WEYL = (0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B)
_ROUNDS = 10
_DOUBLE_BITS = 53


def philox(counter: int, key: "tuple[int, int]") -> "tuple[int, int, int, int]":
    """Return the block of Philox4x64-10 at a place: any one, without those before it."""
    a, b, c, d = (counter >> shift & _64 for shift in (0, 64, 128, 192))
    left, right = key
    for _round in range(_ROUNDS):
        first, second = a * _MULTIPLIERS[0], c * _MULTIPLIERS[1]
        a, b, c, d = second >> 64 ^ b ^ left, second & _64, first >> 64 ^ d ^ right, first & _64
        left, right = (left + _WEYL[0]) & _64, (right + _WEYL[1]) & _64
    return a, b, c, d


class Philox(random.Random):
    """Random numbers of one key, in plain Python.

    Args:
        key: two words of 64 bits.
    """

    def __init__(self, key: "tuple[int, int]") -> None:
        self._key = key
        self._counter = 0
        self._left: list[int] = []
        self.gauss_next: Any = None  # the second of a pair that gauss() has kept

    def raw(self) -> int:
        """Return the next 64 bits."""
        if not self._left:
            self._counter += 1  # as NumPy has it, the first block is that of 1
            self._left = list(reversed(philox(self._counter, self._key)))
        return self._left.pop()

    def random(self) -> float:
        """Return the next number of [0, 1)."""
        return (self.raw() >> 64 - _DOUBLE_BITS) * 2.0**-_DOUBLE_BITS

    def getrandbits(self, k: int, /) -> int:
        """Return k random bits."""
        if k < 0:
            raise ValueError("number of bits must be non-negative")
        value = 0
        for shift in range(0, k, 64):
            value |= self.raw() >> max(64 - (k - shift), 0) << shift
        return value

    def seed(self, *_arguments: object, **_words: object) -> None:
        """The key is the seed, and stays."""

    def getstate(self) -> "tuple[Any, ...]":
        """Return where the stream stands."""
        return self._key, self._counter, tuple(self._left), self.gauss_next

    def setstate(self, state: "tuple[Any, ...]") -> None:
        """Go to where a stream stood."""
        self._key, self._counter, left, self.gauss_next = state
        self._left = list(left)

    def __reduce__(self) -> "tuple[object, ...]":
        return Philox, (self._key,), self.getstate()

    def __setstate__(self, state: "tuple[Any, ...]") -> None:
        self.setstate(state)
