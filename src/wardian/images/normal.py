"""Rules that make layers equal for equal content: what becomes of times, owners, modes, attributes.

The packers of `tree_packer` apply them to trees, those of `exchange.normal_layers` to entries from
anywhere.

Facts about what leaks
----------------------
Times: of each file that was written now. The times of files that are older than the source stay:
they came with it. Fractions of a second depend on the file system. A compiled Python module names
its source's time, and is compiled again where the two differ: both are clamped.

Modes: git keeps one bit, and the umask decides the rest. Attributes: labels of SELinux and hashes
of IMA belong to a machine; POSIX ACLs can't be set in each file system.

Source: reproducible-builds.org, SOURCE_DATE_EPOCH specification; PEP 552; git, Documentation.
"""

import os
from typing import TYPE_CHECKING

from wardian import errors
from wardian.images import tar_headers
from wardian.images.layer_entries import WHITEOUT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wardian.images.tar_headers import Entry

EPOCH_MAX_S = (1 << 33) - 1  # what a ustar header holds

_NS = 1_000_000_000
_KEPT_XATTRS = (b"security.capability", b"user.")
_PYC_HEADER_BYTES = 16


class Rules:
    """What becomes of entries.

    Attributes:
        epoch_s: the latest time that a file may have.
        fixed: every entry has that time, older ones too.
        owner: (uid, gid) of every entry, or None to keep them.
        modes: "keep"; or "git": 755 for directories and what its owner may execute, 644 for other
            files, as git checks out, whatever the umask was. Set-id and sticky bits stay.
    """

    __slots__ = ("epoch_s", "fixed", "modes", "owner")

    def __init__(
        self,
        epoch_s: int,
        *,
        fixed: bool = False,
        owner: "tuple[int, int] | None" = None,
        modes: str = "keep",
    ) -> None:
        self.epoch_s = epoch_s
        self.fixed = fixed
        self.owner = owner
        self.modes = modes

    def apply(self, entry: "Entry") -> None:
        """Change an entry's metadata."""
        seconds = self.epoch_s if self.fixed else min(entry.mtime_ns // _NS, self.epoch_s)
        entry.mtime_ns = max(seconds, 0) * _NS
        if self.owner is not None:
            entry.uid, entry.gid = self.owner
        if entry.kind == tar_headers.SYMLINK:
            entry.mode = 0o777  # the kernel has no other
        elif self.modes == "git" and not is_whiteout(entry.path):
            executable = entry.kind == tar_headers.DIRECTORY or entry.mode & 0o100
            entry.mode = entry.mode & 0o7000 | (0o755 if executable else 0o644)
        entry.xattrs = {
            name: value
            for name, value in sorted(entry.xattrs.items())
            if name.startswith(_KEPT_XATTRS) and not name.startswith(b"user.overlay.")
        }

    def content(
        self, entry: "Entry", data: "Iterable[bytes | memoryview]"
    ) -> "Iterable[bytes | memoryview]":
        """Return a file's data, with the times in it that its own time is compared with."""
        return self._clamped_pyc(data) if entry.path.endswith(b".pyc") else data

    def _clamped_pyc(self, data: "Iterable[bytes | memoryview]") -> "Iterator[bytes | memoryview]":
        """Clamp the source's time in a compiled module (PEP 552: flags 0, then the time)."""
        start = b""
        pieces = iter(data)
        while len(start) < _PYC_HEADER_BYTES and (piece := next(pieces, None)) is not None:
            start += piece
        if len(start) >= _PYC_HEADER_BYTES and start[2:8] == b"\r\n\0\0\0\0":
            found = int.from_bytes(start[8:12], "little")
            wanted = self.epoch_s if self.fixed else min(found, self.epoch_s)
            start = start[:8] + (wanted & 0xFFFFFFFF).to_bytes(4, "little") + start[12:]
        if start:
            yield start
        yield from pieces

    def words(self) -> "list[str]":
        """Return the rules as words for another process (`of_words`)."""
        owner = f"{self.owner[0]}:{self.owner[1]}" if self.owner else ""
        return [str(self.epoch_s), "fixed" if self.fixed else "", owner, self.modes]


def of_words(words: "list[str]") -> Rules:
    """Return the rules of `Rules.words`."""
    epoch, fixed, owner, modes = words
    uid, _colon, gid = owner.partition(":")
    return Rules(
        int(epoch), fixed=bool(fixed), owner=(int(uid), int(gid)) if owner else None, modes=modes
    )


def source_date_epoch(default: int = 0) -> int:
    """Return SOURCE_DATE_EPOCH, or a default where it is not set.

    Raises:
        UsageError: it is no time.
    """
    text = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not text:
        return default
    if not (text.isascii() and text.isdecimal() and int(text[:12]) <= EPOCH_MAX_S):
        raise errors.UsageError(
            f'SOURCE_DATE_EPOCH "{text[:40]}" is not a number of seconds since 1970'
        )
    return int(text)


def is_whiteout(path: bytes) -> bool:
    """Say whether an entry of this name hides what is below."""
    return path.rpartition(b"/")[2].startswith(WHITEOUT)
