"""Which packages a box's root has: Debian's, Alpine's and Python's lists, as they lie there.

Source: deb822(5), dpkg-query(1); Alpine's "Apk spec"; Python's "Recording installed projects".
"""

import glob
import os
from dataclasses import dataclass
from typing import Any

from wardian.engine.container import DEVNULL, PIPE, Container
from wardian.errors import LaunchError

LISTS = ("/var/lib/dpkg/status", "/var/lib/dpkg/status.d/*", "/lib/apk/db/installed")
PYTHON = (
    "/usr/lib/python3*/*-packages/*.dist-info/METADATA",
    "/usr/local/lib/python3*/*-packages/*.dist-info/METADATA",
    "/usr/lib/python3*/*-packages/*.egg-info",
)
MARK = "== wardian =="
# Prints each list behind a line with its path; of Python's only the head, where the name is.
SCRIPT = f"""
for file in {" ".join(LISTS)}; do
  [ -f "$file" ] && echo "{MARK} $file" && cat "$file"
done
for file in {" ".join(PYTHON)}; do
  [ -f "$file" ] && echo "{MARK} $file" && head -n 30 "$file"
done
exit 0
"""
HEAD_BYTES = 4096


@dataclass(frozen=True, slots=True, order=True)
class Package:
    """One installed package; `kind` is what package URLs call it: deb, apk or pypi."""

    kind: str
    name: str
    version: str
    architecture: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}={self.version}"

    @property
    def url(self) -> str:
        """The package URL (purl)."""
        from urllib.parse import quote

        vendor = {"deb": "debian/", "apk": "alpine/"}.get(self.kind, "")
        arch = f"?arch={quote(self.architecture)}" if self.architecture else ""
        name = quote(self.name.lower() if self.kind == "pypi" else self.name, safe="")
        return f"pkg:{self.kind}/{vendor}{name}@{quote(self.version, safe='')}{arch}"


def of_host() -> "list[Package]":
    """Return the packages of the host, whose programs a box without an image has."""
    parts = []
    for pattern in (*LISTS, *PYTHON):
        for path in sorted(glob.glob(pattern)):
            if os.path.isfile(path):
                with open(path, encoding="utf-8", errors="replace") as file:
                    head = pattern in PYTHON
                    parts.append(f"{MARK} {path}\n{file.read(HEAD_BYTES) if head else file.read()}")
    return parse("\n".join(parts))


def of_box(options: "dict[str, Any]") -> "list[Package]":
    """Return the packages of an image or a root, as a box on it shows them.

    Args:
        options: the words of `wardian run` that choose the root.
    """
    try:
        with Container(["sh", "-c", SCRIPT], **options) as container:
            container.start(stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL)
            shown = container.communicate().stdout
    except LaunchError:
        return []  # without a shell there is hardly a list of packages
    return parse(shown.decode("utf-8", "replace"))


def parse(text: str) -> "list[Package]":
    """Return what the lists name, sorted; each is behind a line with MARK and its path."""
    found: set[Package] = set()
    for part in f"\n{text}".split(f"\n{MARK} ")[1:]:
        path, _newline, content = part.partition("\n")
        if path.endswith("/installed"):
            found.update(_alpine(content))
        elif "-info" in path:
            found.update(_python(content))
        else:
            found.update(_debian(content))
    return sorted(found)


def _debian(text: str) -> "list[Package]":
    found = []
    for stanza in text.split("\n\n"):
        fields = _fields(stanza, ": ")
        if fields.get("Status", "installed").endswith("installed") and "Version" in fields:
            if fields.get("Status", "").endswith("not-installed"):
                continue
            architecture = fields.get("Architecture", "")
            found.append(Package("deb", fields["Package"], fields["Version"], architecture))
    return found


def _alpine(text: str) -> "list[Package]":
    stanzas = [_fields(stanza, ":") for stanza in text.split("\n\n")]
    return [
        Package("apk", one["P"], one["V"], one.get("A", ""))
        for one in stanzas
        if "P" in one and "V" in one
    ]


def _python(text: str) -> "list[Package]":
    fields = _fields(text.partition("\n\n")[0], ": ")
    if "Name" not in fields or "Version" not in fields:
        return []
    return [Package("pypi", fields["Name"], fields["Version"])]


def _fields(stanza: str, sign: str) -> "dict[str, str]":
    rows = (line.partition(sign) for line in stanza.splitlines() if not line.startswith(" "))
    return {name: value.strip() for name, found, value in rows if found}
