"""Fixtures of the tests against the OCI command line."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import machine, runtimes
from tests.runtimes import Bundle, Runtime

HERE = Path(__file__).resolve().parent


@pytest.fixture
def oci(tmp_path: Path) -> Iterator[Runtime]:
    """The OCI runtime under test."""
    machine.requires("root")
    with runtimes.runtime(tmp_path / "oci-state") as tested:
        yield tested


@pytest.fixture
def bundle(tmp_path: Path, busybox_root: Path) -> Bundle:
    """A bundle with a busybox root; change its config before it is used."""
    return Bundle(tmp_path / "bundle", busybox_root, runtimes.configuration())


@pytest.fixture(scope="session")
def static_program(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Compile a C file of this folder into a static program."""
    machine.requires("compiler")
    directory = tmp_path_factory.mktemp("programs")

    def compiled(name: str) -> Path:
        target = directory / name.removesuffix(".c")
        if not target.exists():
            flags = ["-std=gnu11", "-D_GNU_SOURCE", "-O1", "-Wall", "-static"]
            subprocess.run(["cc", *flags, "-o", str(target), str(HERE / name)], check=True)
        return target

    return compiled
