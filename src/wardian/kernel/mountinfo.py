"""Parse /proc/PID/mountinfo.

Facts about mountinfo
---------------------
Space, tab, newline and backslash in a path are written as three octal digits after a backslash.
Between the mount options and the " - " stands any number of tags, none included. A mount point is
told as its reader's root sees it; what is outside of that root is left out. A later line can cover
an earlier one.

Kernel: proc_pid_mountinfo(5), mount_namespaces(7).
"""

import os

from wardian import errors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT_BYTES = 64 << 20
_FIELDS_BEFORE_TAGS = 6
_FIELDS_AFTER_DASH = 2


class Mount:
    """One mount.

    Attributes:
        mount_id, parent_id: the kernel's numbers for it and for the mount below it.
        device: "major:minor" of the file system.
        root: the directory of the file system that is shown.
        point: where it is mounted.
        options: the mount's own options, and `super_options` the file system's.
        tags: "shared:N", "master:N" ...: propagation.
        type: the file system's type, with its subtype ("fuse.sshfs").
        source: the file system's own word for where it comes from.
    """

    __slots__ = (
        "device",
        "mount_id",
        "options",
        "parent_id",
        "point",
        "root",
        "source",
        "super_options",
        "tags",
        "type",
    )

    def __init__(self, before: "list[bytes]", after: "list[bytes]") -> None:
        self.mount_id = int(before[0])
        self.parent_id = int(before[1])
        self.device = before[2].decode("ascii")
        self.root = unescape(before[3])
        self.point = unescape(before[4])
        self.options = tuple(os.fsdecode(before[5]).split(","))
        self.tags = tuple(os.fsdecode(tag) for tag in before[6:])
        self.type = unescape(after[0])
        self.source = unescape(after[1])
        self.super_options = tuple(unescape(after[2]).split(",")) if len(after) > 2 else ()

    def __repr__(self) -> str:
        return f"Mount({self.mount_id}, {self.point!r}, {self.type!r})"


def parse(text: bytes) -> "Iterator[Mount]":
    """Yield the mounts of a mountinfo file, in its order: a later one covers an earlier one.

    Raises:
        SpecError: a line is not what the kernel writes.
    """
    for number, line in enumerate(text.split(b"\n"), 1):
        if not line:
            continue
        # An empty source leaves two spaces; split(b" ") keeps the empty word.
        words = line.split(b" ")
        try:
            dash = words.index(b"-", _FIELDS_BEFORE_TAGS)
            if len(words) - dash - 1 < _FIELDS_AFTER_DASH:
                raise ValueError
            yield Mount(words[:dash], words[dash + 1 :])
        except ValueError:
            raise errors.SpecError("not a line of mountinfo", where=f"line {number}") from None


def unescape(word: bytes) -> str:
    r"""Return a path as it is: b"a\\040b" is "a b"."""
    if b"\\" not in word:
        return os.fsdecode(word)
    parts = word.split(b"\\")
    out = [parts[0]]
    for part in parts[1:]:
        digits = part[:3]
        if len(digits) == 3 and all(0x30 <= digit <= 0x37 for digit in digits) and digits < b"400":
            out.append(bytes((int(digits, 8),)) + part[3:])
        else:
            out.append(b"\\" + part)
    return os.fsdecode(b"".join(out))


def read(pid: "int | str" = "self") -> "list[Mount]":
    """Return the mounts that a process sees.

    Raises:
        KernelError: ENOENT: no such process, or no /proc.
    """
    path = f"/proc/{pid}/mountinfo"
    try:
        with open(path, "rb", buffering=0) as file:
            chunks = []
            size = 0
            while size < LIMIT_BYTES and (chunk := file.read(1 << 20)):
                chunks.append(chunk)
                size += len(chunk)
    except OSError as error:
        raise errors.KernelError(f'read("{path}")', error.errno or 0) from None
    return list(parse(b"".join(chunks)))


def below(directory: str) -> "list[Mount]":
    """Return the mounts in and on `directory` (a path without symbolic links), topmost last."""
    prefix = directory.rstrip("/") + "/"
    return [mount for mount in read() if mount.point == directory or mount.point.startswith(prefix)]
