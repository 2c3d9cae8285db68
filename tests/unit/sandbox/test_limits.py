"""Limits from words and from numbers."""

import dataclasses

import pytest

from wardian.errors import UsageError
from wardian.sandbox.limits import WORDS, Limits


def test_words_are_docker_s() -> None:
    found = Limits.parse({"memory": "64m", "wall": "500ms", "open-files": "32"}, cpu="1m")
    assert (found.memory_bytes, found.wall_s, found.open_files) == (64 << 20, 0.5, 32)
    assert found.cpu_s == 60


def test_fields_and_words_with_underscores_mean_the_same() -> None:
    assert (
        Limits.parse(file_size="1m") == Limits.parse(file_bytes="1m") == Limits(file_bytes=1 << 20)
    )


def test_none_leaves_the_default() -> None:
    assert Limits.parse({"memory": None}) == Limits()


def test_every_field_has_a_word() -> None:
    fields = {field.name for field in dataclasses.fields(Limits)}
    assert {field for field, _kind, _about in WORDS.values()} == fields


@pytest.mark.parametrize(
    "words",
    [
        {"memory": "1k"},
        {"memory": "-5"},
        {"wall": "0"},
        {"processes": "0"},
        {"processes": "many"},
        {"open-files": "3"},
        {"speed": "1"},
        {"cpu": "1e400"},
    ],
)
def test_what_is_no_limit_is_refused(words: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        Limits.parse(words)


@pytest.mark.parametrize("value", [True, 1.5, "64m", None, 1 << 80])
def test_numbers_are_whole_and_within_bounds(value: object) -> None:
    with pytest.raises(UsageError):
        Limits(memory_bytes=value)  # type: ignore[arg-type]
