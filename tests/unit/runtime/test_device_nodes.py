"""The devices of a container."""

import stat

from tests.unit.runtime.specs import small_spec
from wardian.kernel import device_rules
from wardian.runtime import device_nodes
from wardian.runtime.step import Step


def steps(*, in_user_namespace: bool = False, **changes: object) -> list[Step]:
    spec = small_spec(**changes)
    return list(device_nodes.steps(spec, in_user_namespace=in_user_namespace))  # type: ignore[arg-type]


def test_every_container_has_the_six_devices_and_their_links() -> None:
    row = steps()
    nodes = {step.args[0]: step.args[1:4] for step in row if step.name == "node"}
    assert nodes.keys() == device_nodes.DEFAULTS.keys()
    assert nodes["/dev/null"] == (stat.S_IFCHR | 0o666, 1, 3)
    assert {step.args[1] for step in row if step.name == "symlink"} >= {"/dev/fd", "/dev/ptmx"}


def test_in_a_user_namespace_the_host_s_nodes_are_bound() -> None:
    row = steps(in_user_namespace=True)
    assert {step.name for step in row} == {"bind", "symlink"}


def test_a_device_that_is_asked_for_stands_for_the_default_of_that_path() -> None:
    null = {"path": "/dev/null", "type": "c", "major": 1, "minor": 3, "fileMode": 0o600, "uid": 7}
    linux = {**small_spec()["linux"], "devices": [null]}
    nodes = [step.args for step in steps(linux=linux) if step.args[0] == "/dev/null"]
    assert nodes == [("/dev/null", stat.S_IFCHR | 0o600, 1, 3, 7, 0)]


def test_a_dev_of_somebody_else_is_left_alone() -> None:
    dev = {"destination": "/dev", "type": "bind", "source": "/dev", "options": ["rbind"]}
    assert steps(mounts=[dev]) == []


def test_the_rules_refuse_first_and_allow_the_defaults_last() -> None:
    asked = {"allow": True, "type": "c", "major": 10, "minor": 229, "access": "rwm"}
    rules = device_nodes.rules([asked])
    assert rules[0] == {"allow": False, "access": "rwm"}
    assert rules[1] is asked
    assert {"allow": True, "type": "c", "access": "rwm", "major": 1, "minor": 3} in rules
    for place, rule in enumerate(rules):
        device_rules.read_rule(rule, f"[{place}]")
