"""Fixtures that every test may use; tests/machine.py and tests/users.py do the work."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import hypothesis
import pytest

from tests import lab_marks, machine, roots, users

# How long an example takes says something of the machine's load, not of the code.
hypothesis.settings.register_profile("wardian", deadline=None)
hypothesis.settings.load_profile("wardian")

Wardian = Callable[..., subprocess.CompletedProcess[str]]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark what runs in the lab; leave out what needs a machine of the lab that this is not."""
    for item in items:
        lab_marks.mark(item)
    elsewhere = [item for item in items if not lab_marks.runs_here(item)]
    if elsewhere:
        config.hook.pytest_deselected(items=elsewhere)
        items[:] = [item for item in items if lab_marks.runs_here(item)]


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Tests marked root or rootless run only as root: the latter make the user they need."""
    for mark in ("root", "rootless"):
        if item.get_closest_marker(mark):
            machine.requires("root")


@pytest.fixture(scope="session", autouse=True)
def signals_at_their_defaults() -> None:
    """A job in the background of a script ignores SIGINT and SIGQUIT, as nohup does SIGHUP.

    What the caller of wardian ignores stays ignored: then the tests would see nothing arrive.
    """
    for number in (signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_terminal_summary(terminalreporter: "pytest.TerminalReporter") -> None:
    """Continuous integration has run the lab before: say here how that ended."""
    summary = os.environ.get("WARDIAN_LAB_SUMMARY")
    if summary:
        words = (
            Path(summary).read_text(encoding="utf-8") if os.path.exists(summary) else "no answer"
        )
        terminalreporter.write_line(f"lab: {words.strip()}")


@pytest.fixture(scope="session", autouse=True)
def own_directories(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what the tests store out of the machine's own directories."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WARDIAN_ROOT", str(tmp_path_factory.mktemp("root")))
        patch.setenv("WARDIAN_STATE", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session", autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """After the last test no process, mount or control group of a box is left on the machine."""
    before = machine.leftovers()
    yield
    left = machine.settled(before)
    assert not left, "left on the machine by the tests: " + ", ".join(sorted(left))


@pytest.fixture
def wardian(tmp_path: Path) -> Wardian:
    """Run the command with directories of its own: wardian("run", "--", "true")."""
    own = {"WARDIAN_ROOT": str(tmp_path / "w-root"), "WARDIAN_STATE": str(tmp_path / "w-state")}

    def run(
        *args: str,
        input: str | None = None,  # noqa: A002 - subprocess.run's word
        env: dict[str, str] | None = None,
        cwd: Path | None = None,
        timeout_s: float = 120,
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "wardian", *args],
            input="" if input is None else input,
            env={**os.environ, **own, **(env or {})},
            cwd=cwd,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_s,
        )

    return run


@pytest.fixture(scope="session")
def installed() -> Iterator[Path]:
    """A prefix with bin/wardian that every user of this machine may run."""
    machine.requires("root")
    with users.installation() as prefix:
        yield prefix


@pytest.fixture(scope="session")
def ordinary_user(installed: Path) -> Iterator[users.User]:
    """A user with subordinate ids."""
    with users.user("ordinary", installed, subordinates=True) as user:
        yield user


@pytest.fixture(scope="session")
def lone_user(installed: Path) -> Iterator[users.User]:
    """A user without subordinate ids, who has only the one id."""
    with users.user("lone", installed, subordinates=False) as user:
        yield user


@pytest.fixture
def busybox_root(tmp_path: Path) -> Path:
    """A directory that is a small root file system: a static busybox and its names."""
    return roots.busybox(tmp_path)
