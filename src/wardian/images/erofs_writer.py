"""Write a layer's tree as an EROFS image over its archive.

First all inodes, in the order in which the tree is walked, then the directories' names and the
targets of long links. The same archive always gives the same image.
"""

from stat import S_IFDIR, S_IFREG
from typing import TYPE_CHECKING

from wardian.images import erofs_format
from wardian.images.erofs_format import BLOCK_BYTES, INODE_BYTES, SLOT_BYTES

if TYPE_CHECKING:
    from typing import BinaryIO

    from wardian.images.erofs_index import Node

_NS = 1_000_000_000
_OPAQUE = b"trusted.overlay.opaque"


def write(top: "Node", sink: "BinaryIO", *, diff_id: str, archive_bytes: int) -> int:
    """Write the image; returns its size in bytes.

    Args:
        top: the tree's top.
        sink: a new file.
        diff_id: of the archive; gives the image its UUID and the device its tag.
        archive_bytes: the archive's size.
    """
    nodes, end = _place_inodes(top)
    blocks = _place_content(nodes, -(-end // BLOCK_BYTES))
    hexadecimal = diff_id.partition(":")[2]
    sink.write(
        erofs_format.head(
            root_nid=top.nid,
            inodes=len(nodes),
            blocks=blocks,
            uuid=bytes.fromhex(hexadecimal)[:16],
            device=(hexadecimal.encode()[:64], -(-archive_bytes // BLOCK_BYTES)),
        )
    )
    at = erofs_format.FIRST_INODE_OFFSET
    for number, node in enumerate(nodes, 1):
        place = node.nid * SLOT_BYTES
        data = _inode(node, number)
        sink.write(bytes(place - at) + data)
        at = place + len(data)
    sink.write(bytes(-at % BLOCK_BYTES))
    for node, parent in _directories(top):
        if node.children is not None:
            _pad(sink, erofs_format.directory(_rows(node, parent)))
    for node in nodes:
        if _is_long_link(node):
            _pad(sink, node.body)
    return blocks * BLOCK_BYTES


def _pad(sink: "BinaryIO", data: bytes) -> None:
    sink.write(data + bytes(-len(data) % BLOCK_BYTES))


def _attributes(node: "Node") -> bytes:
    if node.is_opaque:
        return erofs_format.xattrs({**node.xattrs, _OPAQUE: b"y"})
    return erofs_format.xattrs(node.xattrs) if node.xattrs else b""


def _is_link(node: "Node") -> bool:
    return node.mode & 0o170000 == 0o120000


def _is_long_link(node: "Node") -> bool:
    """A link whose inode and target don't fit in one block."""
    return _is_link(node) and INODE_BYTES + len(_attributes(node)) + len(node.body) > BLOCK_BYTES


def _directories(top: "Node") -> "list[tuple[Node, Node]]":
    """Return all directories, each with its parent; parents first."""
    found = [(top, top)]
    for node, _parent in found:  # it grows
        assert node.children is not None
        below = (node.children[name] for name in sorted(node.children))
        found += [(child, node) for child in below if child.children is not None]
    return found


def _place_inodes(top: "Node") -> "tuple[list[Node], int]":
    """Give each inode its place; returns them in order, and where they end.

    The inodes of a directory's files stand together, so that listing one reads few blocks.
    """
    nodes = []
    at = erofs_format.FIRST_INODE_OFFSET
    for directory, _parent in [(None, None), *_directories(top)]:
        if directory is None:
            group = [top]
        else:
            children = directory.children or {}
            group = [children[name] for name in sorted(children)]
        for node in group:
            if node.nid:
                continue  # one more name of a file
            extra = len(_attributes(node))
            at += -at % SLOT_BYTES
            if _is_link(node) and not _is_long_link(node):
                extra += len(node.body)
                if at % BLOCK_BYTES + INODE_BYTES + extra > BLOCK_BYTES:
                    at += -at % BLOCK_BYTES
            elif node.mode & 0o170000 == S_IFREG and node.body:
                extra += -extra % 8 + len(node.body)
            node.nid = at // SLOT_BYTES
            nodes.append(node)
            at += INODE_BYTES + extra
    return nodes, at


def _place_content(nodes: "list[Node]", block: int) -> int:
    """Give the content of directories and long links its place; returns the block behind it."""
    for node in nodes:
        if node.children is not None:
            names = sorted([*node.children, b".", b".."])
            node.size = erofs_format.directory_bytes([len(name) for name in names])
            node.links = 2 + sum(
                1 for child in node.children.values() if child.children is not None
            )
            node.block = block
            block += -(-node.size // BLOCK_BYTES)
    for node in nodes:
        if _is_long_link(node):
            node.block = block
            block += -(-node.size // BLOCK_BYTES)
    return block


def _inode(node: "Node", number: int) -> bytes:
    attributes = _attributes(node)
    layout, address, after = erofs_format.LAYOUT_PLAIN, node.address, b""
    if node.children is not None or _is_long_link(node):
        address = node.block
    elif _is_link(node):
        layout, after = erofs_format.LAYOUT_INLINE, node.body
    elif node.mode & 0o170000 == S_IFREG and node.body:
        layout = erofs_format.LAYOUT_CHUNKS
        after = bytes(-len(attributes) % 8) + node.body
    head = erofs_format.inode(
        layout=layout,
        xattr_bytes=len(attributes),
        mode=node.mode,
        size=node.size,
        address=address,
        number=number,
        owner=(node.uid, node.gid),
        mtime=divmod(node.mtime_ns, _NS),
        links=node.links,
    )
    return head + attributes + after


def _rows(node: "Node", parent: "Node") -> "list[tuple[bytes, int, int]]":
    rows = [(b".", node.nid, S_IFDIR), (b"..", parent.nid, S_IFDIR)]
    rows += [(name, child.nid, child.mode) for name, child in (node.children or {}).items()]
    rows.sort()
    return rows
