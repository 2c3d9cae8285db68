"""Where things lie in the repository, for the tests that read it."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGE = ROOT / "src" / "wardian"
TESTS = ROOT / "tests"
GENERATED = {"src/wardian/runtime/steps.py"}
IGNORED = {".git", ".venv", "build", "dist", "__pycache__"}


def files(*suffixes: str) -> Iterator[Path]:
    """Give the files that git tracks or would track; all files where there is no git."""
    ask = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        done = subprocess.run(ask, capture_output=True, text=True, check=True)
        names = [name for name in done.stdout.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        names = [str(path.relative_to(ROOT)) for path in _walk()]
    for name in sorted(set(names)):
        path = ROOT / name
        if path.is_file() and (not suffixes or path.suffix in suffixes):
            yield path


def _walk() -> Iterator[Path]:
    for directory, below, names in os.walk(ROOT):
        below[:] = [name for name in below if name not in IGNORED]
        yield from (Path(directory, name) for name in names)


def sources() -> Iterator[Path]:
    """Give the package's Python files."""
    return (path for path in files(".py") if PACKAGE in path.parents)


def name_of(path: Path) -> str:
    """Return a path as one writes it from the repository's root."""
    return str(path.relative_to(ROOT))
