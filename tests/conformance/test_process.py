"""config.md: `process`, `hostname`, `domainname`, `annotations`, and what is unknown or invalid."""

import array
import os
import re
import socket
import struct
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.boxes import PATIENCE_S, Box, differs

pytestmark = pytest.mark.root

CAPABILITIES = {"CapInh": "inheritable", "CapPrm": "permitted", "CapEff": "effective"}
PATH_ONLY = "PATH=/bin"
CHOWN, KILL, NET_RAW = 1 << 0, 1 << 5, 1 << 13


# ---- the terminal


class Terminal:
    """Receive the master of a pseudo-terminal, as an engine does."""

    def __init__(self, box: Box) -> None:
        self.path = str(box.directory / "console.sock")
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(self.path)
        self.server.listen(1)
        self.server.settimeout(PATIENCE_S)
        self.master = -1
        self.thread = threading.Thread(target=self._receive, daemon=True)
        self.thread.start()

    def _receive(self) -> None:
        try:
            connection, _ = self.server.accept()
        except TimeoutError:
            return
        with connection:
            _, messages, _, _ = connection.recvmsg(4096, socket.CMSG_SPACE(4))
        for _level, _kind, data in messages:
            (self.master,) = array.array("i", data[:4])

    def read(self) -> str:
        """Return all that the terminal shows, until the last program that has it ends."""
        self.thread.join()
        self.server.close()
        shown = b""
        try:
            while more := os.read(self.master, 4096):
                shown += more
        except OSError:  # EIO: nobody has the other side any more
            pass
        os.close(self.master)
        return shown.decode().replace("\r\n", "\n")


def on_a_terminal(box: Box, script: str) -> str:
    """Run a script on a pseudo-terminal; returns what it shows."""
    box.process["terminal"] = True
    terminal = Terminal(box)
    pid = box.created(script, "--console-socket", terminal.path)
    assert box.start().returncode == 0
    shown = terminal.read()
    box.ended(pid)
    return shown


def test_a_terminal_is_the_standard_streams_and_the_console(box: Box) -> None:
    shown = on_a_terminal(
        box,
        "tty; cd /proc/self/fd; ls -l 0 1 2; tty < /dev/console; echo x > /dev/tty",
    )
    lines = shown.splitlines()
    assert lines[0] == "/dev/pts/0" or lines[0] == "/dev/console"
    assert shown.count(" -> ") == 3
    assert "not a tty" not in shown
    assert lines[-1] == "x"


def test_a_terminal_has_the_size_that_was_asked_for(box: Box) -> None:
    box.process["consoleSize"] = {"height": 33, "width": 77}
    assert on_a_terminal(box, "stty size") == "33 77\n"


def test_the_size_is_ignored_without_a_terminal(box: Box) -> None:
    box.process["consoleSize"] = {"height": 33, "width": 77}
    assert box.says("tty || true") == "not a tty"
    box.process["terminal"] = False
    assert box.says("tty || true") == "not a tty"


# ---- the program


def test_the_working_directory_is_set(box: Box) -> None:
    box.process["cwd"] = "/var/tmp"
    assert box.says("pwd; readlink /proc/self/cwd") == "/var/tmp\n/var/tmp"


@pytest.mark.parametrize("value", ["var/tmp", "", None])
def test_a_working_directory_that_is_not_absolute_is_an_error(box: Box, value: str | None) -> None:
    box.process["cwd"] = value
    box.refused()


def test_the_environment_is_what_was_given(box: Box) -> None:
    box.process["env"] = [PATH_ONLY, "A=b=c", "EMPTY=", "TEXT=two words"]
    lines = set(box.says("exec env").splitlines())
    mine = {line for line in lines if not line.startswith(("HOME=", "PWD=", "SHLVL=", "_="))}
    assert mine == {PATH_ONLY, "A=b=c", "EMPTY=", "TEXT=two words"}


def test_the_program_is_searched_for_in_the_container_s_path(box: Box) -> None:
    (box.rootfs / "tools").mkdir()
    tool = box.rootfs / "tools" / "mine"
    tool.write_text('#!/bin/sh\necho "$0 $*"\n')
    tool.chmod(0o755)
    box.process["env"] = ["PATH=/tools:/bin"]
    box.process["args"] = ["mine", "one", "two words"]
    done = box.run()
    assert done.stdout == "/tools/mine one two words\n"


@pytest.mark.parametrize("value", [[], None])
def test_without_args_there_is_an_error(box: Box, value: Any) -> None:
    box.process["args"] = value
    box.refused("args")


# ---- limits


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("RLIMIT_NOFILE", "Max open files"),
        ("RLIMIT_CORE", "Max core file size"),
        ("RLIMIT_STACK", "Max stack size"),
        ("RLIMIT_NPROC", "Max processes"),
        ("RLIMIT_MSGQUEUE", "Max msgqueue size"),
        ("RLIMIT_SIGPENDING", "Max pending signals"),
    ],
)
def test_a_limit_has_both_values(box: Box, name: str, line: str) -> None:
    box.process["rlimits"] = [{"type": name, "soft": 1000, "hard": 1001}]
    if name == "RLIMIT_STACK":
        box.process["rlimits"] = [{"type": name, "soft": 4194304, "hard": 4194305}]
    limit = box.process["rlimits"][0]
    found = box.says(f"grep '{line}' /proc/self/limits")
    assert found.split()[len(line.split()) :][:2] == [str(limit["soft"]), str(limit["hard"])]


def test_a_limit_that_the_kernel_does_not_have_is_an_error(box: Box) -> None:
    box.process["rlimits"] = [{"type": "RLIMIT_NOTHING", "soft": 1, "hard": 1}]
    box.refused("RLIMIT_NOTHING")


@differs(runc="takes both", crun="takes both")
def test_a_limit_that_stands_twice_is_an_error(box: Box) -> None:
    one = {"type": "RLIMIT_CORE", "soft": 1, "hard": 1}
    box.process["rlimits"] = [one, one]
    box.refused("RLIMIT_CORE")


# ---- privileges


def status(box: Box, script: str = "cat /proc/self/status") -> dict[str, str]:
    """Run a container; returns the fields of its /proc/self/status."""
    lines = box.says(script).splitlines()
    return {line.split(":")[0]: line.split(":")[1].strip() for line in lines if ":" in line}


def test_each_set_of_capabilities_is_what_was_asked_for(box: Box) -> None:
    box.process["capabilities"] = {
        "bounding": ["CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW"],
        "permitted": ["CAP_CHOWN", "CAP_KILL"],
        "effective": ["CAP_CHOWN", "CAP_KILL"],
        "inheritable": ["CAP_KILL"],
        "ambient": ["CAP_KILL"],
    }
    box.process["user"] = {"uid": 1000, "gid": 1000}
    found = {key: int(value, 16) for key, value in status(box).items() if key.startswith("Cap")}
    assert found["CapBnd"] == CHOWN | KILL | NET_RAW
    assert found["CapInh"] == KILL
    assert found["CapAmb"] == KILL
    # exec leaves a user without root what is ambient
    assert found["CapPrm"] == found["CapEff"] == KILL


def test_root_keeps_the_bounding_set(box: Box) -> None:
    names = ["CAP_CHOWN", "CAP_KILL"]
    sets = ("bounding", "permitted", "effective", "inheritable")
    box.process["capabilities"] = dict.fromkeys(sets, names)
    found = status(box)
    assert int(found["CapEff"], 16) == int(found["CapBnd"], 16) == CHOWN | KILL


def test_a_process_without_capabilities_has_none(box: Box) -> None:
    box.process["capabilities"] = {"bounding": [], "permitted": [], "effective": []}
    found = status(box)
    for key in ("CapBnd", "CapPrm", "CapEff", "CapInh", "CapAmb"):
        assert int(found[key], 16) == 0


@differs(crun="refuses it")
def test_a_capability_that_no_kernel_has_is_a_warning_and_no_error(box: Box) -> None:
    names = ["CAP_CHOWN", "CAP_FLY"]
    box.process["capabilities"] = dict.fromkeys(("bounding", "permitted", "effective"), names)
    done = box.run("grep CapBnd /proc/self/status")
    assert done.returncode == 0
    assert int(done.stdout.split()[1], 16) == CHOWN
    assert "CAP_FLY" in done.stderr


def test_no_new_privileges_is_set_where_asked_for(box: Box) -> None:
    assert status(box)["NoNewPrivs"] == "0"
    box.process["noNewPrivileges"] = True
    assert status(box)["NoNewPrivs"] == "1"


def test_the_oom_score_is_set_where_asked_for(box: Box) -> None:
    box.process["oomScoreAdj"] = 123
    assert box.says("cat /proc/self/oom_score_adj") == "123"


def test_the_oom_score_is_left_alone_where_not_asked_for(box: Box) -> None:
    mine = Path("/proc/self/oom_score_adj").read_text().strip()
    assert box.says("cat /proc/self/oom_score_adj") == mine


# ---- scheduling


@differs(runc="has no scheduler before 1.2", crun="has none before 1.9")
def test_the_scheduler_is_set(box: Box) -> None:
    box.process["scheduler"] = {"policy": "SCHED_BATCH", "nice": 5}
    fields = box.says("cat /proc/self/stat").rpartition(")")[2].split()
    assert fields[38] == "3"
    assert fields[16] == "5"


def test_a_nice_value_that_was_not_given_is_0(box: Box) -> None:
    box.process["scheduler"] = {"policy": "SCHED_OTHER"}
    fields = box.says("cat /proc/self/stat").rpartition(")")[2].split()
    assert fields[16] == "0"


@differs(runc="has no scheduler before 1.2", crun="has none before 1.9")
def test_a_scheduler_that_is_unknown_is_an_error(box: Box) -> None:
    box.process["scheduler"] = {"policy": "SCHED_NOTHING"}
    box.refused("SCHED_NOTHING")


@differs(runc="has no ioPriority before 1.2", crun="has none before 1.9")
def test_the_io_priority_is_set(box: Box) -> None:
    box.process["ioPriority"] = {"class": "IOPRIO_CLASS_IDLE", "priority": 0}
    assert box.says("ionice -p $$") == "idle"
    box.process["ioPriority"] = {"class": "IOPRIO_CLASS_BE", "priority": 3}
    assert box.says("ionice -p $$").startswith("best-effort: prio 3")


# ---- the user


def test_the_user_and_the_groups_are_set(box: Box) -> None:
    box.process["user"] = {"uid": 1234, "gid": 567, "additionalGids": [10, 20]}
    found = status(box)
    assert found["Uid"].split() == ["1234"] * 4
    assert found["Gid"].split() == ["567"] * 4
    assert set(found["Groups"].split()) - {"567"} == {"10", "20"}


def test_the_caller_s_groups_are_gone(box: Box) -> None:
    box.write()
    done = box.command("run", "--bundle", str(box.bundle), box.name, extra_groups=[4242], user=0)
    assert done.returncode == 0
    box.shell("cat /proc/self/status")
    box.write()
    done = box.command("run", "--bundle", str(box.bundle), box.name, extra_groups=[4242], user=0)
    assert "4242" not in done.stdout


def test_the_umask_is_set(box: Box) -> None:
    box.process["user"]["umask"] = 0o77
    assert box.says("umask") == "0077"


@differs(runc="sets 0022", ours="sets 0022, as runc and crun do; the word is a small should")
def test_the_umask_is_left_alone_where_not_asked_for(box: Box) -> None:
    mine = os.umask(0o31)
    try:
        assert box.says("umask") == "0031"
    finally:
        os.umask(mine)


# ---- names


def test_the_host_name_is_that_of_the_container(box: Box) -> None:
    box.config["hostname"] = "mrsdalloway"
    assert box.says("hostname; cat /proc/sys/kernel/hostname") == "mrsdalloway\nmrsdalloway"
    assert socket.gethostname() != "mrsdalloway"


@differs(runc="has no domainname before 1.2")
def test_the_domain_name_is_that_of_the_container(box: Box) -> None:
    box.config["domainname"] = "example.org"
    assert box.says("cat /proc/sys/kernel/domainname") == "example.org"


# ---- annotations, unknown properties, invalid values


@differs(runc="takes it", crun="takes it")
def test_an_annotation_without_a_key_is_an_error(box: Box) -> None:
    box.config["annotations"] = {"": "value"}
    box.refused("annotations")


def test_an_annotation_that_is_no_string_is_an_error(box: Box) -> None:
    box.config["annotations"] = {"com.example.key": 5}
    box.refused("annotations")


def test_an_unknown_annotation_is_ignored(box: Box) -> None:
    box.config["annotations"] = {"org.opencontainers.nobody.knows": "x", "x": ""}
    box.says("true")


def test_unknown_properties_are_ignored(box: Box) -> None:
    box.config["com.example"] = {"a": [1]}
    box.config["windows"] = {}
    box.process["x-new"] = [None]
    box.linux["x-new"] = {"a": 1.5}
    box.config["mounts"][0]["x-new"] = "y"
    box.says("true")


INVALID: list[tuple[str, Any]] = [
    ("root", "rootfs"),
    ("mounts", {"destination": "/a"}),
    ("hostname", 5),
    ("linux", []),
    ("process", "sh"),
]


@pytest.mark.parametrize(("key", "value"), INVALID)
def test_a_value_of_the_wrong_type_is_an_error(box: Box, key: str, value: Any) -> None:
    box.config[key] = value
    box.refused()


@differs(runc="does not look at it")
@pytest.mark.parametrize("version", ["2.0.0", "one", "", None])
def test_a_version_that_is_not_supported_is_an_error(box: Box, version: str | None) -> None:
    box.config["ociVersion"] = version
    box.refused("ociVersion")


@pytest.mark.parametrize("version", ["1.0.0", "1.0.2-dev", "1.1.0-rc.1", "1.2.0"])
def test_every_version_of_the_first_specification_is_taken(box: Box, version: str) -> None:
    box.config["ociVersion"] = version
    box.says("true")


def test_a_number_is_not_a_size(box: Box) -> None:
    """The kernel's struct has 16 bits for each side: what can't be had is an error."""
    assert struct.calcsize("HHHH") == 8
    box.process["terminal"] = True
    box.process["consoleSize"] = {"height": -1, "width": 80}
    done = box.create("--console-socket", "/nowhere")
    assert done.returncode != 0
    assert re.search(r"\S", done.stderr)
