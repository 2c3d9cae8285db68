"""An analysis of gene expression gives the same bytes for everybody, packed; bare, it does not.

examples/gene-expression: real data that the package scanpy ships, with NumPy, SciPy and pandas.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.building import built
from tests.conftest import Wardian
from tests.machine import missing, requires
from tests.users import User

pytestmark = [pytest.mark.root, pytest.mark.slow]

EXAMPLE = Path(__file__).resolve().parent.parent.parent / "examples" / "gene-expression"
DATA = "scanpy/datasets/10x_pbmc68k_reduced.h5ad"
# By what each variation of the world is told to whoever runs it.
WORLDS: dict[str, dict[str, str]] = {
    "locale": {"LC_ALL": "tr_TR.UTF-8"},
    "time zone": {"TZ": "Asia/Tokyo"},
    "hash seed": {"PYTHONHASHSEED": "4711"},
}
USUAL = {"LC_ALL": "C.UTF-8", "TZ": "UTC", "PYTHONHASHSEED": "0", "PATH": os.environ["PATH"]}


def digests(place: Path) -> dict[str, str]:
    found = {one.name: hashlib.sha256(one.read_bytes()).hexdigest() for one in place.iterdir()}
    assert set(found) == {"markers.csv", "tree.csv", "report.txt"}
    return found


@pytest.fixture(scope="module")
def prepared() -> Iterator[Path]:
    """The example with its data, and a venv with what it needs."""
    python = "/usr/bin/python3"
    about = [python, "-c", "import sys, platform; print(sys.version_info[:2], platform.machine())"]
    said = subprocess.run(about, capture_output=True, text=True, check=False).stdout
    if said != "(3, 11) x86_64\n":
        missing(f"Python 3.11 on x86-64, for which the example's hashes are (it is {said})")
    with tempfile.TemporaryDirectory(prefix="wardian-tests-") as name:  # everybody may look
        place = Path(name)
        place.chmod(0o755)
        shutil.copytree(EXAMPLE, place / "context")
        _install(place, python)
        _compile_locale(place / "locale")
        yield place


def _compile_locale(place: Path) -> None:
    source = Path("/usr/share/i18n/locales/tr_TR")
    if not source.exists() or shutil.which("localedef") is None:
        missing("the source of a Turkish locale (Debian's locales)")
    place.mkdir()
    words = ["--no-archive", "-c", "-i", "tr_TR", "-f", "UTF-8", str(place / "tr_TR.utf8")]
    subprocess.run(["localedef", *words], check=False, capture_output=True, umask=0o022)
    assert (place / "tr_TR.utf8" / "LC_COLLATE").exists()


def _install(place: Path, python: str) -> None:
    pip = [sys.executable, "-m", "pip"]
    words = [
        "download",
        "-q",
        "--no-deps",
        "--only-binary=:all:",
        "scanpy==1.11.5",
        "-d",
        str(place),
    ]
    done = subprocess.run([*pip, *words], capture_output=True, text=True, check=False)
    if done.returncode:
        missing(f"PyPI ({done.stderr[-200:]})")
    with zipfile.ZipFile(next(place.glob("scanpy*.whl"))) as wheel:
        (place / "context" / "cells.h5ad").write_bytes(wheel.read(DATA))
    venv = str(place / "venv")
    subprocess.run([python, "-m", "venv", "--without-pip", venv], check=True)
    words = ["--require-hashes", "-r", str(EXAMPLE / "requirements.txt")]
    subprocess.run([*pip, "-q", "--python", venv, "install", *words], check=True)


def test_packed_it_is_the_same_for_everybody(
    wardian: Wardian, prepared: Path, tmp_path: Path, ordinary_user: User
) -> None:
    venv = str(prepared / "venv")
    # The image's interpreter is at the venv's own path.
    recipe = (prepared / "context" / "Containerfile").read_text().replace("/opt/venv", venv)
    (prepared / "context" / "Containerfile").write_text(recipe)
    built(wardian("pack", "-q", "--venv", venv, "-t", "expression-env", timeout_s=900))
    context = str(prepared / "context")
    done = wardian("build", "-q", "--no-lock", "-t", "expression", context, timeout_s=300)
    built(done)
    archive = ordinary_user.home / "expression.tar"
    assert wardian("save", "-o", str(archive), "expression").returncode == 0

    here = tmp_path / "here"
    here.mkdir()
    done = wardian("run", "-v", f"{here}:/results", "expression", timeout_s=300)
    assert done.returncode == 0, done.stderr
    wanted = digests(here)
    assert re.search("genes: .*LYZ", (here / "report.txt").read_text())

    os.chown(archive, ordinary_user.uid, ordinary_user.gid)
    done = ordinary_user.run(["wardian", "load", "-i", archive.name], timeout_s=300)
    assert done.returncode == 0, done.stderr
    worlds = {
        **WORLDS,
        "everything": {key: word for one in WORLDS.values() for key, word in one.items()},
    }
    for name, env in worlds.items():
        there = ordinary_user.home / name.replace(" ", "-")
        there.mkdir()
        os.chown(there, ordinary_user.uid, ordinary_user.gid)
        command = ["wardian", "run", "-v", f"{there}:/results", "expression"]
        if name == "everything":  # and with one processor
            requires("taskset")
            command = ["taskset", "-c", _one_processor(), *command]
        done = ordinary_user.run(command, env=env, timeout_s=300)
        assert done.returncode == 0, done.stderr
        assert digests(there) == wanted, name


def test_bare_it_differs_in_each_of_these_worlds(
    prepared: Path, tmp_path: Path, ordinary_user: User
) -> None:
    requires("taskset")
    if len(os.sched_getaffinity(0)) < 2:
        missing("two processors")
    usual = _bare(prepared, tmp_path / "usual", USUAL)
    assert _bare(prepared, tmp_path / "again", USUAL) == usual  # nothing is random by itself
    for name, env in WORLDS.items():
        assert _bare(prepared, tmp_path / name, {**USUAL, **env}) != usual, name
    one = ["taskset", "-c", _one_processor()]
    assert _bare(prepared, tmp_path / "cpu", USUAL, prefix=one) != usual
    place = ordinary_user.home / "results"
    done = ordinary_user.run(_command(prepared, place), env=USUAL, timeout_s=300)
    assert done.returncode == 0, done.stderr
    assert digests(place) != usual


def _one_processor() -> str:
    return str(min(os.sched_getaffinity(0)))


def _command(prepared: Path, results: Path) -> list[str]:
    context = prepared / "context"
    python = str(prepared / "venv" / "bin" / "python")
    return [python, str(context / "analyse.py"), str(context / "cells.h5ad"), str(results)]


def _bare(
    prepared: Path, results: Path, env: dict[str, str], *, prefix: "list[str] | None" = None
) -> dict[str, str]:
    command = [*(prefix or []), *_command(prepared, results)]
    env = {**env, "LOCPATH": str(prepared / "locale")}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return digests(results)
