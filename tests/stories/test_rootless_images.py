"""An ordinary user pulls, unpacks, saves and removes images, as root does."""

import json
import random
import time
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
    """An ordinary user with subordinate ids, and one without; neither has images of other tests."""
    user: User = request.getfixturevalue(request.param)
    for image in user.wardian(["images", "-a", "-q"]).stdout.split():
        user.wardian(["rmi", "-f", image])
    user.wardian(["prune"])
    return user


def test_an_ordinary_user_s_images_are_in_the_home(anyone: User, registry: Registry) -> None:
    name = f"{registry.address}/team/app:1"
    blobs = [".local/share/wardian/images/blobs/sha256"]
    before = anyone.run(["ls", *blobs]).stdout  # of other tests' images
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
    assert anyone.run(["ls", *blobs]).stdout == before


def test_an_ordinary_user_imports_a_directory(anyone: User, tmp_path: Path) -> None:
    anyone.run(["mkdir", "-p", "root/etc"])
    done = anyone.wardian(["import", "root", "mine:1"])
    assert done.returncode == 0, done.stderr
    assert anyone.wardian(["rmi", "mine:1"]).returncode == 0


@pytest.mark.slow
def test_kill_9_at_random_moments_leaves_a_user_s_directories_right(
    anyone: User, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Files of subordinate ids, which a process of another user namespace was making."""
    layout = pictures.Layout(tmp_path_factory.mktemp("many") / "layout")
    rows = [{f"d{n}/{m}": b"x" * 3000 for m in range(400)} for n in range(4)]
    layout.name(layout.manifest(rows), "app")
    with registries.registry(tmp_path_factory.mktemp("shop")) as running:
        name = f"{running.address}/team/many:1"
        skopeo(
            *("copy", "--dest-tls-verify=false", "--preserve-digests"),
            *(f"oci:{layout.path}:app", f"docker://{name}"),
        )
        command = [str(anyone.prefix / "bin" / "wardian"), "pull", "-q", name]
        before = json.loads(anyone.wardian(["fsck", "--check", "--json"]).stdout)
        began = time.monotonic()
        assert anyone.run(command).returncode == 0
        whole_s = time.monotonic() - began
        chance = random.Random(7)
        killed = 0
        for _number in range(10):
            anyone.wardian(["rmi", "-f", name])
            limit = f"{chance.uniform(0.05, whole_s):.3f}"
            killed += anyone.run(["timeout", "-s", "KILL", limit, *command]).returncode != 0
        assert killed > 2
        done = anyone.run(command)
    assert done.returncode == 0, done.stderr
    done = anyone.wardian(["fsck", "--check", "--json"])
    counts = {"blobs": before["blobs"] + 6, "layers": before["layers"] + 4}
    assert json.loads(done.stdout) == {"sound": True, **counts, "findings": []}
    assert anyone.wardian(["prune"]).returncode == 0
    there = anyone.run(["ls", "-A", ".local/share/wardian/layers"]).stdout.split()
    assert [one for one in there if one.startswith((".tmp", ".lock"))] == []
    assert len(there) == 4
    assert anyone.wardian(["rmi", name]).returncode == 0
