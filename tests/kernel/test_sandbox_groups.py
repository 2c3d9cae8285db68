"""What the counters of a box's control group say of a run, and of the one after it."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from wardian import Limits, Sandbox
from wardian.kernel import cgroups
from wardian.kernel.cgroup_files import UNIFIED
from wardian.sandbox import groups

pytestmark = pytest.mark.root
LIMITS = Limits(memory_bytes=256 << 20)


def made(name: str, limits: Limits) -> cgroups.Cgroup:
    with Sandbox("compute", limits=limits) as box:
        prepared = box.prepare()
        if not prepared.enforced.memory:
            pytest.skip("no control group limits memory here")
        return cgroups.create(cgroups.detect(), name, prepared.plan.cgroup_writes)


@pytest.fixture
def below() -> Iterator[cgroups.Cgroup]:
    """A box's group, below one that has less memory than it may use."""
    name = cgroups.new_name()
    above = made(name, Limits(memory_bytes=48 << 20))
    if UNIFIED in above.groups and "memory" not in above.groups:
        above.remove()
        pytest.skip("about version 1: in version 2 a group with processes limits none below it")
    inner = made(f"{name}/box", LIMITS)
    yield inner
    inner.remove()
    above.remove()


def run_in(group: cgroups.Cgroup, megabytes: int) -> int:
    """Touch so much memory in a group; returns how that ended."""
    code = (
        f"open({group.groups['memory'] + '/cgroup.procs'!r}, 'w').write('0')\n"
        f"block = bytearray({megabytes} << 20)"
    )
    return subprocess.run([sys.executable, "-c", code], check=False).returncode


def test_who_is_killed_for_others_is_not_blamed_and_nor_is_the_next(below: cgroups.Cgroup) -> None:
    with Sandbox("compute", limits=LIMITS) as box:
        enforced = box.prepare().enforced
    assert run_in(below, 1) == 0
    quiet = groups.Counters(below, LIMITS, is_doubtful=True)
    assert (quiet.oom_kills, quiet.strange_kills) == (0, 0)
    assert run_in(below, 100) == -9
    found = groups.Counters(below, LIMITS, is_doubtful=True)
    assert (found.oom_kills, found.strange_kills) == (0, 1)
    assert "memory" not in groups.as_new(below, LIMITS, enforced)
