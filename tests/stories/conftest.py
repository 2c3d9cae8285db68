"""A registry behind a proxy with faults, where a story brings none of its own."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import pictures, registries
from tests.building import Build
from tests.conftest import Wardian
from tests.faulty import BIG, SMALL, Waits
from tests.registries import FaultProxy, Registry, skopeo
from wardian.images.store import Store


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> pictures.Layout:
    made = pictures.Layout(tmp_path_factory.mktemp("layout") / "layout")
    made.name(made.manifest([{"big": BIG}, {"small": SMALL}]), "app")
    return made


@pytest.fixture(scope="module")
def registry(
    tmp_path_factory: pytest.TempPathFactory, layout: pictures.Layout
) -> Iterator[Registry]:
    with registries.registry(tmp_path_factory.mktemp("registry")) as running:
        skopeo(
            *("copy", "--dest-tls-verify=false", "--preserve-digests"),
            *(f"oci:{layout.path}:app", f"docker://{running.address}/team/app:1"),
        )
        yield running


@pytest.fixture
def proxy(registry: Registry) -> Iterator[FaultProxy]:
    with registries.fault_proxy(registry.port) as running:
        yield running


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path))


@pytest.fixture
def base(wardian: Wardian, busybox_root: Path) -> str:
    """An image of a static busybox."""
    done = wardian("import", str(busybox_root), "bb")
    assert done.returncode == 0, done.stderr
    return "bb"


@pytest.fixture
def context(tmp_path: Path) -> Path:
    found = tmp_path / "context"
    found.mkdir()
    return found


@pytest.fixture
def build(wardian: Wardian, base: str, context: Path) -> Build:
    """Build a recipe in the context: build(text, *options)."""

    def run(text: str, *options: str, **words: object) -> subprocess.CompletedProcess[str]:
        (context / "Containerfile").write_text(text)
        return wardian("build", "--no-lock", "-t", "made", *options, str(context), **words)

    return run
