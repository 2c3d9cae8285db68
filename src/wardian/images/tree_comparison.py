"""Find what differs between two trees, as a layer must say it.

Nothing is believed on the strength of a time: files that agree in all that stat(2) tells are still
compared byte by byte.

Kernel: openat(2), stat(2), xattr(7).
"""

import os
from stat import S_IFMT, S_ISDIR, S_ISLNK, S_ISREG
from typing import NamedTuple

from wardian.kernel.trees import Descent

_CHUNK_BYTES = 512 << 10
_READING = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class Differences(NamedTuple):
    """What makes one tree of another.

    Attributes:
        changed: paths that are new or different, and the directories above them.
        gone: names that are no longer there, by directory.
    """

    changed: set[bytes]
    gone: dict[bytes, list[bytes]]


def compare(below: str, above: str) -> Differences:
    """Return what a layer over the tree `below` must hold to show the tree `above`."""
    found = Differences(set(), {})
    with Descent(below) as old, Descent(above) as new:
        pending = [(b"", _both(b"", old, new, found))]
        while pending:
            path, names = pending[-1]
            if names:
                name = names.pop()
                old.enter(os.fsdecode(name))
                new.enter(os.fsdecode(name))
                here = path + b"/" + name if path else name
                pending.append((here, _both(here, old, new, found)))
            else:
                pending.pop()
                if pending:
                    old.leave()
                    new.leave()
    return found


def _both(path: bytes, old: Descent, new: Descent, found: Differences) -> "list[bytes]":
    """Compare two directories; returns the names of those that both have as directories."""
    before = {os.fsencode(entry.name) for entry in old.list()}
    after = {os.fsencode(entry.name) for entry in new.list()}
    if gone := before - after:
        found.gone[path] = sorted(gone)
        _mark(path, found)
    both = []
    for name in after:
        here = path + b"/" + name if path else name
        state = os.stat(name, dir_fd=new.fd, follow_symlinks=False)
        if name not in before:
            _mark(here, found)
            if S_ISDIR(state.st_mode):
                _mark_all(here, new, name, found)
            continue
        earlier = os.stat(name, dir_fd=old.fd, follow_symlinks=False)
        if S_ISDIR(state.st_mode) and S_ISDIR(earlier.st_mode):
            both.append(name)
        if not _same(name, (old.fd, earlier), (new.fd, state)):
            _mark(here, found)
            if S_ISDIR(state.st_mode) and not S_ISDIR(earlier.st_mode):
                _mark_all(here, new, name, found)
    return both


def _mark(path: bytes, found: Differences) -> None:
    while path not in found.changed:
        found.changed.add(path)
        path = path.rpartition(b"/")[0]


def _mark_all(path: bytes, walk: Descent, name: bytes, found: Differences) -> None:
    """Mark everything in a new directory."""
    walk.enter(os.fsdecode(name))
    for entry in walk.list():
        below = os.fsencode(entry.name)
        found.changed.add(path + b"/" + below)
        if entry.is_dir(follow_symlinks=False):
            _mark_all(path + b"/" + below, walk, below, found)
    walk.leave()


def _same(
    name: bytes, old: "tuple[int, os.stat_result]", new: "tuple[int, os.stat_result]"
) -> bool:
    one, other = old[1], new[1]
    if _words(one) != _words(other) or _attributes(old[0], name) != _attributes(new[0], name):
        return False
    if S_ISLNK(one.st_mode):
        return os.readlink(name, dir_fd=old[0]) == os.readlink(name, dir_fd=new[0])
    return not S_ISREG(one.st_mode) or _same_content(name, old[0], new[0])


def _words(found: os.stat_result) -> "tuple[int, ...]":
    size = 0 if S_ISDIR(found.st_mode) else found.st_size
    return (
        *(S_IFMT(found.st_mode), found.st_mode & 0o7777, found.st_uid, found.st_gid, size),
        *(found.st_mtime_ns, found.st_rdev),
    )


def _attributes(directory: int, name: bytes) -> "dict[str, bytes]":
    path = f"/proc/self/fd/{directory}/{os.fsdecode(name)}"
    try:
        names = os.listxattr(path, follow_symlinks=False)
        return {key: os.getxattr(path, key, follow_symlinks=False) for key in names}
    except OSError:
        return {}  # this file system has none


def _same_content(name: bytes, old: int, new: int) -> bool:
    one = os.open(name, _READING, dir_fd=old)
    try:
        other = os.open(name, _READING, dir_fd=new)
        try:
            while True:
                chunk = os.read(one, _CHUNK_BYTES)
                if chunk != os.read(other, _CHUNK_BYTES):
                    return False
                if not chunk:
                    return True
        finally:
            os.close(other)
    finally:
        os.close(one)
