"""From what was counted to an outcome."""

from typing import Any

import pytest

from wardian.sandbox.groups import Counters
from wardian.sandbox.judge import Facts, outcome
from wardian.sandbox.limits import Limits
from wardian.sandbox.verdict import Outcome, Usage

LIMITS = Limits()


def judged(usage: dict[str, Any] | None = None, **known: Any) -> Outcome:
    """Judge a run of which this is known."""
    counters = Counters(None, LIMITS)
    for name in ("oom_kills", "refused_forks"):
        setattr(counters, name, known.pop(name, 0))
    facts = Facts(Usage(**(usage or {})), counters)
    facts.status = 0
    for name, value in known.items():
        setattr(facts, name, value)
    found, hit = outcome(facts, LIMITS)
    assert (hit is None) or hit.observed >= hit.value
    return found


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        ({}, Outcome.OK),
        ({"status": 3 << 8}, Outcome.NONZERO_EXIT),
        ({"status": 9}, Outcome.SIGNAL),
        ({"status": 31}, Outcome.SIGNAL),
        ({"status": None}, Outcome.INTERNAL_ERROR),
        (
            {"status": None, "ended_by": Outcome.WALL_TIME, "usage": {"wall_s": 11}},
            Outcome.WALL_TIME,
        ),
        ({"usage": {"cpu_s": 5.1}}, Outcome.CPU_TIME),
        ({"usage": {"stderr_bytes": 1 << 30}}, Outcome.OUTPUT),
        ({"refused_forks": 1}, Outcome.PROCESSES),
        ({"is_full": True, "usage": {"disk_bytes": 64 << 20}}, Outcome.DISK),
        ({"no_inodes": True, "usage": {"inodes": 4096}}, Outcome.DISK),
        ({"status": 25, "largest_file": 64 << 20}, Outcome.DISK),
        ({"status": 25, "largest_file": 5}, Outcome.SIGNAL),
        ({"violated": True, "status": 0}, Outcome.VIOLATION),
        ({"trouble": "something", "violated": True}, Outcome.INTERNAL_ERROR),
    ],
)
def test_each_proof_has_its_outcome(known: dict[str, Any], expected: Outcome) -> None:
    assert judged(**known) is expected


def test_a_kill_for_memory_comes_before_what_it_led_to() -> None:
    usage = {"peak_memory_bytes": 256 << 20, "wall_s": 11.0}
    assert judged(usage, oom_kills=1, ended_by=Outcome.WALL_TIME) is Outcome.MEMORY


def test_without_a_control_group_the_resident_set_tells_of_memory() -> None:
    usage = {"peak_memory_bytes": 300 << 20}
    assert judged(usage, oom_kills=None) is Outcome.MEMORY
    assert judged(usage, oom_kills=0) is Outcome.OK
