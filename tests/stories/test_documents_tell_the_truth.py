"""What the documents show in ```console blocks is what happens; the examples run."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.habits import project

pytestmark = [pytest.mark.root, pytest.mark.slow]

BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
DOCUMENTS = [project.ROOT / "README.md", *sorted((project.ROOT / "docs").rglob("*.md"))]
SHOWN = [path for path in DOCUMENTS if BLOCK.search(path.read_text(encoding="utf-8"))]
MARK = "-- next command --"


def session(path: Path) -> list[tuple[str, str]]:
    """The commands of a document, each with the output that it shows."""
    found: list[tuple[str, str]] = []
    for block in BLOCK.findall(path.read_text(encoding="utf-8")):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            found.append((command, output))
    return found


def play(commands: list[str], directory: Path) -> list[str]:
    """Run the commands in one shell, as a reader would; returns the output of each."""
    (directory / "bin").mkdir()
    script = f'#!/bin/sh\nexec "{sys.executable}" -m wardian "$@"\n'
    (directory / "bin" / "wardian").write_text(script)
    (directory / "bin" / "wardian").chmod(0o755)
    done = subprocess.run(
        ["sh"],
        input="".join(f"{command}\necho '{MARK}'\n" for command in commands),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
        cwd=directory,
        timeout=300,
        env={
            **os.environ,
            "PATH": f"{directory}/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "WARDIAN_ROOT": str(directory / "root"),
            "LC_ALL": "C.UTF-8",
        },
    )
    return done.stdout.split(f"{MARK}\n")[:-1]


def matches(shown: str, printed: str) -> bool:
    """Whether the output is as shown; "..." on a line of its own stands for any lines."""
    pattern = re.escape(shown).replace(re.escape("...\n"), "(?:.*\n)*?").replace(r"\.\.\.", ".*")
    return re.fullmatch(pattern, printed) is not None


@pytest.mark.parametrize("path", SHOWN, ids=project.name_of)
def test_a_reader_sees_what_the_document_shows(path: Path, tmp_path: Path) -> None:
    shown = session(path)
    printed = play([command for command, _output in shown], tmp_path)
    assert len(printed) == len(shown)
    for (command, expected), got in zip(shown, printed, strict=True):
        assert matches(expected, got), f"$ {command}\n{got}"


@pytest.mark.parametrize("path", DOCUMENTS, ids=project.name_of)
def test_python_in_a_document_runs(path: Path) -> None:
    for code in PYTHON.findall(path.read_text(encoding="utf-8")):
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "path", sorted((project.ROOT / "examples").glob("*.py")), ids=project.name_of
)
def test_an_example_runs(path: Path) -> None:
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout
