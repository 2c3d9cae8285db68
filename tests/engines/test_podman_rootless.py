"""podman as an ordinary user: the runtime is called in a user namespace, without control groups."""

import subprocess

import pytest

from tests import machine, users
from tests.engines.clients import IMAGE
from tests.engines.playground import Playground
from tests.runtimes import Done


class Rootless:
    """podman as an ordinary user of the playground."""

    def __init__(self, place: Playground, user: users.User) -> None:
        self.place, self.user = place, user

    def __call__(self, *words: str) -> Done:
        ids = ["--reuid", str(self.user.uid), "--regid", str(self.user.gid), "--clear-groups"]
        argv = self.place.argv("env", "-C", self.user.home, "setpriv", *ids, "podman", *words)
        return subprocess.run(
            argv,
            env=self.user.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def output(self, *words: str) -> str:
        """Call it; it must succeed."""
        done = self(*words)
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def rootless(podman: object, place: Playground, engine_user: users.User) -> Rootless:
    """podman of an ordinary user, with an image."""
    machine.requires("newuidmap")
    client = Rootless(place, engine_user)
    client.output("import", str(place.files / "box.tar"), IMAGE)
    return client


def test_root_of_the_container_is_the_user(rootless: Rootless) -> None:
    script = "id -u; touch /root/x && stat -c %u /root/x; head -1 /proc/self/uid_map"
    said = rootless.output("run", "--rm", "--network", "none", IMAGE, "sh", "-c", script).split()
    assert said[:4] == ["0", "0", "0", str(rootless.user.uid)]


def test_another_user_and_exit_codes(rootless: Rootless) -> None:
    words = ["run", "--rm", "--network", "none"]
    assert rootless.output(*words, "--user", "1000", IMAGE, "id", "-u") == "1000\n"
    assert rootless(*words, IMAGE, "sh", "-c", "exit 9").returncode == 9
    assert rootless(*words, IMAGE, "nowhere").returncode == 127


def test_exec_and_stop(rootless: Rootless) -> None:
    words = ["run", "-d", "--name", "box", "--network", "none", "--init"]
    rootless.output(*words, IMAGE, "sleep", "1000")
    assert rootless.output("exec", "box", "id", "-u") == "0\n"
    rootless.output("stop", "-t", "2", "box")
    assert rootless.output("wait", "box").strip() in ("143", "137")
    rootless.output("rm", "box")
