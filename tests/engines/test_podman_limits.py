"""podman: each limit is read from inside of the container, and from its control group."""

from tests.engines.clients import IMAGE, Podman

MIB = 1 << 20
CGROUP = "/sys/fs/cgroup"


def limits(podman: Podman, *options: str, files: dict[str, str]) -> dict[str, str]:
    """Start a container, and read files of its control group; removed afterwards.

    Args:
        podman: the client.
        options: of run.
        files: names in control groups version 1, with the names in version 2.
    """
    name = podman.sleeping("limited", *options)
    try:
        identity = podman.inspect(name)["Id"]
        found = {}
        for old, new in files.items():
            for group in podman.place.groups(identity):
                for file in (old, new):
                    if (group / file).exists():
                        found[file] = (group / file).read_text().strip()
        return found
    finally:
        podman.output("rm", "-f", "-t", "0", name)


def test_memory_is_limited(podman: Podman) -> None:
    words = ["--memory", "64m", "--memory-swap", "64m", "--memory-reservation", "32m"]
    files = {
        "memory.limit_in_bytes": "memory.max",
        "memory.soft_limit_in_bytes": "memory.low",
        "memory.memsw.limit_in_bytes": "memory.swap.max",
    }
    found = limits(podman, *words, files=files)
    assert int(found.get("memory.limit_in_bytes") or found["memory.max"]) == 64 * MIB
    assert int(found.get("memory.soft_limit_in_bytes") or found["memory.low"]) == 32 * MIB
    if "memory.swap.max" in found:
        assert found["memory.swap.max"] == "0"


def test_memory_from_inside(podman: Podman) -> None:
    script = f"cat {CGROUP}/memory/memory.limit_in_bytes {CGROUP}/memory.max 2>/dev/null"
    assert podman.shell("--memory", "64m", script=script + "; true").split() == [str(64 * MIB)]


def test_more_memory_than_the_limit_is_137(podman: Podman) -> None:
    words = ["--memory", "32m", "--memory-swap", "32m"]
    eat = ["dd", "if=/dev/zero", "of=/dev/null", "bs=200M", "count=1"]
    assert podman("run", "--rm", *words, IMAGE, *eat).returncode == 137


def test_processors_are_shared(podman: Podman) -> None:
    words = ["--cpus", "0.5", "--cpu-shares", "512", "--cpuset-cpus", "0"]
    files = {
        "cpu.cfs_quota_us": "cpu.max",
        "cpu.cfs_period_us": "cpu.max",
        "cpu.shares": "cpu.weight",
        "cpuset.cpus": "cpuset.cpus",
    }
    found = limits(podman, *words, files=files)
    assert found["cpuset.cpus"] == "0"
    if "cpu.max" in found:
        assert found["cpu.max"] == "50000 100000"
    else:
        assert (found["cpu.cfs_quota_us"], found["cpu.cfs_period_us"]) == ("50000", "100000")
        assert found["cpu.shares"] == "512"
    assert podman.shell("--cpuset-cpus", "1", script="nproc") == "1\n"


def test_the_number_of_processes(podman: Podman) -> None:
    assert limits(podman, "--pids-limit", "17", files={"pids.max": "pids.max"}) == {
        "pids.max": "17"
    }
    script = "for n in 1 2 3 4 5 6 7 8; do sleep 1 & done; echo no"
    done = podman("run", "--rm", "--pids-limit", "5", IMAGE, "sh", "-c", script)
    assert "fork" in done.stderr


def test_block_devices(podman: Podman) -> None:
    words = ["--device-write-bps", "/dev/vda:1mb"]
    if not podman.place.run("test", "-b", "/dev/vda").returncode:
        files = {"blkio.throttle.write_bps_device": "io.max"}
        found = limits(podman, *words, files=files)
        assert any("1048576" in value for value in found.values()), found


def test_a_container_without_limits_is_in_a_group_too(podman: Podman) -> None:
    name = podman.sleeping("free")
    identity = podman.inspect(name)["Id"]
    assert podman.place.groups(identity)
    podman.output("rm", "-f", "-t", "0", name)
    assert not podman.place.groups(identity)


def test_limits_are_changed_while_it_runs(podman: Podman) -> None:
    name = podman.sleeping("changed", "--cpus", "0.5")
    identity = podman.inspect(name)["Id"]
    done = podman("update", "--cpus", "0.25", "--memory", "48m", name)
    assert done.returncode == 0, done.stderr
    for old, new, value in (
        ("cpu.cfs_quota_us", "cpu.max", "25000"),
        ("memory.limit_in_bytes", "memory.max", str(48 * MIB)),
    ):
        groups = podman.place.groups(identity)
        texts = [
            (group / file).read_text()
            for group in groups
            for file in (old, new)
            if (group / file).exists()
        ]
        assert any(text.split()[0] == value for text in texts), texts
    podman.output("rm", "-f", "-t", "0", name)
