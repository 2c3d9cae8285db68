"""Each type of value takes what it should, and a fault says what it wants and what it got."""

from typing import Any

import pytest

from wardian.errors import SpecError
from wardian.oci.validate_schema import RANGES
from wardian.oci.validate_shape import MOST_FAULTS, MOST_OBJECTS, Shape

HALF_A_PAIR = "\ud800"


def good(word: str, value: Any) -> Any:
    shape = Shape()
    found = shape.value(word, value, "x")
    shape.report()
    return found


def bad(word: str, value: Any) -> str:
    shape = Shape()
    shape.value(word, value, "x")
    with pytest.raises(SpecError) as caught:
        shape.report()
    return str(caught.value)


@pytest.mark.parametrize("word", sorted(RANGES))
def test_a_number_has_its_bounds(word: str) -> None:
    low, high = RANGES[word]
    assert good(word, low) == low
    assert good(word, high) == high
    for value in (low - 1, high + 1, 10**4000, -(10**4000)):
        assert bad(word, value).startswith(f"x: must be from {low} to {high}, not ")


@pytest.mark.parametrize("value", [True, False, 1.0, 1e300, float("nan"), "1", [], {}])
def test_a_number_is_whole_and_nothing_else(value: object) -> None:
    assert bad("uint32", value).startswith("x: must be a whole number, not ")


@pytest.mark.parametrize("value", [0, 1, "true", [], {}])
def test_a_flag_is_true_or_false(value: object) -> None:
    assert good("flag", True) is True
    assert good("flag", False) is False
    assert bad("flag", value).startswith("x: must be true or false, not ")


def test_a_string_has_no_nul_and_is_unicode() -> None:
    assert good("text", "") == ""
    assert good("text", "né \U0001f600\n") == "né \U0001f600\n"
    assert bad("text", "a\0b") == r'x: must be a string without NUL, not "a\x00b"'
    assert bad("text", HALF_A_PAIR) == r'x: must be Unicode text, not "\ud800"'
    assert bad("text", 5) == "x: must be a string, not 5"
    assert bad("word", "") == 'x: must be a string that is not empty, not ""'


def test_a_path_is_absolute_and_one_inside_stays_inside() -> None:
    assert good("path", "/a/../b") == "/a/../b"
    assert good("inside", "/a/..b/c..") == "/a/..b/c.."
    assert "an absolute path" in bad("path", "a/b")
    assert "an absolute path" in bad("inside", "./a")
    for value in ("/..", "/a/../b", "/a/.."):
        assert 'a path without ".."' in bad("inside", value)


def test_a_choice_is_one_of_its_words() -> None:
    assert good("Domain", "LINUX32") == "LINUX32"
    assert bad("Domain", "LINUX3") == 'x: unknown word "LINUX3", did you mean "LINUX32"?'
    assert bad("Domain", "") == 'x: unknown word ""'
    assert bad("Domain", ["LINUX"]) == "x: must be a string, not a list"


def test_a_fault_in_a_list_names_its_place() -> None:
    assert good("[text]", ["a", "", "é"]) == ["a", "", "é"]
    assert bad("[text]", ["a", "b\0", "c"]).startswith("x[1]: must be a string without NUL")
    assert bad("[text]", ["a", None]).startswith("x[1]: must be a string, not null")
    assert bad("[text]", [HALF_A_PAIR]).startswith("x[0]: must be Unicode")
    assert bad("[text]", "abc") == 'x: must be a list, not "abc"'
    assert bad("[Root]", [{"path": "a"}, {}]) == "x[1].path: is missing"
    assert bad("[Root]", [3]) == "x[0]: must be an object, not 3"


def test_a_fault_in_a_map_names_its_key() -> None:
    assert good("{text}", {"a.b": "", "é": "x"}) == {"a.b": "", "é": "x"}
    assert bad("{text}", {"a": 1}) == "x.a: must be a string, not 1"
    assert bad("{text}", {"": "a"}) == "x: must not have an empty key"
    assert bad("{text}", {"a\0": "a"}).startswith(r"x.a\x00: must be a string without NUL")
    assert bad("{text}", ["a"]) == "x: must be an object, not a list"
    assert bad("{NetDevice}", {"eth0": None}) == "x.eth0: must be an object, not null"


def test_lists_and_maps_have_an_end() -> None:
    root = {"path": "a"}
    assert len(good("[Root]", [root] * MOST_OBJECTS)) == MOST_OBJECTS
    assert bad("[Root]", [root] * 100_000) == "x: has 100000 entries, more than 10000"
    many = {str(number): "" for number in range(100_000)}
    assert bad("{text}", many) == "x: has 100000 entries, more than 10000"
    assert bad("[text]", [""] * 1_000_001) == "x: has 1000001 entries, more than 1000000"


def test_after_a_hundred_faults_it_stops() -> None:
    shape = Shape()
    with pytest.raises(SpecError) as caught:
        shape.value("[id]", ["x"] * 5000, "x")
    assert shape.count == MOST_FAULTS
    assert str(caught.value) == 'x[0]: must be a whole number, not "x"'
