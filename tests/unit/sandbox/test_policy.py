"""Policies: words, answers, and what is wrong with them."""

from typing import Any

import pytest

from wardian.errors import NotFoundError, SpecError, UsageError
from wardian.sandbox import policy_files
from wardian.sandbox.policy import VIOLATION, ArgumentRule, Policy, parse_conditions


def test_conditions_are_read_as_they_are_written() -> None:
    first, second = parse_conditions("int0 & 0x7e020000 == 0 and arg2 >= 16", "x")
    assert (first.index, first.operator, first.mask, first.wide) == (0, "&", 0x7E020000, False)
    assert (second.index, second.operator, second.value, second.wide) == (2, ">=", 16, True)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "arg0",
        "arg6 == 0",
        "argx == 0",
        "arg0 = 1",
        "arg0 == one",
        "int0 == 0x100000000",
        "arg0 & 1 == 2",
        "arg0 == 1 or arg1 == 2",
        "arg0 == -1",
    ],
)
def test_what_is_no_condition_is_refused(text: str) -> None:
    with pytest.raises(SpecError):
        parse_conditions(text, "x")


@pytest.mark.parametrize("name", policy_files.names())
def test_the_policies_that_come_along_are_sound(name: str) -> None:
    found = policy_files.load(name)
    assert found.description
    assert found.mode == "kill"
    assert found == policy_files.load(policy_files.path_of(name))


def test_a_toml_policy_has_three_answers() -> None:
    found = policy_files.parse(
        b"""
        mode = "errno"
        allow = ["read", "?new_call"]
        [refuse]
        ENOSYS = ["clone3"]
        [arguments.socket]
        allow = ["int0 == 1"]
        violation = ["int0 == 16"]
        refuse.EAFNOSUPPORT = ["int0 == 10"]
        otherwise = "EPERM"
        """,
        "mine",
    )
    assert (found.name, found.mode, found.allow) == ("mine", "errno", ("read", "?new_call"))
    assert found.refuse == {"clone3": "ENOSYS"}
    rule = found.arguments["socket"]
    assert rule.otherwise == "EPERM"
    assert rule.rules[0] == ("int0 == 16", VIOLATION)
    assert ("int0 == 10", "EAFNOSUPPORT") in rule.rules


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"allow = 'read'", "allow"),
        (b"alow = ['read']", "alow"),
        (b"mode = 'fast'", "fast"),
        (b"[refuse]\nENOSUCH = ['read']", "ENOSUCH"),
        (b"allow = ['read']\n[refuse]\nEPERM = ['read']", "read"),
        (b"[arguments.read]\nallow = ['arg9 == 1']", "arg9"),
        (b"[arguments.read]\notherwise = 'maybe'", "maybe"),
        (b"audit = 3", "audit"),
        (b"allow = [", "TOML"),
        (b"\xff", "TOML"),
    ],
)
def test_what_is_wrong_is_named(text: bytes, words: str) -> None:
    with pytest.raises((SpecError, UsageError)) as caught:
        policy_files.parse(text, "x")
    assert words in str(caught.value)


def test_a_policy_that_is_not_there_is_told_with_those_that_are() -> None:
    with pytest.raises(NotFoundError) as caught:
        policy_files.load("nosuch")
    assert "compute" in caught.value.hint


def test_a_list_of_calls_is_a_policy() -> None:
    assert policy_files.load(["read", "write"]).allow == ("read", "write")


def test_the_text_of_a_policy_tells_of_every_answer() -> None:
    texts: set[str] = set()
    variants: list[dict[str, Any]] = [
        {},
        {"allow": ("read",)},
        {"refuse": {"read": "EPERM"}},
        {"refuse": {"read": "ENOSYS"}},
        {"arguments": {"read": ArgumentRule((("arg0 == 1", "allow"),))}},
        {"arguments": {"read": ArgumentRule((("arg0 == 1", "allow"),), "EPERM")}},
    ]
    for words in variants:
        texts.add(Policy("x", **words).text())
    assert len(texts) == len(variants)
