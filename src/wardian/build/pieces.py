"""What COPY and ADD take, as trees of files: of the context, of layers, of archives, of words.

Source: chmod(1) of FreeBSD for symbolic modes, which is what docker's --chmod follows.
"""

import os
import re
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
_CLAUSE = re.compile(r"([ugoa]*)((?:[-+=](?:[ugo]|[rwxXst]*))+)")
_ACTION = re.compile(r"([-+=])([ugo]|[rwxXst]*)")
_WHO = {"u": 0o4700, "g": 0o2070, "o": 0o1007, "a": 0o7777}
_PERMISSIONS = {"r": 0o444, "w": 0o222, "x": 0o111, "s": 0o6000, "t": 0o1000}
_ANY_EXECUTE = 0o111
_SHIFTS = {"u": 6, "g": 3, "o": 0}
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

    def owned(self, owner: "tuple[int, int] | None", mode: str) -> "Thing":
        """Return it with what --chown and --chmod say; "" for the mode that it has."""
        pieces = self.pieces
        if owner is not None:
            pieces = [
                replace(one, node=replace(one.node, uid=owner[0], gid=owner[1])) for one in pieces
            ]
        if mode:
            pieces = [
                one if one.node.kind == SYMLINK else replace(one, node=_with_mode(one.node, mode))
                for one in pieces
            ]
        return replace(self, pieces=pieces)


def _with_mode(node: Node, mode: str) -> Node:
    return replace(node, mode=changed_mode(node.mode, mode, is_directory=node.kind == DIRECTORY))


def is_mode(text: str) -> bool:
    """Say whether a text is a mode: octal ("755") or symbolic ("u+x,go=rX")."""
    if text.isdigit():
        return len(text) <= 5 and not text.strip("01234567")
    return all(_CLAUSE.fullmatch(one) for one in text.split(","))


def changed_mode(mode: int, text: str, *, is_directory: bool) -> int:
    """Return permission bits, changed.

    Args:
        mode: as they are.
        text: a mode for which `is_mode` holds.
        is_directory: X makes it searchable in any case.
    """
    if text.isdigit():
        return int(text, 8) & 0o7777
    now = mode
    can_execute = is_directory or bool(mode & _ANY_EXECUTE)
    for clause in text.split(","):
        match = _CLAUSE.fullmatch(clause)
        assert match is not None, text
        who = 0
        for letter in match[1] or "a":
            who |= _WHO[letter]
        for sign, letters in _ACTION.findall(match[2]):
            bits = _bits(letters, now, can_execute=can_execute) & who
            if sign == "+":
                now |= bits
            else:
                now &= ~(bits if sign == "-" else who)
                now |= bits if sign == "=" else 0
    return now


def _bits(letters: str, now: int, *, can_execute: bool) -> int:
    if letters in _SHIFTS and letters:
        return (now >> _SHIFTS[letters] & 7) * _ANY_EXECUTE
    found = 0
    for letter in letters:
        found |= _ANY_EXECUTE * can_execute if letter == "X" else _PERMISSIONS[letter]
    return found


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
