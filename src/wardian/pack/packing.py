"""Pack what a program truly needs into an image: the one function that the command line calls.

from wardian.pack import packing

done = packing.pack("find:1", programs=["/usr/bin/find"])
for row in done.rows: print(row.path, row.size, row.reasons)
"""

import json
import tempfile
from typing import TYPE_CHECKING, NamedTuple

from wardian.errors import UsageError
from wardian.images import tar_headers
from wardian.pack import debian, environment, image, libc_files, programs
from wardian.pack import requirements as requirement_files
from wardian.pack.contents import Contents

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wardian.images.store import Entry, Store

SOURCES = "io.wardian.pack.sources"  # the label with packages and their hashes
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
    traced: "Sequence[str]" = (),
    volumes: "Sequence[str]" = (),
    venv: str = "",
    requirements: str = "",
    packages: "Sequence[str]" = (),
    start: image.Start | None = None,
    method: str = "gzip",
) -> Packed:
    """Make an image of what was asked for.

    Args:
        store: where to.
        name: of the image; "" for none.
        programs_wanted: names, paths, or SOURCE:PATH.
        traced: a command that is run in a box, to see what it opens.
        volumes: of that box, SRC:DST[:ro]; what it opens there is taken, too.
        venv: a directory with a Python environment, which stays at its path.
        requirements: a file of Python packages with hashes, for an environment at /opt/venv.
        packages: of Debian, PACKAGE or PACKAGE=VERSION, with what they depend on.
        start: what its config says; without an entrypoint, the first program is it, or the traced
            command.
        method: how its layer is compressed: none, gzip or zstd.

    Raises:
        NotFoundError: something is needed that is not there; the line says by whom.
        UsageError: nothing was asked for.
    """
    contents = Contents()
    with tempfile.TemporaryDirectory(prefix="wardian-pack-") as work:
        found = [(one.path, one.source) for one in programs.add(contents, programs_wanted)]
        sources: list[dict[str, str]] = []
        if venv:
            found += [(path, path) for path in environment.add_venv(contents, venv, work)]
        if requirements:
            paths, sources = requirement_files.add(contents, requirements, work)
            found += [(path, "") for path in paths]
        if packages:
            sources = sources + debian.add(contents, packages, work)
        wanted = start or image.Start()
        if traced:
            wanted = _trace(contents, traced, volumes, wanted, is_first=not found)
        if not contents.things:
            hint = "--program, --trace, --venv, --requirements or --debian"
            raise UsageError("nothing to pack", hint=hint)
        if not wanted.entrypoint and found:
            wanted = wanted._replace(entrypoint=[found[0][0]])
        if sources:
            text = json.dumps(sources, separators=(",", ":"), sort_keys=True)
            wanted = wanted._replace(labels={SOURCES: text})
        libc_files.add(contents, wanted.env)
        contents.settle()
        architecture = next(filter(None, map(programs.architecture_of, (s for _p, s in found))), "")
        entry, diff_id = image.make(
            store, name, contents, wanted, method=method, architecture=architecture
        )
    return _packed(store, entry, contents, name=name, diff_id=diff_id, sources=sources)


def _packed(
    store: "Store",
    entry: "Entry",
    contents: Contents,
    *,
    name: str,
    diff_id: str,
    sources: "list[dict[str, str]]",
) -> Packed:
    document = store.document(entry.digest)
    run = store.config(document).get("config") or {}
    return Packed(
        name=name,
        digest=entry.digest,
        id=store.image_id(entry),
        diff_id=diff_id,
        rows=tuple(_rows(contents)),
        size_bytes=contents.size_bytes,
        layer_bytes=sum(row["size"] for row in (document.manifest or {}).get("layers") or []),
        notes=tuple(contents.notes),
        sources=tuple(sources),
        entrypoint=tuple(run.get("Entrypoint") or ()),
    )


def _trace(
    contents: Contents,
    command: "Sequence[str]",
    volumes: "Sequence[str]",
    start: image.Start,
    *,
    is_first: bool,
) -> image.Start:
    """Add what a command uses; returns what the image starts."""
    from wardian.pack import trace

    words: dict[str, object] = {"volume": list(volumes), "env": list(start.env)}
    for key in ("workdir", "user"):
        if getattr(start, key):
            words[key] = getattr(start, key)
    places = trace.Places(volumes)
    seen = trace.run(command, words, places)
    if seen.exit_code:
        contents.note(f"the traced command has ended with exit code {seen.exit_code}")
    trace.add(contents, seen, places)
    if not start.entrypoint and is_first:
        return start._replace(entrypoint=[seen.program, *command[1:]])
    return start


def _rows(contents: Contents) -> "list[Row]":
    return [
        Row(path, KINDS[thing.kind], thing.size, thing.target, thing.group, tuple(thing.reasons))
        for path, thing in sorted(contents.things.items())
    ]
