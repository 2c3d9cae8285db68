"""What makes a plan a sandbox's."""

from wardian.runtime.confinement import RLIM_INFINITY
from wardian.runtime.plan import (
    CLONE_NEWCGROUP,
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWUSER,
    CLONE_NEWUTS,
    Plan,
)
from wardian.runtime.step import Step
from wardian.sandbox import box_plan
from wardian.sandbox.limits import Limits

MADE = Plan(
    tuple(
        Step(name, (), "")
        for name in ("mount", "pivot", "chdir", "init", "no_new_privs", "seccomp", "exec")
    ),
    0,
)


def names(plan: Plan) -> list[str]:
    return [step.name for step in plan.steps]


def test_root_s_box_gets_its_user_namespace_last_and_then_waits() -> None:
    found = names(box_plan.arrange(MADE, own_user=True, quiet=True))
    at = found.index("chdir")
    assert found[at : at + 5] == ["chdir", "unshare", "map_ids", "wait", "init"]
    assert found[-4:] == ["seccomp", "seccomp", "supervised", "exec"]


def test_for_criu_root_s_user_namespace_owns_the_others() -> None:
    found = box_plan.arrange(MADE, own_user=True, quiet=False, is_owning=True)
    at = names(found).index("wait")
    assert names(found)[at : at + 3] == ["wait", "unshare", "loopback"]
    (flags,) = found.steps[at + 1].args
    assert flags == CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET
    other = box_plan.arrange(MADE, own_user=False, quiet=False, is_owning=True)
    assert "unshare" not in names(other)


def test_an_ordinary_user_s_box_has_one_already() -> None:
    found = box_plan.arrange(MADE, own_user=False, quiet=False)
    assert not any(step.args == (CLONE_NEWUSER,) for step in found.steps)
    assert "wait" in names(found)
    assert names(found)[-3:] == ["seccomp", "supervised", "exec"]


def test_a_watched_init_comes_behind_the_filter_and_keeps_what_the_program_loses() -> None:
    steps = [
        *MADE.steps[:4],
        Step("session", (), ""),
        Step("user", (1000, 1000, b"", 1), ""),
        Step("capabilities", (0, 0, 0, 0), ""),
        Step("seccomp", (0, b""), ""),
        Step("supervised", (), ""),
        Step("exec", (), ""),
    ]
    found = box_plan.watched(Plan(tuple(steps), 0))
    before = ["mount", "pivot", "chdir", "groups", "capabilities", "undumpable", "seccomp"]
    assert names(found) == [*before, "init", "session", "become", "supervised", "exec"]
    assert found.steps[4].args == (0xE0, 0xE0, 0, 0)


def test_open_files_are_limited_when_the_listener_is_on_its_way() -> None:
    steps = [
        Step("rlimit", (7, 64, 64), "RLIMIT_NOFILE"),
        Step("rlimit", (4, 0, 0), "RLIMIT_CORE"),
        Step("seccomp", (8, b""), ""),
        Step("init", (0,), ""),
        Step("supervised", (), ""),
    ]
    found = box_plan.watched(Plan(tuple(steps), 0))
    assert names(found) == ["rlimit", "seccomp", "open_files", "init", "supervised"]
    assert found.steps[2].args == (64,)


def test_a_program_s_words_are_never_symbols() -> None:
    plan = box_plan.with_program(MADE, ["$base0", "$x", "y"], {"A": "$b", "$c": "d"})
    program, argv, env = plan.steps[-1].args
    assert (program, argv) == ("./$base0", (b"$base0", b"$x", "y"))
    assert env == ("A=$b", b"$c=d")


def test_limits_become_resource_limits_within_the_caller_s_own() -> None:
    limits = Limits(open_files=500, cpu_s=1.5)
    found = box_plan.rlimits(limits, {"RLIMIT_NOFILE": 100}, memory=False, processes=False)
    assert (found["RLIMIT_NOFILE"], found["RLIMIT_CPU"], found["RLIMIT_CORE"]) == (100, 3, 1)
    assert "RLIMIT_NPROC" not in found
    assert found["RLIMIT_AS"] == found["RLIMIT_DATA"] == RLIM_INFINITY  # none of the caller's
    alone = box_plan.rlimits(limits, {}, memory=True, processes=True)
    assert alone["RLIMIT_DATA"] == limits.memory_bytes
