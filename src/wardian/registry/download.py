"""Fetch a blob, and go on where a broken connection left off.

Facts about ranges
------------------
206 with a Content-Range that begins where we asked goes on; 200 means that the server sends all of
it again, and what we have is skipped. Anything else is no blob. What came is checked against size
and digest; a server that promises another length is refused before a byte is read.

Source: RFC 9110 section 14; distribution-spec, "Pulling blobs".
"""

from wardian.errors import RemoteError, SpecError
from wardian.registry import connections, session
from wardian.registry.session import CancelledError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wardian.registry.connections import Response
    from wardian.registry.repository import Repository

BLOCK_BYTES = 1 << 18


def fetch(
    repository: "Repository",
    digest: str,
    size: int,
    write: "Callable[[memoryview], None]",
    *,
    start: int = 0,
    is_cancelled: "Callable[[], bool]" = lambda: False,
) -> None:
    """Give the bytes of a blob to `write`, each once and in order. The caller checks the digest.

    Args:
        repository: where from.
        digest: of the blob.
        size: of the blob, as its descriptor says.
        write: takes the next bytes; they are valid during the call.
        start: how many the caller has already.
        is_cancelled: asked between blocks.

    Raises:
        NotFoundError: the repository hasn't got it.
        SpecError: it is longer or shorter than promised.
        RemoteError: the registry refused, or the connection broke too often without any progress.
        CancelledError: is_cancelled() said so.
    """
    what = f'blob "{repository}@{digest}"'
    retries = repository.session.retries()
    at = start
    buffer = memoryview(bytearray(BLOCK_BYTES))
    while at < size:
        response, skip = _open(repository, digest, at, size, what=what)
        before = at
        fault = ""
        try:
            for block in _blocks(response, buffer, size - at + skip, what):
                if is_cancelled():
                    raise CancelledError(f"{what}: not wanted any more")
                fresh = block[min(skip, len(block)) :]
                skip -= len(block) - len(fresh)
                if fresh:
                    write(fresh)
                    at += len(fresh)
        except _BrokenError as error:
            fault = str(error)
        finally:
            response.close() if at == size else response.discard()
        if at > before:
            retries.progressed(repository.session.settings.attempts)
        if fault:
            retries.failed(RemoteError(f"{fault}, after {at} of {size} bytes"))


class _BrokenError(RemoteError):
    """The connection broke while a body came."""


def _blocks(
    response: "Response", buffer: memoryview, left: int, what: str
) -> "Iterator[memoryview]":
    """Give the next `left` bytes of a body in blocks.

    Raises:
        _BrokenError: there are fewer.
    """
    while left > 0:
        try:
            count = response.readinto(buffer[: min(len(buffer), left)])
        except connections.BROKEN as error:
            raise _BrokenError(f"{what}: {connections.words_of(error)}") from None
        if count == 0:
            raise _BrokenError(f"{what}: the connection was cut in the middle")
        left -= count
        yield buffer[:count]


def _open(
    repository: "Repository", digest: str, at: int, size: int, *, what: str
) -> "tuple[Response, int]":
    """Ask for a blob from a place on; returns the answer and how much of it we have already."""
    headers = {"Accept-Encoding": "identity"}
    if at:
        headers["Range"] = f"bytes={at}-"
    response = repository.send("GET", f"blobs/{digest}", headers=headers)
    length = response.length()
    if response.status == 206 and at:
        if response.headers.get("Content-Range", "") == f"bytes {at}-{size - 1}/{size}":
            return response, 0
        response.discard()
        raise SpecError(f"{what}: asked for the bytes from {at}, the registry sent others")
    if response.status == 200:
        if length is not None and length != size:
            response.discard()
            raise SpecError(f"{what}: {size} bytes were promised, the registry has {length}")
        return response, at
    if response.status == 404:
        raise session.not_found(response, what)
    raise session.refusal(response, what)
