"""Trees, archives and layers for the tests of images."""

import hashlib
import io
import os
import stat
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from wardian.images import layer_store, tar_headers
from wardian.images.layer import Layer
from wardian.images.tar_headers import Entry
from wardian.images.tar_writer import Writer
from wardian.kernel import mounts

Row = tuple[object, ...]


def describe(top: str | Path) -> dict[str, Row]:
    """Everything that a tree tells, by path; hard links by the first name of their group."""
    found: dict[str, Row] = {}
    first: dict[tuple[int, int], str] = {}
    root = os.fspath(top)
    pending = [""]
    while pending:
        here = pending.pop()
        path = os.path.join(root, here)
        status = os.lstat(path)
        is_directory = stat.S_ISDIR(status.st_mode)
        if is_directory:
            pending += [os.path.join(here, name) for name in sorted(os.listdir(path), reverse=True)]
        key = (status.st_dev, status.st_ino)
        group = here if is_directory else first.setdefault(key, here)
        found[here] = (
            *(oct(status.st_mode), status.st_uid, status.st_gid, status.st_mtime_ns),
            *(status.st_rdev, 0 if is_directory else status.st_nlink, group),
            *(_content(path, status), _attributes(path)),
        )
    return found


def _content(path: str, status: os.stat_result) -> object:
    if stat.S_ISLNK(status.st_mode):
        return os.readlink(path)
    if stat.S_ISREG(status.st_mode):
        return status.st_size, hashlib.sha256(Path(path).read_bytes()).hexdigest()
    return None


def _attributes(path: str) -> tuple[tuple[str, bytes], ...]:
    names = sorted(os.listxattr(path, follow_symlinks=False))
    return tuple((name, os.getxattr(path, name, follow_symlinks=False)) for name in names)


def entry(kind: bytes, path: bytes, *, target: bytes = b"", size: int = 0, mode: int = 0) -> Entry:
    """An entry with what matters, and a time that is not round."""
    made = Entry(kind, path)
    made.target = target
    made.size = made.stored = size
    made.mode = mode or (0o755 if kind == tar_headers.DIRECTORY else 0o644)
    made.mtime_ns = 1_700_000_000_123_456_789
    return made


def archive(entries: Sequence[tuple[Entry, bytes]]) -> bytes:
    """An archive of these entries with their data."""
    pieces: list[bytes] = []
    writer = Writer(lambda piece: pieces.append(bytes(piece)))
    for one, data in entries:
        writer.add(one, [data] if data else [])
    writer.finish()
    return b"".join(pieces)


def simple(*words: str | tuple[str, str]) -> bytes:
    """An archive in short: "dir/", "file", ("link", "target"), ("hard", "=target")."""
    rows = []
    for word in words:
        name, target = (word, "") if isinstance(word, str) else word
        path = os.fsencode(name)
        if target.startswith("="):
            rows.append((entry(tar_headers.HARD_LINK, path, target=os.fsencode(target[1:])), b""))
        elif target:
            rows.append((entry(tar_headers.SYMLINK, path, target=os.fsencode(target)), b""))
        elif name.endswith("/"):
            rows.append((entry(tar_headers.DIRECTORY, path), b""))
        else:
            rows.append((entry(tar_headers.FILE, path, size=len(path)), path))
    return archive(rows)


def diff_id_of(data: bytes) -> str:
    """The digest of an archive."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def store(data: bytes, root: str | Path, form: str = "") -> Layer:
    """Store an uncompressed archive as a layer."""
    stream = io.BytesIO(data)
    return layer_store.store(stream, "", diff_id_of(data), os.fspath(root), form=form)


@contextmanager
def mounted(layer: Layer, place: Path) -> Iterator[Path]:
    """The layer's tree: its directory, or its EROFS image mounted at `place`."""
    if layer.form == "directory":
        yield Path(layer.tree)
        return
    place.mkdir(exist_ok=True)
    kind, source, options = layer.mount
    fd = mounts.make(kind, source, options)
    try:
        mounts.attach(fd, str(place))
    finally:
        os.close(fd)
    try:
        yield place
    finally:
        mounts.detach(str(place))


def tarfile_archive(members: Sequence[tuple[tarfile.TarInfo, bytes]], form: int) -> bytes:
    """The same by the standard library."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form) as tar:
        for member, data in members:
            tar.addfile(member, io.BytesIO(data))
    return buffer.getvalue()
