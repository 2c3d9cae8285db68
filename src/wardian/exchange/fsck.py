"""Verify every blob and layer that an image needs; fetch what is broken again.

What is broken is removed before it is fetched, so a repair that is interrupted leaves less, never
something wrong. A layer is made again from its blob; a blob comes from where its image came from.
"""

import json

from wardian.errors import NotFoundError, RemoteError, SpecError, WardianError
from wardian.exchange.transfer import Transfer
from wardian.images import blobs, layers, leases
from wardian.registry import media, reference
from wardian.registry import settings as registry_settings
from wardian.registry.sources import Sources

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

    from wardian.images.layout import Layout
    from wardian.images.leases import Lease
    from wardian.images.store import Entry, Store
    from wardian.registry.documents import Descriptor


class Finding:
    """Something broken.

    Attributes:
        image: the name or digest of the image that needs it.
        what: "blob", "layer" or "manifest", and its digest.
        fault: what is wrong with it.
        is_repaired: it was fetched or made again.
        reason: why not.
    """

    __slots__ = ("fault", "image", "is_repaired", "reason", "what")

    def __init__(self, image: str, what: str, fault: str) -> None:
        self.image = image
        self.what = what
        self.fault = fault
        self.is_repaired = False
        self.reason = ""


class Report:
    """What a check found.

    Attributes:
        blobs, layers: how many were read.
        findings: what is broken.
    """

    def __init__(self) -> None:
        self.blobs = 0
        self.layers = 0
        self.findings: list[Finding] = []

    @property
    def is_sound(self) -> bool:
        """Nothing is broken, or not any more."""
        return all(one.is_repaired for one in self.findings)


def check(
    store: "Store",
    *,
    repair: bool = True,
    progress: "Callable[[str], None]" = lambda _what: None,
) -> Report:
    """Verify all images.

    Args:
        store: the images.
        repair: fetch what is broken.
        progress: called with the digest of what is read next.
    """
    report = Report()
    with leases.Lease(store.layout) as lease:
        work = _Check(store, report, lease, progress)
        work.repair = repair
        for entry in store.entries():
            lease.add(leases.IMAGE, entry.digest)
            work.entry(entry)
    return report


class _Check:
    """One check under way; what is shared by several images is read once."""

    repair = True

    def __init__(
        self, store: "Store", report: Report, lease: "Lease", progress: "Callable[[str], None]"
    ) -> None:
        self._store = store
        self._layout: Layout = store.layout
        self._report = report
        self._lease = lease
        self._progress = progress
        self._seen: set[str] = set()

    def entry(self, entry: "Entry") -> None:
        if entry.parent and blobs.has(self._layout, entry.parent):
            self._blob(entry, entry.parent, "manifest")
        self._image(entry, entry.row)

    def _image(self, entry: "Entry", row: "Descriptor") -> None:
        """Check a manifest or index and all below it."""
        if not self._blob(entry, row["digest"], "manifest"):
            return
        try:
            document = self._store.document(row["digest"])
        except WardianError as error:  # the right bytes, and still no manifest
            self._found(entry, f"manifest {row['digest']}", error)
            return
        for child in (document.index or {}).get("manifests") or []:
            if blobs.has(self._layout, child["digest"]):
                self._image(entry, child)  # an index may name what was never pulled
        if document.manifest is None:
            return
        config = document.manifest["config"]
        rows = document.manifest.get("layers") or []
        if not self._blob(entry, config["digest"], "config"):
            return
        whole = [self._blob(entry, one["digest"], "blob") for one in rows]
        if config["mediaType"] not in media.CONFIGS:
            return
        try:
            diff_ids = self._store.config(document).get("rootfs", {}).get("diff_ids") or []
        except SpecError as error:
            self._found(entry, f"config {config['digest']}", error)
            return
        for one, diff_id, is_whole in zip(rows, diff_ids, whole, strict=True):
            self._layer(entry, one, diff_id, is_whole=is_whole)

    def _blob(self, entry: "Entry", digest: str, kind: str) -> bool:
        """Check a blob; returns whether it is sound, perhaps by now."""
        if digest in self._seen:
            return blobs.has(self._layout, digest)
        self._seen.add(digest)
        self._progress(digest)
        self._report.blobs += 1
        try:
            blobs.verify(self._layout, digest)
        except (SpecError, NotFoundError) as error:
            finding = self._found(entry, f"{kind} {digest}", error)
            return self._mend(finding, lambda: self._refetch(entry, digest))
        return True

    def _layer(self, entry: "Entry", row: "Descriptor", diff_id: str, *, is_whole: bool) -> None:
        """Check an unpacked layer; one that was never unpacked is none."""
        root_dir = self._layout.root_dir
        if diff_id in self._seen:
            return
        self._seen.add(diff_id)
        self._progress(diff_id)
        try:
            if layers.find_layer(diff_id, root_dir) is None:
                return
            self._report.layers += 1
            layers.verify_layer(diff_id, root_dir, lambda: self._opened(row))
        except WardianError as error:
            finding = self._found(entry, f"layer {diff_id}", error)
            if is_whole:
                self._mend(finding, lambda: self._unpack(row, diff_id))
            else:
                finding.reason = "its blob is broken too"

    def _opened(self, row: "Descriptor") -> "tuple[BinaryIO, str]":
        """Return a layer's blob, to compare with."""
        return open(self._layout.blob_path(row["digest"]), "rb"), row["mediaType"]

    def _found(self, entry: "Entry", what: str, error: WardianError) -> Finding:
        finding = Finding(entry.name or entry.digest, what, str(error))
        self._report.findings.append(finding)
        return finding

    def _mend(self, finding: Finding, work: "Callable[[], None]") -> bool:
        if not self.repair:
            finding.reason = "not asked to"
            return False
        try:
            work()
        except WardianError as error:
            finding.reason = str(error)
            return False
        finding.is_repaired = True
        return True

    def _refetch(self, entry: "Entry", digest: str) -> None:
        """Fetch a blob or a manifest from one of the image's sources."""
        last: WardianError = NotFoundError("nobody noted where the image came from")
        self._remove(digest)
        for source in entry.sources:
            wanted = reference.parse(source)
            sources = Sources(wanted, registry_settings.load(wanted.domain))
            try:
                self._fetch(sources, digest)
            except (NotFoundError, RemoteError, SpecError) as error:
                last = error
            else:
                return
            finally:
                sources.close()
        raise last

    def _fetch(self, sources: Sources, digest: str) -> None:
        row = self._named(digest)
        if row is None or row["mediaType"] in media.ACCEPTED:
            document = sources.manifest(digest)
            blobs.put(self._layout, document.data, digest)
            return
        Transfer(self._layout, sources.fetch, self._lease).run([row], network=sources)

    def _named(self, digest: str) -> "Descriptor | None":
        """Return the descriptor of a blob: some manifest has it."""
        for entry in self._store.entries():
            todo = [entry.row]
            while todo:
                row = todo.pop()
                if row["digest"] == digest:
                    return row
                if row["mediaType"] not in media.ACCEPTED:
                    continue
                try:
                    body = json.loads(blobs.read(self._layout, row["digest"], 4 << 20))
                except (WardianError, ValueError):
                    continue
                todo += [*(body.get("manifests") or []), *(body.get("layers") or [])]
                if body.get("config"):
                    todo.append(body["config"])
        return None

    def _remove(self, digest: str) -> None:
        import os

        try:
            os.unlink(self._layout.blob_path(digest))
        except FileNotFoundError:
            pass

    def _unpack(self, row: "Descriptor", diff_id: str) -> None:
        """Make a layer again from its blob."""
        layers.remove_layer(diff_id, self._layout.root_dir)

        def nothing(*_args: object, **_more: object) -> None:
            raise NotFoundError(f'blob "{row["digest"]}" is not here')

        Transfer(self._layout, nothing, self._lease).run([row], [diff_id])
