"""Images for the tests, written by hand with tarfile: an OCI layout that other tools read too."""

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from wardian.images.compression import zstd_library

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
NAMED = "org.opencontainers.image.ref.name"

Files = Mapping[str, bytes]


def sha256(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def archive(files: Files) -> bytes:
    """A tar of regular files, with their directories."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        made: set[str] = set()
        for name, data in files.items():
            for parent in reversed(Path(name).parents[:-1]):
                if str(parent) not in made:
                    made.add(str(parent))
                    info = tarfile.TarInfo(str(parent))
                    info.type, info.mode = tarfile.DIRTYPE, 0o755
                    tar.addfile(info)
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(data), 0o644
            tar.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


class Layout:
    """An OCI image layout under construction."""

    def __init__(self, path: Path) -> None:
        self.path = path
        (path / "blobs" / "sha256").mkdir(parents=True)
        (path / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
        self.rows: list[dict[str, Any]] = []
        self._write()

    def blob(self, data: bytes, media_type: str) -> dict[str, Any]:
        digest = sha256(data)
        (self.path / "blobs" / "sha256" / digest[7:]).write_bytes(data)
        return {"mediaType": media_type, "digest": digest, "size": len(data)}

    def layer(self, files: Files | bytes, compression: str = "gzip") -> tuple[dict[str, Any], str]:
        """A layer's descriptor and its diff id."""
        tar = files if isinstance(files, bytes) else archive(files)
        if compression == "gzip":
            return self.blob(gzip.compress(tar, 1, mtime=0), f"{LAYER}+gzip"), sha256(tar)
        if compression == "zstd":
            return self.blob(zstd_library().compress(tar), f"{LAYER}+zstd"), sha256(tar)
        return self.blob(tar, LAYER), sha256(tar)

    def manifest(
        self,
        layers: Sequence[Files | bytes],
        *,
        platform: str = "linux/amd64",
        run: Mapping[str, Any] | None = None,
        compression: str = "gzip",
    ) -> dict[str, Any]:
        """The descriptor of an image."""
        words = platform.split("/")
        where = {"os": words[0], "architecture": words[1]}
        if len(words) > 2:
            where["variant"] = words[2]
        made = [self.layer(layer, compression) for layer in layers]
        config = {
            **where,
            "created": "2026-01-02T03:04:05Z",
            "config": dict(run or {}),
            "rootfs": {"type": "layers", "diff_ids": [diff_id for _row, diff_id in made]},
            "history": [
                {"created": "2026-01-02T03:04:05Z", "created_by": f"step {number}"}
                for number in range(len(made))
            ],
        }
        document = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self.blob(json.dumps(config).encode(), CONFIG),
            "layers": [row for row, _diff_id in made],
        }
        row = self.blob(json.dumps(document).encode(), MANIFEST)
        return {**row, "platform": where}

    def index(self, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
        document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": list(rows)}
        return self.blob(json.dumps(document).encode(), INDEX)

    def name(self, row: dict[str, Any], name: str) -> str:
        """Name an image; returns its digest."""
        self.rows.append({**row, "annotations": {NAMED: name}})
        self._write()
        return str(row["digest"])

    def _write(self) -> None:
        document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": self.rows}
        (self.path / "index.json").write_text(json.dumps(document))
