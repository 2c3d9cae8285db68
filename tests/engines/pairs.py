"""wardian beside an engine in the playground: images with everything, and trees to compare."""

import shutil
import sys
import tempfile
from pathlib import Path

from tests import machine
from tests.engines.playground import Playground
from tests.kernel.test_layers_and_umoci import everything
from tests.trees import Row, archive, describe, entry
from wardian.images import tar_headers

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
Tree = dict[str, Row]


class Ours:
    """wardian with a store of its own, in the playground, where it reaches the registry.

    Attributes:
        place: the playground.
        files: a directory for both sides.
    """

    def __init__(self, place: Playground, files: Path) -> None:
        self.place, self.files = place, files
        self._env = {name: str(files / name) for name in ("WARDIAN_ROOT", "WARDIAN_STATE")}

    def __call__(self, *args: str | Path) -> str:
        """Call wardian, which must succeed."""
        done = self.place.run(sys.executable, "-m", "wardian", *args, env=self._env)
        assert done.returncode == 0, f"{args}: {done.stdout}{done.stderr}"
        return done.stdout

    def directory(self) -> str:
        """A new one."""
        return tempfile.mkdtemp(dir=self.files)

    def tree(self, image: str) -> Tree:
        """What wardian unpacks."""
        place = self.directory()
        self("export", "--directory", place, image)
        return describe(place)

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
        self("import", self.files / "raw.tar", "raw")
        # a layer that somebody else packed stays as it is; this one is of our own packing
        self("export", "--directory", self.files / "root", "raw")
        self("import", self.files / "root", "root")
        self("export", "-o", self.files / "root.tar", "root")
        return self.files / "root.tar"

    def changed(self, image: str) -> None:
        """Make an image of two layers, the upper one what a box has changed."""
        self.packed("ours")
        self("run", "--keep", "changed", "root", "sh", "-c", CHANGES)
        self("commit", "changed", image)


def same(found: Tree, wanted: Tree) -> None:
    """Compare all but the top, whose attributes engines take from nowhere, and the counts of links.

    An overlay counts the names that a file has in its own layer; of each group the first name is
    compared.
    """
    is_changed(found)
    assert rows(found) == rows(wanted)


def rows(tree: Tree) -> Tree:
    """What of a tree is compared."""
    return {path: row[:5] + row[6:] for path, row in tree.items() if path}


def is_changed(tree: Tree) -> None:
    """Make sure that the tree is worth comparing."""
    assert not {"etc/05", "bin/link", "deep/er"} & set(tree)
    assert {"deep/only", "tmp/fifo", "etc/06/in", "etc/one", "etc/latin-\udce9"} <= set(tree)
    assert "security.capability" in str(tree["bin/third"])
    assert "user.note" in str(tree["bin/other"])
    assert "123456789" in str(tree["bin/other"][3])
