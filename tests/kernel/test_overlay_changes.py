"""What the kernel writes into an upper layer is read as what was done."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from wardian.kernel import overlay, trees

pytestmark = pytest.mark.root

# Mounts the overlay in a mount namespace of its own, runs a script in it, tells what it shows.
SCRIPT = """
import json, os, subprocess, sys
top, options, script = sys.argv[1:]
os.makedirs(top + "/work", exist_ok=True)
os.makedirs(top + "/merged", exist_ok=True)
words = f"lowerdir={top}/lower,upperdir={top}/upper,workdir={top}/work{options}"
subprocess.run(["mount", "-t", "overlay", "overlay", "-o", words, top + "/merged"], check=True)
os.chdir(top + "/merged")
subprocess.run(["sh", "-ec", script], check=True)
shown = {}
for directory, names, files in os.walk("."):
    for name in names + files:
        path = os.path.join(directory, name)
        found = os.lstat(path)
        text = None
        if os.path.islink(path):
            text = os.readlink(path)
        elif os.path.isfile(path):
            text = open(path).read()
        shown[path[1:]] = [found.st_mode, text]
print(json.dumps(shown))
"""

NAMESPACES = {
    "root": (["unshare", "-m", "--propagation", "private"], ""),
    "user namespace": (["unshare", "-Urm", "--propagation", "private"], ",userxattr"),
}


@pytest.fixture(params=list(NAMESPACES))
def who(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def top(tmp_path: Path) -> Path:
    lower = tmp_path / "lower"
    for name in ("etc/conf.d", "usr/bin", "var/log", "deep/er/still", "opaque/sub"):
        (lower / name).mkdir(parents=True)
    for name in ("etc/passwd", "etc/conf.d/one", "usr/bin/tool", "var/log/x", "deep/er/still/file"):
        (lower / name).write_text(name)
    for name in ("opaque/gone", "opaque/back", "opaque/sub/gone", "untouched"):
        (lower / name).write_text(name)
    (lower / "link").symlink_to("etc")
    (tmp_path / "upper").mkdir()
    return tmp_path


def play(top: Path, who: str, script: str) -> dict[str, Any]:
    """Run a script in the overlay; returns what it shows afterwards."""
    enter, options = NAMESPACES[who]
    done = subprocess.run(
        [*enter, sys.executable, "-c", SCRIPT, top, options, script],
        capture_output=True,
        text=True,
        check=False,
    )
    if "unshare" in done.stderr:
        pytest.skip(f"missing: {' '.join(enter)}: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    shown: dict[str, Any] = json.loads(done.stdout)
    return shown


def changes(top: Path) -> list[str]:
    return [str(change) for change in overlay.changes(f"{top}/upper", f"{top}/lower")]


def test_the_kinds_are_those_of_docker_diff(top: Path, who: str) -> None:
    digest = trees.digest(str(top / "lower"), times=True)
    play(
        top,
        who,
        """
        echo more >>etc/passwd
        rm etc/conf.d/one
        echo new >usr/bin/new
        rm -r var
        rm -r opaque; mkdir opaque; echo again >opaque/back; mkdir opaque/sub; echo x >opaque/new
        chmod 600 deep/er/still/file
        rm link; mkdir link; echo x >link/file
        mkdir made; ln -s /nowhere made/link; mkfifo made/pipe
        cat untouched >/dev/null
        touch gone; rm gone
        """,
    )
    assert changes(top) == [
        "C /deep",
        "C /deep/er",
        "C /deep/er/still",
        "C /deep/er/still/file",
        "C /etc",
        "C /etc/conf.d",
        "D /etc/conf.d/one",
        "C /etc/passwd",
        "C /link",
        "A /link/file",
        "A /made",
        "A /made/link",
        "A /made/pipe",
        "C /opaque",
        "C /opaque/back",
        "D /opaque/gone",
        "A /opaque/new",
        "C /opaque/sub",
        "D /opaque/sub/gone",
        "C /usr",
        "C /usr/bin",
        "A /usr/bin/new",
        "D /var",
    ]
    assert trees.digest(str(top / "lower"), times=True) == digest


def test_reading_changes_nothing(top: Path, who: str) -> None:
    play(top, who, "find . -type f -exec cat {} + >/dev/null; test -x usr/bin/tool || true")
    assert changes(top) == []


def test_looking_up_a_directory_that_was_copied_up_for_nothing_is_no_change(
    top: Path, who: str
) -> None:
    play(top, who, "touch -r deep stamp-free; rm stamp-free; mkdir var/log/d; rmdir var/log/d")
    assert "A" not in {line[0] for line in changes(top)}
    assert "D" not in {line[0] for line in changes(top)}


NAMES = ["a", "b", "c", "a-b", "sub"]


def random_script(seed: int) -> str:
    """Return a script of things that can fail, each on its own."""
    dice = random.Random(seed)

    def path() -> str:
        return "/".join(dice.choices(NAMES, k=dice.randint(1, 3)))

    lines = []
    for number in range(40):
        one, two = path(), path()
        lines.append(
            dice.choice(
                [
                    f"mkdir -p {one}",
                    f"echo {number} >{one}",
                    f"rm -rf {one}",
                    f"mv -T {one} {two}",
                    f"ln -s {two} {one}",
                    f"rm -rf {one}; mkdir {one}; echo {number} >{one}/sub",
                    f"ln {one} {two}",
                ]
            )
        )
    return "\n".join(f"({line}) 2>/dev/null || true" for line in lines)


def state(directory: Path) -> dict[str, tuple[int, str | None]]:
    found: dict[str, tuple[int, str | None]] = {}
    for place, names, files in os.walk(directory):
        for name in names + files:
            path = Path(place, name)
            text = None
            if path.is_symlink():
                text = os.readlink(path)
            elif path.is_file():
                text = path.read_text()
            found[f"/{path.relative_to(directory)}"] = (path.lstat().st_mode, text)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_any_work_is_told_as_the_difference_of_what_is_shown(
    tmp_path: Path, who: str, seed: int
) -> None:
    top = tmp_path
    (top / "lower").mkdir()
    (top / "upper").mkdir()
    subprocess.run(["sh", "-c", random_script(seed + 1000)], cwd=top / "lower", check=True)
    before = state(top / "lower")
    after = {path: tuple(row) for path, row in play(top, who, random_script(seed)).items()}
    told = {change.path: change.kind for change in overlay.changes(f"{top}/upper", f"{top}/lower")}

    added = set(after) - set(before)
    # of a deleted tree only its top is told, and nothing below what is another thing now
    deleted = {
        path
        for path in set(before) - set(after)
        if os.path.dirname(path) == "/"
        or (
            os.path.dirname(path) in after
            and after[os.path.dirname(path)][0] & 0o170000 == 0o040000
        )
    }
    assert {path for path, kind in told.items() if kind == "A"} == added
    assert {path for path, kind in told.items() if kind == "D"} == deleted
    differing = {path for path in set(before) & set(after) if before[path] != after[path]}
    changed = {path for path, kind in told.items() if kind == "C"}
    assert differing <= changed
    assert changed <= set(before) & set(after)
    for path in told:
        assert os.path.dirname(path) == "/" or os.path.dirname(path) in told
