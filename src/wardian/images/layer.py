"""Find layers on disk, each unpacked once and shared by all images and boxes.

A layer lies under its diff id in one of two forms. Where the kernel mounts EROFS from files (root,
Linux 6.12 or newer, not on tmpfs) it is its verified archive, and a small index over it that is an
EROFS image: two files to write and to delete, and nothing can change it. Elsewhere it is an
unpacked directory. Either way it is one lower layer of an overlay.

    layers/sha256-HEX/layer         what it is: lines "word value"
    layers/sha256-HEX/tar, index    the first form
    layers/sha256-HEX/tree          the second form
    layers/.lock-..., .tmp-...      while a layer is made or removed
    layers/.chain-HEX               attributes for a chain of layers (`chain_attributes`)

Whoever uses a layer holds a shared flock(2) on its directory; whoever removes it takes an exclusive
one, and renames it before anything in it goes.

Kernel: flock(2), rename(2), erofs, overlayfs.
"""

import errno
import fcntl
import os

from wardian import errors

EROFS = "erofs"
DIRECTORY = "directory"
FOLDER = "layers"
TEMPORARY = ".tmp-"
LOCK = ".lock-"
CHAIN = ".chain-"
_DESCRIPTION_BYTES = 4096
_HEX = frozenset("0123456789abcdef")
_DIGITS = {"sha256": 64, "sha512": 128}


class Layer:
    """A layer that is ready to be mounted.

    Attributes:
        diff_id: the digest of its uncompressed archive.
        path: where it lies.
        form: EROFS or DIRECTORY.
        size_bytes: of the uncompressed archive.
        entries: how many the archive has.
        devices_left_out: device nodes that could not be made without root.
        is_settled: it would survive a power cut.
    """

    __slots__ = (
        "devices_left_out",
        "diff_id",
        "entries",
        "form",
        "is_settled",
        "path",
        "size_bytes",
    )

    def __init__(self, diff_id: str, path: str, words: "dict[str, str]") -> None:
        self.diff_id = diff_id
        self.path = path
        self.form = words["form"]
        self.size_bytes = int(words["size"])
        self.entries = int(words["entries"])
        self.devices_left_out = int(words["left-out"])
        self.is_settled = "boot" not in words or os.path.exists(f"{path}/settled")

    def __repr__(self) -> str:
        return f"Layer({self.diff_id!r}, {self.form!r})"

    @property
    def tree(self) -> str:
        """The directory that is the layer, of the form DIRECTORY."""
        return f"{self.path}/tree"

    @property
    def index(self) -> str:
        """The EROFS image, of the form EROFS."""
        return f"{self.path}/index"

    @property
    def archive(self) -> str:
        """The uncompressed archive, of the form EROFS: the image's device."""
        return f"{self.path}/tar"

    @property
    def mount(self) -> "tuple[str, str, tuple[tuple[str, str], ...]]":
        """File system type, source and options that mount it, of the form EROFS."""
        return ("erofs", self.index, (("device", self.archive),))

    def hold(self) -> int:
        """Keep the layer from being removed; returns the descriptor that does it.

        Raises:
            NotFoundError: it was removed.
        """
        try:
            fd = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            fcntl.flock(fd, fcntl.LOCK_SH)
            here = os.stat(self.path)
            if (here.st_dev, here.st_ino) == (os.fstat(fd).st_dev, os.fstat(fd).st_ino):
                return fd
            os.close(fd)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise errors.KernelError(f'open("{self.path}")', error.errno or 0) from None
        raise errors.NotFoundError(f'the layer "{self.diff_id}" was removed')

    def warm(self) -> None:
        """Have the index in memory before it is mounted.

        EROFS reads its own blocks without the lock that ext4 since Linux 6.17 wants to see held,
        and then ext4 warns once in the kernel's log. Reading ahead holds it.
        """
        if self.form == EROFS:
            fd = os.open(self.index, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_WILLNEED)
            finally:
                os.close(fd)

    def implicit(self) -> "list[bytes]":
        """Return the directories, but for the top, that have no entry of their own."""
        try:
            with open(f"{self.path}/implicit", "rb") as file:
                return file.read().split(b"\0")
        except FileNotFoundError:
            return []


def folder_name(diff_id: str) -> str:
    """Return the name of a layer's folder.

    Raises:
        SpecError: it is no digest.
    """
    algorithm, _colon, hexadecimal = diff_id.partition(":")
    if len(hexadecimal) != _DIGITS.get(algorithm) or not _HEX.issuperset(hexadecimal):
        raise errors.SpecError(f'"{diff_id[:150]}" is not the digest of a layer')
    return f"{algorithm}-{hexadecimal}"


def find_layer(diff_id: str, root_dir: str) -> "Layer | None":
    """Return a layer; None where it is not there, or a power cut can have damaged it.

    Raises:
        SpecError: `diff_id` is no digest, or what lies there can't be read.
    """
    path = f"{root_dir}/{FOLDER}/{folder_name(diff_id)}"
    try:
        with open(f"{path}/layer", "rb") as file:
            text = file.read(_DESCRIPTION_BYTES).decode("ascii", "replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise errors.KernelError(f'open("{path}/layer")', error.errno or 0) from None
    words = dict(line.split(" ", 1) for line in text.splitlines() if " " in line)
    try:
        layer = Layer(diff_id, path, words)
    except (KeyError, ValueError):
        raise errors.SpecError(
            f'"{path}/layer" does not describe a layer',
            hint="wardian fsck finds and mends what is broken",
        ) from None
    return layer if layer.is_settled or words["boot"] == boot_id() else None


def boot_id() -> str:
    """Return what the kernel calls the present boot."""
    with open("/proc/sys/kernel/random/boot_id", "rb") as file:
        return file.read(64).decode("ascii").strip()


def list_layers(root_dir: str) -> list[str]:
    """Return the diff ids of all layers that are there."""
    try:
        names = os.listdir(f"{root_dir}/{FOLDER}")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise errors.KernelError(f'open("{root_dir}/{FOLDER}")', error.errno or 0) from None
    return sorted(name.replace("-", ":", 1) for name in names if not name.startswith("."))


def lock_in_use(path: str) -> int:
    """Lock a layer's folder to remove it; returns the descriptor that holds the lock.

    Raises:
        StatusError: somebody uses it.
        FileNotFoundError: it is not there.
    """
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(fd)
        if error.errno not in (errno.EAGAIN, errno.EACCES):
            raise errors.KernelError(f'flock("{path}")', error.errno or 0) from None
        raise errors.StatusError(f'the layer "{os.path.basename(path)}" is in use') from None
    return fd
