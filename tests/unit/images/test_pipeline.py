"""Stages in threads: everything comes through, in order, errors too, and no thread stays."""

import hashlib
import threading
from collections.abc import Iterator

import pytest

from wardian import errors
from wardian.images.pipeline import Hasher, ReadAhead


def numbers(count: int, fails: bool = False) -> Iterator[bytes]:
    for number in range(count):
        yield b"%d," % number
    if fails:
        raise errors.SpecError("broken")


def test_pieces_come_in_their_order() -> None:
    with ReadAhead(numbers(1000)) as ahead:
        assert b"".join(ahead) == b"".join(numbers(1000))


def test_an_error_comes_after_what_came_before_it() -> None:
    found: list[bytes] = []
    with ReadAhead(numbers(20, True)) as ahead, pytest.raises(errors.SpecError, match="broken"):
        found.extend(ahead)
    assert found == list(numbers(20))


def test_leaving_early_ends_the_thread() -> None:
    before = threading.active_count()
    with ReadAhead(numbers(1_000_000)) as ahead:
        assert next(iter(ahead)) == b"0,"
    assert threading.active_count() == before


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_the_digest_is_that_of_everything(algorithm: str) -> None:
    data = b"".join(numbers(100))
    diff_id = f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"
    hasher = Hasher(diff_id)
    assert b"".join(hasher.watch(numbers(100))) == data
    hasher.check(diff_id)
    assert hasher.size_bytes == len(data)


def test_another_digest_is_refused() -> None:
    wrong = "sha256:" + "0" * 64
    hasher = Hasher(wrong)
    list(hasher.watch(numbers(3)))
    with pytest.raises(errors.SpecError, match="as the image says"):
        hasher.check(wrong)
