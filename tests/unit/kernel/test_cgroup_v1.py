"""Device rules become lines with the same verdicts in the v1 kernel; files are read right."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wardian.errors import SpecError
from wardian.kernel import cgroup_v1
from wardian.kernel.device_rules import Rule

numbers = st.sampled_from([None, 1, 2])
rules = st.builds(
    lambda allow, kind, major, minor, access: Rule(allow, kind, major, minor, access=access),
    st.booleans(),
    st.sampled_from("abc"),
    numbers,
    numbers,
    st.sampled_from(["rwm", "r", "w", "m", "rw"]),
)


class Kernel:
    """What security/device_cgroup.c does with the lines."""

    def __init__(self) -> None:
        self.allows = True
        self.exceptions: dict[tuple[str, str], set[str]] = {}

    def write(self, file: str, line: str) -> None:
        allow = file == "devices.allow"
        if line == "a":
            self.allows, self.exceptions = allow, {}
            return
        kind, pair, access = line.split(" ")
        held = self.exceptions.setdefault((kind, pair), set())
        if allow == self.allows:
            held -= set(access)
        else:
            held |= set(access)

    def may(self, kind: str, major: int, minor: int, access: str) -> bool:
        for (other, pair), held in self.exceptions.items():
            wanted = pair.split(":")
            if (
                other == kind
                and all(
                    word in ("*", str(number))
                    for word, number in zip(wanted, (major, minor), strict=True)
                )
                and access in held
            ):
                return not self.allows
        return self.allows


def verdict(row: list[Rule], kind: str, major: int, minor: int, access: str) -> bool:
    for rule in reversed(row):
        if rule.overlaps(Rule(True, kind, major, minor, access=access)):
            return rule.allow
    return False


@given(st.lists(rules, max_size=6))
def test_the_kernel_s_verdict_is_that_of_the_last_rule_that_matches(row: list[Rule]) -> None:
    try:
        lines = cgroup_v1.device_lines(row)
    except SpecError:
        return  # one rule carves a piece out of another, which v1 can't
    kernel = Kernel()
    for file, line in lines:
        kernel.write(file, line)
    for kind in "bc":
        for major in (1, 2, 3):
            for minor in (1, 2, 3):
                for access in "rwm":
                    expected = verdict(row, kind, major, minor, access)
                    assert kernel.may(kind, major, minor, access) == expected


def test_docker_s_rules_need_no_more_than_themselves() -> None:
    row = [
        Rule(False, "a", None, None, access="rwm"),
        Rule(True, "c", 1, 3, access="rwm"),
        Rule(True, "c", 136, None, access="rwm"),
    ]
    assert cgroup_v1.device_lines(row) == [
        ("devices.deny", "a"),
        ("devices.allow", "c 1:3 rwm"),
        ("devices.allow", "c 136:* rwm"),
    ]


def test_what_no_rule_names_is_denied() -> None:
    row = [Rule(True, "c", 1, 3, access="r")]
    assert cgroup_v1.device_lines(row)[0] == ("devices.deny", "a")


def test_a_piece_of_a_wider_rule_can_t_be_taken_back() -> None:
    row = [Rule(True, "c", None, None, access="m"), Rule(False, "c", 1, 5, access="m")]
    with pytest.raises(SpecError, match=r"devices\[1\].*c 1:5 m.*c \*:\* m"):
        cgroup_v1.device_lines(row)


def test_usage_comes_from_the_files_that_are_there(tmp_path: Path) -> None:
    (tmp_path / "memory.max_usage_in_bytes").write_text("4096\n")
    (tmp_path / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 2\n")
    (tmp_path / "cpuacct.usage").write_text("1500000000\n")
    where = str(tmp_path)
    found = cgroup_v1.usage({"memory": where, "cpuacct": where, "pids": where})
    assert found == {"peak_memory_bytes": 4096, "oom_kills": 2, "cpu_s": 1.5, "pids_peak": None}


def test_an_empty_cpuset_takes_over_what_is_above(tmp_path: Path) -> None:
    box = tmp_path / "wardian" / "box"
    box.mkdir(parents=True)
    for group, cpus in ((tmp_path, "0-1"), (tmp_path / "wardian", ""), (box, "")):
        (group / "cpuset.cpus").write_text(cpus)
        (group / "cpuset.mems").write_text("0" if group == tmp_path else "")
    cgroup_v1.fill_cpuset(str(box), str(tmp_path))
    assert (
        (box / "cpuset.cpus").read_text() == (tmp_path / "wardian/cpuset.cpus").read_text() == "0-1"
    )
    assert (box / "cpuset.mems").read_text() == "0"
