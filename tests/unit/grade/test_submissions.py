"""Reading what was handed in by somebody who means harm."""

import os
import socket
from pathlib import Path

import pytest

from tests.unit.grade.problems import problem
from wardian.errors import NotFoundError, UsageError
from wardian.grade import submissions


def fault(directory: Path, name: str, **changes: int) -> str:
    return submissions.read(str(directory), name, problem(directory, **changes)).fault


def test_files_and_directories_are_submissions(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("a")
    (tmp_path / "b" / "below").mkdir(parents=True)
    (tmp_path / "b" / "main.c").write_text("m")
    (tmp_path / "b" / "below" / "x.h").write_text("x")
    (tmp_path / "b" / ".git").mkdir()
    (tmp_path / ".hidden.py").write_text("")
    assert submissions.names_in(str(tmp_path)) == ["a.py", "b"]
    small = problem(tmp_path)
    assert submissions.read(str(tmp_path), "a.py", small).files == {"a.py": b"a"}
    found = submissions.read(str(tmp_path), "b", small).files
    assert found == {"main.c": b"m", "below/x.h": b"x"}


def test_one_file_may_be_graded_alone(tmp_path: Path) -> None:
    path = str(tmp_path / "a.py")
    Path(path).write_text("a")
    assert submissions.names_in(path) == ["a.py"]
    assert submissions.read(path, "a.py", problem(tmp_path)).files == {"a.py": b"a"}


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "a.py").symlink_to("/etc/shadow")
    assert fault(tmp_path, "a.py") == "is a symbolic link"
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "x").symlink_to("/")
    assert fault(tmp_path, "d") == '"x" is a symbolic link'


def test_nothing_that_blocks_is_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.py")
    assert fault(tmp_path, "fifo.py") == "is a FIFO"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s.py"))
        assert fault(tmp_path, "s.py") == "is a socket"


def test_what_is_too_large_is_not_read(tmp_path: Path) -> None:
    with (tmp_path / "a.py").open("wb") as file:
        file.truncate(1 << 40)
    assert fault(tmp_path, "a.py", submission_bytes=1000) == "larger than 1000 bytes"


def test_what_is_too_many_or_too_deep_is_not_read(tmp_path: Path) -> None:
    many = tmp_path / "many"
    many.mkdir()
    for number in range(5):
        (many / f"{number}.c").write_text("")
    assert fault(tmp_path, "many", submission_files=3) == "more than 3 files"
    (tmp_path / "deep" / "/".join("abcdefghij")).mkdir(parents=True)
    assert fault(tmp_path, "deep") == "directories deeper than 8"


def test_names_may_hold_anything(tmp_path: Path) -> None:
    names = [b"a\nb.py", b"\xff.py", b"\x1b[31m.py", "\u202e.py".encode()]
    for name in names:
        (tmp_path / os.fsdecode(name)).write_text("x")
    found = submissions.names_in(str(tmp_path))
    assert sorted(map(os.fsencode, found)) == sorted(names)
    for found_name in found:
        one = submissions.read(str(tmp_path), found_name, problem(tmp_path))
        assert (one.fault, one.files) == ("", {found_name: b"x"})


def test_an_empty_one_is_told(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert fault(tmp_path, "empty") == "no file in it"


def test_no_submissions_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is none"):
        submissions.names_in(str(tmp_path))
    with pytest.raises(NotFoundError, match="no such file"):
        submissions.names_in(str(tmp_path / "nowhere"))


def test_a_submission_that_vanishes_is_one_with_a_fault(tmp_path: Path) -> None:
    assert fault(tmp_path, "gone.py") == "no such file or directory"
