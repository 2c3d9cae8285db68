"""Blobs on disk, by digest: read, and brought in so that there are none half-stored.

Facts about bringing one in
---------------------------
A blob grows under a name in ingest/, and is renamed when it is verified and on the disk. Whoever
writes it holds a flock on the file, so that several processes fetch it once. After a kill -9 the
file is there, and its lock is gone: the next one goes on where it ends.

The lock belongs to the file, not to its name: who waited for it looks whether the name still means
the same file.

Kernel: flock(2), fsync(2), rename(2), fallocate(2).
"""

import errno
import fcntl
import os
import time

from wardian import errors
from wardian.images.growing import GrowingFile, Growth
from wardian.images.held_file import HeldFile
from wardian.kernel import paths
from wardian.registry import digests
from wardian.units import format_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from wardian.images.layout import Layout

_BLOCK_BYTES = 1 << 20
_POLL_S = 0.02
_SPARE_BYTES = 1 << 20


def has(layout: "Layout", digest: str, size: "int | None" = None) -> bool:
    """Say whether a blob is there, in its whole length."""
    try:
        found = os.stat(layout.blob_path(digest))
    except OSError:
        return False
    return size is None or found.st_size == size


def open_blob(layout: "Layout", digest: str) -> int:
    """Return a descriptor of a blob.

    Raises:
        NotFoundError: it is not there.
    """
    path = layout.blob_path(digest)
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise errors.NotFoundError(
            f'blob "{digest}" is not in the store', hint="`wardian fsck` fetches what lacks"
        ) from None
    except OSError as error:
        raise errors.KernelError(f'open("{path}")', error.errno or 0) from None


def read(layout: "Layout", digest: str, limit: int) -> bytes:
    """Return a blob, checked against its digest.

    Raises:
        NotFoundError: it is not there.
        SpecError: it is larger than `limit`, or broken.
    """
    fd = open_blob(layout, digest)
    try:
        data = os.read(fd, limit + 1)
        while chunk := os.read(fd, limit + 1 - len(data)) if len(data) <= limit else b"":
            data += chunk
    finally:
        os.close(fd)
    if len(data) > limit:
        raise errors.SpecError(f'blob "{digest}" is larger than {limit} bytes')
    digests.check(data, digest, f'blob "{digest}" in the store')
    return data


def put(layout: "Layout", data: bytes, digest: str = "") -> str:
    """Store a small blob, which the caller has a lease on; returns its digest."""
    digest = digest or digests.of(data)
    with layout.locked(shared=True):  # or what it is written to could be swept meanwhile
        if not has(layout, digest, len(data)):
            make_directory(layout, digest)
            paths.write_atomic(layout.blob_path(digest), data, 0o644, durable=True)
    return digest


def make_directory(layout: "Layout", digest: str) -> None:
    """Make the directory of a digest's algorithm: sha512's is rare."""
    try:
        os.mkdir(os.path.dirname(layout.blob_path(digest)), 0o755)
    except FileExistsError:
        pass


def sync(layout: "Layout", names: "Iterable[str]") -> None:
    """Have the names of new blobs last, before anything names them that lasts."""
    for directory in {os.path.dirname(layout.blob_path(digest)) for digest in names}:
        paths.sync_directory(directory)


def verify(layout: "Layout", digest: str) -> None:
    """Read a blob from its start to its end and compare.

    Raises:
        NotFoundError: it is not there.
        SpecError: it is broken.
    """
    verifier = digests.Verifier(digest, None, f'blob "{digest}" in the store')
    fd = open_blob(layout, digest)
    buffer = memoryview(bytearray(_BLOCK_BYTES))
    try:
        while count := os.readv(fd, [buffer]):
            verifier.update(buffer[:count])
    except OSError as error:
        raise errors.KernelError(f'read("{layout.blob_path(digest)}")', error.errno or 0) from None
    finally:
        os.close(fd)
    verifier.finish()


def discard_ingest(layout: "Layout", digest: str) -> None:
    """Remove what has come of a blob, unless somebody is at it."""
    try:
        fd = os.open(layout.ingest_path(digest), os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(layout.ingest_path(digest))
    except (BlockingIOError, FileNotFoundError):
        pass
    finally:
        os.close(fd)


class Ingest:
    """A blob on its way in. Leaving the context without `commit` keeps what came, for a resume.

    Attributes:
        digest: of the blob.
        size: of the blob.
        at: how many bytes are there.
        growth: for those who read it at the same time.
        resumed: how many bytes an earlier process left.
        is_done: the blob is in the store, and there is nothing to bring in.
    """

    def __init__(
        self,
        layout: "Layout",
        digest: str,
        size: int,
        *,
        on_wait: "Callable[[], None]" = lambda: None,
    ) -> None:
        """Take the blob for this process; waits for another that is at it.

        Args:
            layout: where to.
            digest: of the blob.
            size: of the blob.
            on_wait: called again and again while another is at it; may raise to give up.

        Raises:
            HostError: there is not enough room on the disk.
        """
        self._on_wait = on_wait
        self.digest = digest
        self.size = size
        self._layout = layout
        self._file = HeldFile(layout.ingest_path(digest), -1)
        self._verifier = digests.Verifier(digest, size, f'blob "{digest}"')
        self.at = self.resumed = 0
        self._file.fd = self._lock()
        self.is_done = has(layout, digest, size)
        self.growth = Growth()
        if self.is_done:
            self._finish_as_there()
            return
        try:
            self._resume()
            self._check_room()
        except BaseException:
            self.close()
            raise

    def _lock(self) -> int:
        while True:
            flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            try:
                fd = os.open(self._file.path, flags, 0o644)
            except OSError as error:
                raise errors.KernelError(f'open("{self._file.path}")', error.errno or 0) from None
            try:
                self._wait(fd)
                if os.path.samestat(os.fstat(fd), os.stat(self._file.path)):
                    return fd
            except FileNotFoundError:
                pass  # it has become a blob, or was pruned
            os.close(fd)

    def _wait(self, fd: int) -> None:
        """Lock a file. A blocking flock(2) could not be given up when the pull has failed."""
        while True:
            try:
                return fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                pass
            try:
                self._on_wait()
            except BaseException:
                os.close(fd)
                raise
            time.sleep(_POLL_S)

    def _finish_as_there(self) -> None:
        """Somebody was faster: read the blob itself."""
        self._file.close()
        self._file.fd = open_blob(self._layout, self.digest)
        self.at = self.size
        self.growth = Growth(self.size)
        self.growth.complete()

    def _resume(self) -> None:
        """Hash what an earlier process left."""
        there = os.fstat(self._file.fd).st_size
        if there > self.size:
            os.ftruncate(self._file.fd, 0)
            return
        buffer = memoryview(bytearray(_BLOCK_BYTES))
        while count := os.preadv(self._file.fd, [buffer], self.at):
            self._verifier.update(buffer[:count])
            self.at += count
        self.resumed = self.at
        self.growth.grown(self.at)

    def _check_room(self) -> None:
        found = os.fstatvfs(self._file.fd)
        free = found.f_bavail * found.f_frsize
        if self.size - self.at + _SPARE_BYTES > free:
            raise errors.HostError(
                f'blob "{self.digest}" needs {format_size(self.size - self.at)}, and the disk of'
                f' "{self._layout.path}" has {format_size(free)} left',
                hint="`wardian prune` removes what no image uses",
            )

    def write(self, data: "memoryview | bytes") -> None:
        """Take the next bytes.

        Raises:
            SpecError: there are more than promised.
            KernelError: ENOSPC, EIO ...
        """
        view = memoryview(data)
        self._verifier.update(view)
        while view:
            try:
                count = os.pwrite(self._file.fd, view, self.at)
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EDQUOT):
                    self.discard()
                raise errors.KernelError(
                    f'write("{self._file.path}")',
                    error.errno or 0,
                    hint="`wardian prune` removes what no image uses",
                ) from None
            self.at += count
            view = view[count:]
        self.growth.grown(self.at)

    def commit(self) -> None:
        """Check the digest and make it a blob.

        Raises:
            SpecError: it is another; nothing is stored.
        """
        if self.is_done:
            return
        try:
            self._verifier.finish()
        except errors.SpecError:
            self.discard()
            raise
        self.growth.complete()  # who unpacks needs not wait for the disk
        make_directory(self._layout, self.digest)
        target = self._layout.blob_path(self.digest)
        try:
            os.fsync(self._file.fd)
            os.rename(self._file.path, target)  # `sync` makes it last
        except OSError as error:
            self.discard()
            raise errors.KernelError(f'write("{target}")', error.errno or 0) from None
        self.is_done = True

    def reader(self) -> GrowingFile:
        """Return a stream of the bytes, from the first one, as they come."""
        return GrowingFile(self._file.fd, self.growth)

    def discard(self) -> None:
        """Remove what has come: it is not what was promised, or there is no room."""
        self._file.unlink()

    def close(self) -> None:
        """Let go of it."""
        self._file.close(keep=self.is_done or self.at > 0)

    def __enter__(self) -> "Ingest":
        return self

    def __exit__(
        self,
        kind: "type[BaseException] | None",
        error: "BaseException | None",
        trace: "TracebackType | None",
    ) -> None:
        if error is not None:
            self.growth.fail(error)
        self.close()
