"""Remove what builds have kept: steps without layers, downloads, repositories, caches of --mount.

A step's note is of use as long as its layer is there. Downloads and caches are of use to any later
build, so they go only where everything shall go. What a build is at stays: it holds a lock. Whoever
looks for a note or a download that has just gone makes it again.

Kernel: flock(2).
"""

import fcntl
import os
from typing import TYPE_CHECKING

from wardian import errors, json_text
from wardian.build.helper import Helper
from wardian.images import layers

if TYPE_CHECKING:
    from collections.abc import Iterator

_FOLDER = "cache/build"
_NOTE_BYTES = 16 << 20
_FRESH = ".tmp-"


def prune(root_dir: str, *, everything: bool = False) -> int:
    """Remove what is of no use; returns how many bytes that were on the disk.

    Args:
        root_dir: WARDIAN_ROOT.
        everything: what is of use too, but for what a build is at.
    """
    top = f"{root_dir}/{_FOLDER}"
    freed = sum(_unlink(path) for path in _useless(f"{top}/steps", root_dir, everything=everything))
    for path in _entries(f"{top}/downloads"):
        if everything or os.path.basename(path).startswith(_FRESH):
            freed += _unlink_unlocked(path)
    if everything:
        freed += _caches(f"{top}/mounts", root_dir)
        freed += _caches(f"{top}/repositories", root_dir)
    return freed


def _entries(folder: str) -> "list[str]":
    try:
        return sorted(f"{folder}/{name}" for name in os.listdir(folder))
    except FileNotFoundError:
        return []  # no build was ever here


def _useless(folder: str, root_dir: str, *, everything: bool) -> "Iterator[str]":
    there = set(layers.list_layers(root_dir)) if os.path.isdir(folder) else set()
    for path in _entries(folder):
        if everything or not _has_layer(path, there):
            yield path


def _has_layer(path: str, there: "set[str]") -> bool:
    if os.path.basename(path).startswith(_FRESH):
        return True  # it is being written; Cache.sweep knows about these
    try:
        layer = json_text.read(path, _NOTE_BYTES)["diff_id"]
    except (errors.WardianError, KeyError, TypeError):
        return False
    return not layer or layer in there


def _unlink(path: str) -> int:
    try:
        size = os.lstat(path).st_blocks * 512
        os.unlink(path)
    except FileNotFoundError:
        return 0  # a build was faster
    return size


def _unlink_unlocked(path: str) -> int:
    """Remove a download that nobody writes."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return 0
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return _unlink(path)
    except BlockingIOError:
        return 0
    finally:
        os.close(fd)


def _caches(folder: str, root_dir: str) -> int:
    """Empty the caches that no step uses; the directories stay, since they are what is locked."""
    freed = 0
    with Helper(root_dir) as helper:
        for path in _entries(folder):
            fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                for inner in _entries(path):
                    freed += _size(inner)
                    helper.remove(inner)
            except BlockingIOError:
                continue
            finally:
                os.close(fd)
    return freed


def _size(top: str) -> int:
    """Return what a tree takes on the disk, as far as we may look."""
    found = 0
    for folder, _folders, names in os.walk(top):
        for name in names:
            try:
                found += os.lstat(f"{folder}/{name}").st_blocks * 512
            except OSError:
                continue  # another user's, of a box
    return found
