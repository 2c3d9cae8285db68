"""Kept writable layers: what --keep saves, and --from-kept goes on from.

    WARDIAN_ROOT/kept/NAME/meta             what it is, one word and its value a line
                           upper0, work0    the overlay directories of the base's first part ...

A layer appears under its name complete: it is made under another one and renamed. Who uses it holds
an exclusive lock on its directory (and hands the descriptor to the launcher, so that the lock lasts
as long as the box). What is removed is renamed first; `sweep` finishes what a kill -9 interrupted.

Kernel: flock(2), rename(2), overlayfs (Documentation/filesystems/overlayfs.rst).
"""

import errno
import fcntl
import os
import time
from stat import S_IMODE

from wardian import errors
from wardian.engine import directories, hostbase
from wardian.kernel import paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from wardian.kernel.overlay import Change
    from wardian.runtime.plan import Plan

    Parts = Iterable[tuple[str, str]]
    Top = tuple[int, int, int, int]

KEPT = "kept"
IMAGE = "image "  # how the base of a layer over an image begins
_FORMAT = "1"
_NAME_MAX = 128
_META_BYTES = 1 << 20
_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
_TARGETS = {"mount": 1, "bind": 1, "file": 0}  # which argument of a step is a path in the box
_OPENING = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


lent: "dict[str, Layer]" = {}  # layers of this process that nobody else can name (engine.lent)


class Info:
    """What is known of a layer without using it.

    Attributes:
        name: the user's word for it.
        base: "host", the root's directory, or "image DIGEST".
        created_s: seconds since 1970.
        is_finished: its last box ended in order.
        pid: who uses it now; 0 for nobody, -1 where it can't be told.
        parts: (path in the box, lower directory when it was made).
        mounts: where something was mounted over it in a box.
    """

    __slots__ = ("base", "created_s", "is_finished", "mounts", "name", "parts", "pid")

    def __init__(self, name: str, words: "dict[str, str]", parts: "list[tuple[str, str]]") -> None:
        self.name = name
        self.base = words.get("base", "")
        created = words.get("created", "")
        self.created_s = int(created) if created.isdigit() and len(created) < 20 else 0
        self.is_finished = words.get("state") == "finished"
        self.pid = 0
        self.parts = parts
        self.mounts = set(words.get("mounts", "").split("\0")) - {""}


class Layer:
    """A layer that this process has to itself.

    Attributes:
        name: the user's word for it.
        path: its directory.
        lock_fd: holds the lock; hand it to the launcher.
    """

    __slots__ = ("_info", "_is_fresh", "lock_fd", "name", "path")

    def __init__(self, path: str, info: Info, lock_fd: int, *, is_fresh: bool) -> None:
        self.name = info.name
        self.path = path
        self.lock_fd = lock_fd
        self._info = info
        self._is_fresh = is_fresh

    def bindings(self) -> "dict[str, str | bytes]":
        """Return what the plan's symbols $upper0, $work0 ... stand for."""
        found: dict[str, str | bytes] = {}
        for index in range(len(self._info.parts)):
            found[f"$upper{index}"] = f"{self.path}/upper{index}"
            found[f"$work{index}"] = f"{self.path}/work{index}"
        return found

    def note_mounts(self, plan: "Plan") -> None:
        """Note what a box mounts over the layer: what is made for that is no change of the base."""
        from wardian.kernel import overlay

        rows = [step.args[_TARGETS[step.name]] for step in plan.steps if step.name in _TARGETS]
        fresh = {str(path) for path in rows if str(path)[:1] == "/"} - {"/"}
        fresh = {path for path in fresh if fresh.isdisjoint(overlay.above(path))}
        if not fresh <= self._info.mounts:
            self._info.mounts |= fresh
            _write_meta(self.path, self._info)

    def shared(self) -> "Layer":
        """Return it for one more box, which does not remove it."""
        return Layer(self.path, self._info, os.dup(self.lock_fd), is_fresh=False)

    def mark_finished(self) -> None:
        """Note that the box ended in order; from now on the layer stays."""
        self._is_fresh = False
        self._info.is_finished = True
        _write_meta(self.path, self._info)

    def close(self) -> None:
        """Let go of it. A new one whose box never came to be is removed."""
        if self.lock_fd < 0:
            return
        try:
            if self._is_fresh:
                _discard(self.path)
        finally:
            os.close(self.lock_fd)
            self.lock_fd = -1


def create(
    name: str,
    parts: "Parts",
    identity: str = "",
    *,
    root_dir: str = "",
    top: "Top | None" = None,
) -> Layer:
    """Make a new layer over these parts and lock it.

    Args:
        name: letters, digits, "_", "." and "-", the first a letter or digit.
        parts: (path in the box, lower directory on the host), as hostbase.Base.parts.
        identity: names the base: "host", or the root's directory (which it is if not said).
        root_dir: WARDIAN_ROOT, where it is known already.
        top: mode, uid, gid and mtime of the base's top, for a base that is no directory.

    Raises:
        UsageError: the name is none, or there is nothing to keep a layer of.
        StatusError: there is such a layer already.
    """
    if name in lent:
        return lent[name].shared()
    check_name(name)
    rows = list(parts)
    if not rows:
        raise errors.UsageError(f'can\'t keep "{name}": a root from nothing has no writable layer')
    place = folder(root_dir)
    sweep(root_dir=root_dir)
    path = f"{place}/{name}"
    if os.path.lexists(path):
        raise _exists(name)
    info = Info(name, {"base": identity or _base(rows), "created": str(int(time.time()))}, rows)
    temporary, lock_fd = "", -1
    try:
        temporary, lock_fd = paths.make_locked(place, f".tmp-{name}-")
        for index, (_target, lower) in enumerate(rows):
            make_upper(f"{temporary}/upper{index}", top or _top(lower))
            os.mkdir(f"{temporary}/work{index}", 0o700)
        _write_meta(temporary, info)
        os.rename(temporary, path)  # onto a directory that is not empty: ENOTEMPTY
    except OSError as error:
        if lock_fd >= 0:
            paths.remove_tree(temporary)
            os.close(lock_fd)
        if error.errno in (errno.ENOTEMPTY, errno.EEXIST):
            raise _exists(name) from None
        if isinstance(error, errors.KernelError):
            raise
        raise errors.KernelError(
            f'making the layer "{name}" in "{place}"', error.errno or 0
        ) from None
    return Layer(path, info, lock_fd, is_fresh=True)


def open(  # noqa: A001 - kept.open is what it does
    name: str, parts: "Parts", identity: str = "", *, root_dir: str = ""
) -> Layer:
    """Lock a layer to go on from it.

    Args:
        name: as in `create`.
        parts: what it shall lie over: the same base as when it was made.
        identity: as in `create`.
        root_dir: WARDIAN_ROOT, where it is known already.

    Raises:
        NotFoundError: there is no such layer.
        StatusError: it is in use, or was made over another base.
    """
    check_name(name)
    path = f"{folder(root_dir)}/{name}"
    lock_fd = _lock(path, name)
    try:
        info = _read_meta(path, name)
        rows = list(parts)
        base = identity or (_base(rows) if rows else "scratch")
        if base != info.base:
            was, now = base_words(info.base), base_words(base)
            raise errors.StatusError(
                f'layer "{name}" was made over {was}, not over {now}',
                hint=_same_base(info.base),
            )
        if [row[0] for row in rows] != [row[0] for row in info.parts]:
            was, now = (", ".join(f'"{row[0]}"' for row in given) for given in (info.parts, rows))
            raise errors.StatusError(
                f'layer "{name}" was made over {was}; the base has now {now}',
                hint="something was mounted or unmounted below the host's /usr",
            )
        info.parts = rows
        info.is_finished = False
        _write_meta(path, info)
    except BaseException:
        os.close(lock_fd)
        raise
    return Layer(path, info, lock_fd, is_fresh=False)


def layers(*, root_dir: str = "") -> "list[Info]":
    """Return all layers, by name."""
    place = folder(root_dir)
    found = []
    for name in sorted(os.listdir(place)):
        if not name.startswith("."):
            try:
                found.append(inspect(name, root_dir=root_dir))
            except errors.RequestError:
                continue  # removed meanwhile, or not ours
    return found


def inspect(name: str, *, root_dir: str = "") -> Info:
    """Return what is known of a layer.

    Raises:
        NotFoundError: there is no such layer.
    """
    check_name(name)
    path = f"{folder(root_dir)}/{name}"
    info = _read_meta(path, name)
    fd = _hold(path, name)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        info.pid = paths.lock_holder(fd) or -1
    finally:
        os.close(fd)
    return info


def remove(
    name: str, *, root_dir: str = "", remove_tree: "Callable[[str], None] | None" = None
) -> None:
    """Remove a layer.

    Args:
        name: as in `create`.
        root_dir: WARDIAN_ROOT, where it is known already.
        remove_tree: removes a directory; also files of sub-ids, in their user namespace.

    Raises:
        NotFoundError: there is no such layer.
        StatusError: it is in use.
        KernelError: EACCES or EPERM: it holds directories of sub-ids, and `remove_tree` is ours.
            The name is gone then, and `sweep` can be called with another `remove_tree`.
    """
    check_name(name)
    path = f"{folder(root_dir)}/{name}"
    lock_fd = _lock(path, name)
    try:
        (remove_tree or paths.remove_tree)(_rename_away(path))
    finally:
        os.close(lock_fd)


def upper(name: str, root_dir: str) -> str:
    """Return the directory of what a layer changes of the root."""
    check_name(name)
    return f"{folder(root_dir)}/{name}/upper0"


def lock(name: str, *, root_dir: str = "") -> int:
    """Keep a layer from boxes and from removal, until what is returned is closed; as `open`."""
    check_name(name)
    return _lock(f"{folder(root_dir)}/{name}", name)


def diff(name: str, *, root_dir: str = "") -> "list[Change]":
    """Return what a layer changes of its base, over all parts, in the order of the paths' bytes.

    Raises:
        NotFoundError: there is no such layer, or its base is gone.
        KernelError: EACCES: it holds directories of sub-ids; look from inside the user namespace.
    """
    from wardian.kernel import overlay

    info = inspect(name, root_dir=root_dir)
    path = f"{folder(root_dir)}/{name}"
    lowers = dict(info.parts)
    if info.base == hostbase.IDENTITY:  # the skeleton of today, which may be another
        lowers |= dict(hostbase.prepare(root_dir or directories.root()).parts)
    found: dict[str, Change] = {}
    for index, (target, _lower) in enumerate(info.parts):
        lower = lowers[target]
        if not os.path.isdir(lower):
            raise errors.NotFoundError(f'the base of layer "{name}" is gone: "{lower}"')
        for change in overlay.changes(f"{path}/upper{index}", lower, target):
            found.setdefault(change.path, change)
    rows = sorted(found.values(), key=lambda change: os.fsencode(change.path))
    left_out = overlay.only_mounted_on(rows, info.mounts, f"{path}/upper0")
    return [change for change in rows if change.path not in left_out]


def sweep(*, root_dir: str = "", remove_tree: "Callable[[str], None] | None" = None) -> "list[str]":
    """Remove what a killed process left half made or half removed; returns what has to stay."""
    place = f"{root_dir or directories.root()}/{KEPT}"
    left: list[str] = []
    try:
        names = os.listdir(place)
    except FileNotFoundError:
        return left
    for name in names:
        if name.startswith(".tmp-"):
            path = f"{place}/{name}"
            try:
                lock_fd = _lock(path, name)
            except errors.RequestError:
                continue  # somebody is at it
            try:
                (remove_tree or paths.remove_tree)(path)
            except errors.WardianError:
                left.append(path)
            finally:
                os.close(lock_fd)
    return left


def check_name(name: str) -> None:
    """Raise UsageError for what is no name of a layer."""
    inner = _LETTERS | frozenset("_.-")
    if not name or name[0] not in _LETTERS or len(name) > _NAME_MAX or not inner.issuperset(name):
        raise errors.UsageError(
            f"{name!r} is no name for a kept layer",
            hint=f'{_NAME_MAX} letters, digits, "_", "." and "-" at most, first a letter or digit',
        )


# ---- on disk ------------------------------------------------------------------------------


def folder(root_dir: str) -> str:
    """Return where they all are."""
    path = f"{root_dir or directories.root()}/{KEPT}"
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        pass
    except OSError as error:
        raise errors.KernelError(f'mkdir("{path}")', error.errno or 0) from None
    return path


def _base(parts: "list[tuple[str, str]]") -> str:
    """Return what a layer must lie over again; the host base's skeleton may be a newer one."""
    lower = parts[0][1]
    if f"/{hostbase.BASES}/host-" in lower:
        return hostbase.IDENTITY
    return os.path.realpath(lower)


def base_words(base: str) -> str:
    """Return what a layer lies over, in words."""
    if base.startswith(IMAGE):
        return f'the image "{base.removeprefix(IMAGE)}"'
    return f'the root "{base}"' if base.startswith("/") else f'the base "{base}"'


def _same_base(base: str) -> str:
    if base.startswith(IMAGE):
        return f"wardian run --from-kept NAME {base.removeprefix(IMAGE)} COMMAND ..."
    return "run it with the same base as before"


def _top(lower: str) -> "Top":
    found = os.stat(lower)
    return S_IMODE(found.st_mode), found.st_uid, found.st_gid, found.st_mtime_ns


def make_upper(path: str, top: "Top") -> None:
    """Make an upper directory; an overlay's root has the upper directory's owner and mode."""
    mode, uid, gid, mtime_ns = top
    os.mkdir(path, 0o700)
    os.chmod(path, mode)
    if os.geteuid() == 0:
        os.chown(path, uid, gid)
    os.utime(path, ns=(mtime_ns, mtime_ns))


def _exists(name: str) -> errors.StatusError:
    return errors.StatusError(
        f'layer "{name}" exists already', hint=f"--from-kept {name} goes on from it"
    )


def _hold(path: str, name: str) -> int:
    try:
        return os.open(path, _OPENING)
    except FileNotFoundError:
        raise errors.NotFoundError(f'layer "{name}": no such layer') from None
    except OSError as error:
        raise errors.KernelError(f'open("{path}")', error.errno or 0) from None


def _lock(path: str, name: str) -> int:
    fd = _hold(path, name)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.stat(path).st_ino != os.fstat(fd).st_ino:
            raise FileNotFoundError
    except BlockingIOError:
        pid = paths.lock_holder(fd)
        os.close(fd)
        raise errors.StatusError(
            f'layer "{name}" is in use' + (f" by process {pid}" if pid else "")
        ) from None
    except FileNotFoundError:  # removed while we waited
        os.close(fd)
        raise errors.NotFoundError(f'layer "{name}": no such layer') from None
    return fd


def _rename_away(path: str) -> str:
    directory, _slash, name = path.rpartition("/")
    gone = f"{directory}/.tmp-old-{name}-{os.urandom(6).hex()}"
    try:
        os.rename(path, gone)
    except OSError as error:
        raise errors.KernelError(f'rename("{path}")', error.errno or 0) from None
    return gone


def _discard(path: str) -> None:
    try:
        paths.remove_tree(_rename_away(path))
    except errors.WardianError:
        pass  # files of sub-ids, or a mount: `sweep` tries again


def _write_meta(path: str, info: Info) -> None:
    rows = [
        ("format", _FORMAT),
        ("base", _escape(info.base)),
        ("created", str(info.created_s)),
        ("state", "finished" if info.is_finished else "used"),
        ("mounts", _escape("\0".join(sorted(info.mounts)))),
    ]
    rows += [("part", f"{_escape(target)}\t{_escape(lower)}") for target, lower in info.parts]
    text = "".join(f"{word} {value}\n" for word, value in rows)
    paths.write_atomic(f"{path}/meta", text.encode("ascii"), 0o600)


def _read_meta(path: str, name: str) -> Info:
    data = paths.read_in_root(path, "meta", _META_BYTES) if os.path.isdir(path) else None
    if data is None:
        raise errors.NotFoundError(f'layer "{name}": no such layer')
    words: dict[str, str] = {}
    parts = []
    try:
        for line in data.decode("ascii").splitlines():
            word, _space, value = line.partition(" ")
            if word == "part":
                target, _tab, lower = value.partition("\t")
                parts.append((_unescape(target), _unescape(lower)))
            else:
                words[word] = _unescape(value)
    except ValueError:
        raise errors.SpecError(f'layer "{name}": its meta file is broken') from None
    if words.get("format") != _FORMAT or not parts:
        text = f'layer "{name}": its meta file is not in format {_FORMAT}'
        raise errors.SpecError(text, hint="it was made by another version of wardian")
    return Info(name, words, parts)


def _escape(text: str) -> str:
    return text.encode("unicode_escape", "surrogatepass").decode("ascii")


def _unescape(text: str) -> str:
    return text.encode("ascii").decode("unicode_escape")
