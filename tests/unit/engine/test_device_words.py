"""--device and --device-cgroup-rule: what they mean, and what is refused."""

import os
from pathlib import Path

import pytest

from wardian.engine import device_words
from wardian.errors import NotFoundError, UsageError
from wardian.kernel import device_filter, device_rules


def test_a_device_is_named_placed_and_given_as_docker_does() -> None:
    first, second, third = device_words.devices(
        ["/dev/null", "/dev/zero:/dev/z", "/dev/full:/srv/full:rw"]
    )
    assert (first.source, first.target, first.access) == ("/dev/null", "/dev/null", "rwm")
    assert (second.source, second.target, second.access) == ("/dev/zero", "/dev/z", "rwm")
    assert (third.target, third.access, third.kind) == ("/srv/full", "rw", "c")
    assert first.rule() == {
        "allow": True,
        "type": "c",
        "major": 1,
        "minor": 3,
        "access": "rwm",
    }
    assert device_words.devices(["/dev/null:r"])[0].access == "r"


def test_the_last_one_at_a_place_counts() -> None:
    (only,) = device_words.devices(["/dev/null:/dev/x", "/dev/zero:/dev/x"])
    assert only.source == "/dev/zero"


def test_a_directory_stands_for_its_devices(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    with pytest.raises(UsageError, match="is not a device"):
        device_words.devices([str(tmp_path)])
    if os.geteuid() != 0:
        pytest.skip("making a node needs root")
    try:
        os.mknod(tmp_path / "node", 0o020600, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("this machine lets root make no nodes")
    (node,) = device_words.devices([f"{tmp_path}:/dev/mine:r"])
    assert (node.target, node.minor, node.access) == ("/dev/mine/node", 3, "r")


@pytest.mark.parametrize(
    "text", ["null", "/dev/null:null", "/dev/null:/a:/b:rw", "/dev/null:/a:x", "/etc/passwd"]
)
def test_other_forms_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="device"):
        device_words.devices([text])


def test_a_device_that_is_not_there_is_named() -> None:
    with pytest.raises(NotFoundError, match='"/dev/none": no such file'):
        device_words.devices(["/dev/none"])


def test_rules_are_docker_s() -> None:
    assert device_words.rule("c 10:229 rw") == {
        "allow": True,
        "type": "c",
        "major": 10,
        "minor": 229,
        "access": "rw",
    }
    assert device_words.rule("a *:* m")["minor"] == -1
    for text in ("", "c 1:3", "c 1 rwm", "x 1:3 r", "c 1:3 rx", "c -1:3 r", "c 1:3 r m"):
        with pytest.raises(UsageError, match="device-cgroup-rule"):
            device_words.rule(text)


def test_the_basic_rules_are_rules() -> None:
    rules = [device_rules.read_rule(row, "x") for row in device_words.BASIC_RULES]
    assert str(rules[0]) == "a *:* rwm"
    assert "c 1:3 rwm" in map(str, rules)
    assert device_filter.program(rules)
