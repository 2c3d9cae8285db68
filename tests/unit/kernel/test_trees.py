"""Trees are removed and digested whatever their shape."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from wardian import errors
from wardian.kernel import trees


def make_deep(path: Path, depth: int = 60) -> None:
    """Make a chain of directories that no path can name."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    for _ in range(depth):
        os.mkdir("d" * 100, dir_fd=fd)
        below = os.open("d" * 100, os.O_RDONLY | os.O_DIRECTORY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=fd))
    os.close(fd)


def test_a_tree_deeper_than_any_path_is_removed(tmp_path: Path) -> None:
    top = tmp_path / "top"
    top.mkdir()
    make_deep(top)
    trees.remove(str(top))
    assert not top.exists()


def test_links_are_removed_and_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("stays")
    top = tmp_path / "top"
    (top / "a/b").mkdir(parents=True)
    (top / "a/link").symlink_to(outside)
    (top / "a/b/up").symlink_to("../../..")
    trees.remove(str(top))
    assert (outside / "file").read_text() == "stays"
    (tmp_path / "link").symlink_to(outside)
    trees.remove(str(tmp_path / "link"))
    assert os.listdir(tmp_path) == ["outside"]
    assert (outside / "file").exists()


def test_closed_directories_are_opened_up(tmp_path: Path) -> None:
    top = tmp_path / "top"
    (top / "a/b/c").mkdir(parents=True)
    (top / "a/b/c/file").touch()
    for path in ("a/b/c", "a/b", "a", ""):
        (top / path).chmod(0)
    trees.remove(str(top))
    assert not top.exists()


def test_files_of_all_types_go(tmp_path: Path) -> None:
    top = tmp_path / "top"
    top.mkdir()
    os.mkfifo(top / "pipe")
    (top / "empty").mkdir()
    (top / "dangling").symlink_to("nowhere")
    (top / b"\xff\n".decode("utf-8", "surrogateescape")).touch()
    trees.remove(str(top))
    trees.remove(str(top))  # what is not there is no error
    single = tmp_path / "single"
    single.touch()
    trees.remove(str(single) + "/")
    assert os.listdir(tmp_path) == []


def test_an_error_says_what_could_not_be_removed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "top/a").mkdir(parents=True)
    (tmp_path / "top/a/b").touch()

    def refuse(name: str, *, dir_fd: int | None = None) -> None:
        raise PermissionError(1, "no")

    monkeypatch.setattr(os, "unlink", refuse)
    with pytest.raises(errors.KernelError, match=r'unlink\("b"\) below ".*top"') as caught:
        trees.remove(str(tmp_path / "top"))
    assert "sub-id" in caught.value.hint


def test_no_descriptor_is_left(tmp_path: Path) -> None:
    before = os.listdir("/proc/self/fd")
    (tmp_path / "a/b/c").mkdir(parents=True)
    trees.digest(str(tmp_path))
    trees.remove(str(tmp_path / "a"))
    assert os.listdir("/proc/self/fd") == before


# ---- digest -------------------------------------------------------------------------------


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    top = tmp_path / "tree"
    (top / "a/b").mkdir(parents=True)
    (top / "a/file").write_bytes(b"content")
    (top / "a/link").symlink_to("file")
    os.link(top / "a/file", top / "z")
    os.mkfifo(top / "pipe")
    os.utime(top / "a/file", ns=(1, 2))
    return top


def test_a_digest_is_repeatable(tree: Path) -> None:
    first = trees.digest(str(tree))
    assert len(first) == 64
    assert trees.digest(str(tree)) == first
    assert trees.digest(str(tree), times=True) != first


def change_content(tree: Path) -> None:
    (tree / "a/file").write_bytes(b"Content")


def change_mode(tree: Path) -> None:
    (tree / "a").chmod(0o700)


def change_link(tree: Path) -> None:
    (tree / "a/link").unlink()
    (tree / "a/link").symlink_to("fild")


def change_name(tree: Path) -> None:
    (tree / "a/b").rename(tree / "a/c")


def change_level(tree: Path) -> None:
    (tree / "a/b").rename(tree / "b")


def change_hard_link(tree: Path) -> None:
    (tree / "z").unlink()
    (tree / "z").write_bytes(b"content")


def change_type(tree: Path) -> None:
    (tree / "pipe").unlink()
    (tree / "pipe").touch()
    (tree / "pipe").chmod(stat.S_IMODE((tree / "z").stat().st_mode))


def change_attribute(tree: Path) -> None:
    os.setxattr(tree / "a", "user.x", b"1")


def remove_one(tree: Path) -> None:
    (tree / "a/b").rmdir()


@pytest.mark.parametrize(
    "change",
    [
        change_content,
        change_mode,
        change_link,
        change_name,
        change_level,
        change_hard_link,
        change_type,
        change_attribute,
        remove_one,
    ],
)
def test_each_change_shows_in_the_digest(tree: Path, change: Callable[[Path], None]) -> None:
    before = trees.digest(str(tree))
    change(tree)
    assert trees.digest(str(tree)) != before


def test_times_count_only_when_asked(tree: Path) -> None:
    plain, timed = trees.digest(str(tree)), trees.digest(str(tree), times=True)
    os.utime(tree / "a/file", ns=(1, 3))
    assert trees.digest(str(tree)) == plain
    assert trees.digest(str(tree), times=True) != timed


def test_the_digest_does_not_depend_on_the_place_or_the_order(tmp_path: Path) -> None:
    for name, order in (("one", "abc"), ("two", "cba")):
        (tmp_path / name).mkdir()
        for letter in order:
            (tmp_path / name / letter).write_text(letter)
    assert trees.digest(str(tmp_path / "one")) == trees.digest(str(tmp_path / "two"))


def test_a_deep_tree_has_a_digest(tmp_path: Path) -> None:
    make_deep(tmp_path)
    assert trees.digest(str(tmp_path)) == trees.digest(str(tmp_path))
    trees.remove(str(tmp_path / ("d" * 100)))
