"""Kept layers: one user at a time, never half made, and refused over another base."""

import fcntl
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardian import errors
from wardian.engine import kept


@pytest.fixture
def root(tmp_path: Path) -> str:
    (tmp_path / "base/usr").mkdir(parents=True)
    (tmp_path / "wardian").mkdir()
    return f"{tmp_path}/wardian"


@pytest.fixture
def parts(tmp_path: Path) -> list[tuple[str, str]]:
    return [("/", f"{tmp_path}/base"), ("/usr", f"{tmp_path}/base/usr")]


Parts = list[tuple[str, str]]


def make(root: str, parts: Parts, name: str = "work") -> None:
    layer = kept.create(name, parts, root_dir=root)
    layer.mark_finished()
    layer.close()


def test_a_layer_has_directories_for_each_part(root: str, parts: Parts) -> None:
    os.chmod(parts[0][1], 0o751)
    layer = kept.create("work", parts, root_dir=root)
    assert layer.bindings() == {
        f"${word}{index}": f"{root}/kept/work/{word}{index}"
        for index in range(2)
        for word in ("upper", "work")
    }
    assert stat.S_IMODE(os.stat(f"{layer.path}/upper0").st_mode) == 0o751
    layer.mark_finished()
    layer.close()
    layer.close()
    (info,) = kept.layers(root_dir=root)
    assert (info.name, info.is_finished, info.pid) == ("work", True, 0)
    assert info.base == parts[0][1]
    assert info.parts == parts


def test_a_layer_goes_on(root: str, parts: Parts) -> None:
    make(root, parts)
    Path(f"{root}/kept/work/upper0/file").touch()
    layer = kept.open("work", parts, root_dir=root)
    assert os.path.exists(f"{layer.bindings()['$upper0']!s}/file")
    layer.close()
    assert not kept.inspect("work", root_dir=root).is_finished
    assert os.path.exists(f"{root}/kept/work/upper0/file")


def test_a_new_layer_whose_box_never_came_to_be_is_gone(root: str, parts: Parts) -> None:
    kept.create("work", parts, root_dir=root).close()
    assert os.listdir(f"{root}/kept") == []


def test_a_name_is_taken_once(root: str, parts: Parts) -> None:
    make(root, parts)
    with pytest.raises(errors.StatusError, match='"work" exists already') as caught:
        kept.create("work", parts, root_dir=root)
    assert "--from-kept work" in caught.value.hint
    assert os.listdir(f"{root}/kept") == ["work"]


def test_a_layer_has_one_user(root: str, parts: Parts) -> None:
    layer = kept.create("work", parts, root_dir=root)
    for use in (
        lambda: kept.open("work", parts, root_dir=root),
        lambda: kept.remove("work", root_dir=root),
    ):
        with pytest.raises(errors.StatusError, match=f"in use by process {os.getpid()}"):
            use()
    assert kept.inspect("work", root_dir=root).pid == os.getpid()
    layer.mark_finished()
    layer.close()
    kept.open("work", parts, root_dir=root).close()


def test_another_base_is_refused(root: str, parts: Parts, tmp_path: Path) -> None:
    make(root, parts)
    (tmp_path / "other").mkdir()
    with pytest.raises(errors.StatusError, match='over "/", "/usr"; the base has now "/"'):
        kept.open("work", parts[:1], root_dir=root)
    for wrong in ([("/", f"{tmp_path}/other"), parts[1]], []):
        with pytest.raises(errors.StatusError, match="was made over"):
            kept.open("work", wrong, root_dir=root)
    with pytest.raises(errors.StatusError, match='not over the base "host"'):
        kept.open("work", parts, "host", root_dir=root)
    kept.open("work", parts, root_dir=root).close()  # the lock was let go


def test_a_newer_skeleton_of_the_host_is_the_same_base(root: str) -> None:
    for number in (1, 2):
        os.makedirs(f"{root}/bases/host-{number}/root")
    make(root, [("/", f"{root}/bases/host-1/root")])
    assert kept.inspect("work", root_dir=root).base == "host"
    kept.open("work", [("/", f"{root}/bases/host-2/root")], root_dir=root).close()


@pytest.mark.parametrize(
    "name", ["", ".", "..", ".x", "-x", "a/b", "a b", "a\n", "é", "x" * 129, "a\0"]
)
def test_a_bad_name_is_refused(name: str, root: str, parts: Parts) -> None:
    for use in (
        lambda: kept.create(name, parts, root_dir=root),
        lambda: kept.open(name, parts, root_dir=root),
        lambda: kept.remove(name, root_dir=root),
        lambda: kept.diff(name, root_dir=root),
    ):
        with pytest.raises(errors.UsageError, match="is no name for a kept layer"):
            use()


def test_a_root_from_nothing_has_nothing_to_keep(root: str) -> None:
    with pytest.raises(errors.UsageError, match="from nothing"):
        kept.create("work", [], root_dir=root)


def test_a_missing_layer_is_named(root: str, parts: Parts) -> None:
    for use in (
        lambda: kept.open("none", parts, root_dir=root),
        lambda: kept.remove("none", root_dir=root),
        lambda: kept.inspect("none", root_dir=root),
    ):
        with pytest.raises(errors.NotFoundError, match='layer "none": no such layer'):
            use()


def test_a_removed_layer_is_gone(root: str, parts: Parts) -> None:
    make(root, parts)
    kept.remove("work", root_dir=root)
    assert os.listdir(f"{root}/kept") == []
    make(root, parts)


def test_a_layer_that_cannot_be_removed_is_left_to_the_sweep(root: str, parts: Parts) -> None:
    make(root, parts)

    def refuse(path: str) -> None:
        raise errors.KernelError(f'unlink("{path}")', 13)

    with pytest.raises(errors.KernelError):
        kept.remove("work", root_dir=root, remove_tree=refuse)
    assert kept.layers(root_dir=root) == []
    assert len(kept.sweep(root_dir=root, remove_tree=refuse)) == 1
    assert kept.sweep(root_dir=root) == []
    assert os.listdir(f"{root}/kept") == []


def test_a_sweep_of_nothing_makes_nothing(root: str) -> None:
    assert kept.sweep(root_dir=root) == []
    assert os.listdir(root) == []


def test_the_sweep_spares_what_is_being_made(root: str, parts: Parts) -> None:
    make(root, parts)
    for name in (".tmp-dead", ".tmp-alive"):
        os.makedirs(f"{root}/kept/{name}/upper0")
    fd = os.open(f"{root}/kept/.tmp-alive", os.O_RDONLY)
    fcntl.flock(fd, fcntl.LOCK_EX)
    kept.sweep(root_dir=root)
    assert sorted(os.listdir(f"{root}/kept")) == [".tmp-alive", "work"]
    os.close(fd)
    make(root, parts, "next")
    assert sorted(os.listdir(f"{root}/kept")) == ["next", "work"]


@pytest.mark.parametrize(
    "text", [b"", b"format 2\npart /\t/x\n", b"format 1\n", b"\xff", b"part \\x"]
)
def test_a_broken_meta_file_is_told(root: str, parts: Parts, text: bytes) -> None:
    make(root, parts)
    Path(f"{root}/kept/work/meta").write_bytes(text)
    with pytest.raises(errors.SpecError, match='layer "work": its meta file'):
        kept.open("work", parts, root_dir=root)
    assert kept.layers(root_dir=root) == []


@given(st.text(st.characters(exclude_characters="\0"), max_size=20))
def test_any_path_comes_back_from_the_meta_file(text: str) -> None:
    escaped = kept._escape(text)
    assert not set(escaped) & set("\n\t\r")
    assert kept._unescape(escaped) == text


def test_a_diff_goes_over_all_parts(root: str, parts: Parts) -> None:
    make(root, parts)
    layer = f"{root}/kept/work"
    Path(f"{layer}/upper0/new").touch()
    Path(f"{layer}/upper1/bin").mkdir()
    Path(f"{layer}/upper1/bin/tool").touch()
    found = [str(change) for change in kept.diff("work", root_dir=root)]
    assert found == ["A /new", "C /usr", "A /usr/bin", "A /usr/bin/tool"]


def test_a_diff_without_its_base_says_so(root: str, parts: Parts, tmp_path: Path) -> None:
    make(root, parts)
    (tmp_path / "base").rename(tmp_path / "gone")
    with pytest.raises(errors.NotFoundError, match="is gone"):
        kept.diff("work", root_dir=root)
