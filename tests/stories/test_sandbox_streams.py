"""Standard streams by name: many programs read /dev/stdin, others write to /dev/stderr."""

import pytest

from wardian import Outcome, Sandbox, SandboxPool, WarmPython

COPY = """
import sys
text = open("/dev/stdin").read()
print(len(text), file=open("/dev/stdout", "w"))
print("told", file=open("/dev/stderr", "w"))
"""


@pytest.mark.parametrize("kind", [Sandbox, SandboxPool, WarmPython])
@pytest.mark.parametrize("size", [0, 5, 100_000])
def test_a_program_opens_its_streams_by_name(kind: type[Sandbox], size: int) -> None:
    with kind("compute", limits={"wall": "20s"}) as box:
        words = ["-c", COPY] if kind is WarmPython else ["python3", "-c", COPY]
        verdict = box.run(words, stdin=b"x" * size)
    assert verdict.outcome is Outcome.OK, verdict.stderr
    assert (verdict.stdout, verdict.stderr) == (f"{size}\n".encode(), b"told\n")


def test_no_input_is_an_empty_pipe_and_not_the_device_of_all() -> None:
    with Sandbox("compute") as box:
        verdict = box.run(["sh", "-c", "readlink /proc/self/fd/0; cat"])
    assert verdict.stdout.startswith(b"pipe:")
