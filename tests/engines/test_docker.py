"""docker: dockerd with the guide's daemon.json calls the runtime through containerd's shim."""

import json
from pathlib import Path

import pytest

from tests import machine
from tests.engines.clients import Docker
from tests.engines.conftest import Sit

MIB = 1 << 20
IMAGE = "box:1"


def wait_until_up(docker: Docker, name: str) -> None:
    assert machine.until(lambda: "up\n" in docker.output("logs", name))


def test_the_guide_s_file_makes_it_the_default_runtime(docker: Docker) -> None:
    assert docker.output("info", "--format", "{{.DefaultRuntime}}") == "wardian\n"
    docker.output("run", "--name", "which", IMAGE, "true")
    assert docker.inspect("which")["HostConfig"]["Runtime"] == "wardian"


@pytest.mark.parametrize(
    ("argv", "code"),
    [
        (["sh", "-c", "read line; echo out $line; echo err >&2; exit 7"], 7),
        (["nowhere"], 127),
        (["/bin/no-program"], 126),
        (["/home"], 126),
    ],
)
def test_run_ends_as_the_program_does(argv: list[str], code: int, docker: Docker) -> None:
    done = docker("run", "--rm", "-i", IMAGE, *argv, input="typed\n")
    assert done.returncode == code, done.stderr
    if code == 7:
        assert (done.stdout, done.stderr) == ("out typed\n", "err\n")


def test_exec_top_and_stats(docker: Docker) -> None:
    docker.sleeping("joined", "--memory", "64m", "-e", "WORD=a b")
    script = "read line; echo $line $WORD $(id -u); exit 6"
    done = docker("exec", "-i", "-u", "1000", "joined", "sh", "-c", script, input="x\n")
    assert (done.stdout, done.returncode) == ("x a b 1000\n", 6)
    assert docker("exec", "joined", "nowhere").returncode in (126, 127)
    assert "trap" in docker.output("top", "joined", "-o", "pid,args")
    words = ["stats", "--no-stream", "--format", "{{.PIDs}} {{.MemUsage}}", "joined"]
    assert docker.output(*words).strip().endswith("/ 64MiB")
    docker.output("rm", "-f", "joined")


def test_stop_kill_pause_and_wait(docker: Docker) -> None:
    docker.sleeping("ends")
    wait_until_up(docker, "ends")
    docker.output("pause", "ends")
    assert docker.inspect("ends")["State"]["Status"] == "paused"
    docker.output("unpause", "ends")
    docker.output("stop", "ends")
    assert docker.inspect("ends")["State"]["ExitCode"] == 0
    docker.output("start", "ends")
    docker.output("kill", "ends")
    assert docker.output("wait", "ends") == "137\n"
    docker.output("rm", "ends")


def test_limits_are_set_and_changed(docker: Docker) -> None:
    words = ["--memory", "64m", "--cpus", "0.5", "--pids-limit", "30", "--cpuset-cpus", "0"]
    docker.sleeping("limited", *words)
    identity = docker.inspect("limited")["Id"]

    def values(*files: str) -> list[str]:
        found = [g / f for g in docker.place.groups(identity) for f in files if (g / f).exists()]
        return [path.read_text().split()[0] for path in found]

    assert values("memory.limit_in_bytes", "memory.max")[0] == str(64 * MIB)
    assert values("cpu.cfs_quota_us", "cpu.max")[0] == "50000"
    assert values("pids.max")[0] == "30"
    assert values("cpuset.cpus")[0] == "0"
    words = ["--memory", "48m", "--memory-swap", "48m", "--cpus", "0.25", "--pids-limit", "20"]
    docker.output("update", *words, "limited")
    assert values("memory.limit_in_bytes", "memory.max")[0] == str(48 * MIB)
    assert values("cpu.cfs_quota_us", "cpu.max")[0] == "25000"
    assert values("pids.max")[0] == "20"
    docker.output("rm", "-f", "limited")
    assert not docker.place.groups(identity)


def test_out_of_memory_is_told(docker: Docker) -> None:
    words = ["--memory", "32m", "--memory-swap", "32m", "--name", "greedy"]
    eat = "dd if=/dev/zero of=/dev/null bs=200M count=1; exit $?"
    assert docker("run", *words, IMAGE, "sh", "-c", eat).returncode == 137
    assert machine.until(lambda: docker.inspect("greedy")["State"]["OOMKilled"])


def test_restart_policies(docker: Docker) -> None:
    docker.output("run", "-d", "--name", "tries", "--restart", "on-failure:2", IMAGE, "false")
    assert machine.until(lambda: docker.inspect("tries")["RestartCount"] == 2, 20)
    docker.output("run", "-d", "--name", "always", "--restart", "always", IMAGE, "sleep", "1000")
    docker.output("exec", "always", "sh", "-c", "kill -9 -1; true")
    first = docker.inspect("always")["State"]["Pid"]
    docker.place.output("kill", "-9", str(first))
    assert machine.until(lambda: docker.inspect("always")["State"]["Pid"] not in (0, first), 20)
    docker.output("rm", "-f", "always")


def test_files_are_copied_in_and_out(docker: Docker) -> None:
    docker.sleeping("files")
    (docker.place.files / "in").write_text("in\n")
    docker.output("cp", "in", "files:/tmp/in")
    docker.output("exec", "files", "sh", "-c", "cat /tmp/in /home/notes >/tmp/out")
    docker.output("cp", "files:/tmp/out", "out")
    assert (docker.place.files / "out").read_text() == "in\nof the image\n"
    docker.output("rm", "-f", "files")


def test_an_image_is_built(docker: Docker) -> None:
    context = docker.place.files / "context"
    context.mkdir()
    (context / "Dockerfile").write_text(
        f"FROM {IMAGE}\nENV A=b\nRUN echo $A >/made && id -u >>/made\n"
        "USER 1000\nWORKDIR /tmp/deep\nRUN pwd >/tmp/where && id -u >>/tmp/where\n"
        "CMD cat /made /tmp/where\n"
    )
    done = docker.place.run("env", "DOCKER_BUILDKIT=0", "docker", "build", "-t", "built", context)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    said = docker.output("run", "--rm", "built")
    assert said == "b\n0\n/tmp/deep\n1000\n"


def test_confinement_is_seen_from_inside(docker: Docker) -> None:
    script = "grep -E '^(CapEff|NoNewPrivs|Seccomp):' /proc/self/status | tr -s '\\t\\n' '  '"
    assert docker.shell(script=script) == "CapEff: 00000000a80425fb NoNewPrivs: 0 Seccomp: 2 "
    words = ["--cap-drop", "ALL", "--security-opt", "no-new-privileges"]
    said = docker.shell(*words, "--security-opt", "seccomp=unconfined", script=script)
    assert said == "CapEff: 0000000000000000 NoNewPrivs: 1 Seccomp: 0 "
    words = ["--read-only", "--tmpfs", "/scratch:size=1m", "-w", "/scratch"]
    script = "touch /x 2>/dev/null || echo no; touch x && pwd; hostname"
    said = docker.shell(*words, "--hostname", "there", script=script)
    assert said.split() == ["no", "/scratch", "there"]
    script = "echo $(id -u):$(id -g)"
    assert docker.shell("--user", "1000:1000", script=script) == "1000:1000\n"
    words = ["--ulimit", "nofile=200:300", "--sysctl", "kernel.msgmax=4242", "--shm-size", "2m"]
    script = "ulimit -n; cat /proc/sys/kernel/msgmax; df -k /dev/shm | tail -1"
    seen = docker.shell(*words, script=script).split()
    assert (seen[0], seen[1], seen[3]) == ("200", "4242", "2048")


def test_a_seccomp_profile(docker: Docker) -> None:
    rule = {"names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 30}
    profile = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [rule]}
    (docker.place.files / "docker-profile.json").write_text(json.dumps(profile))
    option = f"seccomp={docker.place.files}/docker-profile.json"
    done = docker("run", "--rm", "--security-opt", option, IMAGE, "mkdir", "/tmp/x")
    assert "Read-only file system" in done.stderr


def test_devices_volumes_and_init(docker: Docker) -> None:
    shared = docker.place.files / "docker-shared"
    shared.mkdir()
    words = ["--device", "/dev/zero:/dev/nothing:r", "-v", f"{shared}:/v", "--init"]
    script = "head -c 3 /dev/nothing | wc -c; echo new >/v/new; cat /proc/1/comm; true"
    assert docker.shell(*words, script=script).split() == ["3", "docker-init"]
    assert (shared / "new").read_text() == "new\n"
    done = docker("run", "--rm", "-v", f"{shared}:/v:ro", IMAGE, "touch", "/v/x")
    assert "Read-only file system" in done.stderr
    # docker asks for every capability there is; where the machine lacks one, runc fails
    assert docker.shell("--privileged", script="mount -t tmpfs x /tmp && echo yes") == "yes\n"


def test_terminals_are_served(docker: Docker, sit: Sit) -> None:
    argv = docker.argv("run", "--rm", "-it", "-e", "PS1=> ", IMAGE, "sh")
    person = sit(docker.place.argv(*argv), env=docker.place.env, rows=33, columns=77)
    person.wait_for("> ")
    person.type("tty\n")
    person.wait_for("/dev/pts/0\r\n")
    person.type("stty size\n")
    person.wait_for("33 77\r\n")
    person.type("exit 9\n")
    assert person.end() == 9
    docker.sleeping("seat")
    argv = docker.argv("exec", "-it", "-e", "PS1=> ", "seat", "sh")
    person = sit(docker.place.argv(*argv), env=docker.place.env)
    person.wait_for("> ")
    person.type("tty && echo $((6*7))\n")
    person.wait_for("42\r\n")
    person.type("exit 3\n")
    assert person.end() == 3
    docker.output("rm", "-f", "seat")


def test_no_container_is_left_behind_by_the_runtime(docker: Docker) -> None:
    docker.shell(script="true")
    left = docker.place.output("sh", "-c", "ls /run/docker/runtime-*/moby 2>/dev/null; true")
    running = docker.output("ps", "-q", "--no-trunc").split()
    assert set(left.split()) <= {*running, *(str(Path(name).name) for name in running)}
