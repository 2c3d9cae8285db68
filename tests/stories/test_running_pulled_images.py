"""`wardian run` fetches an image that is not here, and says so on standard error alone."""

import io
import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import wardian
from tests import pictures, registries
from tests.conftest import Wardian
from tests.machine import requires
from tests.registries import Registry, skopeo

pytestmark = pytest.mark.root


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    requires("busybox", "docker-registry", "skopeo")
    with registries.registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


def with_busybox() -> bytes:
    """A layer: /bin/busybox."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        tar.add(shutil.which("busybox") or "", "bin/busybox")
    return buffer.getvalue()


def publish(registry: Registry, place: Path, text: bytes) -> str:
    """Have an image in the registry that says something; returns its name."""
    name = f"{registry.address}/team/{place.parent.name.replace('_', '-')}:1"
    layout = pictures.Layout(place)
    run = {"Cmd": ["/bin/busybox", "cat", "/etc/text"]}
    layout.name(layout.manifest([with_busybox(), {"etc/text": text}], run=run), "app")
    skopeo("copy", "--dest-tls-verify=false", f"oci:{layout.path}:app", f"docker://{name}")
    return name


def test_it_is_fetched_when_it_is_missing(
    wardian: Wardian, registry: Registry, tmp_path: Path
) -> None:
    name = publish(registry, tmp_path / "one", b"one\n")
    done = wardian("run", "--pull", "never", name)
    assert (done.returncode, done.stdout) == (125, "")
    assert f"`wardian pull {name}` fetches it" in done.stderr
    done = wardian("run", name)
    assert (done.returncode, done.stdout) == (0, "one\n")
    assert done.stderr.splitlines()[0] == f'pulling image "{name}"'
    assert done.stderr.count("Pull complete") == 2
    done = wardian("run", name)
    assert (done.stdout, done.stderr) == ("one\n", "")


def test_a_newer_one_is_fetched_when_that_is_asked_for(
    wardian: Wardian, registry: Registry, tmp_path: Path
) -> None:
    name = publish(registry, tmp_path / "one", b"one\n")
    assert wardian("run", "--quiet", name).stderr == ""
    publish(registry, tmp_path / "two", b"two\n")
    assert wardian("run", name).stdout == "one\n"
    done = wardian("run", "--pull=always", "-q", name)
    assert (done.stdout, done.stderr) == ("two\n", "")
    digest = name.rpartition(":")[0] + "@" + pictures.sha256(b"")
    done = wardian("run", digest)
    assert done.returncode == 125
    assert len(done.stderr.splitlines()) <= 2


def test_python_hears_of_the_pull(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WARDIAN_ROOT", str(tmp_path / "w-root"))
    name = publish(registry, tmp_path / "one", b"one\n")
    heard: list[str] = []
    result = wardian.run(image=name, progress=lambda event: heard.append(event.phase))
    assert result.stdout == b"one\n"
    assert heard.count("done") == 2
    assert wardian.run(image=name, progress=heard.append).stdout == b"one\n"
    assert "done" in heard[-1]


def test_a_program_s_name_where_an_image_s_belongs(wardian: Wardian, tmp_path: Path) -> None:
    done = wardian("run", "--pull", "never", "ls", "-l")
    assert done.returncode == 125
    assert "hint: for a program of the host: wardian run -- ls ..." in done.stderr
