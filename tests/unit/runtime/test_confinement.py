"""Limits, user and capabilities, as steps."""

import struct

import pytest

from tests.unit.runtime.specs import names, plan_of, small_spec
from wardian import errors
from wardian.runtime import confinement
from wardian.runtime.step import Step


def test_capability_sets_become_masks() -> None:
    process = {
        **small_spec()["process"],
        "capabilities": {
            "bounding": ["CAP_NET_BIND_SERVICE"],
            "effective": ["CAP_NET_BIND_SERVICE"],
            "permitted": ["CAP_NET_BIND_SERVICE"],
            "inheritable": ["CAP_NET_BIND_SERVICE"],
            "ambient": ["CAP_NET_BIND_SERVICE"],
        },
    }
    made = plan_of(process=process)
    assert Step("bounding", (1 << 10,), "") in made.steps
    assert Step("capabilities", (1 << 10,) * 4, "") in made.steps


def test_no_capability_is_the_default() -> None:
    process = {
        key: value for key, value in small_spec()["process"].items() if key != "capabilities"
    }
    assert Step("capabilities", (0, 0, 0, 0), "") in plan_of(process=process).steps


def test_the_user_s_groups_are_packed() -> None:
    process = {**small_spec()["process"], "user": {"uid": 1, "gid": 2, "additionalGids": [3, 4]}}
    assert Step("user", (1, 2, struct.pack("<II", 3, 4), 1), "") in plan_of(process=process).steps


def test_limits_are_numbers_and_minus_one_is_infinity() -> None:
    process = {
        **small_spec()["process"],
        "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 64, "hard": -1}],
    }
    made = plan_of(process=process)
    assert Step("rlimit", (7, 64, confinement.RLIM_INFINITY), "") in made.steps


def test_an_unknown_limit_is_named() -> None:
    process = {**small_spec()["process"], "rlimits": [{"type": "RLIMIT_X", "soft": 1, "hard": 1}]}
    with pytest.raises(errors.SpecError, match="RLIMIT_X"):
        plan_of(process=process)


def test_without_init_the_program_dies_with_the_launcher() -> None:
    order = names(plan_of(wardian={"base": [("/", ["/a"])], "init": False}))
    assert "init" not in order
    assert order.index("capabilities") < order.index("parent_death") < order.index("exec")


def test_no_profile_means_no_filter_step() -> None:
    assert "seccomp" not in names(plan_of(wardian={"base": [("/", ["/a"])]}))
