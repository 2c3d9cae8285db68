"""Where things are kept, and who may not have touched it."""

import os
import stat
from pathlib import Path

import pytest

from wardian import errors
from wardian.engine import directories


def test_the_environment_names_both_places(tmp_path: Path) -> None:
    env = {"WARDIAN_ROOT": f"{tmp_path}/a/root/", "WARDIAN_STATE": f"{tmp_path}/state"}
    assert directories.root(env) == f"{tmp_path}/a/root"
    assert directories.state(env) == f"{tmp_path}/state"
    assert directories.cache(env) == directories.cache(env) == f"{tmp_path}/a/root/cache"
    for name in ("a/root", "state", "a/root/cache"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o700


@pytest.fixture
def user(monkeypatch: pytest.MonkeyPatch) -> int:
    """Make the functions take us for an ordinary user, whose files those made here are."""
    uid = 4242
    real = os.lstat

    def lstat(path: str) -> os.stat_result:
        fields = list(real(path))
        fields[4] = uid if fields[4] == os.getuid() else fields[4]
        return os.stat_result(fields)

    monkeypatch.setattr(os, "geteuid", lambda: uid)
    monkeypatch.setattr(os, "lstat", lstat)
    return uid


def test_a_user_has_them_in_the_xdg_directories(tmp_path: Path, user: int) -> None:
    env = {"HOME": f"{tmp_path}/home", "XDG_RUNTIME_DIR": f"{tmp_path}/run"}
    assert directories.root(env) == f"{tmp_path}/home/.local/share/wardian"
    assert directories.state(env) == f"{tmp_path}/run/wardian"
    env["XDG_DATA_HOME"] = f"{tmp_path}/data"
    assert directories.root(env) == f"{tmp_path}/data/wardian"
    env["XDG_DATA_HOME"] = "relative"
    assert directories.root(env) == f"{tmp_path}/home/.local/share/wardian"


@pytest.mark.parametrize("home", [{}, {"HOME": ""}, {"HOME": "relative"}])
def test_without_a_home_the_remedy_is_told(home: dict[str, str], user: int) -> None:
    with pytest.raises(errors.HostError, match="HOME is not set") as caught:
        directories.root(home)
    assert "WARDIAN_ROOT" in caught.value.hint


def test_without_a_session_the_state_is_in_tmp(user: int) -> None:
    try:
        assert directories.state({}) == f"/tmp/wardian-{user}"
    finally:
        os.rmdir(f"/tmp/wardian-{user}")


def test_a_relative_path_is_refused() -> None:
    with pytest.raises(errors.UsageError, match='WARDIAN_ROOT="here" is not an absolute path'):
        directories.root({"WARDIAN_ROOT": "here"})


def test_a_place_that_others_can_write_to_is_refused(tmp_path: Path) -> None:
    tmp_path.chmod(0o770)
    with pytest.raises(errors.HostError, match=r"written to by others \(mode 0770\)") as caught:
        directories.root({"WARDIAN_ROOT": str(tmp_path)})
    assert caught.value.hint == f"chmod go-w {tmp_path}"


def test_a_place_of_somebody_else_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4242)
    with pytest.raises(errors.HostError, match=r"belongs to uid \d+, not to you \(uid 4242\)"):
        directories.root({"WARDIAN_ROOT": str(tmp_path)})


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    with pytest.raises(errors.HostError, match="is not a directory"):
        directories.state({"WARDIAN_STATE": f"{tmp_path}/link"})


def test_a_place_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(errors.KernelError, match="file/below") as caught:
        directories.root({"WARDIAN_ROOT": f"{tmp_path}/file/below"})
    assert "WARDIAN_ROOT" in caught.value.hint
