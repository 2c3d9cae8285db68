"""Store a blob whose digest nobody knows before its end.

Kernel: fsync(2), rename(2).
"""

import os

from wardian import errors
from wardian.images import blobs, held_file
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
        self._start = b""
        self.size = 0
        self._file = held_file.make(layout, "ingest", "fresh-", 0o644)

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
                view = view[os.write(self._file.fd, view) :]
            except OSError as error:
                raise errors.KernelError(
                    f'write("{self._file.path}")',
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
        return os.pread(self._file.fd, limit, 0)

    def finish(self) -> str:
        """Make it a blob; returns its digest."""
        digest = f"{digests.CANONICAL}:{self._hash.hexdigest()}"
        self._lease.add("blob", digest)
        if blobs.has(self._layout, digest, self.size):
            self.close()
            return digest
        target = self._layout.blob_path(digest)
        try:
            os.fsync(self._file.fd)
            os.rename(self._file.path, target)
            paths.sync_directory(os.path.dirname(target))
        except OSError as error:
            raise errors.KernelError(f'write("{target}")', error.errno or 0) from None
        self.close()
        return digest

    def close(self) -> None:
        """Let go of it; unfinished it is gone."""
        self._file.close()

    def __enter__(self) -> "FreshBlob":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
