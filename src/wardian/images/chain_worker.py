"""Mount a chain of layers in a mount namespace of our own, and read it.

Kernel: overlayfs, mount_namespaces(7).
"""

import os
import sys
from typing import TYPE_CHECKING

from wardian.images import (
    chain_attributes,
    layer_entries,
    layer_worker,
    normal,
    snapshots,
    tree_packer,
)
from wardian.images.layer import EROFS, Layer
from wardian.images.tar_reader import Reader
from wardian.images.tree_builder import ROOT_RULES, Builder
from wardian.kernel import mounts, probe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import BinaryIO

_PLACE = "/sys"  # covered by a tmpfs that only this process sees; no layer lies below it
_WRITABLE = 0
_NEW_OPTION = (6, 8)


def mount_layers(layers: "Sequence[Layer]") -> "list[str]":
    """Mount the layers that need it, each by itself; returns where each can be seen.

    The caller has a mount namespace of its own; it goes with the process.
    """
    mounts.attach(mounts.make("tmpfs", "tmpfs", [("mode", "700")], attributes=_WRITABLE), _PLACE)
    lower = []
    for number, layer in enumerate(layers):
        if layer.form != EROFS:
            lower.append(layer.tree)
            continue
        place = f"{_PLACE}/{number}"
        os.mkdir(place)
        layer.warm()
        kind, source, options = layer.mount
        mounts.attach(mounts.make(kind, source, options), place)
        lower.append(place)
    return lower


def mount_chain(layers: "Sequence[Layer]", attributes: str, *, upper: str = "") -> str:
    """Mount the layers, the topmost first, as one read-only tree; returns where.

    Args:
        layers: the chain.
        attributes: what `snapshots.complete` returned for it.
        upper: a box's upper directory, to see with them; or "".
    """
    lower = [directory for directory in (upper, attributes) if directory]
    lower += mount_layers(layers)
    merged, empty = f"{_PLACE}/merged", f"{_PLACE}/empty"
    os.mkdir(merged)
    os.mkdir(empty)
    if len(lower) == 1:  # an overlay without a writable layer wants two
        lower.append(empty)
    mounts.attach(mounts.make("overlay", "overlay", _overlay_options(lower)), merged)
    return merged


def _overlay_options(lower: "list[str]") -> "list[tuple[str, str]]":
    """Return the options for these lower layers."""
    options = [("userxattr", "")] if layer_worker.rules() is not ROOT_RULES else []
    if probe.facts().kernel >= _NEW_OPTION:
        return options + [("lowerdir+", path) for path in lower]
    return [*options, ("lowerdir", ":".join(path.replace(":", "\\:") for path in lower))]


def pack(arguments: "list[str]") -> str:
    """Pack the tree of a chain to standard output: ROOT_DIR ATTRIBUTES DIFF-ID..."""
    root_dir, attributes, *diff_ids = arguments
    merged = mount_chain(snapshots.chain(diff_ids, root_dir), attributes)
    with standard_output() as out:
        tree_packer.pack_tree(merged, out.write)
    return ""


def pack_upper(arguments: "list[str]") -> str:
    """Pack an upper directory to standard output: PATH [RULES] (normal.Rules.words)."""
    path, *words = arguments
    with standard_output() as out:
        tree_packer.pack_upper(path, out.write, normal.of_words(words) if words else None)
    return ""


def unpack(arguments: "list[str]") -> str:
    """Copy the tree of a chain to a directory: ROOT_DIR ATTRIBUTES TARGET DIFF-ID..."""
    root_dir, attributes, target, *diff_ids = arguments
    held = os.open(target, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)  # it may lie below _PLACE
    merged = mount_chain(snapshots.chain(diff_ids, root_dir), attributes)
    reader = Reader(_packed(merged), limit_entries=sys.maxsize)
    Builder(f"/proc/self/fd/{held}/.", layer_worker.rules()).run(
        layer_entries.items(reader), reader
    )
    return ""


def complete(arguments: "list[str]") -> str:
    """Make the directories that need attributes: ROOT_DIR TREE DIFF-ID...; returns how many."""
    root_dir, tree, *diff_ids = arguments
    layers = snapshots.chain(diff_ids, root_dir)
    places = mount_layers(layers)
    trees = [
        chain_attributes.LowerTree(place, layer.implicit())
        for place, layer in zip(places, layers, strict=True)
    ]
    needed = chain_attributes.missing(trees)
    items = [layer_entries.Item(entry.path.split(b"/"), entry) for entry in needed]
    Builder(tree, layer_worker.rules()).run(items, Reader([]))
    return str(len(needed))


def _packed(tree: str) -> "Iterator[bytes]":
    """Yield a tree's archive; it is packed in a thread of its own."""
    from queue import Queue
    from threading import Thread

    queue: Queue[bytes | BaseException | None] = Queue(8)

    def work() -> None:
        try:
            tree_packer.pack_tree(tree, lambda piece: queue.put(bytes(piece)))
            queue.put(None)
        except BaseException as error:  # noqa: BLE001 - it is raised again in the other thread
            queue.put(error)

    Thread(target=work, name="packer", daemon=True).start()
    while (piece := queue.get()) is not None:
        if isinstance(piece, BaseException):
            raise piece
        yield piece


def standard_output() -> "BinaryIO":
    """Return our standard output, for much at once."""
    return open(sys.stdout.fileno(), "wb", buffering=1 << 20, closefd=False)
