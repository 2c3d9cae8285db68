"""One recipe has one image id: on every file system, as root or not, on every machine.

The recipe needs nothing of the machine: its one program is in this file. So the id is known, and a
machine on which another one comes out is wrong; the lab's virtual machine is one of them.
"""

import os
import platform
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.building import built
from tests.conftest import Wardian
from tests.machine import about_file_system, missing, requires
from tests.users import User

pytestmark = [pytest.mark.root, pytest.mark.slow]

ID = "sha256:788c9f0e6c960c3c32448a6a6b5b9141a8082a22198a808c206f48c956bea9f3"
# mkdir("/made"); open("/etc/there", O_CREAT | O_WRONLY, 0666); write(fd, "here\n", 5); exit(0)
CODE = bytes.fromhex(
    "b853000000488d3d3d000000beff0100000f05b802000000488d3d30000000be41000000bab6010000"
    "0f0589c7b801000000488d3521000000ba050000000f05b83c00000031ff0f05"
)
RECIPE = """\
FROM scratch AS one
COPY tool /bin/tool
COPY --chmod=751 --chown=7:9 dir /dir
RUN ["/bin/tool"]
WORKDIR /made/work
ADD more.tar /unpacked/
FROM scratch
ENV A=b
COPY --from=one / /
COPY <<MORE /etc/more
more
MORE
USER 12
CMD ["/bin/tool"]
"""


def program() -> bytes:
    """A static program of a few instructions, for x86-64."""
    text = CODE + b"/made\0/etc/there\0here\n"
    size = 64 + 56 + len(text)
    address = 0x400000
    header = b"\x7fELF\2\1\1" + bytes(9)
    words = ((2, 2), (62, 2), (1, 4), (address + 120, 8), (64, 8), (0, 8), (0, 4))
    header += b"".join(value.to_bytes(width, "little") for value, width in words)
    header += b"".join(value.to_bytes(2, "little") for value in (64, 56, 1, 64, 0, 0))
    rows = ((1, 4), (5, 4), (0, 8), (address, 8), (address, 8), (size, 8), (size, 8), (4096, 8))
    return header + b"".join(value.to_bytes(width, "little") for value, width in rows) + text


@pytest.fixture
def recipe(context: Path) -> Path:
    if platform.machine() != "x86_64":
        missing("an x86-64 processor")
    (context / "tool").write_bytes(program())
    (context / "tool").chmod(0o755)
    (context / "dir" / "below").mkdir(parents=True)
    for name in ("b", "A", "a", "é", "below/link"):
        (context / "dir" / name).write_text(name)
    (context / "dir" / "below" / "other").symlink_to("../b")
    with tarfile.open(context / "more.tar", "w") as tar:
        tar.add(context / "dir" / "a", "inner/a")
    (context / "Containerfile").write_text(RECIPE)
    return context


@contextmanager
def disk(place: Path, kind: str) -> Iterator[Path]:
    """A file system of this kind."""
    place.mkdir()
    what = ["-t", "tmpfs", "tmpfs"]
    if kind != "tmpfs":
        about_file_system(kind)
        requires(f"mkfs.{kind}")
        image = place.parent / f"{kind}.img"
        with open(image, "wb") as file:
            file.truncate(400 << 20)
        force = "-F" if kind == "ext4" else "-f"
        subprocess.run([f"mkfs.{kind}", "-q", force, str(image)], check=True)
        what = ["-o", "loop", str(image)]
    done = subprocess.run(["mount", *what, str(place)], capture_output=True, check=False)
    if done.returncode:
        missing(f"{kind} over a loop device ({done.stderr.decode().strip()})")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def build(recipe: Path, root: Path, *, umask: int = 0o022) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "wardian", "build", "--no-lock", "-q", str(recipe)],
        env={**os.environ, "WARDIAN_ROOT": str(root / "root"), "WARDIAN_STATE": str(root / "s")},
        capture_output=True,
        text=True,
        check=False,
        umask=umask,
    )
    return built(done)


@pytest.mark.parametrize("kind", ["ext4", "tmpfs", "btrfs", "xfs"])
def test_on_every_file_system(recipe: Path, tmp_path: Path, kind: str) -> None:
    with disk(tmp_path / kind, kind) as place:
        assert build(recipe, place) == ID
        moved = place / "context"
        subprocess.run(["cp", "-r", str(recipe), str(moved)], check=True)  # lists otherwise
        assert build(moved, place / "again", umask=0o077) == ID


def test_as_an_ordinary_user(recipe: Path, ordinary_user: User) -> None:
    mine = ordinary_user.home / "everywhere"
    subprocess.run(["cp", "-r", str(recipe), str(mine)], check=True)
    owner = f"{ordinary_user.uid}:{ordinary_user.gid}"
    subprocess.run(["chown", "-R", owner, str(ordinary_user.home)], check=True)
    assert built(ordinary_user.wardian(["build", "--no-lock", "-q", "everywhere"])) == ID


def test_on_the_usual_place(wardian: Wardian, recipe: Path) -> None:
    assert built(wardian("build", "--no-lock", "-q", str(recipe))) == ID
    done = wardian("build", "--no-lock", "-q", "--no-cache", "--compression=gzip", str(recipe))
    assert built(done) == ID
