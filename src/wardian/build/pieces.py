"""What COPY and ADD take, as trees of files: of the context, of layers, of archives, of words."""

import os
from dataclasses import dataclass, field, replace

from wardian.build import context as contexts
from wardian.build.helper import Node
from wardian.exchange.normal_layers import Item
from wardian.images import tar_headers
from wardian.images.tar_headers import Entry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wardian.build.context import Context, Found
    from wardian.build.patterns import Ignore

    Data = bytes | str | Callable[[], Iterator[bytes]]

FILE, DIRECTORY = tar_headers.FILE.decode(), tar_headers.DIRECTORY.decode()
SYMLINK, HARD_LINK = tar_headers.SYMLINK.decode(), tar_headers.HARD_LINK.decode()
_CHUNK_BYTES = 1 << 20
_NS = 1_000_000_000
_TAR_MAGIC = (257, b"ustar")
_MAGICS = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd")


@dataclass(frozen=True)
class Piece:
    """One file, directory or link.

    Attributes:
        node: what it is; its path is relative to what is copied, "" for that itself.
        data: of a file: bytes, a path, or a function that yields them.
    """

    node: Node
    data: "Data" = b""

    def item(self, path: str) -> Item:
        """Return it as an entry of a layer."""
        node = self.node
        entry = Entry(node.kind.encode(), os.fsencode(path))
        entry.mode, entry.uid, entry.gid = node.mode, node.uid, node.gid
        entry.mtime_ns, entry.size = node.mtime_ns, node.size
        entry.target = os.fsencode(node.target)
        entry.device = node.device
        entry.xattrs = node.attributes
        return Item(entry, self.data)


@dataclass(frozen=True)
class Thing:
    """What one source of a COPY means.

    Attributes:
        name: how it is called where it goes into a directory.
        pieces: itself first, then what is below it.
        path: of it in the context.
    """

    name: str
    pieces: "list[Piece]" = field(default_factory=list)
    path: str = ""

    @property
    def is_directory(self) -> bool:
        """Its content is copied, not itself."""
        return self.pieces[0].node.kind == DIRECTORY

    def without(self, ignore: "Ignore") -> "Thing":
        """Return it without what --exclude names."""
        if not ignore:
            return self
        rest = [one for one in self.pieces[1:] if not ignore.leaves_out(one.node.path)]
        return replace(self, pieces=[self.pieces[0], *rest])

    def owned(self, owner: "tuple[int, int] | None", mode: "int | None") -> "Thing":
        """Return it with what --chown and --chmod say."""
        pieces = self.pieces
        if owner is not None:
            pieces = [
                replace(one, node=replace(one.node, uid=owner[0], gid=owner[1])) for one in pieces
            ]
        if mode is not None:
            pieces = [
                one
                if one.node.kind in (SYMLINK, HARD_LINK)
                else replace(one, node=replace(one.node, mode=mode))
                for one in pieces
            ]
        return replace(self, pieces=pieces)


def of_context(context: "Context", found: "Found", epoch_s: int) -> Thing:
    """Return a file or directory of a context: git's modes, root's, and the time of the source."""
    rows = [found]
    if found.kind == contexts.DIRECTORY:
        rows += context.walk(found.path)
    start = len(found.path) + 1 if found.path else 0
    pieces = []
    for one in rows:
        path = "" if one is found else one.path[start:]
        if one.kind == contexts.FILE:
            mode = 0o755 if one.is_executable else 0o644
            size = os.stat(one.real).st_size
            pieces.append(Piece(Node(path, FILE, mode, 0, 0, epoch_s * _NS, size), one.real))
        elif one.kind == contexts.DIRECTORY:
            pieces.append(Piece(Node(path, DIRECTORY, 0o755, 0, 0, epoch_s * _NS)))
        else:
            node = Node(path, SYMLINK, 0o777, 0, 0, epoch_s * _NS, target=one.target)
            pieces.append(Piece(node))
    return Thing(os.path.basename(found.name), pieces, found.name)


def of_bytes(name: str, data: bytes, epoch_s: int, mode: int = 0o644) -> Thing:
    """Return a file that we have the content of."""
    node = Node("", FILE, mode, 0, 0, epoch_s * _NS, len(data))
    return Thing(name, [Piece(node, data)])


def of_file(name: str, path: str, epoch_s: int, mode: int) -> Thing:
    """Return a file that was fetched."""
    node = Node("", FILE, mode, 0, 0, epoch_s * _NS, os.stat(path).st_size)
    return Thing(name, [Piece(node, path)])


def of_nodes(name: str, nodes: "list[Node]", data: str) -> Thing:
    """Return what `Helper.read` has read.

    Args:
        name: of the thing.
        nodes: itself first.
        data: the file with all content.
    """
    return Thing(name, [Piece(node, _slice(data, node)) for node in nodes])


def _slice(path: str, node: Node) -> "Data":
    if node.kind != FILE:
        return b""

    def read() -> "Iterator[bytes]":
        with open(path, "rb", buffering=0) as file:
            file.seek(node.offset)
            left = node.size
            while left and (chunk := file.read(min(left, _CHUNK_BYTES))):
                left -= len(chunk)
                yield chunk

    return read


def is_archive(path: str) -> bool:
    """Say whether ADD unpacks a file: a tar archive, plain or compressed in a way that is known."""
    import tarfile

    with open(path, "rb") as file:
        start = file.read(512)
    if start[_TAR_MAGIC[0] :].startswith(_TAR_MAGIC[1]):
        return True
    if not start.startswith(_MAGICS):
        return False
    if start.startswith(_MAGICS[3]):  # tarfile knows zstd since Python 3.14
        from wardian.images import compression

        with open(path, "rb") as file:
            inner = compression.open_compressed(file).read(512)
        return inner[_TAR_MAGIC[0] :].startswith(_TAR_MAGIC[1])
    try:
        with tarfile.open(path) as archive:
            archive.next()
    except (tarfile.TarError, EOFError, OSError):
        return False
    return True
