"""Docker's words for mounts."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardian.engine import mount_words
from wardian.errors import KernelError, NotFoundError, UnsupportedError, UsageError


def test_a_volume_is_a_bind_mount() -> None:
    found = mount_words.volume("/data:/srv/data")
    assert (found.type, found.source, found.target) == ("bind", "/data", "/srv/data")
    assert (found.read_only, found.recursive, found.propagation) == (False, True, "")
    found = mount_words.volume("/data/../x:/srv//data/./y/:ro,z,rslave")
    assert (found.source, found.target) == ("/x", "/srv/data/y")
    assert (found.read_only, found.propagation) == (True, "rslave")


def test_a_relative_volume_is_of_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert mount_words.volume("./x:/x").source == f"{tmp_path}/x"
    assert mount_words.volume(".:/x").source == str(tmp_path)


def test_a_volume_s_directory_is_made_only_when_it_is_time(tmp_path: Path) -> None:
    found = mount_words.volume(f"{tmp_path}/a/b:/x")
    assert list(tmp_path.iterdir()) == []
    mount_words.make_sources([found, mount_words.tmpfs("/y")])
    assert (tmp_path / "a" / "b").is_dir()
    mount_words.make_sources([found])
    (tmp_path / "file").touch()
    mount_words.make_sources([mount_words.volume(f"{tmp_path}/file:/x")])
    with pytest.raises(KernelError, match="mkdir"):
        mount_words.make_sources([mount_words.volume(f"{tmp_path}/file/below:/x")])


def test_a_mount_is_spelled_out(tmp_path: Path) -> None:
    found = mount_words.mount(f"type=bind,source={tmp_path},target=/x")
    assert (found.source, found.read_only, found.recursive) == (str(tmp_path), False, True)
    text = f"type=bind,src={tmp_path},dst=/x,ro,bind-recursive=disabled,bind-propagation=rprivate"
    found = mount_words.mount(text)
    assert (found.read_only, found.recursive, found.propagation) == (True, False, "rprivate")
    found = mount_words.mount("type=tmpfs,destination=/x,tmpfs-size=1m,tmpfs-mode=1770")
    assert (found.type, found.size_bytes, found.mode) == ("tmpfs", 1 << 20, 0o1770)
    assert found.options == ["noexec", "nosuid", "nodev"]
    assert not mount_words.mount("type=tmpfs,dst=/x,readonly=false").read_only


def test_a_tmpfs_has_docker_s_defaults() -> None:
    assert mount_words.tmpfs("/run").options == ["noexec", "nosuid", "nodev"]
    found = mount_words.tmpfs("/run:rw,size=64m,mode=1777,exec")
    assert (found.size_bytes, found.mode) == (64 << 20, 0o1777)
    assert found.options == ["nosuid", "nodev"]
    found = mount_words.tmpfs("/run:ro,size=50%,noatime,uid=5,suid,noexec")
    assert found.read_only
    assert found.options == ["size=50%", "noatime", "uid=5", "noexec", "nodev"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("/data", "not SOURCE:TARGET"),
        (":/x", "not SOURCE:TARGET"),
        ("/a:/b:ro:z", "not SOURCE:TARGET"),
        ("/a:b", "absolute path"),
        ("/a:", "absolute path"),
        ("/a:/", 'can\'t be "/"'),
        ("/a:/proc", 'can\'t be "/proc"'),
        ("/a://proc/.", 'can\'t be "/proc"'),
        ("/a:/b:bogus", 'unknown option "bogus"'),
        ("/a:/b:", 'unknown option ""'),
    ],
)
def test_a_wrong_volume_is_told(text: str, words: str) -> None:
    with pytest.raises(UsageError) as found:
        mount_words.volume(text)
    assert f'volume "{text}"' in str(found.value)
    assert words in str(found.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("type=bind,source=/", "absolute path"),
        ("type=bind,target=/x", "source must be an absolute path"),
        ("type=bind,source=x,target=/x", "source must be an absolute path"),
        ("type=bind,source=/,target=/x,foo=1", 'unknown key "foo"'),
        ("type=bind,source=/,target=/x,tmpfs-size=1", 'unknown key "tmpfs-size"'),
        ("type=bind,source=/,target=/x,dst=/y", '"target" is there twice'),
        ("type=bind,source=/,target=/x,ro=maybe", "neither true nor false"),
        ("type=bind,source=/,target=/x,bind-recursive=1", "bind-recursive"),
        ("type=bind,source=/,target=/x,bind-propagation=x", 'unknown propagation "x"'),
        ("type=tmpfs,target=/x,source=/", 'unknown key "source"'),
        ("type=tmpfs,target=/x,tmpfs-mode=9", "not octal"),
        ("type=tmpfs,target=/x,tmpfs-size=x", "not a size"),
    ],
)
def test_a_wrong_mount_is_told(text: str, words: str) -> None:
    with pytest.raises(UsageError) as found:
        mount_words.mount(text)
    assert words in str(found.value)


@pytest.mark.parametrize("text", ["run", "/run:bogus", "/run:size=", "/run:mode=x", "/run:,", "/:"])
def test_a_wrong_tmpfs_is_told(text: str) -> None:
    with pytest.raises(UsageError):
        mount_words.tmpfs(text)


def test_what_is_not_there_or_not_there_yet_is_told() -> None:
    with pytest.raises(NotFoundError, match='"/nowhere" is not there'):
        mount_words.mount("type=bind,source=/nowhere,target=/x")
    with pytest.raises(UnsupportedError, match='"data" is a name'):
        mount_words.volume("data:/x")
    with pytest.raises(UnsupportedError, match='type "volume"'):
        mount_words.mount("source=data,target=/x")
    for text in ("/a:/b:rshared", "/a:/b:shared"):
        with pytest.raises(UnsupportedError, match="can't show on the host"):
            mount_words.volume(text)
    with pytest.raises(UnsupportedError, match="device files"):
        mount_words.tmpfs("/x:dev")


def test_a_mount_s_source_may_begin_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").mkdir()
    monkeypatch.chdir(tmp_path)
    assert mount_words.mount("type=bind,src=./data,dst=/x").source == str(tmp_path / "data")
    assert mount_words.mount("type=bind,src=.,dst=/x").source == str(tmp_path)


def test_two_mounts_can_t_have_one_place() -> None:
    with pytest.raises(UsageError, match='"/x"'):
        mount_words.mounts(["/a:/x"], [], ["/x/"])
    assert [one.target for one in mount_words.mounts(["/a:/x"], [], ["/y"])] == ["/x", "/y"]


PIECES = st.sampled_from(["/a", "/b/..", ":", ",", "ro", "type=", "bind", "tmpfs", "=", "dst=", ""])


@given(st.lists(PIECES, max_size=8).map("".join))
def test_any_words_give_a_mount_or_one_of_our_errors(text: str) -> None:
    for read in (mount_words.volume, mount_words.mount, mount_words.tmpfs):
        try:
            found = read(text)
        except (UsageError, NotFoundError, UnsupportedError):
            continue
        assert found.target.startswith("/")
        assert found.target not in ("/", "/proc")
        assert ".." not in found.target.split("/")
