"""`start` of a container that waits for nothing else takes no interpreter; all others do."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import wardian
from tests.habits.project import ROOT
from tests.runtimes import Bundle, Runtime, configuration, own_programs, runtime

pytestmark = pytest.mark.root
NEEDS_PYTHON = 9


@pytest.fixture
def oci(tmp_path: Path) -> Iterator[Runtime]:
    with runtime(tmp_path / "state") as found:
        found.program = own_programs()[0]
        yield found


@pytest.fixture
def bundle(tmp_path: Path, busybox_root: Path) -> Bundle:
    return Bundle(tmp_path / "bundle", busybox_root, configuration("sleep", "1000"))


@pytest.fixture
def without_python(oci: Runtime, tmp_path: Path) -> Runtime:
    """The same runtime where the interpreter's part does nothing but end with NEEDS_PYTHON."""
    place = tmp_path / "installed"
    shutil.copytree(ROOT / "bin", place / "bin")
    (place / "src/wardian").mkdir(parents=True)
    launcher = Path(wardian.__file__).parent / "wardian-launcher"
    shutil.copy(launcher, place / "src/wardian/wardian-launcher")
    (place / "src/wardian/begin.py").write_text(f"raise SystemExit({NEEDS_PYTHON})\n")
    return Runtime(place / "bin/wardian-oci", oci.state)


@pytest.mark.parametrize(
    "options", [(), ("--log", "/dev/null", "--log-format", "json"), ("--systemd-cgroup",)]
)
def test_a_plain_start_is_the_launcher_s(
    oci: Runtime, without_python: Runtime, bundle: Bundle, options: tuple[str, ...]
) -> None:
    name = oci.create(bundle)
    done = without_python(*options, "start", name)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert oci.state_of(name)["status"] == "running"
    assert without_python("start", name).returncode == NEEDS_PYTHON
    again = oci("start", name)
    assert (again.returncode, "already running" in again.stderr) == (1, True)


@pytest.mark.parametrize(
    "words",
    [
        ("--log-format", "xml", "start", "{}"),
        ("--debug", "start", "{}"),
        ("start", "--help", "{}"),
        ("start", "{}", "more"),
        ("start", "../state/{}"),
        ("start", "other"),
        ("start",),
        ("start", "."),
        ("--root",),
        ("state", "{}"),
        (),
    ],
)
def test_what_is_said_otherwise_is_python_s(
    oci: Runtime, without_python: Runtime, bundle: Bundle, words: tuple[str, ...]
) -> None:
    name = oci.create(bundle)
    done = without_python(*(word.format(name) for word in words))
    assert done.returncode == NEEDS_PYTHON
    assert oci.state_of(name)["status"] == "created"


def test_hooks_a_pause_and_an_agent_of_the_filter_are_python_s(
    oci: Runtime, without_python: Runtime, bundle: Bundle
) -> None:
    paused = oci.create(bundle)
    assert oci("pause", paused).returncode == 0
    assert without_python("start", paused).returncode == NEEDS_PYTHON
    assert "already running" in oci("start", paused).stderr
    assert oci("resume", paused).returncode == 0
    assert oci("start", paused).returncode == 0
    del bundle.config["linux"]["cgroupsPath"]
    told = bundle.path / "told"
    for kind in ("startContainer", "poststart"):
        inside = "/told" if kind == "startContainer" else str(told)
        program = "/bin/sh" if kind == "startContainer" else shutil.which("sh")
        bundle.config["hooks"] = {
            kind: [{"path": program, "args": ["sh", "-c", f"echo {kind} >> {inside}"]}]
        }
        name = oci.create(bundle)
        del bundle.config["linux"]["cgroupsPath"]
        assert without_python("start", name).returncode == NEEDS_PYTHON
        assert oci("start", name).returncode == 0
    assert (bundle.rootfs / "told").read_text() == "startContainer\n"
    assert told.read_text() == "poststart\n"


def test_a_program_that_can_t_be_executed_is_told_as_ever(oci: Runtime, bundle: Bundle) -> None:
    program = bundle.rootfs / "bin/nonsense"
    program.write_text("nonsense")
    program.chmod(0o755)
    bundle.config["process"]["args"] = ["/bin/nonsense"]
    name = oci.create(bundle)
    done = oci("start", name)
    assert done.returncode == 1
    assert "exec format error" in done.stderr
    assert oci.state_of(name)["status"] == "stopped"
    assert "stopped" in oci("start", name).stderr
    assert oci("delete", name).returncode == 0
    assert not os.listdir(oci.state)


def test_a_container_whose_process_was_killed_is_no_riddle(
    oci: Runtime, without_python: Runtime, bundle: Bundle
) -> None:
    name = oci.create(bundle)
    assert oci("kill", name, "KILL").returncode == 0
    assert without_python("start", name).returncode == NEEDS_PYTHON
    assert "stopped" in oci("start", name).stderr


def test_of_two_starts_at_once_one_is_refused(oci: Runtime, bundle: Bundle) -> None:
    for _ in range(5):
        bundle.config["linux"].pop("cgroupsPath", None)
        name = oci.create(bundle)
        both = [
            subprocess.Popen(oci.argv("start", name), stderr=subprocess.PIPE, text=True)
            for _ in range(2)
        ]
        answers = [one.communicate()[1] for one in both]
        assert sorted(one.returncode for one in both) == [0, 1]
        assert any("already running" in text for text in answers)
