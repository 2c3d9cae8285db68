"""Read images from an archive: docker's form, or OCI's, compressed or not.

Facts about archives
--------------------
What names the images (manifest.json, index.json) may stand at the end, so each file becomes a blob
as it comes, and is kept if something names it. Names in the archive are never used as paths. In
docker's older form a layer may be a link to another image's.

Source: moby, image/tarexport; image-spec, image-layout.md.
"""

import json
import posixpath
import tarfile

from wardian.errors import SpecError
from wardian.exchange.preparing import unpack_layers
from wardian.images import blobs, garbage
from wardian.images.compression import open_compressed
from wardian.images.fresh import FreshBlob
from wardian.images.layout import CONTAINERD_NAME, REF_NAME
from wardian.images.leases import Lease
from wardian.images.store import checked_config
from wardian.registry import manifests, media, platforms, reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, BinaryIO

    from wardian.exchange.transfer import Event
    from wardian.images.store import Entry, Store
    from wardian.registry.documents import Descriptor, Manifest
    from wardian.registry.manifests import Document

_FILES_MAX = 100_000
_BLOCK_BYTES = 1 << 20


def load(
    store: "Store",
    stream: "BinaryIO",
    *,
    progress: "Callable[[Event], None] | None" = None,
) -> "list[Entry]":
    """Store the images of an archive; returns them.

    Args:
        store: where to.
        stream: the archive, which need not be seekable.
        progress: called with what happens to layers, from threads, one call at a time.

    Raises:
        SpecError: it is no archive of images, or something in it is broken; nothing is stored.
    """
    lease = Lease(store.layout)
    try:
        with lease:
            work = _Load(store, lease, progress)
            work.read(stream)
            return work.images()
    finally:
        garbage.collect(store, only=lease.digests)


class _Load:
    """One load under way."""

    def __init__(
        self, store: "Store", lease: Lease, progress: "Callable[[Event], None] | None"
    ) -> None:
        self._store = store
        self._lease = lease
        self._progress = progress
        self._files: dict[str, tuple[str, int, str]] = {}  # name: digest, size, compression
        self._links: dict[str, str] = {}

    def read(self, stream: "BinaryIO") -> None:
        """Make a blob of each file."""
        try:
            with tarfile.open(fileobj=open_compressed(stream), mode="r|") as archive:
                for member in archive:
                    self._take(archive, member)
        except (tarfile.TarError, EOFError) as error:
            raise SpecError(f"not an archive of images: {error}") from None

    def _take(self, archive: tarfile.TarFile, member: tarfile.TarInfo) -> None:
        name = _normal(member.name)
        if len(self._files) + len(self._links) > _FILES_MAX:
            raise SpecError(f"the archive has more than {_FILES_MAX} files")
        if member.issym():
            self._links[name] = _normal(posixpath.join(posixpath.dirname(name), member.linkname))
        elif member.islnk():
            self._links[name] = _normal(member.linkname)
        elif member.isreg():
            source = archive.extractfile(member)
            assert source is not None
            with FreshBlob(self._store.layout, self._lease) as blob:
                while chunk := source.read(_BLOCK_BYTES):
                    blob.write(chunk)
                compression, size = blob.compression, blob.size
                self._files[name] = (blob.finish(), size, compression)

    def _file(self, name: str) -> "tuple[str, int, str] | None":
        name = _normal(name)
        for _step in range(8):
            if name in self._files:
                return self._files[name]
            if name not in self._links:
                return None
            name = self._links[name]
        return None

    def _document(self, name: str) -> "Any":
        """Return a JSON file of the archive; None where it is not there."""
        found = self._file(name)
        if found is None:
            return None
        data = blobs.read(self._store.layout, found[0], manifests.CONFIG_BYTES)
        try:
            return json.loads(data)
        except (ValueError, RecursionError):
            raise SpecError(f'"{name}" in the archive is not JSON') from None

    def images(self) -> "list[Entry]":
        """Give names to what the archive names."""
        index = self._document("index.json")
        rows = index.get("manifests") if isinstance(index, dict) else None
        if rows:
            return self._oci(rows)
        listed = self._document("manifest.json")
        if isinstance(listed, list) and listed:
            return [entry for row in listed for entry in self._docker(row)]
        raise SpecError(
            "not an archive of images: neither manifest.json nor index.json is in it",
            hint="`wardian import` makes an image of a root file system",
        )

    # ---- OCI's form ------------------------------------------------------------------------------

    def _oci(self, rows: object) -> "list[Entry]":
        whole = json.dumps({"schemaVersion": 2, "manifests": rows}).encode()
        index = manifests.read(whole, media.OCI_INDEX, "index.json").index or {}
        found = []
        for row in index.get("manifests") or []:
            annotations = row.get("annotations") or {}
            name = _name(annotations.get(CONTAINERD_NAME) or annotations.get(REF_NAME) or "")
            document = self._manifest(row)
            found.append(self._add(document, name, row))
        return found

    def _manifest(self, row: "Descriptor") -> "Document":
        """Return a manifest of the archive, after a look that all it names is there."""
        what = f'manifest "{row["digest"]}" in the archive'
        data = blobs.read(self._store.layout, row["digest"], manifests.MANIFEST_BYTES)
        document = manifests.read(data, row["mediaType"], what, digest=row["digest"])
        for child in (document.index or {}).get("manifests") or []:
            if blobs.has(self._store.layout, child["digest"]):
                self._manifest(child)
        if document.manifest:
            parts = [document.manifest["config"], *(document.manifest.get("layers") or [])]
            for part in parts:
                if not blobs.has(self._store.layout, part["digest"], part["size"]):
                    raise SpecError(f'{what}: its blob "{part["digest"]}" is not in the archive')
        return document

    def _add(self, document: "Document", name: str, row: "Descriptor") -> "Entry":
        if document.index:
            for child in document.index.get("manifests") or []:
                where = child.get("platform")
                own = where and platforms.of_document(where) in _native()
                if own and blobs.has(self._store.layout, child["digest"]):
                    self._unpack(self._store.document(child["digest"]))
            return self._store.add(document, name)
        config = self._unpack(document)
        runs_on = platforms.of_document(row.get("platform") or config)
        return self._store.add(document, name, platform=runs_on)

    def _unpack(self, document: "Document") -> "Any":
        return unpack_layers(self._store, document, self._lease, self._progress)

    # ---- docker's form ---------------------------------------------------------------------------

    def _docker(self, row: object) -> "list[Entry]":
        """Make an OCI manifest of one row of manifest.json."""
        fields: dict[str, Any] = row if isinstance(row, dict) else {}
        config = self._file(str(fields.get("Config")))
        names = fields.get("Layers")
        tags = fields.get("RepoTags") or []
        if config is None or not isinstance(names, list) or not isinstance(tags, list):
            raise SpecError('"manifest.json" in the archive: an image without config or layers')
        rows: list[Descriptor] = []
        for name in names:
            found = self._file(str(name))
            if found is None:
                raise SpecError(f'"manifest.json" names "{name}", which is not in the archive')
            kind = media.layer_type(found[2])
            rows.append({"mediaType": kind, "digest": found[0], "size": found[1]})
        manifest: Manifest = {
            "schemaVersion": 2,
            "mediaType": media.OCI_MANIFEST,
            "config": {"mediaType": media.OCI_CONFIG, "digest": config[0], "size": config[1]},
            "layers": rows,
        }
        data = json.dumps(manifest, separators=(",", ":")).encode()
        document = manifests.read(data, media.OCI_MANIFEST, "manifest.json in the archive")
        raw = blobs.read(self._store.layout, config[0], manifests.CONFIG_BYTES)
        where = platforms.of_document(checked_config(raw, document))
        self._lease.add("blob", document.digest)
        blobs.put(self._store.layout, document.data, document.digest)
        self._unpack(document)
        wanted = [_name(str(tag)) for tag in tags] or [""]
        return [self._store.add(document, name, platform=where) for name in wanted]


def _native() -> "list[platforms.Platform]":
    return list(platforms.candidates(platforms.host()))


def _name(text: str) -> str:
    return str(reference.parse(text)) if text else ""


def _normal(name: str) -> str:
    return posixpath.normpath(f"/{name}").lstrip("/")
