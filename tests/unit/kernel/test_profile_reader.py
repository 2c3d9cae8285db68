"""Reading JSON values: each fault is kept with its path, and reading goes on."""

import pytest

from wardian.errors import SpecError
from wardian.kernel.profile_reader import Faults, kind


def test_nothing_is_raised_where_nothing_is_wrong() -> None:
    faults = Faults()
    table = faults.table({"a": ["x"], "b": 3, "c": "y", "d": None}, "", ("a", "b", "c", "d"))
    assert faults.words(table, "a", "", ("x",)) == ["x"]
    assert faults.integer(table, "b", "", 3) == 3
    assert faults.choice(table, "c", "", ("y", "z")) == "y"
    assert faults.array(table, "d", "") == []
    assert faults.integer(table, "d", "", 3) is None
    faults.report()


def test_the_first_fault_is_the_error_and_the_others_are_its_hint() -> None:
    faults = Faults()
    table = faults.table({"a": 1, "b": "x"}, "top[0]", ("a", "b"))
    faults.words(table, "a", "top[0]")
    faults.integer(table, "b", "top[0]", 9)
    with pytest.raises(SpecError) as caught:
        faults.report()
    assert caught.value.where == "top[0].a"
    assert str(caught.value) == "top[0].a: must be a list, not 1"
    assert caught.value.hint == 'also top[0].b: must be an integer, not "x"'


def test_an_unknown_key_is_a_fault_only_where_it_looks_like_a_known_one() -> None:
    faults = Faults()
    faults.table({"x-vendor": 1, "comment": 2}, "", ("excludes",))
    faults.report()
    faults.table({"exclude": 1}, "", ("excludes",))
    with pytest.raises(SpecError, match='did you mean "excludes"'):
        faults.report()


def test_a_huge_value_is_shortened_in_the_message() -> None:
    assert len(kind("x" * 10_000)) < 100
    assert len(kind(10**1000)) < 100
