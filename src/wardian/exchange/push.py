"""Send an image to a registry, as the bytes that it is: no digest ever changes on the way.

What the registry has, or another of its repositories, is not sent. Blobs go in parallel, then the
manifest, which makes them an image, then the index.
"""

import os
import threading
from concurrent.futures import ThreadPoolExecutor

from wardian.errors import NotFoundError, UsageError
from wardian.exchange.transfer import DONE, EXISTS, Event
from wardian.images import blobs, leases
from wardian.registry import media, reference, referrers, upload
from wardian.registry import settings as registry_settings
from wardian.registry.repository import Repository
from wardian.registry.session import Session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from wardian.images.store import Entry, Store
    from wardian.registry.credentials import Login
    from wardian.registry.documents import Descriptor
    from wardian.registry.manifests import Document
    from wardian.registry.platforms import Platform
    from wardian.registry.settings import Settings

UPLOADING, MOUNTED = "uploading", "mounted"
UPLOADS = 4


class Pushed:
    """What was pushed: its complete name, digest and size."""

    __slots__ = ("digest", "name", "size_bytes")

    def __init__(self, name: str, digest: str, size_bytes: int) -> None:
        self.name = name
        self.digest = digest
        self.size_bytes = size_bytes


def push(
    store: "Store",
    name: str,
    destination: str = "",
    *,
    platform: "Platform | None" = None,
    settings: "Settings | None" = None,
    login: "Login | None" = None,
    progress: "Callable[[Event], None] | None" = None,
    chunk_bytes: int = upload.CHUNK_BYTES,
    pause: "Callable[[float], object] | None" = None,
) -> Pushed:
    """Send an image to the registry that its name says.

    Args:
        store: where it is.
        name: of the image.
        destination: another name to push it under.
        platform: which one, where the name has several.
        settings: how to speak to the registry, instead of what config.toml says.
        login: instead of the stored one.
        progress: called with what happens, from threads, one call at a time.
        chunk_bytes: how much goes in one request.
        pause: waits between attempts, instead of really.

    Raises:
        NotFoundError: there is no such image, or not all of it is here.
        RemoteError: the registry refused, or can't be reached.
    """
    target = reference.parse(destination or name)
    if not target.tag:
        raise UsageError(f'pushing "{target}": a name with a tag is needed, not a digest')
    entry = _entry(store, name, platform)
    how = settings or registry_settings.load(target.domain)
    session = Session(target.domain, how, path=target.path, login=login, pause=pause)
    repository = Repository(session, target.path, actions="pull,push")
    with leases.Lease(store.layout) as lease:
        lease.add(leases.IMAGE, entry.digest)
        work = _Push(store, repository, _mount_source(entry, target), progress)
        work.chunk_bytes = chunk_bytes
        document = store.document(entry.digest)
        try:
            work.send(document, target.tag)
        finally:
            session.close()
    source = f"{target.repository}@{entry.digest}"
    store.note_source(entry, source)
    return Pushed(str(target), entry.digest, len(document.data))


def _entry(store: "Store", name: str, platform: "Platform | None") -> "Entry":
    """Return what a name stands for: a whole index where it has one, and no platform was asked."""
    if platform is None:
        for entry in store.named(str(reference.parse(name))):
            if entry.is_index:
                return entry
    return store.find(name, platform)


def _mount_source(entry: "Entry", target: reference.Reference) -> str:
    """Return a repository of the same registry that has the image's blobs, or ""."""
    for source in entry.sources:
        domain, _slash, rest = source.partition("/")
        path = rest.partition("@")[0]
        if domain == target.domain and path != target.path:
            return path
    return ""


class _Push:
    """One push under way."""

    chunk_bytes = upload.CHUNK_BYTES

    def __init__(
        self,
        store: "Store",
        repository: Repository,
        mount_from: str,
        progress: "Callable[[Event], None] | None",
    ) -> None:
        self._store = store
        self._repository = repository
        self._mount_from = mount_from
        self._progress = progress
        self._telling = threading.Lock()

    def send(self, document: "Document", target: str) -> None:
        """Send a manifest or index with all below it."""
        for row in (document.index or {}).get("manifests") or []:
            self._send_child(row, document)
        if document.manifest:
            rows = [*(document.manifest.get("layers") or []), document.manifest["config"]]
            wanted = {row["digest"]: row for row in rows if not _is_foreign(row)}
            with ThreadPoolExecutor(UPLOADS, "upload") as uploads:
                list(uploads.map(self._send_blob, wanted.values()))
        response = self._repository.put_manifest(target, document.data, document.media_type)
        has_header = "OCI-Subject" in response.headers
        referrers.pushed(self._repository, document, has_header)

    def _send_child(self, row: "Descriptor", parent: "Document") -> None:
        if row["mediaType"] not in media.ACCEPTED:
            raise NotFoundError(
                f'index "{parent.digest}": its entry "{row["digest"]}" is of a type that is not'
                f' known: "{row["mediaType"][:200]}"'
            )
        try:
            child = self._store.document(row["digest"])
        except NotFoundError:
            raise NotFoundError(
                f'index "{parent.digest}": the manifest "{row["digest"]}" is not here',
                hint="pull it with --all-platforms, or push one platform with --platform",
            ) from None
        self.send(child, child.digest)

    def _send_blob(self, row: "Descriptor") -> None:
        digest, size = row["digest"], row["size"]
        self._tell(digest, UPLOADING, 0, size)
        fd = blobs.open_blob(self._store.layout, digest)
        try:
            if os.fstat(fd).st_size != size:
                raise NotFoundError(f'blob "{digest}" is not whole', hint="`wardian fsck` mends it")
            how = upload.push(
                self._repository,
                digest,
                size,
                fd,
                mount_from=self._mount_from,
                chunk_bytes=self.chunk_bytes,
                progress=lambda count: self._tell(digest, UPLOADING, count, size),
            )
        finally:
            os.close(fd)
        phases = {upload.EXISTS: EXISTS, upload.MOUNTED: MOUNTED}
        self._tell(digest, phases.get(how, DONE), size, size)

    def _tell(self, digest: str, phase: str, done: int, size: int) -> None:
        if self._progress:
            with self._telling:
                self._progress(Event(digest, phase, done, size))


def _is_foreign(row: "Descriptor") -> bool:
    """Say whether a layer must not be distributed; its urls say where it is."""
    kind = row["mediaType"]
    return bool(row.get("urls")) and (".nondistributable." in kind or ".foreign." in kind)
