"""Docker's profiles as policies."""

import json

import pytest

from tests.machine import requires
from wardian.errors import SpecError
from wardian.sandbox import docker_policy
from wardian.sandbox.policy import ALLOW


def profile(**words: object) -> bytes:
    return json.dumps({"defaultAction": "SCMP_ACT_ERRNO", **words}).encode()


def test_each_action_has_its_answer() -> None:
    requires("libseccomp")
    rules = [
        {"names": ["read"], "action": "SCMP_ACT_ALLOW"},
        {"names": ["sync"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38},
        {"names": ["mount"], "action": "SCMP_ACT_KILL_PROCESS"},
        {
            "names": ["clone"],
            "action": "SCMP_ACT_ALLOW",
            "args": [{"index": 0, "value": 0x7E020000, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ"}],
        },
        {"names": ["bpf"], "action": "SCMP_ACT_ALLOW", "includes": {"caps": ["CAP_BPF"]}},
    ]
    found = docker_policy.parse(profile(syscalls=rules), "x")
    assert found.allow == ("?read",)
    assert found.refuse == {"?sync": "ENOSYS"}
    assert found.arguments["?clone"].rules == (("arg0 & 0x7e020000 == 0x0", ALLOW),)


def test_a_profile_that_allows_by_default_is_refused() -> None:
    requires("libseccomp")
    with pytest.raises(SpecError) as caught:
        docker_policy.parse(b'{"defaultAction": "SCMP_ACT_ALLOW"}', "x")
    assert "allow-list" in str(caught.value)
