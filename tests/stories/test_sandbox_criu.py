"""With `criu`, an evidence bundle holds images of the box's processes, which a real CRIU took."""

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.habits.project import ROOT
from tests.machine import LONG, find_criu, missing, requires
from wardian import Outcome, Sandbox, SandboxPool
from wardian.sandbox import criu, policy_files
from wardian.sandbox.verdict import Verdict

pytestmark = pytest.mark.root

SECRET = b"on the heap: " + bytes(range(97, 123))
SOURCE = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>
int main(int argc, char **argv)
{
    char *secret = malloc(4096);
    FILE *kept = fopen("kept.txt", "w");
    strcpy(secret, "on the heap: ");
    for (char c = 'a'; c <= 'z'; c++)
        strncat(secret, &c, 1);
    fputs("kept", kept);
    fflush(kept);
    if (argc > 1 && fork()) { /* the parent ends only with the box */
        pause();
        return 0;
    }
    if (argc > 1)
        if (setsid() < 0 || fork())
            return 0;
    mount("none", "/mnt", "tmpfs", 0, NULL);
    puts("after");
    return 0;
}
"""
PYTHON = (
    "import ctypes, string; secret = 'on the heap: ' + string.ascii_lowercase;"
    "open('kept.txt', 'w').write('kept');"
    "ctypes.CDLL(None).mount(b'none', b'/mnt', b'tmpfs', 0, None); print('after')"
)
MAY_MOUNT = "import ctypes; print(ctypes.CDLL(None, use_errno=True).{0}, ctypes.get_errno())"


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[list[str], bytes]]:
    """Words and file of each program; all of them make a forbidden call."""
    requires("compiler", "libseccomp")
    found: dict[str, tuple[list[str], bytes]] = {"cpython": (["python3", "-c", PYTHON], b"")}
    made = tmp_path_factory.mktemp("offender")
    (made / "offender.c").write_text(SOURCE)
    for kind, options in (("static", ["-static"]), ("dynamic", [])):
        program = made / kind
        command = ["cc", *options, "-o", str(program), str(made / "offender.c")]
        subprocess.run(command, check=True)
        found[kind] = (["./offender"], program.read_bytes())
    return found


Crit = Callable[..., Any]


@pytest.fixture
def crit(monkeypatch: pytest.MonkeyPatch) -> Crit:
    """Decode an image: crit(FILE). Wardian finds this CRIU too."""
    requires("criu")
    monkeypatch.setenv("PATH", f"{find_criu()}:{os.environ['PATH']}")
    program = shutil.which("crit") or missing("crit, from Debian's python3-pycriu")

    def decode(path: Path) -> Any:
        command = [program, "decode", "-i", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["entries"]

    return decode


def run(
    tmp_path: Path,
    program: tuple[list[str], bytes],
    *more: str,
    kind: type[Sandbox] = Sandbox,
    **words: Any,
) -> tuple[Verdict, Path, list[str]]:
    """Run an offender; returns the verdict, its bundle, and what the bundle says of CRIU."""
    argv, data = program
    with kind("compute", evidence=tmp_path / "ev", criu=True, limits=LONG, **words) as box:
        verdict = box.run([*argv, *more], files={"offender": data} if data else {})
    assert verdict.outcome is Outcome.VIOLATION
    assert verdict.violations[0].syscall == "mount"
    assert verdict.stdout == b""
    assert verdict.evidence is not None
    bundle = Path(verdict.evidence)
    manifest = json.loads((bundle / "manifest.json").read_text())
    return verdict, bundle, [line for line in manifest["left_out"] if line.startswith("criu")]


def is_frozen(verdict: Verdict) -> bool:
    assert verdict.box is not None
    return "frozen 1" in Path(verdict.box.group["unified"], "cgroup.events").read_text()


@pytest.mark.parametrize("mode", ["kill", "freeze"])
@pytest.mark.parametrize("name", ["static", "dynamic", "cpython"])
def test_the_bundle_holds_an_image(
    tmp_path: Path, programs: Any, crit: Crit, name: str, mode: str
) -> None:
    verdict, bundle, lacks = run(tmp_path, programs[name], mode=mode)
    assert lacks == []
    assert os.listdir(bundle / "criu") == ["2"]
    image = bundle / "criu" / "2"
    (process,) = crit(image / "pstree.img")
    assert (process["pid"], process["ppid"]) == (2, 0)
    (core,) = crit(image / "core-2.img")
    assert core["tc"]["comm"] == ("python3" if name == "cpython" else "offender")
    assert core["thread_core"]["creds"]["uid"] == 1000
    assert core["thread_core"]["creds"]["cap_eff"] == [0, 0]
    assert core["thread_core"]["seccomp_mode"] == "filter"
    assert SECRET in (image / "pages-1.img").read_bytes()
    (files,) = image.glob("tmpfs-dev-*.tar.gz.img")
    with tarfile.open(files) as archive:
        assert "./kept.txt" in archive.getnames()
    if mode == "freeze":
        assert is_frozen(verdict)
        verdict.box.end()


@pytest.mark.parametrize(("name", "has_root"), [("static", True), ("cpython", False)])
def test_an_image_comes_back_as_a_stopped_process(
    tmp_path: Path, programs: Any, crit: Crit, name: str, has_root: bool
) -> None:
    root = [tmp_path / "empty"] if has_root else []
    for one in root:
        one.mkdir()
    _verdict, bundle, lacks = run(tmp_path, programs[name], rootfs=root[0] if root else None)
    assert lacks == []
    image = bundle / "criu" / "2"
    (ids,) = crit(next(image.glob("userns-*.img")))
    owner = next(row["lower_first"] for row in ids["uid_map"] if row["first"] == 1000)
    command = [sys.executable, ROOT / "tools" / "restore_criu_image.py", image, *root]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    pids = json.loads(done.stdout)
    try:
        status = Path(f"/proc/{pids['pid']}/status").read_text()
        assert "State:\tT (stopped)" in status
        assert f"Uid:\t{owner}\t{owner}\t{owner}\t{owner}\n" in status
        assert "CapEff:\t0000000000000000\n" in status
        assert "Seccomp:\t2\n" in status
        assert SECRET in heap(pids["pid"])
        assert Path(f"/proc/{pids['pid']}/root/tmp/kept.txt").read_bytes() == b"kept"
    finally:
        os.kill(pids["holder"], signal.SIGKILL)


def heap(pid: int) -> bytes:
    """All private memory of a process that can be written."""
    found = b""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb") as memory:
        for bounds, permissions, *_more in map(str.split, maps):
            if permissions == "rw-p":
                first, end = (int(word, 16) for word in bounds.split("-"))
                memory.seek(first)
                found += memory.read(end - first)
    return found


def test_there_is_an_image_of_each_tree(tmp_path: Path, programs: Any, crit: Crit) -> None:
    _verdict, bundle, lacks = run(tmp_path, programs["static"], "in a daemon")
    assert lacks == []
    trees = sorted((bundle / "criu").iterdir())
    assert len(trees) == 2
    assert [len(crit(tree / "pstree.img")) for tree in trees] in ([1, 1], [2, 1])


def test_a_pool_makes_the_box_anew(tmp_path: Path, programs: Any, crit: Crit) -> None:
    _verdict, bundle, lacks = run(tmp_path, programs["static"], kind=SandboxPool)
    assert lacks == []
    assert crit(bundle / "criu" / "2" / "pstree.img")


@pytest.mark.usefixtures("crit")
def test_a_criu_that_takes_too_long_leaves_the_box_frozen(
    tmp_path: Path, programs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(criu, "TIMEOUT_S", 0.03)
    verdict, _bundle, lacks = run(tmp_path, programs["cpython"], mode="freeze")
    assert lacks == ["criu: 2: 0.03 s were over"]
    assert is_frozen(verdict)
    verdict.box.end()


@pytest.mark.usefixtures("crit")
def test_more_memory_than_an_image_may_have_is_left_out(
    tmp_path: Path, programs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(criu, "MOST_BYTES", 4096)
    _verdict, bundle, lacks = run(tmp_path, programs["dynamic"])
    assert len(lacks) == 1
    assert lacks[0].endswith(" bytes of memory, above 4096")
    assert not (bundle / "criu").exists()


def test_without_criu_the_bundle_says_so_and_the_box_is_as_ever(
    tmp_path: Path, programs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(criu, "_path", lambda: str(tmp_path))
    _verdict, bundle, lacks = run(tmp_path, programs["static"])
    assert lacks == ["criu: not installed"]
    assert (bundle / "core").exists()
    with Sandbox(evidence=tmp_path / "ev", criu=True) as box:
        verdict = box.run(["cat", "/proc/self/uid_map"])
    assert verdict.stdout.split()[0] == b"1000"
    assert len(verdict.stdout.splitlines()) == 1


@pytest.mark.usefixtures("crit")
def test_the_program_has_no_power_over_the_namespaces_of_its_box(tmp_path: Path) -> None:
    base = policy_files.load("compute")
    calls = ("mount", "umount2", "setuid", "sethostname")
    rules = {name: rule for name, rule in base.arguments.items() if name not in calls}
    policy = dataclasses.replace(base, allow=(*base.allow, *calls), arguments=rules)
    attempts = {
        "mount(b'none', b'/mnt', b'tmpfs', 0, None)": b"-1 1\n",
        "mount(None, b'/', None, 32 | 4096, None)": b"-1 1\n",
        "umount2(b'/proc/keys', 2)": b"-1 1\n",
        "sethostname(b'x', 1)": b"-1 1\n",
        "setuid(0)": b"-1 1\n",
    }
    with Sandbox(policy, evidence=tmp_path / "ev", criu=True) as box:
        for call, answer in attempts.items():
            verdict = box.run(["python3", "-c", MAY_MOUNT.format(call)])
            assert (verdict.stdout, verdict.outcome) == (answer, Outcome.OK), call
        found = box.run(["cat", "/proc/self/uid_map", "/proc/self/status"]).stdout.split()
    assert found[:1] + found[3:4] == [b"1000", b"0"]
    assert b"0" not in (found[1], found[4])
    assert found[found.index(b"CapEff:") + 1] == b"0" * 16
