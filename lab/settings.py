"""What the lab's machine is made of, and where its parts lie."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GUEST = "/lab"  # where the payload lies in the machine

SUITE = "trixie"
PACKAGES = (
    # the machine
    *("linux-image-cloud-amd64", "kmod", "systemd", "systemd-sysv", "libpam-systemd", "dbus"),
    *("dbus-user-session", "iproute2", "iputils-ping", "procps", "strace", "less", "sudo"),
    # the tests
    *("python3", "python3-pytest", "python3-hypothesis", "python3-pyelftools"),
    *("python3-installer", "python3-pip", "python3-venv", "python3-setuptools", "python3-wheel"),
    # what the product and its tests use
    *("gcc", "libc6-dev", "binutils", "make", "libseccomp2", "busybox-static", "uidmap", "passwd"),
    *("util-linux", "file", "criu", "python3-pycriu", "e2fsprogs", "erofs-utils", "gdb", "locales"),
    *("git", "podman"),  # with systemd podman has a runtime make scopes
)
DISK_MIB = 4096  # sparse: what is free costs nothing
MEMORY_MIB = 2048
PROCESSORS = 2

BOOT_S = 180.0  # until the guest's first word; on a busy machine systemd needs a minute
QUIET_S = 480.0  # no word for so long: the machine hangs; races take long in one thread
RUN_S = 3 * 3600.0  # one machine, from start to end, on a host that is busy with other things


def cache() -> Path:
    """Return where images are kept, for all checkouts of this user."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "wardian-lab"


def results() -> Path:
    """Return where the last run's logs and JUnit files are."""
    return ROOT / "build" / "lab"


class LabError(Exception):
    """The lab itself failed: one line, what to do in `hint`."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class UnavailableError(LabError):
    """This host can't have the lab: nothing is wrong with the project."""
