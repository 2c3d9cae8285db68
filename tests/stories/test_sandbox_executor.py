"""Functions and commands in boxes, as concurrent.futures has them."""

import concurrent.futures
import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import wardian
from tests import boxed_functions as boxed
from tests.machine import SLOWNESS

pytestmark = [pytest.mark.root, pytest.mark.slow]


LIMITS = {"cpu": 2 * SLOWNESS, "wall": 20 * SLOWNESS}


@pytest.fixture(scope="module", params=["cold", "pool", "warm"])
def boxes(request: pytest.FixtureRequest) -> Iterator[wardian.SandboxExecutor]:
    kinds: dict[str, Callable[..., wardian.Sandbox]] = {
        "cold": wardian.Sandbox,
        "pool": wardian.SandboxPool,
        "warm": wardian.WarmPython,
    }
    with (
        kinds[request.param](limits=LIMITS) as sandbox,
        wardian.SandboxExecutor(2, sandbox=sandbox) as executor,
    ):
        yield executor


def test_a_function_s_value_comes_back(boxes: wardian.SandboxExecutor) -> None:
    future = boxes.submit(boxed.square, 12)
    assert future.result() == 144
    assert future.verdict.stdout == b"computing\n"  # type: ignore[attr-defined]
    assert boxes.submit(math.sqrt, 16).result() == 4.0
    assert boxes.submit(boxed.Account(3).doubled, times=2).result() == 12


def test_values_of_all_plain_kinds_come_back(boxes: wardian.SandboxExecutor) -> None:
    value = {"a": (1, 2.5, None, True), 3: [b"\0\xff", "\ud800ü"], (1, "x"): {1, 2}, "n": 10**50}
    assert boxes.submit(boxed.plain, value).result() == value


def test_it_is_an_executor_as_any(boxes: wardian.SandboxExecutor) -> None:
    assert isinstance(boxes, concurrent.futures.Executor)
    assert list(boxes.map(boxed.square, range(6))) == [0, 1, 4, 9, 16, 25]
    done, waiting = concurrent.futures.wait([boxes.submit(boxed.square, 2)])
    assert (len(done), len(waiting)) == (1, 0)


def test_an_exception_is_told_with_its_traceback(boxes: wardian.SandboxExecutor) -> None:
    with pytest.raises(wardian.ProgramError, match="ValueError: no") as caught:
        boxes.submit(boxed.fail, "no \x1b[31m").result()
    assert caught.value.kind == "ValueError"
    assert "in fail" in caught.value.traceback
    assert "\x1b" not in str(caught.value)


@pytest.mark.parametrize(
    ("function", "outcome"),
    [
        (boxed.end_itself, wardian.Outcome.SIGNAL),
        (boxed.ask_the_network, wardian.Outcome.VIOLATION),
        (boxed.compute_for_ever, wardian.Outcome.CPU_TIME),
    ],
)
def test_a_function_that_was_ended_has_a_verdict(
    boxes: wardian.SandboxExecutor, function: Any, outcome: wardian.Outcome
) -> None:
    with pytest.raises(wardian.ProgramError, match=f"did not return: {outcome}") as caught:
        boxes.submit(function).result()
    verdict = caught.value.verdict
    assert isinstance(verdict, wardian.Verdict)
    assert verdict.outcome is outcome


@pytest.mark.parametrize(
    "content",
    [
        b"cos\nsystem\n(S'touch /tmp/owned'\ntR.",
        b'{"__reduce__": ["os.system", ["true"]]}',
        b"[" * 100_000,
        b"\xff" * 1000,
        b"1" * (5 << 20),
    ],
    ids=["pickle", "reduce", "deep", "bytes", "long"],
)
def test_a_forged_result_is_data_or_an_error(
    boxes: wardian.SandboxExecutor, content: bytes
) -> None:
    with pytest.raises(wardian.ProgramError, match="result"):
        boxes.submit(boxed.forge, content).result()
    assert not os.path.exists("/tmp/owned")


@pytest.mark.parametrize("kind", ["link", "fifo", "directory"])
def test_a_result_that_is_no_file_is_not_followed(
    boxes: wardian.SandboxExecutor, kind: str
) -> None:
    with pytest.raises(wardian.ProgramError, match="did not return"):
        boxes.submit(boxed.leave_something_else, kind).result()


def test_a_command_s_result_is_its_verdict(boxes: wardian.SandboxExecutor) -> None:
    if isinstance(boxes.sandbox, wardian.WarmPython):
        assert boxes.submit_command(["-c", "print(1)"]).result().stdout == b"1\n"
        return
    future = boxes.submit_command(
        ["sh", "-c", "cat; cat a; echo out > b"], stdin=b"in", files={"a": b"file"}, outputs=["b"]
    )
    verdict = future.result()
    assert (verdict.stdout, verdict.outputs) == (b"infile", {"b": b"out\n"})


def test_after_shutdown_nothing_is_taken_and_the_sandbox_is_closed() -> None:
    executor = wardian.SandboxExecutor(1, limits={"cpu": "5s"})
    futures = [executor.submit(boxed.square, number) for number in range(3)]
    executor.shutdown(wait=False)
    assert [future.result() for future in futures] == [0, 1, 4]
    with pytest.raises(RuntimeError, match="after shutdown"):
        executor.submit(boxed.square, 1)


def test_calls_that_have_not_begun_can_be_cancelled() -> None:
    executor = wardian.SandboxExecutor(1, limits={"cpu": "1s", "wall": "3s"})
    futures = [executor.submit(boxed.compute_for_ever) for _number in range(3)]
    executor.shutdown(wait=True, cancel_futures=True)
    assert [future.cancelled() for future in futures][1:] == [True, True]


def test_a_program_s_own_functions_go_along(tmp_path: Path) -> None:
    (tmp_path / "other.py").write_text("def three():\n    return 3\n")
    (tmp_path / "program.py").write_text(
        "import other\n"
        "import wardian\n"
        "def work(number):\n"
        "    return number * other.three()\n"
        "if __name__ == '__main__':\n"
        "    with wardian.SandboxExecutor(limits={'cpu': '5s'}) as boxes:\n"
        "        print(boxes.submit(work, 14).result())\n"
    )
    done = subprocess.run(
        [sys.executable, "program.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("42\n", "")


def test_nothing_of_a_run_is_left_for_the_next(boxes: wardian.SandboxExecutor) -> None:
    assert boxes.submit(boxed.leave, "x").result() == []
    assert boxes.submit(boxed.leave, "y").result() == []
    assert not os.path.exists("/tmp/left-x")
