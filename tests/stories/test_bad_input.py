"""Whatever is wrong gives one clear line, a remedy, the documented code, and leaves nothing."""

import json
from pathlib import Path

import pytest

from tests import machine
from tests.conftest import Wardian

pytestmark = pytest.mark.root


def refused(wardian: Wardian, code: int, words: str, *args: str) -> None:
    """The command ends so, saying this in its first line, a hint in the second, and no more."""
    before = machine.leftovers()
    done = wardian(*args)
    lines = done.stderr.splitlines()
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert lines[0].startswith("wardian: "), done.stderr
    assert words in lines[0]
    assert len(lines) == 1 or (len(lines) == 2 and lines[1].startswith("hint: ")), done.stderr
    assert machine.settled(before) == set()


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("--bogus",), 'unknown option "--bogus"'),
        (("--memry", "64m"), "did you mean --memory"),
        (("--name", "x"), "docker's, and not there yet"),
        (("--rootfs", "/nowhere"), 'root "/nowhere": no such directory'),
        (("--rootfs", "/etc/passwd"), 'root "/etc/passwd": not a directory'),
        (("--rootfs", ""), 'option "--rootfs": the value is empty'),
        (("--cap-add", "NET_RAWW"), 'unknown capability "NET_RAWW"'),
        (("--cap-drop", "FOO"), 'unknown capability "FOO"'),
        (("--memory", "1m"), "below 6m no program starts"),
        (("--memory", "lots"), 'memory "lots": not a size'),
        (("--cpuset-cpus", "4095"), "4095"),
        (("--cpus", "100000"), "this machine has"),
        (("--pids-limit", "many"), 'pids-limit "many"'),
        (("--security-opt", "seccomp=/nowhere.json"), '"/nowhere.json"'),
        (("--seccomp-allow", "read,writ"), 'unknown system call "writ"'),
        (("--user", "nobodyknows"), 'user "nobodyknows"'),
        (("--user", "1:nobodyknows"), 'group "nobodyknows"'),
        (("--network", "bridge"), 'network "bridge"'),
        (("--ulimit", "nofile=2:1"), "above the hard one"),
        (("--ulimit", "bogus=1"), 'ulimit "bogus=1"'),
        (("--env", "=x"), 'env "=x"'),
        (("--env-file", "/nowhere"), 'env-file "/nowhere"'),
        (("--volume", "data:/data"), '"data" is a name'),
        (("--volume", "/tmp:data"), "absolute path"),
        (("--mount", "type=bind,source=/nowhere,target=/x"), '"/nowhere" is not there'),
        (("--tmpfs", "/x:bogus"), 'unknown option "bogus"'),
        (("--sysctl", "kernel.panic=1"), "the whole machine"),
        (("--workdir", "here"), 'workdir "here"'),
        (("--hostname", "a b"), 'hostname "a b"'),
        (("--keep", "../x"), "no name for a kept layer"),
        (("--from-kept", "nothing"), 'layer "nothing": no such layer'),
        (("--keep", "a", "--from-kept", "b"), "exclude each other"),
        (("--scratch", "--rootfs", "/"), "exclude each other"),
        (("--closure", "ls"), "--closure needs --scratch"),
        (("--timeout", "soon"), 'timeout "soon"'),
        (("--stop-signal", "BANG"), 'stop-signal "BANG"'),
        (("--time-offset", "realtime=1"), "no such clock"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_wrong_option_is_named(args: tuple[str, ...], words: str, wardian: Wardian) -> None:
    refused(wardian, 125, words, "run", *args, "--", "true")


def test_what_is_missing_or_too_early_is_said(wardian: Wardian) -> None:
    refused(wardian, 125, "no program to run", "run")
    refused(wardian, 125, "no program to run", "run", "--")
    words = ("run", "--pull", "never", "alpine", "echo", "hi")
    refused(wardian, 125, 'there is no image "alpine"', *words)
    refused(wardian, 125, 'image "alpine"', "run", "--pull=never", "alpine", "--", "echo", "hi")
    refused(wardian, 125, 'the program comes after "--"', "run", "--rootfs", "/", "echo")
    refused(wardian, 125, "boxes that outlive", "run", "--rm=false", "--", "true")


def test_a_program_that_is_not_there(wardian: Wardian) -> None:
    refused(wardian, 127, '"nowhere"', "run", "--", "nowhere")
    refused(wardian, 127, '"/bin/nowhere"', "run", "--", "/bin/nowhere")
    refused(wardian, 127, '"nowhere"', "run", "--no-init", "--", "nowhere")
    refused(wardian, 127, '"nowhere"', "run", "--pids-limit", "9", "--", "nowhere")
    refused(wardian, 127, '"nowhere"', "run", "--scratch", "--closure", "nowhere", "--", "nowhere")


def test_a_program_that_can_t_be_executed(wardian: Wardian, busybox_root: Path) -> None:
    refused(wardian, 126, '"/etc/passwd"', "run", "--", "/etc/passwd")
    refused(wardian, 126, '"/usr"', "run", "--", "/usr")
    text = busybox_root / "bin" / "text"
    text.write_text("no program\n")
    text.chmod(0o755)
    refused(wardian, 126, '"/bin/text"', "run", "--rootfs", str(busybox_root), "--", "/bin/text")


def test_a_root_that_is_a_link_out_of_its_parent(wardian: Wardian, busybox_root: Path) -> None:
    inside = busybox_root.parent / "beside"
    inside.symlink_to(busybox_root)
    assert wardian("run", "--rootfs", str(inside), "--", "true").returncode == 0
    outside = busybox_root.parent / "links"
    outside.mkdir()
    (outside / "root").symlink_to(busybox_root)
    link = str(outside / "root")
    refused(wardian, 125, "symbolic link out of", "run", "--rootfs", link, "--", "true")


def test_an_environment_of_ten_megabytes(wardian: Wardian, tmp_path: Path) -> None:
    file = tmp_path / "env"
    file.write_text("BIG=" + "x" * 10_000_000)
    words = 'variable "BIG" has 10000005 bytes: the kernel takes 131072'
    refused(wardian, 125, words, "run", "--env-file", str(file), "--", "true")
    file.write_text("".join(f"V{number}={'x' * 100_000}\n" for number in range(100)))
    words = "101 arguments and variables have"
    refused(wardian, 125, words, "run", "--env-file", str(file), "--", "true")


@pytest.mark.parametrize(
    ("profile", "words"),
    [
        ("{", "no JSON"),
        ('{"defaultAction": "SCMP_ACT_MAYBE"}', "SCMP_ACT_MAYBE"),
        ("[]", "seccomp profile"),
        ('{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": 5}', "syscalls"),
    ],
)
def test_a_bad_seccomp_profile(profile: str, words: str, wardian: Wardian, tmp_path: Path) -> None:
    file = tmp_path / "profile.json"
    file.write_text(profile)
    refused(wardian, 125, words, "run", "--security-opt", f"seccomp={file}", "--", "true")


def test_hostile_words_stay_on_their_line(wardian: Wardian) -> None:
    refused(wardian, 127, "a\\nb\\x1b[31m", "run", "--", "a\nb\x1b[31m")
    refused(wardian, 125, "x" * 500, "run", "--memory", "x" * 100_000, "--", "true")


def test_other_commands_fail_with_one(wardian: Wardian) -> None:
    refused(wardian, 1, 'layer "nothing"', "diff", "nothing")
    refused(wardian, 1, 'layer "nothing"', "rm", "nothing")
    refused(wardian, 125, "needs the name", "rm")
    refused(wardian, 125, "takes one name", "diff", "a", "b")
    refused(wardian, 125, 'takes no "x"', "kept", "x")
    refused(wardian, 125, 'unknown command "bogus"', "bogus")
    refused(wardian, 125, 'unknown option "--bogus"', "--bogus")


def test_a_volume_is_not_made_for_a_box_that_can_t_be(wardian: Wardian, tmp_path: Path) -> None:
    new = f"{tmp_path}/new:/new"
    refused(wardian, 125, "capability", "run", "-v", new, "--cap-add", "FOO", "--", "true")
    assert not (tmp_path / "new").exists()


def test_a_failed_run_keeps_no_layer(wardian: Wardian) -> None:
    refused(wardian, 127, '"nowhere"', "run", "--keep", "mine", "--", "nowhere")
    assert json.loads(wardian("kept", "--json").stdout) == []
