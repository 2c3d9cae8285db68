"""Pack what a program truly needs into an image: the one function that the command line calls.

from wardian.pack import packing

done = packing.pack("find:1", programs=["/usr/bin/find"])
for row in done.rows: print(row.path, row.size, row.reasons)
"""

from typing import TYPE_CHECKING, NamedTuple

from wardian.errors import UsageError
from wardian.images import tar_headers
from wardian.pack import image, libc_files, programs
from wardian.pack.contents import Contents

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wardian.images.store import Store

KINDS = {
    tar_headers.FILE: "file",
    tar_headers.SYMLINK: "link",
    tar_headers.DIRECTORY: "directory",
}


class Row(NamedTuple):
    """One path of the image, and why it is there."""

    path: str
    kind: str
    size: int
    target: str
    group: str
    reasons: "tuple[str, ...]"


class Packed(NamedTuple):
    """An image that was packed.

    Attributes:
        name: as asked.
        digest: of its manifest; id: of its config.
        diff_id: of its layer: what identifies the content, however it is compressed.
        rows: what is in it, by path.
        size_bytes: how much data the files have; layer_bytes: of the compressed layer.
        notes: what the user should know.
        sources: packages that were taken, with their hashes.
        entrypoint: what the image starts.
    """

    name: str
    digest: str
    id: str
    diff_id: str
    rows: "tuple[Row, ...]"
    size_bytes: int
    layer_bytes: int
    notes: "tuple[str, ...]"
    sources: "tuple[dict[str, str], ...]"
    entrypoint: "tuple[str, ...]"

    def document(self) -> "dict[str, object]":
        """Return it for JSON."""
        rows = [{**row._asdict(), "reasons": list(row.reasons)} for row in self.rows]
        found = {**self._asdict(), "rows": rows}
        return {name: list(one) if isinstance(one, tuple) else one for name, one in found.items()}


def pack(
    store: "Store",
    name: str = "",
    *,
    programs_wanted: "Sequence[str]" = (),
    start: image.Start | None = None,
    method: str = "gzip",
) -> Packed:
    """Make an image of what was asked for.

    Args:
        store: where to.
        name: of the image; "" for none.
        programs_wanted: names, paths, or SOURCE:PATH.
        start: what its config says; without an entrypoint, the first program is it.
        method: how its layer is compressed: none, gzip or zstd.

    Raises:
        NotFoundError: something is needed that is not there; the line says by whom.
        UsageError: nothing was asked for.
    """
    wanted = start or image.Start()
    contents = Contents()
    sources: list[dict[str, str]] = []
    found = programs.add(contents, programs_wanted)
    if not contents.things:
        raise UsageError("nothing to pack", hint="--program, --trace, --venv or --debian")
    if not wanted.entrypoint and found:
        wanted = wanted._replace(entrypoint=[found[0].path])
    libc_files.add(contents, wanted.env)
    contents.settle()
    architecture = next(filter(None, (programs.architecture_of(one.source) for one in found)), "")
    entry, diff_id = image.make(
        store, name, contents, wanted, method=method, architecture=architecture
    )
    manifest = store.document(entry.digest).manifest or {}
    return Packed(
        name=name,
        digest=entry.digest,
        id=store.image_id(entry),
        diff_id=diff_id,
        rows=tuple(_rows(contents)),
        size_bytes=contents.size_bytes,
        layer_bytes=sum(row["size"] for row in manifest.get("layers") or []),
        notes=tuple(contents.notes),
        sources=tuple(sources),
        entrypoint=tuple(wanted.entrypoint),
    )


def _rows(contents: Contents) -> "list[Row]":
    return [
        Row(path, KINDS[thing.kind], thing.size, thing.target, thing.group, tuple(thing.reasons))
        for path, thing in sorted(contents.things.items())
    ]
