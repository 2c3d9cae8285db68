"""Device rules on the real kernel, by v1's lists and by an eBPF program."""

import errno
import os
import stat
from pathlib import Path

import pytest

from tests.groups import ENTER, made, start, usable_layout
from wardian.kernel import cgroups, device_filter, device_rules
from wardian.kernel.cgroups import Layout

pytestmark = pytest.mark.root


@pytest.fixture
def layout() -> Layout:
    return usable_layout()


OPEN = ENTER.replace("sys.argv[1:]", "sys.argv[1:-1]") + (
    "for path in sys.argv[-1].split(','):\n"
    "    try: os.open(path, os.O_RDWR); print(0)\n"
    "    except OSError as error: print(error.errno)\n"
)
DEVICE_RULES = [
    {"allow": False, "access": "rwm"},
    {"allow": True, "type": "c", "major": 1, "minor": 3, "access": "rwm"},
    {"allow": True, "type": "c", "major": 195, "minor": 0, "access": "rw"},
]


@pytest.fixture
def nodes(tmp_path: Path) -> str:
    """Nodes without a driver: ENXIO says that the filter let us through, EPERM that it did not."""
    found = []
    for minor in (0, 1):
        path = tmp_path / f"c195_{minor}"
        os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(195, minor))
        try:
            os.close(os.open(path, os.O_RDWR))
            pytest.skip("this machine has a driver for character devices 195")
        except OSError as error:
            if error.errno != errno.ENXIO:
                pytest.skip(f"device nodes can't be opened in {tmp_path}: {error.strerror}")
        found.append(str(path))
    return ",".join(found)


def test_devices_that_are_not_allowed_are_refused(layout: Layout, nodes: str) -> None:
    group = made(layout, {"devices": DEVICE_RULES})
    try:
        child = start(group, OPEN, f"{nodes},/dev/null,/dev/zero")
        output, _errors = child.communicate()
        verdicts = [int(word) for word in output.split()]
        assert verdicts == [errno.ENXIO, errno.EPERM, 0, errno.EPERM]
    finally:
        group.remove()


def test_the_bpf_filter_decides_and_is_replaced_in_place(layout: Layout, nodes: str) -> None:
    if layout.unified is None:
        pytest.skip("cgroup2 is not mounted here")
    group = cgroups.create(layout, cgroups.new_name(), ())
    anchor = group.groups["unified"]
    rules = [device_rules.read_rule(entry, "") for entry in DEVICE_RULES]
    fd = os.open(anchor, os.O_RDONLY | os.O_DIRECTORY)
    try:
        device_filter.restrict(anchor, device_rules.format_rules(rules))
        (first,) = device_filter.query(fd)
        output, _errors = start(group, OPEN, f"{nodes},/dev/null,/dev/zero").communicate()
        assert output.split() == [str(errno.ENXIO), str(errno.EPERM), "0", str(errno.EPERM)]
        rules.append(device_rules.Rule(False, "c", 195, 0, access="w"))
        device_filter.restrict(anchor, device_rules.format_rules(rules))
        (second,) = device_filter.query(fd)
        assert second != first
        output, _errors = start(group, OPEN, f"{nodes},/dev/null,/dev/zero").communicate()
        assert output.split() == [str(errno.EPERM), str(errno.EPERM), "0", str(errno.EPERM)]
    finally:
        os.close(fd)
        group.remove()
