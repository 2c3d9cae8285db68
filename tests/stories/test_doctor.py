"""A newcomer asks what this machine can do, and is told the truth."""

import json
import os
import subprocess
import sys

import pytest

ASK = "import sys; from wardian.cli import system; sys.exit(system.doctor({argv!r}))"


def ask(*argv: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run `wardian doctor` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", ASK.format(argv=list(argv))],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
        timeout=60,
    )


def test_the_verdict_and_the_exit_code_agree() -> None:
    done = ask()
    assert done.stderr == ""
    last = done.stdout.rstrip().split("\n")[-1]
    assert last.startswith("ready: " if done.returncode == 0 else "not ready: ")


def test_output_that_is_not_for_a_terminal_has_no_colours() -> None:
    assert "\033" not in ask(TERM="xterm-256color").stdout


def test_a_locale_without_unicode_still_gets_a_table() -> None:
    done = ask(PYTHONIOENCODING="ascii", LC_ALL="C")
    assert done.stderr == ""
    assert done.stdout.isascii()


def test_whatever_is_missing_comes_with_a_remedy() -> None:
    document = json.loads(ask("--json").stdout)
    for row in document["checks"]:
        assert row["answer"] in ("yes", "no", "partly")
        assert row["remedy"] or row["answer"] == "yes", row


def test_a_missing_launcher_makes_the_machine_not_ready() -> None:
    done = ask(WARDIAN_LAUNCHER="/nowhere/launcher")
    assert done.returncode == 1
    assert "not ready: launcher" in done.stdout
    assert "/nowhere/launcher" in done.stdout


@pytest.mark.root
def test_looking_leaves_nothing_mounted_and_no_group() -> None:
    def mounts() -> str:
        with open("/proc/self/mountinfo", encoding="utf-8") as file:
            return file.read()

    before = mounts()
    code = ASK.format(argv=[])
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL) as process:
        process.wait(timeout=60)
    assert mounts() == before
    groups = [path for path, _directories, _files in os.walk("/sys/fs/cgroup")]
    assert not [path for path in groups if f"/wardian-{process.pid}-" in path]


@pytest.mark.rootless
def test_an_ordinary_user_s_ids_are_really_tried(ordinary_user) -> None:  # type: ignore[no-untyped-def]
    done = ordinary_user.python(ASK.format(argv=["--json"]))
    document = json.loads(done.stdout)
    (ids,) = [row for row in document["checks"] if row["name"] == "subordinate ids"]
    assert ids["answer"] == "yes", ids
    assert document["ready"], document["verdict"]
    assert "with subordinate ids" in document["verdict"]


@pytest.mark.rootless
def test_a_user_without_subordinate_ids_is_told_how_to_get_them(lone_user) -> None:  # type: ignore[no-untyped-def]
    document = json.loads(lone_user.python(ASK.format(argv=["--json"])).stdout)
    (ids,) = [row for row in document["checks"] if row["name"] == "subordinate ids"]
    assert (ids["answer"], "usermod" in ids["remedy"]) == ("partly", True)
    assert document["ready"], document["verdict"]
