"""Plans are pure data: compiled, hashed and encoded without root."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.runtime.specs import names, plan_of, small_spec
from wardian import errors
from wardian.runtime import plan
from wardian.runtime.host import Host
from wardian.runtime.step import Step


def test_equal_specs_give_equal_plans() -> None:
    assert plan_of().steps == plan_of().steps
    assert plan_of().hash == plan_of().hash


def test_any_change_of_the_view_changes_the_hash() -> None:
    base = plan_of().hash
    assert plan_of(hostname="other").hash != base
    assert plan_of(root={"path": "/srv/root", "readonly": True}).hash != base


def test_the_hash_does_not_know_where_things_are_kept() -> None:
    made = plan_of(wardian={"base": [("/", ["$base0"])], "init": True})
    before = made.hash
    made.encode({"$base0": "/var/lib/wardian/bases/one"})
    assert made.hash == before


def test_a_program_starts_last_and_the_filter_right_before_it() -> None:
    order = names(plan_of())
    assert order[-2:] == ["seccomp", "exec"]
    assert order.index("no_new_privs") < order.index("seccomp")


def test_without_no_new_privs_the_filter_comes_before_capabilities_go() -> None:
    process = {**small_spec()["process"], "noNewPrivileges": False}
    order = names(plan_of(process=process))
    assert "no_new_privs" not in order
    assert order.index("seccomp") < order.index("bounding")


def test_capabilities_go_in_the_order_that_the_kernel_needs() -> None:
    order = names(plan_of())
    assert order.index("bounding") < order.index("user") < order.index("capabilities")


def test_nothing_is_mounted_before_mounts_are_slaves() -> None:
    order = names(plan_of())
    assert order.index("propagation") < order.index("staging") < order.index("overlay")


def test_the_root_is_left_before_init_is_made() -> None:
    order = names(plan_of())
    assert order.index("pivot") < order.index("init") < order.index("exec")


def test_root_needs_no_rendezvous() -> None:
    assert not plan_of().waits


def test_a_range_of_ids_waits_for_newuidmap() -> None:
    linux = {"namespaces": [{"type": name} for name in ("mount", "user")]}
    made = plan_of(Host(ids="range"), linux=linux)
    order = names(made)
    assert made.waits
    assert order.index("map_ids") < order.index("wait") < order.index("become_root")


@pytest.mark.parametrize("scoped", [False, True])
@pytest.mark.parametrize("ids", ["single", "range"])
def test_emulation_is_arranged_once_the_box_has_its_ids(ids: str, scoped: bool) -> None:
    """In a user namespace without ids, binfmt_misc can't be written to: EACCES."""
    host = Host(cgroup_mode="v2", controllers=("pids",), ids=ids, scoped=scoped, grouped=scoped)
    linux = {"namespaces": [{"type": name} for name in ("mount", "user")]}
    extension = {"base": [("/", ["$base0"])], "emulated": True}
    order = names(plan_of(host, linux=linux, wardian=extension))
    mapped = "map_ids" if ids == "range" else "write"
    last = len(order) - 1 - order[::-1].index("wait")
    assert order.index(mapped) < last < order.index("propagation")


def test_a_single_id_maps_itself() -> None:
    linux = {"namespaces": [{"type": name} for name in ("mount", "user")]}
    made = plan_of(Host(ids="single"), linux=linux)
    assert not made.waits
    paths = [step.args[0] for step in made.steps if step.name == "write"]
    assert paths == ["/proc/self/setgroups", "/proc/self/uid_map", "/proc/self/gid_map"]


def test_cgroup_and_time_namespaces_are_entered_later_than_clone() -> None:
    linux = {
        "namespaces": [{"type": name} for name in ("mount", "cgroup", "time")],
        "timeOffsets": {"boottime": {"secs": 60}},
    }
    made = plan_of(linux=linux)
    assert made.clone_flags == plan.CLONE_NEWNS
    flags = [step.args[0] for step in made.steps if step.name == "unshare"]
    assert flags == [plan.CLONE_NEWCGROUP, plan.CLONE_NEWTIME]
    assert Step("write", ("/proc/self/timens_offsets", "boottime 60 0"), "") in made.steps


def test_an_unbound_symbol_is_a_bug_and_says_so() -> None:
    made = plan_of(wardian={"base": [("/", ["$base0"])]})
    with pytest.raises(errors.InternalError, match="base0"):
        made.encode({})


def test_the_header_counts_only_the_launcher_s_steps() -> None:
    made = plan_of()
    data = made.encode({"$seccomp:abc": b"12345678"})
    magic, version, count, zero = struct.unpack_from("<IIII", data)
    assert (magic, version, zero) == (plan.PLAN_MAGIC, plan.PLAN_VERSION, 0)
    assert count == len(made.played())
    assert [step for step in made.steps if step.name not in plan.HOST_STEPS] == list(
        dict.fromkeys(made.played())
    )


@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40), max_size=9
    )
)
def test_steps_are_aligned_and_say_their_own_length(words: list[str]) -> None:
    arguments = tuple(f"/{word}" for word in words)
    data = plan.Plan((Step("exec", ("/x", arguments, ()), ""),), 0).encode({})
    assert len(data) % 8 == 0
    _code, _zero, size = struct.unpack_from("<HHI", data, 16)
    assert size == len(data) - 16


# ---- control groups -----------------------------------------------------------------------

LIMITED = {**small_spec()["linux"], "resources": {"pids": {"limit": 9}}}


def limited(**facts: object) -> plan.Plan:
    return plan_of(Host(**facts), linux=LIMITED)  # type: ignore[arg-type]


def test_controllers_that_no_limit_needs_are_not_in_the_hash() -> None:
    few = limited(cgroup_mode="v2", controllers=("pids", "memory"))
    many = limited(cgroup_mode="v2", controllers=("pids", "memory", "io", "rdma"), cpus="0-63")
    assert few.hash == many.hash
    assert limited(cgroup_mode="hybrid", controllers=("pids", "memory")).hash != few.hash


def test_without_limits_the_machine_s_control_groups_are_not_in_the_hash() -> None:
    assert plan_of(Host(cgroup_mode="v2", controllers=("pids",))).hash == plan_of().hash
    assert plan_of(Host(cgroup_mode="v2", scoped=True)).hash == plan_of().hash


def test_systemd_s_scope_is_made_while_the_box_waits() -> None:
    order = names(limited(cgroup_mode="v2", controllers=("pids",), scoped=True))
    assert order[:4] == ["clone", "scope", "cgroup", "wait"]
    assert order.count("wait") == 1
    linux = {**LIMITED, "namespaces": [*LIMITED["namespaces"], {"type": "user"}]}
    host = Host(cgroup_mode="v2", controllers=("pids",), scoped=True, ids="range")
    order = names(plan_of(host, linux=linux))
    assert order[:5] == ["clone", "scope", "cgroup", "map_ids", "wait"]
    assert order.count("wait") == 1


def test_a_group_without_limits_is_entered_too() -> None:
    host = Host(cgroup_mode="hybrid", controllers=("memory",), grouped=True)
    entered = [step.args[0] for step in plan_of(host).steps if step.name == "write"]
    assert entered == ["$cgroup/memory/tasks"]  # clone3 starts it in the cgroup2 leaf
    assert "wait" in names(plan_of(Host(cgroup_mode="v2", grouped=True, scoped=True)))
