"""What an image says, under what was asked for."""

from typing import Any

import pytest

from wardian.engine import image_config
from wardian.engine.options import Options
from wardian.errors import SpecError, UsageError

CONFIG = {
    "Entrypoint": ["/entry"],
    "Cmd": ["default", "x"],
    "Env": ["A=image", "B=image", "no-value"],
    "User": "web:www",
    "WorkingDir": "srv/../app",
    "StopSignal": "SIGRTMIN+3",
}


def applied(*command: str, config: dict[str, Any] = CONFIG, **words: Any) -> Options:
    options = Options.parse(command, image="app:1", **words)
    image_config.apply(options, config)
    return options


@pytest.mark.parametrize(
    ("command", "entrypoint", "expected"),
    [
        ((), None, ["/entry", "default", "x"]),
        (("a", "b"), None, ["/entry", "a", "b"]),
        ((), "/other", ["/other"]),
        (("a",), ["/other", "-x"], ["/other", "-x", "a"]),
        (("a",), "", ["a"]),
    ],
)
def test_command_and_entrypoint_go_by_docker_s_rules(
    command: tuple[str, ...], entrypoint: Any, expected: list[str]
) -> None:
    assert applied(*command, entrypoint=entrypoint).command == expected


def test_without_any_program_that_is_an_error() -> None:
    empty: list[dict[str, Any]] = [{}, {"Cmd": []}, {"Cmd": [""]}]
    for config in empty:
        with pytest.raises(UsageError, match='image "app:1" names no program to run'):
            applied(config=config)
    with pytest.raises(UsageError, match="names no program"):
        applied(entrypoint="")


def test_what_is_open_comes_from_the_image() -> None:
    found = applied()
    assert (found.user, found.workdir, found.stop_signal) == ("web:www", "/app", 37)
    assert found.env == ["A=image", "B=image"]
    found = applied(config={"Cmd": ["x"], "Env": None, "User": ""})
    assert (found.user, found.workdir, found.stop_signal, found.env) == (None, "/", 15, [])


def test_what_was_asked_for_counts_more() -> None:
    found = applied(user="0", workdir="/w", stop_signal="TERM", env=["B=asked", "C=asked"])
    assert (found.user, found.workdir, found.stop_signal) == ("0", "/w", 15)
    assert found.env == ["A=image", "B=asked", "C=asked"]


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"User": "a\0b"}, "its User holds a NUL byte"),
        ({"WorkingDir": "/a\0b"}, "its WorkingDir holds a NUL byte"),
        ({"StopSignal": "SIGNOPE"}, 'image "app:1": stop-signal "SIGNOPE"'),
    ],
)
def test_what_an_image_can_t_ask_for(config: dict[str, Any], words: str) -> None:
    with pytest.raises(SpecError, match=words):
        applied("x", config=config)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rootfs": "/x"}, "exclude each other"),
        ({"scratch": True}, "exclude each other"),
        ({"pull": "often"}, 'pull "often"'),
    ],
)
def test_what_does_not_go_with_an_image(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Options.parse(["x"], image="app:1", **options)


@pytest.mark.parametrize("name", ["platform", "entrypoint", "pull"])
def test_what_needs_an_image(name: str) -> None:
    with pytest.raises(UsageError, match=f"--{name} needs an image"):
        Options.parse(["x"], **{name: "missing"})
