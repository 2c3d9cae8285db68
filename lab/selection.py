"""Which of the lab's machines a run needs: asked of pytest, which collects here what runs there."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from lab import settings
from lab.settings import LabError

# How a machine is called -> the marker of its tests. Most run under the tiny init.
MACHINES = {"direct": "lab", "systemd": "lab_systemd", "hosts": "lab_hosts"}
NOTHING_COLLECTED = 5


def expression(machine: str, wanted: str) -> str:
    """Return pytest's -m expression for a machine, of what the user wants of all its tests."""
    only = MACHINES[machine]
    if machine == "direct":
        only = "not lab_systemd and not lab_hosts"
    return f"({only}) and ({wanted})"


def collect(arguments: Sequence[str], wanted: str) -> dict[str, list[str]]:
    """Return the files with the tests of each machine, one entry for each test."""
    with tempfile.NamedTemporaryFile("r", prefix="wardian-lab-") as answer:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "pytest", "--collect-only", "-qq", "-p", "lab.selection"),
                *("-m", wanted, *arguments),
            ],
            cwd=settings.ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "WARDIAN_LAB": "any", "WARDIAN_LAB_COLLECT": answer.name},
        )
        if done.returncode not in (0, NOTHING_COLLECTED):
            sys.stderr.write(done.stdout + done.stderr)
            raise LabError("pytest can't collect these tests", hint="it says why above")
        found: dict[str, list[str]] = {machine: [] for machine in MACHINES}
        for line in answer:
            machine, file = line.strip().split(" ", 1)
            found[machine].append(file)
    return found


def pytest_collection_finish(session: pytest.Session) -> None:
    """Write down the machine and the file of each test, for `collect`."""
    place = os.environ.get("WARDIAN_LAB_COLLECT")
    if place:
        lines = (f"{machine_of(item)} {item.nodeid.split('::')[0]}\n" for item in session.items)
        Path(place).write_text("".join(lines), encoding="utf-8")


def machine_of(item: pytest.Item) -> str:
    """Return the machine that a test runs in."""
    for machine in ("systemd", "hosts"):
        if item.get_closest_marker(MACHINES[machine]):
            return machine
    return "direct"
