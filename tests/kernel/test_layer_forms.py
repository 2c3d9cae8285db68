"""Both forms of a layer show the same tree, and it is the one that the archive means."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.machine import missing
from tests.trees import archive, describe, mounted, store
from wardian import errors
from wardian.images import layers, tar_headers
from wardian.images.tar_headers import Entry

pytestmark = pytest.mark.root

NAMES = st.sampled_from(
    [b"a", b"b", b"c", b".wh.a", b".wh.b", b".wh..wh..opq", b"\xff\xfe", b"d e"]
)
PATHS = st.lists(NAMES, min_size=1, max_size=4).map(b"/".join)
TARGETS = st.one_of(
    PATHS, st.sampled_from([b"/", b"..", b"../a", b"/a/b", b".", b"x" * 600, b"a/../b"])
)
KINDS = st.sampled_from(
    [
        *(tar_headers.FILE, tar_headers.FILE, tar_headers.DIRECTORY, tar_headers.DIRECTORY),
        *(tar_headers.SYMLINK, tar_headers.HARD_LINK, tar_headers.FIFO),
        tar_headers.CHARACTER_DEVICE,
    ]
)
XATTRS = st.dictionaries(
    st.sampled_from([b"user.one", b"user.two", b"trusted.three", b"security.capability"]),
    st.binary(max_size=40),
    max_size=2,
)


@st.composite
def entries(draw: st.DrawFn) -> tuple[Entry, bytes]:
    kind = draw(KINDS)
    made = Entry(kind, draw(PATHS))
    made.mode = draw(st.sampled_from([0o644, 0o4755, 0o1777, 0o2700, 0o000]))
    made.uid = draw(st.sampled_from([0, 1000, 65534, 4_000_000_000]))
    made.gid = draw(st.sampled_from([0, 5, 3_000_000]))
    made.mtime_ns = draw(st.integers((1 - 2**31) * 10**9, 2**33 * 10**9))
    data = b""
    if kind == tar_headers.FILE:
        data = draw(st.one_of(st.binary(max_size=20), st.integers(0, 3000).map(lambda n: b"x" * n)))
        made.size = len(data)
    if kind in (tar_headers.SYMLINK, tar_headers.HARD_LINK):
        made.target = draw(TARGETS)
    if kind == tar_headers.CHARACTER_DEVICE:
        made.device = draw(st.sampled_from([(0, 0), (1, 3), (4000, 900_000)]))
    made.xattrs = draw(XATTRS)
    made.xattrs.pop(b"security.capability", None)  # the kernel wants a sound value
    return made, data


def outcome(data: bytes, root: Path, form: str) -> object:
    """The tree, or in words why there is none."""
    try:
        layer = store(data, root, form)
    except errors.SpecError as error:
        return str(error)
    if layer.form != form:
        missing("EROFS mounts from files (Linux 6.12, not on tmpfs)")
    with mounted(layer, root / "mounted") as tree:
        return describe(tree), layer.entries, layer.implicit()


@pytest.mark.slow
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(entries(), max_size=12))
def test_both_forms_agree_whatever_the_archive_holds(rows: list[tuple[Entry, bytes]]) -> None:
    data = archive(rows)
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        directory = outcome(data, Path(one), "directory")
        erofs = outcome(data, Path(other), "erofs")
    assert erofs == directory


@pytest.mark.slow
@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(entries(), max_size=12))
def test_verify_accepts_what_was_stored(rows: list[tuple[Entry, bytes]]) -> None:
    with tempfile.TemporaryDirectory() as root:
        try:
            layer = store(archive(rows), root)
        except errors.SpecError:
            return
        layers.verify_layer(layer.diff_id, root)
