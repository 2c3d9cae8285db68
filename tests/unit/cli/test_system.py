"""The table of `wardian doctor`."""

import json

import pytest

from wardian.cli import system
from wardian.errors import UsageError
from wardian.kernel import checks

FOUND = [
    checks.Check("system", "kernel", checks.YES, "Linux 6.18", needed=True),
    checks.Check("files", "overlayfs", checks.NO, "mount: no", remedy="modprobe it", needed=True),
    checks.Check("limits", "cgroups", checks.PARTLY, "v1: memory", remedy="boot anew"),
    checks.Check("helpers", "subordinate ids", checks.YES),
]


@pytest.fixture(autouse=True)
def _found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "gather", lambda _launcher: list(FOUND))


def test_each_group_has_a_heading_and_each_no_a_remedy() -> None:
    lines = system.table(FOUND, colour=False)
    assert lines[0] == "System"
    assert lines[1].startswith("  ✓ kernel")
    assert any(line.startswith("  ✗ overlayfs") for line in lines)
    assert any(line.strip() == "→ modprobe it" for line in lines)
    assert not any("\033" in line for line in lines)


def test_colour_is_added_only_when_wanted() -> None:
    assert any("\033[31m✗" in line for line in system.table(FOUND, colour=True))


def test_a_terminal_without_unicode_gets_words() -> None:
    text = "\n".join(system.table(FOUND, colour=False, marks=False))
    assert text.isascii()
    assert "  no   overlayfs" in text


def test_the_last_line_is_the_verdict_and_the_exit_code_says_it_too(
    capfd: pytest.CaptureFixture[str],
) -> None:
    assert system.doctor([]) == 1
    assert capfd.readouterr().out.rstrip().split("\n")[-1] == "not ready: overlayfs"


def test_json_holds_all_checks(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    rest = [check for check in FOUND if check.name != "overlayfs"]
    monkeypatch.setattr(checks, "gather", lambda _launcher: rest)
    assert system.doctor(["--json"]) == 0
    document = json.loads(capfd.readouterr().out)
    assert document["ready"] is True
    assert document["verdict"].startswith("ready: ")
    assert [row["name"] for row in document["checks"]] == [check.name for check in rest]


def test_help_is_printed_without_looking_at_the_machine(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checks, "gather", None)
    assert system.doctor(["--help"]) == 0
    assert "usage: wardian doctor" in capfd.readouterr().out


def test_an_unknown_option_is_named() -> None:
    with pytest.raises(UsageError, match='"--jsn"'):
        system.doctor(["--jsn"])
