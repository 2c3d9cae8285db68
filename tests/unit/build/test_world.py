"""The world of a step, and the time of a build."""

from pathlib import Path

import pytest

from wardian.build import world
from wardian.build.world import World
from wardian.errors import UsageError


def test_a_world_is_changed_and_a_variable_taken_away() -> None:
    found = World().changed(umask=0o077, env={"TZ": "Asia/Tokyo", "LC_ALL": None})
    assert (found.umask, found.env["TZ"], "LC_ALL" in found.env) == (0o077, "Asia/Tokyo", False)
    assert found.key != World().key
    assert World().env["LC_ALL"] == "C.UTF-8"


def test_the_time_of_a_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    assert world.epoch(None, str(tmp_path)) == world.EPOCH_S
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "12")
    assert world.epoch(None, str(tmp_path)) == 12
    assert world.epoch("7", str(tmp_path)) == 7
    with pytest.raises(UsageError):
        world.epoch("yesterday", str(tmp_path))
