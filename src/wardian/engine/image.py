"""`wardian.Image`: an image in the store, for programs.

image = wardian.Image.pull("alpine:3.20", progress=print)
image.config["Cmd"], image.layers, image.digest
image.unpack("/tmp/root")
"""

from wardian.engine import directories
from wardian.errors import UsageError
from wardian.exchange.preparing import prepare
from wardian.images import garbage, layers, leases, snapshots
from wardian.images.store import Entry, Store
from wardian.registry import platforms, reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import BinaryIO

    from wardian.exchange.transfer import Event
    from wardian.registry.credentials import Login
    from wardian.registry.documents import Config, Descriptor, RunConfig
    from wardian.registry.platforms import Platform
    from wardian.registry.settings import Settings

    Progress = Callable[[Event], None]


class Image:
    """An image for one platform.

    Attributes:
        name: complete, or "".
        digest: of its manifest.
        is_new: the call that gave it has fetched or made something.
        index_digest: of the index that it was chosen from, or "".
    """

    def __init__(self, store: Store, entry: Entry, *, is_new: bool = False) -> None:
        self._store = store
        self._entry = entry
        self.name = entry.name
        self.digest = entry.digest
        self.index_digest = entry.parent
        self.is_new = is_new
        self._config: Config | None = None

    def __repr__(self) -> str:
        return f"Image({self.name or self.digest!r})"

    # ---- where images come from ------------------------------------------------------------------

    @classmethod
    def pull(
        cls,
        name: str,
        *,
        platform: str = "",
        settings: "Settings | None" = None,
        login: "Login | None" = None,
        progress: "Progress | None" = None,
        root_dir: str = "",
    ) -> "Image":
        """Fetch an image from a registry, if it is not here, and unpack its layers.

        Args:
            name: as people write it: "alpine", "localhost:5000/app@sha256:...".
            platform: "linux/arm64"; without it this machine's.
            settings: how to speak to the registry, instead of what config.toml says.
            login: instead of the stored one.
            progress: called with each exchange.transfer.Event, from threads, one call at a time.
            root_dir: instead of WARDIAN_ROOT.

        Raises:
            NotFoundError: there is no such image, or none for the platform.
            SpecError: what came is not what was promised.
            RemoteError: the registry refused, or can't be reached.
        """
        store = _store(root_dir)
        from wardian.exchange import pull as pulling

        found = pulling.pull(
            store,
            name,
            platform=_platform(platform),
            settings=settings,
            login=login,
            progress=progress,
        )
        return cls(store, found.entry, is_new=found.is_new)

    @classmethod
    def find(cls, name: str, *, platform: str = "", root_dir: str = "") -> "Image":
        """Return an image that is here, by its name, its id or the start of one.

        Raises:
            NotFoundError: there is none.
        """
        store = _store(root_dir)
        return cls(store, store.find(name, _platform(platform)))

    @classmethod
    def all(cls, *, root_dir: str = "") -> "list[Image]":
        """Return all images."""
        store = _store(root_dir)
        return [cls(store, entry) for entry in store.entries()]

    @classmethod
    def load(
        cls, stream: "BinaryIO", *, progress: "Progress | None" = None, root_dir: str = ""
    ) -> "list[Image]":
        """Read images from an archive of docker's or OCI's form."""
        store = _store(root_dir)
        from wardian.exchange import loading

        found = loading.load(store, stream, progress=progress)
        return [cls(store, entry, is_new=True) for entry in found]

    @classmethod
    def import_root(
        cls, source: "str | BinaryIO", name: str = "", *, root_dir: str = "", platform: str = ""
    ) -> "Image":
        """Make an image of a directory or a tar archive (importing.import_root)."""
        store = _store(root_dir)
        from wardian.exchange import importing

        entry = importing.import_root(store, source, name, platform=_platform(platform))
        return cls(store, entry, is_new=True)

    @classmethod
    def index(cls, name: str, images: "list[str]", *, root_dir: str = "") -> "Image":
        """Make an index from images that are here (indexes.create)."""
        store = _store(root_dir)
        from wardian.exchange import indexes

        return cls(store, indexes.create(store, name, images), is_new=True)

    @classmethod
    def commit(
        cls,
        kept: str,
        name: str = "",
        *,
        edits: "Sequence[str]" = (),
        message: str = "",
        author: str = "",
        root_dir: str = "",
    ) -> "Image":
        """Make an image of a kept layer over its own image (image_kept.commit)."""
        from wardian.engine import image_kept

        where = root_dir or directories.root()
        store, entry = image_kept.commit(
            kept, name, where, edits=edits, message=message, author=author
        )
        return cls(store, entry, is_new=True)

    @staticmethod
    def prune(*, root_dir: str = "") -> "garbage.Freed":
        """Remove what no image, no kept layer and nobody who runs needs."""
        from wardian.engine import image_kept

        store = _store(root_dir)
        with image_kept.hold_bases(store):
            return garbage.collect(store)

    # ---- what an image is ------------------------------------------------------------------------

    @property
    def document(self) -> "Config":
        """The whole config document, as it is stored."""
        if self._config is None:
            self._config = self._store.config(self._store.document(self.digest))
        return self._config

    @property
    def config(self) -> "RunConfig":
        """What a program of the image starts with: Entrypoint, Cmd, Env, User ..."""
        return self.document.get("config") or {}

    @property
    def id(self) -> str:
        """The digest of its config, which docker calls the image's id."""
        return self._store.image_id(self._entry)

    @property
    def platform(self) -> str:
        """Where it runs: "linux/amd64"."""
        return str(self._entry.platform or platforms.of_document(self.document))

    @property
    def descriptors(self) -> "list[Descriptor]":
        """Its layers as the manifest has them, from the bottom: media type, digest, size."""
        manifest = self._store.document(self.digest).manifest or {}
        return manifest.get("layers") or []

    @property
    def layers(self) -> "list[layers.Layer]":
        """Its layers on disk, from the bottom; unpacked now, if they are not."""
        with leases.Lease(self._store.layout) as lease:
            return prepare(self._store, self._entry, lease)[1]

    # ---- what can be done with one ---------------------------------------------------------------

    def unpack(self, target: str) -> None:
        """Write the whole tree into a directory.

        Args:
            target: a new directory, or an empty one.
        """
        with leases.Lease(self._store.layout) as lease:
            config, _layers = prepare(self._store, self._entry, lease)
            diff_ids = config.get("rootfs", {}).get("diff_ids") or []
            snapshots.unpack(diff_ids, target, self._store.layout.root_dir)

    def tag(self, name: str) -> "Image":
        """Give it another name."""
        wanted = reference.parse(name)
        if wanted.digest:
            raise UsageError(f'"{name}": a name with a tag is needed, not a digest')
        self._store.tag(self._entry, str(wanted))
        return Image(self._store, self._store.find(str(wanted)))

    def push(
        self,
        destination: str = "",
        *,
        settings: "Settings | None" = None,
        login: "Login | None" = None,
        progress: "Progress | None" = None,
    ) -> str:
        """Send it to a registry; returns its digest."""
        from wardian.exchange import push as pushing

        done = pushing.push(
            self._store,
            self.name or self.digest,
            destination,
            settings=settings,
            login=login,
            progress=progress,
        )
        return done.digest

    def save(self, sink: "BinaryIO", *, form: str = "docker-archive") -> None:
        """Write it to an archive (archives.save)."""
        from wardian.exchange import archives

        archives.save(self._store, [self.name or self.digest], sink, form=form)

    def remove(self) -> None:
        """Remove its name, and what nothing else needs."""
        from wardian.engine import image_kept

        with image_kept.hold_bases(self._store):
            self._store.untag(self.name or self.digest)
            garbage.collect(self._store)


def _store(root_dir: str) -> Store:
    return Store(root_dir or directories.root())


def _platform(text: str) -> "Platform | None":
    return platforms.parse(text) if text else None
