"""Files in and out of a directory that a hostile program had."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from wardian.errors import NotFoundError, UsageError
from wardian.sandbox import workdir


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[int]:
    fd = os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    yield fd
    os.close(fd)


@pytest.mark.parametrize(
    "name", ["", "/etc/passwd", "../x", "a/../b", "a//b", "./x", "a\0b", "x" * 5000]
)
def test_names_that_lead_elsewhere_are_refused(name: str) -> None:
    with pytest.raises(UsageError):
        workdir.check_name(name)


def test_files_are_put_with_their_directories(directory: int, tmp_path: Path) -> None:
    source = tmp_path.parent / "source"
    source.write_bytes(b"from a path")
    workdir.put(directory, {"a/b/c": b"\x7fELF", "d": source}, None)
    assert (tmp_path / "a/b/c").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "d").stat().st_mode & 0o777 == 0o644
    assert (tmp_path / "d").read_bytes() == b"from a path"


def test_a_source_must_be_a_regular_file(directory: int, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        workdir.put(directory, {"x": tmp_path / "nosuch"}, None)
    with pytest.raises(UsageError):
        workdir.put(directory, {"y": "/dev/null"}, None)


def test_only_regular_files_come_out(directory: int, tmp_path: Path) -> None:
    (tmp_path / "good").write_bytes(b"content")
    (tmp_path / "link").symlink_to("good")
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "dir").mkdir()
    (tmp_path / "way").symlink_to("dir")
    (tmp_path / "dir" / "in").write_bytes(b"deep")
    os.truncate(os.open(tmp_path / "sparse", os.O_WRONLY | os.O_CREAT), 1 << 30)
    names = ["good", "link", "fifo", "dir", "way/in", "dir/in", "sparse", "none", "../x"]
    found, faults = workdir.take(directory, names, 1 << 20, 1 << 30)
    assert found == {"good": b"content", "dir/in": b"deep"}
    assert set(faults) == set(names) - set(found)
    assert "larger than" in faults["sparse"]


def test_many_names_of_one_file_are_no_more_than_the_disk(directory: int, tmp_path: Path) -> None:
    (tmp_path / "0").write_bytes(b"0123456789")
    for number in range(1, 9):
        (tmp_path / str(number)).hardlink_to(tmp_path / "0")
    found, faults = workdir.take(directory, map(str, range(9)), 10, 35)
    assert list(found) == ["0", "1", "2"]
    assert set(faults) == {"3", "4", "5", "6", "7", "8"}


def test_the_largest_file_is_found_without_following_links(directory: int, tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "large").write_bytes(bytes(1000))
    (tmp_path / "out").symlink_to("/usr")
    assert workdir.largest_file(directory, 100) == 1000
    assert workdir.largest_file(directory, 1) in (0, 1000)
