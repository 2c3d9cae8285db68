"""What the lock binds."""

from pathlib import Path

import pytest

from wardian.build import lock
from wardian.build.lock import Lock
from wardian.errors import SpecError, StatusError


def test_a_lock_is_written_read_and_held_against(tmp_path: Path) -> None:
    path = str(tmp_path / "wardian.lock")
    first = lock.load(path, update=False)
    assert not first.is_strict
    first.image("x linux/amd64", "sha256:1")
    first.downloads["GET http://u"] = {"status": 200, "sha256": "2", "size": 1}
    first.downloads["GET http://unused"] = {"status": 200, "sha256": "3", "size": 1}
    first.use("GET http://u")
    first.save()
    again = lock.load(path, update=False)
    assert (again.is_strict, list(again.downloads)) == (True, ["GET http://u"])
    again.image("x linux/amd64", "sha256:1")
    with pytest.raises(StatusError, match="the lock has sha256:1"):
        again.image("x linux/amd64", "sha256:other")
    with pytest.raises(StatusError, match="the lock has none"):
        again.image("y linux/amd64", "sha256:1")
    assert not lock.load(path, update=True).is_strict


def test_an_open_lock_binds_and_takes_what_it_has_not(tmp_path: Path) -> None:
    path = str(tmp_path / "wardian.lock")
    first = lock.load(path, update=False)
    first.image("x linux/amd64", "sha256:1")
    first.repository("https://h/a.git#HEAD", "1" * 40)
    first.save()
    strict, taken = (lock.load(path, update=False, is_open=one) for one in (False, True))
    assert (strict.refuses(None), taken.refuses(None)) == (True, False)
    assert taken.repositories == {"https://h/a.git#HEAD": {"commit": "1" * 40}}
    taken.image("y linux/amd64", "sha256:2")
    with pytest.raises(StatusError, match="the lock has sha256:1"):
        taken.image("x linux/amd64", "sha256:2")
    before = (tmp_path / "wardian.lock").read_text()
    taken.save()
    assert (tmp_path / "wardian.lock").read_text() == before


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 9, "images": {}, "downloads": {}}'])
def test_what_is_no_lock_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "l").write_text(text)
    with pytest.raises(SpecError):
        lock.load(str(tmp_path / "l"), update=False)


def test_a_lock_of_nothing_is_not_written(tmp_path: Path) -> None:
    Lock(str(tmp_path / "l")).save()
    assert not (tmp_path / "l").exists()
