"""What a test needs of the machine, and what must not be left on it.

A test that can't run says in one line what is missing. With WARDIAN_MUST_WORK=1 (continuous
integration) that is a failure: there the machine has, or gets, everything.
"""

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

PATIENCE_S = 5.0


def missing(what: str) -> NoReturn:
    """Skip the test, or fail where everything must work."""
    text = f"missing: {what}"
    if os.environ.get("WARDIAN_MUST_WORK") == "1":
        pytest.fail(text, pytrace=False)
    pytest.skip(text)


def _can_make_user_namespace() -> bool:
    return (
        subprocess.run(["unshare", "-U", "true"], capture_output=True, check=False).returncode == 0
    )


def _has_libseccomp() -> bool:
    import ctypes.util

    return ctypes.util.find_library("seccomp") is not None


def find_criu() -> str:
    """Return the directory of a CRIU that runs on this kernel; "" where there is none."""
    built = Path(__file__).parents[1] / "build" / "criu" / "bin" / "criu"
    for program in (str(built), shutil.which("criu")):
        if program and os.path.exists(program):
            done = subprocess.run([program, "check"], capture_output=True, check=False)
            if done.returncode == 0:
                return os.path.dirname(program)
    return ""


# What `requires` can be asked for: a test of the machine, and where the thing comes from.
_NEEDS: dict[str, tuple[Callable[[], bool], str]] = {
    "root": (lambda: os.geteuid() == 0, "root"),
    "user namespaces": (_can_make_user_namespace, "user namespaces (wardian doctor says why)"),
    "busybox": (lambda: shutil.which("busybox") is not None, "Debian's busybox-static"),
    "newuidmap": (lambda: shutil.which("newuidmap") is not None, "Debian's uidmap"),
    "useradd": (lambda: shutil.which("useradd") is not None, "useradd, from Debian's passwd"),
    "libseccomp": (_has_libseccomp, "Debian's libseccomp2"),
    "docker-registry": (
        lambda: shutil.which("docker-registry") is not None,
        "Debian's docker-registry",
    ),
    "skopeo": (lambda: shutil.which("skopeo") is not None, "Debian's skopeo"),
    "umoci": (lambda: shutil.which("umoci") is not None, "Debian's umoci"),
    "openssl": (lambda: shutil.which("openssl") is not None, "Debian's openssl"),
    "ssh-agent": (lambda: shutil.which("ssh-agent") is not None, "Debian's openssh-client"),
    "git": (lambda: shutil.which("git") is not None, "Debian's git"),
    "htpasswd": (lambda: shutil.which("htpasswd") is not None, "Debian's apache2-utils"),
    "catatonit": (lambda: shutil.which("catatonit") is not None, "Debian's catatonit"),
    "podman": (lambda: shutil.which("podman") is not None, "Debian's podman"),
    "docker": (lambda: shutil.which("dockerd") is not None, "dockerd, from Debian's docker"),
    "containerd": (lambda: shutil.which("ctr") is not None, "Debian's containerd"),
    "buildah": (lambda: shutil.which("buildah") is not None, "Debian's buildah"),
    "mkfs.ext4": (lambda: shutil.which("mkfs.ext4") is not None, "Debian's e2fsprogs"),
    "mkfs.btrfs": (lambda: shutil.which("mkfs.btrfs") is not None, "Debian's btrfs-progs"),
    "mkfs.xfs": (lambda: shutil.which("mkfs.xfs") is not None, "Debian's xfsprogs"),
    "bash": (lambda: shutil.which("bash") is not None, "bash"),
    "taskset": (lambda: shutil.which("taskset") is not None, "taskset, from util-linux"),
    "tinyproxy": (lambda: shutil.which("tinyproxy") is not None, "Debian's tinyproxy"),
    "curl": (lambda: shutil.which("curl") is not None, "Debian's curl"),
    "criu": (lambda: bool(find_criu()), "a CRIU that runs here (tools/install-criu)"),
    "gdb": (lambda: shutil.which("gdb") is not None, "Debian's gdb"),
    "apt": (lambda: shutil.which("apt-get") is not None, "apt, on Debian"),
    "compiler": (lambda: shutil.which("cc") is not None, "cc, from Debian's gcc"),
}


# What is limited in seconds takes so many times as long where the processors are emulated.
SLOWNESS = 10 if os.environ.get("WARDIAN_LAB") else 1
LONG = {"cpu": 10 * SLOWNESS, "wall": 20 * SLOWNESS}


def requires(*needs: str) -> None:
    """Go on only where the machine has all of these (names in _NEEDS)."""
    for need in needs:
        there, words = _NEEDS[need]
        if not there():
            missing(words)


def about(kind: str) -> None:
    """Go on only on a machine of this kind: "cgroup v1" (hybrid too) or "cgroup v2" (alone).

    Another kind of machine lacks nothing, so that this is a skip everywhere: the development
    machine has the one kind, the lab (docs/guides/lab.md) has the other.
    """
    from wardian.kernel import cgroups

    mode = cgroups.detect().mode
    here = "cgroup v2" if mode == "v2" else "cgroup v1"
    if kind != here:
        pytest.skip(f"about {kind}, and this machine has {mode}")


def about_file_system(kind: str) -> None:
    """Go on unless this is a machine of the lab whose small kernel has not this file system."""
    there = Path("/proc/filesystems").read_text(encoding="ascii").split()
    if os.environ.get("WARDIAN_LAB") and kind not in there:
        pytest.skip(f"about {kind}, which the lab's kernel has not loaded")


def _stat(pid: str) -> tuple[str, str]:
    """Return a process's parent and its command's name."""
    text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    name, _, rest = text.partition("(")[2].rpartition(")")
    return rest.split()[1], name


def _orphans() -> set[str]:
    """Launchers, and first processes of a process namespace, whose parent has died."""
    here = os.readlink("/proc/self/ns/pid")
    found = set()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            parent, name = _stat(pid)
            ours = os.readlink(f"/proc/{pid}/exe").startswith("/memfd:wardian")
            boxed = os.readlink(f"/proc/{pid}/ns/pid") != here and _is_in_our_mounts(pid)
        except OSError:
            continue
        if parent in ("0", "1") and (ours or boxed):
            found.add(f"process {pid} ({name})")
    return found


def _is_in_our_mounts(pid: str) -> bool:
    """Tell a box of ours from another engine's container: ours have a file system of that name."""
    return "wardian" in Path(f"/proc/{pid}/mountinfo").read_text(encoding="utf-8")


def _mounts() -> set[str]:
    lines = Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines()
    return {f"mount {line.split()[4]}" for line in lines if "wardian" in line}


def _is_alive(pid: str) -> bool:
    return os.path.exists(f"/proc/{pid}")


def _groups() -> set[str]:
    """Control groups whose owner (their name's first number) has died, or is this process."""
    found = set()
    for directory, names, _files in os.walk("/sys/fs/cgroup"):
        for name in names:
            ours, _dash, rest = name.partition("wardian-")
            owner = rest.partition("-")[0]
            if ours or not owner.isdigit():
                continue
            if owner == str(os.getpid()) or not _is_alive(owner):
                found.add(f"control group {directory}/{name}")
    return found


def leftovers() -> set[str]:
    """What boxes have left on this machine, in words."""
    return _orphans() | _mounts() | _groups()


def until(true: Callable[[], object], patience_s: float = PATIENCE_S) -> bool:
    """Wait until something is true; returns whether it is."""
    end = time.monotonic() + patience_s
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def settled(before: set[str]) -> set[str]:
    """What is new since `before`, once the processes that are ending have ended."""
    until(lambda: not leftovers() - before)
    return leftovers() - before
