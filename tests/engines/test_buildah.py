"""buildah: build steps and `run` call the runtime themselves."""

import pytest

from tests import machine
from tests.engines.clients import IMAGE, Podman
from tests.engines.playground import GROUP, Playground

RUNTIME = "/usr/local/bin/wardian-oci"
# buildah takes all that the machine has where it is not told otherwise; this one has less
LIMITS = ("--ulimit", "nofile=1024:1024", "--ulimit", "nproc=4096:4096")


@pytest.fixture
def buildah(podman: Podman) -> Playground:
    """The playground, with podman's images, which buildah shares."""
    machine.requires("buildah")
    return podman.place


def test_a_command_in_a_working_container(buildah: Playground) -> None:
    name = buildah.output("buildah", "from", *LIMITS, IMAGE).strip()
    run = ["buildah", "run", "--runtime", RUNTIME, "--network", "none"]
    done = buildah.run(*run, name, "--", "sh", "-c", "id -u; echo made >/made; exit 5")
    assert (done.stdout, done.returncode) == ("0\n", 5), done.stderr
    words = ["--user", "1000", "--env", "A=b", "--workingdir", "/tmp"]
    script = "id -u; echo $A; pwd; cat /made"
    done = buildah.run(*run, *words, name, "--", "sh", "-c", script)
    assert done.stdout.split() == ["1000", "b", "/tmp", "made"], done.stderr
    buildah.output("buildah", "rm", name)


@pytest.mark.parametrize("isolation", ["oci", "chroot"])
def test_an_image_is_built(isolation: str, buildah: Playground) -> None:
    """With chroot isolation there is no runtime: the same result, for comparison."""
    context = buildah.files / f"buildah-{isolation}"
    context.mkdir()
    (context / "Containerfile").write_text(
        f"FROM {IMAGE}\nENV A=b\nRUN echo $A >/made && id -u >>/made\n"
        "USER 1000\nWORKDIR /tmp/deep\nRUN pwd >/tmp/where; id -u >>/tmp/where\n"
        "CMD cat /made /tmp/where\n"
    )
    network = "none" if isolation == "oci" else "host"
    words = ["--runtime", RUNTIME, "--isolation", isolation, "--network", network]
    parent = ["--cgroup-parent", f"/{GROUP}/buildah"]
    build = ["buildah", "bud", *LIMITS, *words, *parent, "-t", f"built-{isolation}"]
    done = buildah.run(*build, context)
    assert done.returncode == 0, done.stderr
    name = buildah.output("buildah", "from", *LIMITS, f"localhost/built-{isolation}").strip()
    said = buildah.output(
        "buildah", "run", "--isolation", "chroot", name, "--", "cat", "/made", "/tmp/where"
    )
    assert said.split() == ["b", "0", "/tmp/deep", "1000"]
    buildah.output("buildah", "rm", name)
