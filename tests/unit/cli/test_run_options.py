"""The table of `run` and the engine know the same options."""

from wardian.cli import run_options
from wardian.cli.arguments import FLAG
from wardian.engine import options

# What is the command line's own: it is not an option of a box.
OWN = {"interactive", "explain", "rm", "json", "help"}


def test_each_row_is_an_option_of_the_engine() -> None:
    for command in (run_options.RUN, run_options.EXPLAIN):
        typed = {option.keyword for option in command.options()} - OWN
        assert typed - options.KEYWORDS == set()


def test_each_option_of_the_engine_has_a_row() -> None:
    typed = {option.keyword for option in run_options.RUN.options()}
    assert options.KEYWORDS - typed == set()


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
        "t": "tty",
        "u": "user",
        "v": "volume",
        "w": "workdir",
    }


def test_every_row_says_what_it_does() -> None:
    for option in run_options.RUN.options():
        assert option.text
        assert (option.kind == FLAG) == (not option.metavar), option.name
