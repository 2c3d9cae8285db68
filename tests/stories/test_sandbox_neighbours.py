"""What a box does is nothing to the machine's other programs."""

import dataclasses
import fcntl
import os

import pytest

from wardian import Outcome, Sandbox, SandboxPool
from wardian.sandbox import policy_files

pytestmark = pytest.mark.root
LOCKS = """
import fcntl, os
for name in ("/dev/null", "/dev/zero", "/usr/bin/env"):
    fcntl.flock(os.open(name, os.O_RDONLY), fcntl.LOCK_EX | fcntl.LOCK_NB)
os.write(1, b"locked")
os.read(0, 1)
"""


def test_a_policy_that_refuses_to_limit_descriptors_has_boxes_all_the_same() -> None:
    policy = policy_files.load("compute")
    arguments = {name: rule for name, rule in policy.arguments.items() if name != "prlimit64"}
    refuse = {**policy.refuse, "prlimit64": "EPERM"}
    with Sandbox(dataclasses.replace(policy, arguments=arguments, refuse=refuse)) as box:
        assert box.run(["/bin/true"]).outcome is Outcome.OK


def test_what_a_run_leaves_charged_is_not_in_the_next_one_s_peak() -> None:
    looks = """
import os, random
for number in range(15_000):
    os.access(f"/usr/bin/{number:0200}-{random.random()}", os.F_OK)
"""
    with SandboxPool("compute", limits={"memory": "4g", "wall": "20s"}, size=1) as pool:
        if not pool.prepare().enforced.memory:
            pytest.skip("no control group limits memory here")
        quiet = [pool.run(["/bin/true"]).usage.peak_memory_bytes for _ in range(8)]
        seen = []
        for _ in range(8):
            assert pool.run(["python3", "-c", looks]).outcome is Outcome.OK
            seen.append(pool.run(["/bin/true"]).usage.peak_memory_bytes)
    assert max(seen) < max(quiet) + (1 << 20)


def test_a_lock_on_a_device_is_not_one_on_the_host_s() -> None:
    with Sandbox(limits={"wall": "20s"}) as box:
        reader, writer = os.pipe()
        out, into = os.pipe()
        run = box.start(["python3", "-c", LOCKS], stdin=reader, stdout=into)
        os.close(into)
        try:
            assert os.read(out, 16) == b"locked"
            for name in ("/dev/null", "/dev/zero", "/usr/bin/env"):
                with open(name, "rb") as file:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        finally:
            for fd in (reader, writer, out):
                os.close(fd)
            while not run.ended:
                run.step()
            assert run.finish().outcome is Outcome.OK
