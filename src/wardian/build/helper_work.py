"""A process beside the build that sees layers as one tree: the other side of `helper`.

Run by kernel.side_process. Requests and answers are lines of JSON.

Facts about what is read
------------------------
Each chain is mounted once, in a mount namespace that goes with the process, and held by a
descriptor; later mounts may cover it. A path is resolved by walking descriptors, so that a link in
an image can't lead to the host.

Kernel: overlayfs, mount_namespaces(7).
"""

import base64
import errno
import json
import os
import sys
from stat import S_IMODE, S_ISBLK, S_ISCHR, S_ISDIR, S_ISFIFO, S_ISLNK, S_ISREG, S_ISSOCK
from typing import TYPE_CHECKING

from wardian import errors
from wardian.build import patterns
from wardian.engine.accounts import GROUP, PASSWD
from wardian.images import (
    chain_worker,
    compression,
    layer_entries,
    layer_worker,
    snapshots,
    tar_headers,
)
from wardian.images.tar_headers import Entry
from wardian.images.tar_reader import DEFAULT_LIMIT_ENTRIES, Reader
from wardian.images.tree_builder import Builder
from wardian.kernel import paths

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any, BinaryIO

_ACCOUNT_BYTES = 1 << 20
_CHUNK_BYTES = 1 << 20
_HOLDING = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_DROPPED = ("trusted.overlay.", "user.overlay.", "security.selinux", "security.ima", "security.evm")
_KINDS = (
    (S_ISREG, tar_headers.FILE),
    (S_ISDIR, tar_headers.DIRECTORY),
    (S_ISLNK, tar_headers.SYMLINK),
    (S_ISCHR, tar_headers.CHARACTER_DEVICE),
    (S_ISBLK, tar_headers.BLOCK_DEVICE),
    (S_ISFIFO, tar_headers.FIFO),
)


def serve(arguments: "list[str]") -> str:
    """Answer requests until there are no more: ROOT_DIR."""
    (root_dir,) = arguments
    trees = _Trees(root_dir)
    out = os.fdopen(os.dup(1), "wb")
    for line in sys.stdin.buffer:
        request = json.loads(line)
        try:
            operation = _OPERATIONS[request.pop("operation")]
            said: dict[str, Any] = {"result": operation(trees, request)}
        except errors.WardianError as error:
            said = {
                "error": type(error).__name__,
                "message": str(error),
                "hint": error.hint,
                "errno": getattr(error, "errno", 0),
                "call": getattr(error, "call", ""),
            }
        except OSError as error:
            call = f'"{error.filename}"' if error.filename else "reading layers"
            said = {"error": "KernelError", "errno": error.errno, "call": call, "hint": ""}
        out.write(json.dumps(said).encode() + b"\n")
        out.flush()
    return ""


class _Trees:
    """The chains that are mounted."""

    def __init__(self, root_dir: str) -> None:
        self._root_dir = root_dir
        self._held: dict[tuple[str, ...], int] = {}

    def top(self, request: "dict[str, Any]") -> int:
        """Return a descriptor of a tree's top."""
        if "directory" in request:
            return os.open(request["directory"], _HOLDING)
        diff_ids = request["diff_ids"]
        key = (request["attributes"], *diff_ids)
        if key not in self._held:
            layers = snapshots.chain(diff_ids, self._root_dir)
            merged = (
                chain_worker.mount_chain(layers, request["attributes"])
                if layers
                else _empty(self._root_dir)
            )
            self._held[key] = os.open(merged, _HOLDING)
        return self._held[key]


def _empty(root_dir: str) -> str:
    path = f"{root_dir}/cache/build/empty"
    os.makedirs(path, 0o755, exist_ok=True)
    if os.stat(path).st_mode & 0o7777 != 0o755:  # our own umask must not be seen
        os.chmod(path, 0o755)  # noqa: S103 - a directory that stays empty
    return path


def _facts(trees: _Trees, request: "dict[str, Any]") -> object:
    top = trees.top(request)
    found = os.fstat(top)
    return {
        "accounts": {path: _text(top, path) for path in (PASSWD, GROUP)},
        "top": (S_IMODE(found.st_mode), found.st_uid, found.st_gid, found.st_mtime_ns),
    }


def _text(top: int, path: str) -> "str | None":
    try:
        data = paths.read_in_root(top, path, _ACCOUNT_BYTES)
    except (errors.SpecError, errors.KernelError):
        return None
    return None if data is None else os.fsdecode(data)


# ---- where a path leads -------------------------------------------------------------------


def _places(trees: _Trees, request: "dict[str, Any]") -> object:
    top = trees.top(request)
    rows = [_place(top, path) for path in request["paths"]]
    return [(*row, _kinds(top, row[0]) if row[2] == "directory" else {}) for row in rows]


def _kinds(top: int, path: str) -> "dict[str, str]":
    found: dict[str, str] = {}
    fd = paths.open_in_root(top, path or "/", os.O_RDONLY | os.O_DIRECTORY)
    try:
        with os.scandir(fd) as entries:
            for entry in entries:
                is_directory = entry.is_dir(follow_symlinks=False)
                found[entry.name] = (
                    "directory" if is_directory else "link" if entry.is_symlink() else "other"
                )
    finally:
        os.close(fd)
    return found


def _place(top: int, path: str) -> "tuple[str, list[dict[str, Any]], str]":
    """Follow a path as far as it goes; what is missing is taken as it is written."""
    names = [name for name in path.split("/") if name not in ("", ".")]
    prefix = _real(top)
    done: list[str] = []
    above = [_node(top, "", "")]
    kind = "directory"
    for name in names:
        if name == "..":
            done = done[:-1]
            above = above[: len(done) + 1]
            kind = "directory"
            continue
        if kind != "directory":
            done.append(name)
            if kind == "other":
                kind = "below other"
            continue
        try:
            fd = paths.open_in_root(top, "/".join([*done, name]), os.O_PATH)
        except errors.KernelError as error:
            if error.errno not in (2, 20, 40):
                raise
            done.append(name)
            kind = ""
            continue
        real = _real(fd).removeprefix(prefix).strip("/")
        done = real.split("/") if real else []
        kind = "directory" if S_ISDIR(os.fstat(fd).st_mode) else "other"
        os.close(fd)
        above = _on_the_way(top, done if kind == "directory" else done[:-1])
    return "/".join(done), above, kind


def _real(fd: int) -> str:
    return os.readlink(f"/proc/self/fd/{fd}").rstrip("/")


def _on_the_way(top: int, names: "list[str]") -> "list[dict[str, Any]]":
    found = [_node(top, "", "")]
    fd = os.dup(top)
    for number, name in enumerate(names, 1):
        inner = os.open(name, _HOLDING, dir_fd=fd)
        os.close(fd)
        fd = inner
        found.append(_node(fd, "", "/".join(names[:number])))
    os.close(fd)
    return found


# ---- reading ------------------------------------------------------------------------------


def _node(directory: int, name: str, path: str) -> "dict[str, Any]":
    """Describe a file; with an empty name the directory itself."""
    where = f"/proc/self/fd/{directory}/{name or '.'}"
    found = os.lstat(where)
    kind = next((kind for test, kind in _KINDS if test(found.st_mode)), b"")
    return {
        "path": path,
        "kind": kind.decode(),
        "mode": S_IMODE(found.st_mode),
        "uid": found.st_uid,
        "gid": found.st_gid,
        "mtime_ns": found.st_mtime_ns,
        "size": found.st_size if S_ISREG(found.st_mode) else 0,
        "target": os.readlink(where) if S_ISLNK(found.st_mode) else "",
        "device": (os.major(found.st_rdev), os.minor(found.st_rdev)),
        "xattrs": _xattrs(where),
    }


def _xattrs(where: str) -> "dict[str, str]":
    try:
        names = os.listxattr(where, follow_symlinks=False)
    except OSError:
        return {}
    return {
        name: base64.b64encode(os.getxattr(where, name, follow_symlinks=False)).decode()
        for name in names
        if not name.startswith(_DROPPED)
    }


def _read(trees: _Trees, request: "dict[str, Any]") -> object:
    top = trees.top(request)
    with open(request["data"], "wb", buffering=_CHUNK_BYTES) as sink:
        reader = _ReadOut(sink)
        return [
            (name, reader.tree(top, path))
            for pattern in request["patterns"]
            for name, path in _fitting(top, pattern)
        ]


def _fitting(top: int, pattern: str) -> "list[tuple[str, str]]":
    """Return what a pattern means: paths as they are called, and where they really lead."""
    names = [name for name in pattern.split("/") if name not in ("", ".")]
    found = [""]
    for name in names:
        if name == "**" or not patterns.is_pattern(name):
            found = [f"{above}/{name}" for above in found]
            continue
        regular = patterns.compiled(name)
        found = [
            f"{above}/{one}"
            for above in found
            for one in sorted(_listed(top, above), key=os.fsencode)
            if regular.fullmatch(one)
        ]
    rows = [(one.strip("/"), _place(top, one)) for one in found]
    there = [(name, row[0]) for name, row in rows if row[2] in ("directory", "other")]
    if not there:
        raise errors.NotFoundError(f'"{pattern}" is not there')
    return there


def _listed(top: int, path: str) -> "list[str]":
    try:
        fd = paths.open_in_root(top, path or "/", os.O_RDONLY | os.O_DIRECTORY)
    except errors.KernelError:
        return []
    try:
        return os.listdir(fd)
    finally:
        os.close(fd)


class _ReadOut:
    """Reads trees out, all content into one file."""

    def __init__(self, sink: "Any") -> None:
        self._sink = sink
        self._offset = 0

    def tree(self, top: int, path: str) -> "list[dict[str, Any]]":
        """Return what is at a path, itself first, and below it."""
        above, _slash, name = path.rpartition("/")
        fd = paths.open_in_root(top, above or "/", os.O_PATH | os.O_DIRECTORY)
        self._linked: dict[tuple[int, int], str] = {}
        rows: list[dict[str, Any]] = []
        try:
            if name:
                self._one(fd, name, "", rows)
            else:
                rows.append(_node(fd, "", ""))
                self._below(fd, "", rows)
        finally:
            os.close(fd)
        return rows

    def _one(self, directory: int, name: str, path: str, rows: "list[dict[str, Any]]") -> None:
        try:
            state = os.lstat(f"/proc/self/fd/{directory}/{name}")
        except FileNotFoundError:
            return  # a whiteout that an overlay lists
        if S_ISSOCK(state.st_mode):
            return
        node = _node(directory, name, path)
        rows.append(node)
        if S_ISDIR(state.st_mode):
            fd = os.open(name, _HOLDING, dir_fd=directory)
            try:
                self._below(fd, path, rows)
            finally:
                os.close(fd)
            return
        if state.st_nlink > 1:
            first = self._linked.setdefault((state.st_dev, state.st_ino), path)
            if first != path:
                node.update(kind=tar_headers.HARD_LINK.decode(), target=first, size=0)
                return
        if S_ISREG(state.st_mode):
            node["offset"] = self._offset
            self._copy(directory, name)

    def _below(self, fd: int, path: str, rows: "list[dict[str, Any]]") -> None:
        for name in sorted(os.listdir(f"/proc/self/fd/{fd}"), key=os.fsencode):
            self._one(fd, name, f"{path}/{name}" if path else name, rows)

    def _copy(self, directory: int, name: str) -> None:
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory)
        try:
            while chunk := os.read(fd, _CHUNK_BYTES):
                self._sink.write(chunk)
                self._offset += len(chunk)
        finally:
            os.close(fd)


# ---- writing ------------------------------------------------------------------------------


class _Data:
    """Gives a tree's builder the data of the present file."""

    def __init__(self, path: str) -> None:
        self._file = open(path, "rb", buffering=0)  # noqa: SIM115 - goes with the process
        self.node: dict[str, Any] = {}

    def data(self) -> "Iterator[memoryview]":
        self._file.seek(self.node["offset"])
        left = self.node["size"]
        while left and (chunk := self._file.read(min(left, _CHUNK_BYTES))):
            left -= len(chunk)
            yield memoryview(chunk)

    def items(self, nodes: "list[dict[str, Any]]") -> "Iterator[layer_entries.Item]":
        for node in nodes:
            self.node = node
            yield _item(node)


def _item(node: "dict[str, Any]") -> layer_entries.Item:
    path = os.fsencode(node["path"])
    entry = Entry(node["kind"].encode(), path)
    entry.mode, entry.uid, entry.gid = node["mode"], node["uid"], node["gid"]
    entry.mtime_ns = node["mtime_ns"]
    entry.size = entry.stored = node["size"]
    entry.target = os.fsencode(node["target"])
    entry.device = tuple(node["device"])
    entry.xattrs = {name.encode(): base64.b64decode(text) for name, text in node["xattrs"].items()}
    item = layer_entries.Item([name for name in path.split(b"/") if name], entry)
    if entry.kind == tar_headers.HARD_LINK:
        item.target = entry.target.split(b"/")
    return item


def _build(_trees: _Trees, request: "dict[str, Any]") -> object:
    source = _Data(request["data"])
    builder = Builder(request["target"], layer_worker.rules())
    builder.run(source.items(request["nodes"]), source)  # type: ignore[arg-type]
    return None


def _unpack(_trees: _Trees, request: "dict[str, Any]") -> object:
    with open(request["archive"], "rb") as file:
        stream = _uncompressed(file)
        pieces = iter(lambda: stream.read(_CHUNK_BYTES), b"")
        reader = Reader(pieces, limit_entries=DEFAULT_LIMIT_ENTRIES)
        Builder(request["target"], layer_worker.rules()).run(layer_entries.items(reader), reader)
    return None


def _uncompressed(file: "BinaryIO") -> "BinaryIO":
    """Return the archive itself; images know gzip and zstd, ADD two more."""
    start = file.read(6)
    file.seek(0)
    if start.startswith(b"BZh"):
        import bz2

        return bz2.open(file, "rb")  # type: ignore[return-value]
    if start.startswith(b"\xfd7zXZ\0"):
        import lzma

        return lzma.open(file, "rb")  # type: ignore[return-value]
    return compression.open_compressed(file)


def _own(_trees: _Trees, request: "dict[str, Any]") -> object:
    os.chown(request["path"], request["uid"], request["gid"])
    os.chmod(request["path"], request["mode"])
    if request[
        "target"
    ]:  # only its owner, or root over its owner, may move it to another directory
        try:
            os.rename(request["path"], request["target"])
        except OSError as error:
            if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                raise
    return None


def _remove(_trees: _Trees, request: "dict[str, Any]") -> object:
    paths.remove_tree(request["path"])
    return None


_OPERATIONS = {
    "facts": _facts,
    "places": _places,
    "read": _read,
    "build": _build,
    "unpack": _unpack,
    "own": _own,
    "remove": _remove,
}
