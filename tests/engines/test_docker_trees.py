"""docker and we have the same trees: of what we save and push, and of what docker makes.

Docker's side is its overlay2 directories, shown together as it shows them to a container. What
`docker export` writes is made anew, in whole seconds and with no attribute but security.capability
(so are the layers that docker commits, by the same code; what it loaded, it gives back as it came):
one test compares that, the others lose nothing.
"""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import machine
from tests.engines.clients import Docker
from tests.engines.conftest import end
from tests.kernel.test_layers_and_umoci import everything
from tests.trees import Row, archive, describe, entry
from wardian.images import tar_headers
from wardian.kernel import mounts

PORT = 5000  # the playground has a network of its own
OURS, THEIRS = f"localhost:{PORT}/ours:1", f"localhost:{PORT}/theirs:2"
APPLETS = ["chmod", "chown", "ln", "mkdir", "mkfifo", "mknod", "printf", "rm", "sh", "touch"]
# Whiteouts, an opaque directory, each kind in another's place, links over layers, modes and owners.
CHANGES = r"""
set -e
rm /etc/05 /bin/link
rm -r /deep
mkdir -m 3775 /deep
echo only >/deep/only
rm /tmp/fifo /etc/06
mkdir -m 711 /tmp/fifo /etc/06
echo in >/etc/06/in
ln /etc/01 /etc/one
ln /etc/01 /tmp/one
ln /bin/program /bin/third
echo new >/etc/07
chown 1000:50000 /etc/07
chmod 6755 /etc/07
chmod 0 /etc/08
chown 7:65534 /tmp
chmod 1770 /tmp
mknod -m 666 /tmp/zero c 1 5
mknod -m 640 /tmp/disk b 259 300000
mkfifo -m 600 /tmp/pipe
ln -s ../nowhere "/etc/a link"
ln -s /etc /deep/etc
: >"$(printf '/etc/latin-\351')"
mkdir /tmp/old
touch -d '2001-02-03 04:05:06' /tmp/old /etc/09
"""
# What docker puts into each container, and the directories that are changed by it.
OF_DOCKER = {".dockerenv", "dev", "etc", "proc", "sys", "etc/hostname", "etc/hosts", "etc/mtab"}
OF_DOCKER |= {"dev/console", "dev/pts", "dev/shm", "etc/resolv.conf"}
Tree = dict[str, Row]


class Pair:
    """docker, and wardian with a store of its own, where both reach the registry.

    Attributes:
        docker: the one.
        files: a directory for the two.
    """

    def __init__(self, docker: Docker, files: Path) -> None:
        self.docker, self.files = docker, files
        self._env = {name: str(files / name) for name in ("WARDIAN_ROOT", "WARDIAN_STATE")}

    def wardian(self, *args: str | Path) -> str:
        """Call wardian, which must succeed."""
        done = self.docker.place.run(sys.executable, "-m", "wardian", *args, env=self._env)
        assert done.returncode == 0, f"{args}: {done.stdout}{done.stderr}"
        return done.stdout

    def directory(self) -> str:
        """A new one."""
        return tempfile.mkdtemp(dir=self.files)

    def ours(self, image: str) -> Tree:
        """What wardian unpacks."""
        place = self.directory()
        self.wardian("export", "--directory", place, image)
        return describe(place)

    def theirs(self, image: str) -> Tree:
        """What docker has unpacked: the image's directories, one over the other."""
        words = ("image", "inspect", "-f", "{{json .GraphDriver.Data}}", image)
        data = json.loads(self.docker.output(*words))
        store = f"{self.docker.place.files}/stores/docker/"
        names = [data["UpperDir"], *filter(None, data.get("LowerDir", "").split(":"))]
        lower = [name.replace("/var/lib/docker/", store) for name in names]
        lower.append(self.directory())  # the kernel wants two
        merged = self.directory()
        fd = mounts.make("overlay", "overlay", [("lowerdir+", one) for one in lower])
        mounts.attach(fd, merged)
        os.close(fd)
        try:
            return describe(merged)
        finally:
            mounts.detach(merged)

    def packed(self, name: str) -> Path:
        """Pack an archive with everything that a tree can have, a shell, and a file of that name.

        The name makes it another layer than the one that the other side has already.
        """
        machine.requires("busybox")
        busybox = Path(shutil.which("busybox") or "").read_bytes()
        rows = everything()
        rows += [
            (entry(tar_headers.FILE, b"bin/busybox", size=len(busybox), mode=0o755), busybox),
            (entry(tar_headers.FILE, b"etc/%s" % name.encode()), b""),
        ]
        for applet in APPLETS:
            path = f"bin/{applet}".encode()
            rows.append((entry(tar_headers.SYMLINK, path, target=b"busybox"), b""))
        (self.files / "raw.tar").write_bytes(archive(rows))
        self.wardian("import", self.files / "raw.tar", "raw")
        # a layer that somebody else packed stays as it is; this one is of our own packing
        self.wardian("export", "--directory", self.files / "root", "raw")
        self.wardian("import", self.files / "root", "root")
        self.wardian("export", "-o", self.files / "root.tar", "root")
        return self.files / "root.tar"


def same(found: Tree, wanted: Tree) -> None:
    """Compare all but the top, whose attributes docker takes from nowhere, and the counts of links.

    An overlay counts the names that a file has in its own layer; of each group the first name is
    compared.
    """
    changed(found)
    assert rows(found) == rows(wanted)


def rows(tree: Tree) -> Tree:
    """What of a tree is compared."""
    return {path: row[:5] + row[6:] for path, row in tree.items() if path}


def changed(tree: Tree) -> None:
    """Make sure that the tree is worth comparing."""
    assert not {"etc/05", "bin/link", "deep/er"} & set(tree)
    assert {"deep/only", "tmp/fifo", "etc/06/in", "etc/one", "etc/latin-\udce9"} <= set(tree)
    assert "security.capability" in str(tree["bin/third"])
    assert "user.note" in str(tree["bin/other"])
    assert "123456789" in str(tree["bin/other"][3])


@pytest.fixture(scope="module")
def registry(docker: Docker) -> Iterator[None]:
    """A docker-registry that both can reach."""
    machine.requires("docker-registry")
    place = docker.place
    config = {
        "version": "0.1",
        "log": {"level": "error"},
        "http": {"addr": f"127.0.0.1:{PORT}"},
        "storage": {"filesystem": {"rootdirectory": f"{place.files}/registry"}},
    }
    place.write("/etc/registry.yml", json.dumps(config))  # JSON is YAML
    log = place.files / "registry.log"
    server = place.start("docker-registry", "serve", "/etc/registry.yml", log=log)
    try:
        sockets = Path(f"/proc/{place.pid}/net/tcp")
        ready = machine.until(lambda: f":{PORT:04X} 00000000:0000 0A" in sockets.read_text(), 20)
        assert ready, log.read_text()
        yield
    finally:
        end(server)


@pytest.fixture
def pair(docker: Docker, tmp_path: Path) -> Pair:
    """wardian with an empty store."""
    return Pair(docker, tmp_path)


@pytest.fixture(scope="module")
def maker(docker: Docker, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """wardian with an image of two layers, OURS, the upper one what a box has changed."""
    made = Pair(docker, tmp_path_factory.mktemp("maker"))
    made.packed("ours")
    made.wardian("run", "--keep", "changed", "root", "sh", "-c", CHANGES)
    made.wardian("commit", "changed", OURS)
    return made


@pytest.fixture
def ours(maker: Pair) -> Iterator[str]:
    """That image; docker has none of it, before and after."""
    yield OURS
    maker.docker.output("rmi", OURS)


@pytest.fixture(scope="module")
def theirs(docker: Docker, tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image of docker's: a layer that it imported, three built ones, and a committed one."""
    pair = Pair(docker, tmp_path_factory.mktemp("theirs"))
    packed = pair.packed("theirs")
    docker.output("import", packed, "theirs:0")
    context = pair.files / "context"
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


def test_docker_loads_what_we_save(maker: Pair, ours: str) -> None:
    maker.wardian("save", "-o", maker.files / "saved.tar", ours)
    maker.docker.output("load", "-i", maker.files / "saved.tar")
    same(maker.theirs(ours), maker.ours(ours))


@pytest.mark.usefixtures("registry")
def test_docker_pulls_what_we_push(maker: Pair, ours: str) -> None:
    maker.wardian("push", ours)
    maker.docker.output("pull", ours)
    same(maker.theirs(ours), maker.ours(ours))


def test_docker_exports_what_we_saved_but_for_what_it_drops(maker: Pair, ours: str) -> None:
    maker.wardian("save", "-o", maker.files / "saved.tar", ours)
    maker.docker.output("load", "-i", maker.files / "saved.tar")
    maker.docker.output("create", "--name", "shows", ours, "sh")
    maker.docker.output("export", "-o", maker.files / "shown.tar", "shows")
    maker.docker.output("rm", "shows")
    maker.wardian("import", maker.files / "shown.tar", "shown")

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

    assert kept(maker.ours("shown")) == kept(maker.ours(ours))


def test_we_load_what_docker_saves(pair: Pair, theirs: str) -> None:
    pair.docker.output("save", "-o", pair.files / "saved.tar", theirs)
    pair.wardian("load", "-i", pair.files / "saved.tar")
    same(pair.ours(theirs), pair.theirs(theirs))


@pytest.mark.usefixtures("registry")
def test_we_pull_what_docker_pushes(pair: Pair, theirs: str) -> None:
    pair.docker.output("push", theirs)
    pair.wardian("pull", theirs)
    same(pair.ours(theirs), pair.theirs(theirs))
