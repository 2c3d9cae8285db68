"""Options from a table, with docker's habits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardian.cli import arguments
from wardian.cli.arguments import Command, Parsed, flag, value, values
from wardian.errors import UsageError

COMMAND = Command(
    "play [OPTIONS] -- COMMAND",
    "Play.",
    (
        ("First", (flag("interactive", "", short="i"), flag("tty", "", short="t"))),
        (
            "Second",
            (
                flag("init", ""),
                value("memory", "SIZE", "", short="m"),
                value("network", "NAME", "", alias="net"),
                value("hostname", "NAME", "", short="h"),
                values("env", "NAME=VALUE", "", short="e"),
            ),
        ),
    ),
    foreign="detach d",
)


def parse(*argv: str) -> Parsed:
    return arguments.parse(COMMAND, list(argv))


@pytest.mark.parametrize(
    "argv",
    [
        ("--memory", "64m"),
        ("--memory=64m",),
        ("-m", "64m"),
        ("-m64m",),
        ("-m=64m",),
        ("--memory", "1m", "-m64m"),
    ],
)
def test_a_value_may_be_spelled_in_many_ways(argv: tuple[str, ...]) -> None:
    assert parse(*argv).values == {"memory": "64m"}


@pytest.mark.parametrize(
    ("argv", "truth"),
    [
        (("--init",), True),
        (("--init=true",), True),
        (("--init=1",), True),
        (("--init=false",), False),
        (("--init=F",), False),
        (("--no-init",), False),
        (("--init", "--no-init"), False),
        (("--no-init", "--init"), True),
    ],
)
def test_a_flag_may_be_turned_on_and_off(argv: tuple[str, ...], truth: bool) -> None:
    assert parse(*argv).values == {"init": truth}


def test_letters_stand_together() -> None:
    assert parse("-it").values == {"interactive": True, "tty": True}
    assert parse("-itm", "5m").values == {"interactive": True, "tty": True, "memory": "5m"}
    assert parse("-iteA=1").values == {"interactive": True, "tty": True, "env": ["A=1"]}
    assert parse("-t=false").values == {"tty": False}


def test_a_repeated_option_keeps_each_value() -> None:
    assert parse("-e", "A=1", "-eB", "--env=C=D=E").values["env"] == ["A=1", "B", "C=D=E"]


def test_a_value_may_look_like_an_option() -> None:
    assert parse("-e", "-x=1").values == {"env": ["-x=1"]}


def test_an_alias_is_the_same_option() -> None:
    assert parse("--net", "host").values == {"network": "host"}


def test_options_end_at_two_dashes_and_at_the_first_word() -> None:
    found = parse("-i", "--", "-t", "--", "x")
    assert (found.values, found.words, found.command) == (
        {"interactive": True},
        [],
        ["-t", "--", "x"],
    )
    found = parse("-i", "image", "-t", "--", "x")
    assert (found.words, found.command) == (["image", "-t"], ["x"])
    found = parse("image", "x")
    assert (found.words, found.command) == (["image", "x"], None)
    assert parse("-").words == ["-"]
    assert parse().command is None


def test_help_stops_the_reading() -> None:
    assert parse("-i", "--help", "--bogus").values == {"interactive": True, "help": True}


def test_h_is_help_where_it_is_nothing_else() -> None:
    assert parse("-h", "box").values == {"hostname": "box"}
    assert arguments.parse(Command("rm", "Remove."), ["-h"]).values == {"help": True}


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("--memry", "1m"), 'unknown option "--memry" (did you mean --memory?)'),
        (("--bogus",), 'unknown option "--bogus"'),
        (("-x",), 'unknown option "-x"'),
        (("-ix",), 'unknown option "-x"'),
        (("--no-memory",), 'unknown option "--no-memory"'),
        (("--no-init=true",), 'unknown option "--no-init"'),
        (("--init=maybe",), '"maybe" is neither true nor false'),
        (("--memory",), 'option "--memory" needs a value: --memory SIZE'),
        (("-m",), 'option "-m" needs a value'),
        (("--memory", "--", "true"), 'option "--memory" needs a value'),
        (("--memory=",), 'option "--memory": the value is empty'),
        (("-e", ""), 'option "-e": the value is empty'),
        (("--detach",), "docker's, and not there yet"),
        (("-d",), "docker's, and not there yet"),
    ],
)
def test_a_fault_is_named_in_one_line(argv: tuple[str, ...], words: str) -> None:
    with pytest.raises(UsageError) as found:
        parse(*argv)
    assert words in str(found.value)
    assert found.value.hint == "see 'wardian play --help'"


WORDS = st.sampled_from(
    [
        "-i",
        "-t",
        "-it",
        "--init",
        "--no-init",
        "-e",
        "A=1",
        "--memory",
        "--memory=1",
        "--",
        "x",
        "-",
        "",
    ]
)


@given(st.lists(WORDS, max_size=8))
def test_no_words_of_the_program_are_lost_or_read(argv: list[str]) -> None:
    before = list(argv)
    try:
        found = arguments.parse(COMMAND, argv)
    except UsageError:
        return
    assert argv == before, "the caller's list stays"
    tail = found.words if found.command is None else [*found.words, "--", *found.command]
    assert argv[len(argv) - len(tail) :] == tail


@given(st.lists(st.text(max_size=5), max_size=6))
def test_anything_is_parsed_or_refused(argv: list[str]) -> None:
    try:
        arguments.parse(COMMAND, argv)
    except UsageError:
        pass


def test_words_where_none_are_taken_are_refused() -> None:
    with pytest.raises(UsageError, match='takes no "x"'):
        arguments.no_more(COMMAND, parse("x"))
    arguments.no_more(COMMAND, parse("-i"))
