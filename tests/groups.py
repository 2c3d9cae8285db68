"""Control groups and processes in them, for the tests.

Processes are plain children that enter the group themselves, as a box's first process does. Every
group has a name of this test's own; only processes that a test started are ended.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from wardian.kernel import cgroups
from wardian.kernel.cgroups import Cgroup, CgroupWrite, Layout
from wardian.runtime import resources

MIB = 1 << 20
ENTER = "import os, sys\nfor p in sys.argv[1:]: open(p, 'w').write('0')\n"
SLEEP = ENTER + "print('in', flush=True)\nimport time; time.sleep(600)\n"


def usable_layout() -> Layout:
    """Return this machine's layout; skips where groups can't be made."""
    found = cgroups.detect()
    if not found.may_create:
        pytest.skip(f"control groups can't be made here ({found.mode})")
    return found


def compiled(layout: Layout, document: object) -> tuple[CgroupWrite, ...]:
    """Compile an OCI document for this machine."""
    return resources.compile(
        document,
        mode=layout.mode,
        controllers=layout.controllers,
        cpus=online("cpu"),
        mems=online("node"),
    )


def online(kind: str) -> str:
    """Return the processors ("cpu") or memory nodes ("node") that are online."""
    try:
        return Path(f"/sys/devices/system/{kind}/online").read_text().strip()
    except OSError:
        return "0"


def made(layout: Layout, document: object) -> Cgroup:
    """Make a group of ours with these limits; the caller removes it."""
    return cgroups.create(layout, cgroups.new_name(), compiled(layout, document))


def start(group: Cgroup, code: str, *arguments: str) -> "subprocess.Popen[str]":
    """Start Python in the group: it enters before it does anything else."""
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", code, *group.procs, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@contextmanager
def sleeping(layout: Layout) -> Iterator[tuple[Cgroup, "subprocess.Popen[str]"]]:
    """A group with one process that sleeps."""
    group = made(layout, {"memory": {"limit": 64 * MIB}, "pids": {"limit": 20}})
    child = start(group, SLEEP)
    assert child.stdout is not None
    assert child.stdout.readline() == "in\n"
    try:
        yield group, child
    finally:
        child.kill()
        child.communicate()
        group.remove()


def remains(layout: Layout, group: Cgroup) -> list[str]:
    """Return where a group that was removed still is."""
    roots = {prefix for prefix in layout.prefix.values() if prefix}
    return [root for root in roots if os.path.exists(f"{root}/{group.name}")]
