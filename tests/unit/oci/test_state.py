"""What is remembered of a container."""

import os
from pathlib import Path

import pytest

from wardian.errors import NotFoundError, StatusError, UsageError
from wardian.kernel import procfs
from wardian.oci import state


def test_an_id_is_claimed_once(tmp_path: Path) -> None:
    with state.claim(str(tmp_path), "a"), pytest.raises(StatusError, match="already exists"):
        state.claim(str(tmp_path), "a")


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "a b", "ä", "x" * 2000, "a\0"])
def test_an_id_is_a_harmless_file_name(name: str) -> None:
    with pytest.raises(UsageError, match="invalid container ID format"):
        state.check_id(name)


def test_what_is_not_there_is_said_in_the_words_that_engines_look_for(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="does not exist"):
        state.load(str(tmp_path), "a")


def test_what_was_saved_is_there_again(tmp_path: Path) -> None:
    with state.claim(str(tmp_path), "a") as found:
        found.bundle, found.pid, found.started = "/b", os.getpid(), procfs.start_time(os.getpid())
        found.config = {"annotations": {"k": "v"}}
        found.save()
    with state.load(str(tmp_path), "a") as again:
        assert (again.bundle, again.pid, again.started) == ("/b", found.pid, found.started)
        assert again.document()["annotations"] == {"k": "v"}
        assert again.is_alive
        assert again.status == state.RUNNING


def test_a_pid_that_is_somebody_else_s_now_does_not_count(tmp_path: Path) -> None:
    with state.claim(str(tmp_path), "a") as found:
        found.pid, found.started = os.getpid(), 1
        assert found.status == state.STOPPED
        assert found.document()["pid"] == 0


def test_whoever_makes_it_holds_its_lock_until_it_is_dead(tmp_path: Path) -> None:
    maker = state.claim(str(tmp_path), "a")
    with state.load(str(tmp_path), "a") as other:
        assert other.status == state.CREATING
        maker.close()
        assert other.status == state.STOPPED


def test_a_half_written_state_is_no_state(tmp_path: Path) -> None:
    state.claim(str(tmp_path), "a").close()
    (tmp_path / "a" / state.FILE).write_text('{"pid": 1,')
    with state.load(str(tmp_path), "a") as found:
        assert found.pid == 0
