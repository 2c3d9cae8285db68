"""What is fetched for a build, kept by digest so that it is fetched once.

WARDIAN_ROOT/cache/build/downloads/HEX    content, by its SHA-256
"""

import fcntl
import os
import posixpath
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from wardian import errors

if TYPE_CHECKING:
    from typing import Any

    from wardian.build.job import Job

_FOLDER = "cache/build/downloads"
_TEMPORARY = ".tmp-"
_CHUNK_BYTES = 1 << 20
_TIMEOUT_S = 60


@dataclass(frozen=True)
class Fetched:
    """Content that is here.

    Attributes:
        path: of it.
        sha256: of it.
        size: in bytes.
    """

    path: str
    sha256: str
    size: int


class Place:
    """Where downloads are kept."""

    def __init__(self, root_dir: str) -> None:
        self._folder = f"{root_dir}/{_FOLDER}"
        os.makedirs(self._folder, 0o700, exist_ok=True)
        self._sweep()

    def _sweep(self) -> None:
        """Remove what killed builds have left: whoever still writes holds a lock."""
        for name in os.listdir(self._folder):
            if not name.startswith(_TEMPORARY):
                continue
            try:
                with open(f"{self._folder}/{name}", "rb") as file:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    os.unlink(f"{self._folder}/{name}")
            except (FileNotFoundError, BlockingIOError):
                continue

    def find(self, digest: str) -> "Fetched | None":
        """Return content by its digest; None where it is not here, or broken."""
        path = f"{self._folder}/{digest}"
        whole, size = sha256(), 0
        try:
            with open(path, "rb", buffering=0) as file:
                while chunk := file.read(_CHUNK_BYTES):
                    whole.update(chunk)
                    size += len(chunk)
        except FileNotFoundError:
            return None
        if whole.hexdigest() != digest:  # it is not flushed to the disk: a power cut breaks it
            unlink(path)
            return None
        return Fetched(path, digest, size)

    def take(self, pieces: "Any", digest: str = "") -> Fetched:
        """Keep content.

        Args:
            pieces: yields it.
            digest: what its SHA-256 must be; "" for any.

        Raises:
            SpecError: it is another; nothing is kept.
        """
        temporary = f"{self._folder}/{_TEMPORARY}{os.urandom(8).hex()}"
        whole, size = sha256(), 0
        try:
            with open(temporary, "xb") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                for piece in pieces:
                    whole.update(piece)
                    size += len(piece)
                    file.write(piece)
                file.flush()
                found = whole.hexdigest()
                if digest and found != digest:
                    raise errors.SpecError(f"sha256:{found} instead of sha256:{digest}")
                os.rename(temporary, f"{self._folder}/{found}")
        except BaseException:
            unlink(temporary)
            raise
        return Fetched(f"{self._folder}/{found}", found, size)


def unlink(path: str) -> None:
    """Remove a file, if it is there."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def fetch(job: "Job", url: str, checksum: str) -> Fetched:
    """Return what a URL of ADD gives, as the lock has it.

    Raises:
        SpecError: it is not what --checksum or the lock says.
        RemoteError: it can't be had.
    """
    algorithm, _colon, wanted = checksum.partition(":")
    if checksum and (algorithm != "sha256" or len(wanted) != 64):
        raise errors.UsageError(f'--checksum "{checksum}": not sha256:HEX')
    key = f"GET {url}"
    row = job.lock.downloads.get(key)
    if job.lock.refuses(row):
        raise errors.StatusError(
            f'"{url}" is not in the lock', hint="--update-lock takes it, and writes it down"
        )
    digest = (row or {}).get("sha256", "") or wanted
    if wanted and digest != wanted:
        raise errors.StatusError(f'"{url}": --checksum says sha256:{wanted}, the lock {digest}')
    place = Place(job.root_dir)
    found = place.find(digest) if digest else None
    if found is None:
        try:
            found = place.take(_get(url), digest)
        except errors.SpecError as error:
            if not row:
                raise errors.StatusError(f'"{url}": --checksum says otherwise: {error}') from None
            name = posixpath.basename(url) or url
            raise errors.StatusError(
                f'"{name}" has changed: {error} ({url})', hint="--update-lock takes it as it is now"
            ) from None
    job.lock.downloads[key] = {"status": 200, "sha256": found.sha256, "size": found.size}
    job.lock.use(key)
    return found


def _get(url: str) -> "Any":
    import urllib.error
    import urllib.request

    request = urllib.request.Request(url, headers={"User-Agent": "wardian"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as answer:  # noqa: S310
            while chunk := answer.read(_CHUNK_BYTES):
                yield chunk
    except urllib.error.HTTPError as error:
        raise errors.RemoteError(
            f'GET "{url}": {error.code} {error.reason}', status=error.code
        ) from None
    except (urllib.error.URLError, OSError) as error:
        raise errors.RemoteError(f'GET "{url}": {getattr(error, "reason", error)}') from None
