"""The OCI runtime under test, by its command line, and bundles for it.

WARDIAN_OCI_RUNTIME names another runtime than ours: a test that fails with wardian-oci can be tried
with one that is known.
"""

import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.habits.project import ROOT
from tests.machine import missing

Done = subprocess.CompletedProcess[str]
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# what docker and podman leave to root in a container
CAPABILITIES = (
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_MKNOD",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_RAW",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
)
GROUP = f"oci-test-{os.getpid()}"
_numbers = itertools.count(1)


def runtime_program() -> Path:
    """Return the runtime under test; skips where there is none."""
    named = os.environ.get("WARDIAN_OCI_RUNTIME")
    candidates = [Path(named)] if named else own_programs()
    for path in candidates:
        if os.access(path, os.X_OK):
            return path.absolute()
    return missing(f"{candidates[0]}, the OCI runtime")


def own_programs() -> list[Path]:
    """Where wardian-oci may be, best first: beside the interpreter, on PATH, in the checkout."""
    found = shutil.which("wardian-oci")
    installed = [Path(sys.executable).parent / "wardian-oci", *([Path(found)] if found else [])]
    there = [path for path in installed if path.exists()]
    return [*there, ROOT / "bin" / "wardian-oci"]


def is_ours() -> bool:
    """Whether the runtime under test is wardian-oci."""
    return runtime_program().name.startswith("wardian")


def configuration(*args: str) -> dict[str, Any]:
    """A config.json as engines write them, for a program in a busybox root."""
    sets = {kind: list(CAPABILITIES) for kind in ("bounding", "effective", "permitted")}
    nosuid = ["nosuid", "noexec", "nodev"]
    return {
        "ociVersion": "1.0.2",
        "process": {
            "user": {"uid": 0, "gid": 0},
            "args": list(args) or ["true"],
            "env": [PATH],
            "cwd": "/",
            "capabilities": sets,
            "noNewPrivileges": True,
        },
        "root": {"path": "rootfs"},
        "hostname": "boxed",
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
                "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"],
            },
            {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": nosuid},
            {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": nosuid},
            {
                "destination": "/sys",
                "type": "sysfs",
                "source": "sysfs",
                "options": [*nosuid, "ro"],
            },
        ],
        "linux": {
            "namespaces": [
                {"type": kind} for kind in ("pid", "network", "ipc", "uts", "mount", "cgroup")
            ],
            "maskedPaths": ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"],
            "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys"],
            "resources": {"devices": [{"allow": True, "access": "rwm"}]},
        },
    }


class Bundle:
    """A directory with a config.json and a root file system.

    Attributes:
        path: the directory.
        rootfs: its root file system.
        config: what config.json says; written at each use.
    """

    def __init__(self, path: Path, rootfs: Path, config: dict[str, Any]) -> None:
        self.path, self.config = path, config
        self.rootfs = path / "rootfs"
        path.mkdir(parents=True, exist_ok=True)
        if not self.rootfs.exists():
            rootfs.rename(self.rootfs)

    @property
    def mounts(self) -> list[dict[str, Any]]:
        """The list of mounts."""
        mounts: list[dict[str, Any]] = self.config["mounts"]
        return mounts

    def remove_mount(self, destination: str) -> None:
        """Drop the mounts at and below a destination."""
        self.config["mounts"] = [
            mount
            for mount in self.mounts
            if not f"{mount['destination']}/".startswith(f"{destination}/")
        ]

    def bind(self, source: Path, destination: str, *options: str) -> None:
        """Add a bind mount."""
        words = ["rbind", *options]
        self.mounts.append(
            {"destination": destination, "type": "bind", "source": str(source), "options": words}
        )

    def save(self) -> str:
        """Write config.json; returns the bundle's path."""
        (self.path / "config.json").write_text(json.dumps(self.config), encoding="utf-8")
        return str(self.path)


class Runtime:
    """An OCI runtime with a state directory of its own.

    Attributes:
        program: its path.
        state: its --root.
        ids: the containers that were made.
    """

    def __init__(self, program: Path, state: Path) -> None:
        self.program, self.state = program, state
        self.ids: list[str] = []

    def argv(self, *args: str) -> list[str]:
        """The command line of a call."""
        return [str(self.program), "--root", str(self.state), *args]

    def __call__(
        self,
        *args: str,
        input: str = "",  # noqa: A002 - subprocess.run's word
        pass_fds: Iterable[int] = (),
        env: dict[str, str] | None = None,
        timeout_s: float = 120,
    ) -> Done:
        """Call the runtime and return what it, or its container, printed."""
        return subprocess.run(
            self.argv(*args),
            input=input,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=timeout_s,
            pass_fds=list(pass_fds),
            env={**os.environ, **(env or {})},
        )

    def new_id(self) -> str:
        """Return an id that nobody has, and remember it."""
        name = f"test-{os.getpid()}-{next(_numbers)}"
        self.ids.append(name)
        return name

    def run(self, bundle: Bundle, *args: str, pass_fds: Iterable[int] = ()) -> Done:
        """Run a bundle to its end."""
        name = self.new_id()
        bundle.config["linux"].setdefault("cgroupsPath", f"/{GROUP}/{name}")
        done = self("run", "--bundle", bundle.save(), *args, name, pass_fds=pass_fds)
        self("delete", "--force", name)
        return done

    def create(self, bundle: Bundle, *args: str) -> str:
        """Create a container, with its stdio on /dev/null; returns its id."""
        name = self.new_id()
        bundle.config["linux"].setdefault("cgroupsPath", f"/{GROUP}/{name}")
        done = self.detached("create", "--bundle", bundle.save(), *args, name)
        assert done.returncode == 0, done.stderr
        return name

    def detached(self, *args: str, pass_fds: Iterable[int] = ()) -> Done:
        """Call the runtime where the container keeps its standard streams, as create does."""
        # not a pipe: it would stay open for as long as the container lives
        with tempfile.TemporaryFile("w+", encoding="utf-8") as errors:
            done = subprocess.run(
                self.argv(*args),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                text=True,
                check=False,
                timeout=60,
                pass_fds=list(pass_fds),
            )
            errors.seek(0)
            return subprocess.CompletedProcess(done.args, done.returncode, "", errors.read())

    def start(self, bundle: Bundle, *args: str) -> str:
        """Create and start a container; returns its id."""
        name = self.create(bundle, *args)
        done = self("start", name)
        assert done.returncode == 0, done.stderr
        return name

    def state_of(self, name: str) -> dict[str, Any]:
        """What `state` prints."""
        done = self("state", name)
        assert done.returncode == 0, done.stderr
        state: dict[str, Any] = json.loads(done.stdout)
        return state


@contextmanager
def runtime(state: Path) -> Iterator[Runtime]:
    """Give the runtime under test; afterwards its containers and their control groups are gone."""
    tested = Runtime(runtime_program(), state)
    try:
        yield tested
    finally:
        for name in tested.ids:
            tested("delete", "--force", name)
        left = [str(path) for path in Path("/sys/fs/cgroup").glob(f"*/{GROUP}/*/")]
        remove_groups(GROUP)
    assert left == []


def remove_groups(name: str) -> list[str]:
    """Remove the control groups of that name, and below; returns those that processes keep."""
    kept = []
    for top in ["/sys/fs/cgroup", *map(str, Path("/sys/fs/cgroup").glob("*/"))]:
        for directory, _names, _files in os.walk(f"{top}/{name}", topdown=False):
            try:
                os.rmdir(directory)
            except OSError:
                kept.append(directory)
    return kept
