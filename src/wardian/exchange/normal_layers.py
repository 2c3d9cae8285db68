"""Write layers whose bytes depend on nothing but what is in them.

The order is the same for trees and for entries from anywhere: a directory before what is in it,
names by their bytes, whiteouts before their siblings, and of hard links the first name in that
order has the data. The encoder is zlib, or libzstd with one worker, whose output does not depend on
the processor; it is named in the layer's descriptor. What identifies content is the diff id.

    rules = normal.Rules(normal.source_date_epoch())
    row, diff_id = store_layer(layout, lease, lambda sink: pack_upper(upper, sink, rules))

Specification: OCI image-spec, layer.md.
"""

import os
from typing import TYPE_CHECKING

from wardian import errors
from wardian.images import compression, tar_headers, tree_packer
from wardian.images.fresh import FreshBlob
from wardian.images.layer_entries import WHITEOUT
from wardian.images.tar_headers import Entry, shown
from wardian.images.tar_writer import Writer
from wardian.registry import media

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from wardian.images.layout import Layout
    from wardian.images.leases import Lease
    from wardian.images.normal import Rules
    from wardian.registry.documents import Descriptor

    Sink = Callable[[bytes | memoryview], object]
    Data = bytes | str | Callable[[], Iterable[bytes | memoryview]]

ENCODER = "io.wardian.encoder"  # the annotation of a layer's descriptor

_CHUNK_BYTES = 512 << 10

# ---- entries from anywhere ----------------------------------------------------------------


class Item:
    """An entry, and where its data is.

    Attributes:
        entry: its path has no "/" at the start; "./" is the top.
        data: of a file: the bytes, the path of a file that has them, or a function that yields
            them. Its size is set from it, but for a function.
    """

    __slots__ = ("data", "entry")

    def __init__(self, entry: Entry, data: "Data" = b"") -> None:
        self.entry = entry
        self.data = data
        if entry.kind == tar_headers.FILE and not callable(data):
            entry.size = len(data) if isinstance(data, bytes) else os.stat(data).st_size

    def pieces(self) -> "Iterable[bytes | memoryview]":
        """Yield the data."""
        if callable(self.data):
            return self.data()
        return [self.data] if isinstance(self.data, bytes) else _read(self.data)


def _read(path: str) -> "Iterator[bytes]":
    try:
        with open(path, "rb", buffering=0) as file:
            while chunk := file.read(_CHUNK_BYTES):
                yield chunk
    except OSError as error:
        raise errors.KernelError(f'read("{path}")', error.errno or 0) from None


def _place(path: bytes) -> "list[tuple[int, bytes]]":
    """Return what puts entries into the order of the packers."""
    return [(0 if name.startswith(WHITEOUT) else 1, name) for name in path.split(b"/")]


def pack_items(
    items: "Iterable[Item]", sink: "Sink", rules: "Rules", *, parents: bool = True
) -> None:
    """Write an archive of entries, in whatever order they come; the last of a path counts.

    Args:
        items: what it holds. Their entries are changed by the rules.
        sink: takes the archive's bytes.
        rules: what becomes of the entries.
        parents: directories that are on the way to an entry, and are not among the items, are made
            (root's, mode 755).

    Raises:
        SpecError: a path that leads outside, or one that is below a file.
        StatusError: a file was changed meanwhile.
        KernelError: one can't be read.
    """
    found = {_checked(item.entry.path): item for item in items}
    if parents:
        for path in list(found):
            for above in _above(path):
                found.setdefault(above, Item(_directory(above)))
    _settle_links(found)
    writer = Writer(sink)
    for path in sorted(found, key=_place):
        item = found[path]
        entry = item.entry
        entry.path = path or b"./"
        for above in _above(path):
            if above in found and found[above].entry.kind != tar_headers.DIRECTORY:
                raise errors.SpecError(f"{shown(path)} is below {shown(above)}, no directory")
        rules.apply(entry)
        is_file = entry.kind == tar_headers.FILE
        writer.add(entry, rules.content(entry, item.pieces()) if is_file else ())
    writer.finish()


def _settle_links(found: "dict[bytes, Item]") -> None:
    """Give the data of files with hard links to the first name of each.

    The other names say of the file what that one says (tree_packer.py has the reason).
    """
    groups: dict[bytes, list[bytes]] = {}
    for path, item in found.items():
        if item.entry.kind == tar_headers.HARD_LINK:
            groups.setdefault(_checked(item.entry.target), []).append(path)
    for target, names in groups.items():
        if target not in found or found[target].entry.kind == tar_headers.HARD_LINK:
            raise errors.SpecError(
                f"{shown(names[0])} links to {shown(target)}, no file of this layer"
            )
        first = min(*names, target, key=_place)
        found[first], found[target] = found[target], found[first]
        file = found[first].entry
        for name in {*names, target} - {first}:
            link = found[name].entry
            link.kind, link.target = tar_headers.HARD_LINK, first
            link.mode, link.uid, link.gid = file.mode, file.uid, file.gid
            link.mtime_ns, link.xattrs = file.mtime_ns, file.xattrs


def _checked(path: bytes) -> bytes:
    names = [name for name in path.split(b"/") if name not in (b"", b".")]
    if b".." in names:
        raise errors.SpecError(f"{shown(path)} leads outside")
    return b"/".join(names)


def _above(path: bytes) -> "Iterator[bytes]":
    """Yield the directories above a path, the top first."""
    if not path:
        return
    yield b""
    at = path.find(b"/")
    while at >= 0:
        yield path[:at]
        at = path.find(b"/", at + 1)


def _directory(path: bytes) -> Entry:
    entry = Entry(tar_headers.DIRECTORY, path)
    entry.mode = 0o755
    return entry


# ---- trees --------------------------------------------------------------------------------


def pack_tree(path: str, sink: "Sink", rules: "Rules") -> None:
    """Pack a whole tree (tree_packer.pack_tree)."""
    tree_packer.pack_tree(path, sink, rules)


def pack_difference(below: str, path: str, sink: "Sink", rules: "Rules") -> None:
    """Pack what makes one tree of another (tree_packer.pack_difference)."""
    tree_packer.pack_difference(below, path, sink, rules)


def pack_upper(path: str, sink: "Sink", rules: "Rules") -> None:
    """Pack an overlay's upper directory, whoever its files belong to (snapshots.pack_upper)."""
    from wardian.images import snapshots

    snapshots.pack_upper(path, sink, rules)


# ---- layers -------------------------------------------------------------------------------


def encoder(method: str) -> str:
    """Return the name of the encoder: what must be equal for equal compressed bytes; "" for none.

    zlib has written the same bytes since 2005, but its successors don't; zstd's versions differ.
    """
    if method == "gzip":
        import zlib

        is_other = not zlib.ZLIB_RUNTIME_VERSION.replace(".", "").isdecimal()
        return f"zlib-{zlib.ZLIB_RUNTIME_VERSION}/6" if is_other else "zlib/6"
    if method == "zstd":
        version = ".".join(map(str, compression.zstd_library().zstd_version_info[:2]))
        return f"zstd-{version}/3"
    return ""


def store_layer(
    layout: "Layout", lease: "Lease", pack: "Callable[[Sink], object]", method: str = "gzip"
) -> "tuple[Descriptor, str]":
    """Store a layer that is packed now; returns its descriptor and its diff id.

    Args:
        layout: where to.
        lease: keeps the blob.
        pack: called with what takes the archive's bytes, as the packers of this module want it.
        method: how it is compressed: none, gzip or zstd.

    Raises:
        What `pack` raises; nothing is stored then.
    """
    with FreshBlob(layout, lease) as blob:
        compressor = compression.Compressor(blob.write, method)
        pack(compressor.feed)
        diff_id = compressor.finish()
        size = blob.size
        digest = blob.finish()
    row: Descriptor = {"mediaType": media.layer_type(method), "digest": digest, "size": size}
    if method != "none":
        row["annotations"] = {ENCODER: encoder(method)}
    return row, diff_id
