"""runtime.md: state, create, start, kill and delete."""

import json
import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.conformance.boxes import RUNTIME, Box, differs

pytestmark = pytest.mark.root
OPERATIONS = ("state", "create", "start", "kill", "delete")


# ---- state


def test_the_state_has_the_required_properties(box: Box) -> None:
    pid = box.created("true")
    state = box.state()
    assert re.fullmatch(r"1\.\d+\.\d+(-[\w.-]+)?", state["ociVersion"])
    assert state["id"] == box.name
    assert state["status"] == "created"
    assert os.path.exists(f"/proc/{pid}")
    assert state["bundle"] == str(box.bundle)


def test_the_bundle_in_the_state_is_absolute(box: Box) -> None:
    box.write()
    with box.output.open("w") as output:
        done = box.command(
            *("create", "--bundle", ".", box.name),
            cwd=box.bundle,
            capture_output=False,
            stdout=output,
            stderr=output,
        )
    assert done.returncode == 0
    assert box.state()["bundle"] == str(box.bundle)


def test_annotations_are_in_the_state(box: Box) -> None:
    box.config["annotations"] = {"com.example.key": "value", "org.example.empty": ""}
    box.created("true")
    found = box.state()["annotations"]
    assert {key: found[key] for key in box.config["annotations"]} == box.config["annotations"]


def test_the_state_of_a_container_without_annotations_has_none(box: Box) -> None:
    box.created("true")
    assert not box.state().get("annotations")


def test_the_status_goes_from_created_to_running_to_stopped(box: Box) -> None:
    pid = box.created("read line < /pipe")
    os.mkfifo(box.rootfs / "pipe")
    assert box.state()["status"] == "created"
    assert box.start().returncode == 0
    assert box.state()["status"] == "running"
    (box.rootfs / "pipe").write_text("go\n")
    box.ended(pid)
    assert box.state()["status"] == "stopped"


@pytest.mark.parametrize("operation", OPERATIONS)
def test_an_operation_without_an_id_is_an_error(box: Box, operation: str) -> None:
    box.write()
    done = box.command(operation, cwd=box.bundle)
    assert done.returncode != 0
    assert done.stderr


@pytest.mark.parametrize("operation", ["state", "start", "kill", "delete"])
def test_an_operation_on_a_container_that_is_not_there_is_an_error(
    box: Box, operation: str
) -> None:
    done = box.command(operation, "nobody")
    assert done.returncode != 0
    assert "does not exist" in done.stderr or "No such file" in done.stderr


# ---- create


def test_create_without_a_bundle_is_an_error(box: Box, tmp_path: Path) -> None:
    done = box.command("create", box.name, cwd=tmp_path)
    assert done.returncode != 0
    assert "config.json" in done.stderr
    assert not box.is_known()


def test_an_id_that_is_taken_is_an_error_and_changes_nothing(box: Box) -> None:
    box.created("true")
    before = box.state()
    assert box.create().returncode != 0
    assert box.state() == before


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../a", "a b", "a\n", "é"])
def test_an_id_that_is_not_valid_is_an_error(box: Box, name: str) -> None:
    good, box.name = box.name, name
    done = box.create()
    box.name = good
    assert done.returncode != 0
    assert not box.states.exists() or list(box.states.iterdir()) == []


def test_create_makes_the_environment_and_does_not_run_the_program(box: Box) -> None:
    pid = box.created("echo ran")
    inside = Path(f"/proc/{pid}/root")
    assert (inside / "proc/1").exists()
    assert (inside / "dev/null").is_char_device()
    host = os.readlink("/proc/self/ns/uts")
    assert os.readlink(f"/proc/{pid}/ns/uts") != host
    name = subprocess.run(
        ["nsenter", "--target", str(pid), "--uts", "hostname"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert name.stdout == "conformance\n"
    assert box.output.read_text() == ""


def test_what_changes_in_config_json_after_create_has_no_effect(box: Box) -> None:
    pid = box.created("echo first")
    box.shell("echo second")
    box.process["env"] = ["X=1"]
    box.config["hostname"] = "second"
    box.write()
    assert box.start().returncode == 0
    box.ended(pid)
    assert box.output.read_text() == "first\n"


def test_a_config_that_can_not_be_applied_is_an_error_and_leaves_nothing(box: Box) -> None:
    box.mount("/data", "bind", "/no/such/directory", "bind")
    box.refused()


@differs(runc="refuses a document without process in create", crun="likewise")
def test_start_without_a_process_is_an_error(box: Box) -> None:
    del box.config["process"]
    assert box.create().returncode == 0
    done = box.start()
    assert done.returncode != 0
    assert "process" in done.stderr


# ---- start


def test_start_runs_the_program(box: Box) -> None:
    pid = box.created("echo ran $$")
    assert box.start().returncode == 0
    box.ended(pid)
    assert box.output.read_text() == "ran 1\n"


def test_start_of_a_running_container_is_an_error_and_changes_nothing(box: Box) -> None:
    box.started("echo once; sleep 1000")
    before = box.state()
    assert box.start().returncode != 0
    assert box.state() == before


def test_start_of_a_stopped_container_is_an_error_and_changes_nothing(box: Box) -> None:
    box.stopped("echo once")
    assert box.start().returncode != 0
    assert box.state()["status"] == "stopped"
    assert box.output.read_text() == "once\n"


def test_another_process_may_use_the_container(box: Box) -> None:
    """Each operation is a process of its own, here from other directories too."""
    pid = box.created("sleep 1000")
    words = [*RUNTIME, "--root", str(box.states)]
    for operation in (("state",), ("start",), ("kill",)):
        more = ["KILL"] if operation == ("kill",) else []
        done = subprocess.run(
            [*words, *operation, box.name, *more], cwd="/", capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr
    box.ended(pid)
    assert box.delete().returncode == 0


# ---- kill


def test_kill_sends_the_signal_to_the_process(box: Box) -> None:
    os.mkfifo(box.rootfs / "pipe")
    pid = box.started("trap 'echo got USR1; exit' USR1; echo on > /pipe; while :; do sleep 1; done")
    assert (box.rootfs / "pipe").read_text() == "on\n"
    assert box.kill("USR1").returncode == 0
    box.ended(pid)
    assert box.output.read_text() == "got USR1\n"


def test_kill_reaches_a_container_that_is_created(box: Box) -> None:
    pid = box.created("echo never")
    assert box.kill("KILL").returncode == 0
    box.ended(pid)
    assert box.state()["status"] == "stopped"
    assert box.output.read_text() == ""


def test_kill_of_a_stopped_container_is_an_error_and_changes_nothing(box: Box) -> None:
    box.stopped()
    assert box.kill("KILL").returncode != 0
    assert box.state()["status"] == "stopped"


# ---- delete


def test_delete_of_a_running_container_is_an_error_and_changes_nothing(box: Box) -> None:
    box.started("sleep 1000")
    before = box.state()
    assert box.delete().returncode != 0
    assert box.state() == before


@differs(runc="kills and deletes it", crun="likewise")
def test_delete_of_a_created_container_is_an_error_and_changes_nothing(box: Box) -> None:
    box.created("true")
    before = box.state()
    assert box.delete().returncode != 0
    assert box.state() == before


def test_delete_removes_what_create_made(box: Box) -> None:
    box.linux["resources"] = {"pids": {"limit": 50}}
    pid = box.started("sleep 1000")
    assert box.cgroups()
    assert box.kill("KILL").returncode == 0
    box.ended(pid)
    assert box.delete().returncode == 0
    assert box.leftovers() == []
    assert not box.is_known()


def test_delete_leaves_what_it_did_not_make(box: Box) -> None:
    namespace = box.directory / "net"
    namespace.touch()
    subprocess.run(["unshare", f"--net={namespace}", "true"], check=True)
    try:
        shared = box.directory / "shared"
        shared.mkdir()
        (shared / "file").write_text("mine")
        box.namespaces("pid", "ipc", "uts", "mount", network=str(namespace))
        box.mount("/shared", "bind", str(shared), "bind")
        box.stopped()
        assert box.delete().returncode == 0
        assert (shared / "file").read_text() == "mine"
        assert (box.rootfs / "bin/busybox").exists()
        done = subprocess.run(["nsenter", f"--net={namespace}", "true"], check=False)
        assert done.returncode == 0
    finally:
        subprocess.run(["umount", str(namespace)], check=True)


def test_an_id_may_be_used_again(box: Box) -> None:
    for text in ("first", "second"):
        box.stopped(f"echo {text}")
        assert box.delete().returncode == 0
    assert box.output.read_text() == "first\nsecond\n"


def test_the_state_is_one_json_object(box: Box) -> None:
    box.created("true")
    done = box.command("state", box.name)
    assert isinstance(json.loads(done.stdout), dict)
    assert done.stderr == ""
