"""Inside of another container: its group is the root of all that is seen, and holds processes."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.groups import usable_layout
from wardian.kernel import cgroup_files as files
from wardian.kernel import cgroup_v2

pytestmark = pytest.mark.root

INSIDE = """
echo 0 > "$1/cgroup.procs"
shift
exec unshare --mount --cgroup --propagation private sh -c '
    mount -t cgroup2 -o "$1" none /sys/fs/cgroup && shift && exec "$@"' sh "$@"
"""


@pytest.fixture
def outer() -> Iterator[str]:
    """The group of an outer container, which may divide huge pages among its children."""
    layout = usable_layout()
    name = "hugetlb" if layout.mode == "v2" else "unified/hugetlb"
    if layout.unified is None or name not in layout.controllers:
        pytest.skip("the cgroup2 tree has no hugetlb controller to try it with")
    control = f"{layout.unified}/cgroup.subtree_control"
    before = files.read(control).split()
    cgroup_v2.enable(layout.unified, layout.unified, frozenset(("hugetlb",)))
    group = f"{layout.unified}/wardian-test-{os.getpid()}"
    os.mkdir(group)
    try:
        yield group
    finally:
        # a command's launcher ends after the command
        assert files.await_event(group + "/cgroup.events", "populated 0", 30)
        assert files.remove(group)
        if "hugetlb" not in before:
            files.write(control, "-hugetlb")


def inside(group: str, option: str, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run wardian as a process of a container that sees only its own group."""
    return subprocess.run(
        ["sh", "-c", INSIDE, "sh", group, option, sys.executable, "-m", "wardian", *words],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_processes_of_the_outer_container_make_room(outer: str) -> None:
    words = ["run", "--cgroup-conf", "hugetlb.2MB.max=0", "--cgroupns", "host", "--"]
    done = inside(outer, "rw", *words, "cat", "/proc/self/cgroup")
    assert done.returncode == 0, done.stderr
    assert "0::/wardian-" in done.stdout
    assert "hugetlb" in files.read(outer + "/cgroup.subtree_control")
    assert os.listdir(outer + "/" + cgroup_v2.CALLERS)
    left = [os.path.basename(group) for group in files.children(outer)]
    assert left == [cgroup_v2.CALLERS]


def test_a_read_only_tree_is_an_error_that_says_what_to_do(outer: str) -> None:
    done = inside(outer, "ro", "run", "--cgroup-conf", "hugetlb.2MB.max=0", "--", "true")
    assert done.returncode == 125
    assert 'unified "hugetlb.2MB.max": this user may not create control groups' in done.stderr
    assert "/sys/fs/cgroup has to be writable" in done.stderr


def test_without_limits_a_read_only_tree_does_not_matter(outer: str) -> None:
    done = inside(outer, "ro", "run", "--", "echo", "here")
    assert done.stdout == "here\n", done.stderr
