"""`wardian run` from a shell: streams, exit codes, signals, deadlines, layers, plans."""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.conftest import Wardian

pytestmark = pytest.mark.root

UP_S = 60


@contextmanager
def running(*args: str) -> Iterator[subprocess.Popen[bytes]]:
    """A command in the background whose program has written its first line."""
    process = subprocess.Popen(
        [sys.executable, "-m", "wardian", "run", *args],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        assert process.stdout
        assert select.select([process.stdout], [], [], UP_S)[0], "it did not start"
        assert os.read(process.stdout.fileno(), 100) == b"up\n", process.communicate()
        yield process
    finally:
        process.kill()
        process.communicate()


def test_the_program_s_output_and_code_are_the_command_s(wardian: Wardian) -> None:
    done = wardian("run", "--", "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (done.stdout, done.stderr, done.returncode) == ("out\n", "err\n", 7)


def test_a_signal_that_ends_the_program_is_in_the_code(wardian: Wardian) -> None:
    assert wardian("run", "--", "sh", "-c", "kill -9 $$").returncode == 137
    assert (
        wardian("run", "--no-init", "--user", "65534", "--", "sh", "-c", "exit 3").returncode == 3
    )


def test_standard_input_is_passed_on_with_i_and_only_then(wardian: Wardian) -> None:
    assert wardian("run", "-i", "--", "cat", input="piped\n").stdout == "piped\n"
    assert wardian("run", "--", "cat", input="piped\n").stdout == ""


def test_a_large_pipe_passes_through_unchanged(wardian: Wardian) -> None:
    text = "0123456789abcdef" * 65536
    assert wardian("run", "-i", "--", "cat", input=text).stdout == text


def test_options_are_docker_s(wardian: Wardian, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "file").write_text("here\n")
    script = "hostname; pwd; echo $A $B; cat /data/file; touch /data/x || id -u; ulimit -n"
    done = wardian(
        *("run", "-h", "box", "-w", "/srv", "-e", "A=1", "-eB=2", "-u", "1234:99"),
        *("-v", f"{tmp_path}:/data:ro", "--tmpfs", "/scratch:size=1m", "--ulimit", "nofile=99"),
        *("--read-only", "--rm", "--net=none", "--", "sh", "-c", script),
    )
    assert done.stdout.splitlines() == ["box", "/srv", "1 2", "here", "1234", "99"]
    assert "ead-only" in done.stderr


def test_a_volume_s_directory_is_made_as_docker_makes_it(wardian: Wardian, tmp_path: Path) -> None:
    new = tmp_path / "new" / "data"
    done = wardian("run", "-v", f"{new}:/data", "--", "touch", "/data/x")
    assert done.returncode == 0, done.stderr
    assert [path.name for path in new.iterdir()] == ["x"]
    explained = tmp_path / "explained"
    assert wardian("explain", "-v", f"{explained}:/data", "--", "true").returncode == 0
    assert not explained.exists()


def test_a_rootfs_is_the_root(wardian: Wardian, busybox_root: Path) -> None:
    done = wardian("run", "--rootfs", str(busybox_root), "--", "ls", "/")
    assert set(done.stdout.split()) == {path.name for path in busybox_root.iterdir()}


def test_a_program_in_an_empty_root(wardian: Wardian) -> None:
    done = wardian("run", "--scratch", "--closure", "echo", "--", "echo", "alone")
    assert done.stdout == "alone\n", done.stderr


@pytest.mark.parametrize("name", ["HUP", "INT", "QUIT", "USR1", "USR2", "WINCH"])
def test_signals_are_passed_on(name: str) -> None:
    script = f"trap 'echo got; exit 5' {name}; echo up; while :; do sleep 0.02; done"
    with running("--", "sh", "-c", script) as process:
        process.send_signal(getattr(signal, f"SIG{name}"))
        out, err = process.communicate(timeout=UP_S)
        assert (out, err, process.returncode) == (b"got\n", b"", 5)


def test_a_term_ends_the_program_as_anywhere() -> None:
    with running("--", "sh", "-c", "echo up; exec sleep 1000") as process:
        process.terminate()
        assert process.communicate(timeout=UP_S) == (b"", b"")
        assert process.returncode == 143


def test_a_program_that_does_not_stop_is_killed_after_the_deadline() -> None:
    script = "trap '' TERM; echo up; while :; do sleep 0.02; done"
    with running("--stop-timeout", "0.2", "--", "sh", "-c", script) as process:
        process.terminate()
        _out, err = process.communicate(timeout=UP_S)
        assert process.returncode == 137
        assert err.decode().splitlines() == [
            "wardian: warning: the program ignores signal 15; it is killed after 0.2 s"
        ]


def test_term_is_the_stop_signal_of_the_box() -> None:
    script = "trap 'echo interrupted; exit 4' INT; echo up; while :; do sleep 0.02; done"
    with running("--stop-signal", "SIGINT", "--", "sh", "-c", script) as process:
        process.terminate()
        assert process.communicate(timeout=UP_S)[0] == b"interrupted\n"
        assert process.returncode == 4


def test_a_timeout_ends_the_box(wardian: Wardian) -> None:
    done = wardian("run", "--timeout", "200ms", "--", "sleep", "1000")
    assert done.returncode == 124
    assert done.stderr.startswith("wardian: --timeout was over after 0.")
    script = "trap '' TERM; while :; do sleep 0.02; done"
    options = ("--timeout", "0.1", "--stop-timeout", "0.1")
    assert wardian("run", *options, "--", "sh", "-c", script).returncode == 124


def test_a_box_dies_with_its_command() -> None:
    with running("--", "sh", "-c", "echo up; exec sleep 1000") as process:
        process.kill()
        assert process.stdout
        assert process.stdout.read() == b"", "the box held the pipe's other end"


def test_a_memory_limit_that_was_hit_is_said(wardian: Wardian) -> None:
    script = "import sys; b = bytearray(200 << 20); print(len(b))"
    done = wardian("run", "--memory", "30m", "--memory-swap", "30m", "--", "python3", "-c", script)
    assert done.returncode == 137
    assert "memory limit was reached" in done.stderr


def test_a_reader_that_leaves_ends_the_command_quietly(wardian: Wardian) -> None:
    line = f"{sys.executable} -m wardian help | head -1; {sys.executable} -m wardian run --help | :"
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout == "usage: wardian COMMAND ...\n"


def test_it_runs_with_closed_standard_streams(tmp_path: Path, wardian: Wardian) -> None:
    for closing in ("<&-", ">&-", "<&- >&- 2>&-"):
        line = f"{sys.executable} -m wardian run -i -- sh -c 'exit 6' {closing}"
        assert subprocess.run(["sh", "-c", line], check=False).returncode == 6


def test_a_layer_is_kept_listed_used_and_removed(wardian: Wardian) -> None:
    script = "echo 1 > /srv/new; rm /etc/hosts.none 2>/dev/null; echo x >> /etc/profile"
    assert wardian("run", "--keep", "mine", "--", "sh", "-c", script).returncode == 0
    listed = wardian("kept").stdout.splitlines()
    assert listed[0].split() == ["NAME", "CREATED", "STATE", "BASE"]
    assert listed[1].split()[0] == "mine"
    assert listed[1].split()[-2:] == ["kept", "host"]
    (row,) = json.loads(wardian("ls", "--json").stdout)
    assert (row["name"], row["base"], row["state"], row["pid"]) == ("mine", "host", "kept", None)
    changes = wardian("diff", "mine").stdout.splitlines()
    assert "A /srv/new" in changes
    assert "C /srv" in changes
    assert {"kind": "A", "path": "/srv/new"} in json.loads(wardian("diff", "--json", "mine").stdout)
    assert wardian("run", "--from-kept", "mine", "--", "cat", "/srv/new").stdout == "1\n"
    taken = wardian("run", "--keep", "mine", "--", "true")
    assert taken.returncode == 125
    assert "hint: --from-kept mine" in taken.stderr
    removed = wardian("rm", "mine", "nobody")
    assert (removed.returncode, removed.stdout) == (1, "mine\n")
    assert removed.stderr == 'wardian: layer "nobody": no such layer\n'
    assert wardian("kept").stdout.splitlines() == ["NAME   CREATED   STATE   BASE"]


def test_a_plan_is_explained_and_nothing_runs(wardian: Wardian, tmp_path: Path) -> None:
    words = ("--pids-limit", "10", "-v", f"{tmp_path}:/data", "--", "touch", "/data/x")
    text = wardian("explain", *words)
    assert text.returncode == 0, text.stderr
    assert wardian("run", "--explain", *words).stdout == text.stdout
    assert not (tmp_path / "x").exists()
    lines = text.stdout.splitlines()
    assert any(line.startswith("pivot") for line in lines)
    assert "execve" in lines[-3]
    assert all("  # " in line for line in lines[:-2])
    assert lines[-2].startswith("made for ")
    document = json.loads(wardian("explain", "--json", *words).stdout)
    assert document["hash"] in lines[-1]


def test_equal_options_have_an_equal_hash(wardian: Wardian) -> None:
    def last(*words: str) -> str:
        return wardian("explain", *words, "--", "true").stdout.splitlines()[-1]

    assert last("--memory", "64m") == last("-m", "65536k")
    assert last() != last("--read-only")
    assert wardian("explain", "--keep", "none", "--", "true").returncode == 0
    assert len(wardian("kept").stdout.splitlines()) == 1


def test_debug_shows_where_an_error_is_from(wardian: Wardian) -> None:
    done = wardian("--debug", "run", "--bogus", "--", "true")
    assert "Traceback" in done.stderr
    assert "Traceback" not in wardian("run", "--bogus", "--", "true").stderr
