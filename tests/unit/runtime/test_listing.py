"""The plan as text and as data."""

import json

from tests.unit.runtime.specs import plan_of, small_spec
from wardian.runtime import listing
from wardian.runtime.host import Host
from wardian.runtime.plan import CLONE_NEWNS, CLONE_NEWPID
from wardian.runtime.steps import STEPS


def test_each_operation_is_one_line_with_its_reason() -> None:
    made = plan_of()
    lines = listing.text(made).splitlines()
    assert len(lines) == len(made.steps) + 2
    assert all("  # " in line for line in lines[:-2])
    assert lines[-2] == "made for ids host"
    assert lines[-1] == f"plan sha256:{made.hash}, {len(made.steps)} operations"


def test_operations_read_as_strace_prints_them() -> None:
    text = listing.text(plan_of())
    assert 'sethostname("wardian")' in text
    assert 'mount("proc", "/proc", "proc", MS_NOSUID|MS_NODEV, NULL)' in text
    assert "lowerdir=/srv/root,upperdir=upper0,workdir=work0" in text
    assert 'execve("true", ["true"], ["PATH=/bin"])' in text
    assert "capset({effective=CAP_CHOWN, permitted=0, inheritable=0, ambient=0})" in text


def test_flags_are_spelled_and_unknown_bits_shown() -> None:
    known = {CLONE_NEWNS: "CLONE_NEWNS", CLONE_NEWPID: "CLONE_NEWPID"}
    assert listing.flags(CLONE_NEWNS | CLONE_NEWPID, known) == "CLONE_NEWNS|CLONE_NEWPID"
    assert listing.flags(CLONE_NEWNS | 8, known) == "CLONE_NEWNS|0x8"
    assert listing.flags(0, known) == "0"


def test_control_characters_can_t_forge_a_line() -> None:
    process = {**small_spec()["process"], "args": ["a\nfake('line')\x1b[2J"]}
    text = listing.text(plan_of(process=process))
    assert "\x1b" not in text
    assert len(text.splitlines()) == len(plan_of(process=process).steps) + 2


def test_long_strings_are_shortened() -> None:
    process = {**small_spec()["process"], "args": ["x" * 5000]}
    assert "x" * 400 not in listing.text(plan_of(process=process))


def test_data_is_json_with_named_arguments() -> None:
    made = plan_of()
    document = json.loads(json.dumps(listing.data(made)))
    assert document["hash"] == f"sha256:{made.hash}"
    found = {row["operation"]: row["arguments"] for row in document["operations"]}
    assert found["overlay"]["lower"] == ["/srv/root"]
    for row in document["operations"]:
        if row["operation"] in STEPS:
            assert tuple(row["arguments"]) == STEPS[row["operation"]][2]


def made_for(**facts: object) -> dict[str, str]:
    resources = {"memory": {"limit": 64 << 20}, "pids": {"limit": 9}}
    linux = {**small_spec()["linux"], "resources": resources}
    if facts.get("ids", "host") != "host":
        linux["namespaces"] = [*linux["namespaces"], {"type": "user"}]
    made = plan_of(Host(**facts), linux=linux)  # type: ignore[arg-type]
    lines = listing.text(made).splitlines()
    words = ", ".join(f"{key} {value}" for key, value in listing.features(made).items())
    assert lines[-2] == "made for " + words
    assert listing.data(made)["made_for"] == listing.features(made)
    return listing.features(made)


def test_what_of_a_machine_entered_the_plan_is_named() -> None:
    both = ("memory", "pids")
    assert listing.features(plan_of()) == {"ids": "host"}
    assert made_for(cgroup_mode="v2", controllers=both) == {"ids": "host", "cgroups": "v2"}
    assert made_for(cgroup_mode="v2", controllers=both, scoped=True)["cgroups"] == "v2 (systemd)"
    assert made_for(cgroup_mode="hybrid", controllers=both)["cgroups"] == "v1 (memory pids)"
    assert made_for(cgroup_mode="v1", controllers=both)["cgroups"] == "v1 (memory pids)"
    assert made_for(cgroup_mode="v2", controllers=both, ids="single")["ids"] == "single"
    assert made_for(cgroup_mode="v2", controllers=both, ids="range")["ids"] == "range"


def test_the_form_of_an_image_s_layers_is_named() -> None:
    lower = ["layer0", "$layer:sha256:b"]
    layers = [("layer0", "$layer:sha256:a", "$device:sha256:a")]
    base = {"base": [("/", lower)], "layers": layers}
    assert listing.features(plan_of(wardian=base))["layers"] == "EROFS and directories"
    base = {"base": [("/", lower[1:])]}
    assert listing.features(plan_of(wardian=base))["layers"] == "directories"
    base = {"base": [("/", ["$base0"])]}
    assert "layers" not in listing.features(plan_of(wardian=base))
