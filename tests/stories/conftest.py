"""A registry behind a proxy with faults, where a story brings none of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import pictures, registries
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
