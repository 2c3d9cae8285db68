"""The layers of an image as outputs: each file by its content, all else of them as one text.

    layer 2, RUN make: usr/bin/app      a file's content
    layer 2, RUN make: (entries)        kinds, owners, times, links and attributes, a line for each
    (config)                            the image's config, without the layers' digests

A layer is read once, however many images have it. Contents are not copied: `Layers.with_content`
takes out those that a report shows.

Specification: OCI image-spec, layer.md, config.md.
"""

import hashlib
import json
import os
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from wardian.images import compression, tar_headers
from wardian.images.tar_headers import Entry as Header
from wardian.images.tar_reader import Reader
from wardian.repro.outputs import Entry

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from wardian.repro.check import Report
    from wardian.repro.outputs import Outputs

CONFIG = "(config)"
ENTRIES = "(entries)"
_CHUNK_BYTES = 1 << 20
_NS = 1_000_000_000
_KINDS = {
    tar_headers.DIRECTORY: "d",
    tar_headers.SYMLINK: "l",
    tar_headers.HARD_LINK: "h",
    tar_headers.CHARACTER_DEVICE: "c",
    tar_headers.BLOCK_DEVICE: "b",
    tar_headers.FIFO: "p",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """One layer to look into.

    Attributes:
        title: what made it: "RUN make".
        diff_id: of it.
        blob: the path of its archive.
        media_type: how that is compressed.
    """

    title: str
    diff_id: str
    blob: str
    media_type: str


@dataclass
class Layers:
    """Reads layers, and remembers what is in them.

    Args:
        directory: for contents that are taken out.
        modes: all permission bits count, not only who may execute.
    """

    directory: str
    modes: bool = False
    _known: "dict[str, dict[str, Entry]]" = field(default_factory=dict)
    _places: "dict[str, tuple[Layer, int]]" = field(default_factory=dict)

    def outputs(self, layers: "Sequence[Layer]", config: "Mapping[str, Any]") -> "Outputs":
        """Return what an image has.

        Args:
            layers: its own, the lowest first; those of its base are the same anyway.
            config: the config document.
        """
        found: dict[str, Entry] = {}
        for number, layer in enumerate(layers, 1):
            if layer.diff_id not in self._known:
                self._known[layer.diff_id] = self._read(layer)
            for name, entry in self._known[layer.diff_id].items():
                found[f"layer {number}, {layer.title}: {name}"] = entry
        text = {name: word for name, word in config.items() if name != "rootfs"}
        data = json.dumps(text, indent=1, sort_keys=True, ensure_ascii=False).encode()
        found[CONFIG] = self._kept(data)
        return found

    def with_content(self, report: "Report") -> "Report":
        """Take the contents out that differ, so that they can be compared."""
        differences = [
            replace(one, control=self._taken(one.control), varied=self._taken(one.varied))
            for one in report.differences
        ]
        return replace(report, differences=differences)

    def _read(self, layer: Layer) -> "dict[str, Entry]":
        found: dict[str, Entry] = {}
        lines = []
        with open(layer.blob, "rb", buffering=0) as blob:
            reader = Reader(_pieces(blob, layer.media_type))
            for header in reader:
                name = os.fsdecode(header.path)
                lines.append(self._line(header, name))
                if header.kind != tar_headers.FILE:
                    continue
                whole = hashlib.sha256()
                for piece in reader.data():
                    whole.update(piece)
                digest = whole.hexdigest()
                found[name] = Entry(kind="file", digest=digest, size=header.stored)
                self._places.setdefault(digest, (layer, header.offset))
        found[ENTRIES] = self._kept("".join(lines).encode("utf-8", "surrogateescape"))
        return found

    def _line(self, header: Header, name: str) -> str:
        """Return what is said of an entry, without its content."""
        mode = f"{header.mode:04o}" if self.modes else "-x"[header.mode >> 6 & 1]
        seconds, rest = divmod(header.mtime_ns, _NS)
        when = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds)) + (
            f".{rest}" if rest else ""
        )
        words = [_KINDS.get(header.kind, "-") + mode, f"{header.uid}:{header.gid}", when, name]
        if header.target:
            words.append(f"-> {os.fsdecode(header.target)}")
        if header.device != (0, 0):
            words.append(f"{header.device[0]}:{header.device[1]}")
        words += [f"{os.fsdecode(key)}={data.hex()}" for key, data in sorted(header.xattrs.items())]
        return " ".join(words) + "\n"

    def _kept(self, data: bytes) -> Entry:
        digest = hashlib.sha256(data).hexdigest()
        path = f"{self.directory}/{digest}"
        with open(path, "wb") as file:
            file.write(data)
        return Entry(kind="file", digest=digest, size=len(data), place=path)

    def _taken(self, entry: "Entry | None") -> "Entry | None":
        """Return an entry with the file that has its content."""
        if entry is None or entry.place or entry.digest not in self._places:
            return entry
        layer, offset = self._places[entry.digest]
        path = f"{self.directory}/{entry.digest}"
        with open(layer.blob, "rb", buffering=0) as blob, open(path, "wb") as file:
            left, skipped = entry.size, offset
            for piece in _pieces(blob, layer.media_type):
                part = piece[skipped : skipped + left]
                skipped -= min(skipped, len(piece))
                left -= file.write(part)
                if not left:
                    break
        return replace(entry, place=path)


def _pieces(blob: "Any", media_type: str) -> "Iterator[bytes]":
    stream = compression.open_compressed(blob, media_type)
    while chunk := stream.read(_CHUNK_BYTES):
        yield chunk
