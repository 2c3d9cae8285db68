"""Fetch an image: its name becomes a manifest, the manifest layers on disk.

Facts about a pull
------------------
A name by digest whose image is here asks nobody anything. By tag, HEAD tells whether the tag still
means what is here; it costs nothing of a registry's rate limit. The name is given last, so that an
image with a name is complete. A pull that fails removes what it brought, unless the network was to
blame: then it is there for the next one.
"""

from wardian.errors import NotFoundError, SpecError
from wardian.exchange.preparing import check_layers
from wardian.exchange.transfer import Transfer
from wardian.images import blobs, garbage, layers, leases
from wardian.images.leases import Lease
from wardian.images.store import checked_config
from wardian.kernel import compat
from wardian.registry import manifests, media, platforms, reference
from wardian.registry import settings as registry_settings
from wardian.registry.sources import Sources

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from wardian.exchange.transfer import Event
    from wardian.images.store import Entry, Store
    from wardian.registry.credentials import Login
    from wardian.registry.documents import Config, Descriptor
    from wardian.registry.manifests import Document
    from wardian.registry.platforms import Platform
    from wardian.registry.reference import Reference
    from wardian.registry.settings import Settings

_NESTED_MAX = 4


class Pulled:
    """What a pull brought.

    Attributes:
        entry: the image in the store.
        is_new: something was fetched.
        digest: of what the name means at the registry: the index, or the manifest.
        config: None for a whole index.
    """

    __slots__ = ("config", "digest", "entry", "is_new")

    def __init__(
        self, entry: "Entry", digest: str, config: "Config | None", *, is_new: bool
    ) -> None:
        self.entry = entry
        self.digest = digest
        self.config = config
        self.is_new = is_new


def pull(
    store: "Store",
    name: str,
    *,
    platform: "Platform | None" = None,
    all_platforms: bool = False,
    settings: "Settings | None" = None,
    login: "Login | None" = None,
    progress: "Callable[[Event], None] | None" = None,
    pause: "Callable[[float], object] | None" = None,
) -> Pulled:
    """Fetch an image, and unpack its layers.

    Args:
        store: where to.
        name: as people write it.
        platform: which one of an index; without it this machine's.
        all_platforms: the whole index; only this machine's layers are unpacked.
        settings: how to speak to the registry, instead of what config.toml says.
        login: instead of the stored one.
        progress: called with what happens, from threads, one call at a time.
        pause: waits between attempts, instead of really.

    Raises:
        NotFoundError: there is no such image, or none for the platform.
        SpecError: what came is not what was promised; nothing of it is kept.
        RemoteError: the registry refused, or can't be reached.
    """
    wanted = reference.parse(name)
    how = settings or registry_settings.load(wanted.domain)
    sources = Sources(wanted, how, login=login, pause=pause)
    lease = Lease(store.layout)
    work = _Pull(store, wanted, sources, lease)
    work.progress = progress
    try:
        with lease:
            garbage.sweep(store)
            if all_platforms:
                return work.whole()
            return work.one(platform)
    except (SpecError, NotFoundError):
        garbage.collect(store, only=lease.digests)
        raise
    finally:
        sources.close()


def tags(name: str, settings: "Settings | None" = None) -> "list[str]":
    """Return the tags that a repository has at its registry.

    Raises:
        NotFoundError: there is no such repository.
        RemoteError: the registry refused, or can't be reached.
    """
    wanted = reference.parse(name)
    sources = Sources(wanted, settings or registry_settings.load(wanted.domain))
    try:
        return list(sources.own.tags())
    finally:
        sources.close()


class _Pull:
    """One pull under way."""

    progress: "Callable[[Event], None] | None" = None

    def __init__(self, store: "Store", wanted: "Reference", sources: Sources, lease: Lease) -> None:
        self._store = store
        self._wanted = wanted
        self._sources = sources
        self._lease = lease

    def one(self, platform: "Platform | None") -> Pulled:
        """Fetch the image for one platform."""
        here = self._up_to_date(platform)
        if here:
            return here
        top = self._sources.manifest(self._wanted.target)
        asked = platform or platforms.host()
        document = top
        for _depth in range(_NESTED_MAX):
            if document.manifest:
                break
            document = self._choose(document, asked, is_host=platform is None)
        if not document.manifest:
            raise SpecError(f'image "{self._wanted}": an index in an index in an index ...')
        config = self._bring(document, unpack=True)
        found = platforms.of_document(config)
        if platform and found != platform and top is document:
            raise NotFoundError(f'image "{self._wanted}": it is for {found}, not for {platform}')
        if top is not document:
            self._lease.add(leases.BLOB, top.digest)
            blobs.put(self._store.layout, top.data, top.digest)
        entry = self._store.add(
            document,
            str(self._wanted),
            platform=found,
            parent=top.digest if top is not document else "",
            source=f"{self._wanted.repository}@{top.digest}",
        )
        return Pulled(entry, top.digest, config, is_new=True)

    def _choose(self, document: "Document", asked: "Platform", *, is_host: bool) -> "Document":
        """Return what an index has for a platform: a manifest, or another index."""
        what = f'image "{self._wanted}"'
        rows = (document.index or {}).get("manifests") or []
        accepted = list(platforms.candidates(asked))
        fitting = [row for row in rows if row["mediaType"] in media.ACCEPTED]
        try:
            row = platforms.choose(fitting, accepted, what, asked)
        except NotFoundError as error:
            nested = [one for one in fitting if one["mediaType"] in media.INDEXES]
            if len(nested) == 1:
                row = nested[0]
            elif is_host:
                every = platforms.candidates(asked, runs_sibling=compat.runs)
                row = platforms.choose(fitting, every, what, asked)
            else:
                raise error from None
        return self._fetched(row)

    def _fetched(self, row: "Descriptor") -> "Document":
        """Return a manifest that an index names."""
        what = f'manifest "{self._wanted.repository}@{row["digest"]}"'
        if row["size"] > manifests.MANIFEST_BYTES:
            raise SpecError(f"{what}: larger than {manifests.MANIFEST_BYTES >> 20} MiB")
        if blobs.has(self._store.layout, row["digest"], row["size"]):
            return self._store.document(row["digest"])
        found = self._sources.manifest(row["digest"])
        if len(found.data) != row["size"]:
            raise SpecError(f"{what}: {row['size']} bytes were promised, {len(found.data)} came")
        if found.media_type != row["mediaType"]:
            raise SpecError(
                f'{what}: its index calls it "{row["mediaType"]}", it says "{found.media_type}"'
            )
        return found

    def whole(self) -> Pulled:
        """Fetch an index with all that it names."""
        top = self._sources.manifest(self._wanted.target)
        if top.manifest:
            return self.one(None)
        self._lease.add(leases.BLOB, top.digest)
        own = list(platforms.candidates(platforms.host()))
        for row in (top.index or {}).get("manifests") or []:
            if row["mediaType"] not in media.MANIFESTS:
                continue
            document = self._fetched(row)
            where = row.get("platform")
            self._bring(document, unpack=platforms.of_document(where or {}) in own)
            self._lease.add(leases.BLOB, document.digest)
            blobs.put(self._store.layout, document.data, document.digest)
        source = f"{self._wanted.repository}@{top.digest}"
        entry = self._store.add(top, str(self._wanted), source=source)
        return Pulled(entry, top.digest, None, is_new=True)

    def _bring(self, document: "Document", *, unpack: bool) -> "Config":
        """Fetch the config and the layers of a manifest; returns the config."""
        manifest = document.manifest
        assert manifest is not None
        row = manifest["config"]
        rows = manifest.get("layers") or []
        is_image = row["mediaType"] in media.CONFIGS
        if unpack and not is_image:
            raise SpecError(
                f'"{self._wanted}" is an artifact of type "{row["mediaType"][:200]}", not an image'
            )
        if row["size"] > manifests.CONFIG_BYTES:
            raise SpecError(f'config of "{document.digest}": larger than 16 MiB')
        transfer = Transfer(self._store.layout, self._sources.fetch, self._lease)
        transfer.run([row], network=self._sources)
        config: Config = {}
        if is_image:
            data = blobs.read(self._store.layout, row["digest"], manifests.CONFIG_BYTES)
            config = checked_config(data, document)
        diff_ids = None
        if unpack:
            check_layers(document)
            diff_ids = config.get("rootfs", {}).get("diff_ids") or []
        transfer = Transfer(self._store.layout, self._sources.fetch, self._lease, self.progress)
        transfer.run(rows, diff_ids, network=self._sources)
        return config

    def _up_to_date(self, platform: "Platform | None") -> "Pulled | None":
        """Return the image that is here, if it is what the registry has, and complete."""
        entry = self._here(platform)
        if entry is None:
            return None
        known = entry.parent or entry.digest
        if not self._wanted.digest:
            there = self._sources.own.head(self._wanted.tag)
            if there is None or there[0] != known:
                return None
        self._lease.add(leases.IMAGE, entry.digest)
        document = self._store.document(entry.digest)
        try:
            config = self._store.config(document)
        except NotFoundError:
            return None
        if not is_complete(self._store, document, config):
            return None
        if not entry.name:
            self._store.tag(entry, str(self._wanted))
        return Pulled(entry, known, config, is_new=False)

    def _here(self, platform: "Platform | None") -> "Entry | None":
        """Return the image of this name and platform in the store."""
        for entry in self._store.named(str(self._wanted)):
            where = entry.platform
            if entry.is_index or where is None or not blobs.has(self._store.layout, entry.digest):
                continue
            if where == platform or (platform is None and where in _native()):
                return entry
        return None


def _native() -> "list[Platform]":
    return list(platforms.candidates(platforms.host()))


def is_complete(store: "Store", document: "Document", config: "Config") -> bool:
    """Say whether all blobs and layers of an image are here."""
    rows = (document.manifest or {}).get("layers") or []
    diff_ids = config.get("rootfs", {}).get("diff_ids") or []
    return all(blobs.has(store.layout, row["digest"], row["size"]) for row in rows) and all(
        layers.find_layer(diff_id, store.layout.root_dir) for diff_id in diff_ids
    )
