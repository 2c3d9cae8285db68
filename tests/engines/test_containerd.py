"""containerd: by ctr, and by its CRI as a kubelet calls it for a RuntimeClass."""

import json
import re
from collections.abc import Iterator

import pytest

from tests import machine
from tests.engines import cri
from tests.engines.clients import GUIDE
from tests.engines.playground import GROUP, Playground
from tests.people import seated
from tests.runtimes import Done

IMAGE = "localhost/box:1"
RUNTIME = "/usr/local/bin/wardian-oci"


@pytest.fixture(scope="session")
def ctr(containerd: Playground, archive: object) -> Playground:
    """containerd with the image, which has to be an OCI or docker archive."""
    layout = containerd.files / "oci.tar"
    machine.requires("podman")
    command = 'CMD ["/bin/sleep", "1000000"]'
    containerd.output("podman", "import", "-q", "--change", command, "box.tar", IMAGE)
    containerd.output("podman", "save", "-q", "--format", "oci-archive", "-o", layout, IMAGE)
    for space in ("default", "k8s.io"):
        containerd.output("ctr", "-n", space, "images", "import", layout)
    # what a sandbox's own process is made of, which containerd would fetch
    settings = containerd.output("containerd", "config", "dump")
    (pause,) = re.findall(r'sandbox_image = "(.*)"', settings)
    containerd.output("ctr", "-n", "k8s.io", "images", "tag", IMAGE, pause)
    return containerd


def run(place: Playground, *words: str, name: str = "one") -> Done:
    options = ["--runc-binary", RUNTIME, "--cgroup", f"/{GROUP}/ctr/{name}"]
    return place.run("ctr", "run", *options, *words)


def test_run_ends_as_the_program_does(ctr: Playground) -> None:
    done = run(ctr, "--rm", IMAGE, "one", "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (done.stdout, done.returncode) == ("out\n", 7), done.stderr
    done = run(ctr, "--rm", IMAGE, "one", "nowhere")
    assert done.returncode != 0
    assert "executable file not found" in done.stderr or "no such file" in done.stderr


def test_a_task_from_its_start_to_its_end(ctr: Playground) -> None:
    words = ["-d", "--memory-limit", "67108864", "--env", "A=b", "--read-only"]
    done = run(ctr, *words, IMAGE, "task", "sleep", "1000", name="task")
    assert done.returncode == 0, done.stderr
    task = ("ctr", "task")
    assert "RUNNING" in ctr.output(*task, "ls")
    script = "echo $A; touch /x 2>/dev/null || echo no; exit 6"
    done = ctr.run(*task, "exec", "--exec-id", "e1", "task", "sh", "-c", script)
    assert (done.stdout, done.returncode) == ("b\nno\n", 6), done.stderr
    assert len(ctr.output(*task, "ps", "task").splitlines()) == 2
    assert "67108864" in ctr.output(*task, "metrics", "--format", "json", "task")
    ctr.output(*task, "pause", "task")
    assert "PAUSED" in ctr.output(*task, "ls")
    ctr.output(*task, "resume", "task")
    ctr.output(*task, "kill", "-s", "SIGKILL", "task")
    assert machine.until(lambda: "STOPPED" in ctr.output(*task, "ls"))
    assert ctr.run(*task, "rm", "task").returncode in (0, 137)
    ctr.output("ctr", "containers", "rm", "task")


def test_a_terminal(ctr: Playground) -> None:
    options = ["--rm", "-t", "--runc-binary", RUNTIME, "--cgroup", f"/{GROUP}/ctr/tty"]
    argv = ctr.argv("ctr", "run", *options, "--env", "PS1=> ", IMAGE, "tty", "sh")
    with seated(argv, env=ctr.env) as person:
        person.wait_for("> ")
        person.type("tty; exit 5\n")
        person.wait_for("/dev/pts/0\r")
        assert person.end() == 5


# ---- the container runtime interface -------------------------------------------------------------


@pytest.fixture
def sandbox(ctr: Playground) -> Iterator[tuple[cri.Service, str]]:
    """A pod sandbox of the handler that the guide's RuntimeClass names."""
    assert "handler: wardian\n" in GUIDE.read_text(encoding="utf-8")
    service = cri.Service(ctr)
    identity = service.run_sandbox("pod", handler="wardian", parent=f"/{GROUP}/cri")
    yield service, identity
    service.call("StopPodSandbox", [(1, identity)])
    service.call("RemovePodSandbox", [(1, identity)])


def test_a_kubelet_s_calls(sandbox: tuple[cri.Service, str]) -> None:
    service, pod = sandbox
    words = ["sh", "-c", "trap 'exit 0' TERM; echo $A; while :; do sleep 0.1; done"]
    container = service.create_container(pod, "box", IMAGE, words, {"A": "b"})
    service.call("StartContainer", [(1, container)])
    said, code = service.exec(container, ["sh", "-c", "echo $A $(id -u); exit 4"])
    assert (said, code) == ("b 0\n", 4)
    info = json.loads(service.info(container))
    assert info["runtimeType"] == "io.containerd.runc.v2"
    assert info["runtimeOptions"]["binary_name"] == RUNTIME
    service.call("StopContainer", [(1, container), (2, 5)])
    service.call("RemoveContainer", [(1, container)])


def test_an_unknown_handler_is_refused(ctr: Playground) -> None:
    with pytest.raises(cri.RefusedError, match="no runtime for"):
        cri.Service(ctr).run_sandbox("other", handler="nobody", parent=f"/{GROUP}/cri")
