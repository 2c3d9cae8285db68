"""Images under kill -9, on a full disk, with broken files, in use: right in the end, or told."""

import fcntl
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import pictures, registries
from tests.conftest import Wardian
from tests.machine import requires
from tests.registries import Registry, skopeo
from wardian.images import garbage, layers, leases
from wardian.images.store import Store

KILLS = 30


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with registries.registry(tmp_path_factory.mktemp("registry")) as running:
        layout = pictures.Layout(tmp_path_factory.mktemp("layout") / "layout")
        rows = [{f"file{number}": os.urandom(1_500_000)} for number in range(8)]
        layout.name(layout.manifest(rows), "app")
        skopeo(
            *("copy", "--dest-tls-verify=false", "--preserve-digests"),
            *(f"oci:{layout.path}:app", f"docker://{running.address}/team/app:1"),
        )
        yield running


def sound(wardian: Wardian, **env: str) -> dict[str, object]:
    done = wardian("fsck", "--check", "--json", env=env)
    found: dict[str, object] = json.loads(done.stdout)
    return found


def files(root: Path) -> set[str]:
    """All files below a root that are not locks."""
    return {
        str(path.relative_to(root))
        for path in root.rglob("*")
        if path.is_file() and not path.name.startswith(".lock")
    }


def test_kill_9_at_random_moments_then_pull_again_is_right(
    wardian: Wardian, registry: Registry, tmp_path: Path
) -> None:
    name = f"{registry.address}/team/app:1"
    own = {"WARDIAN_ROOT": str(tmp_path / "w-root")}
    began = time.monotonic()
    assert wardian("pull", name, env={"WARDIAN_ROOT": str(tmp_path / "whole")}).returncode == 0
    whole_s = time.monotonic() - began
    chance = random.Random(5)
    killed = 0
    for _number in range(KILLS):
        process = subprocess.Popen(
            [sys.executable, "-m", "wardian", "pull", "-q", name],
            env={**os.environ, **own},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        try:
            process.communicate(timeout=chance.uniform(0, whole_s))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            killed += 1
        if chance.random() < 0.3:  # what came is not always kept for the next one
            wardian("rmi", "-f", name)
    assert killed > KILLS / 3
    done = wardian("pull", name)
    assert done.returncode == 0, done.stderr
    assert sound(wardian) == {"sound": True, "blobs": 10, "layers": 8, "findings": []}
    assert os.listdir(tmp_path / "w-root/images/leases") == []
    assert [one for one in os.listdir(tmp_path / "w-root/layers") if one.startswith(".tmp")] == []
    assert wardian("prune").returncode == 0
    assert files(tmp_path / "w-root") == files(tmp_path / "whole")


def test_kill_9_leaves_nothing_that_prune_does_not_find(
    wardian: Wardian, registry: Registry, tmp_path: Path
) -> None:
    with registries.fault_proxy(registry.port) as proxy:
        process: list[subprocess.Popen[bytes]] = []

        def kill(exchange: registries.Exchange) -> None:
            exchange.pass_on(lambda data: data[:700_000])
            process[0].kill()
            exchange.cut()

        proxy.rule = registries.times(
            1, lambda e: registries.is_blob(e) and len(e.forward()[2]) > 1_000_000, kill
        )
        process.append(
            subprocess.Popen(
                [sys.executable, "-m", "wardian", "pull", "-q", f"{proxy.address}/team/app:1"],
                env={**os.environ, "WARDIAN_ROOT": str(tmp_path / "w-root")},
            )
        )
        assert process[0].wait() == -9
    assert wardian("images", "-q").stdout == ""
    assert wardian("prune").returncode == 0
    assert files(tmp_path / "w-root") == {"images/index.json", "images/lock", "images/oci-layout"}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 6 MiB."""
    requires("root")
    place = tmp_path / "small"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "none", str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.root
def test_a_full_disk_is_one_line_and_leaves_nothing_half_stored(
    wardian: Wardian, registry: Registry, small_disk: Path
) -> None:
    root = small_disk / "root"
    name = f"{registry.address}/team/app:1"
    done = wardian("pull", "-q", name, env={"WARDIAN_ROOT": str(root)})
    assert done.returncode == 1
    line = done.stderr.splitlines()[0]
    assert "no space left on device" in line or "left" in line, line
    assert len(done.stderr.splitlines()) <= 2
    assert wardian("images", "-q", env={"WARDIAN_ROOT": str(root)}).stdout == ""
    done = wardian("prune", env={"WARDIAN_ROOT": str(root)})
    assert done.returncode == 0, done.stderr
    assert files(root) == {"images/index.json", "images/lock", "images/oci-layout"}


def store_of(tmp_path: Path) -> Store:
    (tmp_path / "w-root").mkdir(mode=0o700, exist_ok=True)
    return Store(str(tmp_path / "w-root"))


def test_a_broken_blob_and_a_broken_layer_are_named_and_mended(
    wardian: Wardian, registry: Registry, tmp_path: Path
) -> None:
    assert wardian("pull", f"{registry.address}/team/app:1").returncode == 0
    store = store_of(tmp_path)
    (entry,) = store.entries()
    manifest = store.document(entry.digest).manifest
    assert manifest
    blob = manifest["layers"][0]["digest"]
    path = Path(store.layout.blob_path(blob))
    data = bytearray(path.read_bytes())
    data[1000] ^= 1
    path.write_bytes(data)
    gone = manifest["layers"][1]["digest"]
    Path(store.layout.blob_path(gone)).unlink()
    diff_id = layers.list_layers(store.layout.root_dir)[0]
    layer = layers.find_layer(diff_id, store.layout.root_dir)
    assert layer
    victim = Path(layer.archive if layer.form == "erofs" else f"{layer.tree}/file0")
    if layer.form == "erofs":
        content = bytearray(victim.read_bytes())
        content[5000] ^= 1
        victim.write_bytes(content)
    else:
        next(Path(layer.tree).glob("file*")).write_bytes(b"changed")
    done = wardian("fsck", "--check", "--json")
    assert done.returncode == 1
    found = json.loads(done.stdout)["findings"]
    assert {row["what"] for row in found} == {f"blob {blob}", f"blob {gone}", f"layer {diff_id}"}
    done = wardian("fsck")
    assert done.returncode == 0, done.stdout
    assert done.stdout.count(": repaired\n") == 3
    assert sound(wardian)["sound"] is True


def test_a_broken_manifest_or_config_is_fetched_again(
    wardian: Wardian, registry: Registry, tmp_path: Path
) -> None:
    assert wardian("pull", f"{registry.address}/team/app:1").returncode == 0
    store = store_of(tmp_path)
    (entry,) = store.entries()
    config = store.image_id(entry)
    for digest in (config, entry.digest):
        Path(store.layout.blob_path(digest)).write_bytes(b"{}")
        assert "broken" in wardian("images").stdout
        done = wardian("fsck")
        assert done.returncode == 0, done.stdout
        assert sound(wardian)["sound"] is True


def test_what_cannot_be_mended_says_why(
    wardian: Wardian, registry: Registry, tmp_path: Path
) -> None:
    path = tmp_path / "root.tar"
    path.write_bytes(pictures.archive({"a": b"b"}))
    wardian("import", str(path), "mine:1")
    store = store_of(tmp_path)
    manifest = store.document(store.find("mine:1").digest).manifest
    assert manifest
    Path(store.layout.blob_path(manifest["layers"][0]["digest"])).write_bytes(b"x")
    done = wardian("fsck")
    assert done.returncode == 1
    assert "not repaired: nobody noted where the image came from" in done.stdout


def test_nothing_in_use_is_ever_removed(
    wardian: Wardian, registry: Registry, tmp_path: Path
) -> None:
    name = f"{registry.address}/team/app:1"
    wardian("pull", name)
    store = store_of(tmp_path)
    (entry,) = store.entries()
    before = files(tmp_path / "w-root/layers")
    with leases.Lease(store.layout) as lease:
        lease.add(leases.IMAGE, entry.digest)
        done = wardian("rmi", name)
        assert done.returncode == 1
        assert "is in use" in done.stderr
        assert wardian("prune", "--all").returncode == 0
        assert files(tmp_path / "w-root/layers") == before
        assert sound(wardian)["sound"] is True
    layer = layers.find_layer(layers.list_layers(store.layout.root_dir)[3], store.layout.root_dir)
    assert layer
    held = layer.hold()
    assert wardian("rmi", name).returncode == 0
    assert layers.list_layers(store.layout.root_dir) == [layer.diff_id]
    os.close(held)
    assert garbage.collect(store).layers == [layer.diff_id]


def test_a_lease_of_a_dead_process_holds_nothing(
    wardian: Wardian, registry: Registry, tmp_path: Path
) -> None:
    name = f"{registry.address}/team/app:1"
    wardian("pull", name)
    store = store_of(tmp_path)
    (entry,) = store.entries()
    left = Path(store.layout.path) / "leases" / "1-dead"
    left.write_text(f"{leases.IMAGE} {entry.digest}\n")
    assert wardian("rmi", name).returncode == 0
    assert not left.exists()


def test_pulls_of_one_image_by_several_processes_at_once_all_succeed(
    wardian: Wardian, registry: Registry, tmp_path: Path
) -> None:
    with registries.fault_proxy(registry.port) as proxy:
        argv = [sys.executable, "-m", "wardian", "pull", "-q", f"{proxy.address}/team/app:1"]
        own = {**os.environ, "WARDIAN_ROOT": str(tmp_path / "w-root")}
        running = [
            subprocess.Popen(argv, env=own, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            for _number in range(3)
        ]
        for process in running:
            _out, err = process.communicate()
            assert process.returncode == 0, err
        fetched = [line for line in proxy.seen if line.startswith("GET") and "/blobs/" in line]
        assert len(fetched) == len(set(fetched)) == 9
    assert sound(wardian)["sound"] is True


def test_names_given_by_many_at_once_are_all_there(
    wardian: Wardian, registry: Registry, tmp_path: Path
) -> None:
    name = f"{registry.address}/team/app:1"
    wardian("pull", name)
    own = {**os.environ, "WARDIAN_ROOT": str(tmp_path / "w-root")}
    running = [
        subprocess.Popen([sys.executable, "-m", "wardian", "tag", name, f"copy:{number}"], env=own)
        for number in range(8)
    ]
    assert [process.wait() for process in running] == [0] * 8
    tags = {row["tag"] for row in json.loads(wardian("images", "--json").stdout)}
    assert tags == {"1", *map(str, range(8))}


def test_a_download_that_somebody_is_at_is_not_pruned(
    wardian: Wardian, registry: Registry, tmp_path: Path
) -> None:
    store = store_of(tmp_path)
    path = Path(store.layout.ingest_path("sha256:" + "a" * 64))
    path.write_bytes(b"half")
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        garbage.collect(store)
        assert path.exists()
    garbage.collect(store)
    assert not path.exists()
