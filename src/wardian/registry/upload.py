"""Put a blob into a repository: not at all, mounted from another one, or in resumable pieces.

Facts about uploads
-------------------
POST opens a session and returns its address, and with ?mount=DIGEST&from=REPOSITORY a registry that
lets us read there makes the blob appear without any bytes (201 in the place of 202). Each answer
carries the address for the next request, and it may change. PATCH adds bytes; after a broken one
GET on the address says how many are there; docker-registry says 404 instead if the answer to a
PATCH was lost, since its addresses hold the offset, and then a new session is needed. PUT with the
digest ends it; with a body it is a monolithic upload. A registry may ask for chunks of a least
size, in OCI-Chunk-Min-Length.

Source: distribution-spec, "Pushing Blobs".
"""

import urllib.parse

from wardian.errors import RemoteError
from wardian.registry import session
from wardian.registry.connections import Body
from wardian.registry.retries import PASSING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from wardian.registry.connections import Response
    from wardian.registry.repository import Repository

MONOLITHIC_BYTES = 1 << 20
CHUNK_BYTES = 64 << 20

# What a PATCH may say to a session that is out of step, or gone.
_RECOVERABLE = PASSING | {404, 416}

EXISTS, MOUNTED, PUSHED = "exists", "mounted", "pushed"


def push(
    repository: "Repository",
    digest: str,
    size: int,
    fd: int,
    *,
    mount_from: str = "",
    chunk_bytes: int = CHUNK_BYTES,
    progress: "Callable[[int], None]" = lambda _count: None,
) -> str:
    """See to it that a repository has a blob; returns EXISTS, MOUNTED or PUSHED.

    Args:
        repository: with the right to push.
        digest: of the blob.
        size: of the blob.
        fd: the blob's file.
        mount_from: a repository of the same registry that may have it, or "".
        chunk_bytes: how much goes in one request; a blob below MONOLITHIC_BYTES goes in one.
        progress: called with the number of bytes that have gone.

    Raises:
        RemoteError: the registry refused, or can't be reached.
    """
    if repository.has_blob(digest):
        return EXISTS
    query = f"?mount={urllib.parse.quote(digest)}&from={mount_from}" if mount_from else ""
    opened = _open(repository, query)
    if opened.status == 201:
        return MOUNTED
    sending = _Upload(repository, digest, size, fd, chunk_bytes=chunk_bytes, progress=progress)
    return sending.run(opened)


def _open(repository: "Repository", query: str) -> "Response":
    """Open an upload session, or mount; returns the answer, read."""
    mounts = bool(query)
    if mounts:
        source = urllib.parse.parse_qs(query[1:])["from"][0]
        before = repository.scopes
        repository.scopes = (*before, f"repository:{source}:pull")
    try:
        response = repository.send("POST", f"blobs/uploads/{query}", body=Body.of(b""))
    except RemoteError as error:
        if not mounts or error.status not in (401, 403):
            raise
        mounts, response = False, None
    finally:
        if query:
            repository.scopes = before
    if response is None:
        return _open(repository, "")
    if response.status not in (201, 202):
        if mounts:
            response.close()
            return _open(repository, "")
        raise session.refusal(response, f'pushing to "{repository}"')
    response.close()
    return response


class _Upload:
    """One upload session."""

    def __init__(
        self,
        repository: "Repository",
        digest: str,
        size: int,
        fd: int,
        *,
        chunk_bytes: int,
        progress: "Callable[[int], None]",
    ) -> None:
        self._repository = repository
        self._digest = digest
        self._size = size
        self._fd = fd
        self._chunk_bytes = chunk_bytes
        self._progress = progress
        self._what = f'pushing the blob "{repository}@{digest}"'
        self._url = ""
        self._at = 0

    def run(self, opened: "Response") -> str:
        """Send everything; returns PUSHED."""
        settings = self._repository.session.settings
        retries = self._repository.session.retries()
        self._begin(opened)
        if self._size <= MONOLITHIC_BYTES:
            self._finish(0)
            return PUSHED
        while self._at < self._size:
            before = self._at
            try:
                self._patch()
            except RemoteError as error:
                if error.status and error.status not in _RECOVERABLE:
                    raise
                self._recover()
                if self._at > before:
                    retries.progressed(settings.attempts)
                else:
                    retries.failed(error)
        self._finish(self._size)
        return PUSHED

    def _begin(self, opened: "Response") -> None:
        least = opened.headers.get("OCI-Chunk-Min-Length", "")
        if least.isascii() and least.isdecimal():
            self._chunk_bytes = max(self._chunk_bytes, int(least[:18]))
        self._at = 0
        self._follow(opened)

    def _follow(self, response: "Response") -> None:
        """Note where the next request goes."""
        location = response.headers.get("Location", "")
        if not location and not self._url:
            raise RemoteError(f"{self._what}: the registry gave no address for the upload")
        if location:
            self._url = urllib.parse.urljoin(response.url, location)

    def _patch(self) -> None:
        """Send the next chunk.

        Raises:
            RemoteError: it did not arrive; some of it may have.
        """
        count = min(self._chunk_bytes, self._size - self._at)
        headers = {
            "Content-Type": "application/octet-stream",
            "Content-Range": f"{self._at}-{self._at + count - 1}",
        }
        response = self._repository.send(
            "PATCH", self._url, headers=headers, body=self._body(self._at, count), attempts=1
        )
        if response.status not in (202, 201, 204):
            raise session.refusal(response, self._what)
        response.close()
        self._follow(response)
        self._at += count

    def _body(self, start: int, count: int) -> Body:
        plain = Body.of_file(self._fd, start, count)

        def chunks() -> "Iterable[bytes | memoryview]":
            sent = start
            for chunk in plain.chunks():
                yield chunk
                sent += len(chunk)
                self._progress(sent)

        return Body(count, chunks)

    def _recover(self) -> None:
        """Ask how much has arrived; open a new session where the old one is gone."""
        response = self._repository.send("GET", self._url)
        if response.status == 404:
            response.close()
            self._url = ""
            self._begin(_open(self._repository, ""))
            return
        if response.status not in (204, 202, 200):
            raise session.refusal(response, self._what)
        response.close()
        self._follow(response)
        first, _dash, last = response.headers.get("Range", "").removeprefix("bytes=").partition("-")
        # nothing and one byte look alike: "0-0"
        fine = first == "0" and last.isascii() and last.isdecimal() and last != "0"
        self._at = min(int(last[:18]) + 1, self._size) if fine else 0

    def _finish(self, start: int) -> None:
        """End the session with the digest, and with the bytes from `start` on."""
        joint = "&" if "?" in self._url else "?"
        url = f"{self._url}{joint}digest={urllib.parse.quote(self._digest, safe=':')}"
        body = self._body(start, self._size - start) if start < self._size else Body.of(b"")
        headers = {"Content-Type": "application/octet-stream"}
        response = self._repository.send("PUT", url, headers=headers, body=body)
        if response.status not in (201, 204):
            raise session.refusal(response, self._what)
        response.close()
        self._progress(self._size)
