"""A refusal says which limit, why, and what to do; an order that the kernel wants is found."""

import errno
import os
from pathlib import Path

import pytest

from wardian.errors import KernelError, UnsupportedError
from wardian.kernel import cgroup_files as files
from wardian.kernel import cgroup_limits
from wardian.kernel.cgroup_files import CgroupWrite


def test_another_name_is_used_where_the_first_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "io.weight").write_text("")
    other = CgroupWrite("unified", "io.weight", "5000", "io weight")
    write = CgroupWrite("unified", "io.bfq.weight", "505", "io weight", otherwise=other)
    cgroup_limits.apply(write, {"unified": str(tmp_path)})
    assert (tmp_path / "io.weight").read_text() == "5000"


@pytest.mark.parametrize(
    ("file", "remedy"),
    [
        ("memory.memsw.limit_in_bytes", "swapaccount=1"),
        ("memory.swap.max", "swapaccount=1"),
        ("x.y", "kernel"),
    ],
)
def test_a_file_that_is_not_there_is_a_missing_feature(
    tmp_path: Path, file: str, remedy: str
) -> None:
    with pytest.raises(
        UnsupportedError, match=f'that limit: this kernel has no "{file}"'
    ) as caught:
        cgroup_limits.apply(CgroupWrite("a", file, "1", "that limit"), {"a": str(tmp_path)})
    assert remedy in caught.value.hint


@pytest.mark.parametrize(
    ("file", "number", "remedy"),
    [
        ("cpuset.cpus", errno.EACCES, "a group above"),
        ("cpu.rt_runtime_us", errno.EINVAL, "real-time"),
        ("devices.allow", errno.EPERM, "a group above"),
        ("memory.max", errno.EBUSY, "use more than that"),
        ("pids.max", errno.EINVAL, "does not take"),
    ],
)
def test_the_kernel_s_answer_comes_with_a_remedy(
    monkeypatch: pytest.MonkeyPatch, file: str, number: int, remedy: str
) -> None:
    def refuse(_path: str, _value: str) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(files, "put", refuse)
    with pytest.raises(KernelError, match=file) as caught:
        cgroup_limits.apply(CgroupWrite("a", file, "1", "that limit"), {"a": "/c"})
    assert remedy in caught.value.hint
    assert caught.value.errno == number


def test_what_depends_on_a_later_write_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    state = {"memory": 64, "memsw": 64}

    def put(path: str, value: str) -> None:  # as memory.rst has it: memory never above memsw
        changed = {**state, path.rpartition("/")[2]: int(value)}
        if changed["memory"] > changed["memsw"]:
            raise OSError(errno.EINVAL, "")
        state.update(changed)

    monkeypatch.setattr(files, "put", put)
    for limit in (128, 32):
        writes = [CgroupWrite("m", file, str(limit), "limit") for file in ("memory", "memsw")]
        cgroup_limits.apply_all(writes, {"m": "/m"})
        assert state == {"memory": limit, "memsw": limit}
