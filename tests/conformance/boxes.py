"""Bundles made of Debian's busybox-static, and containers of them, by any OCI command line.

WARDIAN_OCI_RUNTIME names another runtime to test, with its own options: that is how the tests
themselves are tested, with Debian's runc (and crun, where there is no hybrid hierarchy of control
groups). Where such a runtime is known to differ from the specification, the test says so with
`differs`, and must fail there.

Each container has a state directory, a bundle and a control group of its own. No test waits by
sleeping: a container that ends is waited for by its pidfd.
"""

import json
import os
import select
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.machine import missing
from tests.runtimes import own_programs

PATIENCE_S = 30
RUNTIME = shlex.split(os.environ.get("WARDIAN_OCI_RUNTIME") or str(own_programs()[0]))
NAME = Path(RUNTIME[0]).name

PATH = "PATH=/usr/sbin:/usr/bin:/sbin:/bin"
STRICT = ["nosuid", "noexec", "nodev"]
NAMESPACES = ("pid", "network", "ipc", "uts", "mount")
Document = dict[str, Any]


def differs(**known: str) -> pytest.MarkDecorator:
    """Mark a test that a runtime fails, and why: differs(runc="...", ours="...")."""
    reason = known.get("ours" if NAME == "wardian-oci" else NAME)
    return pytest.mark.xfail(bool(reason), reason=f"{NAME}: {reason}", strict=True)


def requires_runtime() -> None:
    """Skip where there is no runtime to test."""
    if not shutil.which(RUNTIME[0]):
        missing(f"the OCI runtime {RUNTIME[0]}")


def configuration(cgroup: str) -> Document:
    """A small document: a shell in namespaces of its own, without a terminal."""
    return {
        "ociVersion": "1.0.2",
        "root": {"path": "rootfs"},
        "process": {
            "user": {"uid": 0, "gid": 0},
            "args": ["true"],
            "env": [PATH],
            "cwd": "/",
        },
        "hostname": "conformance",
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {
                "destination": "/dev",
                "type": "tmpfs",
                "source": "tmpfs",
                "options": ["nosuid", "strictatime", "mode=755", "size=65536k"],
            },
            {
                "destination": "/dev/pts",
                "type": "devpts",
                "source": "devpts",
                "options": [*STRICT[:2], "newinstance", "ptmxmode=0666", "mode=0620"],
            },
            {
                "destination": "/dev/shm",
                "type": "tmpfs",
                "source": "shm",
                "options": [*STRICT, "mode=1777", "size=65536k"],
            },
            {
                "destination": "/sys",
                "type": "sysfs",
                "source": "sysfs",
                "options": [*STRICT, "ro"],
            },
        ],
        "linux": {
            "namespaces": [{"type": each} for each in NAMESPACES],
            "cgroupsPath": cgroup,
        },
    }


class Box:
    """One container: its bundle, which a test edits, and the operations of the specification.

    Attributes:
        config: what config.json will hold.
        bundle: the bundle's directory.
        rootfs: the root of the container.
        name: its id.
        cgroup: its cgroupsPath.
    """

    _count = 0

    def __init__(self, directory: Path, root: Path) -> None:
        Box._count += 1
        self.name = f"c{Box._count}"
        self.cgroup = f"/wardian-{os.getpid()}-{self.name}"
        self.directory = directory
        self.bundle = directory / "bundle"
        self.bundle.mkdir()
        self.rootfs = root.rename(self.bundle / "rootfs")
        self.states = directory / "state"
        self.config = configuration(self.cgroup)
        self.output = directory / "stdout"
        self.errors = directory / "stderr"

    # ---- the parts of the document that tests edit most

    @property
    def process(self) -> Document:
        """The `process` of the document."""
        part: Document = self.config["process"]
        return part

    @property
    def linux(self) -> Document:
        """The `linux` of the document."""
        part: Document = self.config["linux"]
        return part

    def mount(self, destination: str, kind: str, source: str, *options: str, **more: Any) -> None:
        """Add a mount."""
        words = {"destination": destination, "type": kind, "source": source}
        self.config["mounts"].append({**words, "options": list(options), **more})

    def shell(self, script: str) -> None:
        """Make a shell script the program."""
        self.process["args"] = ["/bin/sh", "-c", script]

    def namespaces(self, *kinds: str, **paths: str) -> None:
        """Set the namespaces: new ones, and by path."""
        joined = [{"type": kind, "path": path} for kind, path in paths.items()]
        self.linux["namespaces"] = [*({"type": each} for each in kinds), *joined]

    def maps(self, *lines: tuple[int, int, int]) -> None:
        """Add a user namespace with these lines (inside, outside, size)."""
        self.linux["namespaces"].append({"type": "user"})
        for key in ("uidMappings", "gidMappings"):
            self.linux[key] = [
                {"containerID": inside, "hostID": outside, "size": size}
                for inside, outside, size in lines
            ]

    def write(self) -> None:
        """Write config.json."""
        (self.bundle / "config.json").write_text(json.dumps(self.config), encoding="utf-8")

    # ---- operations

    def command(self, *words: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run the runtime with any words; its output comes back."""
        given: dict[str, Any] = {"capture_output": True, "stdin": subprocess.DEVNULL, **options}
        return subprocess.run(
            [*RUNTIME, "--root", str(self.states), *words],
            text=True,
            check=False,
            timeout=PATIENCE_S,
            **given,
        )

    def run(self, script: str = "", *options: str) -> subprocess.CompletedProcess[str]:
        """Create, start, wait for and delete a container."""
        if script:
            self.shell(script)
        self.write()
        return self.command("run", *options, "--bundle", str(self.bundle), self.name)

    def says(self, script: str) -> str:
        """Run a script that must succeed; returns what it writes."""
        done = self.run(script)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def create(self, *options: str, script: str = "") -> subprocess.CompletedProcess[str]:
        """Create; the container's own output goes to a file."""
        if script:
            self.shell(script)
        self.write()
        words = ("create", *options, "--bundle", str(self.bundle), self.name)
        with self.output.open("a") as output, self.errors.open("a+") as errors:
            start = errors.tell()
            done = self.command(*words, capture_output=False, stdout=output, stderr=errors)
            errors.seek(start)
            done.stderr = errors.read()
        return done

    def created(self, script: str = "", *options: str) -> int:
        """Create, which must succeed; returns the pid."""
        done = self.create(*options, script=script)
        assert done.returncode == 0, done.stderr
        return int(self.state()["pid"])

    def start(self) -> subprocess.CompletedProcess[str]:
        """Start."""
        return self.command("start", self.name)

    def started(self, script: str = "") -> int:
        """Create and start, which must succeed; returns the pid."""
        pid = self.created(script)
        done = self.start()
        assert done.returncode == 0, done.stderr
        return pid

    def state(self) -> Document:
        """Query the state, which must succeed."""
        done = self.command("state", self.name)
        assert done.returncode == 0, done.stderr
        state: Document = json.loads(done.stdout)
        return state

    def kill(self, *signal: str) -> subprocess.CompletedProcess[str]:
        """Kill."""
        return self.command("kill", self.name, *signal)

    def delete(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Delete."""
        return self.command("delete", *options, self.name)

    def ended(self, pid: int) -> None:
        """Wait until the process has ended."""
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            return
        ready, _, _ = select.select([descriptor], [], [], PATIENCE_S)
        os.close(descriptor)
        assert ready, f"process {pid} goes on"

    def stopped(self, script: str = "true") -> None:
        """Create, start and let end."""
        self.ended(self.started(script))

    def is_known(self) -> bool:
        """Say whether the runtime knows the container."""
        return self.command("state", self.name).returncode == 0

    def cgroups(self) -> list[str]:
        """The control groups of the container that are there."""
        tops = [Path("/sys/fs/cgroup"), *Path("/sys/fs/cgroup").iterdir()]
        return [str(top) + self.cgroup for top in tops if Path(str(top) + self.cgroup).is_dir()]

    def leftovers(self) -> list[str]:
        """What of a container is still there."""
        mounts = Path("/proc/self/mountinfo").read_text(encoding="utf-8")
        found = [line for line in mounts.splitlines() if f" {self.directory}/" in line]
        known = [self.name] if (self.states / self.name).exists() else []
        return [*found, *known, *self.cgroups()]

    def refused(self, *words: str) -> str:
        """Create, which must fail and leave nothing; returns the error."""
        done = self.create()
        assert done.returncode != 0, "create succeeded"
        assert not self.is_known()
        assert self.leftovers() == []
        for word in words:
            assert word in done.stderr
        return done.stderr
