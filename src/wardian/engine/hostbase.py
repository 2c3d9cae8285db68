"""The host base: the host's own programs as a read-only root, with a scrubbed /etc.

    /           a skeleton: empty directories, the host's links (/bin -> usr/bin), a scrubbed /etc
    /usr        the host's
    /bin ...    the host's, where they are directories of their own
    ...         what is mounted below those, since an overlay does not look through mount points

The skeleton is made once for each state of the host's /etc and lies in WARDIAN_ROOT/bases/host-KEY.
Its key is a number over a few stat calls, so a warm `prepare` reads nothing but one small file. A
process that uses a skeleton holds a shared lock on it; one that makes a new skeleton removes those
of a day ago that nobody holds.

Kernel: flock(2), stat(2), rename(2), overlayfs (Documentation/filesystems/overlayfs.rst).
"""

import errno
import fcntl
import os
import time
from stat import S_ISDIR

from wardian import errors

BASES = "bases"
IDENTITY = "host"
# File systems that are known to serve as a lower layer.
_LAYERS = frozenset(
    (
        "bcachefs",
        "btrfs",
        "erofs",
        "ext2",
        "ext3",
        "ext4",
        "f2fs",
        "overlay",
        "squashfs",
        "tmpfs",
        "xfs",
        "zfs",
    )
)
# Raise it when the skeleton's content changes in a way that the files' times don't show.
FORMAT = 1

_TRUST_S = 1.0  # a process that starts many boxes does not look at the host before each
_STALE_S = 24 * 3600
# Directories of a root that are the host's own, in the order of their mounts.
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
# A change of the host that must show in the skeleton changes one of these.
_WATCHED = (
    "/etc",
    "/etc/passwd",
    "/etc/group",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf.d",
    "/etc/alternatives",
    "/etc/ssl/certs",
    "/etc/pki",
    "/etc/profile",
    "/etc/bash.bashrc",
    "/etc/localtime",
    "/etc/services",
    f"{os.path.dirname(__file__)}/skeleton.py",
)
# Where mounts of their own are usual; a mount that comes or goes changes the device number.
_PLACES = (*SYSTEM, "/usr/local", "/usr/share", "/usr/lib", "/usr/bin")


class Base:
    """A root to put overlays over.

    Attributes:
        parts: (path in the box, lower directory on the host), the root first.
        binds: what is mounted below a part and can't be a layer, to be bound read-only at the same
            path: single files (drivers that a container runtime put there), 9p, FUSE ...
        identity: what goes into the plan's hash in the place of host paths.
        lock_fd: held for as long as this process may use it.
    """

    __slots__ = ("binds", "identity", "lock_fd", "parts")

    def __init__(
        self, parts: "tuple[tuple[str, str], ...]", binds: "tuple[str, ...]", lock_fd: int
    ) -> None:
        self.parts = parts
        self.binds = binds
        self.identity = IDENTITY
        self.lock_fd = lock_fd


_known: dict[str, tuple[int, Base, float]] = {}


def prepare(root_dir: str) -> Base:
    """Return the host base, its skeleton made if it lacks.

    Args:
        root_dir: WARDIAN_ROOT (directories.root()).

    Raises:
        UnsupportedError: the host keeps its programs elsewhere (NixOS, Guix).
        KernelError: the skeleton can't be written.
    """
    known = _known.get(root_dir)
    now_s = time.monotonic()
    if known is not None and now_s - known[2] < _TRUST_S:
        return known[1]
    key = _key()
    if known is not None and known[0] == key:
        _known[root_dir] = (key, known[1], now_s)
        return known[1]
    path = f"{root_dir}/{BASES}/host-{key:016x}"
    base = _open(path)
    if base is None:
        _make(root_dir, path)
        base = _open(path)
        if base is None:
            raise errors.StatusError(f'"{path}" was removed while it was made', hint="try again")
    # An older base of this process stays locked: a box may still run on it.
    _known[root_dir] = (key, base, now_s)
    return base


def forget() -> None:
    """Let go of the locks; for a process that runs no box any more."""
    while _known:
        os.close(_known.popitem()[1][1].lock_fd)


def _key() -> int:
    """Return a number for the present state of what the skeleton is made from.

    hash() of numbers is the same in every process; only that of text is salted.
    """
    numbers = [FORMAT, os.geteuid()]
    for path in _WATCHED:
        try:
            found = os.lstat(path)
        except OSError:
            numbers.append(0)
        else:
            numbers += (found.st_mtime_ns, found.st_size, found.st_ino)
    for path in _PLACES:
        try:
            found = os.lstat(path)
        except OSError:
            numbers.append(0)
        else:
            numbers += (found.st_dev, found.st_ino)
    return hash(tuple(numbers)) & 0xFFFFFFFFFFFFFFFF


def _open(path: str) -> "Base | None":
    """Lock a skeleton and read what belongs to it; None where there is none."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise errors.KernelError(f'open("{path}")', error.errno or 0) from None
    try:
        fcntl.flock(fd, fcntl.LOCK_SH)
        # Whoever removes it locks it alone and takes its name away first.
        listed = os.open("parts", os.O_RDONLY | os.O_CLOEXEC, dir_fd=fd)
        try:
            text = os.read(listed, 1 << 16)
        finally:
            os.close(listed)
        if os.stat(path).st_ino != os.fstat(fd).st_ino:
            raise FileNotFoundError
    except FileNotFoundError:
        os.close(fd)
        return None
    except OSError as error:
        os.close(fd)
        raise errors.KernelError(f'open("{path}")', error.errno or 0) from None
    parts = [("/", f"{path}/root")]
    binds = []
    for line in text.split(b"\n"):
        if line:
            name = os.fsdecode(line[1:])
            if line[:1] == b"d":
                parts.append((name, name))
            else:
                binds.append(name)
    return Base(tuple(parts), tuple(binds), fd)


# ---- making one ---------------------------------------------------------------------------


def _make(root_dir: str, path: str) -> None:
    """Make a skeleton under another name and put it in place; others may do so too."""
    from wardian.engine import skeleton
    from wardian.kernel import paths

    parts, binds = _parts()
    bases = f"{root_dir}/{BASES}"
    try:
        os.makedirs(bases, 0o700, exist_ok=True)
        temporary, lock_fd = paths.make_locked(bases, ".tmp-")
        try:
            skeleton.write(f"{temporary}/root", SYSTEM)
            _write_parts(f"{temporary}/parts", parts, binds)
            _put_in_place(temporary, path)
        finally:
            os.close(lock_fd)
    except OSError as error:
        if isinstance(error, errors.KernelError):
            raise
        where = error.filename if isinstance(error.filename, str) else bases
        raise errors.KernelError(
            f'making the host base: "{where}"',
            error.errno or 0,
            hint="WARDIAN_ROOT names another place",
        ) from None
    sweep(root_dir, keep=path)


def _put_in_place(temporary: str, path: str) -> None:
    from wardian.kernel import trees

    try:
        os.rename(temporary, path)
    except OSError as error:
        trees.remove(temporary)
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):  # another was faster
            raise


def _write_parts(path: str, parts: "list[str]", binds: "list[str]") -> None:
    lines = [f"d{name}\n" for name in parts] + [f"f{name}\n" for name in binds]
    with open(path, "wb") as file:
        file.write(b"".join(os.fsencode(line) for line in lines))


def _parts() -> "tuple[list[str], list[str]]":
    """Return the directories that are overlays of their own, and what is to be bound.

    Raises:
        UnsupportedError: the programs are not where a host base looks.
    """
    from wardian.kernel import mountinfo

    for path in ("/usr/bin", "/usr/lib"):
        if not os.path.isdir(path):
            raise errors.UnsupportedError(
                f'the host base needs the host\'s programs below /usr, and there is no "{path}"',
                feature="host-base",
                hint="--rootfs DIR takes a directory as the root",
            )
    parts = [path for path in SYSTEM if _is_directory(path)]
    binds = []
    types = {mount.point: mount.type for mount in mountinfo.read()}  # a later mount covers
    for point in sorted(types):
        if "\n" in point or not any(point.startswith(f"{part}/") for part in parts):
            continue
        if not _is_directory(point):
            if os.path.isfile(point):
                binds.append(point)
        elif types[point] in _LAYERS:
            parts.append(point)
        else:
            binds.append(point)
    return parts, binds


def _is_directory(path: str) -> bool:
    try:
        return S_ISDIR(os.lstat(path).st_mode)
    except OSError:
        return False


def sweep(root_dir: str, *, keep: str = "") -> int:
    """Remove skeletons that are old and that nobody holds; returns how many went."""
    bases = f"{root_dir}/{BASES}"
    removed = 0
    now = time.time()
    try:
        names = os.listdir(bases)
    except FileNotFoundError:
        return 0
    for name in names:
        path = f"{bases}/{name}"
        patience = 0 if name.startswith(".tmp-") else _STALE_S
        if path != keep and name.startswith((".tmp-", "host-")):
            removed += _remove_unheld(path, now - patience)
    return removed


def _remove_unheld(path: str, before: float) -> bool:
    from wardian.kernel import trees

    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False  # gone, or not ours
    try:
        if os.fstat(fd).st_mtime > before:
            return False
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if "/.tmp-" not in path:
            directory, _slash, name = path.rpartition("/")
            gone = f"{directory}/.tmp-old-{name}-{os.urandom(6).hex()}"
            os.rename(path, gone)
            path = gone
        trees.remove(path)
    except BlockingIOError:
        return False
    except errors.KernelError:
        return False  # the next sweep tries again
    finally:
        os.close(fd)
    return True
