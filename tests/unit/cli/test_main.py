"""The command table, and what comes of an error."""

import subprocess
import sys

import pytest

from wardian import __version__, errors
from wardian.cli import main


def failing(error: BaseException):  # type: ignore[no-untyped-def]
    def command(_argv: list[str]) -> int:
        raise error

    return lambda _name: command


def test_every_command_is_there() -> None:
    for name in main.COMMANDS:
        assert callable(main._command(name))
    assert set(main.ALIASES.values()) <= set(main.COMMANDS)


@pytest.mark.parametrize("argv", [[], ["--help"], ["-h"], ["help"]])
def test_without_a_command_there_is_help(
    argv: list[str], capfd: pytest.CaptureFixture[str]
) -> None:
    assert main.execute(argv) == 0
    page = capfd.readouterr().out
    for name in main.COMMANDS:
        assert f"\n  {name} " in page


@pytest.mark.parametrize("name", [*main.COMMANDS, *main.ALIASES])
def test_every_command_has_help(name: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main.execute([name, "--help"]) == 0
    first = capfd.readouterr().out
    assert first.startswith(f"usage: wardian {main.ALIASES.get(name, name)}")
    if name in main.COMMANDS:
        assert main.execute(["help", name]) == 0
        assert capfd.readouterr().out == first


def test_the_version_is_printed(capfd: pytest.CaptureFixture[str]) -> None:
    assert main.execute(["--version"]) == 0
    assert capfd.readouterr().out == f"wardian {__version__}\n"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("rnu", 'unknown command "rnu" (did you mean run?)'),
        ("--bogus", 'unknown option "--bogus"'),
    ],
)
def test_an_unknown_command_is_named(
    name: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.execute([name]) == 125
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "code", "lines"),
    [
        (errors.UsageError("bad", hint="do"), 125, ["wardian: bad", "hint: do"]),
        (errors.LaunchError("gone", exit_code=127), 127, ["wardian: gone"]),
        (
            errors.UnsupportedError("no overlay", feature="overlay"),
            125,
            ["wardian: no overlay", "hint: `wardian doctor` says what this machine can do"],
        ),
        (OSError(28, "No space left", "/x"), 125, ['wardian: "/x": no space left']),
        (
            MemoryError("much"),
            125,
            ["wardian: MemoryError: much", "hint: WARDIAN_DEBUG=1 shows where"],
        ),
        (KeyboardInterrupt(), 130, []),
    ],
)
def test_an_error_becomes_lines_and_a_code(
    error: BaseException,
    code: int,
    lines: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(main, "_command", failing(error))
    assert main.execute(["run"]) == code
    assert capsys.readouterr().err.splitlines() == lines


def test_debug_shows_where(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(main, "_command", failing(errors.UsageError("bad")))
    with pytest.raises(errors.UsageError):
        main.execute(["--debug", "run"])
    monkeypatch.setenv("WARDIAN_DEBUG", "1")
    with pytest.raises(errors.UsageError):
        main.execute(["run"])


def test_a_bug_is_no_exit_code_of_the_program_s() -> None:
    code = "from wardian.cli import main, render; render.out = None; main.main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 125
    assert "Traceback" in done.stderr
    assert "this is a bug in wardian" in done.stderr
