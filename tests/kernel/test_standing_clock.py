"""The clock that stands still, preloaded into real programs."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.machine import requires
from wardian.repro import surroundings

WHEN = 1_700_000_000
PROGRAM = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/timeb.h>
#include <time.h>
int main(int count, char **names) {
    struct timespec real, coarse, got;
    struct timeval day;
    struct timeb old;
    struct stat one;
    struct statx two;
    clock_gettime(CLOCK_REALTIME, &real);
    clock_gettime(CLOCK_REALTIME_COARSE, &coarse);
    gettimeofday(&day, NULL);
    timespec_get(&got, TIME_UTC);
    ftime(&old);
    printf("%ld %ld %ld ", (long)time(NULL), real.tv_sec, coarse.tv_sec);
    printf("%ld %ld %ld\n", day.tv_sec, got.tv_sec, (long)old.time);
    for (int at = 1; at < count; at++) {
        fstat(open(names[at], O_RDONLY), &one);
        printf("%ld ", one.st_mtim.tv_sec);
        stat(names[at], &one);
        printf("%ld ", one.st_ctim.tv_sec);
        statx(AT_FDCWD, names[at], 0, STATX_ALL, &two);
        printf("%lld\n", (long long)two.stx_mtime.tv_sec);
    }
    int failed = stat("/no/such/file", &one);
    printf("%d %d\n", failed, errno == ENOENT);
    failed = clock_gettime(77, &real);
    printf("%d %d\n", failed, errno == EINVAL);
    return 0;
}
"""


def standing(command: list[str], since_s: float = 0.0, **more: str) -> str:
    library = surroundings.clock_library()
    assert library, "the launcher's build makes it"
    env = {
        **os.environ,
        "LD_PRELOAD": library,
        "WARDIAN_CLOCK": str(WHEN),
        "WARDIAN_CLOCK_SINCE": str(int((since_s or time.time() - 60) * 1e9)),
        **more,
    }
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout


def test_every_call_that_tells_the_time_tells_the_same(tmp_path: Path) -> None:
    requires("compiler")
    (tmp_path / "p.c").write_text(PROGRAM)
    program = str(tmp_path / "p")
    subprocess.run(
        ["cc", "-Wno-deprecated-declarations", "-o", program, tmp_path / "p.c"], check=True
    )
    old, new = tmp_path / "old", tmp_path / "new"
    old.touch()
    new.touch()
    os.utime(old, (1000, 1000))
    lines = standing([program, str(old), str(new)]).splitlines()
    assert lines[0].split() == [str(WHEN)] * 6
    assert lines[1].split() == ["1000", str(WHEN), "1000"]
    assert lines[2].split() == [str(WHEN)] * 3
    assert lines[3:] == ["-1 1", "-1 1"]


def test_sleeping_still_takes_its_time() -> None:
    code = (
        "import time; a = time.monotonic(); time.sleep(0.05); print(time.monotonic() - a >= 0.05)"
    )
    assert standing([sys.executable, "-c", code]) == "True\n"


def test_a_process_is_given_the_clock_by_its_environment_alone() -> None:
    assert standing(["date", "-u", "+%s"]) == f"{WHEN}\n"
    assert standing(["date", "-u", "+%s"], WARDIAN_CLOCK="7") == "7\n"
    assert abs(int(standing(["env", "-u", "WARDIAN_CLOCK", "date", "+%s"])) - time.time()) < 3600


def test_what_was_written_a_moment_before_keeps_its_time(tmp_path: Path) -> None:
    since_ns = (int(time.time()) - 60) * 10**9 + 700_000_000
    for name, when_ns in (("before", since_ns - 1), ("after", since_ns)):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, ns=(when_ns, when_ns))
    words = ["stat", "-c", "%Y", str(tmp_path / "before"), str(tmp_path / "after")]
    told = standing(words, WARDIAN_CLOCK_SINCE=str(since_ns)).split()
    assert told == [str(since_ns // 10**9), str(WHEN)]


def test_the_newer_of_two_new_files_is_newer_and_no_archive_shows_it(tmp_path: Path) -> None:
    older, newer = tmp_path / "b", tmp_path / "a"
    since = int(time.time()) - 60
    for path, when in ((older, since + 5), (newer, since + 6)):
        path.touch()
        os.utime(path, (when, when))
    names = ["ls", "-t", str(older), str(newer)]
    assert standing(names, since).split() == [str(newer), str(older)]
    code = "import os, sys; print(*(os.stat(name).st_mtime for name in sys.argv[1:]))"
    shown = standing([sys.executable, "-c", code, str(older), str(newer)], since)
    assert shown.split() == [f"{WHEN}.0"] * 2


@pytest.mark.slow
def test_make_builds_once_and_then_has_nothing_to_do(tmp_path: Path) -> None:
    requires("compiler")
    (tmp_path / "Makefile").write_text("out: mid; cp mid out; echo made\nmid: in; cp in mid\n")
    (tmp_path / "in").touch()
    os.utime(tmp_path / "in", (WHEN - 5, WHEN - 5))
    first = standing(["make", "-C", str(tmp_path)])
    again = standing(["make", "-C", str(tmp_path)])
    assert "made" in first
    assert "is up to date" in again
