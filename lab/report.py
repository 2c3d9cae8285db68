"""What the machines' runs come to: one JUnit file, one line each, one exit code."""

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import NamedTuple


class Outcome(NamedTuple):
    """How the tests of one machine ended."""

    machine: str
    exit_code: int
    wall_s: float
    tests: int = 0
    failed: int = 0
    skipped: int = 0

    @property
    def line(self) -> str:
        """The outcome in words."""
        passed = self.tests - self.failed - self.skipped
        words = [f"{passed} passed"]
        words += [f"{self.failed} failed"] if self.failed else []
        words += [f"{self.skipped} skipped"] if self.skipped else []
        if self.exit_code not in (0, 1):
            words.append(f"pytest's exit code {self.exit_code}")
        return f"{self.machine}: {', '.join(words)} in {self.wall_s:.0f} s"


def read(machine: str, results: Path, wall_s: float) -> Outcome:
    """Read what a machine sent."""
    code = int((results / "exit-code").read_text(encoding="ascii"))
    junit = results / "junit.xml"
    if not junit.exists():
        return Outcome(machine, code or 1, wall_s)
    cases: dict[tuple[str, str], set[str]] = {}
    for case in (case for suite in _suites(junit) for case in suite.iter("testcase")):
        # A test whose teardown fails has two entries.
        entry = cases.setdefault((case.get("classname", ""), case.get("name", "")), set())
        entry.update(child.tag for child in case)
    failed = sum(bool(tags & {"failure", "error"}) for tags in cases.values())
    skipped = sum("skipped" in tags for tags in cases.values())
    return Outcome(machine, code, wall_s, len(cases), failed, skipped)


def merge(target: Path, machines: dict[str, Path]) -> None:
    """Write one JUnit file of all machines' ones; the suites get the machines' names."""
    root = ET.Element("testsuites")
    for machine, results in machines.items():
        if (results / "junit.xml").exists():
            for suite in _suites(results / "junit.xml"):
                suite.set("name", f"lab.{machine}")
                root.append(suite)
    ET.ElementTree(root).write(target, encoding="utf-8", xml_declaration=True)


def _suites(junit: Path) -> list[ET.Element]:
    # Our own pytest wrote it, in a machine whose tests may be hostile to it, not to us.
    return list(ET.parse(junit).getroot().iter("testsuite"))
