"""Well-behaved programs of every language run as they do outside: no violation, ever."""

import os
import platform
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import machine
from tests.attacks.arena import SLOWNESS
from tests.attacks.corpus import slower
from tests.benign import languages
from tests.benign.languages import Program
from wardian import Limits, Outcome, Sandbox, Verdict

pytestmark = pytest.mark.root
STANDARD = {"memory": "256m", "processes": 64, "cpu": "20s", "wall": "40s", "open-files": 256}
PROGRAMS = [one for one in languages.programs() if one.one("machine") in ("", platform.machine())]


def limits(words: str) -> Limits:
    own = dict(word.split("=", 1) for word in words.split())
    return slower(Limits.parse({**STANDARD, **own}), SLOWNESS)


def needed(program: Program) -> None:
    """Skip where its language is not installed."""
    if lacking := program.missing():
        words = f"{', '.join(lacking)}, from Debian's {program.one('package')}"
        if heavy := program.one("heavy") or ("WARDIAN_LAB" in os.environ and "the lab"):
            pytest.skip(f"runs where it is installed ({heavy}): {words}")
        machine.missing(words)


def fine(verdict: Verdict) -> None:
    """Fail where a verdict is anything but OK, or a forbidden call was noted."""
    told = f"{verdict.limit} {verdict.reason} {verdict.stdout[-400:]!r} {verdict.stderr[-800:]!r}"
    assert [one.syscall for one in verdict.violations] == [], told
    assert verdict.violation_count == 0
    assert verdict.outcome is Outcome.OK, told


@pytest.mark.parametrize("program", PROGRAMS, ids=str)
def test_the_program_says_what_it_says_outside(program: Program, tmp_path: Path) -> None:
    needed(program)
    path = program.path
    given: dict[str, bytes | str] = {path.name: str(path)}
    if compiler := program.one("compile"):
        made = program.one("makes", "program")
        with Sandbox("compute", limits=limits(program.one("compile-limits"))) as box:
            verdict = box.run(shlex.split(compiler), files=given, outputs=(made,))
        fine(verdict)
        given = {made: verdict.outputs[made]}
    if compiler := program.one("compile-outside"):
        shutil.copy(path, tmp_path)
        subprocess.run(shlex.split(compiler), cwd=tmp_path, check=True)
        given = {"program": str(tmp_path / "program")}
    policy = program.one("policy", "compute")
    with Sandbox(policy, limits=limits(program.one("limits"))) as box:
        for _ in range(2):  # the second one finds what the first one has put into caches
            verdict = box.run(shlex.split(program.one("run")), files=given)
            fine(verdict)
            assert verdict.stdout.decode() == program.expected()


def test_there_is_a_language_for_everyone() -> None:
    assert len({one.one("language") for one in languages.programs()}) >= 30
