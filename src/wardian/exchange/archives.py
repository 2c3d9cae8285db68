"""Write images to an archive, or to a directory: docker's form, and OCI's.

The archive of docker 25 and newer is an OCI layout with docker's manifest.json beside; every
version of docker and podman reads it, since they look into compressed layers by themselves. OCI's
form is the same without manifest.json. No date and no order of this machine is in it: the same
images give the same bytes.

Source: image-spec, image-layout.md; moby, image/tarexport.
"""

import json
import os
import tarfile

from wardian.errors import KernelError, UsageError
from wardian.images import blobs, leases
from wardian.images.layout import CONTAINERD_NAME, OCI_LAYOUT, REF_NAME
from wardian.registry import media, reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import BinaryIO

    from wardian.images.store import Entry, Store
    from wardian.registry.documents import Descriptor
    from wardian.registry.platforms import Platform

DOCKER, OCI = "docker-archive", "oci-archive"
FORMATS = (DOCKER, OCI)
_BLOCK_BYTES = 1 << 20


def save(
    store: "Store",
    names: "Sequence[str]",
    sink: "BinaryIO",
    *,
    form: str = DOCKER,
    platform: "Platform | None" = None,
) -> None:
    """Write images to an archive.

    Args:
        store: where they are.
        names: of the images, or ids.
        sink: the archive.
        form: one of FORMATS.
        platform: which one, where a name has several.

    Raises:
        NotFoundError: there is no such image, or not all of it is here.
    """
    if form not in FORMATS:
        raise UsageError(f'format "{form}": there are {", ".join(FORMATS)}')
    entries = [_entry(store, name, platform) for name in names]
    with leases.Lease(store.layout) as lease:
        lease.add(leases.IMAGE, *(entry.digest for entry in entries))
        plan = _Plan(store, entries)
        if form == DOCKER:
            plan.files["manifest.json"] = plan.docker_manifest()
        for name in ("blobs/", *sorted(plan.directories)):
            sink.write(_header(name, 0, is_directory=True))
        for digest in sorted(plan.blobs):
            _write_blob(store, digest, sink)
        for name, data in sorted(plan.files.items()):
            sink.write(_header(name, len(data)) + data + bytes(-len(data) % 512))
        sink.write(bytes(1024))


def save_directory(
    store: "Store", names: "Sequence[str]", path: str, *, platform: "Platform | None" = None
) -> None:
    """Write images to a directory, as an OCI layout.

    Args:
        store: where they are.
        names: of the images, or ids.
        path: of the directory: a new one, or an empty one.
        platform: which one, where a name has several.
    """
    entries = [_entry(store, name, platform) for name in names]
    try:
        os.makedirs(path, exist_ok=True)
        if os.listdir(path):
            raise UsageError(f'"{path}" is not empty')
        with leases.Lease(store.layout) as lease:
            lease.add(leases.IMAGE, *(entry.digest for entry in entries))
            plan = _Plan(store, entries)
            for name in sorted(plan.directories):
                os.makedirs(f"{path}/{name}")
            for digest in sorted(plan.blobs):
                _copy_blob(store, digest, f"{path}/blobs/{digest.replace(':', '/')}")
            for name, data in plan.files.items():
                with open(f"{path}/{name}", "wb") as file:
                    file.write(data)
    except OSError as error:
        if isinstance(error, KernelError):
            raise
        raise KernelError(f'write("{path}")', error.errno or 0) from None


def _entry(store: "Store", name: str, platform: "Platform | None") -> "Entry":
    if platform is None:
        try:
            for entry in store.named(str(reference.parse(name))):
                if entry.is_index:
                    return entry
        except UsageError:
            pass  # an id
    return store.find(name, platform)


class _Plan:
    """What goes into an archive.

    Attributes:
        blobs: digests.
        files: what is in memory, by name.
        directories: of blobs.
    """

    def __init__(self, store: "Store", entries: "list[Entry]") -> None:
        self._store = store
        self._entries = entries
        self.blobs: set[str] = set()
        for entry in entries:
            self._image(entry.digest)
        self.directories = {f"blobs/{digest.partition(':')[0]}/" for digest in self.blobs}
        rows: list[Descriptor] = []
        for entry in entries:
            row: Descriptor = {
                "mediaType": entry.row["mediaType"],
                "digest": entry.digest,
                "size": entry.row["size"],
            }
            if entry.row.get("platform"):
                row["platform"] = entry.row["platform"]
            if entry.name:
                row["annotations"] = {REF_NAME: entry.name, CONTAINERD_NAME: entry.name}
            rows.append(row)
        index = {"schemaVersion": 2, "mediaType": media.OCI_INDEX, "manifests": rows}
        self.files = {"index.json": _json(index), "oci-layout": OCI_LAYOUT}

    def _image(self, digest: str) -> None:
        self.blobs.add(digest)
        document = self._store.document(digest)
        for row in (document.index or {}).get("manifests") or []:
            if blobs.has(self._store.layout, row["digest"]):  # an index may be here in part
                self._image(row["digest"])
        if document.manifest:
            self.blobs.add(document.manifest["config"]["digest"])
            self.blobs.update(row["digest"] for row in document.manifest.get("layers") or [])

    def docker_manifest(self) -> bytes:
        """Return docker's manifest.json."""
        found: dict[str, dict[str, object]] = {}
        for entry in self._entries:
            document = self._store.document(
                self._store.find(entry.digest).digest if entry.is_index else entry.digest
            )
            if document.manifest is None:
                continue
            config = document.manifest["config"]["digest"]
            row = found.setdefault(
                document.digest,
                {
                    "Config": _path(config),
                    "RepoTags": [],
                    "Layers": [
                        _path(one["digest"]) for one in document.manifest.get("layers") or []
                    ],
                },
            )
            if entry.name and "@" not in entry.name:
                name = reference.parse(entry.name)
                tags = row["RepoTags"]
                assert isinstance(tags, list)
                tags.append(f"{name.familiar}:{name.tag}")
        return _json(list(found.values()))


def _path(digest: str) -> str:
    return f"blobs/{digest.replace(':', '/', 1)}"


def _json(found: object) -> bytes:
    return json.dumps(found, separators=(",", ":"), sort_keys=True).encode()


def _header(name: str, size: int, *, is_directory: bool = False) -> bytes:
    """Return a tar header that tells nothing of this machine."""
    info = tarfile.TarInfo(name)
    info.size = size
    info.mode = 0o755 if is_directory else 0o644
    info.type = tarfile.DIRTYPE if is_directory else tarfile.REGTYPE
    return info.tobuf(tarfile.PAX_FORMAT)


def _blocks(store: "Store", digest: str) -> "Iterable[bytes]":
    fd = blobs.open_blob(store.layout, digest)
    try:
        while chunk := os.read(fd, _BLOCK_BYTES):
            yield chunk
    finally:
        os.close(fd)


def _write_blob(store: "Store", digest: str, sink: "BinaryIO") -> None:
    size = os.stat(store.layout.blob_path(digest)).st_size
    sink.write(_header(_path(digest), size))
    for chunk in _blocks(store, digest):
        sink.write(chunk)
    sink.write(bytes(-size % 512))


def _copy_blob(store: "Store", digest: str, path: str) -> None:
    with open(path, "wb") as file:
        for chunk in _blocks(store, digest):
            file.write(chunk)
