"""Blobs whose digest is known at their end."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from wardian.images import blobs, leases
from wardian.images.fresh import FreshBlob
from wardian.images.layout import Layout
from wardian.registry import digests


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(str(tmp_path))


@pytest.fixture
def lease(layout: Layout) -> Iterator[leases.Lease]:
    with leases.Lease(layout) as made:
        yield made


def left(layout: Layout) -> list[str]:
    return os.listdir(f"{layout.path}/ingest")


def test_it_gets_its_digest_as_its_name_and_is_leased(layout: Layout, lease: leases.Lease) -> None:
    with FreshBlob(layout, lease) as blob:
        blob.write(b"some")
        blob.write(memoryview(b"thing"))
        assert blob.read(100) == b"something"
        digest = blob.finish()
    assert digest == digests.of(b"something")
    assert blobs.read(layout, digest, 100) == b"something"
    assert digest in lease.digests
    assert left(layout) == []


def test_the_same_bytes_again_are_one_blob(layout: Layout, lease: leases.Lease) -> None:
    for _again in range(2):
        with FreshBlob(layout, lease) as blob:
            blob.write(b"x")
            blob.finish()
    assert left(layout) == []


def test_one_that_is_not_finished_leaves_nothing(layout: Layout, lease: leases.Lease) -> None:
    with FreshBlob(layout, lease) as blob:
        blob.write(b"x")
        assert left(layout) != []
    assert left(layout) == []


@pytest.mark.parametrize(
    ("start", "word"),
    [(b"\x1f\x8b\x08", "gzip"), (b"\x28\xb5\x2f\xfd", "zstd"), (b"tar", "none"), (b"", "none")],
)
def test_its_first_bytes_tell_how_it_is_compressed(
    layout: Layout, lease: leases.Lease, start: bytes, word: str
) -> None:
    with FreshBlob(layout, lease) as blob:
        for place in range(len(start)):
            blob.write(start[place : place + 1])
        assert blob.compression == word
