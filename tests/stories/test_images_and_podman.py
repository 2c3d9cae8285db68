"""podman and we have the same trees: of what we push, save and make, and of what podman does."""

import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import registries
from tests.conftest import Wardian
from tests.kernel.test_layers_and_umoci import everything
from tests.machine import requires
from tests.registries import Registry
from tests.trees import archive, describe, simple

pytestmark = [pytest.mark.root, pytest.mark.slow]
UPPER = ("etc/", "etc/.wh.05", "etc/new", "deep/", "deep/.wh..wh..opq", "deep/only")


class Podman:
    """podman with a storage of its own."""

    def __init__(self, place: Path, run: str) -> None:
        requires("podman")
        self._words = ["podman", "--root", str(place), "--runroot", run, "--storage-driver", "vfs"]

    def __call__(self, *words: str) -> str:
        done = subprocess.run([*self._words, *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def tree(self, image: str) -> dict[str, tuple[object, ...]]:
        """What it shows of an image."""
        try:
            return describe(self("image", "mount", image))
        finally:
            self("image", "unmount", image)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with registries.registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture
def podman(tmp_path: Path) -> Iterator[Podman]:
    with tempfile.TemporaryDirectory(prefix="wardian-", dir="/tmp") as run:  # 50 letters at most
        made = Podman(tmp_path / "podman", run)
        yield made
        made("rmi", "--all", "--force")


@pytest.fixture
def ours(wardian: Wardian, tmp_path: Path) -> str:
    """An image with everything that a tree can have."""
    packed = tmp_path / "root.tar"
    packed.write_bytes(archive(everything()))
    done = wardian("import", "-c", 'CMD ["/bin/program"]', str(packed), "ours:1")
    assert done.returncode == 0, done.stderr
    return "ours:1"


def tree(wardian: Wardian, name: str, place: Path) -> dict[str, tuple[object, ...]]:
    done = wardian("export", "--directory", str(place), name)
    assert done.returncode == 0, done.stderr
    return describe(place)


def same(found: dict[str, tuple[object, ...]], wanted: dict[str, tuple[object, ...]]) -> None:
    """Compare all but the top, whose attributes podman takes from nowhere."""
    assert {path: row for path, row in found.items() if path} == {
        path: row for path, row in wanted.items() if path
    }


def test_podman_has_the_tree_that_we_pushed(
    wardian: Wardian, ours: str, registry: Registry, podman: Podman, tmp_path: Path
) -> None:
    name = f"{registry.address}/team/ours:1"
    wardian("tag", ours, name)
    assert wardian("push", name).returncode == 0
    podman("pull", "-q", "--tls-verify=false", name)
    same(podman.tree(name), tree(wardian, ours, tmp_path / "tree"))


@pytest.mark.parametrize("form", ["docker-archive", "oci-archive"])
def test_podman_loads_what_we_save(
    wardian: Wardian, ours: str, podman: Podman, tmp_path: Path, form: str
) -> None:
    file = tmp_path / "saved.tar"
    assert wardian("save", "--format", form, "-o", str(file), ours).returncode == 0
    podman("load", "-q", "-i", str(file))
    (image,) = podman("images", "-q").split()
    same(podman.tree(image), tree(wardian, ours, tmp_path / "tree"))


@pytest.fixture
def theirs(podman: Podman, tmp_path: Path) -> str:
    """An image of podman's with two layers, the upper one with whiteouts."""
    packed = tmp_path / "root.tar"
    packed.write_bytes(archive(everything()))
    podman("import", "-q", str(packed), "localhost/theirs:0")
    context = tmp_path / "context"
    context.mkdir()
    (context / "new").write_text("new\n")
    (context / "Containerfile").write_text("FROM localhost/theirs:0\nCOPY new /etc/new\n")
    podman("build", "-q", "-t", "localhost/theirs:1", "--isolation", "chroot", str(context))
    return "localhost/theirs:1"


def test_we_have_the_tree_that_podman_pushed(
    wardian: Wardian, theirs: str, registry: Registry, podman: Podman, tmp_path: Path
) -> None:
    name = f"{registry.address}/team/theirs:1"
    podman("push", "-q", "--tls-verify=false", theirs, name)
    done = wardian("pull", "-q", name)
    assert done.returncode == 0, done.stderr
    same(tree(wardian, name, tmp_path / "tree"), podman.tree(theirs))


@pytest.mark.parametrize("form", ["docker-archive", "oci-archive"])
def test_we_load_what_podman_saves(
    wardian: Wardian, theirs: str, podman: Podman, tmp_path: Path, form: str
) -> None:
    file = tmp_path / "saved.tar"
    podman("save", "-q", "--format", form, "-o", str(file), theirs)
    done = wardian("load", "-q", "-i", str(file))
    assert done.returncode == 0, done.stderr
    (image,) = wardian("images", "-q").stdout.split()
    same(tree(wardian, image, tmp_path / "tree"), podman.tree(theirs))


def test_podman_hides_what_our_whiteouts_hide(
    wardian: Wardian, registry: Registry, podman: Podman, tmp_path: Path
) -> None:
    name = f"{registry.address}/team/white:1"
    podman_s = tmp_path / "layout"
    from tests import pictures

    layout = pictures.Layout(podman_s)
    layout.name(layout.manifest([archive(everything()), simple(*UPPER)]), "white")
    registries.skopeo(
        *("copy", "--dest-tls-verify=false", "--preserve-digests"),
        *(f"oci:{podman_s}:white", f"docker://{name}"),
    )
    assert wardian("pull", "-q", name).returncode == 0
    podman("pull", "-q", "--tls-verify=false", name)
    same(podman.tree(name), tree(wardian, name, tmp_path / "tree"))
