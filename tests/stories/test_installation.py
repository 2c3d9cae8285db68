"""The wheel holds the launcher, and the command finds its interpreter wherever it is installed."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.habits import project
from tests.machine import requires

pytestmark = pytest.mark.slow

SHEBANG = "#!/bin/sh\n"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from the files that git knows."""
    requires("compiler")
    top = tmp_path_factory.mktemp("wheel")
    for path in project.files():
        copy = top / "source" / path.relative_to(project.ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--no-deps"]
    done = subprocess.run(
        [*pip, "--no-build-isolation", "--no-index", "--wheel-dir", top, top / "source"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (built,) = top.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def prefix(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment, without pip, with the wheel in it."""
    place = tmp_path_factory.mktemp("venv") / "env"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", place], check=True)
    pip = [sys.executable, "-m", "pip", "--python", str(place / "bin" / "python")]
    subprocess.run([*pip, "install", "-q", "--no-index", "--no-deps", wheel], check=True)
    return place


def say_version(*command: object, **env: str) -> str:
    """Run `COMMAND --version` far away from the source; returns what it printed."""
    done = subprocess.run(
        [*map(str, command), "--version"],
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        env={"PATH": "/usr/bin:/bin", **env},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_wheel_is_for_any_python_3_on_this_machine_s_architecture(wheel: Path) -> None:
    assert wheel.name.startswith("wardian-")
    assert "-py3-none-linux_" in wheel.name


def test_the_wheel_holds_the_launcher_and_type_information(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        launcher = archive.getinfo("wardian/wardian-launcher")
        assert archive.read(launcher)[:4] == b"\x7fELF"
    assert launcher.external_attr >> 16 & 0o111 == 0o111
    assert "wardian/py.typed" in names
    assert "wardian/engine/seccomp_default.json" in names
    assert not [name for name in names if name.startswith(("tests/", "launcher/"))]


def test_the_installed_command_runs(prefix: Path) -> None:
    assert say_version(prefix / "bin" / "wardian").startswith("wardian ")


def test_the_installed_launcher_stands_alone(prefix: Path) -> None:
    (launcher,) = prefix.glob("lib/python3.*/site-packages/wardian/wardian-launcher")
    done = subprocess.run(["readelf", "-d", launcher], capture_output=True, text=True, check=True)
    assert "NEEDED" not in done.stdout


def test_the_command_is_found_through_symbolic_links(prefix: Path, tmp_path: Path) -> None:
    (tmp_path / "first").symlink_to(prefix / "bin" / "wardian")
    (tmp_path / "second").symlink_to("first")
    assert say_version(tmp_path / "second") == say_version(prefix / "bin" / "wardian")


def test_the_command_is_found_by_name(prefix: Path) -> None:
    assert say_version("wardian", PATH=f"{prefix}/bin:/usr/bin:/bin").startswith("wardian ")


def test_the_user_s_python_variables_do_not_count(prefix: Path, tmp_path: Path) -> None:
    (tmp_path / "os.py").write_text("raise SystemExit('the wrong os')")
    variables = {"PYTHONPATH": str(tmp_path), "PYTHONHOME": "/nowhere", "PYTHONSTARTUP": "/nowhere"}
    assert say_version(prefix / "bin" / "wardian", **variables).startswith("wardian ")


def test_the_command_runs_from_a_checkout(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    shutil.copy(project.ROOT / "bin" / "wardian", tmp_path / "bin")
    (tmp_path / "src").symlink_to(project.ROOT / "src")
    assert say_version(tmp_path / "bin" / "wardian").startswith("wardian ")


def test_a_command_without_its_package_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    shutil.copy(project.ROOT / "bin" / "wardian", tmp_path / "bin")
    done = subprocess.run(
        [tmp_path / "bin" / "wardian"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 125
    assert "install wardian again" in done.stderr


def test_pip_leaves_the_command_s_first_line_alone(prefix: Path) -> None:
    assert (prefix / "bin" / "wardian").read_text(encoding="utf-8").startswith(SHEBANG)


def test_a_machine_without_a_compiler_is_told_what_to_install(tmp_path: Path) -> None:
    tool = str(project.ROOT / "tools" / "build_launcher.py")
    build = [sys.executable, tool, str(tmp_path / "launcher")]
    done = subprocess.run(
        build, capture_output=True, text=True, check=False, env={"PATH": str(tmp_path)}
    )
    assert done.returncode == 1
    assert "apt-get install gcc libc6-dev" in done.stderr
