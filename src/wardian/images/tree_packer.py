"""Pack directories as layers: a whole tree, an overlay's upper layer, or what differs in two trees.

The archive is canonical: names in the order of their bytes, each directory before what is in it,
whiteouts before their siblings; the first name of a file with hard links has its data. So equal
trees give equal archives.

Facts about what is packed
--------------------------
A socket can't be in a layer and is left out. The attributes of overlayfs are the kernel's words for
whiteouts and opaque directories, and become the layer's words. Where an upper layer was written
with redirect_dir or metacopy, it can't be understood without the layers below; wardian mounts
without them.

docker gives the owner of a hard link's entry to the file once more, and the kernel takes a file's
capabilities away at each chown(2). So that entry repeats the file's attributes, as it does in the
layers that docker writes; readers that only make the link pass over them.

Kernel: overlayfs (Documentation/filesystems/overlayfs.rst), xattr(7), capabilities(7).
"""

import errno
import os
from stat import S_ISBLK, S_ISCHR, S_ISDIR, S_ISFIFO, S_ISLNK, S_ISREG, S_ISSOCK
from typing import TYPE_CHECKING

from wardian import errors
from wardian.images import tar_headers
from wardian.images.layer_entries import OPAQUE, WHITEOUT
from wardian.images.tar_headers import Entry, shown
from wardian.images.tar_writer import Writer
from wardian.kernel.trees import Descent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from wardian.images.normal import Rules
    from wardian.images.tree_comparison import Differences

    Sink = Callable[[bytes | memoryview], object]

_CHUNK_BYTES = 512 << 10
_READING = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_OVERLAY = (b"trusted.overlay.", b"user.overlay.")
_NOT_IN_LAYERS = (b"security.selinux", b"security.ima", b"security.evm", b"security.SMACK")


def pack_tree(path: str, sink: "Sink", rules: "Rules | None" = None) -> None:
    """Pack a whole tree; what is mounted in it is an empty directory.

    Args:
        path: the tree's top.
        sink: takes the archive's bytes.
        rules: what becomes of times, owners and modes; without them they stay.

    Raises:
        SpecError: a name that means a whiteout in a layer.
        StatusError: it is changed while it is packed.
        KernelError: something can't be read.
    """
    _Packer(sink, is_upper=False, rules=rules).run(path)


def pack_upper(
    path: str, sink: "Sink", rules: "Rules | None" = None, *, without: "Iterable[str]" = ()
) -> None:
    """Pack the upper directory of an overlay as a layer over what was below it.

    Args:
        path: the directory.
        sink: takes the archive's bytes.
        rules: as of `pack_tree`.
        without: what is left out: paths that begin with "/".

    Raises:
        SpecError: a name that means a whiteout, or an overlay with redirect_dir or metacopy.
        StatusError: it is changed while it is packed.
        KernelError: something can't be read.
    """
    packer = _Packer(sink, is_upper=True, rules=rules)
    packer.without = frozenset(os.fsencode(one).lstrip(b"/") for one in without)
    packer.run(path)


def pack_difference(below: str, path: str, sink: "Sink", rules: "Rules | None" = None) -> None:
    """Pack what a layer must hold that makes one plain tree of another.

    Files are compared by type, mode, owner, time, size and attributes, and where these agree by
    content. A directory is in the layer if it differs or something below it does.

    Args:
        below: the tree that is there.
        path: the tree that is wanted.
        sink: takes the archive's bytes.
        rules: as of `pack_tree`; trees are compared as they are.

    Raises:
        As `pack_tree`.
    """
    from wardian.images import tree_comparison

    only = tree_comparison.compare(below, path)
    _Packer(sink, is_upper=False, only=only, rules=rules).run(path)


class _Packer:
    """Goes through a tree and writes its entries."""

    __slots__ = (
        "_device",
        "_is_upper",
        "_linked",
        "_only",
        "_rules",
        "_walk",
        "_writer",
        "without",
    )

    def __init__(
        self,
        sink: "Sink",
        *,
        is_upper: bool,
        only: "Differences | None" = None,
        rules: "Rules | None" = None,
    ) -> None:
        self._rules = rules
        self._writer = Writer(sink)
        self._is_upper = is_upper
        self._only = only
        self._linked: dict[tuple[int, int], bytes] = {}
        self.without: frozenset[bytes] = frozenset()

    def run(self, path: str) -> None:
        with Descent(path) as walk:
            self._walk = walk
            top = os.fstat(walk.fd)
            self._device = top.st_dev
            entry = _entry(b"", top)
            self._attributes(entry, walk.fd)
            entry.path = b"./"
            self._put(entry)
            pending = [self._names(b"", walk.fd)]
            names = [b""]
            while pending:
                if not pending[-1]:
                    pending.pop()
                    names.pop()
                    if pending:
                        walk.leave()
                    continue
                name = pending[-1].pop()
                above = names[-1]
                here = above + b"/" + name if above else name
                if self._add(here, name):
                    walk.enter(os.fsdecode(name))
                    names.append(here)
                    pending.append(self._names(here, walk.fd))
        self._writer.finish()

    def _names(self, path: bytes, fd: int) -> "list[bytes]":
        """Return what is in the directory, the last to write first; whiteouts are written here."""
        entries = self._walk.list()
        names = [os.fsencode(entry.name) for entry in entries]
        for name in names:
            if name.startswith(WHITEOUT):
                raise errors.SpecError(
                    f"{shown(path + b'/' + name)} can't be in a layer: its name means a whiteout"
                )
        if self._only is not None:
            for name in self._only.gone.get(path, ()):
                self._put(_whiteout(path, WHITEOUT + name))
            below = path + b"/" if path else b""
            names = [name for name in names if below + name in self._only.changed]
        if self.without:
            below = path + b"/" if path else b""
            names = [name for name in names if below + name not in self.without]
        if self._is_upper:
            mark = self._mark(path, fd)
            if mark == b"y":
                self._put(_whiteout(path, OPAQUE))
            gone = {name for name in names if self._is_gone(name, fd, marked=mark == b"x")}
            for name in sorted(gone):
                self._put(_whiteout(path, WHITEOUT + name))
            names = [name for name in names if name not in gone]
        return sorted(names, reverse=True)

    def _mark(self, path: bytes, fd: int) -> bytes:
        """Return how a directory of an upper layer is marked: y for opaque, x for marked files."""
        found = b""
        for name in os.listxattr(fd):
            kind = name.removeprefix("trusted.").removeprefix("user.")
            if kind == "overlay.redirect":
                raise errors.SpecError(
                    f"{shown(path)} was moved by an overlay with redirect_dir",
                    hint="its upper layer can't be packed without the layers below",
                )
            if kind == "overlay.opaque":
                found = os.getxattr(fd, name)
        return found

    def _is_gone(self, name: bytes, fd: int, *, marked: bool) -> bool:
        found = os.stat(name, dir_fd=fd, follow_symlinks=False)
        if S_ISCHR(found.st_mode):
            return found.st_rdev == 0
        if not marked or not S_ISREG(found.st_mode) or found.st_size:
            return False
        return any(key.endswith(b"overlay.whiteout") for key in _listed(fd, name))

    # ---- one entry ----

    def _put(self, entry: Entry, data: "Iterable[bytes | memoryview]" = ()) -> None:
        if self._rules is not None:
            self._rules.apply(entry)
            data = self._rules.content(entry, data)
        self._writer.add(entry, data)

    def _add(self, path: bytes, name: bytes) -> bool:
        """Write one entry; returns whether it is a directory to enter."""
        fd = self._walk.fd
        try:
            found = os.stat(name, dir_fd=fd, follow_symlinks=False)
        except FileNotFoundError:
            # An overlay lists a whiteout where only one layer has the directory.
            return False
        try:
            if S_ISSOCK(found.st_mode):
                return False
            entry = _entry(path, found)
            self._attributes(entry, f"/proc/self/fd/{fd}/{os.fsdecode(name)}")
            if not S_ISDIR(found.st_mode) and found.st_nlink > 1:
                first = self._linked.setdefault((found.st_dev, found.st_ino), path)
                if first != path:
                    entry.kind, entry.target, entry.size = tar_headers.HARD_LINK, first, 0
                    self._put(entry)
                    return False
            if S_ISLNK(found.st_mode):
                entry.target = os.readlink(name, dir_fd=fd)
            self._put(entry, _content(fd, name) if S_ISREG(found.st_mode) else ())
        except OSError as error:
            raise self._walk.failed("read", os.fsdecode(name), error) from None
        return S_ISDIR(found.st_mode) and found.st_dev == self._device

    def _attributes(self, entry: Entry, where: "int | str") -> None:
        follow = isinstance(where, int)
        try:
            names = os.listxattr(where) if follow else os.listxattr(where, follow_symlinks=False)
        except OSError as error:
            if error.errno == errno.ENOTSUP:
                return
            raise
        for text in names:
            name = os.fsencode(text)
            if name.startswith(_OVERLAY):
                if name.endswith(b".metacopy") and self._is_upper:
                    raise errors.SpecError(
                        f"{shown(entry.path)} has no data: the overlay was mounted with metacopy"
                    )
                continue
            if name.startswith(_NOT_IN_LAYERS):
                continue
            value = (
                os.getxattr(where, text)
                if follow
                else os.getxattr(where, text, follow_symlinks=False)
            )
            entry.xattrs[name] = value


def _listed(fd: int, name: bytes) -> "list[bytes]":
    path = f"/proc/self/fd/{fd}/{os.fsdecode(name)}"
    return [os.fsencode(key) for key in os.listxattr(path, follow_symlinks=False)]


def _whiteout(directory: bytes, name: bytes) -> Entry:
    entry = Entry(tar_headers.FILE, directory + b"/" + name if directory else name)
    entry.mode = 0o600
    return entry


def _entry(path: bytes, found: os.stat_result) -> Entry:
    kinds = (
        (S_ISREG, tar_headers.FILE),
        (S_ISDIR, tar_headers.DIRECTORY),
        (S_ISLNK, tar_headers.SYMLINK),
        (S_ISCHR, tar_headers.CHARACTER_DEVICE),
        (S_ISBLK, tar_headers.BLOCK_DEVICE),
        (S_ISFIFO, tar_headers.FIFO),
    )
    kind = next(kind for test, kind in kinds if test(found.st_mode))
    entry = Entry(kind, path)
    entry.mode = found.st_mode & 0o7777
    entry.uid = found.st_uid
    entry.gid = found.st_gid
    entry.mtime_ns = found.st_mtime_ns
    if kind == tar_headers.FILE:
        entry.size = found.st_size
    if kind in (tar_headers.CHARACTER_DEVICE, tar_headers.BLOCK_DEVICE):
        entry.device = (os.major(found.st_rdev), os.minor(found.st_rdev))
    return entry


def _content(directory: int, name: bytes) -> "Iterator[bytes]":
    fd = os.open(name, _READING, dir_fd=directory)
    try:
        while chunk := os.read(fd, _CHUNK_BYTES):
            yield chunk
    finally:
        os.close(fd)
