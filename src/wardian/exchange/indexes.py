"""Make an index from images: one name, a manifest for each platform."""

import json

from wardian.errors import NotFoundError, UsageError
from wardian.images import blobs, leases
from wardian.registry import manifests, media, platforms, reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wardian.images.store import Entry, Store
    from wardian.registry.documents import Descriptor, Index
    from wardian.registry.platforms import Platform


def create(
    store: "Store",
    name: str,
    images: "Sequence[str]",
    *,
    replace: bool = False,
    fetch: "Callable[[str], object] | None" = None,
) -> "Entry":
    """Make an index from images.

    Args:
        store: where they are.
        name: of the index.
        images: their names; of an index all that it has.
        replace: an index of this name may be there already.
        fetch: brings an image that is not here.

    Raises:
        UsageError: there is an image of this name.
        NotFoundError: there is no such image.
    """
    wanted = str(reference.parse(name))
    if store.named(wanted) and not replace:
        raise UsageError(f'there is an image "{name}" already', hint="--amend replaces it")
    rows: list[Descriptor] = []
    for image in images:
        if fetch and not _is_here(store, image):
            fetch(image)
        _insert(rows, _rows_of(store, image, None))
    return _write(store, wanted, rows, {})


def add(store: "Store", name: str, image: str, platform: "Platform | None" = None) -> "Entry":
    """Add an image to an index; one of the same platform is replaced.

    Args:
        store: where both are.
        name: of the index.
        image: of the image.
        platform: where it runs, instead of what its config says.

    Raises:
        NotFoundError: there is no such index or image.
    """
    whole = find(store, name)
    index = store.document(whole.digest).index or {}
    rows = list(index.get("manifests") or [])
    _insert(rows, _rows_of(store, image, platform))
    return _write(store, whole.name, rows, index)


def find(store: "Store", name: str) -> "Entry":
    """Return the index of a name.

    Raises:
        NotFoundError: there is none.
    """
    for entry in store.named(str(reference.parse(name))):
        if entry.is_index:
            return entry
    raise NotFoundError(
        f'there is no index "{name}"', hint=f"`wardian manifest create {name} IMAGE...` makes one"
    )


def _is_here(store: "Store", image: str) -> bool:
    try:
        return bool(store.named(str(reference.parse(image))) or store.find(image))
    except NotFoundError:
        return False


def _rows_of(store: "Store", image: str, platform: "Platform | None") -> "list[Descriptor]":
    found = store.named(str(reference.parse(image))) or [store.find(image)]
    rows: list[Descriptor] = []
    for entry in found:
        document = store.document(entry.digest)
        if document.index:
            rows += document.index.get("manifests") or []
            continue
        row = document.descriptor()
        where = platform or platforms.of_document(store.config(document))
        row["platform"] = where.document()
        rows.append(row)
    return rows


def _insert(rows: "list[Descriptor]", fresh: "list[Descriptor]") -> None:
    """Add rows; each takes the place of one with its platform."""
    for row in fresh:
        where = row.get("platform")
        for at, old in enumerate(rows):
            if where and old.get("platform") and _same(where, old["platform"]):
                rows[at] = row
                break
        else:
            rows.append(row)


def _same(one: object, other: object) -> bool:
    return one == other


def _write(store: "Store", name: str, rows: "list[Descriptor]", old: "Index") -> "Entry":
    index: Index = {**old, "schemaVersion": 2, "mediaType": media.OCI_INDEX, "manifests": rows}
    data = json.dumps(index, separators=(",", ":")).encode()
    document = manifests.read(data, media.OCI_INDEX, f'index "{name}"')
    with leases.Lease(store.layout) as lease:
        lease.add(leases.BLOB, document.digest)
        lease.add(leases.IMAGE, *(row["digest"] for row in rows))
        for row in rows:
            if not blobs.has(store.layout, row["digest"]):
                raise NotFoundError(f'manifest "{row["digest"]}" is not here')
        return store.add(document, name)
