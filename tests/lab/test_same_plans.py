"""The same spec has the same plan here and on the host; else `wardian explain` says why."""

import json
import os

import pytest

from lab import outside

pytestmark = pytest.mark.root


def test_a_plan_s_hash_differs_from_the_host_s_just_where_explain_names_a_reason() -> None:
    there = json.loads(os.environ[outside.VARIABLE])
    here = [list(outside.explain(*options)) for options in outside.SPECS]
    for (reason, plan), (other_reason, other_plan) in zip(here, there, strict=True):
        assert (plan == other_plan) == (reason == other_reason), (here, there)
    assert here[2][0] == "made for ids host, cgroups v2"
    if there[0][0] == here[0][0]:  # the host's tests run as root too
        assert there[0] == here[0]
        assert there[1] == here[1]
