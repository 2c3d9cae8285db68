"""The files that a stage has so far: layers in the store, and how a step adds one."""

import os
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from wardian.engine.image_records import Record
from wardian.exchange import normal_layers
from wardian.images import blobs, layers, leases, snapshots

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from wardian.images.leases import Lease
    from wardian.images.store import Store
    from wardian.registry.documents import Descriptor

    Sink = Callable[[bytes | memoryview], object]
    Top = tuple[int, int, int, int]

EMPTY_TOP = (0o755, 0, 0, 0)


@dataclass(frozen=True)
class Tree:
    """Layers, the lowest first.

    Attributes:
        diff_ids: which.
        rows: their descriptors.
        accounts: /etc/passwd and /etc/group as they show them.
        top: mode, uid, gid and mtime of the top directory.
    """

    diff_ids: "tuple[str, ...]" = ()
    rows: "tuple[Descriptor, ...]" = ()
    accounts: "dict[str, str | None]" = field(default_factory=dict)
    top: "Top" = EMPTY_TOP

    def record(self, platform: str, root_dir: str, *, emulated: bool) -> Record:
        """Return them as boxes want them."""
        return Record(
            digest="",
            image_id="",
            platform=platform,
            emulated=emulated,
            diff_ids=list(self.diff_ids),
            config={},
            accounts=self.accounts,
            top=self.top,
            attributes=snapshots.complete(self.diff_ids, root_dir) if self.diff_ids else "",
        )

    def read(self, path: str) -> "bytes | None":
        """Return an account file, for engine.accounts."""
        text = self.accounts.get(path)
        return None if text is None else os.fsencode(text)


@dataclass(frozen=True)
class Added:
    """A layer on a tree.

    Attributes:
        row: its descriptor.
        diff_id: of it.
    """

    row: "Descriptor"
    diff_id: str


class Layers:
    """Makes layers, and keeps them for as long as the build goes on."""

    def __init__(self, store: "Store", lease: "Lease", method: str) -> None:
        self._store = store
        self._lease = lease
        self._method = method
        self._root_dir = store.layout.root_dir

    def make(self, pack: "Callable[[Sink], object]") -> Added:
        """Store a layer and unpack it.

        Args:
            pack: called with what takes the archive's bytes.
        """
        row, diff_id = normal_layers.store_layer(
            self._store.layout, self._lease, pack, self._method
        )
        self._lease.add(leases.LAYER, diff_id)
        if layers.find_layer(diff_id, self._root_dir) is None:
            with open(self._store.layout.blob_path(row["digest"]), "rb", buffering=0) as blob:
                layers.store_layer(
                    blob,
                    row["mediaType"],
                    diff_id,
                    self._root_dir,
                )
        return Added(row, diff_id)

    def is_there(self, added: Added) -> bool:
        """Hold a layer that was made before; says whether it is there still."""
        self._lease.add(leases.BLOB, added.row["digest"])
        self._lease.add(leases.LAYER, added.diff_id)
        if not blobs.has(self._store.layout, added.row["digest"], added.row["size"]):
            return False
        return layers.find_layer(added.diff_id, self._root_dir) is not None


def on(tree: Tree, added: Added, facts: "dict[str, Any] | None" = None) -> Tree:
    """Return a tree with one more layer.

    Args:
        tree: below.
        added: the layer.
        facts: what Helper.facts says of both; None where neither accounts nor top change.
    """
    more = replace(tree, diff_ids=(*tree.diff_ids, added.diff_id), rows=(*tree.rows, added.row))
    if facts is None:
        return more
    mode, uid, gid, mtime_ns = facts["top"]
    return replace(more, accounts=facts["accounts"], top=(mode, uid, gid, mtime_ns))
