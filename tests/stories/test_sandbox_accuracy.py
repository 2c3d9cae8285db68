"""Usage is good enough to grade by: compared with what a program counts itself, and with itself."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.machine import SLOWNESS, requires
from wardian import Outcome, Sandbox, SandboxPool

pytestmark = pytest.mark.root

# Computes for so many milliseconds, touches so many MiB, in so many processes, and tells at its
# very end what the kernel counts for it and its children.
CALIBRATED = r"""
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void work(long ms, long mib)
{
	struct timespec now;
	int kind = MAP_PRIVATE | MAP_ANONYMOUS;
	volatile char *all = mmap(NULL, mib << 20, PROT_READ | PROT_WRITE, kind, -1, 0);

	for (long i = 0; i < mib << 20; i += 4096)
		all[i] = 1;
	do {
		for (volatile int i = 0; i < 100000; i++)
			;
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	} while (now.tv_sec * 1000 + now.tv_nsec / 1000000 < ms);
}

static double used(int whose)
{
	struct rusage found;

	getrusage(whose, &found);
	long us = found.ru_utime.tv_usec + found.ru_stime.tv_usec;
	return found.ru_utime.tv_sec + found.ru_stime.tv_sec + us / 1e6;
}

int main(int count, char **words)
{
	for (int i = atoi(words[3]); i > 1; i--)
		if (fork() == 0) {
			work(atol(words[1]), atol(words[2]));
			_exit(0);
		}
	work(atol(words[1]), atol(words[2]));
	while (wait(NULL) > 0)
		;
	printf("%.6f\n", used(RUSAGE_SELF) + used(RUSAGE_CHILDREN));
	return 0;
}
"""
LIMITS = {"wall": 60 * SLOWNESS, "cpu": 30 * SLOWNESS, "memory": "256m", "disk": "16m"}
TELLING_S = 0.005 * SLOWNESS  # what a program takes to tell its time, and to end


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    requires("compiler")
    place = tmp_path_factory.mktemp("calibrated")
    (place / "source.c").write_text(CALIBRATED)
    program = place / "program"
    words = ["cc", "-O1", "-static", "-o", str(program), str(place / "source.c")]
    subprocess.run(words, check=True)
    return program


@pytest.fixture(scope="module", params=[Sandbox, SandboxPool], ids=["cold", "pool"])
def sandbox(request: pytest.FixtureRequest) -> Iterator[Sandbox]:
    with request.param("compute", limits=LIMITS) as made:
        yield made


@pytest.mark.parametrize(("ms", "processes"), [(1, 1), (30, 1), (400, 1), (150, 3)])
def test_cpu_time_is_that_of_rusage(
    sandbox: Sandbox, calibrated: Path, ms: int, processes: int
) -> None:
    argv = ["./program", str(ms), "1", str(processes)]
    for _ in range(3):
        verdict = sandbox.run(argv, files={"program": calibrated})
        assert verdict.outcome is Outcome.OK, verdict.to_json()
        counted = float(verdict.stdout)
        assert counted >= ms * processes / 1000
        allowed = max(TELLING_S, 0.02 * counted)
        assert abs(verdict.usage.cpu_s - counted) <= allowed, (verdict.usage, counted)
        assert abs(verdict.usage.user_s + verdict.usage.system_s - verdict.usage.cpu_s) <= allowed


@pytest.mark.parametrize(("mib", "processes"), [(16, 1), (64, 1), (200, 1), (40, 3)])
def test_peak_memory_is_what_was_touched(
    sandbox: Sandbox, calibrated: Path, mib: int, processes: int
) -> None:
    base = _peak(sandbox, calibrated, 0, processes)
    assert base < 4 << 20  # the program itself, its copy in the working directory, and page tables
    touched = mib * processes << 20
    for _ in range(3):
        seen = _peak(sandbox, calibrated, mib, processes)
        assert abs(seen - base - touched) <= 0.05 * touched, (seen, base)
        assert abs(seen - touched) <= 0.05 * touched + base


def _peak(sandbox: Sandbox, program: Path, mib: int, processes: int) -> int:
    # All of them live until the last has computed for a while, whatever else this machine does.
    verdict = sandbox.run(
        ["./program", str(200 * SLOWNESS), str(mib), str(processes)], files={"program": program}
    )
    assert verdict.outcome is Outcome.OK, verdict.to_json()
    assert verdict.usage.source == "cgroup"
    return verdict.usage.peak_memory_bytes


def test_runs_of_one_program_agree(sandbox: Sandbox, calibrated: Path) -> None:
    verdicts = [
        sandbox.run(["./program", "100", "32", "1"], files={"program": calibrated})
        for _ in range(6)
    ]
    assert {one.outcome for one in verdicts} == {Outcome.OK}
    peaks = [one.usage.peak_memory_bytes for one in verdicts]
    assert max(peaks) - min(peaks) <= 0.02 * max(peaks), peaks
    assert len({one.usage.disk_bytes for one in verdicts}) == 1
    assert len({one.usage.inodes for one in verdicts}) == 1
    assert len({one.plan_hash for one in verdicts}) == 1
    for one in verdicts:
        assert abs(one.usage.cpu_s - float(one.stdout)) <= TELLING_S
