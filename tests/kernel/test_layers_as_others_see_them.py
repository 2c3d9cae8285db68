"""Layers compared with GNU tar's extraction, and used as lower layers of overlays."""

import hashlib
import os
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.machine import missing
from tests.trees import archive, describe, entry, mounted, simple, store, tarfile_archive
from wardian.images import layers, snapshots, tar_headers
from wardian.images.layer import Layer
from wardian.images.tar_headers import Entry
from wardian.kernel import mounts

pytestmark = pytest.mark.root
FORMS = pytest.mark.parametrize("form", ["directory", "erofs"])


def run(*argv: str | Path) -> None:
    done = subprocess.run([*map(str, argv)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tree with one of everything that a layer can hold."""
    top = tmp_path_factory.mktemp("sample") / "tree"
    top.mkdir(mode=0o755)
    (top / "empty").write_bytes(b"")
    (top / "large").write_bytes(os.urandom(3_000_001))
    (top / "set-id").write_bytes(b"x" * 512)
    os.chown(top / "set-id", 1000, 50_000)
    (top / "set-id").chmod(0o6755)
    os.link(top / "large", top / "one more name")
    (top / "directory").mkdir()
    for number in range(300):
        (top / "directory" / f"file-{number:03}-{'n' * (number % 200)}").write_bytes(b"%d" % number)
    (top / "directory").chmod(0o1777)
    (top / "closed").mkdir(mode=0o000)
    (top / "sticky").mkdir()
    (top / "sticky").chmod(0o3775)
    deep = top
    for number in range(40):
        deep /= f"level-{number:02}"
        deep.mkdir()
    (deep / "bottom").write_text("far down")
    (top / "relative").symlink_to("directory/file-000-")
    (top / "absolute").symlink_to("/etc/passwd")
    (top / "long").symlink_to("x/" * 400 + "y")
    (top / "to 4095").symlink_to("z" * 4095)
    os.mkfifo(top / "fifo", 0o640)
    os.mknod(top / "null", 0o666 | 0o020000, os.makedev(1, 3))
    os.mknod(top / "disk", 0o660 | 0o060000, os.makedev(259, 300_000))
    os.setxattr(top / "empty", "user.note", b"value \0 binary")
    os.setxattr(top / "large", "security.capability", bytes.fromhex("0100000200200000" + "00" * 12))
    os.setxattr(top / "directory", "user.large", b"v" * 2000)
    os.setxattr(top / "absolute", "trusted.link", b"of a link", follow_symlinks=False)
    (top / os.fsdecode(b"latin-\xe9")).write_bytes(b"")
    os.utime(top / "empty", ns=(0, 1_234_567_890_123_456_789))
    os.utime(top / "fifo", ns=(0, -1_500_000_000))
    os.utime(top / "relative", ns=(0, 987_654_321), follow_symlinks=False)
    for path in (top / "directory", top / "closed", top):
        os.utime(path, ns=(0, 1_600_000_000_000_000_007))
    with open(top / "holes", "wb") as file:
        for place in (0, 1 << 20, (10 << 20) + 4096):
            file.seek(place)
            file.write(b"data" * 1024)
        file.truncate((30 << 20) + 17)
    return top


@FORMS
@pytest.mark.parametrize(
    "options",
    [
        *("--format=posix", "--format=posix --sparse", "--format=posix -S --sparse-version=0.0"),
        "--format=posix -S --sparse-version=0.1",
    ],
)
def test_a_layer_is_what_gnu_tar_packed(
    tmp_path: Path, sample: Path, form: str, options: str
) -> None:
    packed = tmp_path / "tar"
    words = [*options.split(), "--xattrs", "--xattrs-include=*", "--pax-option=delete=atime"]
    words += ["--pax-option=delete=ctime", "--numeric-owner", "-C", str(sample)]
    run("tar", "-cf", packed, *words, ".")
    layer = store(packed.read_bytes(), tmp_path / "root", form)
    assert layer.form == form
    with mounted(layer, tmp_path / "m") as tree:
        found = describe(tree)
    assert found == describe(sample)


@FORMS
def test_old_gnu_archives_are_read_as_gnu_tar_reads_them(
    tmp_path: Path, sample: Path, form: str
) -> None:
    packed, out = tmp_path / "tar", tmp_path / "out"
    out.mkdir()
    run("tar", "-cf", packed, "--format=gnu", "--sparse", "--numeric-owner", "-C", sample, ".")
    run("tar", "-xpf", packed, "--numeric-owner", "-C", out)
    layer = store(packed.read_bytes(), tmp_path / "root", form)
    with mounted(layer, tmp_path / "m") as tree:
        assert describe(tree) == describe(out)


@FORMS
def test_holes_stay_holes(tmp_path: Path, sample: Path, form: str) -> None:
    packed = tmp_path / "tar"
    run("tar", "-cf", packed, "--format=posix", "--sparse", "-C", sample, "./holes")
    layer = store(packed.read_bytes(), tmp_path / "root", form)
    used = subprocess.run(
        ["du", "-sk", layer.path], capture_output=True, text=True, check=True
    ).stdout
    assert int(used.split()[0]) < 1024


@FORMS
def test_a_sparse_file_in_odd_pieces_is_kept_as_a_directory(tmp_path: Path, form: str) -> None:
    member = tarfile.TarInfo("odd")
    member.size = 7
    member.pax_headers = {"GNU.sparse.size": "2000", "GNU.sparse.map": "3,4,1000,3"}
    data = tarfile_archive([(member, b"abcdxyz")], tarfile.PAX_FORMAT)
    layer = store(data, tmp_path, form)
    assert layer.form == "directory"
    content = Path(layer.tree, "odd").read_bytes()
    assert content == b"\0" * 3 + b"abcd" + b"\0" * 993 + b"xyz" + b"\0" * 997
    assert sorted(os.listdir(layer.path)) == ["layer", "tree"]


# ---- overlays -----------------------------------------------------------------------------


@contextmanager
def overlay(layers: list[Layer], tmp_path: Path, *, upper: Path | None = None) -> Iterator[Path]:
    """These layers, the lowest first, as an overlay."""
    with ExitStack() as stack:
        lower = [
            stack.enter_context(mounted(layer, tmp_path / f"m{number}"))
            for number, layer in enumerate(layers)
        ]
        (tmp_path / "nothing").mkdir(exist_ok=True)
        options = [("lowerdir+", str(path)) for path in [*lower[::-1], tmp_path / "nothing"]]
        if upper:
            (tmp_path / "work").mkdir(exist_ok=True)
            options += [("upperdir", str(upper)), ("workdir", str(tmp_path / "work"))]
        place = tmp_path / "merged"
        place.mkdir(exist_ok=True)
        fd = mounts.make("overlay", "overlay", options, attributes=0)
        mounts.attach(fd, str(place))
        os.close(fd)
        try:
            yield place
        finally:
            mounts.detach(str(place))


def names(top: Path) -> list[str]:
    return sorted(name for name in describe(top) if name)


def chain(root: Path, form: str, *archives: bytes) -> list[Layer]:
    ids = [store(data, root, form).diff_id for data in archives]
    return snapshots.chain(ids, str(root))[::-1]


@FORMS
@pytest.mark.parametrize(
    ("archives", "shown"),
    [
        ([simple("a", "b"), simple(".wh.a")], ["b"]),
        ([simple("d/", "d/a"), simple("d/.wh.a", "d/b")], ["d", "d/b"]),
        ([simple("d/", "d/a"), simple(".wh.d")], []),
        ([simple("d/", "d/a"), simple("d/", "d/.wh..wh..opq", "d/b")], ["d", "d/b"]),
        ([simple("d/", "d/a"), simple("d/", "d/b", "d/.wh..wh..opq")], ["d", "d/b"]),
        ([simple("d/", "d/a"), simple(".wh.d", "d/", "d/b")], ["d", "d/b"]),
        ([simple("d/", "d/a"), simple("d/", "d/b", ".wh.d")], ["d", "d/b"]),
        ([simple("d/", "d/a"), simple(".wh.d", "d/b")], ["d", "d/b"]),
        ([simple("a"), simple(".wh.a", "a")], ["a"]),
        ([simple("a"), simple("a", ".wh.a")], ["a"]),
        ([simple("a"), simple("a/", "a/b")], ["a", "a/b"]),
        ([simple("d/", "d/a"), simple("d")], ["d"]),
        ([simple("d/", "d/a"), simple(("d", "nowhere"))], ["d"]),
        ([simple("a"), simple(".wh.a"), simple("b")], ["b"]),
        ([simple("a"), simple(".wh.a"), simple("a")], ["a"]),
        ([simple("a"), simple(".wh..wh.plnk", ".wh..wh.orph/", ".wh..wh.orph/x", "b")], ["a", "b"]),
    ],
)
def test_whiteouts_hide_what_lies_below(
    tmp_path: Path, form: str, archives: list[bytes], shown: list[str]
) -> None:
    made = chain(tmp_path / "root", form, *archives)
    with overlay(made, tmp_path) as merged:
        assert names(merged) == shown
    target = tmp_path / "unpacked"
    snapshots.unpack([layer.diff_id for layer in made], str(target), str(tmp_path / "root"))
    assert names(target) == shown


def fixed(path: bytes, mode: int, kind: bytes = tar_headers.DIRECTORY) -> tuple[Entry, bytes]:
    made = entry(kind, path, mode=mode)
    made.uid = 7
    return made, b""


@FORMS
def test_a_directory_without_an_entry_keeps_what_the_layers_below_say(
    tmp_path: Path, form: str
) -> None:
    root = tmp_path / "root"
    base = archive(
        [
            *(fixed(b"tmp", 0o1777), fixed(b"var", 0o711), fixed(b"var/lib", 0o700)),
            *(fixed(b"gone", 0o700), fixed(b"file", 0o600, tar_headers.FILE)),
            *(fixed(b"opaque", 0o700), fixed(b"again", 0o700)),
        ]
    )
    above = [
        simple("tmp/x", "var/lib/x/y", "new/x"),
        simple(".wh.gone", "gone/x", ".wh.file", "file/x", "opaque/.wh..wh..opq", "opaque/x"),
        simple("again/x", "tmp/y"),
        archive([fixed(b"again", 0o750)]),
    ]
    ids = [store(data, root, form).diff_id for data in [base, *above]]
    target = tmp_path / "out"
    snapshots.unpack(ids, str(target), str(root))
    found = {
        name: (row[0], row[1]) for name, row in describe(target).items() if (target / name).is_dir()
    }
    del found[""]
    assert found == {
        "tmp": (oct(0o041777), 7),
        "var": (oct(0o040711), 7),
        "var/lib": (oct(0o040700), 7),
        "var/lib/x": (oct(0o040755), 0),
        "new": (oct(0o040755), 0),
        "gone": (oct(0o040755), 0),
        "file": (oct(0o040755), 0),
        "opaque": (oct(0o040755), 0),
        "again": (oct(0o040750), 7),
    }
    made = snapshots.complete(ids, str(root))
    assert made == snapshots.complete(ids, str(root))
    assert snapshots.complete(ids[:1], str(root)) == ""
    layers.sweep_layers(str(root))
    assert os.path.exists(made)
    layers.remove_layer(ids[2], str(root))
    layers.sweep_layers(str(root))
    assert not os.path.exists(made)


def test_layers_of_both_forms_can_be_in_one_chain(tmp_path: Path) -> None:
    below = store(simple("a", "b", "d/", "d/x"), tmp_path / "root", "directory")
    middle = store(simple(".wh.a", "d/y"), tmp_path / "root", "erofs")
    above = store(simple("c", "d/.wh.x"), tmp_path / "root", "directory")
    with overlay([below, middle, above], tmp_path) as merged:
        assert names(merged) == ["b", "c", "d", "d/y"]


@FORMS
def test_a_box_s_changes_are_the_next_layer(tmp_path: Path, form: str, sample: Path) -> None:
    root = tmp_path / "root"
    pieces: list[bytes] = []
    snapshots.pack_tree(str(sample), lambda piece: pieces.append(bytes(piece)))
    below = store(b"".join(pieces), root, form)
    upper = tmp_path / "upper"
    upper.mkdir()
    with overlay([below], tmp_path, upper=upper) as merged:
        (merged / "new").write_text("new")
        (merged / "empty").unlink()
        run("rm", "-r", merged / "directory")
        (merged / "directory").mkdir(mode=0o750)
        (merged / "directory" / "only").write_text("1")
        (merged / "set-id").write_text("changed")
        (merged / "relative").rename(merged / "moved")
        os.link(merged / "large", merged / "third name")
        os.setxattr(merged / "new", "user.new", b"1")
        wanted = describe(merged)
    packed: list[bytes] = []
    snapshots.pack_upper(str(upper), lambda piece: packed.append(bytes(piece)))
    above = store(b"".join(packed), root, form)
    with overlay([below, above], tmp_path) as merged:
        found = describe(merged)
    # Copying up breaks the links of a file, and what was not copied keeps its count.
    for path in ("large", "one more name", "third name"):
        del wanted[path], found[path]
    assert found == wanted


def test_equal_trees_give_equal_layers(tmp_path: Path, sample: Path) -> None:
    run("cp", "-a", "--sparse=never", sample, tmp_path / "copy")
    digests = [hashlib.sha256(), hashlib.sha256()]
    snapshots.pack_tree(str(sample), digests[0].update)
    snapshots.pack_tree(str(tmp_path / "copy"), digests[1].update)
    assert digests[0].digest() == digests[1].digest()


@FORMS
def test_packing_and_unpacking_give_the_same_tree(tmp_path: Path, sample: Path, form: str) -> None:
    tree = sample
    pieces: list[bytes] = []
    snapshots.pack_tree(str(tree), lambda piece: pieces.append(bytes(piece)))
    layer = store(b"".join(pieces), tmp_path / "root", form)
    with mounted(layer, tmp_path / "m") as found:
        assert describe(found) == describe(tree)
    again: list[bytes] = []
    snapshots.pack_image(
        [layer.diff_id], lambda piece: again.append(bytes(piece)), str(tmp_path / "root")
    )
    assert b"".join(again) == b"".join(pieces)
    out = tmp_path / "out"
    snapshots.unpack([layer.diff_id], str(out), str(tmp_path / "root"))
    assert describe(out) == describe(tree)


# ---- other tools --------------------------------------------------------------------------


def test_gnu_tar_reads_what_we_pack(tmp_path: Path, sample: Path) -> None:
    out = tmp_path / "out"
    with open(tmp_path / "tar", "wb") as file:
        snapshots.pack_tree(str(sample), file.write)
    out.mkdir()
    words = ["--xattrs", "--xattrs-include=*", "--numeric-owner", "--warning=no-timestamp"]
    run("tar", "-xpf", tmp_path / "tar", *words, "-C", out)
    assert describe(out) == describe(sample)


def test_python_s_tarfile_reads_what_we_pack(tmp_path: Path, sample: Path) -> None:
    with open(tmp_path / "tar", "wb") as file:
        snapshots.pack_tree(str(sample / "directory"), file.write)
    with tarfile.open(tmp_path / "tar") as tar:
        found = {member.name: member.mtime for member in tar}
    assert len(found) == 301


def test_a_hard_link_s_entry_repeats_the_file_s_attributes(tmp_path: Path, sample: Path) -> None:
    """docker chowns the file once more, which ends its capabilities unless it is told."""
    with open(tmp_path / "tar", "wb") as file:
        snapshots.pack_tree(str(sample), file.write)
    with tarfile.open(tmp_path / "tar") as tar:
        rows = {one.name: one for one in tar}
    key = "SCHILY.xattr.security.capability"
    assert rows["one more name"].islnk()
    assert rows["one more name"].linkname == "large"
    assert rows["one more name"].pax_headers[key] == rows["large"].pax_headers[key]


def fsck(layer: Layer) -> None:
    """Let the file system's own tool check an index; blocks of 512 bytes need its version 1.6."""
    tool = shutil.which("fsck.erofs", path=os.environ["PATH"] + ":/usr/sbin")
    if tool is None:
        missing("fsck.erofs, from Debian's erofs-utils")
    said = subprocess.run([tool, "-V"], capture_output=True, text=True, check=False).stdout
    version = re.search(r"(\d+)\.(\d+)", said)
    if version is None or (int(version[1]), int(version[2])) < (1, 6):
        pytest.skip("erofs-utils 1.6 or newer (blocks of 512 bytes)")
    run(tool, f"--device={layer.archive}", layer.index)


def test_fsck_erofs_finds_nothing_wrong(tmp_path: Path, sample: Path) -> None:
    packed = tmp_path / "tar"
    words = ["--xattrs", "--xattrs-include=*", "--format=posix", "--sparse"]
    run("tar", "-cf", packed, *words, "-C", sample, ".")
    layer = store(packed.read_bytes(), tmp_path / "root", "erofs")
    fsck(layer)
