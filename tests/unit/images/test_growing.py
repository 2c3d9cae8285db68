"""A file that is read while it grows."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from wardian.errors import SpecError
from wardian.images.growing import GrowingFile, Growth


@pytest.fixture
def fd(tmp_path: Path) -> Iterator[int]:
    opened = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    yield opened
    os.close(opened)


def test_a_reader_gets_all_and_the_end_only_when_it_is_verified(fd: int) -> None:
    growth = Growth()
    reader = GrowingFile(fd, growth)
    got: list[bytes] = []
    thread = threading.Thread(target=lambda: got.append(reader.read()))
    thread.start()
    for number in range(100):
        os.write(fd, b"%04d" % number)
        growth.grown(4 * (number + 1))
    assert not got
    growth.complete()
    thread.join()
    assert got == [b"".join(b"%04d" % number for number in range(100))]


def test_a_failure_reaches_the_reader(fd: int) -> None:
    growth = Growth()
    os.write(fd, b"abc")
    growth.grown(3)
    reader = GrowingFile(fd, growth)
    assert reader.read(10) == b"abc"
    growth.fail(SpecError("another digest"))
    with pytest.raises(SpecError, match="another digest"):
        reader.read(10)


def test_readinto_fills_as_far_as_bytes_are_there(fd: int) -> None:
    os.write(fd, b"abcdef")
    growth = Growth(6)
    growth.complete()
    reader = GrowingFile(fd, growth)
    buffer = bytearray(4)
    assert reader.readinto(buffer) == 4
    assert buffer == b"abcd"
    assert reader.readinto(buffer) == 2
    assert reader.readinto(buffer) == 0
