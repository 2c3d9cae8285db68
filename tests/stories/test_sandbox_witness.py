"""The kernel's audit records as a second witness of forbidden calls."""

import _socket
import contextlib
import json
import select
import time
from pathlib import Path
from typing import Any

import pytest

from tests.machine import missing
from wardian import Outcome, Sandbox, SandboxPool, Verdict
from wardian.kernel import audit, libseccomp
from wardian.kernel.seccomp_notify import Listener, Notification
from wardian.sandbox import policy_files, witness

pytestmark = pytest.mark.root

MOUNT = libseccomp.call_numbers(["mount"])["mount"]
FORBIDDEN = "import ctypes; ctypes.CDLL(None).mount(b'none', b'/mnt', b'tmpfs', 0, None)"
# A child stands before its call when it is killed, and the run ends before anybody has heard.
CALLED_OFF = (
    f"""
import os, signal, time
child = os.fork()
if child == 0:
    {FORBIDDEN}
while "seccomp" not in open(f"/proc/{{child}}/wchan").read() and not time.sleep(0.001):
    if time.monotonic() > end: break
""".replace("child = os.fork()", "end = time.monotonic() + 0.3\nchild = os.fork()")
    + ("os.kill(child, signal.SIGKILL)\nos.waitpid(child, 0)\n")
)


@pytest.fixture(autouse=True)
def readable() -> None:
    if why := witness.lacks():
        missing(f"the kernel's audit records: {why}")


def documents(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("kind", [Sandbox, SandboxPool])
def test_a_violation_has_its_record_in_the_log_and_the_evidence(
    tmp_path: Path, kind: type[Sandbox]
) -> None:
    with kind(log=tmp_path / "log", evidence=tmp_path / "ev") as box:
        verdict = box.run(["python3", "-c", FORBIDDEN])
        assert box.run(["true"]).outcome is Outcome.OK
        assert not any("audit" in line for line in box.degraded)
    (violation,) = verdict.violations
    seen, audited = documents(tmp_path / "log")
    assert (seen["syscall"], audited["unseen"], audited["records"]) == ("mount", 0, 1)
    assert audited["box"] == seen["box"]
    assert verdict.evidence is not None
    (record,) = json.loads((Path(verdict.evidence) / "audit.json").read_text())
    assert [record] == audited["audit"]
    assert (record["number"], record["pid"]) == (violation.number, violation.pid)
    assert (record["ip"], record["comm"]) == (violation.instruction["address"], "python3")


def test_refusals_and_the_launcher_s_own_calls_are_no_violations(tmp_path: Path) -> None:
    code = "import ctypes; [ctypes.CDLL(None).inotify_init() for _ in range(50)]"
    with Sandbox(log=tmp_path / "log") as box:
        for _ in range(5):
            verdict = box.run(["python3", "-c", code])
            assert (verdict.outcome, verdict.violation_count) == (Outcome.OK, 0)
    with Sandbox("strict", log=tmp_path / "log") as box:
        assert box.run(["cat"], stdin=b"x").outcome is Outcome.OK
    assert documents(tmp_path / "log") == []


def run_late(monkeypatch: pytest.MonkeyPatch, log: Path | None) -> Verdict:
    """Run the program below a supervisor who is slow to hear of the first call."""
    prompt = Listener.next
    count = 0

    def late(self: Listener, *, blocks: bool) -> Notification | None:
        nonlocal count
        count += 1
        if count > 1:
            time.sleep(1.0)
        return prompt(self, blocks=blocks)

    monkeypatch.setattr(Listener, "next", late)
    with Sandbox(log=log) as box:
        return box.run(["python3", "-c", CALLED_OFF])


def test_a_call_that_was_called_off_unheard_is_a_violation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict = run_late(monkeypatch, tmp_path / "log")
    assert (verdict.outcome, verdict.reason) == (Outcome.VIOLATION, "system call mount")
    seen, audited = documents(tmp_path / "log")
    assert (seen["syscall"], audited["unseen"]) == ("mount", 1)


def test_boxes_at_the_same_time_have_each_their_own_records(tmp_path: Path) -> None:
    import concurrent.futures

    with Sandbox(log=tmp_path / "log") as box, concurrent.futures.ThreadPoolExecutor(6) as many:
        codes = [FORBIDDEN, "pass"] * 6
        verdicts = list(many.map(lambda code: box.run(["python3", "-c", code]), codes))
    assert [one.violation_count for one in verdicts] == [1, 0] * 6
    found = documents(tmp_path / "log")
    audited = {one["box"]: one for one in found if "audit" in one}
    assert len(audited) == 6
    for one in found:
        if "syscall" in one:
            (record,) = audited[one["box"]]["audit"]
            assert record["pid"] == one["pid"]


def mounts_recorded(log: _socket.socket) -> int:
    """Count the records of forbidden mount(2) that have come since the last time."""
    found = 0
    while select.select([log], [], [], 0.2)[0]:
        record = audit.receive(log)
        found += record is not None and (record.comm, record.number) == ("python3", MOUNT)
    return found


def test_the_kernel_is_asked_for_records_where_they_are_kept_or_by_flag(tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text("audit = false\n" + Path(policy_files.path_of("compute")).read_text())
    cases: list[tuple[int, dict[str, Any]]] = [
        (0, {}),
        (1, {"audit": True}),
        (1, {"log": tmp_path / "log"}),
        (1, {"evidence": tmp_path / "ev"}),
        (0, {"log": tmp_path / "log", "audit": False}),
        (0, {"log": tmp_path / "log", "policy": policy}),
        (1, {"policy": policy, "audit": True}),
    ]
    with contextlib.closing(audit.open_log()) as log:
        for count, words in cases:
            mounts_recorded(log)
            with Sandbox(**words) as box:
                assert box.run(["python3", "-c", FORBIDDEN]).outcome is Outcome.VIOLATION
            assert mounts_recorded(log) == count, words
