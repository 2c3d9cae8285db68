"""The table of shapes and the types of runtime.spec say the same."""

import typing
from typing import Any

import pytest

from wardian.oci import validate_schema
from wardian.oci.validate_schema import CHOICES, OBJECTS, RANGES
from wardian.runtime import spec

# What only one side has: wardian's own fields, and what runtime.resources reads without types.
OURS = {"Spec": {"wardian"}, "Mount": {"own", "reason"}}
RESOURCES = {
    *("Resources", "DeviceRule", "Memory", "Cpu", "Pids", "BlockIo", "WeightDevice"),
    *("ThrottleDevice", "HugepageLimit", "Network", "InterfacePriority", "Rdma"),
}


def word_type(word: str) -> Any:
    """The type that a word of the schema stands for."""
    if word.startswith("["):
        return list[word_type(word[1:-1])]  # type: ignore[misc]
    if word.startswith("{"):
        return dict[str, word_type(word[1:-1])]  # type: ignore[misc]
    if word in RESOURCES:
        return dict[str, object]
    if word in OBJECTS:
        return getattr(spec, word)
    if word in RANGES:
        return int
    return {"flag": bool, "any": spec.ConsoleSize}.get(word, str)


@pytest.mark.parametrize("name", sorted(set(OBJECTS) - RESOURCES))
def test_an_object_has_the_fields_and_types_that_the_specification_s_types_have(name: str) -> None:
    types = typing.get_type_hints(getattr(spec, name))
    for field in OURS.get(name, ()):
        del types[field]
    schema = {field.rstrip("!"): word_type(word) for field, word in OBJECTS[name].items()}
    assert schema == types


def test_every_type_of_the_specification_is_in_the_table() -> None:
    named = {
        name
        for name, value in vars(spec).items()
        if typing.is_typeddict(value) and name != "Extension"
    }
    assert named == set(OBJECTS) - RESOURCES


def test_every_word_means_something_and_every_name_is_used() -> None:
    simple = {"text", "word", "path", "inside", "flag", "any"}
    words = {word.strip("[]{}") for fields in OBJECTS.values() for word in fields.values()}
    known = simple | set(RANGES) | set(CHOICES) | set(OBJECTS)
    assert words <= known
    assert known - words <= {"Spec", "ConsoleSize", "uint8"}


def test_no_name_has_two_meanings() -> None:
    names = [*OBJECTS, *CHOICES, *RANGES]
    assert len(names) == len(set(names))
    assert all(low <= high for low, high in RANGES.values())
    assert validate_schema.__doc__ is not None
