"""Options of wardian-oci, as engines write them."""

import pytest

from wardian.errors import UsageError
from wardian.oci_cli import main
from wardian.oci_cli.words import Words, parse


def parsed(command: str, *argv: str) -> Words:
    words = Words(command)
    parse(list(argv), main.COMMANDS[command][1], words, stop_at=1 if command == "exec" else -1)
    return words


@pytest.mark.parametrize(
    "argv",
    [
        ("--bundle", "/b", "--pid-file", "/p", "id"),
        ("--bundle=/b", "--pid-file=/p", "id"),
        ("id", "-b", "/b", "-pid-file", "/p"),
        ("-bundle", "/b", "id", "--pid-file=/p"),
    ],
)
def test_any_order_and_any_dashes(argv: tuple[str, ...]) -> None:
    words = parsed("create", *argv)
    assert (words.words, words.text("bundle"), words.text("pid-file")) == (["id"], "/b", "/p")


def test_behind_the_id_of_exec_all_is_the_program_s() -> None:
    words = parsed("exec", "-d", "--env", "A=1", "-e", "B=2", "id", "ls", "-l", "--", "-t")
    assert words.words == ["id", "ls", "-l", "--", "-t"]
    assert words.many("env") == ["A=1", "B=2"]
    assert words.flag("detach")


def test_f_is_force_where_there_is_force_and_else_format() -> None:
    assert parsed("delete", "-f", "id").flag("force")
    assert parsed("list", "-f", "json").text("format") == "json"


def test_flags_take_a_truth() -> None:
    assert not parsed("kill", "--all=false", "id").flag("all")
    assert parsed("kill", "-a", "id", "9").words == ["id", "9"]


@pytest.mark.parametrize("argv", [("--nonsense", "id"), ("-x", "id"), ("id", "--bundle")])
def test_what_is_not_known_is_refused(argv: tuple[str, ...]) -> None:
    with pytest.raises(UsageError, match=r"not defined|needs an argument"):
        parsed("create", *argv)
