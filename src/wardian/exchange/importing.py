"""Make an image of a root file system: a tar archive, or a directory."""

import json
import os

from wardian.errors import UsageError
from wardian.exchange import changes
from wardian.exchange.preparing import unpack_layers
from wardian.images import blobs, compression, leases, snapshots
from wardian.images.fresh import FreshBlob
from wardian.registry import manifests, media, platforms, reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import BinaryIO

    from wardian.images.leases import Lease
    from wardian.images.store import Entry, Store
    from wardian.registry.documents import Config, Descriptor, Manifest
    from wardian.registry.platforms import Platform


def import_root(
    store: "Store",
    source: "str | BinaryIO",
    name: str = "",
    *,
    edits: "Sequence[str]" = (),
    message: str = "",
    platform: "Platform | None" = None,
    method: str = "gzip",
    created_s: "int | None" = None,
) -> "Entry":
    """Make an image of one layer.

    Args:
        store: where to.
        source: a directory's path, or an archive that is open, compressed or not.
        name: of the image; "" for none.
        edits: Dockerfile instructions for its config: "CMD sh", "ENV A=b".
        message: for its history.
        platform: what it says of itself; without it this machine's architecture.
        method: how the layer is compressed: none, gzip or zstd.
        created_s: what it says of its age, in seconds since 1970; without it SOURCE_DATE_EPOCH or
            nothing, so that the same root gives the same image.

    Raises:
        SpecError: the archive is broken.
        UsageError: an edit is none.
    """
    wanted = str(reference.parse(name)) if name else ""
    run = changes.apply({}, edits)
    where = platform or platforms.Platform("linux", platforms.host().architecture)
    with leases.Lease(store.layout) as lease:
        row, diff_id = _layer(store, source, lease, method)
        config: Config = {
            "architecture": where.architecture,
            "os": where.os,
            "config": run,
            "rootfs": {"type": "layers", "diff_ids": [diff_id]},
            "history": [{"created_by": "wardian import", "comment": message}],
        }
        if where.variant:
            config["variant"] = where.variant
        created = created_text(created_s)
        if created:
            config["created"] = config["history"][0]["created"] = created
        return finish_image(store, config, [row], lease=lease, name=wanted)


def finish_image(
    store: "Store",
    config: "Config",
    rows: "list[Descriptor]",
    *,
    lease: "Lease",
    name: str,
) -> "Entry":
    """Make an image of a config and layers whose blobs are here, and name it."""
    data = json.dumps(config, separators=(",", ":"), sort_keys=True).encode()
    with FreshBlob(store.layout, lease) as blob:
        blob.write(data)
        digest = blob.finish()
    manifest: Manifest = {
        "schemaVersion": 2,
        "mediaType": media.OCI_MANIFEST,
        "config": {"mediaType": media.OCI_CONFIG, "digest": digest, "size": len(data)},
        "layers": rows,
    }
    text = json.dumps(manifest, separators=(",", ":"), sort_keys=True).encode()
    document = manifests.read(text, media.OCI_MANIFEST, "the new image")
    lease.add(leases.BLOB, document.digest)
    blobs.put(store.layout, document.data, document.digest)
    unpack_layers(store, document, lease)
    return store.add(document, name, platform=platforms.of_document(config))


def _layer(
    store: "Store", source: "str | BinaryIO", lease: "Lease", method: str
) -> "tuple[Descriptor, str]":
    """Return the descriptor and the diff id of the new layer."""
    with FreshBlob(store.layout, lease) as blob:
        if isinstance(source, str):
            if not os.path.isdir(source):
                raise UsageError(f'"{source}" is not a directory')
            compressor = compression.Compressor(blob.write, method)
            snapshots.pack_tree(source, compressor.feed)
            diff_id = compressor.finish()
        else:
            stream = compression.open_compressed(source)
            diff_id = compression.compress(stream, blob.write, method)
        size = blob.size
        digest = blob.finish()
    return {"mediaType": media.layer_type(method), "digest": digest, "size": size}, diff_id


def created_text(created_s: "int | None") -> str:
    """Return a time as configs write it: what is asked, or SOURCE_DATE_EPOCH; "" for none."""
    import time

    if created_s is None:
        text = os.environ.get("SOURCE_DATE_EPOCH", "")
        if not (text.isascii() and text.isdecimal() and len(text) < 12):
            return ""
        created_s = int(text)
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(created_s))
