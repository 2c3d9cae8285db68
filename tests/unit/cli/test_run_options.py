"""The table of `run` and the engine know the same options."""

import pytest

from wardian.cli import arguments, run_options
from wardian.cli.arguments import FLAG
from wardian.engine import options
from wardian.errors import WardianError

# What is the command line's own: it is not an option of a box.
OWN = {"interactive", "explain", "rm", "json", "help", "quiet"}


def test_each_row_is_an_option_of_the_engine() -> None:
    for command in (run_options.RUN, run_options.EXPLAIN):
        typed = {option.keyword for option in command.options()} - OWN
        assert typed - options.KEYWORDS == set()


def test_each_option_of_the_engine_has_a_row() -> None:
    typed = {option.keyword for option in run_options.RUN.options()}
    # a word of its own, behind the options; and what comes with Container(on_listener=...)
    assert options.KEYWORDS - typed == {"image", "supervised"}


def test_names_and_letters_are_there_once() -> None:
    rows = run_options.RUN.options()
    names = [option.name for option in rows] + [option.alias for option in rows if option.alias]
    letters = [option.short for option in rows if option.short]
    assert len(names) == len(set(names))
    assert len(letters) == len(set(letters))
    assert not set(names + letters) & set(run_options.FOREIGN.split())


def test_the_letters_are_docker_s() -> None:
    letters = {option.short: option.name for option in run_options.RUN.options() if option.short}
    assert letters == {
        "c": "cpu-shares",
        "e": "env",
        "h": "hostname",
        "i": "interactive",
        "m": "memory",
        "q": "quiet",
        "t": "tty",
        "u": "user",
        "v": "volume",
        "w": "workdir",
    }


def test_every_row_says_what_it_does() -> None:
    for option in run_options.RUN.options():
        assert option.text
        assert (option.kind == FLAG) == (not option.metavar), option.name


def command_of(*argv: str, interactive: bool = False) -> list[str]:
    parsed = arguments.parse(run_options.RUN, list(argv))
    return run_options.command_of(parsed, interactive=interactive)


def test_the_program_comes_after_two_dashes() -> None:
    assert command_of("--", "echo", "-n") == ["echo", "-n"]
    assert command_of(interactive=True) == ["sh"]
    assert command_of("--", interactive=True) == ["sh"]


@pytest.mark.parametrize(
    ("argv", "message", "hint"),
    [
        ((), "no program to run", "wardian run [OPTIONS] -- COMMAND"),
        (("--",), "no program to run", "wardian run"),
        (("--rootfs", "/x", "ls", "-l"), '"ls": the program comes after "--"', "... -- ls -l"),
        (("--scratch", "ls"), '"ls": the program comes after "--"', "... -- ls"),
    ],
)
def test_what_is_no_program_is_told_with_the_right_words(
    argv: tuple[str, ...], message: str, hint: str
) -> None:
    with pytest.raises(WardianError) as found:
        command_of(*argv)
    assert message in str(found.value)
    assert hint in found.value.hint


@pytest.mark.parametrize(
    ("argv", "command"),
    [
        (("alpine",), []),
        (("alpine", "ls", "-l"), ["ls", "-l"]),
        (("alpine", "--", "ls"), ["ls"]),
        (("alpine", "env", "--", "ls"), ["env", "--", "ls"]),
    ],
)
def test_the_first_word_is_an_image(argv: tuple[str, ...], command: list[str]) -> None:
    parsed = arguments.parse(run_options.RUN, list(argv))
    assert run_options.command_of(parsed, interactive=True) == command
    assert parsed.values["image"] == "alpine"
