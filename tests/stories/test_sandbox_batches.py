"""Limits that the runs of a batch share."""

import pytest

from wardian import Outcome, Sandbox, SandboxPool
from wardian.errors import StatusError, UsageError

pytestmark = pytest.mark.root
BUSY = ["python3", "-I", "-c", "while True: pass"]


def test_runs_end_when_the_batch_has_no_time_left() -> None:
    with Sandbox(limits={"wall": "10s"}) as sandbox:
        batch = sandbox.batch(cpu_s=0.4)
        assert batch.run(["true"]).outcome is Outcome.OK
        verdict = batch.run(BUSY)
        assert verdict.outcome is Outcome.CPU_TIME
        assert verdict.limit is not None
        assert verdict.limit.name == "cpu_s"
        assert verdict.usage.cpu_s < 2
        with pytest.raises(StatusError, match="used up its cpu_s"):
            batch.run(["true"])
        assert sandbox.run(["true"]).outcome is Outcome.OK  # its own limits are as they were


def test_the_number_of_runs_and_their_output_are_counted() -> None:
    with SandboxPool(size=1) as pool:
        batch = pool.batch(runs=3, output_bytes=10)
        assert batch.run(["echo", "12345"]).outcome is Outcome.OK
        assert batch.run(["echo", "12345"]).outcome is Outcome.OUTPUT
        assert batch.spent is not None
        assert batch.spent.name == "batch output_bytes"
        counted = pool.batch(runs=1)
        counted.run(["true"])
        with pytest.raises(StatusError, match=r"runs \(1 of 1\)"):
            counted.run(["true"])


def test_a_batch_s_wall_time_bounds_a_run() -> None:
    with Sandbox(limits={"wall": "20s"}) as sandbox:
        verdict = sandbox.batch(wall_s=0.3).run(["sleep", "10"])
        assert verdict.outcome is Outcome.WALL_TIME
        assert verdict.usage.wall_s < 5


def test_what_is_no_limit_is_refused() -> None:
    with Sandbox() as sandbox:
        for words in ({"runs": 0}, {"runs": 1.5}, {"cpu_s": -1}, {"wall_s": True}):
            with pytest.raises(UsageError, match="batch limit"):
                sandbox.batch(**words)
