"""Limits in docker's words become OCI resources."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardian.engine import resource_words
from wardian.errors import NotFoundError, UsageError


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ({}, {}),
        ({"memory": "64m"}, {"memory": {"limit": 64 << 20}}),
        ({"memory": "0", "pids_limit": "-1"}, {}),
        ({"pids_limit": 0}, {}),
        (
            {"memory": "64m", "memory_swap": "-1", "memory_reservation": "10m"},
            {"memory": {"limit": 64 << 20, "swap": -1, "reservation": 10 << 20}},
        ),
        ({"cpus": "1.5"}, {"cpu": {"quota": 150000, "period": 100000}}),
        ({"cpu_quota": 50000, "cpu_period": "10000"}, {"cpu": {"quota": 50000, "period": 10000}}),
        ({"cpu_shares": 512, "cpuset_cpus": "0-1"}, {"cpu": {"shares": 512, "cpus": "0-1"}}),
        ({"cpu_shares": 1}, {"cpu": {"shares": 2}}),  # the kernel's least
        ({"cpus": "0", "cpu_shares": 0, "cpu_period": "0", "cpu_quota": "0"}, {}),
        ({"cpus": "0.0", "cpu_quota": "-1", "blkio_weight": "0", "memory_swappiness": "-1"}, {}),
        ({"cpus": "1", "cpu_quota": 0}, {"cpu": {"quota": 100000, "period": 100000}}),
        ({"memory": "64m", "memory_swap": "0"}, {"memory": {"limit": 64 << 20}}),
        ({"memory_swap": "0"}, {}),
        ({"pids_limit": "100"}, {"pids": {"limit": 100}}),
        ({"blkio_weight": "300"}, {"blockIO": {"weight": 300}}),
    ],
)
def test_a_limit_is_in_the_specification_s_words(
    words: dict[str, Any], wanted: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    assert resource_words.resources(words) == wanted


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"memory": "1m"}, "below 6m"),
        ({"memory": "x"}, 'memory "x"'),
        ({"memory_swap": "1g"}, "needs --memory"),
        ({"memory": "1g", "memory_swap": "1m"}, "below --memory"),
        ({"cpus": "5"}, "this machine has 4"),
        ({"cpus": "0.001"}, 'cpus "0.001"'),
        ({"cpus": "00..0"}, 'cpus "00..0"'),
        ({"cpu_shares": "-1"}, "from 1 to 262144"),
        ({"memory": "64m", "memory_reservation": "1g"}, 'memory-reservation "1g" is above'),
        ({"cpuset_cpus": "0-a"}, 'cpuset-cpus "0-a"'),
        ({"cpuset_mems": "1-"}, 'cpuset-mems "1-"'),
        ({"cpus": "1", "cpu_quota": "5000"}, "excludes"),
        ({"cpu_period": "999"}, "cpu-period"),
        ({"cpu_quota": "999"}, "cpu-quota"),
        ({"pids_limit": "many"}, 'pids-limit "many"'),
        ({"pids_limit": "--5"}, "pids-limit"),
        ({"blkio_weight": "5"}, "from 10 to 1000"),
        ({"memory_swappiness": "101"}, "from -1 to 100"),
        ({"device_read_bps": ["/dev/null:1m"]}, "not a block device"),
    ],
)
def test_a_wrong_limit_is_named(
    words: dict[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    with pytest.raises(UsageError) as found:
        resource_words.resources(words)
    assert message in str(found.value)


def test_a_device_must_be_there() -> None:
    with pytest.raises(NotFoundError, match="/dev/nowhere"):
        resource_words.resources({"device_write_iops": "/dev/nowhere:5"})


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("nofile=1024", ("RLIMIT_NOFILE", 1024, 1024)),
        ("nofile=1024:2048", ("RLIMIT_NOFILE", 1024, 2048)),
        ("core=-1", ("RLIMIT_CORE", -1, -1)),
        ("memlock=5:unlimited", ("RLIMIT_MEMLOCK", 5, -1)),
    ],
)
def test_a_ulimit_is_docker_s(text: str, limit: tuple[str, int, int]) -> None:
    assert resource_words.ulimit(text) == limit


@pytest.mark.parametrize(
    "text",
    ["", "nofile", "nofile=", "nofil=1", "nofile=x", "nofile=2:1", "nofile=-1:5", "nofile=-2"],
)
def test_what_is_no_ulimit_is_named(text: str) -> None:
    with pytest.raises(UsageError) as found:
        resource_words.ulimit(text)
    assert f'ulimit "{text}"' in str(found.value)


@given(st.integers(0, 1 << 62), st.integers(0, 1 << 62))
def test_a_soft_limit_is_never_above_the_hard_one(soft: int, hard: int) -> None:
    try:
        found = resource_words.ulimit(f"nproc={soft}:{hard}")
    except UsageError:
        assert soft > hard
        return
    assert found == ("RLIMIT_NPROC", soft, hard)
    assert soft <= hard


@given(st.text("nofile=:-1u", max_size=14))
def test_any_words_are_a_ulimit_or_refused(text: str) -> None:
    try:
        name, _soft, _hard = resource_words.ulimit(text)
    except UsageError:
        return
    assert name == "RLIMIT_NOFILE"
