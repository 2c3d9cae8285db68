"""`wardian build --verify` builds again in a varied world, and blames what makes images differ."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.building import Build, built
from tests.conftest import Wardian
from tests.machine import leftovers, requires, settled
from tests.users import User

pytestmark = [pytest.mark.root, pytest.mark.slow]

TOOLS = ("bash:/bin/sh", "date", "uname", "mkdir", "od", "head", "tar", "touch", "ls", "cat")
# File: what a RUN step does, and what alone makes it differ.
FAULTS = {
    "host": ("uname -n > /o/host", ["host_name"]),
    "zone": ("date +%Z > /o/zone", ["time_zone"]),
    "home": ("echo $HOME > /o/home", ["home"]),
    "random": ("head -c 8 /dev/urandom > /o/random", []),
    "modes": ("touch /o/x; tar -cf /o/modes --mtime=@0 /o/x", ["umask"]),
    "seed": ("echo $PYTHONHASHSEED > /o/seed", ["hash_seed"]),
    "year": ("date +%Y > /o/year", ["time"]),
    "id": ("cat /etc/machine-id > /o/id 2>&1 || echo > /o/id", ["machine_id"]),
}
GOOD = "FROM tools\nCOPY . /src\nRUN ls -U /src > /list; mkdir -p /a/b; umask 022; touch /a/c\n"


@pytest.fixture
def tools(wardian: Wardian) -> str:
    requires("bash")
    words = []
    for name in TOOLS:
        program, _colon, place = name.partition(":")
        words += ["--program", f"/bin/{program}:{place}" if place else f"/bin/{program}"]
    built(wardian("pack", "-q", "-t", "tools", *words))
    return "tools"


def document(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def store(tmp_path: Path) -> set[str]:
    """What the images take on disk."""
    top = tmp_path / "w-root"
    places = [*top.glob("images/blobs/*/*"), *top.glob("layers/*"), *top.glob("kept/*")]
    assert places
    return {str(path) for path in places}


def test_a_good_build_is_the_same_under_all_variations(
    build: Build, tools: str, wardian: Wardian, context: Path, tmp_path: Path
) -> None:
    for name in ("b", "a", "C"):
        (context / name).write_text(name)
    page = tmp_path / "page.html"
    before = leftovers()
    plain = built(build(GOOD))
    there = store(tmp_path)
    done = build(GOOD, "--verify", "--html", str(page), "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    found = document(done)
    assert found["id"] == plain
    assert found["verified"]["reproducible"]
    assert found["verified"]["runs"] == 2
    varied = {one["name"] for one in found["verified"]["varied"]}
    assert varied >= {"time", "file_order", "user", "umask", "locale", "home", "build_path"}
    assert any(name.endswith(": list") for name in found["verified"]["same"])
    assert "<b>Reproducible.</b>" in page.read_text()
    assert store(tmp_path) == there
    assert not settled(before)


def test_each_fault_is_found_and_blamed(build: Build, tools: str, tmp_path: Path) -> None:
    steps = "".join(f"RUN {command}\n" for command, _causes in FAULTS.values())
    done = build(f"FROM tools\nRUN mkdir /o && echo > /o/fine\n{steps}", "--verify", "--json")
    assert done.returncode == 1, done.stderr
    rows = document(done)["verified"]["differences"]
    found = {row["path"].rpartition("/")[2]: row for row in rows}
    assert {
        name: [word for words in found[name]["causes"] for word in words] for name in FAULTS
    } == {name: causes for name, (_command, causes) in FAULTS.items()}
    assert set(found) == set(FAULTS)
    assert found["host"]["path"] == "layer 2, RUN uname -n > /o/host: o/host"
    assert any("host's name" in reason for reason in found["host"]["reasons"])
    (place, *_more) = found["modes"]["places"]
    assert place["where"] == "o/x"


def test_what_is_not_content_counts_too(build: Build, tools: str) -> None:
    done = build(
        "FROM tools\nRUN date +%S%N > /$(uname -n); touch /x\n", "--verify", "--vary=host_name"
    )
    assert done.returncode == 1
    assert "varied-host" in done.stdout
    assert "NOT reproducible" in done.stdout


def test_a_step_that_fails_in_another_world_is_a_difference(build: Build, tools: str) -> None:
    recipe = 'FROM tools\nRUN [ "$(uname -n)" = wardian ]\n'
    done = build(recipe, "--verify", "--json")
    assert done.returncode == 1, done.stderr
    (row,) = document(done)["verified"]["differences"]
    assert (row["path"], row["causes"]) == ("(exit code)", [["host_name"]])


def test_a_lock_and_a_compressed_layer_are_no_difference(
    wardian: Wardian, tools: str, context: Path
) -> None:
    (context / "f").write_text("f")
    (context / "Containerfile").write_text("FROM tools\nCOPY . /src\nRUN cat /src/f > /g\n")
    for _time in range(2):  # without a lock, and with one
        done = wardian("build", "--verify", "--compression", "gzip", str(context))
        assert done.returncode == 0, done.stdout + done.stderr
    assert (context / "wardian.lock").exists()
    without = wardian("build", "-q", "--no-lock", str(context))
    assert built(without) == built(wardian("build", "-q", str(context)))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--vary", "locale"], "--vary goes with --verify"),
        (["--html", "x"], "--html goes with --verify"),
        (["--verify", "--vary", "nope"], 'vary "nope": there is no such'),
    ],
)
def test_wrong_words_are_refused_before_anything_is_built(
    build: Build, words: list[str], said: str
) -> None:
    done = build("FROM bb\nRUN false", *words)
    assert done.returncode == 125
    assert said in done.stderr
    assert "[1/" not in done.stderr


def test_an_ordinary_user_verifies_too(
    wardian: Wardian, tools: str, tmp_path: Path, ordinary_user: User
) -> None:
    context = ordinary_user.home / "verified"
    context.mkdir()
    (context / "f").write_text("f")
    (context / "Containerfile").write_text(GOOD + "RUN uname -n > /h\n")
    archive = ordinary_user.home / "tools.tar"
    done = wardian("save", "--format", "oci-archive", "-o", str(archive), tools)
    assert done.returncode == 0, done.stderr
    owner = f"{ordinary_user.uid}:{ordinary_user.gid}"
    subprocess.run(["chown", "-R", owner, str(ordinary_user.home)], check=True)
    assert ordinary_user.wardian(["load", "-i", "tools.tar"]).returncode == 0
    done = ordinary_user.wardian(["build", "--verify", "--json", "verified"])
    assert done.returncode == 1, done.stdout + done.stderr
    (row,) = document(done)["verified"]["differences"]
    assert row["causes"] == [["host_name"]]
