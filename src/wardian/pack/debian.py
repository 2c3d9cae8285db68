"""Take Debian packages with all that they depend on: --debian.

apt resolves, downloads and verifies, against the keys and sources of this machine, as if for a
system where nothing is installed; dpkg-deb unpacks. Nothing is installed here, and no maintainer
script runs, here or there: what such a script makes (a user, a cache, an alternative) is not in the
image. Each package is recorded with its version and the SHA-256 of its file, and listed for
scanners in /var/lib/dpkg/status.d.

Facts about such trees
----------------------
A package has its files as root's, with times of its making, and modes. Recommended packages are
left out; so are documents, but for copyrights, which must go with copies. Packages may still name
/bin and /lib, which are links to /usr on a merged system: here they are made as such links.

Source: apt-get(8), apt.conf(5); dpkg-deb(1); Debian Policy, 9.1.
"""

import hashlib
import os
import re
import subprocess
from typing import TYPE_CHECKING

from wardian import errors
from wardian.images import tar_headers
from wardian.images.tar_reader import Reader

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wardian.images.tar_headers import Entry
    from wardian.pack.contents import Contents

_PACKAGE = re.compile(r"[a-z0-9][a-z0-9.+-]+(:[a-z0-9-]+)?(=[A-Za-z0-9.+~:-]+)?")
_MERGED = ("bin", "lib", "lib32", "lib64", "libx32", "sbin")
_LEFT_OUT = re.compile(
    r"^/usr/share/(doc/[^/]+/(?!copyright$)|doc-base/|man/|info/|locale/|lintian/|bug/|menu/)"
)
_APT_TIMEOUT_S = 1800
_CHUNK_BYTES = 1 << 20


def add(contents: "Contents", wanted: "Sequence[str]", work: str) -> "list[dict[str, str]]":
    """Add packages; returns each that came, with version, file and hash.

    Args:
        contents: what the image holds so far.
        wanted: PACKAGE or PACKAGE=VERSION.
        work: a directory for what is made here; it must stay until the image is made.

    Raises:
        UsageError: not a package's name.
        NotFoundError: there is no such package or version.
        UnsupportedError: this machine has no apt.
    """
    for text in wanted:
        if not _PACKAGE.fullmatch(text):
            raise errors.UsageError(f'package "{text[:100]}": must be PACKAGE or PACKAGE=VERSION')
    archives = _download(wanted, work)
    found = []
    names = {text.partition("=")[0].partition(":")[0] for text in wanted}
    rows = [(path, _control(path)) for path in archives]
    needs = {control["Package"]: _depends(control) for _path, control in rows}
    for path, control in rows:
        name = control["Package"]
        askers = sorted(one for one, depends in needs.items() if name in depends and one != name)
        why = f"package {name}" + ("" if name in names else f", for {', '.join(askers[:3])}")
        _unpack(contents, path, work, why=why, group=f"{name} {control['Version']}")
        status = _status(control)
        contents.data(f"/var/lib/dpkg/status.d/{name}", status, why, "dpkg")
        found.append(
            {
                "type": "deb",
                "name": name,
                "version": control["Version"],
                "architecture": control["Architecture"],
                "file": os.path.basename(path).replace("%3a", ":"),
                "sha256": _sha256(path),
            }
        )
    return found


def _download(wanted: "Sequence[str]", work: str) -> "list[str]":
    """Return the paths of the packages' files, by their names."""
    base = f"{work}/apt"
    for folder in ("archives/partial", "state"):
        os.makedirs(f"{base}/{folder}", exist_ok=True)
    os.chmod(work, 0o755)  # noqa: S103 - apt downloads as a user of its own
    with open(f"{base}/state/status", "w", encoding="utf-8"):
        pass  # nothing is installed
    options = {
        "Dir::State::status": f"{base}/state/status",
        "Dir::State::extended_states": f"{base}/state/extended",
        "Dir::Cache::archives": f"{base}/archives",
        "APT::Install-Recommends": "false",
        "APT::Sandbox::User": "",
        "Debug::NoLocking": "true",
    }
    words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    _tool(["apt-get", "-qq", "-y", *words, "--download-only", "install", "--", *wanted], wanted)
    names = sorted(name for name in os.listdir(f"{base}/archives") if name.endswith(".deb"))
    return [f"{base}/archives/{name}" for name in names]


def _tool(command: "list[str]", wanted: "Sequence[str]") -> bytes:
    try:
        done = subprocess.run(
            command, capture_output=True, check=False, timeout=_APT_TIMEOUT_S,
            env={**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"},
        )  # fmt: skip
    except FileNotFoundError:
        raise errors.UnsupportedError(
            f'--debian needs "{command[0]}"', feature="apt", hint="it works on Debian and its kin"
        ) from None
    if done.returncode:
        lines = done.stderr.decode(errors="replace").splitlines()
        text = next((line[3:] for line in lines if line.startswith("E: ")), "it failed")
        kind = (
            errors.NotFoundError
            if "Unable to locate" in text or "not found" in text
            else errors.HostError
        )
        raise kind(
            f"{command[0]}: {text}",
            hint=f"`apt-cache policy {wanted[0].partition('=')[0]}` says more",
        )
    return done.stdout


def _control(path: str) -> "dict[str, str]":
    """Return the fields that a package says of itself."""
    text = _tool(["dpkg-deb", "--field", path], [path]).decode("utf-8", "replace")
    fields: dict[str, str] = {}
    name = ""
    for line in text.splitlines():
        if line.startswith((" ", "\t")) and name:
            fields[name] += "\n" + line
        else:
            name, _colon, value = line.partition(":")
            fields[name] = value.strip()
    return fields


def _depends(control: "dict[str, str]") -> "set[str]":
    text = f"{control.get('Depends', '')},{control.get('Pre-Depends', '')}"
    return set(re.findall(r"(?:^|[,|])\s*([a-z0-9][a-z0-9.+-]+)", text))


def _status(control: "dict[str, str]") -> bytes:
    rows = [f"{name}: {value}\n" for name, value in control.items()]
    rows.insert(1, "Status: install ok unpacked\n")
    return "".join(rows).encode()


def _sha256(path: str) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _unpack(contents: "Contents", path: str, work: str, *, why: str, group: str) -> None:
    """Add a package's files: their data goes to the work directory, all else comes from its tar."""
    folder = f"{work}/{os.path.basename(path)}.d"
    os.mkdir(folder)
    with subprocess.Popen(
        ["dpkg-deb", "--fsys-tarfile", path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as unpacker:
        assert unpacker.stdout is not None
        reader = Reader(_chunks(unpacker))
        for number, entry in enumerate(reader):
            at = _merged(contents, entry, group)
            if not at or _LEFT_OUT.search(
                at + ("/" if entry.kind == tar_headers.DIRECTORY else "")
            ):
                continue
            target = f"{folder}/{number}"
            if entry.kind == tar_headers.FILE:
                with open(target, "wb") as file:
                    for piece in reader.data():
                        file.write(piece)
            contents.entry(at, entry, target, why=why, group=group)
    if unpacker.returncode:
        raise errors.SpecError(f'package "{os.path.basename(path)}" is broken: dpkg-deb refuses it')


def _chunks(unpacker: "subprocess.Popen[bytes]") -> "Iterator[bytes]":
    assert unpacker.stdout is not None
    while chunk := unpacker.stdout.read(_CHUNK_BYTES):
        yield chunk


def _merged(contents: "Contents", entry: "Entry", group: str) -> str:
    """Return where an entry is on a system whose /bin and /lib are links to /usr."""
    names = [name for name in os.fsdecode(entry.path).split("/") if name not in ("", ".")]
    if not names:
        return ""
    if names[0] in _MERGED:
        if not contents.has(f"/{names[0]}"):
            contents.link(f"/{names[0]}", f"usr/{names[0]}", "as on a merged system", group)
        if len(names) == 1:
            return ""
        names.insert(0, "usr")
    return "/" + "/".join(names)
