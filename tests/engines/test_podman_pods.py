"""podman: networks, and pods whose containers share namespaces."""

from tests import machine
from tests.engines.clients import IMAGE, Podman

LOOK = "for n in net ipc uts pid mnt; do readlink /proc/self/ns/$n; done"


def test_a_bridge_between_two_containers(podman: Podman) -> None:
    podman.output("network", "create", "--subnet", "10.89.7.0/24", "yard")
    try:
        serve = "while :; do echo hello | nc -l -p 8000; done"
        words = ["--name", "server", "--network", "yard", "--ip", "10.89.7.5"]
        podman.output("run", "-d", *words, IMAGE, "sh", "-c", serve)
        script = "ip -o addr show eth0 | grep -c 10.89.7; nc 10.89.7.5 8000 </dev/null"
        said = podman.shell("--network", "yard", script=script)
        assert said.split() == ["1", "hello"]
        assert podman.shell(
            "--network", "container:server", script="nc 127.0.0.1 8000"
        ).split() == ["hello"]
        podman.output("rm", "-f", "-t", "0", "server")
    finally:
        podman.output("network", "rm", "-f", "yard")


def test_a_published_port(podman: Podman) -> None:
    serve = "while :; do echo hello | nc -l -p 8000; done"
    words = ["--name", "port", "-p", "127.0.0.1:18000:8000"]
    podman.output("run", "-d", *words, IMAGE, "sh", "-c", serve)
    ask = ["sh", "-c", "busybox nc -w 2 127.0.0.1 18000 </dev/null"]
    assert machine.until(lambda: podman.place.run(*ask).stdout == "hello\n", 10)
    podman.output("rm", "-f", "-t", "0", "port")


def test_containers_of_a_pod_share_what_pods_share(podman: Podman) -> None:
    podman.output("pod", "create", "--name", "pea", "--network", "none", "--hostname", "pod")
    podman.sleeping("pea-1", "--pod", "pea")
    podman.sleeping("pea-2", "--pod", "pea")
    one = podman.output("exec", "pea-1", "sh", "-c", LOOK).split()
    two = podman.output("exec", "pea-2", "sh", "-c", LOOK).split()
    assert one[:3] == two[:3]
    assert not set(one[3:]) & set(two[3:])
    assert podman.output("exec", "pea-2", "hostname") == "pod\n"
    podman.output("exec", "-d", "pea-1", "sh", "-c", "echo hello | nc -l -p 8000")
    ask = ("exec", "pea-2", "sh", "-c", "nc 127.0.0.1 8000 </dev/null")
    assert machine.until(lambda: podman(*ask).stdout == "hello\n", 10)
    podman.output("pod", "pause", "pea")
    podman.output("pod", "unpause", "pea")
    assert len(podman.output("pod", "top", "pea", "pid").splitlines()) > 2
    podman.output("pod", "stop", "-t", "1", "pea")
    podman.output("pod", "start", "pea")
    podman.output("pod", "rm", "-f", "-t", "0", "pea")


def test_containers_of_a_pod_may_share_processes(podman: Podman) -> None:
    """Whoever is left when the first process of a shared namespace ends, is ended too."""
    podman.output("pod", "create", "--name", "pod", "--network", "none", "--share", "pid,ipc,uts")
    podman.sleeping("pod-1", "--pod", "pod")
    said = podman.output("run", "--rm", "--pod", "pod", IMAGE, "sh", "-c", "cat /proc/1/comm; ps")
    assert said.splitlines()[0] == "catatonit"
    assert "sleep 0.1" in said
    podman.output("stop", "-t", "0", "pod-1")
    podman.output("pod", "rm", "-f", "-t", "0", "pod")
