"""Limits bind from the first instruction, and what was used comes back."""

import os
from pathlib import Path

import pytest

import wardian

pytestmark = pytest.mark.root

EAT = "x = bytearray({} << 20); print(len(x))"


def test_too_much_memory_is_an_oom_kill_and_says_so() -> None:
    result = wardian.run(["python3", "-c", EAT.format(200)], memory="64m", memory_swap="64m")
    assert result.exit_code == 137
    assert result.oom_killed
    assert result.usage.oom_kills >= 1


def test_memory_under_the_limit_is_fine_and_the_peak_is_told() -> None:
    result = wardian.run(["python3", "-c", EAT.format(40)], memory="128m")
    assert result.exit_code == 0, result.stderr
    assert not result.oom_killed
    assert result.usage.source == "cgroup"
    assert 40 << 20 <= result.usage.peak_memory_bytes <= 128 << 20


def test_without_a_limit_usage_comes_from_the_processes() -> None:
    result = wardian.run(["python3", "-c", EAT.format(40)])
    assert result.usage.source == "rusage"
    assert result.usage.peak_memory_bytes >= 40 << 20
    assert 0 < result.usage.cpu_s <= result.usage.wall_s * (os.cpu_count() or 1) + 0.1


def test_processes_are_limited() -> None:
    script = "for i in 1 2 3 4 5 6 7 8 9; do sleep 0.2 & done; wait"
    result = wardian.run(["sh", "-c", script], pids_limit=5)
    assert b"ork" in result.stderr


def test_open_files_are_limited() -> None:
    result = wardian.run(["sh", "-c", "ulimit -n; ulimit -Hn"], ulimit=["nofile=64:128"])
    assert result.stdout.split() == [b"64", b"128"]


def test_a_cpuset_pins() -> None:
    result = wardian.run(["sh", "-c", "grep Cpus_allowed_list /proc/self/status"], cpuset_cpus="0")
    assert result.stdout.split()[-1] == b"0"


def test_a_cpu_quota_is_enforced_by_the_kernel() -> None:
    spin = "import time; end = time.perf_counter() + 0.5\nwhile time.perf_counter() < end: pass"
    result = wardian.run(["python3", "-c", spin], cpus="0.2")
    # a fifth of the time that it ran, and the slices of the last period
    assert result.usage.cpu_s < 0.2 * result.usage.wall_s + 0.15


def test_the_control_group_is_gone_afterwards() -> None:
    wardian.run(["true"], memory="64m", pids_limit=10, cpus="1")
    mine = f"*/wardian-{os.getpid()}-*"
    assert not list(Path("/sys/fs/cgroup").glob(mine))


def test_a_memory_limit_that_nothing_fits_in_is_refused() -> None:
    with pytest.raises(wardian.WardianError, match="6"):
        wardian.run(["true"], memory="1m")


def test_a_cpuset_that_the_machine_lacks_is_refused() -> None:
    with pytest.raises(wardian.WardianError, match="999"):
        wardian.run(["true"], cpuset_cpus="999")


def test_limits_are_written_before_the_box_starts() -> None:
    container = wardian.Container(["true"], memory="64m", pids_limit=10)
    order = [step.name for step in container.plan.steps]
    assert order.index("cgroup") < order.index("clone")
    container.start()
    container.wait()
