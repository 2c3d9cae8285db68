"""WWW-Authenticate, as registries write it and as nobody should."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardian.registry import challenges

BEARER = 'Bearer realm="https://auth.example/token",service="r",scope="repository:x:pull,push"'


def test_a_bearer_challenge_has_its_parameters() -> None:
    (found,) = challenges.parse(BEARER)
    assert found.scheme == "bearer"
    assert found.parameters == {
        "realm": "https://auth.example/token",
        "service": "r",
        "scope": "repository:x:pull,push",
    }


@pytest.mark.parametrize(
    ("headers", "scheme"),
    [
        ([BEARER], "bearer"),
        (['Basic realm="x"'], "basic"),
        (['Basic realm="x"', BEARER], "bearer"),
        ([f'Basic realm="x", {BEARER}'], "bearer"),
        (["Negotiate", 'basic realm="x"'], "basic"),
        (['BASIC REALM="x"'], "basic"),
    ],
)
def test_what_we_can_answer_is_chosen(headers: "list[str]", scheme: str) -> None:
    found = challenges.choose(headers)
    assert found
    assert found.scheme == scheme


@pytest.mark.parametrize("headers", [[], [""], ["Negotiate"], ["Digest realm=x"], ["=,=,="]])
def test_what_we_cannot_answer_is_nothing(headers: "list[str]") -> None:
    assert challenges.choose(headers) is None


def test_quoted_strings_may_hold_quotes_and_commas() -> None:
    (found,) = challenges.parse(r'Bearer realm="a\"b,c", service = plain')
    assert found.parameters == {"realm": 'a"b,c', "service": "plain"}


@given(st.text())
def test_any_header_is_read_without_an_error(header: str) -> None:
    challenges.parse(header)
