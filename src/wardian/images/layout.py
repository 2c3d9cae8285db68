"""The directory of images: where things lie, its lock, and its index.json.

    ROOT/images/oci-layout            {"imageLayoutVersion": "1.0.0"}
                index.json            the images and their names; replaced as a whole
                blobs/sha256/HEX      complete and verified, never changed
                ingest/sha256-HEX     a blob on its way; its writer holds a lock on it
                leases/...            what running commands rely on; each holds a lock on its own
                lock                  shared: to lease; exclusive: to change index.json or collect

Other tools may read all of it, and add to it, as any OCI image layout. A name stands in two
annotations: the specification's, and the one that containerd reads.

Kernel: flock(2), rename(2). Source: image-spec, image-layout.md, annotations.md.
"""

import fcntl
import json
import os
from contextlib import contextmanager

from wardian import errors
from wardian.kernel import paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from wardian.registry.documents import Descriptor

REF_NAME = "org.opencontainers.image.ref.name"
CONTAINERD_NAME = "io.containerd.image.name"
OCI_LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'

INDEX_BYTES = 64 << 20
_DIRECTORIES = ("", "/blobs", "/blobs/sha256", "/ingest", "/leases")


class Layout:
    """An OCI image layout on disk.

    Attributes:
        path: its directory.
        root_dir: the directory above, which holds the layers too.
    """

    __slots__ = ("path", "root_dir")

    def __init__(self, root_dir: str) -> None:
        """Open it; made if it is not there.

        Args:
            root_dir: WARDIAN_ROOT.
        """
        self.root_dir = root_dir
        self.path = f"{root_dir}/images"
        if not os.path.exists(f"{self.path}/index.json"):
            self._make()

    def _make(self) -> None:
        for name in _DIRECTORIES:
            try:
                os.mkdir(f"{self.path}{name}", 0o755)
            except FileExistsError:
                pass
            except OSError as error:
                raise errors.KernelError(f'mkdir("{self.path}{name}")', error.errno or 0) from None
        paths.write_atomic(f"{self.path}/oci-layout", OCI_LAYOUT, 0o644)
        with self.locked():
            if not os.path.exists(f"{self.path}/index.json"):
                self.write_index([])

    @contextmanager
    def locked(self, *, shared: bool = False) -> "Iterator[None]":
        """Hold the lock; waits for whoever has it."""
        fd = os.open(f"{self.path}/lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)

    def read_index(self) -> "list[Descriptor]":
        """Return the entries of index.json.

        Raises:
            SpecError: it is no index.
        """
        file = f"{self.path}/index.json"
        try:
            with open(file, "rb") as stream:
                data = stream.read(INDEX_BYTES + 1)
        except OSError as error:
            raise errors.KernelError(f'open("{file}")', error.errno or 0) from None
        try:
            rows = json.loads(data)["manifests"]
            if not all(_is_entry(row) for row in rows):
                raise TypeError
        except (ValueError, KeyError, TypeError, RecursionError):
            hint = "move it away to begin with no images; `wardian prune` removes the blobs then"
            raise errors.SpecError(f'"{file}": not an index of images', hint=hint) from None
        found: list[Descriptor] = rows
        return found

    def write_index(self, entries: "list[Descriptor]") -> None:
        """Replace index.json; the lock must be held exclusively."""
        document = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "manifests": entries,
        }
        data = json.dumps(document, indent=1).encode()
        paths.write_atomic(f"{self.path}/index.json", data, 0o644, durable=True)

    def blob_path(self, digest: str) -> str:
        """Return where a blob is or will be. The digest must be a checked one."""
        return f"{self.path}/blobs/{digest.replace(':', '/', 1)}"

    def ingest_path(self, digest: str) -> str:
        """Return where a blob is while it comes."""
        return f"{self.path}/ingest/{digest.replace(':', '-', 1)}"


def _is_entry(row: object) -> bool:
    from wardian.registry import digests

    return (
        isinstance(row, dict)
        and not digests.fault(row.get("digest"))
        and isinstance(row.get("mediaType"), str)
        and isinstance(row.get("size"), int)
        and isinstance(row.get("annotations") or {}, dict)
        and isinstance(row.get("platform") or {}, dict)
    )
