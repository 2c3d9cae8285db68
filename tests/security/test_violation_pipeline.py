"""From a forbidden call to the end of its box: nothing of it happens, all of it is told."""

import json
import os
import re
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.machine import LONG, SLOWNESS, about, requires
from wardian import Outcome, Sandbox
from wardian.kernel import cgroups
from wardian.sandbox import evidence
from wardian.sandbox.run import Run
from wardian.sandbox.verdict import Verdict

pytestmark = pytest.mark.root

HERE = Path(__file__).parent
# WARDIAN_PIPELINE_RUNS=500 is the whole demonstration; it takes a minute.
RUNS = int(os.environ.get("WARDIAN_PIPELINE_RUNS", "60"))
MOUNT = (
    "import ctypes, os; open('kept.txt', 'w').write('secret of the run');"
    "os.symlink('/etc/shadow', 'link'); os.mkfifo('fifo'); print('before', flush=True);"
    "ctypes.CDLL(None).mount(b'evil`\\x1b[1m|', b'/mnt', b'tmpfs', 4096, None); print('after')"
)


@pytest.fixture(scope="module")
def offender(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A static program that makes a forbidden call."""
    requires("compiler", "libseccomp")
    made = tmp_path_factory.mktemp("offender") / "offender"
    command = ["cc", "-O1", "-static", "-pthread", "-o", str(made), str(HERE / "offender.c")]
    subprocess.run(command, check=True)
    return made.read_bytes()


def attempt(sandbox: Sandbox, program: bytes, *words: int) -> tuple[Verdict, float | None]:
    """Run the offender; returns the verdict, and how long its box took to come to a stand."""
    argv = ["./offender", *map(str, words)]
    run = sandbox._new(argv, b"", {"offender": program}, {}, ())
    run.start()
    while not run.ended:
        run.step()
    frozen_s = run.supervisor.frozen_after_s
    return run.finish(), frozen_s


def attempts(log: Path) -> list[dict[str, Any]]:
    """The lines of a log that are about calls; what the kernel recorded has one of its own."""
    lines = map(json.loads, log.read_text(encoding="ascii").splitlines())
    return [line for line in lines if "syscall" in line]


@pytest.mark.slow
def test_no_thread_goes_on_behind_a_forbidden_call(offender: bytes) -> None:
    with Sandbox("compute", limits={"processes": 200, **LONG}) as sandbox:
        for number in range(RUNS):
            threads = (1, 1, 2, 10, 100)[number % 5]
            verdict, frozen_s = attempt(sandbox, offender, threads, 0, 0)
            assert verdict.outcome is Outcome.VIOLATION, verdict
            assert verdict.stdout == b"b", (threads, verdict)
            assert verdict.violations[0].syscall == "mount"
            assert frozen_s is not None


@pytest.mark.slow
def test_a_timer_can_neither_hide_a_call_nor_make_it_happen(offender: bytes) -> None:
    """A signal may call a notification off before it is received: it counts all the same.

    Another thread than the first may have written its "X" before the box stands; nobody comes to
    the end.
    """
    with Sandbox("compute", limits={"processes": 200, **LONG}) as sandbox:
        for number in range(RUNS):
            threads = (1, 2, 20)[number % 3]
            usec, restart = ((1000, 0), (200, 1), (50, 0), (50, 1))[number % 4]
            verdict, _frozen_s = attempt(sandbox, offender, threads, usec, restart)
            assert verdict.outcome is Outcome.VIOLATION, (threads, usec, restart, verdict)
            assert verdict.violations[0].syscall in ("mount", "interrupted")
            assert b"E" not in verdict.stdout, "the process did not come to its end"


def test_the_log_has_one_line_with_everything_decoded(tmp_path: Path) -> None:
    log = tmp_path / "violations"
    with Sandbox("compute", log=log) as sandbox:
        verdict = sandbox.run(["python3", "-c", MOUNT])
    assert (verdict.outcome, verdict.stdout) == (Outcome.VIOLATION, b"before\n")
    (found,) = attempts(log)
    decoded = {"source": "evil`\x1b[1m|", "target": "/mnt", "type": "tmpfs", "flags": "MS_BIND"}
    assert found["decoded"] == decoded
    assert (found["syscall"], found["number"], found["comm"]) == ("mount", 165, "python3")
    assert (found["uid"], found["inner_pid"], found["policy"]) == (1000, 2, "compute")
    assert found["instruction"]["file"].endswith("libc.so.6")
    assert found["plan_hash"] == verdict.plan_hash
    assert log.stat().st_mode & 0o777 == 0o600


def test_a_function_gets_each_violation(tmp_path: Path) -> None:
    seen: list[Any] = []
    with Sandbox("compute", log=seen.append, mode="errno") as sandbox:
        code = "import socket\nfor n in (2, 10, 16, 17, 40):\n try: socket.socket(n)\n"
        code += " except PermissionError: print('refused')"
        verdict = sandbox.run(["python3", "-c", code])
    assert (verdict.outcome, verdict.stdout) == (Outcome.OK, b"refused\n" * 5)
    families = [one.decoded["family"] for one in seen]
    assert families == ["AF_INET", "AF_INET6", "AF_NETLINK", "AF_PACKET", "AF_VSOCK"]
    assert verdict.violation_count == 5
    assert list(verdict.violations) == seen


def test_a_flood_of_refused_calls_fills_no_log(tmp_path: Path) -> None:
    log = tmp_path / "violations"
    with Sandbox("compute", limits=LONG, log=log, mode="errno") as sandbox:
        code = "import ctypes\nc = ctypes.CDLL(None)\nfor _ in range(1500): c.unshare(0x10000000)"
        verdict = sandbox.run(["python3", "-c", code])
    assert (verdict.outcome, verdict.violation_count) == (Outcome.OK, 1500)
    assert len(attempts(log)) == 1000
    told = [line for line in map(json.loads, log.read_text().splitlines()) if "not_logged" in line]
    assert [line["not_logged"] for line in told] == [500]


def test_other_abis_and_unknown_numbers_are_violations(offender: bytes) -> None:
    calls = {
        "import ctypes; ctypes.CDLL(None).syscall(0x40000000 + 39)": "getpid",
        "import ctypes; ctypes.CDLL(None).syscall(-1)": "#4294967295",
        "import ctypes; ctypes.CDLL(None).syscall(1000000)": "#1000000",
    }
    with Sandbox("compute") as sandbox:
        for code, name in calls.items():
            verdict = sandbox.run(["python3", "-c", code])
            assert verdict.outcome is Outcome.VIOLATION
            assert verdict.violations[0].syscall == name
        quiet = sandbox.run(["python3", "-c", "import ctypes; ctypes.CDLL(None).syscall(480)"])
        assert quiet.ok, "what a newer kernel may have is not there, as on an older one"


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The evidence of one violation."""
    requires("libseccomp")
    with Sandbox("compute", evidence=tmp_path_factory.mktemp("evidence")) as sandbox:
        verdict = sandbox.run(["python3", "-c", MOUNT])
    assert verdict.evidence is not None
    return Path(verdict.evidence)


def test_a_bundle_names_every_file_with_its_digest(bundle: Path) -> None:
    import hashlib

    manifest = json.loads((bundle / "manifest.json").read_text())
    there = {
        str(path.relative_to(bundle))
        for path in bundle.rglob("*")
        if path.is_file() and path.name != "manifest.json"
    }
    assert set(manifest["files"]) == there
    for name, told in manifest["files"].items():
        data = (bundle / name).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (told["size"], told["sha256"])
    late = [] if SLOWNESS == 1 else [word for word in manifest["left_out"] if "fsync" in word]
    assert manifest["left_out"] == late
    assert bundle.stat().st_mode & 0o777 == 0o700
    (process,) = (bundle / "processes").iterdir()
    wanted = {"status", "limits", "maps", "environ", "fd", "links", "mountinfo", "threads"}
    assert wanted <= {path.name for path in process.iterdir()}


def test_a_bundle_has_what_the_program_wrote(bundle: Path) -> None:
    with tarfile.open(bundle / "writable.tar") as archive:
        entries = {entry.name: entry for entry in archive}
        assert set(entries) == {"kept.txt", "link", "fifo"}
        content = archive.extractfile("kept.txt")
        assert content is not None
        assert content.read() == b"secret of the run"
        assert (entries["link"].issym(), entries["fifo"].isfifo()) == (True, True)


def test_a_bundle_s_page_is_for_people_and_takes_no_orders(bundle: Path) -> None:
    page = (bundle / "summary.md").read_text(encoding="ascii")
    assert page.startswith("# Forbidden system call: `mount`")
    assert "evil\\x60\\x1b[1m\\x7c" in page
    assert "\x1b" not in page


def test_gdb_opens_the_core_at_the_call(bundle: Path) -> None:
    requires("gdb")
    exe = next(bundle.glob("processes/*/links")).read_text().splitlines()[0].split(" -> ")[1]
    done = subprocess.run(
        ["gdb", "-batch", "-nx", "-ex", "bt", "-ex", "info registers", exe, str(bundle / "core")],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "DEBUGINFOD_URLS": ""},
    )
    frames = [line for line in done.stdout.splitlines() if line.startswith("#")]
    assert "mount" in frames[0], done.stdout
    assert any("Py_RunMain" in frame or "Py_BytesMain" in frame for frame in frames)
    assert re.search("Core was generated by .*python3.* -c .*import", done.stdout), done.stdout


def test_a_frozen_box_is_a_person_s_until_it_is_ended() -> None:
    requires("libseccomp")
    with Sandbox("compute", mode="freeze") as sandbox:
        verdict = sandbox.run(["python3", "-c", MOUNT])
        assert (verdict.outcome, verdict.stdout) == (Outcome.VIOLATION, b"before\n")
        (pid,) = verdict.box.pids
        assert Path(f"/proc/{pid}/comm").read_text() == "python3\n"
        assert (Path(f"/proc/{pid}/root/tmp/kept.txt")).read_text() == "secret of the run"
        verdict.box.end()
        assert not os.path.exists(f"/proc/{pid}")
        verdict.box.end()


# On one processor the program calls before its init has run again.
AT_ONCE = """
import os, sys
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
from wardian import Sandbox
with Sandbox("compute", mode="freeze") as sandbox:
    for _ in range(20):
        with sandbox.run(["./offender"], files={"offender": sys.argv[1]}).box as box:
            print(len(box.pids))
"""


def test_a_box_that_froze_before_its_init_could_speak_is_kept(
    offender: bytes, tmp_path: Path
) -> None:
    program = tmp_path / "offender"
    program.write_bytes(offender)
    program.chmod(0o755)
    command = [sys.executable, "-c", AT_ONCE, str(program)]
    done = subprocess.run(command, capture_output=True, timeout=60, check=True)
    assert done.stdout == b"1\n" * 20


@pytest.mark.usefixtures("cut_smaps")
def test_more_mappings_than_are_read_lose_no_bundle(tmp_path: Path) -> None:
    with Sandbox("compute", evidence=tmp_path, limits=LONG) as sandbox:
        verdict = sandbox.run(["unshare", "--user", "true"])
    assert verdict.evidence is not None
    left_out = json.loads(Path(verdict.evidence, "manifest.json").read_text())["left_out"]
    assert left_out == ["core: mappings behind the first 2000 bytes of smaps"]
    assert Path(verdict.evidence, "core").exists()


@pytest.fixture
def cut_smaps(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the middle of a line."""
    monkeypatch.setattr(evidence, "SMAPS_BYTES", 2000)


def test_a_box_full_of_processes_is_one_violation_and_one_bundle(tmp_path: Path) -> None:
    code = (
        "import os, ctypes, time\n"
        "for _ in range(15):\n"
        "    if os.fork() == 0:\n"
        "        while True: pass\n"
        "time.sleep(0.1)\n"
        "ctypes.CDLL(None).mount(0, 0, 0, 0, 0)\n"
    )
    with Sandbox("compute", evidence=tmp_path) as sandbox:
        verdict = sandbox.run(["python3", "-c", code])
    assert verdict.outcome is Outcome.VIOLATION
    assert len(list(tmp_path.iterdir())) == 1
    assert verdict.evidence is not None
    assert len(list((Path(verdict.evidence) / "processes").iterdir())) == 16


@pytest.mark.parametrize("kind", ["freezer", "SIGSTOP"])
def test_where_there_is_no_cgroup2_others_bring_the_box_to_a_stand(
    kind: str, offender: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """This machine's v1 freezer stands in for a machine that has nothing else."""
    layout = cgroups.detect()
    if kind == "freezer" and "freezer" not in layout.controllers:
        about("cgroup v1")
    create = cgroups.create

    def made(*words: Any) -> cgroups.Cgroup:
        group = create(*words, wanted=("freezer",) if kind == "freezer" else None)
        group.groups.pop("unified" if kind == "freezer" else "", None)
        left.append(group)
        return group

    def prepare(self: Run, pid: int) -> None:
        if kind == "freezer":
            Path(left[-1].groups["freezer"], "cgroup.procs").write_text(str(pid))
        usual(self, pid)

    left: list[cgroups.Cgroup] = []
    usual = Run._prepare
    monkeypatch.setattr(Run, "_prepare", prepare)
    monkeypatch.setattr("wardian.sandbox.run.cgroups.create", made)
    if kind == "SIGSTOP":
        monkeypatch.setattr("wardian.sandbox.freezing.UNIFIED", "none")
    try:
        with Sandbox("compute", evidence=tmp_path, limits={"processes": 50}) as sandbox:
            for threads in (1, 10):
                verdict, frozen_s = attempt(sandbox, offender, threads, 0, 0)
                assert (verdict.outcome, verdict.stdout) == (Outcome.VIOLATION, b"b"), verdict
                assert frozen_s is not None
                assert verdict.evidence is not None
                assert (Path(verdict.evidence) / "core").stat().st_size > 4096
    finally:
        for group in left:
            found = cgroups.find(layout, group.name)
            if found is not None:
                found.remove()


def test_bad_pointers_and_endless_strings_are_read_within_bounds() -> None:
    code = (
        "import ctypes\n"
        "c = ctypes.CDLL(None)\n"
        "long = ctypes.create_string_buffer(b'A' * (1 << 20))\n"
        "c.syscall(165, ctypes.c_long(8), long, ctypes.c_long(-1), 0, 0)\n"
    )
    with Sandbox("compute") as sandbox:
        verdict = sandbox.run(["python3", "-c", code])
    decoded = verdict.violations[0].decoded
    assert (decoded["source"], len(decoded["target"])) == ("0x8", 4096)
    assert decoded["type"] == "0xffffffffffffffff"
