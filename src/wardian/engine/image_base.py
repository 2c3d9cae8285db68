"""An image as the base of a box: found or fetched, held, and in the words of a plan.

A box holds a lease on its image (images.leases), which the launcher keeps for as long as the box
lives, and its engine a lock on each layer: nothing of it can be removed. An EROFS layer is mounted
in the box's own mount namespace; a directory is a lower layer as it is.
"""

import fcntl
import os

from wardian import errors
from wardian.engine import image_records
from wardian.images import leases, snapshots
from wardian.images.layer import EROFS, boot_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from wardian.engine.image_records import Record
    from wardian.engine.lent import Loan
    from wardian.exchange.transfer import Event
    from wardian.images.layer import Layer

    Progress = Callable[[Event], None]

_ATTEMPTS = 3
# launcher/mounts.c: all but 256 of DATA_MAX bytes, of which a layer takes 18 at most.
LOWER_MAX = 200


class ImageBase:
    """An image that stays as long as this is open.

    Attributes:
        record: what it is.
        loan: what a feature gives its boxes besides; or None.
        lower: the overlay's lower layers, the topmost first: names of mounts, or symbols.
        mounts: what is mounted before: the mount's name, its source's and its device's symbol.
        bindings: what the symbols stand for.
        lease_fd: hand it to the launcher.
    """

    __slots__ = ("_held", "_lease", "bindings", "loan", "lower", "mounts", "record")

    def __init__(self, record: "Record", root_dir: str, loan: "Loan | None" = None) -> None:
        """Hold it.

        Args:
            record: what it is.
            root_dir: WARDIAN_ROOT.
            loan: what a feature gives its boxes besides.

        Raises:
            NotFoundError: something of it is not there any more.
        """
        self.record = record
        self.loan = loan
        self.lower: list[str] = []
        self.mounts: list[tuple[str, str, str]] = []
        self.bindings: dict[str, str | bytes] = {}
        self._held: list[int] = []
        self._lease = leases.Lease(_Place(root_dir))  # type: ignore[arg-type]
        try:
            self._lease.add(leases.IMAGE, record.digest)
            self._lease.add(leases.LAYER, *record.diff_ids)
            layers = snapshots.chain(record.diff_ids, root_dir)
            self._held = snapshots.hold(layers)
            self._take_attributes()
            if len(layers) + len(self.lower) > LOWER_MAX:
                raise errors.UnsupportedError(
                    f"the image has {len(layers)} layers; a box can stack {LOWER_MAX}",
                    hint="one layer of all: wardian export IMAGE | wardian import - NAME",
                )
            for layer in layers:
                self._take(layer)
            if loan is not None and loan.below:
                self.bindings["$below"] = loan.below
                self.lower.append("$below")
        except BaseException:
            self.close()
            raise
        self.lower = self.lower or ["empty"]  # an image without layers; the launcher makes it

    @property
    def lease_fd(self) -> int:
        """Holds the lease; hand it to the launcher."""
        return self._lease.fd

    def _take_attributes(self) -> None:
        tree = self.record.attributes
        if not tree:
            return
        folder = os.path.dirname(tree)
        try:  # it is not flushed to the disk, so it counts for one boot
            with open(f"{folder}/chain", "rb") as file:
                is_good = file.read().decode("ascii").partition("\n")[0] == boot_id()
        except FileNotFoundError:
            is_good = False
        if not is_good:
            raise errors.NotFoundError(f'"{tree}" is not there')
        symbol = f"${os.path.basename(folder).removeprefix('.').replace('-', ':')}"
        self.bindings[symbol] = tree
        self.lower.append(symbol)

    def _take(self, layer: "Layer") -> None:
        symbol = f"$layer:{layer.diff_id}"
        if layer.form != EROFS:
            self.bindings[symbol] = layer.tree
            self.lower.append(symbol)
            return
        layer.warm()
        _kind, source, options = layer.mount
        device = f"$device:{layer.diff_id}"
        words = ",".join(f"{name}={value}" for name, value in options)
        if words.count(",") >= len(options):
            raise errors.UsageError(
                f'"{layer.path}" can\'t be mounted: a path with a comma',
                hint="set WARDIAN_ROOT to a directory without one",
            )
        self.bindings[symbol] = source
        self.bindings[device] = words
        name = f"layer{len(self.mounts)}"
        self.mounts.append((name, symbol, device))
        self.lower.append(name)

    def close(self) -> None:
        """Let go of it."""
        snapshots.release(self._held)
        self._held = []
        self._lease.close()


class _Place:
    """What a lease needs of images.layout.Layout, without its modules."""

    __slots__ = ("path",)

    def __init__(self, root_dir: str) -> None:
        self.path = f"{root_dir}/images"

    def locked(self, *, shared: bool) -> "_Lock":
        return _Lock(f"{self.path}/lock", shared=shared)


class _Lock:
    """The layout's lock, held between `with` and its end."""

    __slots__ = ("_fd",)

    def __init__(self, path: str, *, shared: bool) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._fd, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_error: object) -> None:
        os.close(self._fd)


def open_image(
    name: str, platform: str, root_dir: str, *, pull: str, progress: "Progress | None" = None
) -> ImageBase:
    """Find an image, fetched and unpacked if it must be, and hold it.

    Args:
        name: a name, with tag or digest, an id, or the start of one.
        platform: which one, or "".
        root_dir: WARDIAN_ROOT.
        pull: "missing", "always" or "never".
        progress: called with what a pull does.

    Raises:
        NotFoundError: there is no such image.
        RemoteError: the registry refused, or can't be reached.
        SpecError: it is broken.
    """
    if name.startswith("lent "):
        from wardian.engine import lent

        return ImageBase(lent.loan(name).record, root_dir, lent.loan(name))
    found = None if pull == "always" else image_records.find(name, platform, root_dir)
    for _attempt in range(_ATTEMPTS):
        if found is None:
            from wardian.engine import image_fetch

            found = image_fetch.prepare(name, platform, root_dir, pull=pull, progress=progress)
            pull = "missing" if pull == "always" else pull
        try:
            return ImageBase(found, root_dir)
        except errors.NotFoundError:
            found = None  # removed since it was noted; or the machine was started again
    raise errors.StatusError(f'image "{name}" is removed all the time', hint="try again")
