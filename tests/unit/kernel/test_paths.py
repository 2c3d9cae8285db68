"""Paths are resolved inside their root, read with a bound, and written in one moment."""

import errno
import fcntl
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wardian import errors
from wardian.kernel import paths


@pytest.fixture
def root(tmp_path: Path) -> Path:
    directory = tmp_path / "root"
    (directory / "etc").mkdir(parents=True)
    (directory / "etc/passwd").write_bytes(b"inside\n")
    (tmp_path / "secret").write_bytes(b"outside\n")
    return directory


def read(root: Path, path: str, limit: int = 1000) -> bytes | None:
    return paths.read_in_root(str(root), path, limit)


@pytest.mark.parametrize(
    "path",
    ["etc/passwd", "/etc/passwd", "//etc//./passwd", "/../../etc/passwd", "etc/../etc/passwd"],
)
def test_a_path_is_taken_from_the_root(root: Path, path: str) -> None:
    assert read(root, path) == b"inside\n"


@pytest.mark.parametrize(
    "target", ["/etc/passwd", "../etc/passwd", "../../../../../etc/passwd", "/../etc/./passwd"]
)
def test_a_link_stays_inside(root: Path, target: str) -> None:
    (root / "opt").mkdir()
    (root / "opt/link").symlink_to(target)
    assert read(root, "/opt/link") == b"inside\n"


def test_a_link_out_of_the_root_finds_nothing(root: Path) -> None:
    for number, target in enumerate(("../secret", "../../secret", str(root.parent / "secret"))):
        (root / f"link{number}").symlink_to(target)
        assert read(root, f"link{number}") is None


def test_a_linked_directory_is_walked_inside(root: Path) -> None:
    (root / "a").symlink_to("/")
    (root / "b").symlink_to("a/a/../../..")
    assert read(root, "b/a/etc/passwd") == b"inside\n"


def test_links_without_end_are_refused(root: Path) -> None:
    (root / "loop").symlink_to("loop")
    (root / "x").symlink_to("y/z")
    (root / "y").symlink_to("x")
    for path in ("loop", "x", "loop/etc"):
        with pytest.raises(errors.KernelError) as caught:
            read(root, path)
        assert caught.value.errno == errno.ELOOP


def test_what_is_not_there_is_none(root: Path) -> None:
    assert read(root, "etc/shadow") is None
    assert read(root, "etc/passwd/x") is None
    assert read(root, "etc/passwd/") is None


def test_only_regular_files_are_read(root: Path) -> None:
    os.mkfifo(root / "pipe")
    for path in ("pipe", "etc", "/"):
        with pytest.raises(errors.SpecError, match="not a regular file"):
            read(root, path)


def test_a_file_over_the_limit_is_refused(root: Path) -> None:
    assert read(root, "etc/passwd", 7) == b"inside\n"
    with pytest.raises(errors.SpecError, match="larger than 6 bytes"):
        read(root, "etc/passwd", 6)


def test_a_missing_root_is_named(tmp_path: Path) -> None:
    with pytest.raises(errors.KernelError, match="nowhere"):
        read(tmp_path / "nowhere", "etc/passwd")


def test_a_file_can_be_made_behind_a_link_but_inside(root: Path) -> None:
    (root / "new").symlink_to("/etc/made")
    fd = os.open(root, os.O_PATH)
    try:
        os.close(paths.open_in_root(fd, "new", os.O_WRONLY | os.O_CREAT, 0o640))
        with pytest.raises(errors.KernelError) as caught:
            paths.open_in_root(fd, "new", os.O_WRONLY | os.O_CREAT | os.O_EXCL)
        assert caught.value.errno == errno.EEXIST
        with pytest.raises(errors.KernelError) as caught:
            paths.open_in_root(fd, "new", os.O_RDONLY | os.O_NOFOLLOW)
        assert caught.value.errno == errno.ELOOP
        with pytest.raises(errors.KernelError) as caught:
            paths.open_in_root(fd, "etc\0", os.O_RDONLY)
        assert caught.value.errno == errno.EINVAL
    finally:
        os.close(fd)
    assert (root / "etc/made").exists()


def test_no_descriptor_is_left(root: Path) -> None:
    (root / "a").symlink_to("etc/../etc/./passwd")
    before = os.listdir("/proc/self/fd")
    for path in ("a", "a/b", "etc", "missing", "etc/missing/x", "..", ""):
        try:
            read(root, path)
        except errors.WardianError:
            pass
    assert os.listdir("/proc/self/fd") == before


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("ab./\0\n\\é"), max_size=40))
def test_any_path_gives_a_result_or_one_of_our_errors(
    tmp_path_factory: pytest.TempPathFactory, path: str
) -> None:
    root = tmp_path_factory.getbasetemp() / "any"
    (root / "a").mkdir(parents=True, exist_ok=True)
    try:
        assert paths.read_in_root(str(root), path, 10) is None
    except (errors.SpecError, errors.KernelError):
        pass


def test_a_file_is_replaced_in_one_moment(tmp_path: Path) -> None:
    path = tmp_path / "file"
    old = os.umask(0o077)
    try:
        paths.write_atomic(str(path), b"one", 0o644)
        paths.write_atomic(str(path), b"two", 0o604, durable=True)
    finally:
        os.umask(old)
    assert path.read_bytes() == b"two"
    assert stat.S_IMODE(path.stat().st_mode) == 0o604
    assert os.listdir(tmp_path) == ["file"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/x").touch()
    with pytest.raises(errors.KernelError, match="write"):
        paths.write_atomic(str(tmp_path / "full"), b"data")  # rename onto a directory
    assert os.listdir(tmp_path) == ["full"]
    with pytest.raises(errors.KernelError, match="missing"):
        paths.write_atomic(str(tmp_path / "missing/file"), b"data")


def test_a_new_directory_is_locked_and_its_holder_known(tmp_path: Path) -> None:
    path, fd = paths.make_locked(str(tmp_path), ".tmp-")
    other = os.open(path, os.O_RDONLY)
    try:
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o700
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_SH | fcntl.LOCK_NB)
        assert paths.lock_holder(other) == os.getpid()
        fcntl.flock(fd, fcntl.LOCK_UN)
        assert paths.lock_holder(other) == 0
    finally:
        os.close(other)
        os.close(fd)


def test_a_directory_that_was_swept_before_its_lock_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = fcntl.flock
    made: list[str] = []

    def flock(fd: int, operation: int) -> None:
        real(fd, operation)
        made.append(os.readlink(f"/proc/self/fd/{fd}"))
        if len(made) == 1:
            os.rmdir(made[0])

    monkeypatch.setattr(fcntl, "flock", flock)
    path, fd = paths.make_locked(str(tmp_path), "x")
    os.close(fd)
    assert [path] == made[1:]
    assert os.listdir(tmp_path) == [os.path.basename(path)]
