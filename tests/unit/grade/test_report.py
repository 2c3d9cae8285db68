"""The report for programs."""

import json
import os
from pathlib import Path

from tests.unit.grade.problems import problem, result
from wardian.grade import report
from wardian.grade.results import Judgement
from wardian.grade.results import TestResult as Result


def test_it_is_ascii_and_has_no_lone_surrogates(tmp_path: Path) -> None:
    name = os.fsdecode(b"\xff\n.py")
    found = json.loads(report.to_json(problem(tmp_path), [result(name)]).decode("ascii"))
    (one,) = found["submissions"]
    assert one["name"] == "\\xff\n.py"
    assert bytes.fromhex(one["name_hex"]) == b"\xff\n.py"


def test_it_counts_judgements(tmp_path: Path) -> None:
    rows = [result("a"), result("b"), result("c", judgement=Judgement.VIOLATION)]
    found = report.document(problem(tmp_path), rows)
    assert found["summary"] == {"submissions": 3, "judgements": {"ACCEPTED": 2, "VIOLATION": 1}}
    assert found["languages"] == {"python": "Python 3"}
    assert found["problem"]["groups"][0]["tests"] == ["one"]


def test_the_hash_of_verdicts_leaves_out_figures_and_order() -> None:
    def test(cpu_s: float, judgement: Judgement = Judgement.ACCEPTED) -> Result:
        return Result(test="one", group="tests", judgement=judgement, cpu_s=cpu_s)

    fast, slow = result("a", tests=(test(0.1),)), result("a", tests=(test(0.9),))
    assert report.verdicts_hash([fast, result("b")]) == report.verdicts_hash([result("b"), slow])
    wrong = result("a", tests=(test(0.1, Judgement.WRONG_ANSWER),))
    assert report.verdicts_hash([fast]) != report.verdicts_hash([wrong])
