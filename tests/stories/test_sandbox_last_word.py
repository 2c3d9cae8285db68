"""The last word of a box's init: what was called off before anybody heard of it is told."""

import dataclasses

import pytest

from tests.stories.test_sandbox_witness import run_late
from wardian import Outcome, Sandbox, SandboxPool, WarmPython
from wardian.sandbox import policy_files

INIT_S = ("clone", "close_range", "getrusage", "kill", "wait4")
FAREWELL = "import ctypes; print(ctypes.CDLL(None).prctl(0x57415244, 1, 0, 0, 0))"


@pytest.mark.root
def test_a_call_that_was_called_off_counts_without_a_witness(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    verdict = run_late(monkeypatch, None)
    assert (verdict.outcome, verdict.reason) == (Outcome.VIOLATION, "system call interrupted")
    assert verdict.violation_count == 1


@pytest.mark.parametrize("kind", [Sandbox, SandboxPool])
def test_a_program_can_t_say_init_s_farewell(kind: type[Sandbox]) -> None:
    with kind() as box:
        verdict = box.run(["python3", "-c", FAREWELL])
    assert (verdict.outcome, verdict.reason) == (Outcome.VIOLATION, "system call prctl")
    assert verdict.stdout == b""


def test_a_fork_of_a_warm_interpreter_has_such_an_init_too() -> None:
    with WarmPython() as box:
        verdict = box.run(["-c", FAREWELL])
        assert (verdict.outcome, verdict.stdout) == (Outcome.VIOLATION, b"")
        assert verdict.violations[0].comm == "python3"
        verdict = box.run(["-c", "import os; os.sched_setaffinity(1, {0})"])
        assert verdict.stderr.endswith(b"Operation not permitted\n")
        assert box.run(["-c", "print(1)"]).stdout == b"1\n"


@pytest.mark.parametrize("kind", [Sandbox, SandboxPool])
def test_a_policy_may_refuse_what_init_calls(kind: type[Sandbox]) -> None:
    base = policy_files.load("compute")
    policy = dataclasses.replace(
        base,
        allow=tuple(name for name in base.allow if name not in INIT_S),
        arguments={name: rule for name, rule in base.arguments.items() if name not in INIT_S},
        refuse={**base.refuse, **dict.fromkeys(INIT_S, "EPERM")},
    )
    with kind(policy) as box:
        for _ in range(3):
            verdict = box.run(["cat"], stdin=b"there")
            assert (verdict.outcome, verdict.stdout) == (Outcome.OK, b"there")


def test_init_is_out_of_the_program_s_reach() -> None:
    code = "cat /proc/1/comm /proc/1/status; kill -9 1; taskset -p 1 1; cat /proc/1/environ"
    with Sandbox() as box:
        verdict = box.run(["sh", "-c", code])
    assert verdict.outcome is not Outcome.INTERNAL_ERROR
    said = verdict.stdout.decode()
    assert said.startswith("wardian-init\n")
    for line in ("CapBnd:\t0000000000000000", "NoNewPrivs:\t1", "Seccomp:\t2"):
        assert f"{line}\n" in said
    refused = ("kill: Operation not", "affinity: Operation not", "environ: Permission denied")
    assert all(word in verdict.stderr.decode() for word in refused)
