"""An ordinary user pulls, unpacks, saves and removes images, as root does."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import pictures, registries
from tests.registries import Registry, skopeo
from tests.users import User

pytestmark = pytest.mark.rootless


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with registries.registry(tmp_path_factory.mktemp("registry")) as running:
        layout = pictures.Layout(tmp_path_factory.mktemp("layout") / "layout")
        layout.name(layout.manifest([{"etc/name": b"bottom\n"}, {"etc/name": b"top\n"}]), "app")
        skopeo(
            *("copy", "--dest-tls-verify=false", "--preserve-digests"),
            *(f"oci:{layout.path}:app", f"docker://{running.address}/team/app:1"),
        )
        yield running


@pytest.fixture(params=["ordinary_user", "lone_user"])
def anyone(request: pytest.FixtureRequest) -> Any:
    """An ordinary user with subordinate ids, and one without."""
    return request.getfixturevalue(request.param)


def test_an_ordinary_user_s_images_are_in_the_home(anyone: User, registry: Registry) -> None:
    name = f"{registry.address}/team/app:1"
    done = anyone.wardian(["pull", name])
    assert done.returncode == 0, done.stderr
    (facts,) = json.loads(anyone.wardian(["inspect", name]).stdout)
    assert {layer["unpacked"] for layer in facts["Layers"]} == {"directory"}
    done = anyone.wardian(["export", "--directory", "tree", name])
    assert done.returncode == 0, done.stderr
    shown = anyone.run(["cat", "tree/etc/name"])
    assert shown.stdout == "top\n"
    assert anyone.wardian(["fsck", "--check"]).returncode == 0
    assert anyone.wardian(["save", "-o", "app.tar", name]).returncode == 0
    assert anyone.wardian(["rmi", name]).returncode == 0
    assert anyone.wardian(["load", "-q", "-i", "app.tar"]).returncode == 0
    assert anyone.wardian(["rmi", name]).returncode == 0
    assert anyone.run(["ls", ".local/share/wardian/images/blobs/sha256"]).stdout == ""


def test_an_ordinary_user_imports_a_directory(anyone: User, tmp_path: Path) -> None:
    anyone.run(["mkdir", "-p", "root/etc"])
    done = anyone.wardian(["import", "root", "mine:1"])
    assert done.returncode == 0, done.stderr
    assert anyone.wardian(["rmi", "mine:1"]).returncode == 0
