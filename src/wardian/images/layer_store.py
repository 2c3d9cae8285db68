"""Make, check and remove layers: the work behind `layers`.

A layer is made in a folder with a temporary name that its maker has locked, and renamed; so it is
there as a whole or not at all. Two who want the same one wait for each other at a lock file, and
the second finds it made.

What a power cut does: the two files of an EROFS layer are flushed before the rename. Thousands of
files can only be flushed with all else that the file system has to write, once for each layer; so a
directory is not. It says in which boot it was made, counts as missing after another boot, and is
made again; unless `settle`, once for all, has flushed it meanwhile. That costs nearly nothing once
the kernel has written it by itself, as it does after half a minute: so it waits for that. The
rename itself is never waited for: a layer whose rename was lost is made again too.

Kernel: flock(2), rename(2), fsync(2), syncfs(2).
"""

import contextlib
import fcntl
import os
import time
from typing import TYPE_CHECKING

from wardian import errors
from wardian.images import compression, erofs_index, erofs_writer, layer_entries
from wardian.images.erofs_index import UnfitError
from wardian.images.layer import (
    CHAIN,
    DIRECTORY,
    EROFS,
    FOLDER,
    LOCK,
    TEMPORARY,
    Layer,
    boot_id,
    find_layer,
    folder_name,
    list_layers,
    lock_in_use,
)
from wardian.images.pipeline import Hasher, ReadAhead
from wardian.images.tar_reader import DEFAULT_LIMIT_ENTRIES, Reader
from wardian.kernel import file_flags, mounts, paths, probe
from wardian.registry import settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import BinaryIO

    from wardian.images.tree_builder import Summary

_BUFFER_BYTES = 1 << 20
_FILE_BACKED_EROFS = (6, 12)
_WRITTEN_BACK_S = 60  # vm.dirty_expire_centisecs and vm.dirty_writeback_centisecs are 35 s
WORKER = "wardian.images.layer_worker"


class Limits:
    """What a layer may be at most.

    Attributes:
        size_bytes: of its uncompressed archive.
        entries: of its archive.
    """

    __slots__ = ("entries", "size_bytes")

    def __init__(
        self,
        size_bytes: int = compression.DEFAULT_LIMIT_BYTES,
        entries: int = DEFAULT_LIMIT_ENTRIES,
    ) -> None:
        self.size_bytes = size_bytes
        self.entries = entries


def store(
    stream: "BinaryIO",
    media_type: str,
    diff_id: str,
    root_dir: str,
    *,
    progress: "Callable[[int], None] | None" = None,
    limits: "Limits | None" = None,
    form: str = "",
) -> Layer:
    """Unpack a layer, or return it where it is there already.

    Args:
        stream: the layer's blob; read to its end, or not at all.
        media_type: a hint; the first bytes decide.
        diff_id: what the digest of the uncompressed archive must be.
        root_dir: where wardian keeps what lasts.
        progress: told how many bytes of the blob were read so far.
        limits: what is refused.
        form: EROFS or DIRECTORY instead of what config.toml asks for, or the better one.

    Raises:
        SpecError: the layer is damaged, hostile, too large or another one; nothing is kept.
        HostError: it can't be unpacked here: no space, no id for an owner ...
    """
    folder = f"{root_dir}/{FOLDER}"
    name = folder_name(diff_id)
    os.makedirs(folder, 0o700, exist_ok=True)
    file_flags.spread_below(folder)
    with locked(f"{folder}/{LOCK}{name}"):
        found = find_layer(diff_id, root_dir)
        if found is not None:
            return found
        making = Making(diff_id, limits or Limits())
        form = form or settings.layer_form() or (EROFS if erofs_works(folder) else DIRECTORY)
        temporary, lock = paths.make_locked(folder, TEMPORARY)
        try:
            making.run(_counted(stream, progress), media_type, temporary, form)
            discard(f"{folder}/{name}")  # one of another boot
            os.rename(temporary, f"{folder}/{name}")
        except BaseException as error:
            discard(temporary)
            if isinstance(error, OSError) and not isinstance(error, errors.WardianError):
                raise errors.KernelError(f'unpack "{diff_id}"', error.errno or 0) from None
            raise
        finally:
            os.close(lock)
    made = find_layer(diff_id, root_dir)
    assert made is not None
    return made


def _counted(stream: "BinaryIO", progress: "Callable[[int], None] | None") -> "BinaryIO":
    return _Counted(stream, progress) if progress else stream  # type: ignore[return-value]


class _Counted:
    """A stream that tells how much was read of it."""

    def __init__(self, stream: "BinaryIO", progress: "Callable[[int], None]") -> None:
        self._stream = stream
        self._progress = progress
        self._total = 0

    def read(self, count: int) -> bytes:
        data = self._stream.read(count)
        self._total += len(data)
        self._progress(self._total)
        return data


class Making:
    """Makes one layer in a folder of its own."""

    def __init__(self, diff_id: str, limits: Limits) -> None:
        self._diff_id = diff_id
        self._limits = limits

    def run(self, stream: "BinaryIO", media_type: str, folder: str, form: str) -> None:
        """Make it out of a blob; arguments and errors as of `store`."""
        pieces = compression.decompress(stream, media_type, limit_bytes=self._limits.size_bytes)
        hasher = Hasher(self._diff_id)
        try:
            with ReadAhead(pieces) as ahead:
                watched = hasher.watch(ahead)
                if form == EROFS:
                    form, summary = self._erofs(watched, folder)
                else:
                    summary = build_tree(watched, folder, self._limits.entries)
            hasher.check(self._diff_id)
        finally:
            hasher.close()
        self._describe(folder, form, hasher.size_bytes, summary)

    def _erofs(self, pieces: "Iterable[bytes]", folder: str) -> "tuple[str, Summary]":
        archive = f"{folder}/tar"
        copied = _copied(pieces, archive)
        reader = Reader(copied, limit_entries=self._limits.entries)
        tree = erofs_index.Tree()
        try:
            summary = tree.run(layer_entries.items(reader))
            if reader.is_cut:  # the kernel reads whole blocks: EIO at the end of the last file
                raise UnfitError
        except UnfitError:
            for _piece in copied:
                pass
            summary = build_tree(chunks(archive), folder, self._limits.entries)
            os.unlink(archive)
            return DIRECTORY, summary
        with open(f"{folder}/index", "wb", buffering=_BUFFER_BYTES) as index:
            size = os.stat(archive).st_size
            erofs_writer.write(tree.top, index, diff_id=self._diff_id, archive_bytes=size)
        return EROFS, summary

    def _describe(self, folder: str, form: str, size: int, summary: "Summary") -> None:
        lines = {
            "form": form,
            "size": size,
            "entries": summary.entries,
            "left-out": summary.devices_left_out,
        }
        if form == DIRECTORY:
            lines["boot"] = boot_id()
        files = {"layer": "".join(f"{word} {value}\n" for word, value in lines.items()).encode()}
        if implicit := b"\0".join(sorted(path for path in summary.implicit if path)):
            files["implicit"] = implicit
        for name, data in files.items():
            with open(f"{folder}/{name}", "xb") as file:
                file.write(data)
        for name in ("tar", "index") if form == EROFS else ():
            _sync(f"{folder}/{name}")
        for name in files:
            _sync(f"{folder}/{name}")
        _sync(folder)


def _copied(pieces: "Iterable[bytes]", path: str) -> "Iterator[bytes]":
    """Write what passes through to a file."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        for piece in pieces:
            view = memoryview(piece)
            while view:
                view = view[os.write(fd, view) :]
            yield piece
    finally:
        os.close(fd)


def chunks(path: str) -> "Iterator[bytes]":
    """Yield a file's content in pieces."""
    with open(path, "rb", buffering=0) as file:
        while chunk := file.read(_BUFFER_BYTES):
            yield chunk


# ---- the directory form -------------------------------------------------------------------


def build_tree(pieces: "Iterable[bytes]", folder: str, limit_entries: int) -> "Summary":
    """Unpack an archive into folder/tree, as root of our user namespace or of the caller's."""
    from wardian.images import layer_worker

    tree = f"{folder}/tree"
    os.mkdir(tree, 0o700)
    if os.geteuid() == 0:
        return layer_worker.build(pieces, tree, limit_entries)
    from wardian.kernel.side_process import PIPE, SideProcess

    with SideProcess(f"{WORKER}:unpack", [tree, str(limit_entries)], stdin=PIPE) as side:
        try:
            for piece in pieces:
                side.stdin.write(piece)
        except BrokenPipeError:
            pass  # it has failed, and says why
        return layer_worker.read_summary(side.wait())


def discard(path: str) -> None:
    """Remove a folder with all that is in it, also files of the caller's subordinate ids."""
    try:
        paths.remove_tree(path)
    except errors.KernelError:
        if os.geteuid() == 0:
            raise
        from wardian.kernel import side_process

        side_process.call(f"{WORKER}:remove", [path])


# ---- the EROFS form -----------------------------------------------------------------------

_trials: dict[int, bool] = {}


def erofs_works(folder: str) -> bool:
    """Return whether the kernel mounts EROFS from files of this folder, for us; tries it out."""
    if os.geteuid() != 0 or probe.facts().kernel < _FILE_BACKED_EROFS:
        return False
    device = os.stat(folder).st_dev
    if device not in _trials:
        _trials[device] = _try_erofs(folder)
    return _trials[device]


def _try_erofs(folder: str) -> bool:
    temporary, lock = paths.make_locked(folder, TEMPORARY)
    try:
        with open(f"{temporary}/tar", "xb") as archive:
            archive.write(bytes(1024))
        with open(f"{temporary}/index", "xb") as index:
            erofs_writer.write(
                erofs_index.Tree().top, index, diff_id="sha256:" + "0" * 64, archive_bytes=1024
            )
        os.close(mounts.make("erofs", f"{temporary}/index", [("device", f"{temporary}/tar")]))
    except errors.KernelError:
        return False
    finally:
        paths.remove_tree(temporary)
        os.close(lock)
    return True


# ---- remove -------------------------------------------------------------------------------


def remove(diff_id: str, root_dir: str) -> int:
    """Remove a layer.

    Returns:
        The bytes of its archive, which are about those that are free now; 0 where it is not there.

    Raises:
        StatusError: somebody uses it.
    """
    folder = f"{root_dir}/{FOLDER}"
    path = f"{folder}/{folder_name(diff_id)}"
    try:
        lock = lock_in_use(path)
    except FileNotFoundError:
        return 0
    try:
        try:
            found = find_layer(diff_id, root_dir)
        except errors.SpecError:
            found = None  # damaged: it goes all the same
        gone = f"{folder}/{TEMPORARY}{os.getpid()}-{os.urandom(6).hex()}"
        try:
            os.rename(path, gone)
        except FileNotFoundError:
            return 0  # somebody else was faster
        discard(gone)
    finally:
        os.close(lock)
    return found.size_bytes if found else 0


def settle(root_dir: str, *, older_s: float = _WRITTEN_BACK_S) -> None:
    """Flush what was unpacked to the disk, so that it is still there after a power cut.

    Args:
        root_dir: where the layers are.
        older_s: only if one was made so long ago that the kernel has written it already.
    """
    fresh = [
        found.path
        for diff_id in list_layers(root_dir)
        if (found := _readable(diff_id, root_dir)) and not found.is_settled
    ]
    try:
        now = time.time()
        fresh = [path for path in fresh if now - os.stat(f"{path}/layer").st_mtime >= older_s]
        if fresh:
            mounts.sync_filesystem(f"{root_dir}/{FOLDER}")
    except FileNotFoundError:
        return  # removed meanwhile; the next one settles
    for path in fresh:
        try:
            paths.write_atomic(f"{path}/settled", b"")
        except errors.KernelError:
            continue  # removed meanwhile


def _readable(diff_id: str, root_dir: str) -> "Layer | None":
    try:
        return find_layer(diff_id, root_dir)
    except errors.SpecError:
        return None  # for fsck


def sweep(root_dir: str) -> None:
    """Remove what killed processes have left, and nothing else."""
    folder = f"{root_dir}/{FOLDER}"
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return
    for name in names:
        path = f"{folder}/{name}"
        if name.startswith(CHAIN) and not _is_whole(path, root_dir):
            discard(path)
        elif name.startswith((TEMPORARY, LOCK)):
            lock_fd = paths.lock_left(path)
            if lock_fd < 0:
                continue
            try:
                if name.startswith(LOCK):
                    os.unlink(path)
                else:
                    discard(path)
            except FileNotFoundError:
                continue  # another sweep was faster
            finally:
                os.close(lock_fd)


def _is_whole(path: str, root_dir: str) -> bool:
    """Return whether all layers of a chain are there, and the chain itself."""
    try:
        with open(f"{path}/chain", "rb") as file:
            diff_ids = file.read().decode("ascii").split("\n")[1:]
        return all(find_layer(diff_id, root_dir) for diff_id in diff_ids)
    except (OSError, errors.SpecError, UnicodeDecodeError):
        return False


# ---- locks --------------------------------------------------------------------------------


@contextlib.contextmanager
def locked(path: str) -> "Iterator[None]":
    """Hold a lock file, which is removed at the end."""
    while True:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(fd, fcntl.LOCK_EX)
        try:
            if os.stat(path).st_ino == os.fstat(fd).st_ino:
                break
        except FileNotFoundError:
            pass  # who held it has removed it meanwhile
        os.close(fd)
    try:
        yield
    finally:
        os.unlink(path)
        os.close(fd)


def _sync(path: str) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
