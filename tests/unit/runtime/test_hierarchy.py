"""A limit goes to the hierarchy that has its controller, in that hierarchy's words."""

import pytest

from wardian.errors import UnsupportedError
from wardian.runtime.hierarchy import Hierarchies


def host(mode: str, *controllers: str) -> Hierarchies:
    return Hierarchies(mode, controllers, cpus="0", mems="0", swap=True)


def test_v1_names_the_controller_and_v2_the_unified_tree() -> None:
    assert host("v1", "blkio").place("blkio", "x") == "blkio"
    assert host("v2", "io").place("blkio", "x") == "unified"
    assert host("hybrid", "pids", "unified/io").place("blkio", "x") == "unified"
    assert host("hybrid", "pids", "unified/pids").place("pids", "x") == "pids"


@pytest.mark.parametrize("mode", ["v1", "v2", "hybrid", "none"])
def test_a_controller_that_is_not_there_is_an_error(mode: str) -> None:
    with pytest.raises(UnsupportedError, match=r"^pids limit: ") as caught:
        host(mode).place("pids", "pids limit")
    assert caught.value.hint


def test_a_limit_that_one_world_lacks_is_an_error() -> None:
    with pytest.raises(UnsupportedError, match="cgroup v2 has no such limit"):
        host("v2", "memory").write("memory", "swappiness", ("memory.swappiness", "1"), None)
    with pytest.raises(UnsupportedError, match="cgroup v1 has no such limit"):
        host("v1", "memory").write("memory", "high", None, ("memory.high", "1"))
