"""The other container programs, each on the same root file system, where they are installed.

They are measured as people call them, except that what they do beyond the task is turned off where
they have a switch for it. In favour of the peers: runc and crun mount no overlay (their root is the
directory itself, read-only) and the plain rows load no seccomp filter.

crun 1.8 refuses machines with cgroup v1 controllers and an empty cgroup2 mount beside them; so it,
and podman which calls it, run in a mount namespace in which that one mount is gone.
"""

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

from subjects import SOURCE, TRUE, Bench, Subject, Worker, command, life_of, oci_command

UNIFIED = "/sys/fs/cgroup/unified"
PODMAN_CONFIGURATION = """\
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
"""
NOT_INSTALLED = "not installed"
CAPABILITIES = (
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "NET_RAW",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
)


def versions() -> dict[str, str]:
    """Return what each installed peer says of its version."""
    found = {}
    for name in ("runc", "crun", "bwrap", "podman", "docker"):
        if shutil.which(name):
            done = subprocess.run([name, "--version"], capture_output=True, text=True, check=False)
            found[name] = done.stdout.split("\n")[0].strip()
    return found


def seccomp_document() -> dict[str, Any] | None:
    """Return wardian's default profile as the OCI runtime specification has it."""
    sys.path.insert(0, str(SOURCE))
    try:
        from wardian.engine import profiles
        from wardian.kernel import capabilities, seccomp

        profile = json.loads((SOURCE / "wardian/engine/seccomp_default.json").read_text())
        caps = capabilities.mask(profiles.DEFAULT_CAPABILITIES)
        major, minor = os.uname().release.split("-")[0].split(".")[:2]
        document: dict[str, Any] = seccomp.resolve(
            profile, caps=caps, arch=os.uname().machine, kernel=(int(major), int(minor))
        )
    except (ImportError, AttributeError, OSError, TypeError):
        return None
    return document


def make_bundle(bench: Bench, name: str, seccomp: dict[str, Any] | None = None) -> Path:
    """Write the config.json of a box as near to wardian's as runc and crun can have it."""
    bundle = bench.directory / f"bundle-{name}"
    bundle.mkdir()
    (bundle / "config.json").write_text(json.dumps(configuration(bench.root, seccomp)))
    return bundle


def configuration(root: Path, seccomp: dict[str, Any] | None) -> dict[str, Any]:
    """Return an OCI runtime configuration for /bin/true on `root`."""
    caps = [f"CAP_{name}" for name in CAPABILITIES]
    safe = ["nosuid", "noexec", "nodev"]
    linux: dict[str, Any] = {
        "namespaces": [{"type": t} for t in ("pid", "network", "ipc", "uts", "mount", "cgroup")],
        "maskedPaths": ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"],
        "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
    }
    if seccomp:
        linux["seccomp"] = seccomp
    return {
        "ociVersion": "1.0.2",
        "process": {
            "terminal": False,
            "user": {"uid": 0, "gid": 0},
            "args": TRUE,
            "env": ["PATH=/bin"],
            "cwd": "/",
            "capabilities": dict.fromkeys(("bounding", "effective", "permitted"), caps),
            "noNewPrivileges": True,
        },
        "root": {"path": str(root), "readonly": True},
        "hostname": "bench",
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {
                "destination": "/dev",
                "type": "tmpfs",
                "source": "tmpfs",
                "options": ["nosuid", "mode=755"],
            },
            {
                "destination": "/dev/pts",
                "type": "devpts",
                "source": "devpts",
                "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"],
            },
            {
                "destination": "/dev/shm",
                "type": "tmpfs",
                "source": "shm",
                "options": [*safe, "mode=1777"],
            },
            {"destination": "/dev/mqueue", "type": "mqueue", "source": "mqueue", "options": safe},
            {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": [*safe, "ro"]},
        ],
        "linux": linux,
    }


def private_prefix() -> list[str]:
    """Return the words that start a worker without the empty cgroup2 mount of a hybrid machine."""
    if os.geteuid() != 0 or not os.path.ismount(UNIFIED):
        return []
    return ["unshare", "-m", "sh", "-c", f'umount {UNIFIED}; exec "$@"', "sh"]


def peer_subjects(bench: Bench) -> list[Subject]:
    """Return a subject for each peer, missing or not."""
    natural = bench.worker()
    private = bench.worker(private_prefix())
    plain = str(make_bundle(bench, "plain"))
    document = seccomp_document()
    filtered = str(make_bundle(bench, "filtered", document)) if document else ""
    state = str(bench.directory / "state")

    def oci(name: str, bundle: str, *options: str) -> list[str]:
        where = f"{state}-{Path(name).name}"
        return [name, "--root", where, *options, "run", "--bundle", bundle, "bench-{n}"]

    ours = oci_command()
    subjects = [
        Subject("oci", "wardian-oci run", 5, command(natural, oci(ours, plain))),
    ]
    for key, name in (("oci_life", ours), ("runc_life", "runc")):
        title = f"{Path(name).name} create + start + delete"
        words = [name, "--root", f"{state}-{Path(name).name}-life"]
        found = life_of(words, plain) if shutil.which(name) else NOT_INSTALLED
        subjects.append(Subject(key, title, 3, found))
    for name, worker in (("crun", private), ("runc", natural)):
        if not shutil.which(name):
            subjects.append(Subject(name, f"{name} run", 1, NOT_INSTALLED))
            continue
        subjects.append(Subject(name, f"{name} run", 5, command(worker, oci(name, plain))))
        if filtered:
            title = f"{name} run, with wardian's seccomp profile"
            row = Subject(f"{name}_seccomp", title, 3, command(worker, oci(name, filtered)))
            subjects.append(row)
    if shutil.which("crun"):
        argv = oci("crun", plain, "--cgroup-manager=disabled")
        subjects.append(
            Subject("crun_nocgroup", "crun run, without cgroup", 5, command(private, argv))
        )
    subjects.append(bubblewrap(bench, natural))
    subjects.append(podman(bench, private))
    subjects.append(docker(bench, natural))
    return subjects


def bubblewrap(bench: Bench, worker: Worker) -> Subject:
    """Return bwrap with all namespaces on the root, read-only."""
    title = "bwrap --unshare-all"
    if not shutil.which("bwrap"):
        return Subject("bwrap", title, 1, NOT_INSTALLED)
    places = ["--ro-bind", str(bench.root), "/", "--proc", "/proc", "--dev", "/dev"]
    return Subject("bwrap", title, 5, command(worker, ["bwrap", "--unshare-all", *places, *TRUE]))


def podman(bench: Bench, worker: Worker) -> Subject:
    """Return podman on the root with an overlay, all its files in the bench's directory."""
    title = "podman run --network none"
    if not shutil.which("podman"):
        return Subject("podman", title, 1, NOT_INSTALLED)
    settings = bench.directory / "containers.conf"
    settings.write_text(PODMAN_CONFIGURATION)
    argv = [
        "podman",
        f"--root={bench.directory}/podman",
        f"--runroot={bench.directory}/podman-run",
        "--cgroup-manager=cgroupfs",
        "--events-backend=file",
        "run",
        "--rm",
        "--network=none",
        "--rootfs",
        f"{bench.root}:O",
        *TRUE,
    ]
    return Subject("podman", title, 2, command(worker, argv, {"CONTAINERS_CONF": str(settings)}))


def docker(bench: Bench, worker: Worker) -> Subject:
    """Return docker, where its daemon runs, on an image of the root."""
    title = "docker run --network none"
    program = shutil.which("docker")
    if not program:
        return Subject("docker", title, 1, NOT_INSTALLED)
    info = subprocess.run([program, "info"], capture_output=True, check=False, timeout=20)
    if info.returncode != 0:
        return Subject("docker", title, 1, "its daemon is not running")
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        tar.add(bench.root, arcname=".")
    image = "wardian-bench:idle"
    made = subprocess.run(
        [program, "import", "-", image], input=archive.getvalue(), capture_output=True, check=False
    )
    if made.returncode != 0:
        return Subject("docker", title, 1, "docker import failed")
    argv = [program, "run", "--rm", "--network=none", image, *TRUE]
    return Subject("docker", title, 1, command(worker, argv))
