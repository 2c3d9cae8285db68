"""Make an EROFS image that shows the files of a tar archive without copying them.

The tree of a layer's entries is put together in memory, by the rules of `tree_builder`, and then
written: about a hundred bytes for each file, and for its data the place in the archive. Mounted
with the archive as its device it is what an unpacked directory would be.

What EROFS can't point at (a sparse file whose pieces don't begin at blocks of 512 bytes, or with
too many of them) is refused with `UnfitError`; then the layer is kept as a directory.
"""

import errno
from stat import S_IFBLK, S_IFCHR, S_IFDIR, S_IFIFO, S_IFLNK, S_IFREG
from typing import TYPE_CHECKING

from wardian import errors
from wardian.images import erofs_format, tar_headers
from wardian.images.layer_entries import IMPLICIT_MODE, NAME_MAX, Item, refused
from wardian.images.tar_headers import Entry
from wardian.images.tree_builder import Summary

if TYPE_CHECKING:
    from collections.abc import Iterable

_LINKS_MAXIMUM = 40
_CHUNKS_MAXIMUM = 1 << 20  # of one file: 8 MiB of index
_SPARSE_BYTES_MAXIMUM = 1 << 44  # as ext4: nobody's file is longer
_INDEX_LIMIT_BYTES = 1 << 30
_NO_XATTRS: dict[bytes, bytes] = {}
_TYPES = {
    tar_headers.FILE: S_IFREG,
    tar_headers.SYMLINK: S_IFLNK,
    tar_headers.CHARACTER_DEVICE: S_IFCHR,
    tar_headers.BLOCK_DEVICE: S_IFBLK,
    tar_headers.DIRECTORY: S_IFDIR,
    tar_headers.FIFO: S_IFIFO,
}


class UnfitError(Exception):
    """This layer can't be shown by EROFS out of its archive; it is no fault of the layer."""


class Node:
    """A file of the tree.

    Attributes:
        mode: with the type.
        children: of a directory; else None.
        body: a link's target, or a file's chunk addresses.
        address: chunk format or device number.
        links: how many names it has.
        nid, block: where it gets written: its inode in slots, its data in blocks.
        xattrs: extended attributes.
    """

    __slots__ = (
        "address",
        "block",
        "body",
        "children",
        "gid",
        "is_implicit",
        "is_opaque",
        "links",
        "mode",
        "mtime_ns",
        "nid",
        "size",
        "uid",
        "xattrs",
    )

    def __init__(self, mode: int) -> None:
        self.mode = mode
        self.uid = self.gid = self.mtime_ns = self.size = 0
        self.address = 0
        self.links = 1
        self.nid = 0
        self.block = 0
        self.body = b""
        self.xattrs = _NO_XATTRS
        self.children: dict[bytes, Node] | None = None
        self.is_implicit = self.is_opaque = False

    @property
    def is_whiteout(self) -> bool:
        """Whether it is overlayfs's word for a deleted file: device 0:0."""
        return self.mode & 0o170000 == S_IFCHR and self.address == 0


def _new_directory(*, is_opaque: bool = False) -> Node:
    node = Node(S_IFDIR | IMPLICIT_MODE)
    node.children = {}
    node.is_implicit = True
    node.is_opaque = is_opaque
    return node


class Tree:
    """A layer's tree in memory.

    Attributes:
        top: its top directory.
        summary: what was applied.
    """

    __slots__ = ("_bytes", "_path", "_recent", "summary", "top")

    def __init__(self) -> None:
        self.top = _new_directory()
        self.summary = Summary()
        self._bytes = 0
        self._path: list[bytes] | None = None
        self._recent = self.top

    def run(self, items: "Iterable[Item]") -> Summary:
        """Apply everything.

        Raises:
            SpecError: the archive asks for what can't be.
            UnfitError: EROFS can't show it.
        """
        for item in items:
            self._apply(item)
            self.summary.entries += 1
            if self._bytes > _INDEX_LIMIT_BYTES:
                raise UnfitError("its index would be too large")
        self._list_implicit()
        return self.summary

    def _list_implicit(self) -> None:
        pending = [(b"", self.top)]
        while pending:
            path, node = pending.pop()
            if node.is_implicit:
                self.summary.implicit.append(path)
            for name, child in (node.children or {}).items():
                if child.children is not None:
                    pending.append((path + b"/" + name if path else name, child))

    def _apply(self, item: Item) -> None:
        entry = item.entry
        if item.is_opaque:
            self._directory(item.parts, item).is_opaque = True
            return
        if not item.parts:
            assert entry is not None
            self._attributes(self.top, entry)
            return
        parent = self._directory(item.parts[:-1], item)
        name = item.parts[-1]
        assert parent.children is not None
        there = parent.children.get(name)
        if entry is None:
            _whiteout(parent.children, name, there)
        elif entry.kind == tar_headers.DIRECTORY:
            self._make_directory(parent.children, name, entry)
        elif entry.kind == tar_headers.HARD_LINK:
            self._link(parent.children, name, item)
        else:
            self._replace(parent.children, name, self._made(entry))

    def _replace(self, children: "dict[bytes, Node]", name: bytes, node: Node) -> None:
        there = children.get(name)
        if there is not None:
            self._path = None  # what was remembered may have gone
            _unlink(there)
        children[name] = node
        self._bytes += erofs_format.INODE_BYTES + len(name) + len(node.body)

    # ---- directories ----

    def _directory(self, parts: "list[bytes]", item: Item) -> Node:
        """Return a directory; it and those above are made where missing."""
        if parts == self._path:
            return self._recent
        node = self.top
        straight = True
        for depth, name in enumerate(parts):
            assert node.children is not None
            child = node.children.get(name)
            if child is None or child.is_whiteout:
                made = _new_directory(is_opaque=child is not None)
                self._replace(node.children, name, made)
                child = made
            elif child.children is None:
                if child.mode & 0o170000 != S_IFLNK:
                    raise self._fault(item, errno.ENOTDIR)
                straight = False
                child = self._resolve(parts[: depth + 1], item)
            node = child
        if straight:
            self._path, self._recent = parts, node
        return node

    def _resolve(self, parts: "list[bytes]", item: Item) -> Node:
        """Follow a path with symbolic links to a directory, inside of the tree."""
        todo = parts[::-1]
        trail = [self.top]
        links = 0
        while todo:
            name = todo.pop()
            if name == b"..":
                if len(trail) > 1:
                    trail.pop()
                continue
            children = trail[-1].children
            child = children.get(name) if children is not None else None
            if child is None:
                too_long = len(name) > NAME_MAX
                raise self._fault(item, errno.ENAMETOOLONG if too_long else errno.ENOENT)
            if child.children is not None:
                trail.append(child)
                continue
            if child.mode & 0o170000 != S_IFLNK:
                raise self._fault(item, errno.ENOTDIR)
            links += 1
            if links > _LINKS_MAXIMUM:
                raise self._fault(item, errno.ELOOP)
            if child.body.startswith(b"/"):
                del trail[1:]
            todo += [part for part in child.body.split(b"/")[::-1] if part not in (b"", b".")]
        return trail[-1]

    @staticmethod
    def _fault(item: Item, number: int) -> errors.SpecError:
        why = {
            errno.ENOTDIR: "lies below something that is no directory",
            errno.ELOOP: "lies below symbolic links that lead nowhere",
            errno.ENOENT: "lies below a symbolic link that leads nowhere",
            errno.ENAMETOOLONG: "has too long a name",
        }
        return refused(b"/".join(item.parts), why[number])

    def _make_directory(self, children: "dict[bytes, Node]", name: bytes, entry: Entry) -> None:
        there = children.get(name)
        if there is None or there.children is None:
            made = _new_directory(is_opaque=there is not None and there.is_whiteout)
            self._replace(children, name, made)
            there = made
        self._attributes(there, entry)

    # ---- what is no directory ----

    def _link(self, children: "dict[bytes, Node]", name: bytes, item: Item) -> None:
        target = tar_headers.shown(b"/".join(item.target))
        gone = refused(b"/".join(item.parts), f"is a hard link to {target}, which is not in it")
        try:
            above = self._resolve(item.target[:-1], item).children
        except errors.SpecError:
            raise gone from None
        node = above.get(item.target[-1]) if above is not None else None
        if node is None:
            raise gone
        if node.children is not None:
            raise refused(b"/".join(item.parts), "is a hard link to a directory")
        there = children.get(name)
        if there is node:
            return
        if there is not None and there.children is not None:
            self._path = None
            _unlink(children.pop(name))
            self._link(children, name, item)  # what it leads to may have gone too
            return
        self._replace(children, name, node)
        node.links += 1

    def _made(self, entry: Entry) -> Node:
        node = Node(_TYPES[entry.kind])
        self._attributes(node, entry)
        if entry.kind == tar_headers.SYMLINK:
            node.mode = S_IFLNK | 0o777
            node.body = entry.target
            node.size = len(entry.target)
        elif entry.kind == tar_headers.FILE:
            node.size = entry.size
            if entry.size:
                node.address, node.body = _chunks(entry)
        else:
            node.address = erofs_format.device_number(*entry.device)
        return node

    def _attributes(self, node: Node, entry: Entry) -> None:
        node.is_implicit = False
        node.mode = node.mode & 0o170000 | entry.mode
        node.uid = entry.uid
        node.gid = entry.gid
        node.mtime_ns = entry.mtime_ns
        node.xattrs = entry.xattrs or _NO_XATTRS
        if entry.xattrs:
            count = len(erofs_format.xattrs(entry.xattrs))
            self._bytes += count
            if count >> 2 > 0xFFF0:
                raise UnfitError("too many extended attributes")


def _whiteout(children: "dict[bytes, Node]", name: bytes, there: "Node | None") -> None:
    if there is None:
        children[name] = Node(S_IFCHR)
    elif there.children is not None:
        there.is_opaque = True


def _unlink(node: Node) -> None:
    """Take one name away from a node, and from all below it."""
    pending = [node]
    while pending:
        gone = pending.pop()
        gone.links -= 1
        if gone.children is not None:
            pending += gone.children.values()


# ---- where the data is --------------------------------------------------------------------


def _chunks(entry: Entry) -> "tuple[int, bytes]":
    """Return a file's chunk format and its addresses in the archive."""
    first = entry.offset >> erofs_format.BLOCK_BITS
    segments = entry.segments
    if segments is None:
        blocks = -(-entry.size >> erofs_format.BLOCK_BITS)
        bits = (blocks - 1).bit_length()
        if bits > erofs_format.CHUNK_BITS_MAXIMUM:
            raise UnfitError("a file of more than 1 TiB")
        _check_address(first + blocks)
        return erofs_format.chunk_format(bits), erofs_format.chunk(first)
    return _sparse_chunks(entry, first, segments)


def _check_address(block: int) -> None:
    if block >= erofs_format.NULL_ADDRESS:
        raise UnfitError("an archive of more than 2 TiB")


def _sparse_chunks(
    entry: Entry, first: int, segments: "list[tuple[int, int]]"
) -> "tuple[int, bytes]":
    block = erofs_format.BLOCK_BYTES
    # Every border of data, in the file, must be a border of chunks. The end need not be.
    borders = {offset for offset, _length in segments}
    borders |= {offset + length for offset, length in segments if offset + length < entry.size}
    common = 0
    for border in borders:
        common |= border
    lowest = (common & -common).bit_length() - 1 if common else 63
    size_bits = max((entry.size - 1).bit_length(), erofs_format.BLOCK_BITS)
    bits = min(lowest, size_bits) - erofs_format.BLOCK_BITS
    if bits < 0:
        raise UnfitError("a sparse file whose pieces don't begin at blocks")
    bits = min(bits, erofs_format.CHUNK_BITS_MAXIMUM)
    count = -(-entry.size // (block << bits))
    if count > _CHUNKS_MAXIMUM or entry.size > _SPARSE_BYTES_MAXIMUM:
        raise UnfitError("a sparse file with too many pieces")
    addresses = bytearray(erofs_format.chunk(erofs_format.NULL_ADDRESS) * count)
    stored = 0
    for offset, length in segments:
        place = offset // (block << bits)
        for far in range(0, length, block << bits):
            address = first + ((stored + far) >> erofs_format.BLOCK_BITS)
            _check_address(address + (1 << bits))
            addresses[8 * place : 8 * place + 8] = erofs_format.chunk(address)
            place += 1
        stored += length
    return erofs_format.chunk_format(bits), bytes(addresses)
