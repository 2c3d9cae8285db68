"""Roots and trees made to mislead: links, races, mounts, depths; openat2(2) is the oracle."""

import ctypes
import errno
import os
import struct
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.users import User
from wardian import errors
from wardian.kernel import paths, trees

# linux/openat2.h
RESOLVE_NO_MAGICLINKS = 0x02
RESOLVE_IN_ROOT = 0x10
OPENAT2 = 437

libc = ctypes.CDLL(None, use_errno=True)


def openat2(root_fd: int, path: str, flags: int) -> tuple[int, int]:
    """Return (descriptor, 0) or (-1, errno)."""
    how = struct.pack("=QQQ", flags | os.O_CLOEXEC, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
    while True:
        fd = libc.syscall(OPENAT2, root_fd, os.fsencode(path), how, len(how))
        if fd >= 0:
            return fd, 0
        if ctypes.get_errno() != errno.EAGAIN:  # any rename on the machine meets any ".."
            return -1, ctypes.get_errno()


def ours(root_fd: int, path: str, flags: int) -> tuple[int, int]:
    try:
        return paths.open_in_root(root_fd, path, flags), 0
    except errors.KernelError as error:
        return -1, error.errno or 0


def identity(fd: int) -> tuple[int, int]:
    found = os.fstat(fd)
    os.close(fd)
    return found.st_dev, found.st_ino


names = st.sampled_from(["a", "b", "c", "..", ".", "", "a/b", "missing"])
texts = st.builds(
    lambda first, parts, last: first + "/".join(parts) + last,
    st.sampled_from(["", "/", "//"]),
    st.lists(names, min_size=1, max_size=6),
    st.sampled_from(["", "/", "/."]),
).filter(bool)
spots = st.sampled_from(["a", "b", "c", "a/a", "a/b", "a/c", "b/a", "b/b", "a/a/a", "a/a/b"])
flag_sets = st.sampled_from(
    [os.O_PATH, os.O_RDONLY, os.O_PATH | os.O_NOFOLLOW, os.O_RDONLY | os.O_DIRECTORY]
)
kinds = st.dictionaries(spots, st.one_of(st.just("file"), st.just("directory"), texts), max_size=8)


@pytest.fixture
def box(tmp_path: Path) -> Path:
    (tmp_path / "box").mkdir()
    return tmp_path


@settings(
    max_examples=400,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(kinds, texts, flag_sets)
def test_paths_lead_where_the_kernel_says(
    box: Path, tree: dict[str, str], path: str, flags: int
) -> None:
    top = box / "box"
    trees.remove(str(top))
    (top / "a/a").mkdir(parents=True)
    (top / "b").mkdir()
    for spot, kind in sorted(tree.items()):
        place = top / spot
        if os.path.lexists(place) or not place.parent.is_dir() or place.parent.is_symlink():
            continue
        if kind == "file":
            place.touch()
        elif kind == "directory":
            place.mkdir()
        else:
            os.symlink(kind, place)
    root_fd = os.open(top, os.O_PATH | os.O_DIRECTORY)
    try:
        wanted, number = openat2(root_fd, path, flags)
        if number == errno.ENOSYS:
            pytest.skip("missing: openat2 (Linux 5.6)")
        found, our_number = ours(root_fd, path, flags)
        assert our_number == number, os.strerror(our_number)
        if wanted >= 0:
            assert identity(found) == identity(wanted)
    finally:
        os.close(root_fd)


def test_a_link_that_comes_and_goes_never_leads_out(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "real").mkdir(parents=True)
    (root / "real/file").write_bytes(b"inside")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/file").write_bytes(b"outside")
    (root / "evil").symlink_to(f"{'../' * 30}{tmp_path}/outside")
    (root / "spot").symlink_to("real")
    done = threading.Event()

    def flip() -> None:
        number = 0
        while not done.is_set():
            number += 1
            target = "real" if number % 2 else f"{tmp_path}/outside"
            (root / "next").symlink_to(target)
            os.rename(root / "next", root / "spot")

    thread = threading.Thread(target=flip)
    thread.start()
    try:
        results = {paths.read_in_root(str(root), "spot/file", 100) for _ in range(3000)}
        results.add(paths.read_in_root(str(root), "evil/file", 100))
    finally:
        done.set()
        thread.join()
    assert results <= {b"inside", None}


def test_a_link_in_proc_is_no_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"inside")
    root_fd = os.open("/", os.O_PATH)
    try:
        (tmp_path / "link").symlink_to(f"/proc/self/fd/{root_fd}")
        assert paths.read_in_root(str(tmp_path), f"link{tmp_path}/file", 100) is None
    finally:
        os.close(root_fd)


def deep(path: Path, depth: int) -> None:
    fd = os.open(path, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir("d", dir_fd=fd)
        below = os.open("d", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(fd)


@pytest.mark.slow
def test_a_tree_of_100_000_levels_is_removed() -> None:
    memory = "/dev/shm" if os.path.isdir("/dev/shm") else None  # a disk needs 15 s to make it
    with tempfile.TemporaryDirectory(dir=memory) as place:
        top = Path(place, "top")
        top.mkdir()
        deep(top, 100_000)
        trees.remove(str(top))
        assert os.listdir(place) == []


def test_a_tree_that_is_moved_meanwhile_takes_nothing_else_along(tmp_path: Path) -> None:
    """Somebody moves the directory under our feet to another parent: we stop, and touch it not."""
    (tmp_path / "top/a/b/c").mkdir(parents=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other/precious").touch()
    with trees.Descent(str(tmp_path / "top")) as walk:
        walk.enter("a")
        walk.enter("b")
        os.rename(tmp_path / "top/a/b", tmp_path / "other/b")
        with pytest.raises(errors.KernelError) as caught:
            walk.leave()
        assert caught.value.errno == errno.ESTALE


SCRIPT = """
import os, subprocess, sys
from wardian import errors
from wardian.kernel import mountinfo, trees
top, kind = sys.argv[1:]
def mount(*words):
    subprocess.run(["mount", *words], check=True)
os.makedirs(top + "/tree/a/b")
os.makedirs(top + "/victim")
open(top + "/victim/precious", "w").close()
open(top + "/tree/a/file", "w").close()
if kind == "bind":
    mount("--bind", top + "/victim", top + "/tree/a/b")
elif kind == "file":
    mount("--bind", top + "/victim/precious", top + "/tree/a/file")
elif kind == "tmpfs":
    mount("-t", "tmpfs", "none", top + "/tree/a/b")
    open(top + "/tree/a/b/inside", "w").close()
elif kind == "top":
    mount("--bind", top + "/victim", top + "/tree")
elif kind == "late":
    real = mountinfo.below
    def below(path):
        found = real(path)
        mount("--bind", top + "/victim", top + "/tree/a/b")
        return found
    mountinfo.below = below
try:
    trees.remove(top + "/tree")
except errors.StatusError as error:
    print("refused:", error)
assert os.path.exists(top + "/victim/precious"), "removed through a mount"
if kind != "late":
    assert kind == "top" or os.path.exists(top + "/tree/a/file"), "removed before refusing"
"""


@pytest.mark.root
@pytest.mark.parametrize("kind", ["bind", "file", "tmpfs", "top", "late"])
def test_what_is_mounted_in_a_tree_is_never_removed(tmp_path: Path, kind: str) -> None:
    done = subprocess.run(
        ["unshare", "-m", "--propagation", "private", sys.executable, "-c", SCRIPT, tmp_path, kind],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    assert done.returncode == 0, done.stderr
    assert "is a mount point" in done.stdout


USER_SCRIPT = """
import os, sys
from wardian import errors
from wardian.kernel import trees
os.makedirs("tree/a/b/c")
open("tree/a/b/c/file", "w").close()
for path in ("tree/a/b/c", "tree/a/b", "tree/a", "tree"):
    os.chmod(path, 0)
trees.remove("tree")
assert not os.path.exists("tree")
try:
    trees.remove(sys.argv[1])
except errors.KernelError as error:
    print(error, "|", error.hint)
"""


@pytest.mark.rootless
def test_an_ordinary_user_removes_closed_directories_but_not_those_of_others(
    ordinary_user: User, tmp_path: Path
) -> None:
    (ordinary_user.home / "theirs/sub").mkdir(parents=True)
    (ordinary_user.home / "theirs/sub/file").touch()
    os.chown(ordinary_user.home / "theirs", ordinary_user.uid, ordinary_user.gid)
    try:
        done = ordinary_user.python(USER_SCRIPT, str(ordinary_user.home / "theirs"))
    finally:
        trees.remove(str(ordinary_user.home / "theirs"))
    assert done.returncode == 0, done.stderr
    assert "permission denied | it belongs to another user or sub-id" in done.stdout
