"""podman with systemd's control groups, and wardian-oci as its runtime: as root, and as a user."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from tests import machine, roots, scopes
from tests.engines.clients import IMAGE, snippet
from tests.runtimes import Done
from tests.users import User

pytestmark = [pytest.mark.root, pytest.mark.lab_systemd]

MIB = 1 << 20
LIMITS = ["--memory", "64m", "--memory-swap", "96m", "--cpus", "0.5", "--pids-limit", "33"]
ENFORCED = {
    "memory.max": str(64 * MIB),
    "memory.swap.max": str(32 * MIB),
    "cpu.max": "50000 100000",
    "pids.max": "33",
}
Call = Callable[[Sequence[str]], Done]


class Podman:
    """podman's command line; containers have no network."""

    def __init__(self, call: Call) -> None:
        self.call = call

    def output(self, *words: str) -> str:
        """Call it; it must succeed. Returns what it printed."""
        done = self.call(["podman", *words])
        assert done.returncode == 0, f"{words}: {done.returncode}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def run(self, *words: str) -> Done:
        """Run a container to its end."""
        return self.call(["podman", "run", "--rm", "--network=none", *words])

    def sleeping(self, *options: str) -> str:
        """Start a container that goes on; returns its id."""
        return self.output(
            *("run", "-d", "--network=none", "--stop-timeout=0", *options, IMAGE, "sleep", "1000")
        )

    def pid(self, container: str) -> int:
        """Its first process."""
        return int(self.output("inspect", "--format", "{{.State.Pid}}", container))

    def fact(self, path: str) -> str:
        """What `podman info` says."""
        return self.output("info", "--format", f"{{{{.{path}}}}}")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory for everybody: the guide's file as it is for systemd, and an image to import."""
    machine.requires("podman")
    place = tmp_path_factory.mktemp("podman")
    for path in (place, *place.parents):
        if path.owner() == "root" and path.stat().st_mode & 0o5 != 0o5:
            path.chmod(0o755)
    rows = snippet("/etc/containers/containers.conf").splitlines()
    # "leave both out where there is" systemd, says the guide
    kept = [row for row in rows if not row.startswith(("cgroup_manager", "events_logger"))]
    (place / "containers.conf").write_text("\n".join(kept))
    (place / "policy.json").write_text('{"default": [{"type": "insecureAcceptAnything"}]}')
    root = roots.busybox(place)
    pack = ["tar", "-C", str(root), "--owner=0", "--group=0", "-cf", str(place / "box.tar"), "."]
    subprocess.run(pack, check=True)
    return place


@pytest.fixture(scope="module")
def podman(files: Path) -> Iterator[Podman]:
    """podman as root, with an image."""
    environment = {**os.environ, "CONTAINERS_CONF": str(files / "containers.conf")}

    def call(words: Sequence[str]) -> Done:
        return subprocess.run(
            words,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    client = Podman(call)
    client.output("import", str(files / "box.tar"), IMAGE)
    yield client
    client.output("rm", "-f", "-a", "-t", "0")
    assert scopes.gone("libpod-*.scope")


@pytest.fixture(scope="module")
def rootless(files: Path, ordinary_user: User) -> Iterator[tuple[Podman, User]]:
    """podman as an ordinary user whose manager runs."""
    own = {"CONTAINERS_CONF": str(files / "containers.conf")}
    with scopes.lingering(ordinary_user) as environment:
        client = Podman(
            lambda words: ordinary_user.run(words, env={**environment, **own}, timeout_s=300)
        )
        client.output("import", str(files / "box.tar"), IMAGE)
        yield client, ordinary_user
        client.output("rm", "-f", "-a", "-t", "0")
        client.output("system", "migrate")  # ends the process that holds its user namespace


def test_podman_finds_the_runtime_and_systemd_by_itself(podman: Podman) -> None:
    assert podman.fact("Host.OCIRuntime.Name") == "wardian"
    assert podman.fact("Host.CgroupManager") == "systemd"


def test_a_container_s_life_in_a_scope(podman: Podman) -> None:
    name = podman.sleeping(*LIMITS)
    unit = f"libpod-{name}.scope"
    group = scopes.group_of(podman.pid(name))
    assert group == f"/machine.slice/{unit}"
    assert scopes.limits(group, *ENFORCED) == ENFORCED
    scopes.systemctl("daemon-reload")
    assert scopes.limits(group, *ENFORCED) == ENFORCED
    assert podman.output("exec", name, "hostname") == name[:12]
    podman.output("update", "--memory", "48m", name)
    assert scopes.properties(unit, "MemoryMax") == {"MemoryMax": str(48 * MIB)}
    podman.output("pause", name)
    assert "frozen 1" in scopes.limits(group, "cgroup.events")["cgroup.events"]
    podman.output("unpause", name)
    (stats,) = json.loads(podman.output("stats", "--no-stream", "--format", "json", name))
    assert stats["pids"] == "1"
    podman.output("stop", name)
    assert scopes.gone(unit)
    podman.output("start", name)
    assert scopes.limits(group, "memory.max") == {"memory.max": str(48 * MIB)}
    podman.output("rm", "-f", name)
    assert scopes.gone(unit)


def test_exit_codes_and_output_come_back(podman: Podman) -> None:
    done = podman.run(IMAGE, "sh", "-c", "echo said; exit 9")
    assert (done.returncode, done.stdout) == (9, "said\n")
    eat = ["dd", "if=/dev/zero", "of=/dev/null", "bs=200M", "count=1"]
    limits = ["--memory", "32m", "--memory-swap", "32m"]
    assert podman.run(*limits, IMAGE, *eat).returncode == 137


def test_a_pod_is_a_slice_with_its_containers_scopes(podman: Podman) -> None:
    pod = podman.output("pod", "create", "--infra=false", "--memory", "80m")
    try:
        name = podman.sleeping("--pod", pod)
        group = scopes.group_of(podman.pid(name))
        parent = f"/machine.slice/machine-libpod_pod_{pod}.slice"
        assert group == f"{parent}/libpod-{name}.scope"
        assert scopes.limits(parent, "memory.max") == {"memory.max": str(80 * MIB)}
    finally:
        podman.output("pod", "rm", "-f", "-t", "0", pod)
    assert scopes.gone(f"libpod-{name}.scope")


def test_an_ordinary_user_s_containers_have_limits(rootless: tuple[Podman, User]) -> None:
    podman, user = rootless
    assert podman.fact("Host.CgroupManager") == "systemd"
    name = podman.sleeping(*LIMITS)
    group = scopes.group_of(podman.pid(name))
    manager = f"/user.slice/user-{user.uid}.slice/user@{user.uid}.service"
    assert group == f"{manager}/user.slice/libpod-{name}.scope"
    assert scopes.limits(group, *ENFORCED) == ENFORCED
    assert podman.output("exec", name, "id", "-u") == "0"
    podman.output("rm", "-f", name)
    assert not (scopes.CGROUPS / group.strip("/")).exists()
    eat = ["dd", "if=/dev/zero", "of=/dev/null", "bs=200M", "count=1"]
    limits = ["--memory", "32m", "--memory-swap", "32m"]
    assert podman.run(*limits, IMAGE, *eat).returncode == 137
