"""docker and we have the same trees: of what we save and push, and of what docker makes.

Docker's side is its overlay2 directories, shown together as it shows them to a container. What
`docker export` writes is made anew, in whole seconds and with no attribute but security.capability
(so are the layers that docker commits, by the same code; what it loaded, it gives back as it came):
one test compares that, the others lose nothing.
"""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engines.clients import Docker
from tests.engines.pairs import CHANGES, Ours, Tree, rows, same
from tests.trees import describe
from wardian.kernel import mounts

OURS, THEIRS = "localhost:5000/ours:1", "localhost:5000/theirs:2"
# What docker puts into each container, and the directories that are changed by it.
OF_DOCKER = {".dockerenv", "dev", "etc", "proc", "sys", "etc/hostname", "etc/hosts", "etc/mtab"}
OF_DOCKER |= {"dev/console", "dev/pts", "dev/shm", "etc/resolv.conf"}


def tree(docker: Docker, image: str, ours: Ours) -> Tree:
    """What docker has unpacked: the image's directories, one over the other."""
    words = ("image", "inspect", "-f", "{{json .GraphDriver.Data}}", image)
    data = json.loads(docker.output(*words))
    store = f"{docker.place.files}/stores/docker/"
    names = [data["UpperDir"], *filter(None, data.get("LowerDir", "").split(":"))]
    lower = [name.replace("/var/lib/docker/", store) for name in names]
    lower.append(ours.directory())  # the kernel wants two
    merged = ours.directory()
    fd = mounts.make("overlay", "overlay", [("lowerdir+", one) for one in lower])
    mounts.attach(fd, merged)
    os.close(fd)
    try:
        return describe(merged)
    finally:
        mounts.detach(merged)


@pytest.fixture
def ours(docker: Docker, tmp_path: Path) -> Ours:
    """wardian with an empty store."""
    return Ours(docker.place, tmp_path)


@pytest.fixture(scope="module")
def maker(docker: Docker, tmp_path_factory: pytest.TempPathFactory) -> Ours:
    """wardian with the image OURS."""
    made = Ours(docker.place, tmp_path_factory.mktemp("maker"))
    made.changed(OURS)
    return made


@pytest.fixture
def without(docker: Docker) -> Iterator[Docker]:
    """docker, which has nothing of OURS, before and after."""
    yield docker
    docker.output("rmi", OURS)


@pytest.fixture(scope="module")
def theirs(docker: Docker, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image of docker's: a layer that it imported, three built ones, and a committed one."""
    files = tmp_path_factory.mktemp("theirs")
    packed = Ours(docker.place, files).packed("theirs")
    docker.output("import", packed, "theirs:0")
    context = files / "context"
    context.mkdir()
    (context / "changes").write_text(CHANGES)
    shutil.copy(packed, context / "more.tar")
    (context / "Dockerfile").write_text(
        "FROM theirs:0\nCOPY changes /changes\nRUN sh /changes\nADD more.tar /more/\n"
    )
    build = ("docker", "build", "-t", "theirs:1", str(context))
    docker.place.output("env", "DOCKER_BUILDKIT=0", *build)
    again = "rm -r /more/etc && mkdir /more/etc && ln /more/bin/other /more/etc && rm /changes"
    docker.output("run", "--name", "writes", "theirs:1", "sh", "-c", again)
    docker.output("commit", "writes", THEIRS)
    docker.output("rm", "writes")
    return THEIRS


def test_docker_loads_what_we_save(maker: Ours, without: Docker) -> None:
    maker("save", "-o", maker.files / "saved.tar", OURS)
    without.output("load", "-i", maker.files / "saved.tar")
    same(tree(without, OURS, maker), maker.tree(OURS))


@pytest.mark.usefixtures("registry")
def test_docker_pulls_what_we_push(maker: Ours, without: Docker) -> None:
    maker("push", OURS)
    without.output("pull", OURS)
    same(tree(without, OURS, maker), maker.tree(OURS))


def test_docker_exports_what_we_saved_but_for_what_it_drops(maker: Ours, without: Docker) -> None:
    maker("save", "-o", maker.files / "saved.tar", OURS)
    without.output("load", "-i", maker.files / "saved.tar")
    without.output("create", "--name", "shows", OURS, "sh")
    without.output("export", "-o", maker.files / "shown.tar", "shows")
    without.output("rm", "shows")
    maker("import", maker.files / "shown.tar", "shown")

    def kept(tree: Tree) -> Tree:
        found = {}
        for path, row in rows(tree).items():
            *owner, mtime_ns, device, group, content, xattrs = row
            assert isinstance(mtime_ns, int)
            assert isinstance(xattrs, tuple)
            seconds = mtime_ns // 1_000_000_000
            few = [one for one in xattrs if one[0] == "security.capability"]
            if path not in OF_DOCKER:
                found[path] = (*owner, seconds, device, group, content, *few)
        return found

    assert kept(maker.tree("shown")) == kept(maker.tree(OURS))


def test_we_load_what_docker_saves(ours: Ours, docker: Docker, theirs: str) -> None:
    docker.output("save", "-o", ours.files / "saved.tar", theirs)
    ours("load", "-i", ours.files / "saved.tar")
    same(ours.tree(theirs), tree(docker, theirs, ours))


@pytest.mark.usefixtures("registry")
def test_we_pull_what_docker_pushes(ours: Ours, docker: Docker, theirs: str) -> None:
    docker.output("push", theirs)
    ours("pull", theirs)
    same(ours.tree(theirs), tree(docker, theirs, ours))
