"""What an image will hold: each path once, with where it comes from and who needs it.

The entries of the image are root's, have git's modes and times that are clamped, so that two
machines with the same files make the same image (images/normal). What only its owner may read on
the host is no part of a program, and is refused unless it was named.
"""

import os
from stat import S_ISDIR, S_ISLNK, S_ISREG
from typing import TYPE_CHECKING

from wardian import errors
from wardian.exchange.normal_layers import Item
from wardian.images import tar_headers
from wardian.images.tar_headers import Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from wardian.engine.closure import Closure

_CAPABILITY = "security.capability"


class Thing:
    """One path of the image.

    Attributes:
        kind: of tar_headers: FILE, SYMLINK, DIRECTORY or HARD_LINK.
        source: the file on this machine that has the data, or the data.
        target: of a link.
        mode, mtime_ns, xattrs: as of an Entry.
        size: of a file, in bytes.
        reasons: why it is there.
        group: what it came with ("program", "trace", a package's name ...).
    """

    __slots__ = (
        "group",
        "kind",
        "mode",
        "mtime_ns",
        "reasons",
        "size",
        "source",
        "target",
        "xattrs",
    )

    def __init__(self, kind: bytes, group: str) -> None:
        self.kind = kind
        self.group = group
        self.source: str | bytes = b""
        self.target = ""
        self.mode = 0o755
        self.mtime_ns = 0
        self.xattrs: dict[bytes, bytes] = {}
        self.size = 0
        self.reasons: list[str] = []


class Contents:
    """All that an image will hold.

    Attributes:
        things: by path, which begins with "/".
        notes: what the user should know, each one line.
    """

    def __init__(self) -> None:
        self.things: dict[str, Thing] = {}
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        """Remember what the user should know, once."""
        if text not in self.notes:
            self.notes.append(text)

    def _put(self, path: str, thing: Thing, why: str) -> None:
        known = self.things.get(path)
        if known is None:
            self.things[path] = known = thing
        if why and why not in known.reasons:
            known.reasons.append(why)

    def has(self, path: str) -> bool:
        """Say whether a path is there."""
        return path in self.things

    def file(self, path: str, source: str, why: str, group: str) -> None:
        """Add a file of this machine.

        Args:
            path: in the image.
            source: on this machine; no symbolic link.
            why: who needs it.
            group: what it comes with.

        Raises:
            KernelError: it can't be read.
        """
        if path in self.things:
            self._put(path, self.things[path], why)
            return
        thing = Thing(tar_headers.FILE, group)
        try:
            found = os.lstat(source)
            if not S_ISREG(found.st_mode):
                raise errors.UsageError(f'"{source}" is no file')
            try:
                thing.xattrs[_CAPABILITY.encode()] = os.getxattr(source, _CAPABILITY)
            except OSError:
                pass  # none, or a file system without attributes
        except OSError as error:
            if isinstance(error, errors.WardianError):
                raise
            raise errors.KernelError(f'stat("{source}")', error.errno or 0) from None
        thing.source, thing.size = source, found.st_size
        thing.mode, thing.mtime_ns = found.st_mode & 0o7777, found.st_mtime_ns
        self._put(path, thing, why)

    def data(self, path: str, data: bytes, why: str, group: str, *, mode: int = 0o644) -> None:
        """Add a file that is made here."""
        thing = Thing(tar_headers.FILE, group)
        thing.source, thing.size, thing.mode = data, len(data), mode
        self._put(path, thing, why)

    def link(self, path: str, target: str, why: str, group: str) -> None:
        """Add a symbolic link."""
        thing = Thing(tar_headers.SYMLINK, group)
        thing.target = target
        self._put(path, thing, why)

    def directory(self, path: str, why: str, group: str, *, mode: int = 0o755) -> None:
        """Add a directory; those that something lies in need not be added."""
        thing = Thing(tar_headers.DIRECTORY, group)
        thing.mode = mode
        self._put(path, thing, why)

    def entry(self, path: str, entry: Entry, source: str, *, why: str, group: str) -> None:
        """Add what a package's archive has.

        Args:
            path: in the image.
            entry: of the archive.
            source: a file on this machine with its data, for a file.
            why: who needs it.
            group: what it comes with.

        Raises:
            SpecError: it is a device, which a package has no business with.
        """
        if entry.kind == tar_headers.HARD_LINK:
            known = self.things.get("/" + os.fsdecode(entry.target).lstrip("./"))
            if known is not None and isinstance(known.source, str):
                self.file(path, known.source, why, group)
                self.things[path].mode = known.mode
            return
        if entry.kind not in (tar_headers.FILE, tar_headers.SYMLINK, tar_headers.DIRECTORY):
            raise errors.SpecError(f'"{path}" of {group} is a device, and is refused')
        thing = Thing(entry.kind, group)
        thing.mode, thing.mtime_ns = entry.mode, entry.mtime_ns
        thing.xattrs, thing.target = dict(entry.xattrs), os.fsdecode(entry.target)
        if entry.kind == tar_headers.FILE:
            thing.source, thing.size = source, entry.size
        self._put(path, thing, why)

    def take(self, found: "Closure", group: str) -> None:
        """Add the files and links of a closure."""
        for path, source in found.files:
            for why in found.reasons.get(path, [""]):
                self.file(path, source, why, group)
        for path, target in found.links:
            self.link(path, target, "leads to what is needed", group)
        for text in found.missing:
            self.note(text)

    def path_of(self, path: str, why: str, group: str) -> str:
        """Add a file of this machine by any of its names, with the links that lead there.

        Returns:
            Where it really is; "" where there is no file or directory.
        """
        real, links = resolve(path)
        for at, target in links:
            self.link(at, target, f"leads to {path}", group)
        if real and os.path.isfile(real):
            self.file(real, real, why, group)
        return real

    def tree(
        self, path: str, source: str, why: str, group: str, *, without: "tuple[str, ...]" = ()
    ) -> None:
        """Add a directory of this machine with all that is in it.

        Args:
            path: in the image.
            source: on this machine.
            why: who needs it.
            group: what it comes with.
            without: names that are left out, and ends of names, which begin with "." or "-".
        """
        ends = tuple(one for one in without if one[0] in ".-")
        self.directory(path, why, group)
        try:
            entries = sorted(os.scandir(source), key=lambda entry: entry.name)
        except OSError as error:
            raise errors.KernelError(f'open("{source}")', error.errno or 0) from None
        for entry in entries:
            if entry.name in without or entry.name.endswith(ends):
                continue
            inside = f"{path.rstrip('/')}/{entry.name}"
            mode = entry.stat(follow_symlinks=False).st_mode
            if S_ISDIR(mode):
                self.tree(inside, entry.path, why, group, without=without)
            elif S_ISLNK(mode):
                self.link(inside, os.readlink(entry.path), why, group)
            elif S_ISREG(mode):
                self.file(inside, entry.path, why, group)

    def settle(self) -> None:
        """Put what is below a symbolic link to where the link leads: a layer can't have both."""
        for path in sorted(self.things):
            real = self._settled(path)
            if real != path:
                thing = self.things.pop(path)
                for why in thing.reasons or [""]:
                    self._put(real, thing, why)

    def _settled(self, path: str) -> str:
        """Return a path without the links of the image on the way to it."""
        here, todo, left = "", path.split("/")[:0:-1], 40
        while todo:
            name = todo.pop()
            step = f"{here}/{name}"
            link = self.things.get(step)
            if name == "..":
                here = here.rpartition("/")[0]
            elif name in ("", "."):
                continue
            elif todo and link is not None and link.kind == tar_headers.SYMLINK and left:
                left -= 1
                here = "" if link.target.startswith("/") else here
                todo.extend(link.target.split("/")[::-1])
            else:
                here = step
        return here

    @property
    def size_bytes(self) -> int:
        """How much data the files have."""
        return sum(thing.size for thing in self.things.values())

    def items(self) -> "Iterator[Item]":
        """Yield it as entries of a layer."""
        for path, thing in self.things.items():
            entry = Entry(thing.kind, os.fsencode(path.lstrip("/")))
            entry.mode, entry.mtime_ns = thing.mode, thing.mtime_ns
            entry.xattrs = dict(thing.xattrs)
            entry.target = os.fsencode(thing.target)
            yield Item(entry, thing.source)


def resolve(
    path: str, root: "str | Callable[[str], str]" = ""
) -> "tuple[str, list[tuple[str, str]]]":
    """Follow a path of this machine; returns where it ends and the links on the way.

    Args:
        path: absolute.
        root: a directory that stands for "/", or what tells where each path is on this machine.

    Returns:
        ("", links) where nothing is there.
    """
    here = ""
    links: list[tuple[str, str]] = []
    todo = path.split("/")[::-1]
    while todo:
        name = todo.pop()
        if name in ("", "."):
            continue
        if name == "..":
            here = here.rpartition("/")[0]
            continue
        step = f"{here}/{name}"
        where = root + step if isinstance(root, str) else root(step)
        try:
            target = os.readlink(where) if S_ISLNK(os.lstat(where).st_mode) else None
        except OSError:
            return "", links
        if target is None:
            here = step
            continue
        links.append((step, target))
        if len(links) > 40:
            return "", links
        if target.startswith("/"):
            here = ""
        todo.extend(target.split("/")[::-1])
    return here or "/", links
