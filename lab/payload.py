"""What goes into the machine besides its image: checkout, wheel and job, as one tar."""

import io
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from lab import settings
from lab.settings import LabError

SECTOR = 512


def checkout() -> list[str]:
    """Return the files that git tracks or would track, as names below the repository's root."""
    ask = ["git", "-C", str(settings.ROOT), "ls-files", "-z"]
    done = subprocess.run(
        [*ask, "--cached", "--others", "--exclude-standard"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise LabError("the lab copies what git knows, and git says: " + done.stderr.strip())
    names = sorted({name for name in done.stdout.split("\0") if name})
    return [name for name in names if (settings.ROOT / name).is_file()]


def build_wheel(names: list[str], target: Path) -> Path:
    """Build the project's wheel from a copy of the files, so that nothing appears beside them."""
    with tempfile.TemporaryDirectory(prefix="wardian-lab-") as top:
        for name in names:
            copy = Path(top, name)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes((settings.ROOT / name).read_bytes())
            copy.chmod((settings.ROOT / name).stat().st_mode & 0o755)
        pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--no-deps"]
        done = subprocess.run(
            [*pip, "--no-build-isolation", "--no-index", "--wheel-dir", str(target), top],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        sys.stderr.write(done.stdout + done.stderr)
        raise LabError("the wheel can't be built", hint="make setup, then look above")
    (wheel,) = target.glob("wardian-*.whl")
    return wheel


def pack(names: list[str]) -> bytes:
    """Return a tar of the checkout and its wheel, as they are now."""
    with tempfile.TemporaryDirectory(prefix="wardian-wheel-") as place:
        wheel = build_wheel(names, Path(place))
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as tar:
            for name in names:
                tar.add(settings.ROOT / name, f"repository/{name}", filter=_owned_by_root)
            tar.add(wheel, f"wheel/{wheel.name}", filter=_owned_by_root)
    return packed.getvalue()


def write(disk: Path, packed: bytes, job: dict[str, Any]) -> None:
    """Write the disk that guest/boot.sh unpacks: the tar with a job, padded to whole sectors."""
    disk.write_bytes(packed)
    with tarfile.open(disk, "a") as tar:
        document = json.dumps(job).encode()
        entry = tarfile.TarInfo("job.json")
        entry.size = len(document)
        tar.addfile(entry, io.BytesIO(document))
    size = disk.stat().st_size
    with disk.open("r+b") as file:
        file.truncate(size + -size % SECTOR)


def _owned_by_root(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = 0
    entry.uname = entry.gname = "root"
    entry.mode &= 0o755
    return entry
