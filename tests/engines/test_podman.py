"""podman: what becomes of a container from its start to its end."""

import pytest

from tests import machine
from tests.engines.clients import IMAGE, Podman
from tests.engines.conftest import Sit


def test_the_guide_s_file_makes_it_the_runtime(podman: Podman) -> None:
    said = podman.output("info", "--format", "{{.Host.OCIRuntime.Name}} {{.Host.OCIRuntime.Path}}")
    assert said.split() == ["wardian", "/usr/local/bin/wardian-oci"]


def test_run_says_what_the_program_says(podman: Podman) -> None:
    script = "read line; echo out $line; echo err >&2; exit 7"
    done = podman("run", "--rm", "-i", IMAGE, "sh", "-c", script, input="typed\n")
    assert (done.stdout, done.stderr, done.returncode) == ("out typed\n", "err\n", 7)


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (["true"], 0),
        (["false"], 1),
        (["nowhere"], 127),
        (["/bin/nowhere"], 127),
        (["/bin/no-program"], 126),
        (["/home"], 126),
    ],
)
def test_exit_codes_are_those_of_podman(argv: list[str], code: int, podman: Podman) -> None:
    done = podman("run", "--rm", IMAGE, *argv)
    assert done.returncode == code, done.stderr


def test_a_bad_option_is_125(podman: Podman) -> None:
    assert podman("run", "--rm", "--memory", "1k", IMAGE, "true").returncode in (125, 126)
    assert podman("run", "--no-such-option", IMAGE).returncode == 125


@pytest.mark.parametrize(("name", "code"), [("TERM", 143), ("KILL", 137), ("USR1", 138)])
def test_a_signal_s_exit_code(name: str, code: int, podman: Podman) -> None:
    podman.output("run", "-d", "--init", "--name", f"ends-{name}", IMAGE, "sleep", "1000")
    podman.output("kill", "--signal", name, f"ends-{name}")
    assert podman.output("wait", f"ends-{name}").strip() == str(code)


def test_a_detached_container_and_its_log(podman: Podman) -> None:
    podman.output("run", "-d", "--name", "logged", IMAGE, "sh", "-c", "echo one; echo two >&2")
    podman.output("wait", "logged")
    done = podman("logs", "logged")
    assert (done.stdout, done.stderr) == ("one\n", "two\n")
    assert podman.inspect("logged")["State"]["ExitCode"] == 0


def test_stop_lets_a_program_end_and_then_kills_it(podman: Podman) -> None:
    podman.sleeping("polite")
    machine.until(lambda: podman.output("logs", "polite") == "up\n")
    podman.output("stop", "polite")
    assert podman.inspect("polite")["State"]["ExitCode"] == 0
    script = "trap '' TERM; echo up; while :; do sleep 0.1; done"
    podman.output("run", "-d", "--name", "deaf", IMAGE, "sh", "-c", script)
    machine.until(lambda: podman.output("logs", "deaf") == "up\n")
    podman.output("stop", "-t", "1", "deaf")
    assert podman.inspect("deaf")["State"]["ExitCode"] == 137


def test_kill_reaches_the_first_process(podman: Podman) -> None:
    script = "trap 'echo got it; exit 5' USR1; echo up; while :; do sleep 0.05; done"
    podman.output("run", "-d", "--name", "hears", IMAGE, "sh", "-c", script)
    machine.until(lambda: podman.output("logs", "hears") == "up\n")
    podman.output("kill", "--signal", "USR1", "hears")
    assert podman.output("wait", "hears").strip() == "5"
    assert podman.output("logs", "hears") == "up\ngot it\n"


def test_pause_stops_every_process_and_unpause_lets_them_go_on(podman: Podman) -> None:
    script = "while :; do echo >>/ticks; sleep 0.01; done"
    podman.output("run", "-d", "--name", "paused", IMAGE, "sh", "-c", script)
    podman.output("pause", "paused")
    assert podman.inspect("paused")["State"]["Status"] == "paused"
    frozen = [
        (group / name).read_text().strip()
        for group in podman.place.groups(podman.inspect("paused")["Id"])
        for name in ("freezer.state", "cgroup.freeze")
        if (group / name).exists()
    ]
    assert {"FROZEN", "1"} & set(frozen), frozen
    podman.output("unpause", "paused")
    assert podman.inspect("paused")["State"]["Status"] == "running"
    podman.output("rm", "-f", "-t", "0", "paused")


def test_top_and_stats_see_the_processes(podman: Podman) -> None:
    podman.output("run", "-d", "--name", "busy", "--memory", "64m", IMAGE, "sleep", "1000")
    top = podman.output("top", "busy", "user", "pid", "args").splitlines()
    assert top[1].split() == ["root", "1", "sleep", "1000"]
    words = podman.output("top", "busy", "hpid", "capeff", "seccomp", "state").splitlines()[1]
    assert "filter" in words
    (line,) = podman.output(
        "stats", "--no-stream", "--format", "{{.PIDs}} {{.MemUsage}}", "busy"
    ).splitlines()
    assert line.startswith("1 ")
    assert line.endswith("67.11MB")
    podman.output("rm", "-f", "-t", "0", "busy")
    assert podman("container", "exists", "busy").returncode == 1


def test_exec_joins_a_running_container(podman: Podman) -> None:
    podman.sleeping("joined", "--hostname", "there", "--env", "WORD=a b")
    script = "read line; echo $line $WORD $(hostname) $(id -u); exit 6"
    done = podman("exec", "-i", "joined", "sh", "-c", script, input="x\n")
    assert (done.stdout, done.returncode) == ("x a b there 0\n", 6)
    script = "echo $(id -u):$(id -g) $WORD $PWD; touch /root/x 2>/dev/null || echo denied"
    words = ["exec", "--user", "1000:1000", "--env", "WORD=other", "--workdir", "/tmp", "joined"]
    assert podman.output(*words, "sh", "-c", script) == "1000:1000 other /tmp\ndenied\n"
    assert podman("exec", "joined", "nowhere").returncode == 127
    assert podman("exec", "joined", "/bin/no-program").returncode == 126
    podman.output("exec", "-d", "joined", "sh", "-c", "echo done >/tmp/mark")
    assert machine.until(lambda: podman("exec", "joined", "cat", "/tmp/mark").stdout == "done\n")
    mount = ["mount", "-t", "tmpfs", "none", "/tmp"]
    assert podman("exec", "joined", *mount).returncode != 0
    podman.output("exec", "--privileged", "joined", *mount)
    podman.output("rm", "-f", "-t", "0", "joined")
    assert podman("exec", "joined", "true").returncode == 125


def test_restart_starts_it_anew(podman: Podman) -> None:
    podman.output("run", "-d", "--name", "again", IMAGE, "sh", "-c", "echo up; exec sleep 1000")
    first = podman.inspect("again")["State"]["Pid"]
    podman.output("restart", "-t", "0", "again")
    assert podman.inspect("again")["State"]["Pid"] != first
    assert machine.until(lambda: podman.output("logs", "again") == "up\nup\n")
    podman.output("stop", "-t", "0", "again")
    podman.output("start", "again")
    podman.output("rm", "-f", "-t", "0", "again")


def test_a_restart_policy_is_kept(podman: Podman) -> None:
    podman.output("run", "-d", "--name", "tries", "--restart", "on-failure:2", IMAGE, "false")
    assert machine.until(lambda: podman.inspect("tries")["RestartCount"] == 2, 20)
    podman.output("wait", "tries")


def test_create_and_start_are_two_steps(podman: Podman) -> None:
    podman.output("create", "--name", "two", IMAGE, "echo", "started")
    podman.output("init", "two")
    assert podman.inspect("two")["State"]["Status"] == "initialized"
    assert podman.output("start", "--attach", "two") == "started\n"


def test_an_init_reaps_and_forwards(podman: Podman) -> None:
    script = "cat /proc/1/comm; (sleep 0 &); sleep 0.1; ps | grep -c [Z]ombie; true"
    assert podman.shell("--init", script=script).split() == ["podman-init", "0"]
    assert podman.shell(script="cat /proc/1/comm; true") == "sh\n"


def test_a_health_check_is_run(podman: Podman) -> None:
    words = ["--health-cmd", "test -e /ok", "--health-interval", "disable"]
    podman.sleeping("patient", *words, "--health-retries", "1")
    assert podman("healthcheck", "run", "patient").returncode == 1
    podman.output("exec", "patient", "touch", "/ok")
    assert podman("healthcheck", "run", "patient").returncode == 0
    assert podman.inspect("patient")["State"]["Health"]["Status"] == "healthy"
    podman.output("rm", "-f", "-t", "0", "patient")


def test_files_are_copied_in_and_out(podman: Podman) -> None:
    podman.sleeping("files")
    (podman.place.files / "in").write_text("in\n")
    podman.output("cp", "in", "files:/tmp/in")
    podman.output("exec", "files", "sh", "-c", "cat /tmp/in /home/notes >/tmp/out")
    podman.output("cp", "files:/tmp/out", "out")
    assert (podman.place.files / "out").read_text() == "in\nof the image\n"
    assert "A /tmp/in" in podman.output("diff", "files").splitlines()
    podman.output("commit", "-q", "files", "localhost/kept:1")
    assert podman.output("run", "--rm", "localhost/kept:1", "cat", "/tmp/in") == "in\n"
    podman.output("rm", "-f", "-t", "0", "files")


def test_a_terminal_of_its_own(podman: Podman, sit: Sit) -> None:
    argv = podman.place.argv(*podman.argv("run", "--rm", "-it", "-e", "PS1=> ", IMAGE, "sh"))
    person = sit(argv, env=podman.place.env, rows=33, columns=77)
    person.wait_for("> ")
    person.type("tty; stty size; stat -c %u /dev/console\n")
    person.wait_for("/dev/pts/0\r\n33 77\r\n0\r\n> ")
    person.type("sh -c 'trap \"echo got it; exit\" INT; echo up; while :; do sleep 0.05; done'\n")
    person.wait_for("up\r\n")
    person.type("\x03")
    person.wait_for("got it\r\n")
    person.wait_for("> ")
    person.type("exit 9\n")
    assert person.end() == 9


def test_a_terminal_for_one_who_joins(podman: Podman, sit: Sit) -> None:
    podman.sleeping("seat")
    argv = podman.argv("exec", "-it", "-e", "PS1=> ", "--user", "1000", "seat", "sh")
    person = sit(podman.place.argv(*argv), env=podman.place.env, rows=40, columns=100)
    person.wait_for("> ")
    person.type("tty && id -u && stty size; echo x >/dev/tty\n")
    person.wait_for("/dev/pts/0\r\n1000\r\n40 100\r\nx\r\n")
    person.wait_for("> ")  # before, the terminal takes ^D for itself, and the shell's line is gone
    person.type("\x04")
    assert person.end() == 0
    podman.output("rm", "-f", "-t", "0", "seat")


def test_descriptors_are_preserved(podman: Podman) -> None:
    (podman.place.files / "given").write_text("kept\n")
    argv = podman.argv(
        "run", "--rm", "--preserve-fds", "1", IMAGE, "sh", "-c", "cat <&3; ls /proc/$$/fd; true"
    )
    done = podman.place.run("sh", "-c", 'exec "$@" 3<given', "sh", *argv)
    assert done.stdout.split() == ["kept", "0", "1", "2", "3"], done.stderr


@pytest.mark.parametrize("mode", ["ignore", "conmon", "container"])
def test_the_socket_of_a_service_manager(mode: str, podman: Podman) -> None:
    """Without one, nothing is different."""
    script = "echo ${NOTIFY_SOCKET:-none}"
    assert podman.shell("--sdnotify", mode, script=script) == "none\n"
