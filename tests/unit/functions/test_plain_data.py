"""Plain data: out and back, and hostile text."""

import json
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardian.functions import plain_data
from wardian.functions.plain_data import PlainDataError

SCALARS = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary()
)
KEYS = st.recursive(SCALARS, lambda inner: st.tuples(inner, inner), max_leaves=4)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner) | st.tuples(inner) | st.dictionaries(KEYS, inner) | st.sets(KEYS),
    max_leaves=20,
)


@given(VALUES)
def test_plain_data_comes_back_as_it_was(value: Any) -> None:
    found = plain_data.loads(plain_data.dumps(value))
    assert found == value
    assert type(found) is type(value)


def test_numbers_that_json_lacks_come_back() -> None:
    found = plain_data.loads(plain_data.dumps([float("nan"), float("-inf"), 10**6000, -0.0]))
    assert str(found[:2]) == "[nan, -inf]"
    assert found[2] == 10**6000
    assert str(found[3]) == "-0.0"


def test_what_has_tolist_is_a_list() -> None:
    class Array:
        def tolist(self) -> list[int]:
            return [1, 2]

    assert plain_data.loads(plain_data.dumps(Array())) == [1, 2]


@pytest.mark.parametrize("value", [object(), len, 1j, [object()], {"a": {1: print}}])
def test_what_is_no_plain_data_is_refused(value: object) -> None:
    with pytest.raises(PlainDataError, match="is no plain data"):
        plain_data.dumps(value)


def test_a_value_in_itself_is_refused() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(PlainDataError, match="nested"):
        plain_data.dumps(loop)


MERSENNE = (1 << 61) - 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "{}",
        '{"a": 1}',
        '{"tuple": 1}',
        '{"dict": [1]}',
        '{"dict": [[1, 2, 3]]}',
        '{"dict": [[[], 1]]}',
        '{"set": [[]]}',
        '{"bytes": "!"}',
        '{"int": "x"}',
        '{"int": 5}',
        '{"float": "1"}',
        '{"tuple": [], "set": []}',
        "[" * 100_000,
        '{"tuple": [' * 5000 + "]}" * 5000,
        "9" * 10_000,
        b"\xff\xfe",
        pickle.dumps(print),
        json.dumps({"set": [{"int": hex(n * MERSENNE)} for n in range(20)]}),
        json.dumps({"dict": [[{"int": hex(n * MERSENNE)}, 0] for n in range(20)]}),
    ],
)
def test_hostile_text_is_refused(text: str | bytes) -> None:
    with pytest.raises(PlainDataError):
        plain_data.loads(text)


@given(
    st.text()
    | st.binary()
    | st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(
                st.sampled_from(["tuple", "dict", "set", "bytes", "int", "float"]),
                inner,
                max_size=2,
            )
        ),
    ).map(json.dumps)
)
def test_any_text_is_read_or_refused(text: str | bytes) -> None:
    try:
        plain_data.loads(text)
    except PlainDataError:
        pass
