"""The plans of boxes that stand ready."""

from wardian.runtime import plan
from wardian.runtime.mount_options import MS_RDONLY, MS_REC, MS_REMOUNT
from wardian.runtime.step import Step
from wardian.sandbox import pool_plan
from wardian.sandbox.box_plan import WORKDIR

WHOLE = plan.Plan(
    (
        Step("mount", ("proc", "/proc", "proc", "", 0), ""),
        Step("mount", ("tmpfs", WORKDIR, "tmpfs", "size=1", 0), ""),
        Step("mask", ("/proc/acpi",), ""),
        Step("mask", ("/proc/keys",), ""),
        Step("readonly", ("/proc/sys",), ""),
        Step("pivot", (), ""),
        Step("chdir", (WORKDIR, 0), ""),
        Step("unshare", (plan.CLONE_NEWUSER,), ""),
        Step("map_ids", ("$uid_map", "$gid_map"), ""),
        Step("wait", (), ""),
        Step("seccomp", (0, b""), ""),
        Step("init", (1,), ""),
        Step("session", (), ""),
        Step("supervised", (), ""),
        Step("exec", ("true", ("true",), ()), ""),
    ),
    plan.CLONE_NEWNS,
)


def joined(*, user: bool, groups: int = 2) -> plan.Plan:
    return pool_plan.joined(
        WHOLE,
        groups=groups,
        network=False,
        user=user,
        exists=lambda path: path in ("/proc/acpi", "/proc/acpi/.", "/proc/keys", "/proc/sys"),
    )


def test_a_box_with_a_user_namespace_joins_it_and_waits_for_nobody() -> None:
    found = joined(user=True)
    assert Step("enter_user", (2,), "") in found.steps
    assert found.steps[-1].args == (3,)  # its end is the descriptor behind the namespace
    assert not {"map_ids", "wait"} & {step.name for step in found.steps}
    assert not any(step.args == (plan.CLONE_NEWUSER,) for step in found.steps)
    assert found.waits == 0


def test_a_box_without_one_makes_its_own() -> None:
    found = joined(user=False)
    assert Step("unshare", (plan.CLONE_NEWUSER,), "") in found.steps
    assert (found.steps[-1].args, found.waits) == ((2,), 1)


def test_the_empty_directory_is_shown_before_something_is_mounted_there() -> None:
    mounts = [step.args for step in joined(user=True).steps if step.name == "mount_within"]
    assert mounts[0][:2] == ("proc", "/proc")
    assert mounts[-1][:2] == ("tmpfs", WORKDIR)
    bound = mounts.index((WORKDIR, "/proc/acpi", "", pool_plan.MS_BIND | MS_REC, ""))
    flags = mounts[bound + 1][3]
    assert isinstance(flags, int)
    assert flags & MS_RDONLY
    assert flags & MS_REMOUNT


def test_without_an_empty_directory_each_mask_is_a_file_system() -> None:
    steps = pool_plan.own_tree(WHOLE.steps, network=False, exists=lambda path: "keys" not in path)
    mounts = [step.args for step in steps]
    assert mounts[1][:2] == ("tmpfs", WORKDIR)
    assert ("tmpfs", "/proc/acpi", "tmpfs", MS_RDONLY, "size=0") in mounts


def test_a_slot_is_made_of_what_is_shared() -> None:
    both = pool_plan.slot(network=True, user=True)
    assert [step.name for step in both.steps] == ["loopback", "unshare", "map_ids", "wait"]
    assert both.clone_flags == plan.CLONE_NEWNET
    alone = pool_plan.slot(network=False, user=True)
    assert [step.name for step in alone.steps] == ["unshare", "map_ids", "wait"]
    assert alone.clone_flags == 0
