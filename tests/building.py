"""What tests of `wardian build` share: fixtures in tests/stories/conftest.py use it."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.conftest import Wardian

Build = Callable[..., subprocess.CompletedProcess[str]]


def built(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]


def config(wardian: Wardian, name: str = "made") -> dict[str, object]:
    found: dict[str, object] = json.loads(wardian("inspect", name).stdout)[0]["Config"]
    return found


def said(wardian: Wardian, *command: str) -> str:
    done = wardian("run", "made", *command)
    assert done.returncode == 0, done.stderr
    return done.stdout


def tree(wardian: Wardian, tmp_path: Path, name: str = "made") -> dict[str, tuple[object, ...]]:
    """All that is in an image."""
    place = tmp_path / f"tree-{name}"
    subprocess.run(["rm", "-rf", str(place)], check=True)
    done = wardian("export", "--directory", str(place), name)
    assert done.returncode == 0, done.stderr
    return look(place)


def look(place: Path) -> dict[str, tuple[object, ...]]:
    found: dict[str, tuple[object, ...]] = {}
    for path in sorted(place.rglob("*")):
        state = path.lstat()
        what: object = None
        if path.is_symlink():
            what = os.readlink(path)
        elif path.is_file():
            what = path.read_bytes()
        key = str(path.relative_to(place))
        found[key] = (oct(state.st_mode), state.st_uid, state.st_gid, what)
    return found
