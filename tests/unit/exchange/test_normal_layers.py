"""Layers of entries in any order, and of trees: the same bytes each time."""

import io
import os
import random
import tarfile
from pathlib import Path

import pytest

from wardian import errors
from wardian.exchange import normal_layers
from wardian.exchange.normal_layers import Item
from wardian.images import tar_headers
from wardian.images.layout import Layout
from wardian.images.leases import Lease
from wardian.images.normal import Rules
from wardian.images.tar_headers import Entry

RULES = Rules(1000, owner=(0, 0), modes="git")


def item(
    path: bytes, data: bytes = b"x", kind: bytes = tar_headers.FILE, target: bytes = b""
) -> Item:
    entry = Entry(kind, path)
    entry.mode, entry.target = 0o644, target
    return Item(entry, data)


def packed(items: list[Item]) -> bytes:
    pieces: list[bytes] = []
    normal_layers.pack_items(items, lambda piece: pieces.append(bytes(piece)), RULES)
    return b"".join(pieces)


def names(data: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return archive.getnames()


def some() -> list[Item]:
    return [
        item(b"a-b"),
        item(b"a/c"),
        item(b"a/.wh.gone", b""),
        item(b"z\xff"),
        item(b"a/B/deep"),
        item(b"l", kind=tar_headers.SYMLINK, target=b"a/c"),
    ]


def test_entries_come_in_one_order_with_their_directories() -> None:
    assert names(packed(some())) == [
        *(".", "a", "a/.wh.gone", "a/B", "a/B/deep", "a/c", "a-b", "l", "z\udcff")
    ]


def test_the_order_in_which_entries_come_does_not_matter() -> None:
    first = packed(some())
    chance = random.Random(1)
    for _ in range(5):
        items = some()
        chance.shuffle(items)
        assert packed(items) == first


def test_the_first_name_of_a_hard_link_has_the_data() -> None:
    data = packed(
        [
            item(b"z", b"data"),
            item(b"m", kind=tar_headers.HARD_LINK, target=b"z"),
            item(b"b", kind=tar_headers.HARD_LINK, target=b"z"),
        ]
    )
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        rows = {one.name: (one.islnk(), one.linkname, one.size) for one in archive}
    assert rows["b"] == (False, "", 4)
    assert rows["m"] == (True, "b", 0)
    assert rows["z"] == (True, "b", 0)


def test_a_hard_link_says_of_the_file_what_its_first_name_says() -> None:
    """docker chowns the file once more, which ends its capabilities unless it is told."""
    file = item(b"z", b"data")
    file.entry.mode, file.entry.mtime_ns = 0o4755, 5_000_000_000
    file.entry.xattrs = {b"user.note": b"1"}
    data = packed([file, item(b"b", kind=tar_headers.HARD_LINK, target=b"z")])
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        rows = [
            (one.name, one.mode, one.mtime, one.pax_headers["SCHILY.xattr.user.note"])
            for one in archive
            if one.name != "."
        ]
    assert rows == [("b", 0o4755, 5, "1"), ("z", 0o4755, 5, "1")]


def test_a_tree_and_its_entries_give_the_same_layer(tmp_path: Path) -> None:
    (tmp_path / "a/B").mkdir(parents=True)
    (tmp_path / "a-b").write_bytes(b"x")
    (tmp_path / "a/c").write_bytes(b"x")
    (tmp_path / "a/B/deep").write_bytes(b"x")
    (tmp_path / "l").symlink_to("a/c")
    os.chmod(tmp_path / "a", 0o700)
    pieces: list[bytes] = []
    normal_layers.pack_tree(
        str(tmp_path),
        lambda piece: pieces.append(bytes(piece)),
        Rules(1000, fixed=True, owner=(0, 0), modes="git"),
    )
    items = [one for one in some() if one.entry.path not in (b"a/.wh.gone", b"z\xff")]
    again: list[bytes] = []
    normal_layers.pack_items(
        items,
        lambda piece: again.append(bytes(piece)),
        Rules(1000, fixed=True, owner=(0, 0), modes="git"),
    )
    assert b"".join(pieces) == b"".join(again)


def test_paths_that_lead_outside_or_below_a_file_are_refused() -> None:
    with pytest.raises(errors.SpecError, match="leads outside"):
        packed([item(b"a/../b")])
    with pytest.raises(errors.SpecError, match="no directory"):
        packed([item(b"a"), item(b"a/b")])
    with pytest.raises(errors.SpecError, match="no file of this layer"):
        packed([item(b"a", kind=tar_headers.HARD_LINK, target=b"b")])


def test_a_layer_is_stored_with_its_encoder(tmp_path: Path) -> None:
    layout = Layout(str(tmp_path))
    with Lease(layout) as lease:
        stored = {
            method: normal_layers.store_layer(
                layout,
                lease,
                lambda sink: normal_layers.pack_items(some(), sink, RULES),
                method,
            )
            for method in ("none", "gzip")
        }
    assert stored["none"][1] == stored["gzip"][1]  # what it holds is the same
    assert stored["none"][0]["digest"] == stored["none"][1]
    assert stored["gzip"][0]["annotations"][normal_layers.ENCODER].startswith("zlib")


def test_the_bytes_of_a_layer_are_those_that_they_were() -> None:
    # golden: whoever changes them changes the digest of every image that is built anew
    import hashlib

    assert (
        hashlib.sha256(packed(some())).hexdigest()
        == "29596ebf946938af4981176864bfd05103ac2111d281b7a60359979f3f0d36ae"
    )
