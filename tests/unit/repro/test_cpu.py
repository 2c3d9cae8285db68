"""Other processors: the command that runs on one, and how reports read."""

import os

import pytest

from tests.machine import missing
from wardian import errors
from wardian.repro import cpu
from wardian.repro.cpu import STDOUT, Report, Run


def needs_qemu() -> None:
    from wardian.kernel import binfmt

    if os.uname().machine != "x86_64":
        missing("an x86-64 processor")
    try:
        binfmt.find_interpreter("linux/amd64")
    except errors.UnsupportedError:
        missing("Debian's qemu-user-static")


def test_a_program_with_a_path_needs_no_shell() -> None:
    needs_qemu()
    words, options = cpu.emulated(["/a/b", "-x"], "Nehalem", {"volume": "/x:/y"})
    assert words[1:] == ["-cpu", "Nehalem", "/a/b", "-x"]
    assert options["volume"][0] == "/x:/y"
    assert options["volume"][1].endswith(f":{words[0]}:ro")


def test_a_model_that_is_none_is_refused() -> None:
    with pytest.raises(errors.UsageError, match="processor"):
        cpu.emulated(["/a"], "Nehalem; rm", {})
    with pytest.raises(errors.UsageError, match="no command"):
        cpu.emulated([], "Nehalem", {})


def test_a_profile_runs_on_the_models_that_have_it() -> None:
    assert cpu.models_for("v3") == ("Haswell",)
    assert cpu.models_for("v2") == cpu.models_for("") == ("Nehalem", "Haswell")


def test_a_report_names_what_differs() -> None:
    first = Run("", 0, {STDOUT: "1", "/out/a": "2"}, "")
    same = Run("Haswell", 0, {STDOUT: "1", "/out/a": "2"}, "")
    other = Run("Nehalem", 0, {STDOUT: "1", "/out/a": "3", "/out/b": "4"}, "")
    crashed = Run("Nehalem", 139, {STDOUT: "1"}, "")
    assert Report((first, same), {}, "v2").is_equal
    report = Report((first, same, other), {}, "")
    assert not report.is_equal
    assert report.lines() == ["Haswell: the same bits", "Nehalem: differs: /out/a, /out/b"]
    assert report.document()["guaranteed"] is False
    assert Report((first, crashed), {}, "").lines() == ["Nehalem: differs: exit code 139, not 0"]


def test_a_processor_is_described() -> None:
    found = cpu.describe()
    assert found["machine"] == os.uname().machine
    assert found["level"] in ("", "v1", "v2", "v3", "v4")
