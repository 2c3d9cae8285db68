"""Layers that mean harm: refused in one line, nothing kept, and nothing outside touched."""

import gzip
import io
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.trees import (
    archive,
    describe,
    diff_id_of,
    entry,
    mounted,
    simple,
    store,
    tarfile_archive,
)
from wardian import errors
from wardian.images import layer_store, layers, tar_headers
from wardian.images.layer_store import Limits

pytestmark = pytest.mark.root
FORMS = pytest.mark.parametrize("form", ["directory", "erofs"])


@pytest.fixture
def outside(tmp_path: Path) -> Iterator[Path]:
    """A directory beside the layers, of which nothing may change."""
    place = tmp_path / "outside"
    place.mkdir()
    (place / "file").write_text("untouched")
    (place / "file").chmod(0o600)
    (place / "directory").mkdir()
    before = describe(place)
    yield place
    assert describe(place) == before
    assert (place / "file").read_text() == "untouched"


def refuse(data: bytes, root: Path, form: str, words: str) -> None:
    """The archive is refused in these words, and leaves nothing in the store."""
    with pytest.raises(errors.SpecError) as caught:
        store(data, root, form)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400
    assert os.listdir(root / "layers") == []


def up(outside: Path) -> str:
    """A path that would lead from any layer's tree to the directory outside."""
    return "../" * 30 + str(outside).lstrip("/")


@FORMS
@pytest.mark.parametrize("name", ["../x", "a/../../x", "/../x", "..", "./../x", "a/.."])
def test_a_way_up_is_refused(tmp_path: Path, form: str, name: str) -> None:
    refuse(simple(name), tmp_path / "root", form, "leads out of the layer")


@FORMS
def test_a_long_way_up_is_refused(tmp_path: Path, outside: Path, form: str) -> None:
    refuse(simple(f"{up(outside)}/new"), tmp_path / "root", form, "leads out of the layer")


@FORMS
def test_an_absolute_path_is_one_in_the_layer(tmp_path: Path, outside: Path, form: str) -> None:
    layer = store(simple(f"{outside}/file"), tmp_path / "root", form)
    with mounted(layer, tmp_path / "m") as tree:
        inside = tree / str(outside / "file").lstrip("/")
        assert inside.read_text() == f"{outside}/file"


@FORMS
def test_writing_through_an_absolute_link_stays_inside(
    tmp_path: Path, outside: Path, form: str
) -> None:
    data = simple(("link", str(outside)), "link/file")
    refuse(data, tmp_path / "root", form, "lies below a symbolic link that leads nowhere")


@FORMS
def test_writing_through_a_link_upwards_stays_inside(
    tmp_path: Path, outside: Path, form: str
) -> None:
    data = simple(("link", up(outside)), "link/file")
    refuse(data, tmp_path / "root", form, "lies below a symbolic link that leads nowhere")


@FORMS
def test_a_link_followed_inside_of_the_layer_leads_where_it_says(
    tmp_path: Path, outside: Path, form: str
) -> None:
    inside = str(outside).lstrip("/")
    data = simple(f"{inside}/", ("link", str(outside)), "link/file", "link/directory/")
    layer = store(data, tmp_path / "root", form)
    with mounted(layer, tmp_path / "m") as tree:
        assert (tree / inside / "file").read_text() == "link/file"
        assert (tree / inside / "directory").is_dir()


@FORMS
@pytest.mark.parametrize("kind", ["file", "directory", "device"])
def test_a_file_replaces_a_link_and_is_not_written_through_it(
    tmp_path: Path, outside: Path, form: str, kind: str
) -> None:
    again = {
        "file": entry(tar_headers.FILE, b"link"),
        "directory": entry(tar_headers.DIRECTORY, b"link", mode=0o777),
        "device": entry(tar_headers.CHARACTER_DEVICE, b"link", mode=0o777),
    }[kind]
    again.device = (1, 3)
    target = b"directory" if kind == "directory" else b"file"
    link = entry(tar_headers.SYMLINK, b"link", target=os.fsencode(outside) + b"/" + target)
    layer = store(archive([(link, b""), (again, b"")]), tmp_path / "root", form)
    with mounted(layer, tmp_path / "m") as tree:
        assert not (tree / "link").is_symlink()


@FORMS
def test_a_directory_s_attributes_are_not_set_through_a_link_put_in_its_way(
    tmp_path: Path, outside: Path, form: str
) -> None:
    first = entry(tar_headers.DIRECTORY, b"a/directory", mode=0o777)
    link = entry(tar_headers.SYMLINK, b"a", target=os.fsencode(outside))
    layer = store(archive([(first, b""), (link, b"")]), tmp_path / "root", form)
    with mounted(layer, tmp_path / "m") as tree:
        assert os.readlink(tree / "a") == str(outside)


@FORMS
@pytest.mark.parametrize("where", ["/etc/passwd", "../../../../../../etc/passwd", "nowhere"])
def test_a_hard_link_to_what_is_not_in_the_layer_is_refused(
    tmp_path: Path, form: str, where: str
) -> None:
    before = os.stat("/etc/passwd").st_nlink
    with pytest.raises(errors.SpecError, match=r"which is not in it|leads out of the layer"):
        store(simple(("hard", "=" + where)), tmp_path / "root", form)
    assert os.stat("/etc/passwd").st_nlink == before


@FORMS
def test_a_hard_link_through_a_link_stays_inside(tmp_path: Path, outside: Path, form: str) -> None:
    data = simple(("link", str(outside)), ("hard", "=link/file"))
    refuse(data, tmp_path / "root", form, "which is not in it")


@FORMS
def test_a_hard_link_to_a_link_is_the_link_itself(tmp_path: Path, outside: Path, form: str) -> None:
    data = simple(("link", f"{outside}/file"), ("hard", "=link"), "other")
    layer = store(data, tmp_path / "root", form)
    with mounted(layer, tmp_path / "m") as tree:
        assert os.readlink(tree / "hard") == f"{outside}/file"
        assert os.lstat(tree / "hard").st_nlink == 2


@FORMS
@pytest.mark.parametrize("name", [".wh...", ".wh..", ".wh.", "a/.wh...", "a/.wh.."])
def test_a_whiteout_of_no_file_is_refused(tmp_path: Path, form: str, name: str) -> None:
    refuse(simple(name), tmp_path / "root", form, "is a whiteout of no file")


@FORMS
def test_a_whiteout_deletes_nothing_outside(tmp_path: Path, outside: Path, form: str) -> None:
    data = simple(("link", str(outside)), "link/.wh.file")
    refuse(data, tmp_path / "root", form, "lies below a symbolic link that leads nowhere")


@FORMS
def test_of_duplicates_the_last_one_counts(tmp_path: Path, form: str) -> None:
    rows = [(entry(tar_headers.FILE, b"f", size=n), b"x" * n) for n in (5, 700, 3)]
    rows.insert(1, (entry(tar_headers.DIRECTORY, b"f/d/e"), b""))
    rows[1][0].path = b"g/d/e"
    rows.append((entry(tar_headers.FILE, b"g", size=1), b"y"))
    layer = store(archive(rows), tmp_path / "root", form)
    with mounted(layer, tmp_path / "m") as tree:
        assert (tree / "f").read_bytes() == b"xxx"
        assert (tree / "g").read_bytes() == b"y"


@FORMS
def test_a_name_that_is_not_utf_8_is_kept(tmp_path: Path, form: str) -> None:
    name = b"caf\xe9/\xff\xfe\n"
    layer = store(archive([(entry(tar_headers.FILE, name), b"")]), tmp_path / "root", form)
    with mounted(layer, tmp_path / "m") as tree:
        assert os.listdir(os.fsencode(tree) + b"/caf\xe9") == [b"\xff\xfe\n"]


@FORMS
@pytest.mark.parametrize("kind", [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize("length", [5000, 1 << 20])
def test_a_path_longer_than_any_is_refused(
    tmp_path: Path, form: str, kind: int, length: int
) -> None:
    member = tarfile.TarInfo("a/" * (length // 2) + "x")
    data = tarfile_archive([(member, b"")], kind)
    with pytest.raises(errors.SpecError, match=r"longer than any path|too long"):
        store(data, tmp_path / "root", form)
    assert os.listdir(tmp_path / "root" / "layers") == []


@FORMS
def test_a_name_longer_than_any_is_refused(tmp_path: Path, form: str) -> None:
    data = archive([(entry(tar_headers.FILE, b"n" * 256), b"")])
    refuse(data, tmp_path / "root", form, "more than 255 bytes")


@FORMS
@pytest.mark.parametrize("keep", [100, 511, 700, 512 + 4096])
def test_an_archive_cut_short_is_refused(tmp_path: Path, form: str, keep: int) -> None:
    data = archive([(entry(tar_headers.FILE, b"f", size=10_000), b"x" * 10_000)])[:keep]
    refuse(data, tmp_path / "root", form, "cut short")


@FORMS
def test_one_cut_between_two_entries_is_told_by_its_digest(tmp_path: Path, form: str) -> None:
    data = simple("a", "b")
    one = len(simple("a")) - 1024
    with pytest.raises(errors.SpecError, match="as the image says"):
        layer_store.store(io.BytesIO(data[:one]), "", diff_id_of(data), str(tmp_path), form=form)
    assert os.listdir(tmp_path / "layers") == []


@FORMS
@pytest.mark.parametrize("junk", [b"junk", b"\0" * 600 + b"x", b"\x1f\x8bnot gzip at all"])
def test_junk_after_the_gzip_stream_is_refused(tmp_path: Path, form: str, junk: bytes) -> None:
    data = simple("a")
    blob = gzip.compress(data) + junk
    with pytest.raises(errors.SpecError, match=r"junk follows|damaged|cut short"):
        layer_store.store(io.BytesIO(blob), "", diff_id_of(data), str(tmp_path), form=form)
    assert layers.list_layers(str(tmp_path)) == []


class Zeros(io.RawIOBase):
    """A gzip file of zeros without end, made as it is read."""

    def __init__(self, prefix: bytes) -> None:
        import zlib

        coder = zlib.compressobj(9, zlib.DEFLATED, 31)
        self._pieces = [coder.compress(prefix) + coder.flush(zlib.Z_FULL_FLUSH)]
        self._again = coder.compress(bytes(64 << 20)) + coder.flush(zlib.Z_FULL_FLUSH)

    def read(self, count: int = -1) -> bytes:
        piece = self._pieces.pop() if self._pieces else self._again
        if len(piece) > count:
            self._pieces.append(piece[count:])
        return piece[:count]


@FORMS
@pytest.mark.slow
def test_a_bomb_is_refused_at_the_declared_limit(tmp_path: Path, form: str) -> None:
    huge = entry(tar_headers.FILE, b"huge", size=1 << 40)
    from wardian.images import tar_writer

    with pytest.raises(errors.SpecError, match="expands to more than 100000000 bytes"):
        layer_store.store(
            Zeros(tar_writer.header(huge)),  # type: ignore[arg-type]
            "",
            "sha256:" + "0" * 64,
            str(tmp_path),
            limits=Limits(size_bytes=100_000_000),
            form=form,
        )
    assert os.listdir(tmp_path / "layers") == []


class Entries(io.RawIOBase):
    """An archive with any number of empty files, made as it is read."""

    def __init__(self) -> None:
        self._number = 0

    def read(self, _count: int = -1) -> bytes:
        from wardian.images import tar_writer

        self._number += 1
        template = tar_writer.header(entry(tar_headers.FILE, b"e"))
        return template * 512


@FORMS
@pytest.mark.slow
def test_entries_without_number_are_refused_at_the_limit(tmp_path: Path, form: str) -> None:
    with pytest.raises(errors.SpecError, match="has more than 20000 entries"):
        layer_store.store(
            Entries(),  # type: ignore[arg-type]
            "",
            "sha256:" + "0" * 64,
            str(tmp_path),
            limits=Limits(entries=20_000),
            form=form,
        )
    assert os.listdir(tmp_path / "layers") == []


@FORMS
def test_attributes_of_overlayfs_are_not_the_archive_s_to_set(tmp_path: Path, form: str) -> None:
    made = entry(tar_headers.DIRECTORY, b"d")
    made.xattrs = {
        b"trusted.overlay.redirect": b"/etc",
        b"user.overlay.opaque": b"y",
        b"trusted.overlay.opaque": b"y",
        b"user.kept": b"1",
        b"security.selinux": b"label",
    }
    layer = store(archive([(made, b"")]), tmp_path / "root", form)
    with mounted(layer, tmp_path / "m") as tree:
        assert os.listxattr(tree / "d") == ["user.kept"]


@FORMS
def test_what_is_no_tar_at_all_is_refused(tmp_path: Path, form: str) -> None:
    refuse(b"not a tar archive " * 100, tmp_path / "root", form, "not a sound tar archive")


@FORMS
def test_a_sparse_file_that_claims_exabytes_costs_nothing(tmp_path: Path, form: str) -> None:
    member = tarfile.TarInfo("sparse")
    member.pax_headers = {"GNU.sparse.size": str(1 << 60), "GNU.sparse.numblocks": "0"}
    data = tarfile_archive([(member, b"")], tarfile.PAX_FORMAT)
    with pytest.raises(errors.SpecError, match="larger than any file here"):
        store(data, tmp_path / "root", form)
    assert os.listdir(tmp_path / "root" / "layers") == []
