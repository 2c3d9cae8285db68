"""What a run made: files with their digests, and where a copy of each is.

An entry of the mode counts as git counts it, executable or not, unless modes are asked for: the
umask is the user's own business until something packs the modes up.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass

STDOUT = "(standard output)"
EXIT_CODE = "(exit code)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One output.

    Attributes:
        kind: "file", "link", "directory" or "other".
        digest: sha256 of the content, of a link's text, or of whatever stands for it.
        size: in bytes.
        mode: permission bits.
        place: a file with its content, or "".
    """

    kind: str
    digest: str
    size: int = 0
    mode: int = 0o644
    place: str = ""

    def same_as(self, other: "Entry | None", *, modes: bool = False) -> bool:
        """Whether another run made the same."""
        if other is None or (self.kind, self.digest) != (other.kind, other.digest):
            return False
        if self.kind == "link":
            return True
        mask = 0o7777 if modes else 0o100
        return self.mode & mask == other.mode & mask

    def content(self, limit: int) -> bytes:
        """Return the first bytes of it."""
        if not self.place:
            return b""
        with open(self.place, "rb") as file:
            return file.read(limit)


Outputs = Mapping[str, Entry]


def differing(one: Outputs, other: Outputs, *, modes: bool = False) -> list[str]:
    """Return the paths that two runs made differently, in byte order."""
    paths = sorted({*one, *other}, key=os.fsencode)
    return [
        path
        for path in paths
        if path not in one or not one[path].same_as(other.get(path), modes=modes)
    ]
