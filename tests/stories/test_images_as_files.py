"""Images as files: saved and loaded, between us and skopeo, umoci and docker's form."""

import gzip
import io
import json
import os
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tests import pictures
from tests.conftest import Wardian
from tests.machine import requires
from tests.registries import skopeo

LAYERS = [{"etc/name": b"bottom\n", "bin/x": b"x" * 300_000}, {"etc/name": b"top\n"}]


@pytest.fixture
def layout(tmp_path: Path) -> pictures.Layout:
    made = pictures.Layout(tmp_path / "layout")
    made.name(made.manifest(LAYERS, run={"Cmd": ["/bin/x"]}), "app:1")
    return made


@pytest.fixture
def archive(layout: pictures.Layout, tmp_path: Path) -> Path:
    """What skopeo makes of it, in OCI's form."""
    path = tmp_path / "app.tar"
    skopeo("copy", "--preserve-digests", f"oci:{layout.path}:app:1", f"oci-archive:{path}:app:1")
    return path


def tree(wardian: Wardian, name: str, target: Path) -> dict[str, bytes]:
    done = wardian("export", "--directory", str(target), name)
    assert done.returncode == 0, done.stderr
    return {
        str(path.relative_to(target)): path.read_bytes()
        for path in target.rglob("*")
        if path.is_file()
    }


@pytest.mark.root
def test_the_form_of_layers_can_be_chosen(wardian: Wardian, archive: Path, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[layers]\nform = "directory"\n')
    own = {"WARDIAN_CONFIG": str(config)}
    assert wardian("load", "-q", "-i", str(archive), env=own).returncode == 0
    done = wardian("inspect", "-f", "{{range .Layers}}{{.unpacked}} {{end}}", "app:1", env=own)
    assert done.stdout == "directory directory \n"
    for text, fault in (("form = 'x'", "layers.form: must be"), ("size = 1", "layers.size: unkn")):
        config.write_text(f"[layers]\n{text}\n")
        done = wardian(
            "load", "-q", "-i", str(archive), env={**own, "WARDIAN_ROOT": f"{tmp_path}/n"}
        )
        assert done.returncode == 1
        assert fault in done.stderr


WHOLE = {"etc/name": b"top\n", "bin/x": b"x" * 300_000}


def test_an_archive_of_skopeo_s_is_loaded_with_its_digest(
    wardian: Wardian, archive: Path, layout: pictures.Layout, tmp_path: Path
) -> None:
    done = wardian("load", "-i", str(archive))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "Loaded image: app:1"
    (row,) = json.loads(wardian("images", "--json").stdout)
    assert row["digest"] == layout.rows[0]["digest"]
    assert tree(wardian, "app:1", tmp_path / "tree") == WHOLE


@pytest.mark.parametrize("form", ["docker-archive", "oci-archive"])
def test_an_archive_of_ours_is_read_by_skopeo_and_by_us(
    wardian: Wardian, archive: Path, tmp_path: Path, form: str
) -> None:
    wardian("load", "-i", str(archive))
    saved = tmp_path / "saved.tar"
    done = wardian("save", "--format", form, "-o", str(saved), "app:1")
    assert done.returncode == 0, done.stderr
    again = tmp_path / "again"
    skopeo("copy", f"{form}:{saved}", f"oci:{again}:x")
    config = json.loads(skopeo("inspect", "--config", f"oci:{again}:x").stdout)
    ours = json.loads(wardian("inspect", "app:1").stdout)[0]
    assert config["rootfs"]["diff_ids"] == ours["RootFS"]["Layers"]
    own = {"WARDIAN_ROOT": str(tmp_path / "other")}
    done = wardian("load", "-i", str(saved), env=own)
    assert done.stdout.splitlines()[-1] == "Loaded image: app:1", done.stderr
    theirs = json.loads(wardian("inspect", "app:1", env=own).stdout)[0]
    assert theirs["Descriptor"] == ours["Descriptor"]


def test_what_skopeo_writes_in_docker_s_form_is_loaded(
    wardian: Wardian, layout: pictures.Layout, tmp_path: Path
) -> None:
    path = tmp_path / "docker.tar"
    skopeo("copy", f"oci:{layout.path}:app:1", f"docker-archive:{path}:team/app:2")
    done = wardian("load", "-i", str(path))
    assert done.stdout.splitlines()[-1] == "Loaded image: team/app:2", done.stderr
    assert tree(wardian, "team/app:2", tmp_path / "tree") == WHOLE


def test_an_archive_comes_through_a_pipe_and_compressed(
    installed: Path, archive: Path, tmp_path: Path
) -> None:
    own = {**os.environ, "WARDIAN_ROOT": str(tmp_path / "root")}
    done = subprocess.run(
        [str(installed / "bin/wardian"), "load"],
        input=gzip.compress(archive.read_bytes()),
        capture_output=True,
        env=own,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith(b"Loaded image: app:1\n")
    saved = subprocess.run(
        [str(installed / "bin/wardian"), "save", "app:1"], capture_output=True, env=own, check=True
    )
    with tarfile.open(fileobj=io.BytesIO(saved.stdout)) as tar:
        assert {"oci-layout", "index.json", "manifest.json"} <= set(tar.getnames())


def test_the_same_image_gives_the_same_archive(
    wardian: Wardian, archive: Path, tmp_path: Path
) -> None:
    saved = []
    for number in range(2):
        own = {"WARDIAN_ROOT": str(tmp_path / f"root{number}")}
        wardian("load", "-i", str(archive), env=own)
        path = tmp_path / f"saved{number}"
        wardian("save", "-o", str(path), "app:1", env=own)
        saved.append(path.read_bytes())
    assert saved[0] == saved[1]


def test_umoci_unpacks_what_we_keep(wardian: Wardian, archive: Path, tmp_path: Path) -> None:
    requires("umoci", "root")
    wardian("load", "-i", str(archive))
    saved = tmp_path / "saved"
    done = wardian("save", "--format", "oci-dir", "-o", str(saved), "app:1")
    assert done.returncode == 0, done.stderr
    index = json.loads((saved / "index.json").read_text())
    index["manifests"][0]["annotations"] = {pictures.NAMED: "x"}  # umoci knows no "/" in names
    (saved / "index.json").write_text(json.dumps(index))
    bundle = tmp_path / "bundle"
    subprocess.run(
        ["umoci", "unpack", "--image", f"{saved}:x", str(bundle)], check=True, capture_output=True
    )
    assert (bundle / "rootfs/etc/name").read_text() == "top\n"


def test_a_root_is_imported_from_an_archive_and_from_a_directory(
    wardian: Wardian, tmp_path: Path
) -> None:
    path = tmp_path / "root.tar"
    path.write_bytes(pictures.archive({"etc/name": b"imported\n"}))
    done = wardian(
        *("import", "-c", 'CMD ["/bin/x", "y"]', "-c", "ENV A=b C='d e'", "-c", "WORKDIR /work"),
        *("-c", "EXPOSE 80", "-m", "by hand", str(path), "from/tar:1"),
    )
    assert done.returncode == 0, done.stderr
    (facts,) = json.loads(wardian("inspect", "from/tar:1").stdout)
    assert facts["Id"] == done.stdout.strip()
    assert facts["Config"] == {
        "Cmd": ["/bin/x", "y"],
        "Env": ["A=b", "C=d e"],
        "WorkingDir": "/work",
        "ExposedPorts": {"80/tcp": {}},
    }
    directory = tmp_path / "root"
    (directory / "etc").mkdir(parents=True)
    (directory / "etc/name").write_text("from a directory\n")
    done = wardian("import", str(directory), "from/directory:1")
    assert done.returncode == 0, done.stderr
    assert tree(wardian, "from/directory:1", tmp_path / "tree")["etc/name"] == (
        b"from a directory\n"
    )
    for change in ("FROM x", "CMD [", "ENV", "EXPOSE 99999999"):
        done = wardian("import", "-c", change, str(path))
        assert done.returncode == 125, change
        assert f'change "{change}"' in done.stderr


def test_an_image_is_exported_as_one_archive(
    wardian: Wardian, archive: Path, tmp_path: Path
) -> None:
    wardian("load", "-i", str(archive))
    path = tmp_path / "flat.tar"
    done = wardian("export", "-o", str(path), "app:1")
    assert done.returncode == 0, done.stderr
    with tarfile.open(path) as tar:
        member = tar.extractfile("etc/name")
        assert member
        assert member.read() == b"top\n"


def write(*changes: Callable[[tarfile.TarFile], None]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for change in changes:
            change(tar)
    return buffer.getvalue()


def put(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def link(tar: tarfile.TarFile, name: str, target: str) -> None:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = tarfile.SYMTYPE, target
    tar.addfile(info)


LOOP = json.dumps([{"Config": "a", "RepoTags": [], "Layers": []}]).encode()
OUTSIDE = json.dumps([{"Config": "../../../etc/passwd", "Layers": ["/etc/shadow"]}]).encode()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not an archive",
        os.urandom(5000),
        write(lambda tar: put(tar, "hello", b"x")),
        write(lambda tar: put(tar, "manifest.json", b"{")),
        write(lambda tar: put(tar, "manifest.json", b"[7]")),
        write(lambda tar: put(tar, "manifest.json", OUTSIDE)),
        write(
            lambda tar: put(tar, "manifest.json", LOOP),
            lambda tar: link(tar, "a", "b"),
            lambda tar: link(tar, "b", "a"),
        ),
        write(lambda tar: put(tar, "index.json", b'{"manifests":[{"digest":"sha256:x"}]}')),
        write(lambda tar: put(tar, "index.json", b"[" * 100_000)),
        write(
            lambda tar: put(tar, "index.json", b"{}"),
            lambda tar: put(tar, "../../../../tmp/evil", b"x"),
        ),
    ],
    ids=range(11),
)  # fmt: skip
def test_an_archive_that_is_none_is_one_line_and_leaves_nothing(
    wardian: Wardian, tmp_path: Path, data: bytes
) -> None:
    path = tmp_path / "bad.tar"
    path.write_bytes(data)
    done = wardian("load", "-i", str(path))
    assert done.returncode == 1, done.stdout
    assert len(done.stderr.splitlines()) <= 2, done.stderr
    assert os.listdir(tmp_path / "w-root/images/blobs/sha256") == []
    assert os.listdir(tmp_path / "w-root/images/ingest") == []
    assert not Path("/tmp/evil").exists()


def test_a_layer_that_was_changed_in_the_archive_is_refused(
    wardian: Wardian, archive: Path, tmp_path: Path
) -> None:
    data = bytearray(archive.read_bytes())
    with tarfile.open(archive) as tar:
        largest = max(tar.getmembers(), key=lambda member: member.size)
    data[largest.offset_data + largest.size // 2] ^= 1
    archive.write_bytes(data)
    done = wardian("load", "-i", str(archive))
    assert done.returncode == 1
    assert "is not in the archive" in done.stderr
    assert os.listdir(tmp_path / "w-root/images/blobs/sha256") == []


def test_save_to_a_full_place_leaves_no_half_archive(
    wardian: Wardian, archive: Path, tmp_path: Path
) -> None:
    wardian("load", "-i", str(archive))
    done = wardian("save", "-o", str(tmp_path / "no/such/x.tar"), "app:1")
    assert done.returncode == 1
    assert "no such file or directory" in done.stderr
    assert "Traceback" not in done.stderr
