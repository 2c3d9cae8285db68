"""The smaller parts of a build: keys, locks, names of downloads, times, mounts, the config."""

from pathlib import Path

import pytest

from wardian.build import cache, config_steps, lock, recipe, recorder, run_mounts, world
from wardian.build.instructions import Instruction
from wardian.build.lock import Lock
from wardian.build.state import State
from wardian.build.world import World
from wardian.errors import SpecError, StatusError, UsageError
from wardian.registry.platforms import Platform


def state() -> State:
    return State(Platform("linux", "amd64"))


def instruction(text: str) -> Instruction:
    return recipe.parse(f"FROM x\n{text}".encode()).stages[0].steps[0]


def test_equal_inputs_give_equal_keys_and_others_do_not() -> None:
    assert cache.key(a=1, b=["x"]) == cache.key(b=["x"], a=1)
    assert cache.key(a=1) != cache.key(a="1")


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


@pytest.mark.parametrize(
    ("url", "title"),
    [
        ("http://h/pool/h/hello_2.10-3_amd64.deb", "deb package hello 2.10-3 amd64"),
        ("http://h/x_1%3a2-1_all.deb", "deb package x 1:2-1 all"),
        ("https://h/p/six-1.16.0-py2.py3-none-any.whl#a", "pypi package six 1.16.0"),
        ("https://h/p/zope_x-5.0-1-cp311-cp311-linux_x86_64.whl", "pypi package zope_x 5.0"),
        ("https://h/p/my-pack-1.2.tar.gz", "pypi package my-pack 1.2"),
        ("https://h/dists/InRelease?x=1", '"InRelease"'),
        ("https://h/", '"https://h/"'),
    ],
)
def test_how_a_download_is_called(url: str, title: str) -> None:
    assert recorder.title(url) == title


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


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"version": 9, "images": {}, "downloads": {}}'])
def test_what_is_no_lock_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "l").write_text(text)
    with pytest.raises(SpecError):
        lock.load(str(tmp_path / "l"), update=False)


def test_a_lock_of_nothing_is_not_written(tmp_path: Path) -> None:
    Lock(str(tmp_path / "l")).save()
    assert not (tmp_path / "l").exists()


# ---- mounts -------------------------------------------------------------------------------


def test_mounts_are_checked_and_their_targets_made_whole() -> None:
    found = state()
    found.run["WorkingDir"] = "/w"
    found.arguments["T"] = "there"
    rows = run_mounts.parse(
        found,
        instruction(
            "RUN --mount=target=$T,src=/a,rw --mount=type=secret,id=k --mount=type=cache,dst=/c x"
        ),
    )
    assert [(one.kind, one.target) for one in rows] == [
        ("bind", "/w/there"),
        ("secret", "/run/secrets/k"),
        ("cache", "/c"),
    ]
    assert rows[0].flag("readwrite")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("type=disk,target=/x", 'type "disk" is unknown'),
        ("type=cache", "type=cache needs a target"),
        ("type=tmpfs,target=/x,id=1", 'unknown key "id"'),
        ("type=cache,target=/x,sharing=no", 'sharing "no"'),
        ("type=bind,target=/", 'the target can\'t be "/"'),
        ("type=secret", "a secret needs an id"),
    ],
)
def test_a_wrong_mount_is_named_with_its_place(words: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        run_mounts.parse(state(), instruction(f"RUN --mount={words} x"))
    assert str(caught.value) == f"Containerfile:2:13: --mount: {message}"


# ---- the config ---------------------------------------------------------------------------


def test_all_values_of_an_env_see_the_variables_before_it() -> None:
    found = state()
    found.set_env("abc", "hello")
    config_steps.apply(found, instruction("ENV abc=bye def=$abc"))
    assert found.run["Env"] == ["abc=bye", "def=hello"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("EXPOSE 0", '"0" is not a port'),
        ("EXPOSE 70000", '"70000" is not a port'),
        ("EXPOSE 80/icmp", '"80/icmp": icmp is not tcp, udp or sctp'),
        ("STOPSIGNAL SIGNOT", "SIGNOT"),
        ("HEALTHCHECK --interval=soon CMD x", '--interval "soon" is no duration'),
        ("HEALTHCHECK --retries=x CMD x", "--retries: x is no number"),
        ("ENV A=${B", "a ${ that is not closed"),
        ("USER '", "a ' that is not closed"),
    ],
)
def test_a_wrong_value_is_named(text: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        config_steps.apply(state(), instruction(text))
    assert message in str(caught.value)
    assert str(caught.value).startswith("Containerfile:2:")


def test_the_stages_that_a_target_needs() -> None:
    found = recipe.parse(
        b"FROM a AS one\nFROM b AS two\nFROM one AS three\nCOPY --from=two x x\nFROM c AS four\n"
        b"RUN --mount=type=bind,from=three,target=/t x\nFROM d AS five\n"
    )
    four = recipe.target(found, "four")
    assert [stage.shown for stage in recipe.needed(found, four)] == ["one", "two", "three", "four"]
    assert recipe.steps(found, four) == 6
    assert [stage.shown for stage in recipe.needed(found, recipe.target(found, ""))] == ["five"]
