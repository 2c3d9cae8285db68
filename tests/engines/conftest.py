"""Fixtures that start the engines. Nothing is installed here: a test says what it misses."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests import machine, roots, runtimes, users
from tests.engines import playground as places
from tests.engines.clients import IMAGE, Docker, Podman, image_archive, snippet
from tests.engines.playground import Playground
from tests.people import Person, seated

DAEMON_PATIENCE_S = 60.0
REGISTRY_PORT = 5000  # the playground has a network of its own
HERE = os.path.dirname(__file__)
Sit = Callable[..., Person]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test here is marked engines, root and slow."""
    for item in items:
        if str(item.path).startswith(HERE):
            for mark in ("engines", "root", "slow"):
                item.add_marker(mark)


@pytest.fixture(scope="session")
def engine_user(installed: Path) -> Iterator[users.User]:
    """An ordinary user who was there before the playground took its copy of /etc."""
    with users.user("engines", installed, subordinates=True) as user:
        yield user


@pytest.fixture(scope="session")
def place(installed: Path, engine_user: users.User) -> Iterator[Playground]:
    """The place where all engines of this session run."""
    runtime = runtimes.runtime_program()
    if runtimes.is_ours() and not os.environ.get("WARDIAN_OCI_RUNTIME"):
        runtime = installed / "bin" / "wardian-oci"  # one that ordinary users may run too
    with places.playground(runtime) as opened:
        yield opened


@pytest.fixture(scope="session")
def archive(place: Playground, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image's root file system as an archive."""
    root = roots.busybox(tmp_path_factory.mktemp("image"))
    (root / "etc" / "passwd").write_text(
        "root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000:app:/home:/bin/sh\n"
    )
    (root / "etc" / "group").write_text("root:x:0:\napp:x:1000:\nmore:x:2000:app\n")
    (root / "home" / "notes").write_text("of the image\n")
    (root / "bin" / "no-program").write_text("no program\n")
    return image_archive(place, root)


@pytest.fixture(scope="session")
def podman(place: Playground, archive: Path) -> Podman:
    """podman as root, with the guide's containers.conf and an image."""
    machine.requires("podman")
    place.write("/etc/containers/containers.conf", snippet("/etc/containers/containers.conf"))
    client = Podman(place)
    client.output("import", archive, IMAGE)
    return client


@pytest.fixture(scope="session")
def docker(place: Playground, archive: Path) -> Iterator[Docker]:
    """docker with a daemon, with the guide's daemon.json and an image."""
    machine.requires("docker")
    place.write("/etc/docker/daemon.json", snippet("/etc/docker/daemon.json"))
    client = Docker(place)
    log = place.files / "dockerd.log"
    daemon = place.start("dockerd", "--iptables=false", "--bridge=none", log=log)
    try:
        ready = machine.until(lambda: not client("version").returncode, DAEMON_PATIENCE_S)
        assert ready, log.read_text(errors="replace")
        client.output("import", archive, "box:1")
        yield client
    finally:
        end(daemon)


@pytest.fixture(scope="session")
def containerd(place: Playground) -> Iterator[Playground]:
    """containerd, with the guide's config.toml."""
    machine.requires("containerd")
    place.write("/etc/containerd/config.toml", snippet("/etc/containerd/config.toml"))
    log = place.files / "containerd.log"
    listing = ("ctr", "plugins", "ls", "id==cri")
    daemon = place.start("containerd", log=log)
    try:
        ready = machine.until(lambda: place.run(*listing).stdout.count(" ok"), DAEMON_PATIENCE_S)
        assert ready, log.read_text(errors="replace")
        yield place
    finally:
        end(daemon)


@pytest.fixture(scope="session")
def registry(place: Playground) -> Iterator[str]:
    """A docker-registry in the playground; its address, with the slash."""
    machine.requires("docker-registry")
    config = {
        "version": "0.1",
        "log": {"level": "error"},
        "http": {"addr": f"127.0.0.1:{REGISTRY_PORT}"},
        "storage": {"filesystem": {"rootdirectory": f"{place.files}/registry"}},
    }
    place.write("/etc/registry.yml", json.dumps(config))  # JSON is YAML
    log = place.files / "registry.log"
    server = place.start("docker-registry", "serve", "/etc/registry.yml", log=log)
    try:
        sockets = Path(f"/proc/{place.pid}/net/tcp")
        ready = machine.until(
            lambda: f":{REGISTRY_PORT:04X} 00000000:0000 0A" in sockets.read_text(), 20
        )
        assert ready, log.read_text()
        yield f"localhost:{REGISTRY_PORT}/"
    finally:
        end(server)


def end(daemon: "subprocess.Popen[bytes]") -> None:
    """Let a daemon stop in its own way."""
    children = f"/proc/{daemon.pid}/task/{daemon.pid}/children"
    for pid in Path(children).read_text(encoding="utf-8").split():
        os.kill(int(pid), 15)
    try:
        daemon.wait(20)
    except subprocess.TimeoutExpired:
        daemon.kill()
        daemon.wait()


@pytest.fixture
def sit() -> Iterator[Sit]:
    """Somebody sits down at a terminal: sit(argv)."""
    with ExitStack() as stack:
        yield lambda argv, **options: stack.enter_context(seated(argv, **options))
