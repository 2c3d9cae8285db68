"""The layout is found in mountinfo, whatever the distribution mounts where."""

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from wardian.kernel import cgroup_layout

HYBRID = """\
31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
40 31 0:37 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,xattr,release_agent=/bin/x,name=systemd
41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw,nsdelegate
50 31 0:29 / /var/lib/other/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct
"""


def test_hybrid_hierarchies_are_told_apart() -> None:
    layout = cgroup_layout.detect(HYBRID, "")
    assert layout.mode == "hybrid"
    assert (
        layout.controllers["cpu"] == layout.controllers["cpuacct"] == "/sys/fs/cgroup/cpu,cpuacct"
    )
    assert layout.controllers["memory"] == "/sys/fs/cgroup/memory"
    assert layout.unified == "/sys/fs/cgroup/unified"
    assert "name=systemd" not in layout.controllers
    assert "/sys/fs/cgroup/systemd" not in layout.prefix


def test_without_a_unified_tree_it_is_v1() -> None:
    layout = cgroup_layout.detect("\n".join(HYBRID.splitlines()[:3]), "")
    assert layout.mode == "v1"
    assert layout.unified is None


def test_without_any_it_is_none() -> None:
    layout = cgroup_layout.detect("22 1 0:20 / /proc rw - proc proc rw\n", "")
    assert (layout.mode, layout.controllers, layout.may_create) == ("none", {}, False)


def unified(tmp_path: Path, *, root: str = "/") -> str:
    point = str(tmp_path).replace(" ", "\\040")
    return f"30 23 0:26 {root} {point} rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"


def test_v2_lists_what_the_group_has(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpu memory pids\n")
    layout = cgroup_layout.detect(unified(tmp_path), "0::/\n")
    assert layout.mode == "v2"
    assert {"cpu", "memory", "pids"} <= set(layout.controllers)
    assert set(layout.controllers.values()) == {str(tmp_path)}


def test_own_group_is_found_below_a_mount_that_shows_a_part(tmp_path: Path) -> None:
    mount = cgroup_layout.Mount("/docker/abc", str(tmp_path), ())
    own = cgroup_layout._own_directory
    assert own(mount, "/docker/abc/x") == f"{tmp_path}/x"
    assert own(mount, "/docker/abc") == str(tmp_path)
    assert own(mount, "/docker/abcd") == ""
    assert own(mount, "/../other") == ""
    assert own(cgroup_layout.Mount("/", "/c", ()), "/user/a.scope") == "/c/user/a.scope"


def test_the_leaf_that_we_moved_into_counts_as_its_parent() -> None:
    mount = cgroup_layout.Mount("/", "/c", ())
    found = cgroup_layout._own_directory(mount, "/a.scope/wardian-callers")
    assert found == "/c/a.scope"


def test_own_groups_are_read_by_controller() -> None:
    found = cgroup_layout.parse_own("4:cpu,cpuacct:/a\n1:name=systemd:/s\n0::/u:v\n")
    assert found == {"cpu": "/a", "cpuacct": "/a", "name=systemd": "/s", "unified": "/u:v"}


def test_a_mount_over_another_hides_it() -> None:
    text = HYBRID + "60 31 0:99 /x /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    roots = [mount.root for mount in cgroup_layout.parse_mounts(text) if "memory" in mount.names]
    assert roots == ["/x"]


@given(st.text(max_size=200))
def test_any_text_gives_a_layout(text: str) -> None:
    assert cgroup_layout.detect(text.replace("/", "") + " - cgroup", text).mode in (
        "v1",
        "none",
        "v2",
    )


@given(st.text(max_size=100))
def test_any_text_gives_own_groups(text: str) -> None:
    assert isinstance(cgroup_layout.parse_own(text), dict)
