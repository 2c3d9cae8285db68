"""What running commands rely on, so that nobody removes it.

A lease is a file of lines, "blob DIGEST", "layer DIFF-ID" or "image DIGEST" (a manifest with all
that it names), locked for as long as its process lives. Lines are added under the shared lock of
the layout; whoever removes holds it exclusively and reads the leases first. So between "it is
there" and "my lease says that I need it" nothing can vanish.

Kernel: flock(2).
"""

import fcntl
import os

from wardian import errors
from wardian.images import held_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wardian.images.layout import Layout

BLOB, LAYER, IMAGE = "blob", "layer", "image"


class Lease:
    """What this command relies on.

    Attributes:
        digests: what was added.
    """

    def __init__(self, layout: "Layout") -> None:
        self._layout = layout
        self.digests: set[str] = set()
        self._file = held_file.make(layout, "leases")

    @property
    def fd(self) -> int:
        """Holds the lock; a launcher that gets it keeps the lease as long as its box lives."""
        return self._file.fd

    def add(self, kind: str, *digests: str) -> None:
        """Rely on these from now on, whether they are there or not."""
        fresh = [digest for digest in digests if digest not in self.digests]
        if not fresh:
            return
        text = "".join(f"{kind} {digest}\n" for digest in fresh)
        with self._layout.locked(shared=True):
            try:
                os.write(self._file.fd, text.encode())
            except OSError as error:
                what = f'write("{self._file.path}")'
                raise errors.KernelError(what, error.errno or 0) from None
        self.digests.update(fresh)

    def close(self) -> None:
        """Rely on nothing any more."""
        self._file.close()

    def __enter__(self) -> "Lease":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def held(layout: "Layout") -> "set[tuple[str, str]]":
    """Return (kind, digest) of all that is relied on; leases of the dead are removed.

    The layout's lock must be held exclusively.
    """
    found: set[tuple[str, str]] = set()
    directory = f"{layout.path}/leases"
    for name in os.listdir(directory):
        path = f"{directory}/{name}"
        try:
            fd = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            continue  # given back meanwhile
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            found |= _lines(fd)
        else:
            os.unlink(path)
        finally:
            os.close(fd)
    return found


def _lines(fd: int) -> "set[tuple[str, str]]":
    data = b""
    while chunk := os.pread(fd, 1 << 20, len(data)):
        data += chunk
    found = set()
    for line in data.decode().splitlines():
        kind, _blank, digest = line.partition(" ")
        found.add((kind, digest))
    return found
