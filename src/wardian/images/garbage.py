"""Remove what no image, and nobody who runs, needs.

What is kept: all that the entries of index.json name, over manifests to configs and layers, and all
that is leased. The rest goes: blobs, layers, downloads that nobody is at, and leases of the dead.
Layers know by themselves whether a box uses them.

If a document can't be read, what it names can't be known: its own blob stays for `fsck`, and the
broken image may lose layers, which `fsck` fetches again with it.
"""

import os

from wardian.errors import NotFoundError, SpecError, StatusError
from wardian.images import blobs, layers, leases
from wardian.kernel import paths
from wardian.registry import digests

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from wardian.images.store import Entry, Store


class Freed:
    """What a collection removed.

    Attributes:
        blobs: digests.
        layers: diff ids.
        size_bytes: of both.
    """

    def __init__(self) -> None:
        self.blobs: list[str] = []
        self.layers: list[str] = []
        self.size_bytes = 0


class _Marks:
    """What is needed."""

    def __init__(self, store: "Store") -> None:
        self._store = store
        self.blobs: set[str] = set()
        self.layers: set[str] = set()

    def entry(self, entry: "Entry") -> None:
        self.image(entry.digest)
        if entry.parent:
            self.blobs.add(entry.parent)

    def image(self, digest: str) -> None:
        """Mark a manifest or index and all below it."""
        if digest in self.blobs:
            return
        self.blobs.add(digest)
        try:
            document = self._store.document(digest)
        except (NotFoundError, SpecError):
            return
        body = document.index or {}
        for row in body.get("manifests") or []:
            self.image(row["digest"])
        if document.manifest is None:
            return
        self.blobs.add(document.manifest["config"]["digest"])
        self.blobs.update(row["digest"] for row in document.manifest.get("layers") or [])
        try:
            config = self._store.config(document)
        except (NotFoundError, SpecError):
            return
        self.layers.update(config.get("rootfs", {}).get("diff_ids") or [])


def sweep(store: "Store") -> None:
    """Remove what killed commands left; half downloads stay, for the next pull to go on from."""
    with store.layout.locked():
        leases.held(store.layout)
    layers.sweep_layers(store.layout.root_dir)
    layers.settle_layers(store.layout.root_dir)


def collect(
    store: "Store",
    only: "Collection[str] | None" = None,
    *,
    only_layers: "Collection[str]" = (),
) -> Freed:
    """Remove what nobody needs; returns what that was.

    Args:
        store: the images.
        only: nothing but these blobs, and `only_layers`.
        only_layers: diff ids; where `only` is given, no other layers are looked at.
    """
    freed = Freed()
    with store.layout.locked():
        marks = _Marks(store)
        for entry in store.entries():
            marks.entry(entry)
        for kind, digest in leases.held(store.layout):
            if kind == leases.IMAGE:
                marks.image(digest)
            elif kind == leases.LAYER:
                marks.layers.add(digest)
            else:
                marks.blobs.add(digest)
        if only is not None:
            _remove_blobs(store, set(only) - marks.blobs, freed)
            _remove_layers(store, set(only_layers) - marks.layers, freed)
            return freed
        _collect_blobs(store, marks.blobs, freed)
        _collect_ingests(store, freed)
        _collect_layers(store, marks.layers, freed)
    return freed


def _remove_blobs(store: "Store", unwanted: "set[str]", freed: Freed) -> None:
    for digest in unwanted:
        blobs.discard_ingest(store.layout, digest)
        try:
            os.unlink(store.layout.blob_path(digest))
        except FileNotFoundError:
            continue
        freed.blobs.append(digest)


def _collect_blobs(store: "Store", needed: "set[str]", freed: Freed) -> None:
    top = f"{store.layout.path}/blobs"
    for algorithm in sorted(os.listdir(top)):
        directory = f"{top}/{algorithm}"
        if not os.path.isdir(directory):
            continue
        for name in sorted(os.listdir(directory)):
            digest = f"{algorithm}:{name}"
            if digest in needed:
                continue
            if digests.fault(digest) and not name.startswith(".tmp-"):
                continue  # not ours
            path = f"{directory}/{name}"
            freed.size_bytes += os.lstat(path).st_blocks * 512
            os.unlink(path)
            if not name.startswith("."):
                freed.blobs.append(digest)


def _collect_ingests(store: "Store", freed: Freed) -> None:
    """Remove downloads that were broken off; one that somebody is at stays."""
    directory = f"{store.layout.path}/ingest"
    for name in os.listdir(directory):
        path = f"{directory}/{name}"
        lock_fd = paths.lock_left(path)
        if lock_fd < 0:
            continue
        try:
            freed.size_bytes += os.fstat(lock_fd).st_blocks * 512
            os.unlink(path)
        except FileNotFoundError:
            pass
        finally:
            os.close(lock_fd)
    for name in os.listdir(store.layout.path):
        if name.startswith(".tmp-"):  # of index.json; who writes it holds the lock that we hold
            os.unlink(f"{store.layout.path}/{name}")


def _collect_layers(store: "Store", needed: "set[str]", freed: Freed) -> None:
    root_dir = store.layout.root_dir
    layers.sweep_layers(root_dir)
    layers.settle_layers(root_dir)
    for diff_id in layers.list_layers(root_dir):
        if diff_id not in needed:
            _remove_layer(diff_id, root_dir, freed)


def _remove_layers(store: "Store", unwanted: "set[str]", freed: Freed) -> None:
    root_dir = store.layout.root_dir
    for diff_id in layers.list_layers(root_dir) if unwanted else ():
        if diff_id in unwanted:
            _remove_layer(diff_id, root_dir, freed)


def _remove_layer(diff_id: str, root_dir: str, freed: Freed) -> None:
    try:
        freed.size_bytes += layers.remove_layer(diff_id, root_dir)
    except StatusError:
        return  # a box stands on it
    freed.layers.append(diff_id)
