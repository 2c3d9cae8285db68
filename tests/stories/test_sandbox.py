"""What a grader does with a sandbox: programs in, verdicts out, as root."""

import asyncio
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Wardian
from tests.machine import SLOWNESS, requires
from wardian import Limits, Outcome, Sandbox
from wardian.errors import UsageError
from wardian.kernel import cgroups
from wardian.sandbox import criu, listening

pytestmark = pytest.mark.root

SMALL = {"memory": "64m", "disk": "16m", "file-size": "8m", "processes": 20, "output": "64k"}
QUICK = {**SMALL, "wall": "20s", "cpu": "10s"}


@pytest.fixture(scope="module")
def compute() -> Any:
    requires("libseccomp")
    with Sandbox("compute", limits=QUICK) as made:
        yield made


def python(code: str) -> list[str]:
    return ["python3", "-c", code]


def test_a_program_gets_input_and_files_and_gives_output_and_files(compute: Sandbox) -> None:
    verdict = compute.run(
        ["sh", "-c", 'cat; cat given/deep.txt; echo "$WORD" > made; echo oops >&2; exit 3'],
        stdin=b"stdin ",
        files={"given/deep.txt": b"file"},
        env={"WORD": "$HOME"},
        outputs=["made", "never"],
    )
    assert verdict.outcome is Outcome.NONZERO_EXIT
    assert (verdict.exit_code, verdict.signal) == (3, None)
    assert (verdict.stdout, verdict.stderr) == (b"stdin file", b"oops\n")
    assert verdict.outputs == {"made": b"$HOME\n"}
    assert verdict.output_errors == {"never": "no such file or directory"}
    assert (verdict.violations, verdict.degraded, verdict.limit) == ((), (), None)


def test_an_argument_that_looks_like_a_symbol_of_a_plan_is_none(compute: Sandbox) -> None:
    verdict = compute.run(["echo", "$base0", "$seccomp:x", ""])
    assert verdict.stdout == b"$base0 $seccomp:x \n"


def test_equal_runs_have_one_plan_hash_and_others_another(compute: Sandbox) -> None:
    first, second = (compute.run(["true"]).plan_hash for _ in range(2))
    assert first == second != compute.run(["true", "x"]).plan_hash


def test_the_box_is_nobodys_and_shows_nothing_of_the_host(compute: Sandbox) -> None:
    script = (
        "id -u; cat /proc/self/uid_map; uname -n; ls /sys /home /root; grep Cap /proc/self/status;"
        "grep NoNewPrivs /proc/self/status; ls /proc | grep -c '^[0-9]'; "
        "grep -v '^ *face\\|^Inter' /proc/net/dev | cut -d: -f1; touch /etc/x /usr/x /dev/x"
    )
    verdict = compute.run(["sh", "-c", script])
    lines = verdict.stdout.decode().split("\n")
    assert lines[0] == "1000"
    inside, outside, count = map(int, lines[1].split())
    assert (inside, count) == (1000, 1)
    assert outside >= 1 << 16, "a user whom nobody is outside"
    assert lines[2] == "sandbox"
    assert verdict.stdout.count(b"0000000000000000") == 5, "no capability in any set"
    assert b"NoNewPrivs:\t1" in verdict.stdout
    assert "lo" in lines[-2]
    assert verdict.stderr.count(b"Read-only file system") == 3


def test_every_limit_has_its_outcome(compute: Sandbox) -> None:
    cases = {
        Outcome.MEMORY: python("bytearray(100 << 20)"),
        Outcome.OUTPUT: ["yes"],
        Outcome.PROCESSES: ["bash", "-c", "f() { f | f & }; f; sleep 10"],
        Outcome.DISK: ["dd", "if=/dev/zero", "of=/tmp/x", "bs=1M"],
    }
    for outcome, argv in cases.items():
        verdict = compute.run(argv)
        assert verdict.outcome is outcome, verdict
        assert verdict.limit is not None
        assert verdict.limit.observed >= verdict.limit.value


def test_stdout_and_stderr_are_kept_up_to_the_limit_each(compute: Sandbox) -> None:
    verdict = compute.run(["sh", "-c", "yes >&2"])
    assert (verdict.outcome, verdict.stderr_truncated) == (Outcome.OUTPUT, True)
    assert (len(verdict.stderr), verdict.stdout_truncated) == (64 << 10, False)
    assert verdict.usage.stderr_bytes > 64 << 10


def test_files_without_number_and_disks_that_fill_are_told_apart(compute: Sandbox) -> None:
    code = "import itertools\nfor i in itertools.count(): open(str(i), 'w')"
    many = compute.run(python(code))
    assert many.limit is not None
    assert (many.outcome, many.limit.name) == (Outcome.DISK, "inodes")
    code = "for i in range(10): open(str(i), 'wb').write(bytes(4 << 20))"
    much = compute.run(python(code))
    assert much.limit is not None
    assert (much.outcome, much.limit.name) == (Outcome.DISK, "disk_bytes")
    assert compute.run(["true"]).ok


def test_time_limits_know_sleep_from_work() -> None:
    limits = Limits.parse(wall="1s", cpu="300ms")
    with Sandbox("compute", limits=limits) as made:
        idle = made.run(["sleep", "60"])
        busy = Sandbox("compute", limits=Limits.parse(wall="60s", cpu="300ms")).run(
            python("while True: pass")
        )
    assert idle.limit is not None
    assert (idle.outcome, idle.limit.name) == (Outcome.WALL_TIME, "wall_s")
    assert busy.limit is not None
    assert (busy.outcome, busy.limit.name) == (Outcome.CPU_TIME, "cpu_s")
    assert busy.usage.cpu_s >= 0.3


def test_no_signal_or_exit_code_passes_for_a_limit_or_a_violation(compute: Sandbox) -> None:
    for number in (9, 24, 25, 31):  # what limits and filters kill with
        verdict = compute.run(["sh", "-c", f"kill -{number} $$"])
        assert (verdict.outcome, verdict.signal) == (Outcome.SIGNAL, number)
    for code in (124, 137, 159):
        verdict = compute.run(["sh", "-c", f"exit {code}"])
        assert (verdict.outcome, verdict.exit_code) == (Outcome.NONZERO_EXIT, code)


def test_a_program_that_is_killed_inside_by_another_of_the_box_is_a_signal(
    compute: Sandbox,
) -> None:
    verdict = compute.run(["sh", "-c", "sh -c 'kill -9 $PPID'; true"])
    assert (verdict.outcome, verdict.signal) == (Outcome.SIGNAL, 9)
    assert compute.run(["sh", "-c", "kill -9 1; echo alive"]).stdout == b"alive\n"


def test_what_it_leaves_running_ends_with_it(compute: Sandbox) -> None:
    verdict = compute.run(["sh", "-c", "(setsid sleep 1000 >/dev/null 2>&1 &); echo done"])
    assert (verdict.outcome, verdict.stdout) == (Outcome.OK, b"done\n")


def test_outputs_are_regular_files_and_nothing_else(compute: Sandbox) -> None:
    script = (
        "ln -s /etc/passwd link; mkfifo fifo; mkdir dir; echo x > dir/in; ln -s dir way; "
        "truncate -s 7m sparse; : > empty"
    )
    names = ["link", "fifo", "dir", "way/in", "dir/in", "../etc/passwd", "/etc/passwd", "empty"]
    verdict = compute.run(["sh", "-c", script], outputs=names)
    assert verdict.outputs == {"dir/in": b"x\n", "empty": b""}
    assert set(verdict.output_errors) == {"link", "fifo", "dir", "way/in", *names[5:7]}
    assert "symbolic link" in verdict.output_errors["link"]
    assert "FIFO" in verdict.output_errors["fifo"]


def test_a_large_input_and_one_from_a_file_arrive_whole(compute: Sandbox, tmp_path: Path) -> None:
    data = os.urandom(1 << 20)
    given = tmp_path / "input"
    given.write_bytes(data)
    for stdin in (data, given, str(given)):
        verdict = compute.run(["sh", "-c", "cksum"], stdin=stdin)
        assert verdict.stdout.split()[1] == b"1048576", verdict
    script = "sh -c 'echo evil > /proc/self/fd/0'"
    compute.run(["sh", "-c", script], stdin=given)
    assert given.read_bytes() == data, "the caller's file can't be written to"


def test_a_file_from_a_path_keeps_that_it_is_a_program(compute: Sandbox, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\necho ran\n")
    program.chmod(0o755)
    assert compute.run(["./p"], files={"p": program}).stdout == b"ran\n"
    assert compute.run(["./p"], files={"p": b"#!/bin/sh\necho bytes\n"}).stdout == b"bytes\n"


def test_runs_from_many_threads_and_from_asyncio_do_not_mix(compute: Sandbox) -> None:
    found: dict[int, bytes] = {}

    def one(number: int) -> None:
        found[number] = compute.run(["echo", str(number)]).stdout

    threads = [threading.Thread(target=one, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: b"%d\n" % number for number in range(12)}

    async def several() -> list[bytes]:
        runs = [compute.arun(["echo", str(number)]) for number in range(6)]
        return [verdict.stdout for verdict in await asyncio.gather(*runs)]

    assert asyncio.run(several()) == [b"%d\n" % number for number in range(6)]


def test_a_cancelled_call_kills_its_box(compute: Sandbox) -> None:
    async def cancelled() -> None:
        task = asyncio.create_task(compute.arun(["sleep", "1000"]))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancelled())


def test_usage_is_good_enough_to_grade_by(compute: Sandbox) -> None:
    code = "import time\nx = bytearray(32 << 20)\nend = time.process_time() + 0.2\n"
    code += "while time.process_time() < end: pass"
    runs = [compute.run(python(code)).usage for _ in range(3)]
    for usage in runs:
        assert 0.2 <= usage.cpu_s < 0.2 + 0.2 * SLOWNESS
        assert abs(usage.cpu_s - usage.user_s - usage.system_s) < 0.05
        assert 32 << 20 <= usage.peak_memory_bytes < 50 << 20
        assert usage.source == "cgroup"


def test_five_hundred_runs_leave_nothing_behind(compute: Sandbox) -> None:
    compute.run(["true"])
    listening.settle()
    before = (len(os.listdir("/proc/self/fd")), threading.active_count())
    for _number in range(int(os.environ.get("WARDIAN_SANDBOX_RUNS", "200"))):
        assert compute.run(["true"]).ok
    listening.settle()  # boxes are taken down beside the next run
    assert (len(os.listdir("/proc/self/fd")), threading.active_count()) == before
    layout = cgroups.detect()
    for place in layout.prefix.values():
        if place:
            mine = [name for name in os.listdir(place) if f"wardian-{os.getpid()}-" in name]
            assert mine == []


def test_the_command_line_says_how_it_ended(wardian: Wardian) -> None:
    done = wardian("sandbox", "run", "--json", "--", "sh", "-c", "echo out; exit 4")
    found = json.loads(done.stdout)
    assert (found["verdict"], found["exit"]["code"], done.returncode) == ("NONZERO_EXIT", 4, 4)
    assert found["stdout"]["text"] == "out\n"
    done = wardian("sandbox", "run", "--wall", "300ms", "--", "sleep", "9")
    assert done.returncode == 124
    assert "WALL_TIME: wall_s 0.3" in done.stderr
    done = wardian("sandbox", "run", "--", "unshare", "-U", "true")
    assert (done.returncode, "system call unshare" in done.stderr) == (159, True)
    done = wardian("sandbox", "run", "--memory", "32m", "--", *python("bytearray(1 << 27)"))
    assert (done.returncode, "MEMORY" in done.stderr) == (137, True)


def test_the_command_line_refuses_what_makes_no_sense(wardian: Wardian) -> None:
    cases = (
        (("run",), "no program to run"),
        (("run", "--policy", "nosuch", "--", "true"), 'reading policy "nosuch"'),
        (("run", "--memory", "lots", "--", "true"), 'memory "lots": not a size'),
        (("run", "--mode", "maybe", "--", "true"), 'mode "maybe"'),
        (("run", "--", "no-such-program"), "not found in the box"),
        (("nosuch",), 'unknown command "sandbox nosuch"'),
    )
    for words, text in cases:
        done = wardian("sandbox", *words)
        assert done.returncode in (125, 127), words
        assert text in done.stderr, (words, done.stderr)
        assert "Traceback" not in done.stderr


def test_a_learned_policy_is_enough_for_the_program_and_no_more(
    wardian: Wardian, tmp_path: Path
) -> None:
    done = wardian("sandbox", "profile", "--", "cat", "/etc/hostname")
    assert done.returncode == 0, done.stderr
    learned = tmp_path / "cat.toml"
    learned.write_text(done.stdout)
    with Sandbox(learned) as made:
        assert made.run(["cat", "/etc/hostname"]).stdout == b"sandbox\n"
        verdict = made.run(["mkdir", "x"])
    assert verdict.outcome is Outcome.VIOLATION


def test_healthy_programs_are_never_taken_for_offenders(compute: Sandbox) -> None:
    code = (
        "import asyncio, multiprocessing, os, pwd, shutil, socket, sqlite3, ssl, subprocess\n"
        "import tempfile, threading\n"
        "subprocess.run(['ls'], check=True, stdout=subprocess.DEVNULL)\n"
        "shutil.copy('/etc/hostname', 'x'); socket.socketpair(); tempfile.mkstemp()\n"
        "pwd.getpwuid(os.getuid()); os.path.expanduser('~root')\n"
        "async def main(): await (await asyncio.create_subprocess_exec('true')).wait()\n"
        "asyncio.run(main())\n"
        "multiprocessing.Pool(2).map(abs, [-1]); print('fine')"
    )
    shell = (
        "cp -a /etc/hostname x; mkfifo f; (echo hi > f &) ; cat f; tar cf t.tar x; ls -l; sort x; "
        "date; gzip x; df >/dev/null; id; find / -name y 2>/dev/null; chmod 600 t.tar; sleep 0.01"
    )
    for argv in (python(code), ["bash", "-c", shell], ["perl", "-e", "print 1; system('true')"]):
        verdict = compute.run(argv)
        assert verdict.violations == (), verdict
        assert verdict.outcome is Outcome.OK, verdict


def test_a_leak_check_is_refused_without_a_violation() -> None:
    requires("compiler")
    source = b"#include <stdlib.h>\nchar *a;\nint main(void) { a = malloc(3); return a = 0, 0; }\n"
    words = ["sh", "-c", "cc -fsanitize=address -o p p.c && ./p"]
    with Sandbox("compute", limits={"memory": "512m"}) as made:
        quiet = made.run(words, files={"p.c": source})
        asked = made.run(
            words, files={"p.c": source}, env=dict.fromkeys(("ASAN_OPTIONS", "LSAN_OPTIONS"), "")
        )
    assert (quiet.outcome, quiet.violation_count) == (Outcome.OK, 0), quiet
    assert (asked.outcome, asked.violation_count) == (Outcome.NONZERO_EXIT, 0), asked
    assert b"does not work under ptrace" in asked.stderr


def test_the_working_directory_is_one_that_libraries_take_for_temporary_files(
    compute: Sandbox,
) -> None:
    assert compute.run(["stat", "-c", "%a", "/tmp"]).stdout == b"1777\n"


def test_a_compiler_and_what_it_makes_run_under_compute() -> None:
    requires("compiler")
    source = b'#include <stdio.h>\nint main(void) { puts("compiled"); return 0; }\n'
    with Sandbox("compute") as made:
        verdict = made.run(["sh", "-c", "cc -O2 -o p p.c && ./p"], files={"p.c": source})
    assert (verdict.outcome, verdict.stdout) == (Outcome.OK, b"compiled\n"), verdict


def test_one_s_own_policies_are_lists_toml_and_docker_s_json(tmp_path: Path) -> None:
    names = """
        access arch_prctl brk close execve exit_group fstat getrandom mmap mprotect munmap
        newfstatat openat pread64 prlimit64 read rseq set_robust_list set_tid_address write
        fadvise64 futex
        """.split()  # noqa: SIM905 - a table to read
    docker = tmp_path / "docker.json"
    docker.write_text(
        json.dumps(
            {
                "defaultAction": "SCMP_ACT_ERRNO",
                "syscalls": [{"names": names, "action": "SCMP_ACT_ALLOW"}],
            }
        )
    )
    for policy in (names, docker):
        with Sandbox(policy) as made:
            assert made.run(["echo", "hi"]).stdout == b"hi\n"
            assert made.run(["mkdir", "x"]).outcome is Outcome.VIOLATION


@pytest.mark.parametrize("kind", ["function", "full disk"])
def test_a_log_that_fails_holds_up_no_run(kind: str) -> None:
    def fails(_violation: object) -> None:
        raise RuntimeError("no place")

    log: Any = fails if kind == "function" else "/dev/full"
    with Sandbox(log=log, limits={"wall": "20s"}) as box:
        verdict = box.run(["unshare", "-U", "true"])
        assert verdict.outcome is Outcome.VIOLATION, verdict.to_json()
        assert "unshare; the log: " in verdict.reason
        assert box.run(["true"]).outcome is Outcome.OK


def test_what_the_caller_may_use_is_no_limit_of_the_run() -> None:
    code = (
        "import resource, wardian\n"
        "most = resource.getrlimit(resource.RLIMIT_AS)[1]\n"
        "resource.setrlimit(resource.RLIMIT_AS, (4 << 30, most))\n"
        "resource.setrlimit(resource.RLIMIT_DATA, (4 << 30, most))\n"
        "print(wardian.Sandbox().run(['sh', '-c', 'ulimit -v; ulimit -d']).stdout)\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))\n"
        "box = wardian.Sandbox(limits={'open-files': 200})\n"
        "print(box.run(['sh', '-c', 'ulimit -n']).stdout, *box.degraded)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    first, second = done.stdout.splitlines()
    assert first == r"b'unlimited\nunlimited\n'", done.stderr
    assert second == r"b'64\n' RLIMIT_NOFILE: 64, this process's own hard limit"


def test_a_place_that_can_t_be_written_is_told_before_the_run(
    wardian: Wardian, tmp_path: Path
) -> None:
    (tmp_path / "there").write_text("old")
    command = ("--", "sh", "-c", "echo new > o; echo said")
    for place in (f"o={tmp_path}/there", f"o={tmp_path}/no/o"):
        done = wardian("sandbox", "run", "--fetch", place, *command)
        assert (done.returncode, done.stdout) == (125, ""), done.stderr
    done = wardian("sandbox", "run", "--fetch", "o=a", "--fetch", "o=b", *command)
    assert (done.returncode, "twice" in done.stderr) == (125, True)
    assert (tmp_path / "there").read_text() == "old"
    # what only the writing shows loses nothing of what the program said
    done = wardian("sandbox", "run", "--fetch", "o=/proc/none", *command)
    assert (done.returncode, done.stdout) == (125, "said\n")


def test_images_of_criu_that_can_t_be_had_are_not_silently_missing(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        Sandbox(criu=True)
    with Sandbox(criu=True, evidence=tmp_path / "ev") as box:
        told = [line for line in box.degraded if line.startswith("criu: ")]
    assert bool(told) is bool(criu.lacks())
