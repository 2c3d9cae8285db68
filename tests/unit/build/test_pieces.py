"""Modes of --chmod: octal and symbolic."""

import os
import subprocess
from pathlib import Path

import pytest

from wardian.build.pieces import changed_mode, is_mode


@pytest.mark.parametrize(
    ("text", "file", "program", "directory"),
    [
        ("755", 0o755, 0o755, 0o755),
        ("0640", 0o640, 0o640, 0o640),
        ("u+x", 0o744, 0o755, 0o755),
        ("go=rX", 0o644, 0o755, 0o755),
        ("u=rwX,go=", 0o600, 0o700, 0o700),
        ("+x", 0o755, 0o755, 0o755),
        ("a-x,u+w", 0o644, 0o644, 0o644),
        ("g=u", 0o664, 0o775, 0o775),
        ("u+s,g+s,+t", 0o7644, 0o7755, 0o7755),
        ("o-r+w", 0o642, 0o753, 0o753),
        ("g=u-w", 0o644, 0o755, 0o755),
        ("=", 0, 0, 0),
    ],
)
def test_a_mode_counts_for_files_programs_and_directories(
    text: str, file: int, program: int, directory: int
) -> None:
    assert is_mode(text)
    found = [changed_mode(mode, text, is_directory=False) for mode in (0o644, 0o755)]
    assert [*found, changed_mode(0o755, text, is_directory=True)] == [file, program, directory]


def test_execute_bits_are_those_of_the_beginning() -> None:
    assert changed_mode(0o755, "=rw,+X", is_directory=False) == 0o777  # as in FreeBSD's chmod


@pytest.mark.parametrize("text", ["u+rw,go-x", "ug=o", "a=r,u+w", "u=rwx,g=rx,o=", "go+X", "u-r=w"])
def test_chmod_says_the_same(text: str, tmp_path: Path) -> None:
    for mode in (0o000, 0o421, 0o644, 0o755):
        path = tmp_path / "file"
        path.touch()
        path.chmod(mode)
        subprocess.run(["chmod", text, path], check=True, umask=0)
        there = os.stat(path).st_mode & 0o7777
        assert oct(changed_mode(mode, text, is_directory=False)) == oct(there), oct(mode)


@pytest.mark.parametrize("text", ["", "999", "u+q", "x", "u", "u+x,", "rwx", "+x go", "0000755"])
def test_what_is_no_mode(text: str) -> None:
    assert not is_mode(text)
