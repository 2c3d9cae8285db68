"""What boxes of a pool have one after the other: no run finds in it what another did."""

import ctypes
import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import roots
from wardian import Outcome, SandboxPool
from wardian.kernel.cgroup_files import UNIFIED
from wardian.sandbox import groups, ready

pytestmark = pytest.mark.root

MIB = 1 << 20
HEAVY = """
import subprocess
held = bytearray(64 << 20)
five = [subprocess.Popen(["sleep", "0.1"]) for _ in range(5)]
print(sum(range(6_000_000)), [one.wait() for one in five])
"""


@pytest.fixture(scope="module")
def pool() -> Iterator[SandboxPool]:
    made = SandboxPool(size=1, limits={"memory": "128m", "wall": "20s", "output": "1m"})
    yield made
    made.close()


def test_what_one_run_used_is_not_counted_for_the_next(pool: SandboxPool) -> None:
    for _ in range(3):
        heavy = pool.run(["python3", "-I", "-c", HEAVY])
        assert heavy.outcome is Outcome.OK, heavy.stderr
        assert heavy.usage.peak_memory_bytes > 64 * MIB
        for _ in range(3):
            light = pool.run(["true"])
            assert light.outcome is Outcome.OK
            assert light.usage.peak_memory_bytes < 32 * MIB
            assert light.usage.cpu_s < heavy.usage.cpu_s / 2
            assert light.usage.user_s + light.usage.system_s <= light.usage.cpu_s + 0.001
            if heavy.usage.processes is not None:
                assert heavy.usage.processes >= 6
                assert light.usage.processes == 1


def counts_in(slot: Any) -> int:
    """Return which control group counts the memory of a slot's runs."""
    groups_of = slot.group.groups
    return os.stat(groups_of.get("memory") or groups_of[UNIFIED]).st_ino


def keeps_its_group(pool: SandboxPool, argv: list[str], outcome: Outcome = Outcome.OK) -> bool:
    """Run a program; returns whether the next in its slot is counted in the same group."""
    pool.fill()
    nest, slot = pool._nest, pool._ready[0]._slot
    assert nest is not None
    before = counts_in(slot)
    verdict = pool.run(argv)
    assert verdict.outcome is outcome, verdict
    end_s = time.monotonic() + 20
    while not any(slot is one for one in (*nest._slots, *(run._slot for run in pool._ready))):
        assert time.monotonic() < end_s, "the slot did not come back"
        os.sched_yield()
    return slot is not None and slot.group is not None and counts_in(slot) == before


@pytest.mark.parametrize("limit", ["64m", "4g"])
def test_memory_is_counted_in_the_same_group_until_a_run_leaves_something_in_it(
    tmp_path: Path, limit: str
) -> None:
    root = roots.busybox(tmp_path)
    with open(root / "cached", "wb") as file:
        file.write(os.urandom(8 * MIB))
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    with SandboxPool(rootfs=root, size=1, limits={"memory": limit}) as pool:
        pool.fill()
        group = pool._ready[0].box.group
        if group is None or not groups._forgets_memory(group, pool.limits):
            pytest.skip("memory.peak can't be reset before Linux 6.12")
        assert [keeps_its_group(pool, ["true"]) for _ in range(6)] == [True] * 6
        assert not keeps_its_group(pool, ["md5sum", "/cached"]), "the next run would lack 8 MiB"
        if limit == "64m":
            near = ["dd", "if=/dev/zero", "of=near", "bs=1M", "count=61"]
            assert not keeps_its_group(pool, near), "something may have been refused"
        for _ in range(4):
            assert pool.run(["true"]).usage.peak_memory_bytes < 4 * MIB


def test_a_slot_is_used_again_only_after_a_run_that_ended_by_itself(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: dict[str, bool] = {}
    leave = ready._leave

    def watched(nest: Any, slot: Any, box: Any, *, is_clean: bool) -> None:
        seen[box.argv[-1]] = is_clean
        leave(nest, slot, box, is_clean=is_clean)

    monkeypatch.setattr(ready, "_leave", watched)
    with SandboxPool(size=1, limits={"wall": "1s", "output": "1k", "processes": 8}) as pool:
        outcomes = [
            pool.run(["sh", "-c", "exit 0 # fine"]).outcome,
            pool.run(["sh", "-c", "exit 3 # failed"]).outcome,
            pool.run(["sh", "-c", "sleep 9 & exit 0 # daemon"]).outcome,
            pool.run(["sh", "-c", "kill -SEGV $$ # fault"]).outcome,
            pool.run(["sleep", "60"]).outcome,
            pool.run(["sh", "-c", "yes # flood"]).outcome,
            pool.run(["unshare", "-n", "echo"]).outcome,
        ]
    assert outcomes == ["OK", "NONZERO_EXIT", "OK", "SIGNAL", "WALL_TIME", "OUTPUT", "VIOLATION"]
    clean = {words.split()[-1] for words, is_clean in seen.items() if is_clean}
    assert clean == {"fine", "failed", "daemon", "fault"}


def test_the_words_of_a_long_program_are_gone_when_a_short_one_runs(pool: SandboxPool) -> None:
    for count in (1, 9000, 2, 300, 1):
        words = [str(number) for number in range(count)]
        said = pool.run(["echo", *words], env={"A": "a" * count}).stdout
        assert said.split() == [word.encode() for word in words]
    assert b"aaa" not in pool.run(["printenv"]).stdout


def test_boxes_at_the_same_time_have_different_users_and_namespaces(pool: SandboxPool) -> None:
    pool.fill()
    first = pool._take()
    second = pool._make()
    try:
        assert first.box.owner != second.box.owner
        for kind in ("user", "net", "pid", "mnt", "ipc"):
            links = [
                os.readlink(f"/proc/{one.box.launch.pid}/ns/{kind}")
                for one in (first, second)
                if one.box.launch is not None
            ]
            assert len(set(links)) == 2, links
    finally:
        first.abandon()
        second.abandon()


def test_a_run_has_no_more_rights_in_its_user_namespace_than_in_one_of_its_own(
    pool: SandboxPool,
) -> None:
    code = (
        "import os; s = open('/proc/self/status').read().split('\\n');"
        "print([l.split()[1] for l in s if l.startswith('Cap')], os.getresuid(), os.getgroups());"
        "print([open(f'/proc/self/{n}_map').read().split() for n in ('uid', 'gid')])\n"
        "for n in ('uid_map', 'gid_map', 'setgroups'):\n"
        "    try: os.write(os.open(f'/proc/self/{n}', os.O_WRONLY), b'0 0 1')\n"
        "    except OSError: print(n, 'refused')"
    )
    for _ in range(3):
        said = pool.run(["python3", "-I", "-c", code]).stdout.decode()
        assert said.startswith("['0000000000000000', '0000000000000000', '0000000000000000',"), said
        assert "(1000, 1000, 1000) []" in said, said
        assert said.count("'1000'") == 2, said
        assert said.count("refused") == 3, said


def socket_in(network: int) -> socket.socket:
    """Make a socket in another network namespace."""
    made: list[socket.socket] = []

    def work() -> None:
        assert ctypes.CDLL(None).setns(network, 0) == 0
        made.append(socket.socket(socket.AF_UNIX))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return made[0]


def test_a_slot_in_whose_network_a_socket_is_left_is_not_used_again(pool: SandboxPool) -> None:
    say = ["readlink", "/proc/self/ns/net"]
    pool.fill()
    slot = pool._ready[0]._slot
    assert slot is not None
    with socket_in(slot.network):
        left = pool.run(say).stdout
        assert left not in [pool.run(say).stdout for _ in range(6)]
    networks = [pool.run(say).stdout for _ in range(6)]
    assert len(set(networks)) < 6, "those without a socket are used again"


def held_by_a_child() -> bytes:
    """Return what of boxes a forked child has open."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            links = []
            for fd in os.listdir("/proc/self/fd"):
                try:
                    links.append(os.readlink(f"/proc/self/fd/{fd}"))
                except OSError:
                    continue
            os.write(writer, "\n".join(link for link in links if "wardian-" in link).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader, "rb") as file:
        said = file.read()
    os.waitpid(child, 0)
    return said


def test_a_forked_child_holds_nothing_of_the_slots(pool: SandboxPool) -> None:
    pool.run(["true"])
    pool.fill()
    end_s = time.monotonic() + 20
    while (said := held_by_a_child()) and time.monotonic() < end_s:
        os.sched_yield()  # the last box is being taken down
    assert said == b""
    assert pool.run(["echo", "here"]).stdout == b"here\n"
