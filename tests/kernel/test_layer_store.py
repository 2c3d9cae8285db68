"""The store of layers: made once, whole or not at all, removed when nobody uses it."""

import gzip
import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.machine import missing
from tests.trees import archive, describe, diff_id_of, entry, mounted, simple, store
from tests.users import User
from wardian import errors
from wardian.images import layer_store, layers, tar_headers
from wardian.images.layer import boot_id

ROOT = pytest.mark.root
FORMS = pytest.mark.parametrize("form", ["directory", "erofs"])


def big(count: int = 3, size: int = 1 << 20) -> bytes:
    rows = [
        (entry(tar_headers.FILE, b"f%d" % n, size=size), os.urandom(size)) for n in range(count)
    ]
    return archive(rows)


@ROOT
def test_here_the_better_form_is_erofs(tmp_path: Path) -> None:
    if not layer_store.erofs_works(str(tmp_path)):
        missing("EROFS mounts from files (Linux 6.12, not on tmpfs)")
    layer = store(simple("a"), tmp_path)
    assert layer.form == "erofs"
    assert sorted(os.listdir(layer.path)) == ["index", "layer", "tar"]


@FORMS
@ROOT
def test_a_layer_that_is_there_is_not_read_again(tmp_path: Path, form: str) -> None:
    data = simple("a")
    made = store(data, tmp_path, form)
    stream = io.BytesIO(data)
    again = layers.store_layer(stream, "", made.diff_id, str(tmp_path))
    assert (again.path, stream.tell()) == (made.path, 0)
    assert layers.list_layers(str(tmp_path)) == [made.diff_id]


class Counting(io.BytesIO):
    """A stream that counts its readers."""

    readers = 0

    def read(self, count: int | None = -1) -> bytes:
        if self.tell() == 0:
            type(self).readers += 1
        return super().read(count)


@ROOT
def test_threads_that_want_one_layer_do_the_work_once(tmp_path: Path) -> None:
    data = big()
    diff_id = diff_id_of(data)
    found: list[str] = []

    def work() -> None:
        found.append(layers.store_layer(Counting(data), "", diff_id, str(tmp_path)).path)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert len(set(found)) == 1
    assert Counting.readers == 1
    assert len(os.listdir(tmp_path / "layers")) == 1


@FORMS
@ROOT
def test_progress_tells_how_much_of_the_blob_was_read(tmp_path: Path, form: str) -> None:
    data = big()
    blob = gzip.compress(data, 1)
    told: list[int] = []
    layer_store.store(
        io.BytesIO(blob), "", diff_id_of(data), str(tmp_path), progress=told.append, form=form
    )
    assert told == sorted(told)
    assert told[-1] == len(blob)


class Failing(io.BytesIO):
    """A download that breaks off."""

    def read(self, count: int | None = -1) -> bytes:
        if self.tell() > 500_000:
            raise errors.HostError("the connection was reset")
        return super().read(min(count or 0, 100_000))


@FORMS
@ROOT
def test_an_error_of_the_download_comes_through_and_nothing_is_kept(
    tmp_path: Path, form: str
) -> None:
    data = big()
    before = threading.active_count()
    with pytest.raises(errors.HostError, match="the connection was reset"):
        layer_store.store(Failing(data), "", diff_id_of(data), str(tmp_path), form=form)
    assert os.listdir(tmp_path / "layers") == []
    assert threading.active_count() == before


@FORMS
@ROOT
def test_another_content_than_promised_is_refused(tmp_path: Path, form: str) -> None:
    wrong = "sha256:" + "ab" * 32
    with pytest.raises(errors.SpecError, match=f"not {wrong} as the image says"):
        layer_store.store(io.BytesIO(simple("a")), "", wrong, str(tmp_path), form=form)
    assert os.listdir(tmp_path / "layers") == []


@FORMS
@ROOT
def test_a_sha512_diff_id_is_checked_too(tmp_path: Path, form: str) -> None:
    import hashlib

    data = simple("a")
    diff_id = "sha512:" + hashlib.sha512(data).hexdigest()
    layer = layer_store.store(io.BytesIO(data), "", diff_id, str(tmp_path), form=form)
    assert layers.list_layers(str(tmp_path)) == [diff_id] == [layer.diff_id]


@FORMS
@ROOT
def test_a_layer_in_use_stays(tmp_path: Path, form: str) -> None:
    layer = store(simple("a"), tmp_path, form)
    held = layer.hold()
    with pytest.raises(errors.StatusError, match="is in use"):
        layers.remove_layer(layer.diff_id, str(tmp_path))
    os.close(held)
    assert layers.remove_layer(layer.diff_id, str(tmp_path)) == layer.size_bytes
    assert os.listdir(tmp_path / "layers") == []
    assert layers.remove_layer(layer.diff_id, str(tmp_path)) == 0
    with pytest.raises(errors.NotFoundError, match="was removed"):
        layer.hold()


@ROOT
def test_sweeping_removes_what_the_dead_left_and_nothing_of_the_living(tmp_path: Path) -> None:
    from wardian.kernel import paths

    layer = store(simple("a"), tmp_path)
    folder = tmp_path / "layers"
    dead, dead_fd = paths.make_locked(str(folder), ".tmp-")
    Path(dead, "tree").mkdir()
    os.close(dead_fd)
    alive, alive_fd = paths.make_locked(str(folder), ".tmp-")
    (folder / ".lock-sha256-00").touch()
    layers.sweep_layers(str(tmp_path))
    assert sorted(os.listdir(folder)) == sorted([Path(alive).name, Path(layer.path).name])
    os.close(alive_fd)


STORE = """
import os, sys
from wardian.images import layer_store
layer_store.store(open(sys.argv[1], "rb"), "", sys.argv[2], sys.argv[3], form=sys.argv[4],
                  progress=lambda count: os.write(1, b"."))
"""


@FORMS
@ROOT
@pytest.mark.slow
@pytest.mark.parametrize("reads", [1, 2, 4, 8, 16, 32])
def test_a_killed_maker_leaves_nothing_after_sweeping(
    tmp_path: Path, form: str, reads: int
) -> None:
    data = big(count=40, size=300_000)
    blob = tmp_path / "blob"
    blob.write_bytes(gzip.compress(data, 1))
    diff_id = diff_id_of(data)
    root = str(tmp_path / "root")
    argv = [sys.executable, "-c", STORE, str(blob), diff_id, root, form]
    with subprocess.Popen(argv, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.read(reads)
        process.send_signal(signal.SIGKILL)
    layers.sweep_layers(root)
    assert [name for name in os.listdir(f"{root}/layers") if name.startswith(".")] == []
    with open(blob, "rb") as stream:
        layer = layer_store.store(stream, "", diff_id, root, form=form)
    layers.verify_layer(diff_id, root, lambda: (open(blob, "rb"), ""))  # noqa: SIM115
    assert os.listdir(f"{root}/layers") == [Path(layer.path).name]


# ---- verify -------------------------------------------------------------------------------


@FORMS
@ROOT
@pytest.mark.parametrize("fault", ["content", "missing", "description"])
def test_damage_is_found_and_named(tmp_path: Path, form: str, fault: str) -> None:
    data = simple("a", "d/", "d/b")
    layer = store(data, tmp_path, form)

    def verify() -> None:
        layers.verify_layer(layer.diff_id, str(tmp_path), lambda: (io.BytesIO(data), ""))

    verify()
    victim = Path(layer.tree, "d", "b") if form == "directory" else Path(layer.archive)
    if fault == "description":
        Path(layer.path, "layer").write_text("nonsense")
    elif fault == "missing":
        victim.unlink()
    else:
        content = bytearray(victim.read_bytes())
        content[-1] ^= 1
        victim.write_bytes(content)
    with pytest.raises(errors.SpecError) as caught:
        verify()
    assert layer.diff_id.partition(":")[2] in str(caught.value)
    layers.remove_layer(layer.diff_id, str(tmp_path))
    store(data, tmp_path, form)
    verify()


@ROOT
@pytest.mark.parametrize("place", [1030, 1600, 2100, -1])
def test_a_damaged_index_is_found(tmp_path: Path, place: int) -> None:
    layer = store(simple("a", "d/", "d/b"), tmp_path, "erofs")
    index = bytearray(Path(layer.index).read_bytes())
    index[place] ^= 1
    Path(layer.index).write_bytes(index)
    with pytest.raises(errors.SpecError, match="the index of the layer"):
        layers.verify_layer(layer.diff_id, str(tmp_path))


# ---- power cuts ---------------------------------------------------------------------------


@ROOT
def test_a_directory_of_another_boot_is_made_again_unless_it_was_settled(tmp_path: Path) -> None:
    data = simple("a")
    layer = store(data, tmp_path, "directory")
    assert not layer.is_settled
    description = Path(layer.path, "layer")
    earlier = description.read_text().replace(boot_id(), "an-earlier-boot")
    description.write_text(earlier)
    assert layers.find_layer(layer.diff_id, str(tmp_path)) is None
    Path(layer.tree, "a").write_bytes(b"")  # what a power cut does
    again = store(data, tmp_path, "directory")
    assert Path(again.tree, "a").read_text() == "a"
    layers.settle_layers(str(tmp_path))
    made = layers.find_layer(layer.diff_id, str(tmp_path))
    assert made is not None
    assert not made.is_settled, "to flush it right away would cost what the kernel does for nothing"
    an_hour_ago = time.time() - 3600
    os.utime(description, (an_hour_ago, an_hour_ago))
    layers.settle_layers(str(tmp_path))
    description.write_text(earlier)
    found = layers.find_layer(layer.diff_id, str(tmp_path))
    assert found is not None
    assert found.is_settled


@ROOT
def test_what_erofs_shows_is_settled_at_once(tmp_path: Path) -> None:
    assert store(simple("a"), tmp_path, "erofs").is_settled


# ---- no space -----------------------------------------------------------------------------


@contextmanager
def small_disk(place: Path, megabytes: int) -> Iterator[Path]:
    """An ext4 file system of this size, in a file."""
    place.mkdir()
    image = place.parent / "disk"
    with open(image, "wb") as file:
        file.truncate(megabytes << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True)
    done = subprocess.run(
        ["mount", "-o", "loop", str(image), str(place)], capture_output=True, check=False
    )
    if done.returncode:
        missing(f"loop devices ({done.stderr.decode().strip()})")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


@FORMS
@ROOT
@pytest.mark.slow
def test_a_full_disk_is_said_in_one_line_and_nothing_is_kept(tmp_path: Path, form: str) -> None:
    data = big(count=30)
    with small_disk(tmp_path / "disk-mount", 20) as disk:
        with pytest.raises(errors.KernelError, match="no space left on device"):
            store(data, disk, form)
        assert os.listdir(disk / "layers") == []


@ROOT
def test_on_tmpfs_a_layer_is_a_directory(tmp_path: Path) -> None:
    place = tmp_path / "tmpfs"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(place)], check=True)
    try:
        assert store(simple("a"), place).form == "directory"
    finally:
        subprocess.run(["umount", str(place)], check=True)


# ---- memory -------------------------------------------------------------------------------

PEAK = """
import io, resource, sys
from wardian.images import layer_store, tar_headers, tar_writer
import hashlib
size = int(sys.argv[1])
made = tar_headers.Entry(tar_headers.FILE, b"large")
made.mode, made.size = 0o644, size
class Stream(io.RawIOBase):
    left = size
    def read(self, count=-1):
        if head:
            return head.pop()
        count = min(count, self.left)
        self.left -= count
        return zeros[:count] if count else (tail.pop() if tail else b"")
zeros = bytes(1 << 20)
digest = hashlib.sha256(tar_writer.header(made))
for _ in range(size >> 20):
    digest.update(zeros)
digest.update(bytes(1024))
head, tail = [tar_writer.header(made)], [bytes(1024)]
layer_store.store(Stream(), "", "sha256:" + digest.hexdigest(), sys.argv[2], form=sys.argv[3])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@FORMS
@ROOT
@pytest.mark.slow
def test_memory_does_not_grow_with_the_layer(tmp_path: Path, form: str) -> None:
    peaks = []
    for megabytes in (8, 256):
        root = tmp_path / str(megabytes)
        argv = [sys.executable, "-c", PEAK, str(megabytes << 20), str(root), form]
        done = subprocess.run(argv, capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout))
    assert peaks[1] < peaks[0] + 8 * 1024, peaks  # in KiB


# ---- ordinary users -----------------------------------------------------------------------

AS_USER = """
import io, json, os, sys
from wardian.images import layers, snapshots
root = os.path.expanduser("~/store")
with open(sys.argv[1], "rb") as stream:
    layer = layers.store_layer(stream, "", sys.argv[2], root)
layers.verify_layer(layer.diff_id, root, lambda: (open(sys.argv[1], "rb"), ""))
packed = bytearray()
snapshots.pack_image([layer.diff_id], packed.extend, root)
snapshots.unpack([layer.diff_id], os.path.expanduser("~/out"), root)
open(os.path.expanduser("~/packed"), "wb").write(packed)
print(layer.form, layer.devices_left_out, layer.entries)
"""

REMOVE = """
import os, sys
from wardian.images import layers
root = os.path.expanduser("~/store")
print(layers.remove_layer(sys.argv[1], root), os.listdir(root + "/layers"))
"""


def rootless_archive() -> bytes:
    device = entry(tar_headers.CHARACTER_DEVICE, b"null", mode=0o666)
    device.device = (1, 3)
    file = entry(tar_headers.FILE, b"d/file", size=4)
    file.uid, file.gid, file.mode = 1000, 100, 0o4711
    file.xattrs = {b"user.note": b"1", b"trusted.note": b"2"}
    closed = entry(tar_headers.DIRECTORY, b"closed", mode=0o500)
    closed.uid = 33
    rows = [
        *((entry(tar_headers.DIRECTORY, b"./"), b""), (entry(tar_headers.DIRECTORY, b"d"), b"")),
        *((device, b""), (file, b"data"), (closed, b"")),
        (entry(tar_headers.FILE, b"closed/x"), b""),
        (entry(tar_headers.FILE, b"d/.wh.gone"), b""),
    ]
    return archive(rows)


@pytest.mark.rootless
def test_an_ordinary_user_s_layers_have_the_owners_of_the_boxes(ordinary_user: User) -> None:
    data = rootless_archive()
    blob = ordinary_user.home / "blob"
    blob.write_bytes(data)
    done = ordinary_user.python(AS_USER, str(blob), diff_id_of(data))
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["directory", "1", "7"]
    (tree,) = (ordinary_user.home / "store" / "layers").glob("sha256-*/tree")
    found = describe(tree)
    assert "null" not in found
    assert os.stat(tree / "d").st_uid == ordinary_user.uid
    owner = os.stat(tree / "d/file").st_uid
    assert owner not in (0, 1000, ordinary_user.uid)
    assert found["d/file"][0] == oct(0o104711)
    assert found["d/gone"][0] == oct(0o020000)
    assert os.listxattr(tree / "d/file") == ["user.note"]
    out = ordinary_user.home / "out"
    assert os.stat(out / "d/file").st_uid == owner
    import tarfile

    with tarfile.open(ordinary_user.home / "packed") as tar:
        owners = {member.name: (member.uid, member.gid) for member in tar}
    assert owners["d/file"] == (1000, 100)
    assert owners["closed"] == (33, 0)
    gone = ordinary_user.python(REMOVE, diff_id_of(data))
    assert gone.stdout.split() == [str(len(data)), "[]"], gone.stderr
    subprocess.run(["rm", "-rf", str(out)], check=True)


@pytest.mark.rootless
def test_a_user_with_one_id_owns_all(lone_user: User) -> None:
    data = rootless_archive()
    blob = lone_user.home / "blob"
    blob.write_bytes(data)
    done = lone_user.python(AS_USER, str(blob), diff_id_of(data))
    assert done.returncode == 0, done.stderr
    (tree,) = (lone_user.home / "store" / "layers").glob("sha256-*/tree")
    assert os.stat(tree / "d/file").st_uid == lone_user.uid
    gone = lone_user.python(REMOVE, diff_id_of(data))
    assert gone.stdout.split() == [str(len(data)), "[]"], gone.stderr


@pytest.mark.rootless
def test_an_owner_without_a_subordinate_id_is_an_error_that_says_so(ordinary_user: User) -> None:
    far = entry(tar_headers.FILE, b"far")
    far.uid = 4_000_000_000
    data = archive([(far, b"")])
    blob = ordinary_user.home / "blob"
    blob.write_bytes(data)
    done = ordinary_user.python(AS_USER, str(blob), diff_id_of(data))
    assert "4000000000" in done.stderr
    assert (ordinary_user.home / "store" / "layers").is_dir()
    assert os.listdir(ordinary_user.home / "store" / "layers") == []


@ROOT
def test_a_store_can_be_where_names_are_odd(tmp_path: Path) -> None:
    root = tmp_path / "with spaces, commas: and colons"
    root.mkdir()
    for form in ("directory", "erofs"):
        layer = store(simple("a", form), root, form)
        with mounted(layer, tmp_path / "m") as tree:
            assert (tree / "a").read_text() == "a"
