"""Counters in runc's words, from files as the kernel writes them (real groups: tests/kernel)."""

from pathlib import Path

from wardian.kernel import cgroup_stats


def group(directory: Path, **files: str) -> str:
    directory.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (directory / name.replace("__", ".")).write_text(text)
    return str(directory)


def test_v2_s_units_and_sums_become_those_of_v1(tmp_path: Path) -> None:
    second = group(
        tmp_path / "u",
        cpu__stat="usage_usec 10\nuser_usec 7\nsystem_usec 3\n"
        "nr_periods 5\nnr_throttled 2\nthrottled_usec 4\n",
        memory__current="100\n",
        memory__max="1000\n",
        memory__peak="300\n",
        memory__stat="anon 60\nfile 40\nkernel 9\n",
        memory__events="low 0\nmax 3\noom_kill 1\n",
    )
    group(tmp_path / "u", **{"memory.swap.current": "20\n", "memory.swap.max": "max\n"})
    group(tmp_path / "u", **{"pids.current": "4\n", "pids.max": "max\n"})
    group(tmp_path / "u", **{"io.stat": "8:0 rbytes=5 wbytes=6 rios=1 wios=2 dbytes=0 dios=0\n"})
    group(tmp_path / "u", **{"hugetlb.2MB.current": "2097152\n", "hugetlb.2MB.events": "max 7\n"})
    group(tmp_path / "u", **{"hugetlb.2MB.rsvd.current": "1\n", "cpuset.cpus.effective": "0-2\n"})
    group(tmp_path / "u", **{"cpu.pressure": "some avg10=1.50 avg60=0 avg300=0 total=12\n"})
    found = cgroup_stats.collect({"unified": second})
    assert found["cpu"]["usage"] == {"total": 10_000, "user": 7_000, "kernel": 3_000}
    assert found["cpu"]["throttling"] == {
        "periods": 5,
        "throttledPeriods": 2,
        "throttledTime": 4_000,
    }
    assert found["cpu"]["psi"]["some"]["avg10"] == 1.5
    assert found["memory"]["usage"] == {"usage": 100, "max": 300, "failcnt": 3, "limit": 1000}
    assert found["memory"]["swap"]["usage"] == 120
    assert found["memory"]["swap"]["limit"] == cgroup_stats.UNLIMITED
    assert found["memory"]["events"]["oom_kill"] == 1
    assert found["pids"] == {"current": 4}
    assert found["blkio"]["ioServiceBytesRecursive"][0] == {
        "major": 8,
        "minor": 0,
        "op": "Read",
        "value": 5,
    }
    assert found["hugetlb"] == {"2MB": {"usage": 2097152, "failcnt": 7}}
    assert found["cpuset"]["cpus"] == [0, 1, 2]


def test_v1_counts_by_controller_and_the_leaf_adds_pressure(tmp_path: Path) -> None:
    groups = {
        "unified": group(tmp_path / "u", **{"cpu.stat": "usage_usec 9\n", "io.pressure": ""}),
        "cpuacct": group(
            tmp_path / "a",
            **{
                "cpuacct.usage": "50\n",
                "cpuacct.stat": "user 2\nsystem 1\n",
                "cpuacct.usage_all": "cpu user system\n0 30 1\n1 15 4\n",
            },
        ),
        "blkio": group(
            tmp_path / "b",
            **{
                "blkio.bfq.io_serviced_recursive": "Total 0\n",
                "blkio.throttle.io_serviced_recursive": "8:0 Read 7\n8:0 Total 7\nTotal 7\n",
            },
        ),
    }
    found = cgroup_stats.collect(groups)
    assert found["cpu"]["usage"] == {
        "total": 50,
        "user": 20_000_000,
        "kernel": 10_000_000,
        "percpu": [31, 19],
        "percpu_user": [30, 15],
        "percpu_kernel": [1, 4],
    }
    assert found["blkio"] == {
        "ioServicedRecursive": [{"major": 8, "minor": 0, "op": "Read", "value": 7}]
    }
    assert "memory" not in found


def test_a_group_that_is_gone_counts_nothing() -> None:
    assert cgroup_stats.collect({"unified": "/nowhere", "memory": "/nowhere"}) == {
        "memory": {"raw": {}, "cache": 0, "events": {"oom_kill": 0}}
    }
