"""config.md: the six kinds of hooks; runtime.md: what follows when one fails."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.conformance.boxes import Box, differs

pytestmark = pytest.mark.root

IN_CREATE = ("prestart", "createRuntime", "createContainer")
ORDER = (*IN_CREATE, "startContainer", "program", "poststart", "poststop")
OF_THE_RUNTIME = ("prestart", "createRuntime", "poststart", "poststop")
OF_THE_CONTAINER = ("createContainer", "startContainer")


@pytest.fixture
def shared(box: Box) -> Path:
    """A directory that has the same path on the host and in the container."""
    directory = box.directory / "shared"
    directory.mkdir()
    box.mount(str(directory), "none", str(directory), "bind")
    return directory


def hook(script: str, **more: Any) -> dict[str, Any]:
    """A hook that is a shell script; busybox has the same path on the host and inside."""
    return {"path": "/bin/sh", "args": ["sh", "-c", script], "env": ["PATH=/bin:/usr/bin"], **more}


def add(box: Box, kind: str, *hooks: dict[str, Any]) -> None:
    """Add hooks of a kind."""
    box.config.setdefault("hooks", {}).setdefault(kind, []).extend(hooks)


def lifecycle(box: Box, script: str = "true") -> None:
    """Create, start, let end and delete."""
    box.stopped(script)
    done = box.delete()
    assert done.returncode == 0, done.stderr


# ---- when


@differs(runc="calls poststart in create already")
def test_hooks_run_in_the_order_of_their_kinds(box: Box, shared: Path) -> None:
    os.mkfifo(shared / "pipe")
    log = shared / "log"
    for kind in ORDER:
        if kind != "program":
            add(box, kind, hook(f"echo {kind} >> {log}"))
    pid = box.created(f"echo program >> {log}; read line < {shared}/pipe")
    assert log.read_text().split() == list(IN_CREATE)
    assert box.start().returncode == 0
    lines = log.read_text().split()
    assert lines.index("startContainer") == 3
    assert "poststart" in lines
    (shared / "pipe").write_text("end\n")
    box.ended(pid)
    assert set(log.read_text().split()) == set(ORDER[:-1])
    assert box.delete().returncode == 0
    lines = log.read_text().split()
    assert lines.index("program") > lines.index("startContainer")
    assert lines[-1] == "poststop"


def test_hooks_of_a_kind_run_in_the_listed_order(box: Box, shared: Path) -> None:
    for kind in ("createRuntime", "createContainer", "startContainer", "poststop"):
        add(box, kind, *(hook(f"echo {kind}{number} >> {shared}/log") for number in range(3)))
    lifecycle(box)
    kinds = ("createRuntime", "createContainer", "startContainer", "poststop")
    wanted = [f"{kind}{number}" for kind in kinds for number in range(3)]
    assert (shared / "log").read_text().split() == wanted


def test_hooks_of_create_run_once_the_namespaces_are_there(box: Box, shared: Path) -> None:
    """They get the pid, whose namespaces are the container's, and run before the root changes."""
    add(box, "createRuntime", hook(f"cat > {shared}/state"))
    add(box, "createContainer", hook(f"ls {box.bundle} > {shared}/outside"))
    pid = box.created()
    assert json.loads((shared / "state").read_text())["pid"] == pid
    assert os.readlink(f"/proc/{pid}/ns/net") != os.readlink("/proc/self/ns/net")
    assert "config.json" in (shared / "outside").read_text()


def test_poststart_runs_before_start_returns(box: Box, shared: Path) -> None:
    add(box, "poststart", hook(f"echo done > {shared}/file"))
    box.started("sleep 1000")
    assert (shared / "file").read_text() == "done\n"


def test_poststop_runs_after_the_container_is_gone(box: Box, shared: Path) -> None:
    groups = " ".join(f"/sys/fs/cgroup/*{box.cgroup}".split())
    add(box, "poststop", hook(f"ls -d {groups} > {shared}/left 2>/dev/null; true"))
    lifecycle(box)
    assert (shared / "left").read_text() == ""


# ---- where


@pytest.mark.parametrize("kind", OF_THE_RUNTIME)
def test_a_hook_of_the_runtime_runs_outside(box: Box, shared: Path, kind: str) -> None:
    """Its path resolves there too: this program is not in the container."""
    program = box.directory / "program"
    program.write_text(f"#!/bin/sh\nreadlink /proc/self/ns/mnt /proc/self/ns/net > {shared}/seen\n")
    program.chmod(0o755)
    add(box, kind, {"path": str(program)})
    lifecycle(box)
    mine = [os.readlink(f"/proc/self/ns/{each}") for each in ("mnt", "net")]
    assert (shared / "seen").read_text().split() == mine


def test_a_createContainer_hook_runs_inside_with_a_path_from_outside(  # noqa: N802
    box: Box, shared: Path
) -> None:
    program = box.directory / "program"
    program.write_text(f"#!/bin/sh\nreadlink /proc/self/ns/mnt /proc/self/ns/net > {shared}/seen\n")
    program.chmod(0o755)
    add(box, "createContainer", {"path": str(program)})
    pid = box.created()
    inside = [os.readlink(f"/proc/{pid}/ns/{each}") for each in ("mnt", "net")]
    assert (shared / "seen").read_text().split() == inside


def test_a_startContainer_hook_runs_inside_with_a_path_from_inside(  # noqa: N802
    box: Box, shared: Path
) -> None:
    program = box.rootfs / "bin" / "only-inside"
    program.write_text(
        f"#!/bin/sh\nreadlink /proc/self/ns/mnt > {shared}/seen; ls / > {shared}/root\n"
    )
    program.chmod(0o755)
    add(box, "startContainer", {"path": "/bin/only-inside"})
    pid = box.started("sleep 1000")
    assert (shared / "seen").read_text().strip() == os.readlink(f"/proc/{pid}/ns/mnt")
    assert "etc" in (shared / "root").read_text().split()
    assert "boot" not in (shared / "root").read_text().split()


# ---- what a hook gets


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("prestart", "creating"),
        ("createRuntime", "creating"),
        ("createContainer", "creating"),
        ("startContainer", "created"),
        pytest.param(
            *("poststart", "running"), marks=differs(runc="calls poststart in create already")
        ),
        ("poststop", "stopped"),
    ],
)
def test_a_hook_gets_the_state_on_its_standard_input(
    box: Box, shared: Path, kind: str, status: str
) -> None:
    box.config["annotations"] = {"com.example.key": "value"}
    add(box, kind, hook(f"cat > {shared}/state"))
    pid = box.started("sleep 1000")
    box.kill("KILL")
    box.ended(pid)
    assert box.delete().returncode == 0
    state = json.loads((shared / "state").read_text())
    assert state["id"] == box.name
    assert state["bundle"] == str(box.bundle)
    assert state["ociVersion"].startswith("1.")
    assert state["annotations"]["com.example.key"] == "value"
    assert state["status"] == status


@pytest.mark.parametrize("kind", ["prestart", "createRuntime", "poststart"])
def test_the_pid_in_a_hook_s_state_is_as_the_runtime_sees_it(
    box: Box, shared: Path, kind: str
) -> None:
    add(box, kind, hook(f"cat > {shared}/state"))
    pid = box.started("sleep 1000")
    assert json.loads((shared / "state").read_text())["pid"] == pid


@pytest.mark.parametrize("kind", OF_THE_CONTAINER)
def test_the_pid_in_the_state_of_a_hook_inside_is_as_the_container_sees_it(
    box: Box, shared: Path, kind: str
) -> None:
    add(box, kind, hook(f"cat > {shared}/state"))
    box.started("sleep 1000")
    assert json.loads((shared / "state").read_text())["pid"] == 1


@pytest.mark.parametrize("kind", ["createRuntime", "createContainer", "startContainer", "poststop"])
def test_a_hook_gets_its_arguments_and_its_environment_and_no_more(
    box: Box, shared: Path, kind: str
) -> None:
    script = f'echo "$0 $*" > {shared}/args; env > {shared}/env'
    args = ["sh", "-c", script, "zero", "one", "two words"]
    env = ["PATH=/bin", "A=b", "C="]
    add(box, kind, {"path": "/bin/busybox", "args": args, "env": env})
    lifecycle(box)
    assert (shared / "args").read_text() == "zero one two words\n"
    assert variables(shared / "env") == set(env)


@differs(runc="gives it the runtime's, or what the container has", crun="likewise")
@pytest.mark.parametrize("kind", ["createRuntime", "createContainer", "startContainer", "poststop"])
def test_a_hook_without_an_environment_gets_an_empty_one(box: Box, shared: Path, kind: str) -> None:
    add(box, kind, {"path": "/bin/busybox", "args": ["sh", "-c", f"env > {shared}/env"]})
    lifecycle(box)
    # busybox's shell has a PATH of its own where it is given none
    assert variables(shared / "env") <= {"PATH=/sbin:/usr/sbin:/bin:/usr/bin"}


def variables(path: Path) -> set[str]:
    """What env(1) wrote, without what the shell adds by itself."""
    lines = path.read_text().splitlines()
    return {line for line in lines if not line.startswith(("PWD=", "SHLVL=", "OLDPWD=", "_="))}


# ---- what follows when one fails


@pytest.mark.parametrize("kind", IN_CREATE)
def test_a_hook_of_create_that_fails_is_an_error_and_the_container_is_gone(
    box: Box, shared: Path, kind: str
) -> None:
    add(box, kind, hook("echo unhappy >&2; exit 3"), hook(f"echo second > {shared}/second"))
    box.refused("hook")
    assert not (shared / "second").exists()


@differs(crun="does not")
def test_poststop_is_called_where_create_fails(box: Box, shared: Path) -> None:
    add(box, "createRuntime", hook("exit 3"))
    add(box, "poststop", hook(f"echo ran > {shared}/poststop"))
    box.refused()
    assert (shared / "poststop").read_text() == "ran\n"


@differs(runc="start succeeds, though the container stops")
def test_a_startContainer_hook_that_fails_is_an_error_and_the_program_never_runs(  # noqa: N802
    box: Box, shared: Path
) -> None:
    add(box, "startContainer", hook("exit 3"))
    pid = box.created(f"echo ran > {shared}/ran")
    assert box.start().returncode != 0
    box.ended(pid)
    assert not (shared / "ran").exists()


@differs(runc="calls poststart in create already")
def test_a_poststart_hook_that_fails_is_an_error_and_the_container_stops(box: Box) -> None:
    """Since 1.2.1; before, it was a warning, but no runtime did so."""
    add(box, "poststart", hook("exit 3"))
    pid = box.created("sleep 1000")
    assert box.start().returncode != 0
    box.ended(pid)


@differs(runc="calls no more of them")
def test_a_poststop_hook_that_fails_is_a_warning_and_the_next_ones_run(
    box: Box, shared: Path
) -> None:
    add(box, "poststop", hook("exit 3"), hook(f"echo second > {shared}/second"))
    box.stopped()
    done = box.delete()
    assert done.returncode == 0
    assert "hook" in done.stderr
    assert (shared / "second").read_text() == "second\n"
    assert not box.is_known()


@pytest.mark.slow
def test_a_hook_that_takes_longer_than_its_timeout_is_aborted(box: Box, shared: Path) -> None:
    add(box, "createRuntime", hook(f"exec sleep 1000; echo late > {shared}/late", timeout=1))
    box.refused("hook")
    assert not (shared / "late").exists()


@pytest.mark.parametrize("timeout", [0, -1])
def test_a_timeout_that_is_not_above_zero_is_an_error(box: Box, timeout: int) -> None:
    add(box, "createRuntime", hook("true", timeout=timeout))
    box.refused("timeout")


@pytest.mark.parametrize("kind", [kind for kind in ORDER if kind != "program"])
@differs(runc="looks at it when it runs the hook", crun="likewise")
def test_a_hook_whose_path_is_not_absolute_is_an_error(box: Box, kind: str) -> None:
    add(box, kind, {"path": "bin/true"})
    box.refused("path")
