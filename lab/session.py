"""A run of tests in the lab: which machines, one after the other, and what they say."""

import fcntl
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from lab import image, outside, payload, report, selection, settings
from lab.machine import Machine, program
from lab.settings import LabError

PYTEST = ("-ra", "--durations=8", "-o", "faulthandler_timeout=420")


class Session:
    """One run: its tests, and its directory of results.

    Attributes:
        tests: arguments for pytest that name tests; none for all.
        wanted: a marker expression.
        hosts: how many machines the user asked for.
    """

    def __init__(self, tests: Sequence[str], wanted: str, hosts: int) -> None:
        self.tests = list(tests)
        self.wanted = wanted
        self.hosts = hosts
        self.files: dict[str, list[str]] = {}
        self.packed = b""
        self.plans = ""

    def run(self) -> int:
        """Run the tests; returns the exit code."""
        program()
        self.files = selection.collect(self.tests, self.wanted)
        machines = [name for name, files in self.files.items() if files]
        if self.hosts < 2 and "hosts" in machines:
            machines.remove("hosts")
            number = len(self.files["hosts"])
            print(f"lab: {number} tests need two machines: make lab HOSTS=2", flush=True)
        if not machines:
            raise LabError("no test of the lab has been selected")
        disk = image.ready()
        self.packed = payload.pack(payload.checkout())
        self.plans = outside.plans()
        with _directory() as top:
            outcomes = [self._machine(name, top, disk) for name in machines]
            report.merge(top / "junit.xml", {name: top / name / "results" for name in machines})
            print()
            for outcome in outcomes:
                print(f"lab: {outcome.line}")
            summary = "; ".join(outcome.line for outcome in outcomes)
            (top / "summary").write_text(summary + "\n", encoding="utf-8")
            print(f"lab: JUnit and logs: {top.relative_to(settings.ROOT)}", flush=True)
        return max(outcome.exit_code for outcome in outcomes)

    def _machine(self, name: str, top: Path, disk: Path) -> report.Outcome:
        began = time.monotonic()
        words = {"direct": "the tiny init", "systemd": "systemd", "hosts": "the tiny init, twice"}
        print(f"\nlab: {name}: starting a machine with {words[name]}", flush=True)
        init = "systemd" if name == "systemd" else "direct"
        job = self._job(name, init)
        with ExitStack() as stack:
            directory = top / name
            directory.mkdir()
            network = None
            if name == "hosts":
                sockets = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="lab-net-")))
                network = (sockets / "host1", sockets / "host2")
                (top / "host2").mkdir()
                second = Machine("host2", top / "host2", background=True)
                stack.callback(second.close)
                served = {**job, "kind": "serve", "host": 2}
                payload.write(second.payload, self.packed, served)
                second.start(disk, init=init, network=(network[1], network[0]))
            machine = Machine(name, directory)
            stack.callback(machine.close)
            payload.write(machine.payload, self.packed, job)
            machine.start(disk, init=init, network=network)
            with (directory / "pytest.log").open("wb") as log:
                machine.follow(lambda data: _show(data, log))
            return report.read(name, machine.results(), time.monotonic() - began)

    def _job(self, name: str, init: str) -> dict[str, Any]:
        expression = selection.expression(name, self.wanted)
        # Collecting takes long in there: only the files that hold something.
        tests = self.tests or sorted(set(self.files[name]))
        color = "--color=yes" if sys.stdout.isatty() else "--color=no"
        return {
            "kind": "tests",
            "init": init,
            "host": 1,
            "hosts": 2 if name == "hosts" else 1,
            "pytest": [*PYTEST, color, "-m", expression, *tests],
            # What is missing in the lab is a fault of the lab.
            "environment": {"WARDIAN_MUST_WORK": "1", outside.VARIABLE: self.plans},
        }


def shell(*, init: str) -> int:
    """Give a person a machine; returns when it is off."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise LabError("a shell in the lab needs a terminal")
    program()
    size = os.get_terminal_size()
    job = {
        "kind": "shell",
        "init": init,
        "host": 1,
        "hosts": 1,
        "stty": ["rows", str(size.lines), "columns", str(size.columns)],
        "term": os.environ.get("TERM", "vt100"),
        "prompt": r"lab \w\$ ",
    }
    disk = image.ready()
    packed = payload.pack(payload.checkout())
    print("lab: starting; `exit` turns the machine off, Ctrl-A X ends it at once", flush=True)
    with tempfile.TemporaryDirectory(prefix="wardian-lab-shell-") as top:
        machine = Machine("shell", Path(top), interactive=True)
        try:
            payload.write(machine.payload, packed, job)
            machine.start(disk, init=init)
            machine.wait()
        finally:
            machine.close()
    return 0


@contextmanager
def _directory() -> Iterator[Path]:
    """An empty directory for results; runs in one checkout come one after the other."""
    top = settings.results()
    top.mkdir(parents=True, exist_ok=True)
    with top.with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("lab: waiting for another run of this checkout", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        _empty(top)
        yield top


def _empty(directory: Path) -> None:
    for path in directory.iterdir():
        if path.is_dir() and not path.is_symlink():
            _empty(path)
            path.rmdir()
        else:
            path.unlink()


def _show(data: bytes, log: Any) -> None:
    log.write(data)
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
