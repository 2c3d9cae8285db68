"""Images come from a real registry and go to one; skopeo sees what we see."""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import pictures, registries
from tests.conftest import Wardian
from tests.machine import requires
from tests.registries import Registry, skopeo


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with registries.registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


class Samples:
    """What the registry has: team/app (one image), team/many (an index)."""

    def __init__(self, place: Path, registry: Registry) -> None:
        self.layout = pictures.Layout(place / "layout")
        self.one = self.layout.name(
            self.layout.manifest(
                [{"etc/name": b"bottom\n", "bin/x": b"x" * 3_000_000}, {"etc/name": b"top\n"}],
                run={"Cmd": ["/bin/sh"], "Env": ["A=b"]},
            ),
            "one",
        )
        self.two = self.layout.name(
            self.layout.manifest(
                [{"etc/name": b"bottom\n", "bin/x": b"x" * 3_000_000}, {"etc/name": b"second\n"}]
            ),
            "two",
        )
        self.platforms = {
            text: self.layout.manifest([{"etc/arch": text.encode()}], platform=text)
            for text in ("linux/arm/v7", "linux/arm64", "linux/amd64", "linux/s390x")
        }
        self.many = self.layout.name(self.layout.index(list(self.platforms.values())), "many")
        for name, tag in (("one", "app:1"), ("two", "app:2"), ("many", "many:1")):
            skopeo(
                *("copy", "--all", "--preserve-digests", "--dest-tls-verify=false"),
                f"oci:{self.layout.path}:{name}",
                f"docker://{registry.address}/team/{tag}",
            )


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory, registry: Registry) -> Samples:
    return Samples(tmp_path_factory.mktemp("samples"), registry)


def listed(wardian: Wardian) -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(wardian("images", "--json").stdout)
    return found


def blobs(tmp_path: Path) -> set[str]:
    return set(os.listdir(tmp_path / "w-root" / "images" / "blobs" / "sha256"))


def test_a_pull_says_what_docker_says(
    wardian: Wardian, registry: Registry, samples: Samples
) -> None:
    name = f"{registry.address}/team/app:1"
    done = wardian("pull", name)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "1: Pulling from team/app"
    assert sorted(line.partition(": ")[2] for line in lines[1:3]) == ["Pull complete"] * 2
    assert lines[3:] == [
        f"Digest: {samples.one}",
        f"Status: Downloaded newer image for {name}",
        name,
    ]
    again = wardian("pull", name)
    assert f"Status: Image is up to date for {name}" in again.stdout
    assert wardian("pull", "--quiet", name).stdout == f"{name}\n"


def test_what_was_pulled_is_listed_inspected_and_has_a_history(
    wardian: Wardian, registry: Registry, samples: Samples
) -> None:
    wardian("pull", f"{registry.address}/team/app:1")
    (row,) = listed(wardian)
    assert (row["repository"], row["tag"]) == (f"{registry.address}/team/app", "1")
    assert row["digest"] == samples.one
    table = wardian("images").stdout.splitlines()
    assert table[0].split() == ["REPOSITORY", "TAG", "IMAGE", "ID", "CREATED", "SIZE"]
    assert row["id"].removeprefix("sha256:").startswith(table[1].split()[2])
    (facts,) = json.loads(wardian("inspect", row["id"][7:19]).stdout)
    assert facts["Config"] == {"Cmd": ["/bin/sh"], "Env": ["A=b"]}
    assert facts["RepoDigests"] == [f"{registry.address}/team/app@{samples.one}"]
    assert len(facts["RootFS"]["Layers"]) == 2
    steps = wardian("history", "--json", f"{registry.address}/team/app:1")
    assert [step["created_by"] for step in json.loads(steps.stdout)] == ["step 1", "step 0"]


def test_a_second_image_that_shares_a_layer_fetches_only_the_other(
    wardian: Wardian, registry: Registry, samples: Samples
) -> None:
    wardian("pull", f"{registry.address}/team/app:1")
    done = wardian("pull", f"{registry.address}/team/app:2")
    words = sorted(line.partition(": ")[2] for line in done.stdout.splitlines()[1:3])
    assert words == ["Already exists", "Pull complete"]


def test_an_index_gives_this_machine_s_image_and_another_on_request(
    wardian: Wardian, registry: Registry, samples: Samples
) -> None:
    name = f"{registry.address}/team/many:1"
    assert f"Digest: {samples.many}" in wardian("pull", name).stdout
    done = wardian("pull", "--platform", "linux/arm/v7", name)
    assert done.returncode == 0, done.stderr
    wardian("pull", "--platform", "linux/arm64/v8", name)
    rows = {row["platform"]: row["manifest"] for row in listed(wardian)}
    for text in ("linux/amd64", "linux/arm/v7", "linux/arm64"):
        assert rows[text] == samples.platforms[text]["digest"], text
    # the foreign ones hide nothing
    (facts,) = json.loads(wardian("inspect", name).stdout)
    assert facts["Architecture"] == "amd64"


def test_a_platform_that_is_not_there_is_told_with_those_that_are(
    wardian: Wardian, registry: Registry, samples: Samples
) -> None:
    done = wardian("pull", "--platform", "linux/riscv64", f"{registry.address}/team/many:1")
    assert done.returncode == 1
    assert "none for linux/riscv64, only for linux/arm/v7, linux/arm64, linux/amd64" in done.stderr
    assert listed(wardian) == []


def test_a_pinned_digest_that_is_here_asks_nobody(
    wardian: Wardian, registry: Registry, samples: Samples
) -> None:
    with registries.fault_proxy(registry.port) as proxy:
        name = f"{proxy.address}/team/app@{samples.one}"
        assert wardian("pull", name).returncode == 0
        proxy.seen.clear()
        done = wardian("pull", name)
        assert "is up to date" in done.stdout
        assert proxy.seen == []


def test_a_tag_that_means_the_same_is_asked_for_by_head_alone(
    wardian: Wardian, registry: Registry, samples: Samples
) -> None:
    with registries.fault_proxy(registry.port) as proxy:
        name = f"{proxy.address}/team/many:1"
        wardian("pull", name)
        proxy.seen.clear()
        wardian("pull", name)
        assert [line for line in proxy.seen if "/manifests/" in line] == [
            "HEAD /v2/team/many/manifests/1"
        ]


def test_a_tag_that_moved_leaves_the_old_image_without_a_name(
    wardian: Wardian, registry: Registry, samples: Samples
) -> None:
    name = f"{registry.address}/team/moving:1"
    copy = ("copy", "--src-tls-verify=false", "--dest-tls-verify=false", "--preserve-digests")
    source = f"docker://{registry.address}/team/app"
    skopeo(*copy, f"{source}:1", f"docker://{name}")
    wardian("pull", name)
    skopeo(*copy, f"{source}:2", f"docker://{name}")
    wardian("pull", name)
    rows = {row["digest"]: row["tag"] for row in listed(wardian)}
    assert rows == {samples.one: "<none>", samples.two: "1"}
    assert wardian("prune").returncode == 0
    assert [row["digest"] for row in listed(wardian)] == [samples.two]


def test_a_push_keeps_the_digest_and_skopeo_finds_it(
    wardian: Wardian, registry: Registry, samples: Samples
) -> None:
    wardian("pull", f"{registry.address}/team/app:1")
    target = f"{registry.address}/pushed/app:7"
    wardian("tag", f"{registry.address}/team/app:1", target)
    done = wardian("push", target)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(": Mounted\n") == 3  # from team/app: two layers and the config
    assert f"7: digest: {samples.one} size: " in done.stdout
    seen = json.loads(skopeo("inspect", "--tls-verify=false", f"docker://{target}").stdout)
    assert seen["Digest"] == samples.one
    assert wardian("push", target).stdout.count(": Already exists\n") == 3


def test_a_whole_index_is_pulled_and_pushed_with_its_digest(
    wardian: Wardian, registry: Registry, samples: Samples
) -> None:
    name = f"{registry.address}/team/many:1"
    done = wardian("pull", "--all-platforms", name)
    assert done.returncode == 0, done.stderr
    with registries.registry(registry.place / "other") as other:
        target = f"{other.address}/copy/many:1"
        wardian("tag", name, target)
        done = wardian("push", target)
        assert f"digest: {samples.many}" in done.stdout, done.stderr
        raw = skopeo("inspect", "--tls-verify=false", "--raw", f"docker://{target}").stdout
        assert pictures.sha256(raw.encode()) == samples.many


def test_an_index_is_made_from_images_and_another_store_takes_its_own(
    wardian: Wardian, registry: Registry, samples: Samples, tmp_path: Path
) -> None:
    many = f"{registry.address}/team/many:1"
    for text in ("linux/arm64", "linux/s390x"):
        wardian("pull", "--platform", text, many)
        part = f"{registry.address}/parts/{text.rpartition('/')[2]}:1"
        wardian("tag", wardian("images", "-q", many).stdout.split()[0], part)
        wardian("rmi", many)
    name = f"{registry.address}/made/index:1"
    images = [f"{registry.address}/parts/{one}:1" for one in ("arm64", "s390x")]
    done = wardian("manifest", "create", name, *images)
    assert done.returncode == 0, done.stderr
    shown = json.loads(wardian("manifest", "inspect", name).stdout)
    assert [row["platform"]["architecture"] for row in shown["manifests"]] == ["arm64", "s390x"]
    done = wardian("manifest", "push", name)
    assert done.returncode == 0, done.stderr
    own = {"WARDIAN_ROOT": str(tmp_path / "other-root")}
    done = wardian("pull", "--platform", "linux/s390x", name, env=own)
    assert done.returncode == 0, done.stderr
    remote = json.loads(wardian("manifest", "inspect", name, env=own).stdout)
    assert remote["architecture" if "architecture" in remote else "schemaVersion"]


def test_skopeo_reads_our_store_and_adds_to_it(
    wardian: Wardian, registry: Registry, samples: Samples, tmp_path: Path
) -> None:
    name = f"{registry.address}/team/app:1"
    wardian("pull", name)
    layout = f"oci:{tmp_path}/w-root/images"
    seen = json.loads(skopeo("inspect", f"{layout}:{name}").stdout)
    assert seen["Digest"] == samples.one
    skopeo("copy", "--preserve-digests", f"oci:{samples.layout.path}:two", f"{layout}:theirs")
    assert {row["digest"] for row in listed(wardian)} == {samples.one, samples.two}
    done = wardian("fsck", "--json")
    assert json.loads(done.stdout)["sound"], done.stdout
    target = tmp_path / "tree"
    done = wardian("export", "--directory", str(target), "theirs")
    assert done.returncode == 0, done.stderr
    assert (target / "etc/name").read_text() == "second\n"


def test_removing_one_image_keeps_what_another_needs(
    wardian: Wardian, registry: Registry, samples: Samples, tmp_path: Path
) -> None:
    wardian("pull", f"{registry.address}/team/app:1")
    wardian("pull", f"{registry.address}/team/app:2")
    done = wardian("rmi", f"{registry.address}/team/app:1")
    assert done.stdout.splitlines()[0] == f"Untagged: {registry.address}/team/app:1"
    assert f"Deleted: {samples.one}" in done.stdout
    assert json.loads(wardian("fsck", "--json").stdout) == {
        "sound": True,
        "blobs": 4,
        "layers": 2,
        "findings": [],
    }
    assert wardian("rmi", f"{registry.address}/team/app:2").returncode == 0
    assert blobs(tmp_path) == set()
    left = [name for name in os.listdir(tmp_path / "w-root" / "layers") if name[0] != "."]
    assert left == []


def test_what_is_not_there_is_one_line_and_one(wardian: Wardian, registry: Registry) -> None:
    for argv in (
        ("pull", f"{registry.address}/no/such"),
        ("push", "nothing"),
        ("rmi", "nothing"),
        ("inspect", "nothing"),
        ("history", "nothing"),
        ("tag", "nothing", "else"),
        ("save", "nothing", "-o", "/dev/null"),
        ("manifest", "add", "nothing", "else"),
        ("pull", "localhost:1/x"),
        ("logout", "nowhere.example"),
    ):
        done = wardian(*argv)
        assert done.returncode == 1, (argv, done.stderr)
        lines = done.stderr.splitlines()
        assert lines[0].startswith("wardian: "), argv
        assert len(lines) <= 2, argv


def test_a_mirror_is_asked_first_and_the_registry_when_it_lacks_something(
    wardian: Wardian, registry: Registry, samples: Samples, tmp_path: Path
) -> None:
    with (
        registries.registry(tmp_path / "mirror") as mirror,
        registries.fault_proxy(registry.port) as origin,
    ):
        skopeo(
            *("copy", "--src-tls-verify=false", "--dest-tls-verify=false", "--preserve-digests"),
            f"docker://{registry.address}/team/app:1",
            f"docker://{mirror.address}/team/app:1",
        )
        done = wardian("pull", "--mirror", mirror.address, f"{origin.address}/team/app:1")
        assert done.returncode == 0, done.stderr
        assert origin.seen == []
        done = wardian("pull", "--mirror", mirror.address, f"{origin.address}/team/app:2")
        assert done.returncode == 0, done.stderr
        assert any("/manifests/2" in line for line in origin.seen)


def test_mirrors_can_stand_in_the_configuration(
    wardian: Wardian, registry: Registry, samples: Samples, tmp_path: Path
) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'[registries."far.example"]\nmirrors = ["http://{registry.address}"]\n')
    own = {"WARDIAN_CONFIG": str(config)}
    done = wardian("pull", "far.example/team/app:1", env=own)
    assert done.returncode == 0, done.stderr
    config.write_text('[registries."far.example"]\nmirror = "x"\n')
    done = wardian("pull", "far.example/team/app:1", env=own)
    assert done.returncode == 1
    assert ".mirror: unknown; there are mirrors, plain-http" in done.stderr


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
def test_layers_of_every_compression_are_pulled_and_pushed_as_they_are(
    wardian: Wardian, registry: Registry, tmp_path: Path, compression: str
) -> None:
    layout = pictures.Layout(tmp_path / "layout")
    row = layout.manifest([{"etc/name": b"x" * 100_000}], compression=compression)
    digest = layout.name(row, "app")
    name = f"{registry.address}/team/{compression}:1"
    skopeo(
        *("copy", "--preserve-digests", "--dest-tls-verify=false"),
        *(f"oci:{layout.path}:app", f"docker://{name}"),
    )
    done = wardian("pull", name)
    assert done.returncode == 0, done.stderr
    tree = tmp_path / "tree"
    assert wardian("export", "--directory", str(tree), name).returncode == 0
    assert (tree / "etc/name").read_bytes() == b"x" * 100_000
    done = wardian("push", name, f"{registry.address}/again/{compression}:1")
    assert f"digest: {digest}" in done.stdout, done.stderr


def test_docker_s_own_media_types_are_pulled_and_pushed_as_they_are(
    wardian: Wardian, registry: Registry, samples: Samples
) -> None:
    name = f"{registry.address}/team/docker:1"
    skopeo(
        *("copy", "--format", "v2s2", "--dest-tls-verify=false"),
        *(f"oci:{samples.layout.path}:one", f"docker://{name}"),
    )
    done = wardian("pull", name)
    assert done.returncode == 0, done.stderr
    (facts,) = json.loads(wardian("inspect", name).stdout)
    assert facts["Descriptor"]["mediaType"].startswith("application/vnd.docker.")
    assert all(one["mediaType"].startswith("application/vnd.docker.") for one in facts["Layers"])
    done = wardian("push", name, f"{registry.address}/team/docker-again:1")
    assert f"digest: {facts['Descriptor']['digest']}" in done.stdout, done.stderr


def test_podman_pulls_what_we_pushed(
    wardian: Wardian, registry: Registry, samples: Samples, tmp_path: Path
) -> None:
    requires("podman", "root")
    wardian("pull", f"{registry.address}/team/app:1")
    target = f"{registry.address}/for/podman:1"
    wardian("push", f"{registry.address}/team/app:1", target)
    # podman takes no longer path than 50 letters
    with tempfile.TemporaryDirectory(prefix="wardian-", dir="/tmp") as run:
        place = ("--root", str(tmp_path / "podman"), "--runroot", run)
        _compare_with_podman(wardian, registry, target, place)


def _compare_with_podman(
    wardian: Wardian, registry: Registry, target: str, place: tuple[str, ...]
) -> None:
    podman = ("podman", *place, "--storage-driver", "vfs")
    pulled = subprocess.run(
        [*podman, "pull", "-q", "--tls-verify=false", target],
        capture_output=True,
        text=True,
        check=False,
    )
    assert pulled.returncode == 0, pulled.stderr
    (facts,) = json.loads(wardian("inspect", f"{registry.address}/team/app:1").stdout)
    assert f"sha256:{pulled.stdout.strip()}" == facts["Id"]
    subprocess.run([*podman, "rmi", "-f", target], capture_output=True, check=True)
