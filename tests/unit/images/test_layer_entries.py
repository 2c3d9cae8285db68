"""What a layer's archive asks for: names, whiteouts, attributes."""

import pytest

from tests.trees import entry
from wardian import errors
from wardian.images import layer_entries, tar_headers
from wardian.images.layer_entries import Item


def one(path: bytes, kind: bytes = tar_headers.FILE, target: bytes = b"") -> Item | None:
    found = list(layer_entries.items([entry(kind, path, target=target)]))
    return found[0] if found else None


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        (b"a/b", [b"a", b"b"]),
        (b"./a//b/", [b"a", b"b"]),
        (b"/a", [b"a"]),
        (b"././a/./b", [b"a", b"b"]),
        (b"...", [b"..."]),
        (b"a..", [b"a.."]),
        (b"\xff", [b"\xff"]),
    ],
)
def test_names_are_taken_from_the_top(path: bytes, parts: list[bytes]) -> None:
    assert layer_entries.split(path) == parts


@pytest.mark.parametrize("path", [b"..", b"../a", b"a/..", b"a/../b", b"/..", b"./.."])
def test_ways_up_are_refused(path: bytes) -> None:
    with pytest.raises(errors.SpecError, match="leads out of the layer"):
        layer_entries.split(path)


@pytest.mark.parametrize(
    ("path", "parts", "is_opaque"),
    [
        (b".wh.a", [b"a"], False),
        (b"d/.wh.a", [b"d", b"a"], False),
        (b"d/.wh..wh..opq", [b"d"], True),
        (b".wh..wh..opq", [], True),
        (b"d/.wh..hidden", [b"d", b".hidden"], False),
        (b"d/.wh....", [b"d", b"..."], False),
    ],
)
def test_whiteouts_are_known_by_their_names(
    path: bytes, parts: list[bytes], is_opaque: bool
) -> None:
    item = one(path)
    assert item is not None
    assert (item.parts, item.is_opaque, item.entry) == (parts, is_opaque, None)


@pytest.mark.parametrize(
    "path", [b".wh..wh.plnk", b".wh..wh.aufs", b"a/.wh..wh.orph/b", b".wh..wh.plnk/1.2"]
)
def test_what_aufs_keeps_for_itself_means_nothing(path: bytes) -> None:
    assert one(path) is None


def test_a_name_that_only_contains_the_prefix_is_a_name() -> None:
    item = one(b"a.wh.b")
    assert item is not None
    assert item.entry is not None


@pytest.mark.parametrize("kind", [tar_headers.FILE, tar_headers.SYMLINK, tar_headers.FIFO])
def test_the_top_is_a_directory(kind: bytes) -> None:
    with pytest.raises(errors.SpecError, match="the layer's top"):
        one(b"./", kind, b"x")


@pytest.mark.parametrize("target", [b"", b"x" * 4096, b"a\0b"])
def test_links_to_no_possible_path_are_refused(target: bytes) -> None:
    with pytest.raises(errors.SpecError, match="symbolic link to no possible path"):
        one(b"link", tar_headers.SYMLINK, target)


def test_the_attributes_that_count_are_kept() -> None:
    made = entry(tar_headers.FILE, b"a")
    kept = [b"security.capability", b"system.posix_acl_access", b"trusted.b", b"user.a"]
    dropped = [b"security.selinux", b"security.ima", b"trusted.overlay.opaque", b"user."]
    dropped += [b"user.overlay.metacopy", b"system.nfs4_acl", b"other"]
    made.xattrs = dict.fromkeys([*kept, *dropped], b"v")
    (item,) = layer_entries.items([made])
    assert item.entry is not None
    assert sorted(item.entry.xattrs) == kept


def test_a_link_can_have_no_user_attribute() -> None:
    made = entry(tar_headers.SYMLINK, b"a", target=b"b")
    made.xattrs = {b"user.a": b"1", b"trusted.b": b"2"}
    (item,) = layer_entries.items([made])
    assert item.entry is not None
    assert list(item.entry.xattrs) == [b"trusted.b"]


def test_too_large_an_attribute_is_refused() -> None:
    made = entry(tar_headers.FILE, b"a")
    made.xattrs = {b"user.a": b"v" * 65536}
    with pytest.raises(errors.SpecError, match="an attribute of 65536 bytes"):
        list(layer_entries.items([made]))
