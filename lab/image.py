"""The machine's image: Debian by mmdebstrap, made once and kept under the hash of its recipe."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lab import settings
from lab.settings import LabError, UnavailableError

HOOK = Path(__file__).resolve().parent / "make-image"
PARTS = ("disk", "vmlinuz", "busybox", "virtio_blk.ko", "packages.txt")
LEAVE_OUT = ("/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*", "/usr/lib/udev/hwdb*")


def key() -> str:
    """Return the hash of all that the image is made of."""
    recipe = repr((settings.SUITE, settings.PACKAGES, settings.DISK_MIB, LEAVE_OUT))
    return hashlib.sha256(recipe.encode() + HOOK.read_bytes()).hexdigest()[:16]


def ready() -> Path:
    """Return the directory with the image; it is made where it is not there yet."""
    place = settings.cache() / key()
    if not place.is_dir():
        with _alone():
            if not place.is_dir():
                _make(place)
    os.utime(place)
    return place


@contextmanager
def _alone() -> Iterator[None]:
    """One process makes an image, the others wait for it."""
    settings.cache().mkdir(parents=True, exist_ok=True)
    with (settings.cache() / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("lab: another run is making the image: waiting for it", file=sys.stderr)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _make(place: Path) -> None:
    _remove_dead(place)
    began = time.monotonic()
    print(
        f"lab: making the image (Debian {settings.SUITE}, {len(settings.PACKAGES)} packages and "
        "what they need); this takes a few minutes, once",
        file=sys.stderr,
        flush=True,
    )
    work = Path(tempfile.mkdtemp(prefix=f"{key()}.new-", dir=settings.cache()))
    try:
        _bootstrap(work)
        missing = [name for name in PARTS if not (work / name).exists()]
        if missing:
            raise LabError(f"the image has no {', '.join(missing)}")
        work.chmod(0o755)
        work.rename(place)
    finally:
        _discard(work)
    print(f"lab: the image is ready after {time.monotonic() - began:.0f} s", file=sys.stderr)


def _bootstrap(work: Path) -> None:
    if shutil.which("mmdebstrap") is None:
        raise UnavailableError("mmdebstrap is missing", hint="tools/install-lab-packages, as root")
    command = [
        *("mmdebstrap", "--variant=minbase", "--format=null"),
        f"--include={','.join(settings.PACKAGES)}",
        *(f"--dpkgopt=path-exclude={pattern}" for pattern in LEAVE_OUT),
        "--dpkgopt=force-unsafe-io",
        '--aptopt=Acquire::Languages "none"',
        f'--customize-hook={HOOK} "$1"',
        *(settings.SUITE, "-", mirror()),
    ]
    own = {
        "LAB_IMAGE": str(work),
        "LAB_DISK_MIB": str(settings.DISK_MIB),
        "INITRD": "No",  # /etc/kernel/postinst.d: nobody boots by it
    }
    log = settings.cache() / f"{key()}.log"
    with log.open("wb") as output:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env={**os.environ, **own},
            check=False,
        )
    if done.returncode:
        last = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-15:]
        sys.stderr.write("".join(f"    {line}\n" for line in last))
        raise UnavailableError(
            f"mmdebstrap failed with {done.returncode}", hint=f"all it said: {log}"
        )


def mirror() -> str:
    """Return the Debian mirror that this machine's apt is configured for."""
    ask = ["apt-get", "indextargets", "--format", "$(ORIGIN)|$(COMPONENT)|$(SUITE)|$(REPO_URI)"]
    try:
        done = subprocess.run(ask, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise UnavailableError(f"apt-get does not say where Debian is: {error}") from error
    for line in done.stdout.splitlines():
        origin, component, suite, uri = line.split("|", 3)
        extra = suite.endswith(("-updates", "-security", "-backports")) or "security" in uri
        if origin in ("Debian", "") and component == "main" and not extra:
            return uri
    raise UnavailableError(
        "no Debian mirror is configured for apt on this machine",
        hint="apt-get update, with a line for Debian's main archive in /etc/apt",
    )


def _remove_dead(place: Path) -> None:
    """Remove what a killed run left of an image; the caller has the lock."""
    for left in place.parent.glob("*.new-*"):
        _discard(left)


def _discard(work: Path) -> None:
    if work.exists():
        for path in work.iterdir():
            path.rmdir() if path.is_dir() else path.unlink()
        work.rmdir()
