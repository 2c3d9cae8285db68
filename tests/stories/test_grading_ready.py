"""Grading in boxes that stand ready: the same verdicts, and few pools."""

import pytest

from wardian import Limits, SandboxPool
from wardian.errors import LaunchError
from wardian.grade import boxes
from wardian.grade.boxes import Boxes

pytestmark = pytest.mark.root
LIMITS = Limits.parse({"cpu": "0.5s", "wall": "3s", "memory": "48m", "output": "64k"})
PROGRAMS = (
    "print(input())",
    "import sys; sys.exit(3)",
    "import os; os.kill(os.getpid(), 9)",
    "while True: pass",
    "bytearray(200 << 20)",
    "print('x' * (1 << 20))",
    "import socket; socket.socket()",
    "import time; time.sleep(60)",
)


def outcomes(ours: Boxes, rounds: int) -> list[list[str]]:
    found = []
    for _ in range(rounds):
        box = ours.untrusted(LIMITS, None)
        runs = [ours.run(box, ["python3", "-c", code], stdin=b"1\n") for code in PROGRAMS]
        found.append([f"{one.outcome} {one.exit_code} {one.stdout[:9]!r}" for one in runs])
    return found


def test_verdicts_are_those_of_boxes_that_were_made_for_the_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(boxes, "WARM_AFTER", 1)
    ours = Boxes()
    try:
        cold, warm = outcomes(ours, 2)
        box = ours.untrusted(LIMITS, None)
        assert isinstance(box, SandboxPool)
        assert cold == warm
        with pytest.raises(LaunchError) as missing:
            ours.run(box, ["not-there"])
        assert missing.value.exit_code == 127
    finally:
        ours.close()


def test_few_kinds_of_boxes_stand_ready_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boxes, "WARM_AFTER", 0)
    ours = Boxes()
    try:
        kinds = [
            isinstance(ours.untrusted(Limits(open_files=20 + number), None), SandboxPool)
            for number in range(boxes.MOST_POOLS + 2)
        ]
        assert kinds == [True] * boxes.MOST_POOLS + [False] * 2
    finally:
        ours.close()
