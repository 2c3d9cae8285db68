"""umoci unpacks what we pack, and both unpack an image into the same tree."""

import gzip
import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.machine import missing
from tests.trees import archive, describe, diff_id_of, entry, simple, store
from wardian.images import snapshots, tar_headers
from wardian.images.tar_headers import Entry

pytestmark = pytest.mark.root
FORMS = pytest.mark.parametrize("form", ["directory", "erofs"])


def write_blob(layout: Path, data: bytes) -> dict[str, object]:
    digest = hashlib.sha256(data).hexdigest()
    (layout / "blobs" / "sha256" / digest).write_bytes(data)
    return {"digest": f"sha256:{digest}", "size": len(data)}


def write_image(layout: Path, layers: list[bytes]) -> None:
    """Write an OCI layout with one image, called "test"."""
    (layout / "blobs" / "sha256").mkdir(parents=True)
    prefix = "application/vnd.oci.image"
    rows = [
        {"mediaType": f"{prefix}.layer.v1.tar+gzip", **write_blob(layout, gzip.compress(data))}
        for data in layers
    ]
    config = {
        "architecture": "amd64",
        "os": "linux",
        "config": {},
        "rootfs": {"type": "layers", "diff_ids": [diff_id_of(data) for data in layers]},
    }
    config_row = write_blob(layout, json.dumps(config).encode())
    manifest = {
        "schemaVersion": 2,
        "config": {"mediaType": f"{prefix}.config.v1+json", **config_row},
        "layers": rows,
    }
    index_row = {
        "mediaType": f"{prefix}.manifest.v1+json",
        **write_blob(layout, json.dumps(manifest).encode()),
        "annotations": {"org.opencontainers.image.ref.name": "test"},
    }
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [index_row]}))
    (layout / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')


def everything() -> list[tuple[Entry, bytes]]:
    capability = bytes.fromhex("0100000200200000" + "00" * 12)
    names = (b"./", b"bin", b"etc", b"tmp", b"deep", b"deep/er")
    rows = [(entry(tar_headers.DIRECTORY, name), b"") for name in names]
    rows[3][0].mode = 0o1777
    for number in range(30):
        data = b"x" * (number * 1000)
        rows.append((entry(tar_headers.FILE, b"etc/%02d" % number, size=len(data)), data))
    program = entry(tar_headers.FILE, b"bin/program", size=4, mode=0o4755)
    program.xattrs = {b"security.capability": capability, b"user.note": b"1"}
    program.uid, program.gid = 1000, 65534
    other = entry(tar_headers.HARD_LINK, b"bin/other", target=b"bin/program", mode=program.mode)
    other.uid, other.gid = program.uid, program.gid  # podman gives these to the file, too
    device = entry(tar_headers.CHARACTER_DEVICE, b"tmp/null", mode=0o666)
    device.device = (1, 3)
    rows += [
        (program, b"prog"),
        (other, b""),
        (entry(tar_headers.SYMLINK, b"bin/link", target=b"/etc/00"), b""),
        (device, b""),
        (entry(tar_headers.FIFO, b"tmp/fifo"), b""),
        (entry(tar_headers.FILE, b"deep/er/" + b"n" * 255), b""),
        (entry(tar_headers.FILE, b"deep/er/caf\xc3\xa9"), b""),
    ]
    return rows


@FORMS
def test_an_image_is_the_same_tree_for_both(tmp_path: Path, form: str) -> None:
    if not shutil.which("umoci"):
        missing("Debian's umoci")
    layers = [
        archive(everything()),
        simple("etc/", "etc/.wh.05", "etc/new", "deep/", "deep/.wh..wh..opq", "deep/only"),
        simple(".wh.tmp", "bin/", ("bin/link", "elsewhere"), "again/", "again/a"),
    ]
    write_image(tmp_path / "layout", layers)
    theirs, ours = tmp_path / "theirs", tmp_path / "ours"
    subprocess.run(
        ["umoci", "raw", "unpack", "--image", f"{tmp_path}/layout:test", str(theirs)],
        check=True,
        capture_output=True,
    )
    ids = [store(data, tmp_path / "root", form).diff_id for data in layers]
    snapshots.unpack(ids, str(ours), str(tmp_path / "root"))
    wanted, found = describe(theirs), describe(ours)
    # The top has no entry in the last layer: umoci keeps the lower one's, and so would a chroot.
    del wanted[""], found[""]
    assert found == wanted


def test_umoci_unpacks_what_we_pack(tmp_path: Path) -> None:
    if not shutil.which("umoci"):
        missing("Debian's umoci")
    tree = tmp_path / "tree"
    ids = [store(archive(everything()), tmp_path / "root").diff_id]
    snapshots.unpack(ids, str(tree), str(tmp_path / "root"))
    pieces: list[bytes] = []
    snapshots.pack_tree(str(tree), lambda piece: pieces.append(bytes(piece)))
    write_image(tmp_path / "layout", [b"".join(pieces)])
    out = tmp_path / "out"
    subprocess.run(
        ["umoci", "raw", "unpack", "--image", f"{tmp_path}/layout:test", str(out)],
        check=True,
        capture_output=True,
    )
    assert describe(out) == describe(tree)
    assert os.listxattr(tree / "bin/program") == ["security.capability", "user.note"]


@FORMS
def test_what_umoci_inserts_ends_in_the_padding_and_is_read(tmp_path: Path, form: str) -> None:
    if not shutil.which("umoci"):
        missing("Debian's umoci")
    layout = tmp_path / "layout"
    write_image(layout, [simple("etc/")])
    file = tmp_path / "file"
    file.write_bytes(b"x" * 5000)
    argv = ["umoci", "insert", "--image", f"{layout}:test", str(file), "/etc/inserted"]
    subprocess.run(argv, check=True, capture_output=True)
    index = json.loads((layout / "index.json").read_text())
    blobs = layout / "blobs" / "sha256"
    manifest = json.loads((blobs / index["manifests"][0]["digest"][7:]).read_text())
    layers = [
        gzip.decompress((blobs / row["digest"][7:]).read_bytes()) for row in manifest["layers"]
    ]
    assert len(layers[-1]) % 512 == 5000 % 512
    out = tmp_path / "out"
    ids = [store(data, tmp_path / "root", form).diff_id for data in layers]
    snapshots.unpack(ids, str(out), str(tmp_path / "root"))
    assert (out / "etc/inserted").read_bytes() == b"x" * 5000
