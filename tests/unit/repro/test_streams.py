"""Random streams of tasks: NumPy's own, whoever draws them, in whatever order."""

import hashlib
import itertools
import math
import pickle
import struct
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wardian import errors
from wardian.repro import rng, root_seed, stdlib_rng
from wardian.repro.streams import key_of, philox, spawn_key

TASKS = 40
DRAWS = 2000


def inside(task: int) -> float:
    """A task of a Monte-Carlo simulation, with a result that any rounding would show."""
    source = rng(("pi", task), seed=20261125)
    points = source.random((DRAWS, 2))
    return float(((points**2).sum(axis=1) < 1).sum() / DRAWS * source.normal() * math.pi)


def digest(values: list[float]) -> str:
    return hashlib.sha256(struct.pack(f"<{len(values)}d", *values)).hexdigest()


def pool(kind: str, workers: int) -> Executor:
    if kind == "threads":
        return ThreadPoolExecutor(workers)
    return ProcessPoolExecutor(workers, mp_context=get_context("spawn"))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["threads", "processes"])
def test_a_simulation_gives_the_same_bits_with_any_number_of_workers(kind: str) -> None:
    alone = digest([inside(task) for task in range(TASKS)])
    for workers in (1, 2, 7, 32) if kind == "threads" else (1, 2, 7):
        with pool(kind, workers) as executor:
            assert digest(list(executor.map(inside, range(TASKS)))) == alone, workers


def test_the_order_of_tasks_does_not_matter() -> None:
    forwards = [inside(task) for task in range(TASKS)]
    backwards = [inside(task) for task in reversed(range(TASKS))]
    assert forwards == backwards[::-1]
    assert len(set(forwards)) == TASKS


def test_a_stream_is_what_numpy_spawns() -> None:
    child = np.random.SeedSequence(5).spawn(8)[7]
    assert (
        rng(7, 5).normal(size=9).tolist()
        == np.random.Generator(np.random.Philox(child)).normal(size=9).tolist()
    )


@given(
    st.integers(0, (1 << 256) - 1),
    st.lists(st.integers(0, (1 << 70) - 1), max_size=5).map(tuple),
)
@settings(deadline=None)
def test_keys_are_those_of_numpy(seed: int, place: tuple[int, ...]) -> None:
    theirs = np.random.SeedSequence(seed, spawn_key=place).generate_state(2, np.uint64)
    assert key_of(seed, place) == tuple(map(int, theirs))


@given(st.integers(0, (1 << 256) - 1), st.tuples(*[st.integers(0, (1 << 64) - 1)] * 2))
@settings(deadline=None)
def test_any_block_of_the_generator_is_numpy_s(counter: int, key: tuple[int, int]) -> None:
    words = [counter >> shift & (1 << 64) - 1 for shift in (0, 64, 128, 192)]
    theirs = np.random.Philox(
        key=np.array(key, np.uint64), counter=np.array(words, np.uint64)
    ).random_raw(4)
    following = (counter + 1) % (1 << 256)  # NumPy counts before it draws
    assert philox(following, key) == tuple(map(int, theirs))


def test_the_stream_without_numpy_is_the_same() -> None:
    plain = stdlib_rng("bootstrap", 9)
    assert [plain.random() for _ in range(1000)] == rng("bootstrap", 9).random(1000).tolist()


def test_streams_of_other_tasks_and_seeds_are_others() -> None:
    tasks: list[int | str | tuple[int | str, ...]] = [0, 1, "0", "a", ("a", 0), ("a", 1), (0, 1)]
    firsts = {
        stdlib_rng(task, seed).raw() for task, seed in itertools.product(tasks, (0, 1, 2**80))
    }
    assert len(firsts) == 3 * len(tasks)


def test_the_plain_stream_is_a_random_of_the_standard_library() -> None:
    source = stdlib_rng(1, 1)
    assert sorted(source.sample(range(9), 9)) == list(range(9))
    assert 0 <= source.randrange(10**40) < 10**40
    assert source.getrandbits(0) == 0
    assert source.getrandbits(130) >> 130 == 0
    source.seed(99)
    source.gauss()
    again = pickle.loads(pickle.dumps(source))
    assert [again.gauss() for _ in range(5)] == [source.gauss() for _ in range(5)]


def test_numbers_that_were_drawn_once_stay() -> None:
    # golden: a record of a run from years ago must replay
    source = stdlib_rng(7, 42)
    assert [source.raw() for _ in range(3)] == [
        *(266905992530651102, 1353273517859198472, 1042932813978618952)
    ]


def test_the_root_seed_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WARDIAN_SEED", "0x2a")
    assert root_seed() == 42
    assert rng(1).random() == rng(1, 42).random()
    monkeypatch.delenv("WARDIAN_SEED")
    with pytest.raises(errors.UsageError, match="no root seed"):
        rng(1)
    for text in ("tomorrow", "-1", "1" * 90):
        monkeypatch.setenv("WARDIAN_SEED", text)
        with pytest.raises(errors.UsageError, match="whole number"):
            root_seed()


def test_what_is_no_task_is_refused() -> None:
    assert spawn_key(np.int64(3)) == (3,)  # type: ignore[arg-type]
    for wrong in (-1, True, 1.5, None, (), ("a", -2)):
        with pytest.raises(errors.UsageError, match="task"):
            rng(wrong, 1)  # type: ignore[arg-type]
