"""The image of a stage: config and manifest, without a clock.

Specification: OCI image-spec, config.md, manifest.md.
"""

from typing import TYPE_CHECKING

from wardian.build.events import Built
from wardian.engine.image import Image
from wardian.exchange import importing, normal_layers
from wardian.images import blobs, compression
from wardian.registry import media, reference

if TYPE_CHECKING:
    from wardian.build.job import Job
    from wardian.build.state import State
    from wardian.registry.documents import Config, Descriptor


def finish(job: "Job", state: "State") -> Built:
    """Store the image and name it."""
    names = [str(reference.parse(tag)) for tag in job.options.tags]
    run = dict(state.run)
    if job.options.labels:
        run["Labels"] = {**(run.get("Labels") or {}), **job.options.labels}
    config: Config = {
        "architecture": state.platform.architecture,
        "os": state.platform.os,
        "created": job.created,
        "config": run,  # type: ignore[typeddict-item]
        "rootfs": {"type": "layers", "diff_ids": list(state.tree.diff_ids)},
        "history": state.history,  # type: ignore[typeddict-item]
    }
    if state.platform.variant:
        config["variant"] = state.platform.variant
    if state.author:
        config["author"] = state.author
    rows = [_in_method(job, row) for row in state.tree.rows]
    store = job.store
    entry = importing.finish_image(
        store, config, rows, lease=job.lease, name=names[0] if names else ""
    )
    for name in names[1:]:
        store.tag(entry, name)
    image = Image(store, entry, is_new=True)
    return Built(
        image,
        image.id,
        state.tree.diff_ids,
        config,
        job.done,
        job.epoch_s,
        job.lock.path,
        job.warnings,
    )


def _in_method(job: "Job", row: "Descriptor") -> "Descriptor":
    """Return a layer of ours as the image wants it compressed; it may come from the cache.

    A layer of the base stays as it is: its digest is known elsewhere.
    """
    method = job.options.compression
    if media.layer_compression(row["mediaType"]) == method or not _is_ours(job, row):
        return row
    fd = blobs.open_blob(job.store.layout, row["digest"])
    with open(fd, "rb", buffering=0) as blob:
        stream = compression.open_compressed(blob, row["mediaType"])

        def pack(sink: "normal_layers.Sink") -> None:
            while chunk := stream.read(1 << 20):
                sink(chunk)

        return normal_layers.store_layer(job.store.layout, job.lease, pack, method)[0]


def _is_ours(job: "Job", row: "Descriptor") -> bool:
    return all(row["digest"] != one["digest"] for base in job.base_rows for one in base)
