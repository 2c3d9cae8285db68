"""Bring the blobs of an image in, and unpack its layers, all at the same time.

One thread downloads, digests and writes a blob; another reads it from the page cache behind it,
decompresses and unpacks. Several blobs are under way at once, the largest first, since the last one
decides when all is done. Downloads never wait for the unpacking. What fails stops the others.
"""

import os
import threading
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait

from wardian.errors import SpecError
from wardian.images import blobs, layers, leases
from wardian.registry.session import CancelledError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import BinaryIO

    from wardian.images.layout import Layout
    from wardian.registry.documents import Descriptor
    from wardian.registry.sources import Sources

    # gives the bytes of a blob from a place on: (digest, size, write, start=, is_cancelled=)
    Fetch = Callable[..., None]

WAITING, DOWNLOADING, UNPACKING, EXISTS, DONE = (
    "waiting",
    "downloading",
    "unpacking",
    "exists",
    "done",
)
DOWNLOADS = 4


class Event:
    """What happened to one blob.

    Attributes:
        digest: of the blob.
        phase: one of the words above.
        done_bytes: how many compressed bytes have come.
        size_bytes: how many there are.
    """

    __slots__ = ("digest", "done_bytes", "phase", "size_bytes")

    def __init__(self, digest: str, phase: str, done_bytes: int, size_bytes: int) -> None:
        self.digest = digest
        self.phase = phase
        self.done_bytes = done_bytes
        self.size_bytes = size_bytes

    def __repr__(self) -> str:
        return f"Event({self.digest!r}, {self.phase!r}, {self.done_bytes}, {self.size_bytes})"


class _Job:
    """One blob.

    Attributes:
        digest, size, media_type: as its descriptor says.
        diff_id: of a layer that shall be unpacked; "" for a blob that is only stored.
    """

    def __init__(self, row: "Descriptor", diff_id: str) -> None:
        self.digest = row["digest"]
        self.size = row["size"]
        self.media_type = row["mediaType"]
        self.diff_id = diff_id
        self.resumed = 0
        self._ingest: blobs.Ingest | None = None
        self._error: BaseException | None = None
        self._is_open = threading.Event()
        self._lock = threading.Lock()
        self._users = 2 if diff_id else 1

    def open(self, ingest: "blobs.Ingest") -> None:
        """The blob can be read from now on."""
        self._ingest = ingest
        self.resumed = ingest.resumed
        self._is_open.set()

    def wait(self) -> "blobs.Ingest":
        """Return the blob when it can be read.

        Raises:
            CancelledError: it can't.
        """
        self._is_open.wait()
        if self._error or self._ingest is None:
            raise CancelledError("not wanted any more")
        return self._ingest

    def fail(self, error: BaseException) -> None:
        """One side failed: wake the other."""
        self._error = self._error or error
        if self._ingest:
            self._ingest.growth.fail(error)
        self._is_open.set()

    def leave(self) -> None:
        """One side is done; the second one closes the file."""
        with self._lock:
            self._users -= 1
            if self._users == 0 and self._ingest:
                self._ingest.close()


class Transfer:
    """The blobs of one image on their way."""

    def __init__(
        self,
        layout: "Layout",
        fetch: "Fetch",
        lease: "leases.Lease",
        progress: "Callable[[Event], None] | None" = None,
    ) -> None:
        """Begin.

        Args:
            layout: where to.
            fetch: as Sources.fetch.
            lease: what is brought in is added to it first.
            progress: called with what happens, one call at a time, from any thread.
        """
        self._layout = layout
        self._fetch = fetch
        self._lease = lease
        self._progress = progress
        self._telling = threading.Lock()
        self._cancelled = threading.Event()
        self._first_error: BaseException | None = None

    def run(
        self,
        rows: "Sequence[Descriptor]",
        diff_ids: "Sequence[str] | None" = None,
        *,
        network: "Sources | None" = None,
    ) -> None:
        """Bring blobs in; where diff ids are given, as layers that are unpacked too.

        Args:
            rows: the descriptors.
            diff_ids: for each descriptor.
            network: what `fetch` waits for; threads that do are woken on a failure.

        Raises:
            The first error; nothing is on its way any more then.
        """
        self._lease.add(leases.BLOB, *(row["digest"] for row in rows))
        self._lease.add(leases.LAYER, *(diff_ids or ()))
        jobs = self._jobs(rows, diff_ids)
        try:
            self._run(jobs, network)
        except SpecError:
            # What an earlier process left may have been broken by a power cut.
            if not any(job.resumed for job in jobs):
                raise
            for job in jobs:
                if job.resumed:
                    blobs.discard_ingest(self._layout, job.digest)
            self._cancelled.clear()
            self._first_error = None
            self._run(self._jobs(rows, diff_ids), network)

    def _run(self, jobs: "list[_Job]", network: "Sources | None") -> None:
        if network:
            network.reset()
        unpackers = min(max(2, os.cpu_count() or 1), DOWNLOADS)
        with (
            ThreadPoolExecutor(DOWNLOADS, "download") as downloads,
            ThreadPoolExecutor(unpackers, "unpack") as unpacks,
        ):
            futures: list[Future[None]] = []
            is_over = False
            try:
                for job in jobs:
                    futures.append(downloads.submit(self._guarded, self._bring, job))
                    if job.diff_id:
                        futures.append(unpacks.submit(self._guarded, self._unpack, job))
                wait(futures, return_when=FIRST_EXCEPTION)
                is_over = not self._cancelled.is_set()
            finally:  # a KeyboardInterrupt comes here too, from anywhere above
                if not is_over:
                    self._cancelled.set()
                    if network:
                        network.abort()
        if self._first_error:
            raise self._first_error
        blobs.sync(self._layout, [job.digest for job in jobs])

    def _jobs(self, rows: "Sequence[Descriptor]", diff_ids: "Sequence[str] | None") -> "list[_Job]":
        """Return what has to be done, the largest first."""
        jobs: dict[str, _Job] = {}
        for row, diff_id in zip(rows, diff_ids or [""] * len(rows), strict=True):
            digest, size = row["digest"], row["size"]
            there = blobs.has(self._layout, digest, size)
            if there and (not diff_id or layers.find_layer(diff_id, self._layout.root_dir)):
                self._tell(digest, EXISTS, size, size)
                continue
            jobs.setdefault(digest, _Job(row, diff_id))
            self._tell(digest, DOWNLOADING if not there else UNPACKING, 0, size)
        return sorted(jobs.values(), key=lambda job: -job.size)

    def _guarded(self, work: "Callable[[_Job], None]", job: _Job) -> None:
        try:
            self._check_wanted()
            work(job)
        except BaseException as error:
            with self._telling:
                self._first_error = self._first_error or error
            self._cancelled.set()
            job.fail(error)
            raise
        finally:
            job.leave()

    def _bring(self, job: _Job) -> None:
        """Download one blob, or find it here."""

        def on_wait() -> None:
            self._check_wanted()
            self._tell(job.digest, WAITING, 0, job.size)

        ingest = blobs.Ingest(self._layout, job.digest, job.size, on_wait=on_wait)
        job.open(ingest)
        if ingest.is_done:
            return

        def write(data: memoryview) -> None:
            ingest.write(data)
            self._tell(job.digest, DOWNLOADING, ingest.at, job.size)

        cancelled = self._cancelled.is_set
        self._fetch(job.digest, job.size, write, start=ingest.at, is_cancelled=cancelled)
        ingest.commit()
        self._tell(job.digest, UNPACKING if job.diff_id else DONE, job.size, job.size)

    def _unpack(self, job: _Job) -> None:
        """Unpack a blob while it comes."""
        ingest = job.wait()
        stream: BinaryIO = ingest.reader()  # type: ignore[assignment]
        layers.store_layer(stream, job.media_type, job.diff_id, self._layout.root_dir)
        at = 0
        while (there := ingest.growth.wait_beyond(at)) > at:
            at = there  # the layer was there already, but the blob was not
        self._tell(job.digest, DONE, job.size, job.size)

    def _check_wanted(self) -> None:
        if self._cancelled.is_set():
            raise CancelledError("not wanted any more")

    def _tell(self, digest: str, phase: str, done: int, size: int) -> None:
        if self._progress:
            with self._telling:
                self._progress(Event(digest, phase, done, size))
