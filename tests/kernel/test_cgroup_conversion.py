"""Each row of the table in docs/kernel/cgroups.md, compiled for both worlds and set in this one."""

from pathlib import Path

import pytest

from tests import conversion
from tests.conversion import Row
from tests.groups import compiled, usable_layout
from wardian.errors import KernelError, UnsupportedError
from wardian.kernel import cgroup_files as files
from wardian.kernel import cgroups
from wardian.runtime import resources

pytestmark = pytest.mark.root

ROWS = conversion.rows()
V1 = ("memory", "cpu", "cpuset", "pids", "blkio", "hugetlb")
V2 = ("memory", "cpu", "cpuset", "pids", "io", "hugetlb")
NO_DISK = ("", "0:0")


def disk() -> tuple[str, str]:
    """A disk's path and numbers; /dev/null's stand for a machine without one."""
    for entry in sorted(Path("/sys/block").iterdir()):
        node = Path("/dev") / entry.name
        if (entry / "size").read_text() != "0\n" and node.is_block_device():
            return str(node), (entry / "dev").read_text().strip()
    return NO_DISK


def test_the_table_is_there() -> None:
    assert len(ROWS) > 30
    assert sum("DISK" in row.asked for row in ROWS) == 4


@pytest.mark.parametrize("row", ROWS, ids=str)
@pytest.mark.parametrize("mode", ["v1", "v2"])
def test_a_row_is_compiled_as_the_table_says(row: Row, mode: str) -> None:
    path, numbers = disk()
    if "DISK" in row.asked and not path:
        pytest.skip("this machine shows no disk in /sys/block")
    document = row.resources(path)
    expected = row.first if mode == "v1" else row.second
    controllers = V1 if mode == "v1" else V2
    if not expected:
        with pytest.raises(UnsupportedError):
            resources.compile(document, mode=mode, controllers=controllers)
        return
    written: dict[str, str] = {}
    for write in resources.compile(document, mode=mode, controllers=controllers):
        written[write.file] = write.value
        if write.otherwise is not None:
            written[write.otherwise.file] = write.otherwise.value
    for file, value in ((file, value) for one in expected for file, value in one.items()):
        assert meant(written[file], file) in meant(value.replace("DISK", numbers), file), file


def meant(value: str, file: str) -> str:
    """A value as it is written and as the kernel prints it, made comparable."""
    unlimited = {"9223372036854771712": "-1", "oom_kill_disable 1": "1"}
    value = unlimited.get(value, value).removeprefix("default ")
    if file == "io.max":
        return " ".join(word for word in value.split() if not word.endswith("=max"))
    return f"{value} 100000" if file == "cpu.max" and " " not in value else value


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_row_reads_back_from_this_kernel(row: Row) -> None:
    layout = usable_layout()
    path, numbers = disk()
    if "DISK" in row.asked and not path:
        pytest.skip("this machine shows no disk in /sys/block")
    document = row.resources(path)
    expected = row.second if layout.mode == "v2" else row.first
    if not expected:
        with pytest.raises(UnsupportedError):
            cgroups.create(layout, cgroups.new_name(), compiled(layout, document))
        return
    if layout.mode == "hybrid":
        expected = expected + row.second  # what v1 lacks here is in the cgroup2 leaf
    try:
        group = cgroups.create(layout, cgroups.new_name(), compiled(layout, document))
    except UnsupportedError as error:
        pytest.skip(str(error))
    try:
        wanted = [
            {file: value.replace("DISK", numbers) for file, value in one.items()}
            for one in expected
        ]
        found = {file: read(group, file) for one in wanted for file in one}
        assert any(fits(one, found) for one in wanted), found
    finally:
        group.remove()


def read(group: cgroups.Cgroup, file: str) -> str | None:
    values = (files.find(f"{directory}/{file}") for directory in group.groups.values())
    return next((value for value in values if value is not None), None)


def fits(wanted: dict[str, str], found: dict[str, str | None]) -> bool:
    """Whether each file's value is the wanted one, or has a line that begins with it."""
    for file, value in wanted.items():
        lines = (found[file] or "").splitlines()
        if not any(line == value or line.startswith(value + " ") for line in lines):
            return False
    return True


def test_a_partition_that_the_kernel_calls_invalid_is_an_error() -> None:
    layout = usable_layout()
    if layout.mode != "v2" or "cpuset" not in layout.controllers:
        pytest.skip("partitions are of cgroup v2's cpuset controller")
    document = {"unified": {"cpuset.cpus.partition": "isolated"}}  # without processors of its own
    with pytest.raises(KernelError, match="invalid"):
        cgroups.create(layout, cgroups.new_name(), compiled(layout, document))
    document = {"cpu": {"cpus": "0"}, "unified": {"cpuset.cpus.partition": "root"}}
    group = cgroups.create(layout, cgroups.new_name(), compiled(layout, document))
    try:
        assert group.read_limits()["cpuset.cpus.partition"] == "root"
    finally:
        group.remove()
