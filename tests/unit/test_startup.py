"""Modules that a command keeps together, in a copy of the package."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import wardian

PROGRAM = "oci_cli/__main__.py"


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the package that this test may change."""
    source = Path(wardian.__file__).parent
    target = tmp_path / "wardian"
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    return target


def run(package: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-I", "-S", "-v", str(package / PROGRAM), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def kept(package: Path) -> Path:
    (found,) = (package / "__pycache__").glob("wardian-oci-features.*.modules")
    return found


def test_the_second_run_takes_its_modules_from_one_file(package: Path) -> None:
    first = run(package, "features")
    second = run(package, "features")
    assert first.returncode == second.returncode == 0
    assert first.stdout == second.stdout
    assert "looking.py" in first.stderr  # python -v names what it imports by itself
    assert "looking.py" not in second.stderr


def test_a_changed_source_counts_at_once(package: Path) -> None:
    run(package, "features")
    source = package / "oci_cli/looking.py"
    text = source.read_text().replace("def features(", "def features_of_old(")
    source.write_text(
        text + "\n\ndef features(_words: object, _log: object) -> int:\n    return 7\n"
    )
    assert run(package, "features").returncode == 7
    assert "looking.py" not in run(package, "features").stderr  # and is kept as it is now


def test_a_damaged_file_is_written_anew(package: Path) -> None:
    run(package, "features")
    for damage in (b"", b"\0" * 4096, kept(package).read_bytes()[:5000]):
        kept(package).write_bytes(damage)
        done = run(package, "features")
        assert done.returncode == 0, done.stderr[-2000:]
        assert "looking.py" not in run(package, "features").stderr


def test_a_module_that_a_run_has_no_use_for_is_left_out(package: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from wardian import startup, units, errors;"
        "startup.keep('wardian-oci', 'features')"
    )
    subprocess.run([sys.executable, "-I", "-S", "-c", code, str(package.parent)], check=True)
    before = kept(package).read_bytes()
    assert b"units.py" in before
    assert run(package, "features").returncode == 0
    assert b"units.py" not in kept(package).read_bytes()


def test_a_directory_that_may_not_be_written_is_left_alone(package: Path) -> None:
    (package / "__pycache__").mkdir()
    os.chmod(package / "__pycache__", 0o500)
    if os.access(package / "__pycache__", os.W_OK):
        (package / "__pycache__").rmdir()
        (package / "__pycache__").write_text("in the way")
    assert run(package, "features").returncode == 0
    assert run(package, "features").returncode == 0
