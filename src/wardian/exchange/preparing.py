"""Unpack the layers of an image whose blobs are here: loaded, imported, or put by other tools."""

from wardian.errors import NotFoundError
from wardian.images import blobs, layers
from wardian.images.leases import Lease
from wardian.registry import media

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from wardian.exchange.transfer import Event
    from wardian.images.store import Entry, Store
    from wardian.registry.documents import Config
    from wardian.registry.manifests import Document


def unpack_layers(
    store: "Store",
    document: "Document",
    lease: Lease,
    progress: "Callable[[Event], None] | None" = None,
) -> "Config":
    """Unpack what is not unpacked yet; returns the config.

    Args:
        store: where the blobs are.
        document: the manifest.
        lease: the layers are added to it.
        progress: as of a pull.

    Raises:
        NotFoundError: a blob is not here.
        SpecError: one is broken.
    """
    config = store.config(document)
    check_layers(document)
    diff_ids = config.get("rootfs", {}).get("diff_ids") or []
    rows = (document.manifest or {}).get("layers") or []
    for row in rows:
        if not blobs.has(store.layout, row["digest"], row["size"]):
            raise NotFoundError(
                f'blob "{row["digest"]}" is not in the store', hint="`wardian fsck` fetches it"
            )
    from wardian.exchange.transfer import Transfer

    Transfer(store.layout, _nothing, lease, progress).run(rows, diff_ids)
    return config


def _nothing(digest: str, *_more: object, **_words: object) -> None:
    raise NotFoundError(f'blob "{digest}" is not in the store')


def prepare(store: "Store", entry: "Entry", lease: Lease) -> "tuple[Config, list[layers.Layer]]":
    """Return an image's config, and its layers from the bottom, ready to be mounted.

    Args:
        store: where it is.
        entry: a manifest's, not an index's.
        lease: keeps the image, while it is held.
    """
    from wardian.images import leases

    lease.add(leases.IMAGE, entry.digest)
    config = unpack_layers(store, store.document(entry.digest), lease)
    found = []
    for diff_id in config.get("rootfs", {}).get("diff_ids") or []:
        layer = layers.find_layer(diff_id, store.layout.root_dir)
        if layer is None:
            raise NotFoundError(f'layer "{diff_id}" was removed meanwhile')
        found.append(layer)
    return config, found


def check_layers(document: "Document") -> None:
    """Look whether the layers of a manifest can be unpacked.

    Raises:
        SpecError: one is of a type that is no layer of files.
    """
    from wardian.errors import SpecError

    for row in (document.manifest or {}).get("layers") or []:
        if not media.layer_compression(row["mediaType"]):
            raise SpecError(f'layer "{row["digest"]}": "{row["mediaType"][:200]}" is no known type')
