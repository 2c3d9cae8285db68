"""A kept layer over an image: what it changes, the whole tree, and a new image of both.

The tree below is seen by mounting the image's layers, in a process with namespaces of its own.
"""

import os
from contextlib import contextmanager

from wardian import errors, json_text
from wardian.engine import kept
from wardian.exchange import changes, importing, preparing
from wardian.images import compression, leases, snapshots
from wardian.images.fresh import FreshBlob
from wardian.images.store import Store
from wardian.kernel import overlay, side_process
from wardian.registry import media, reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from wardian.images.store import Entry
    from wardian.kernel.overlay import Change
    from wardian.registry.documents import Config, Descriptor

_WORKER = "wardian.engine.image_worker"


@contextmanager
def _held(name: str, root_dir: str) -> "Iterator[None]":
    """Keep a kept layer from boxes and from removal."""
    fd = kept.lock(name, root_dir=root_dir)
    try:
        yield
    finally:
        os.close(fd)


def base_of(name: str, root_dir: str) -> str:
    """Return the digest of the image that a kept layer lies over.

    Raises:
        NotFoundError: there is no such layer.
        UsageError: it lies over something else.
    """
    base = kept.inspect(name, root_dir=root_dir).base
    if not base.startswith(kept.IMAGE):
        raise errors.UsageError(
            f'layer "{name}" was made over {kept.base_words(base)}, not over an image',
            hint=f"wardian run --keep {name} IMAGE ...",
        )
    return base.removeprefix(kept.IMAGE)


def hold_bases(store: Store) -> leases.Lease:
    """Keep the images that kept layers lie over from being removed; close what is returned."""
    lease = leases.Lease(store.layout)
    try:
        bases = [one.base for one in kept.layers(root_dir=store.layout.root_dir)]
        digests = [base.removeprefix(kept.IMAGE) for base in bases if base.startswith(kept.IMAGE)]
        lease.add(leases.IMAGE, *digests)
    except BaseException:
        lease.close()
        raise
    return lease


class _Base:
    """The image below a kept layer; all of it stays while this is open."""

    def __init__(self, name: str, root_dir: str) -> None:
        digest = base_of(name, root_dir)
        self.store = Store(root_dir)
        self.lease = leases.Lease(self.store.layout)
        try:
            entries = self.store.entries()
            entry = next((one for one in entries if one.digest == digest), None)
            if entry is None:
                entry = self.store.find(digest)
            self.document = self.store.document(digest)
            self.config, _layers = preparing.prepare(self.store, entry, self.lease)
        except errors.NotFoundError as error:
            self.lease.close()
            raise errors.NotFoundError(
                f'the base of layer "{name}" is gone: image "{digest}"', hint=error.hint
            ) from None
        except BaseException:
            self.lease.close()
            raise
        self.diff_ids: list[str] = self.config.get("rootfs", {}).get("diff_ids") or []
        self.root_dir = root_dir

    def words(self, upper: str) -> "list[str]":
        """Return the arguments of the worker's functions."""
        attributes = snapshots.complete(self.diff_ids, self.root_dir) if self.diff_ids else ""
        return [self.root_dir, attributes, upper, *self.diff_ids]

    def __enter__(self) -> "_Base":
        return self

    def __exit__(self, *_error: object) -> None:
        self.lease.close()


def diff(name: str, root_dir: str) -> "list[Change]":
    """Return what a kept layer changes of its image, in the order of the paths' bytes."""
    with _Base(name, root_dir) as base:
        return _diff(name, base)[0]


def _diff(name: str, base: _Base) -> "tuple[list[Change], list[str]]":
    """Return what a kept layer changes, and what is in it only to be mounted on."""
    mounts = json_text.dumps(sorted(kept.inspect(name, root_dir=base.root_dir).mounts))
    root_dir, attributes, upper, *diff_ids = base.words(kept.upper(name, base.root_dir))
    words = [root_dir, attributes, upper, mounts, *diff_ids]
    shown, left_out = json_text.loads(side_process.call(f"{_WORKER}:diff", words))
    return [overlay.Change(kind, path) for kind, path in shown], left_out


def export(name: str, sink: "Callable[[bytes], object]", root_dir: str) -> None:
    """Pack the whole tree that a box with this kept layer has.

    Raises:
        StatusError: a box uses the layer.
    """
    from wardian.kernel.side_process import PIPE, SideProcess

    with _held(name, root_dir), _Base(name, root_dir) as base:
        words = base.words(kept.upper(name, root_dir))
        with SideProcess(f"{_WORKER}:pack", words, stdout=PIPE) as side:
            while chunk := side.stdout.read(1 << 19):
                sink(chunk)
            side.wait()


def commit(
    name: str,
    target: str,
    root_dir: str,
    *,
    edits: "Sequence[str]" = (),
    message: str = "",
    author: str = "",
    method: str = "gzip",
    created_s: "int | None" = None,
) -> "tuple[Store, Entry]":
    """Make an image of a kept layer over its own; the base's layers are shared.

    Args:
        name: of the kept layer.
        target: the new image's name; "" for none.
        root_dir: WARDIAN_ROOT.
        edits: Dockerfile instructions for its config: "CMD sh", "ENV A=b".
        message: for its history.
        author: likewise.
        method: how the new layer is compressed: none, gzip or zstd.
        created_s: as of importing.import_root.

    Raises:
        UsageError: the layer is not over an image, or an edit is none.
        StatusError: a box uses the layer.
        NotFoundError: the layer is not there, or its base.
    """
    wanted = str(reference.parse(target)) if target else ""
    with _held(name, root_dir), _Base(name, root_dir) as base:
        config: Config = {**base.config}
        config["config"] = changes.apply(base.config.get("config") or {}, edits)
        with FreshBlob(base.store.layout, base.lease) as blob:
            compressor = compression.Compressor(blob.write, method)
            _changes, left_out = _diff(name, base)
            snapshots.pack_upper(kept.upper(name, root_dir), compressor.feed, without=left_out)
            diff_id = compressor.finish()
            size = blob.size
            row: Descriptor = {
                "mediaType": media.layer_type(method),
                "digest": blob.finish(),
                "size": size,
            }
        config["rootfs"] = {"type": "layers", "diff_ids": [*base.diff_ids, diff_id]}
        created = importing.created_text(created_s)
        words = {"comment": message, "author": author, "created": created}
        step = {"created_by": f"wardian commit {name}"}
        step |= {key: text for key, text in words.items() if text}
        config.pop("created", None)
        if created:
            config["created"] = created
        if author:
            config["author"] = author
        config["history"] = [*(base.config.get("history") or []), step]  # type: ignore[list-item]
        manifest = base.document.manifest or {}
        rows = [_in_our_words(one) for one in manifest.get("layers") or []]
        store = base.store
        return store, importing.finish_image(
            store, config, [*rows, row], lease=base.lease, name=wanted
        )


def _in_our_words(row: "Descriptor") -> "Descriptor":
    """Return a layer's row with OCI's type: docker's does not go into OCI's manifest."""
    kind = media.layer_type(media.layer_compression(row["mediaType"]))
    return {"mediaType": kind, "digest": row["digest"], "size": row["size"]}
