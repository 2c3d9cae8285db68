"""Measure unpacking an image of 8 layers beside tar, umoci and skopeo, in one run.

    python bench/unpack.py [--rounds N] [--compression gzip|zstd] [--directory PLACE]

The image is made of directories of this machine's /usr, about 300 MB; it lies in an OCI layout on
disk, in the page cache. Every subject gets an empty store, and the subjects take turns. `tar` and
`tar+igzip` check no digest and know no whiteouts. Figures of different runs are not to be compared.
"""

import argparse
import gzip
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

from wardian.images import compression, layer_store
from wardian.kernel import paths

LAYERS = (
    ("lib/python3",),
    ("share/vim", "share/perl", "share/i18n"),
    ("lib/git-core",),
    ("lib/cni",),
    ("share/cmake-3.25",),
    ("lib/postgresql",),
    ("share/icons",),
    ("lib/node_modules",),
)
THREADS = 3  # layers at once; two processors


def write_blob(layout: Path, data: bytes) -> dict[str, Any]:
    """Put a blob into the layout; returns its digest and size."""
    digest = hashlib.sha256(data).hexdigest()
    (layout / "blobs" / "sha256" / digest).write_bytes(data)
    return {"digest": f"sha256:{digest}", "size": len(data)}


def make_image(layout: Path, method: str) -> list[tuple[Path, str]]:
    """Make the image; returns its layers, (blob, diff id), and tells how large it is."""
    (layout / "blobs" / "sha256").mkdir(parents=True)
    descriptors, diff_ids = [], []
    for names in LAYERS:
        there = [f"usr/{name}" for name in names if Path("/usr", name).exists()]
        done = subprocess.run(
            ["tar", "-c", "--format=posix", "--numeric-owner", "-C", "/", *there],
            capture_output=True,
            check=True,
        )
        packed = bytearray()
        if method == "gzip":
            packed += gzip.compress(done.stdout, 6, mtime=0)
            diff_id = "sha256:" + hashlib.sha256(done.stdout).hexdigest()
        else:
            coder = compression.Compressor(packed.extend, method)
            coder.feed(done.stdout)
            diff_id = coder.finish()
        kind = f"application/vnd.oci.image.layer.v1.tar+{method}"
        descriptors.append({"mediaType": kind, **write_blob(layout, bytes(packed))})
        diff_ids.append(diff_id)
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": diff_ids},
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            **write_blob(layout, json.dumps(config).encode()),
        },
        "layers": descriptors,
    }
    index = {
        "schemaVersion": 2,
        "manifests": [
            {
                "mediaType": manifest["mediaType"],
                **write_blob(layout, json.dumps(manifest).encode()),
                "annotations": {"org.opencontainers.image.ref.name": "bench"},
            }
        ],
    }
    (layout / "index.json").write_text(json.dumps(index))
    (layout / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    blobs = layout / "blobs" / "sha256"
    return [
        (blobs / str(row["digest"]).partition(":")[2], diff_id)
        for row, diff_id in zip(descriptors, diff_ids, strict=True)
    ]


def wardian(layers: list[tuple[Path, str]], form: str) -> Callable[[Path], None]:
    """Unpack as a pull does, some layers at once."""

    def one(blob: Path, diff_id: str, place: Path) -> None:
        with open(blob, "rb", buffering=0) as stream:
            layer_store.store(stream, "", diff_id, str(place), form=form)

    def work(place: Path) -> None:
        largest_first = sorted(layers, key=lambda row: -row[0].stat().st_size)
        with ThreadPoolExecutor(THREADS) as pool:
            for future in [pool.submit(one, *row, place) for row in largest_first]:
                future.result()

    return work


def shell(command: str, layers: list[tuple[Path, str]]) -> Callable[[Path], None]:
    """Run a command for each layer, one after the other; $1 is the blob, $2 a new directory."""

    def work(place: Path) -> None:
        for number, (blob, _diff_id) in enumerate(layers):
            target = place / str(number)
            target.mkdir()
            argv = ["sh", "-c", command, "sh", str(blob), str(target)]
            subprocess.run(argv, check=True, capture_output=True)

    return work


def umoci(layout: Path) -> Callable[[Path], None]:
    """Flatten the image into one directory; all layers, one after the other."""

    def work(place: Path) -> None:
        target = str(place / "out")
        argv = ["umoci", "raw", "unpack", "--image", f"{layout}:bench", target]
        subprocess.run(argv, check=True, capture_output=True)

    return work


def skopeo(layout: Path) -> Callable[[Path], None]:
    """Copy the image into containers/storage: what `podman pull` does after the network."""

    def work(place: Path) -> None:
        storage = f"containers-storage:[overlay@{place}/root+{place}/run]localhost/bench:1"
        argv = ["skopeo", "copy", "--insecure-policy", f"oci:{layout}:bench", storage]
        subprocess.run(argv, check=True, capture_output=True)

    return work


def subjects(layout: Path, layers: list[tuple[Path, str]]) -> dict[str, Callable[[Path], None]]:
    """Return what can be measured here, by its name in the table."""
    is_gzip = compression.method_of(layers[0][0].read_bytes()[:6]) == "gzip"
    unpack = "tar -xpz" if is_gzip else "tar -xp --zstd"
    found: dict[str, Callable[[Path], None]] = {
        "wardian, EROFS": wardian(layers, "erofs"),
        "wardian, directories": wardian(layers, "directory"),
        unpack: shell(f'{unpack} -C "$2" -f "$1"', layers),
    }
    if is_gzip and shutil.which("igzip"):
        found["igzip | tar -xp"] = shell('igzip -dc "$1" | tar -xp -C "$2" -f -', layers)
    if shutil.which("umoci") and is_gzip:
        found["umoci raw unpack"] = umoci(layout)
    if shutil.which("skopeo"):
        found["skopeo to containers-storage"] = skopeo(layout)
    return found


def clear(place: Path) -> None:
    """Empty a place, and what mounts a peer left in it, so that nobody pays for another."""
    subprocess.run(["umount", f"{place}/root/overlay"], capture_output=True, check=False)
    paths.remove_tree(str(place))
    os.sync()


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="Measure unpacking an image")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--compression", choices=("gzip", "zstd"), default="gzip")
    parser.add_argument("--directory", help="where everything is written")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="wardian-bench-", dir=options.directory) as name:
        top = Path(name)
        layers = make_image(top / "layout", options.compression)
        packed = sum(blob.stat().st_size for blob, _diff_id in layers)
        print(f"{len(layers)} layers, {packed / 1e6:.0f} MB as {options.compression}")
        taken: dict[str, list[float]] = {}
        places = []
        for number in range(options.rounds):
            for turn, (subject, work) in enumerate(subjects(top / "layout", layers).items()):
                places.append(place := top / f"{number}-{turn}")
                place.mkdir()
                start = time.monotonic()
                work(place)
                taken.setdefault(subject, []).append(time.monotonic() - start)
                os.sync()
        for place in places:  # not before: see bench/images.py
            clear(place)
        best = min(min(times) for times in taken.values())
        for subject, times in taken.items():
            low, middle = min(times), statistics.median(times)
            print(f"{subject:30} min {low:6.2f} s  median {middle:6.2f} s  {low / best:5.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
