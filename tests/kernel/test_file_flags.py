"""Advice to file systems, looked at where ext4 really puts the files."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.machine import requires
from tests.trees import simple, store
from wardian.images import layers

pytestmark = pytest.mark.root
INODES_PER_GROUP = 2048


@pytest.fixture
def ext4(tmp_path: Path) -> Iterator[Path]:
    """A small file system with eight block groups, each a neighbourhood of its own."""
    requires("mkfs.ext4")
    image, place = tmp_path / "image", tmp_path / "place"
    place.mkdir()
    with image.open("wb") as file:
        file.truncate(1 << 30)
    words = ["-q", "-F", "-G", "1", "-N", str(8 * INODES_PER_GROUP), "-E", "lazy_itable_init=1"]
    subprocess.run(["mkfs.ext4", *words, str(image)], check=True)
    subprocess.run(["mount", "-o", "loop", str(image), str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def group_of(path: str) -> int:
    return (os.stat(path).st_ino - 1) // INODES_PER_GROUP


def test_layers_lie_apart_so_that_a_removed_one_slows_no_new_one(ext4: Path) -> None:
    made = [store(simple(f"a{number}"), ext4, "directory") for number in range(4)]
    groups = [group_of(f"{layer.tree}/a{number}") for number, layer in enumerate(made)]
    assert len(set(groups)) == len(groups)
    layers.remove_layer(made[0].diff_id, str(ext4))
    again = store(simple("again"), ext4, "directory")
    assert group_of(f"{again.tree}/again") not in groups[1:]
