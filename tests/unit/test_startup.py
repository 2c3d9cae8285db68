"""Modules that a command keeps together, in a copy of the package."""

import marshal
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import wardian

LESSONS = 3


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the package that this test may change."""
    source = Path(wardian.__file__).parent
    target = tmp_path / "wardian"
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    return target


def run(
    package: Path, *words: str, env: "dict[str, str] | None" = None
) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-I", "-S", "-v", str(package / "begin.py"), "wardian-oci", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=env)


def taught(package: Path) -> "subprocess.CompletedProcess[str]":
    """Run the command until everything is kept; return a run after that."""
    for _ in range(LESSONS):
        assert run(package, "features").returncode == 0
    return run(package, "features")


def kept(package: Path) -> Path:
    (found,) = (package / "__pycache__").glob("wardian-oci-features.*.kept")
    return found


def test_what_was_learnt_is_executed_ahead(package: Path) -> None:
    first = run(package, "features")
    last = taught(package)
    assert first.returncode == last.returncode == 0
    assert first.stdout == last.stdout
    assert "looking.py" in first.stderr  # python -v names what it imports by itself
    assert "looking.py" not in last.stderr
    assert "import 'wardian.oci_cli.looking'" not in last.stderr  # nor was it looked for


def test_the_second_run_finds_its_modules_in_one_file(package: Path) -> None:
    run(package, "features")
    assert "looking.py" not in run(package, "features").stderr


@pytest.mark.parametrize("lessons", [1, LESSONS])
def test_a_changed_source_counts_at_once(package: Path, lessons: int) -> None:
    for _ in range(lessons):
        run(package, "features")
    source = package / "oci_cli/looking.py"
    text = source.read_text().replace("def features(", "def features_of_old(")
    source.write_text(
        text + "\n\ndef features(_words: object, _log: object) -> int:\n    return 7\n"
    )
    for _ in range(LESSONS + 2):
        assert run(package, "features").returncode == 7
    assert "looking.py" not in run(package, "features").stderr  # and is kept as it is now


def test_a_changed_startup_counts_at_once(package: Path) -> None:
    taught(package)
    source = package / "startup.py"
    source.write_text(source.read_text() + "\nsys.stdout.write('changed\\n')\n")
    assert run(package, "features").stdout.startswith("changed")


def test_a_damaged_file_is_written_anew(package: Path) -> None:
    taught(package)
    whole = kept(package).read_bytes()
    others = map(marshal.dumps, ((1,), ("a", "b", 3, (), ()), (("x = ",), "b", 3, (), ())))
    for damage in (b"\0" * 4096, whole[:5000], *others):
        kept(package).write_bytes(damage)
        done = run(package, "features")
        assert done.returncode == 0, done.stderr[-2000:]
        assert "looking.py" not in run(package, "features").stderr


def test_what_one_run_alone_needs_is_no_burden_for_others(package: Path) -> None:
    taught(package)
    unusual = run(package, "--root", str(package), "features", "--help")
    assert unusual.returncode == 0
    with_units = "from wardian import units\n"
    source = package / "oci_cli/looking.py"
    source.write_text(
        source.read_text().replace(
            "def features(",
            "def features(words, log):\n    import os\n    if 'UNITS' in os.environ:\n        "
            + with_units.strip()
            + "\n    return features_of_old(words, log)\n\n\ndef features_of_old(",
        )
    )
    environment = {**os.environ, "UNITS": "1"}
    taught(package)
    assert b"units.py" not in kept(package).read_bytes()
    for place in range(2):  # found as ever, then in the file
        done = run(package, "features", env=environment)
        assert done.returncode == 0
        assert ("units.py" in done.stderr) == (place == 0)
    assert "wardian.units" not in run(package, "features").stderr


def test_a_directory_that_may_not_be_written_is_left_alone(package: Path) -> None:
    (package / "__pycache__").mkdir()
    os.chmod(package / "__pycache__", 0o500)
    if os.access(package / "__pycache__", os.W_OK):
        (package / "__pycache__").rmdir()
        (package / "__pycache__").write_text("in the way")
    assert run(package, "features").returncode == 0
    assert run(package, "features").returncode == 0
