"""buildah and we have the same trees: of what we save and push, and of what buildah makes.

buildah's side is what `buildah mount` shows of a working container in which nothing has run.
Layers that it makes have whole seconds; the one below them is as it came.
"""

from pathlib import Path

import pytest

from tests import machine
from tests.engines.clients import Podman
from tests.engines.pairs import CHANGES, Ours, Tree, same
from tests.engines.playground import Playground
from tests.engines.test_buildah import LIMITS, RUNTIME
from tests.trees import describe

OURS, THEIRS = "localhost:5000/b-ours:1", "localhost:5000/b-theirs:1"


@pytest.fixture(scope="module")
def buildah(podman: Podman) -> Playground:
    """The playground, with podman's containers.conf."""
    machine.requires("buildah")
    return podman.place


def tree(place: Playground, image: str) -> Tree:
    """What buildah has unpacked."""
    name = place.output("buildah", "from", "--pull-never", *LIMITS, image).strip()
    try:
        merged = place.output("buildah", "mount", name).strip()
        return describe(f"/proc/{place.pid}/root{merged}")
    finally:
        place.output("buildah", "rm", name)


@pytest.fixture
def ours(buildah: Playground, tmp_path: Path) -> Ours:
    """wardian with an empty store."""
    return Ours(buildah, tmp_path)


@pytest.fixture(scope="module")
def maker(buildah: Playground, tmp_path_factory: pytest.TempPathFactory) -> Ours:
    """wardian with the image OURS."""
    made = Ours(buildah, tmp_path_factory.mktemp("maker"))
    made.changed(OURS)
    return made


@pytest.fixture(scope="module")
def theirs(buildah: Playground, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image of buildah's: an imported layer, and one for each of its steps."""
    files = tmp_path_factory.mktemp("theirs")
    packed = Ours(buildah, files).packed("buildah")
    buildah.output("podman", "import", "-q", packed, "localhost/b-theirs:0")
    (files / "changes").write_text(CHANGES)
    (files / "Containerfile").write_text(
        "FROM localhost/b-theirs:0\nADD root.tar /more/\nCOPY changes /changes\n"
        "RUN sh /changes && rm /changes\n"
    )
    words = ("--layers", "--runtime", RUNTIME, "--network", "none", "--cap-add", "MKNOD")
    buildah.output("buildah", "bud", *LIMITS, *words, "-t", THEIRS, files)
    return THEIRS


@pytest.mark.parametrize("form", ["docker-archive", "oci-archive"])
def test_buildah_reads_what_we_save(maker: Ours, buildah: Playground, form: str) -> None:
    maker("save", "--format", form, "-o", maker.files / f"{form}.tar", OURS)
    image = buildah.output("buildah", "pull", "-q", f"{form}:{maker.files}/{form}.tar").strip()
    same(tree(buildah, image), maker.tree(OURS))
    buildah.output("buildah", "rmi", image)


@pytest.mark.usefixtures("registry")
def test_buildah_pulls_what_we_push(maker: Ours, buildah: Playground) -> None:
    maker("push", OURS)
    buildah.output("buildah", "pull", "-q", "--tls-verify=false", OURS)
    same(tree(buildah, OURS), maker.tree(OURS))
    buildah.output("buildah", "rmi", OURS)


@pytest.mark.parametrize("form", ["docker-archive", "oci-archive"])
def test_we_load_what_buildah_writes(
    ours: Ours, buildah: Playground, theirs: str, form: str
) -> None:
    buildah.output("buildah", "push", "-q", theirs, f"{form}:{ours.files}/saved.tar:{theirs}")
    ours("load", "-i", ours.files / "saved.tar")
    same(ours.tree(theirs), tree(buildah, theirs))


@pytest.mark.usefixtures("registry")
def test_we_pull_what_buildah_pushes(ours: Ours, buildah: Playground, theirs: str) -> None:
    buildah.output("buildah", "push", "-q", "--tls-verify=false", theirs, f"docker://{theirs}")
    ours("pull", theirs)
    same(ours.tree(theirs), tree(buildah, theirs))
