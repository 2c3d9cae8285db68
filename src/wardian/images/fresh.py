"""Store a blob whose digest nobody knows before its end.

Kernel: flock(2), fsync(2), rename(2).
"""

import fcntl
import os

from wardian import errors
from wardian.images import blobs
from wardian.kernel import paths
from wardian.registry import digests

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wardian.images.layout import Layout
    from wardian.images.leases import Lease

_START_BYTES = 6
_MAGICS = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}


class FreshBlob:
    """A blob that is being made. Leaving the context without `finish` leaves nothing.

    Attributes:
        size: how much was written.
    """

    def __init__(self, layout: "Layout", lease: "Lease") -> None:
        """Begin.

        Args:
            layout: where to.
            lease: the digest is added to it before the blob appears.
        """
        self._layout = layout
        self._lease = lease
        self._hash = digests.new()
        self._path = f"{layout.path}/ingest/fresh-{os.getpid()}-{os.urandom(6).hex()}"
        self._start = b""
        self.size = 0
        with layout.locked(shared=True):  # or it could be swept before it is locked
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
            try:
                self._fd = os.open(self._path, flags, 0o644)
            except OSError as error:
                raise errors.KernelError(f'open("{self._path}")', error.errno or 0) from None
            fcntl.flock(self._fd, fcntl.LOCK_EX)

    def write(self, data: "bytes | memoryview") -> None:
        """Take the next bytes.

        Raises:
            KernelError: ENOSPC, EIO ...
        """
        if len(self._start) < _START_BYTES:
            self._start += bytes(data[:_START_BYTES])
        self._hash.update(data)
        view = memoryview(data)
        self.size += len(view)
        while view:
            try:
                view = view[os.write(self._fd, view) :]
            except OSError as error:
                raise errors.KernelError(
                    f'write("{self._path}")',
                    error.errno or 0,
                    hint="`wardian prune` removes what no image uses",
                ) from None

    @property
    def compression(self) -> str:
        """What its first bytes look like: "gzip", "zstd" or "none"."""
        for magic, name in _MAGICS.items():
            if self._start.startswith(magic):
                return name
        return "none"

    def read(self, limit: int) -> bytes:
        """Return what was written, up to a limit."""
        return os.pread(self._fd, limit, 0)

    def finish(self) -> str:
        """Make it a blob; returns its digest."""
        digest = f"{digests.CANONICAL}:{self._hash.hexdigest()}"
        self._lease.add("blob", digest)
        if blobs.has(self._layout, digest, self.size):
            self.close()
            return digest
        target = self._layout.blob_path(digest)
        try:
            os.fsync(self._fd)
            os.rename(self._path, target)
            paths.sync_directory(os.path.dirname(target))
        except OSError as error:
            raise errors.KernelError(f'write("{target}")', error.errno or 0) from None
        self.close()
        return digest

    def close(self) -> None:
        """Let go of it; unfinished it is gone."""
        if self._fd >= 0:
            try:
                os.unlink(self._path)
            except OSError:
                pass
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> "FreshBlob":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
