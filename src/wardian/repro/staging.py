"""Lay out a copy of the source for one run, and take in what the run made of it.

For an ordinary user this happens as root of the user namespace that the boxes have
(kernel.side_process): only so can the copy belong to another user of the box, and only so can what
that user made be read.

Facts about the order of files
------------------------------
tmpfs keeps a directory as a list and shows the newest name first (libfs.c, dcache_readdir and
simple_offset_dir). Two ext4 file systems show the same names in different orders, since each has
its own hash seed; one of them shows two directories with the same names alike. So only on tmpfs
does the order of making decide, and `order_of` looks whether it does.

Kernel: tmpfs(5), readdir(3), chown(2).
"""

import hashlib
import json
import os
import random
import stat
import sys
from typing import TYPE_CHECKING, Any

from wardian.kernel import paths, side_process
from wardian.repro.outputs import Entry

if TYPE_CHECKING:
    from collections.abc import Callable

CHUNK = 1 << 20
SEED = 20_000_101  # of the order "shuffled"
NOT_AN_OUTPUT = (".git", ".hg", ".svn")


def call(function: str, **arguments: object) -> "dict[str, Any]":
    """Do it here as root, else as root of a user namespace.

    Args:
        function: "stage", "collect" or "remove".
        arguments: what it takes; JSON both ways.
    """
    if os.geteuid() == 0:
        done: dict[str, Any] = json.loads(json.dumps(_functions()[function](**arguments)))
        return done
    # By its input: a state of each file of a large source is more than an argument may be.
    with side_process.SideProcess(f"{__name__}:serve", [function], stdin=side_process.PIPE) as side:
        try:
            side.stdin.write(json.dumps(arguments).encode())
        except BrokenPipeError:
            pass  # its answer says why
        found: dict[str, Any] = json.loads(side.wait())
    return found


def serve(words: "list[str]") -> str:
    """Do one of them; the other side of `call`."""
    return json.dumps(_functions()[words[0]](**json.load(sys.stdin.buffer)))


def _functions() -> "dict[str, Callable[..., dict[str, Any]]]":
    return {"stage": stage, "collect": collect, "remove": remove}


# ---- laying out ---------------------------------------------------------------------------


def order_of(directory: str) -> str:
    """Return how a new directory lists: "newest" or "oldest" first, or in its "own" order."""
    place, lock_fd = paths.make_locked(directory, ".order-")
    try:
        made = ["b", "d", "a", "c", "e"]
        for name in made:
            os.close(os.open(f"{place}/{name}", os.O_CREAT | os.O_WRONLY, 0o600))
        shown = os.listdir(place)
    finally:
        paths.remove_tree(place)
        os.close(lock_fd)
    if shown == made[::-1]:
        return "newest"
    return "oldest" if shown == made else "own"


def stage(
    source: str, target: str, *, order: str, listing_order: str, uid: int, gid: int
) -> "dict[str, object]":
    """Copy a tree so that its directories list in this order, for a user of the box.

    Args:
        source: a directory; nothing of it is changed.
        target: where the copy is made; must not be there.
        order: "sorted", "reversed" or "shuffled", as the box shall see it.
        listing_order: of the file system (`order_of`).
        uid: whom the copy belongs to.
        gid: likewise.
    """
    chance = random.Random(SEED)  # noqa: S311 - an order, not a secret
    count = _copy(source, target, lambda names: _ordered(names, order, listing_order, chance))
    for directory, below, names in os.walk(target):
        for name in (*below, *names):
            os.chown(f"{directory}/{name}", uid, gid, follow_symlinks=False)
    os.chown(target, uid, gid)
    return {"files": count}


def _ordered(names: "list[str]", order: str, listing: str, chance: "random.Random") -> "list[str]":
    names = sorted(names, key=os.fsencode)
    if order == "shuffled":
        chance.shuffle(names)
    elif order == "reversed":
        names.reverse()
    return names[::-1] if listing == "newest" else names


def _copy(source: str, target: str, arrange: "Callable[[list[str]], list[str]]") -> int:
    os.mkdir(target, 0o755)
    count = 0
    found = {one.name: one for one in os.scandir(source)}
    for name in arrange(list(found)):
        one, new = found[name], f"{target}/{name}"
        if one.is_symlink():
            os.symlink(os.readlink(one.path), new)
        elif one.is_dir():
            count += _copy(one.path, new, arrange)
        elif one.is_file():
            _copy_file(one.path, new)
            count += 1
    _like(source, target)
    return count


def _copy_file(source: str, target: str) -> None:
    with open(source, "rb") as taken, open(target, "xb") as made:
        size = os.fstat(taken.fileno()).st_size
        done = 0
        while done < size:
            count = os.sendfile(made.fileno(), taken.fileno(), done, size - done)
            if not count:
                break
            done += count
    _like(source, target)


def _like(source: str, target: str) -> None:
    """Give it mode and times; without write permission for others, which a umask decides."""
    found = os.stat(source)
    executable = 0o111 if found.st_mode & 0o100 or stat.S_ISDIR(found.st_mode) else 0
    os.chmod(target, 0o644 | executable)
    os.utime(target, ns=(found.st_mtime_ns, found.st_mtime_ns))


# ---- taking in ----------------------------------------------------------------------------


def listing(directory: str) -> "list[str]":
    """Return the paths of all that is in a tree, relative to it, in byte order."""
    found = []
    for place, below, names in os.walk(directory):
        below[:] = [name for name in below if name not in NOT_AN_OUTPUT]
        inside = os.path.relpath(place, directory)
        links = [name for name in below if os.path.islink(f"{place}/{name}")]
        found += [os.path.normpath(f"{inside}/{name}") for name in (*names, *links)]
        if not names and not below and inside != ".":
            found.append(inside)
    return sorted(found, key=os.fsencode)


def entry(directory: str, name: str) -> Entry:
    """Return what is there, by its digest."""
    path = f"{directory}/{name}"
    found = os.lstat(path)
    mode = stat.S_IMODE(found.st_mode)
    if stat.S_ISLNK(found.st_mode):
        text = os.fsencode(os.readlink(path))
        return Entry(kind="link", digest=hashlib.sha256(text).hexdigest(), size=len(text))
    if stat.S_ISDIR(found.st_mode):
        return Entry(kind="directory", digest="", mode=mode)
    if not stat.S_ISREG(found.st_mode):
        return Entry(kind="other", digest=f"{found.st_mode}:{found.st_rdev}", mode=mode)
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return Entry(kind="file", digest=digest, size=found.st_size, mode=mode, place=path)


def states(directory: str) -> "dict[str, list[int]]":
    """Return what changes of each file when it is written to; for `collect`."""
    found = {}
    for name in listing(directory):
        at = os.lstat(f"{directory}/{name}")
        found[name] = [at.st_ino, at.st_size, at.st_mtime_ns, at.st_mode]
    return found


def collect(
    tree: str, store: str, *, patterns: "list[str]", before: "dict[str, list[int]]"
) -> "dict[str, object]":
    """Copy the outputs out of the tree.

    Args:
        tree: in which the run was.
        store: a directory for the copies, which the caller can read.
        patterns: which files; none for all that are new or changed.
        before: `states` of the tree before the run.
    """
    names = listing(tree)
    if patterns:
        names = [name for name in names if any(matches(name, one) for one in patterns)]
    else:
        now = states(tree)
        names = [name for name in names if now[name] != before.get(name)]
    found: dict[str, object] = {}
    for number, name in enumerate(names):
        one = entry(tree, name)
        place = ""
        if one.kind == "file":
            place = f"{store}/{number}"
            with open(one.place, "rb") as taken, open(place, "xb") as made:
                while chunk := taken.read(CHUNK):
                    made.write(chunk)
        found[name] = [one.kind, one.digest, one.size, one.mode, place]
    return found


def entry_of(row: "list[Any]") -> Entry:
    """Return what `collect` says of one output."""
    kind, digest, size, mode, place = row
    return Entry(kind=kind, digest=digest, size=size, mode=mode, place=place)


def matches(name: str, pattern: str) -> bool:
    """Whether a path is what a pattern means, or below it."""
    from fnmatch import fnmatchcase

    pattern = os.path.normpath(pattern)
    return pattern == "." or fnmatchcase(name, pattern) or name.startswith(f"{pattern}/")


def remove(path: str) -> "dict[str, object]":
    """Remove a tree that boxes wrote to."""
    paths.remove_tree(path)
    return {}
