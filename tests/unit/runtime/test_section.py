"""A part of a document gives checked values, and each fault names its JSON path."""

import pytest

from wardian.errors import SpecError
from wardian.runtime.section import Section


def test_what_is_absent_is_none_or_empty() -> None:
    part = Section(None, "linux")
    assert part.integer("a", 0, 1) is None
    assert part.flag("a") is None
    assert part.text("a") == ""
    assert part.rows("a") == []
    assert list(part.section("a")) == []


def test_values_come_back() -> None:
    part = Section({"a": 1, "b": True, "c": "x", "d": [{"e": 2}], "f": {"g": 3}}, "linux")
    assert (part.integer("a", 0, 1), part.flag("b"), part.text("c")) == (1, True, "x")
    assert part.rows("d")[0].needed("e", 0, 9) == 2
    assert part.section("f").integer("g", 0, 9) == 3
    assert list(part) == ["a", "b", "c", "d", "f"]


@pytest.mark.parametrize(
    ("value", "method"),
    [
        (True, "integer"),
        ("1", "integer"),
        (1.0, "integer"),
        (10, "integer"),
        (1, "flag"),
        (1, "text"),
    ],
)
def test_a_wrong_type_is_refused_with_its_path(value: object, method: str) -> None:
    part = Section({"row": [{"a": value}]}, "linux").rows("row")[0]
    arguments = (0, 9) if method == "integer" else ()
    with pytest.raises(SpecError, match=r"^linux\.row\[0\]\.a: "):
        getattr(part, method)("a", *arguments)


def test_what_must_be_there_is_missed() -> None:
    with pytest.raises(SpecError, match=r"^linux\.a: a number is needed"):
        Section({}, "linux").needed("a", 0, 1)


@pytest.mark.parametrize("fields", [[], "x", 3, {1: 2}])
def test_what_is_no_object_is_refused(fields: object) -> None:
    with pytest.raises(SpecError, match="an object is needed"):
        Section(fields, "linux")
