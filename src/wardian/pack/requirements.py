"""Make a Python environment of hashed requirements, at one place in each image: --requirements.

pip is the tool that installs. --require-hashes has it refuse what is not what was locked, and
--only-binary what it would have to build, which gives other bytes on another machine. The venv is
made in a directory of its own and names, when it is done, only the place that it will have: in the
scripts' first lines, and in the hashes of these in RECORD files.

Source: PEP 405, PEP 376; pip, "Secure installs".
"""

import base64
import hashlib
import json
import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from wardian import errors
from wardian.pack import environment

if TYPE_CHECKING:
    from wardian.pack.contents import Contents

PLACE = "/opt/venv"  # where the environment is in the image
_PIP_TIMEOUT_S = 3600
_HASH = re.compile(r"--hash[= ]sha256:([0-9a-f]{64})")


def add(
    contents: "Contents", path: str, work: str, python: str = ""
) -> "tuple[list[str], list[dict[str, str]]]":
    """Install hashed requirements into a venv of the image's own, at /opt/venv.

    Args:
        contents: what the image holds so far.
        path: of the requirements file; each line has --hash=sha256:...
        work: a directory for what is made here.
        python: the interpreter; without one Debian's, or that which runs this.

    Returns:
        The programs, python first; and each installed package with its version and hash.

    Raises:
        UsageError: the file can't be read, or has no hashes.
        HostError: pip refuses: a wrong hash, no such version.
    """
    base = python or (
        "/usr/bin/python3" if os.access("/usr/bin/python3", os.X_OK) else sys.executable
    )
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise errors.UsageError(f'requirements "{path}": {error}') from None
    if not _HASH.search(text):
        raise errors.UsageError(
            f'requirements "{path}": no line has --hash=sha256:...',
            hint="pip-compile --generate-hashes, or `pip hash` of each file",
        )
    venv = f"{work}/venv"
    _made(base, venv)
    report = f"{work}/report.json"
    _pip(base, venv, ["install", "--require-hashes", "--only-binary", ":all:", "--no-compile",
                      "--no-warn-script-location", "--report", report, "-r", path])  # fmt: skip
    _settle(venv)
    return environment.add(contents, venv, PLACE, work), _installed(report)


def _made(base: str, venv: str) -> None:
    """Make an empty venv: what python -m venv makes, without the time and the place in it."""
    done = subprocess.run([base, "-I", "-m", "venv", "--without-pip", "--symlinks", venv],
                          capture_output=True, check=False)  # fmt: skip
    if done.returncode:
        text = done.stderr.decode(errors="replace") or done.stdout.decode(errors="replace")
        raise errors.HostError(
            f'"{base}" can\'t make a venv: {text.strip().rpartition(chr(10))[2][:300]}',
            hint="install the package python3-venv",
        )


def _pip(base: str, venv: str, words: "list[str]") -> None:
    """Run pip for a venv that has none."""
    for python in dict.fromkeys((base, sys.executable)):
        command = [python, "-m", "pip", "--version"]
        if subprocess.run(command, capture_output=True, check=False).returncode == 0:
            break
    else:
        raise errors.UnsupportedError(
            "--requirements needs pip", feature="pip", hint="install the package python3-pip"
        )
    command = [python, "-m", "pip", "--python", f"{venv}/bin/python", "--disable-pip-version-check",
               "--no-input", "--quiet", *words]  # fmt: skip
    done = subprocess.run(command, capture_output=True, check=False, timeout=_PIP_TIMEOUT_S)
    if done.returncode:
        lines = [line for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
        wrong = next((line for line in lines if "ERROR" in line), lines[-1] if lines else "?")
        if "HASHES" in wrong or wrong.endswith(":"):  # the packages are on the next lines
            wrong += " " + " ".join(line.strip() for line in lines[lines.index(wrong) + 1 :][:4])
        raise errors.HostError(f"pip: {wrong.removeprefix('ERROR: ')[:600]}")


def _settle(venv: str) -> None:
    """Have a venv name the place that it will have, and nothing of where it was made."""
    with open(f"{venv}/pyvenv.cfg", encoding="utf-8") as file:
        rows = [line for line in file.read().splitlines() if not line.startswith("command")]
    with open(f"{venv}/pyvenv.cfg", "w", encoding="utf-8") as file:
        file.write("\n".join(rows) + "\n")
    changed: dict[str, str] = {}
    for name in sorted(os.listdir(f"{venv}/bin")):
        path = f"{venv}/bin/{name}"
        if os.path.islink(path) or not os.path.isfile(path):
            continue
        if name.lower().startswith("activate"):
            os.unlink(path)
            continue
        with open(path, "rb") as binary:
            data = binary.read()
        if venv.encode() in data:
            data = data.replace(venv.encode(), PLACE.encode())
            with open(path, "wb") as binary:
                binary.write(data)
            digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            changed[name] = f"sha256={digest},{len(data)}"
    for folder, _folders, names in os.walk(f"{venv}/lib"):
        if "RECORD" in names and folder.endswith(".dist-info"):
            _record(f"{folder}/RECORD", changed)


def _record(path: str, changed: "dict[str, str]") -> None:
    """Put the hashes of scripts that were changed into a RECORD."""
    with open(path, encoding="utf-8", newline="") as file:
        rows = file.read().splitlines()
    for at, row in enumerate(rows):
        name, _comma, _rest = row.partition(",")
        if "/bin/" in name and (found := changed.get(name.rpartition("/")[2])):
            rows[at] = f"{name},{found}"
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write("\n".join(sorted(rows)) + "\n")


def _installed(report: str) -> "list[dict[str, str]]":
    """Return what pip has installed, from its report."""
    with open(report, encoding="utf-8") as file:
        rows = json.load(file)["install"]
    return [
        {
            "type": "pypi",
            "name": row["metadata"]["name"],
            "version": row["metadata"]["version"],
            "file": row["download_info"]["url"].rpartition("/")[2],
            "sha256": _hash_of(row["download_info"]["archive_info"]),
        }
        for row in sorted(rows, key=lambda row: str(row["metadata"]["name"]).lower())
    ]


def _hash_of(archive: "dict[str, Any]") -> str:
    """Return a file's hash, as new and as old versions of pip report it."""
    found = archive.get("hashes", {}).get("sha256") or archive.get("hash", "")
    return str(found).removeprefix("sha256=")
