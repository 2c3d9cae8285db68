"""The images there are, their names, and their documents.

An image is an entry of the layout's index.json: a manifest for one platform, or an index. One name
can have an entry for each platform, so that pulling a foreign one hides nothing; this machine's
stands first, which is the one that other tools take. An entry that lost its name to a newer one
stays without a name until `prune`.
"""

from wardian.errors import NotFoundError, SpecError, StatusError, UsageError
from wardian.images import blobs, leases
from wardian.images.layout import CONTAINERD_NAME, REF_NAME, Layout
from wardian.kernel import compat
from wardian.registry import digests, manifests, media, platforms, reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from wardian.registry.documents import Config, Descriptor
    from wardian.registry.manifests import Document
    from wardian.registry.platforms import Platform

# The repositories and digests that it was pulled from or pushed to, with blanks between.
SOURCES = "wardian.sources"
# The index that it was chosen from.
PARENT = "wardian.index"

_ID_LEAST = 2
_ID_DIGITS = frozenset("0123456789abcdef")


class Entry:
    """One image in the store: a row of index.json.

    Attributes:
        row: as it stands there.
        name: complete ("host/path:tag"), or "" for one without a name.
    """

    __slots__ = ("name", "row")

    def __init__(self, row: "Descriptor") -> None:
        self.row = row
        annotations = row.get("annotations") or {}
        self.name = _full_name(annotations.get(CONTAINERD_NAME) or annotations.get(REF_NAME) or "")

    @property
    def digest(self) -> str:
        """Of the manifest or index."""
        return self.row["digest"]

    @property
    def is_index(self) -> bool:
        """It is an index of several platforms."""
        return self.row["mediaType"] in media.INDEXES

    @property
    def platform(self) -> "Platform | None":
        """Where it runs, if the row says so."""
        found = self.row.get("platform")
        return platforms.of_document(found) if found else None

    @property
    def parent(self) -> str:
        """The digest of the index that it was chosen from, or ""."""
        found = (self.row.get("annotations") or {}).get(PARENT, "")
        return "" if digests.fault(found) else found

    @property
    def sources(self) -> "list[str]":
        """Where it was pulled from or pushed to: "repository@digest"."""
        return (self.row.get("annotations") or {}).get(SOURCES, "").split()


def _full_name(text: str) -> str:
    """Return a name as we write it; other tools write what their user typed."""
    if not text:
        return ""
    try:
        return str(reference.parse(text))
    except UsageError:
        return text if text.isprintable() else ""


class Store:
    """The images under one WARDIAN_ROOT.

    Attributes:
        layout: where they lie.
    """

    def __init__(self, root_dir: str) -> None:
        self.layout = Layout(root_dir)

    def entries(self) -> "list[Entry]":
        """Return all images, in the order of index.json."""
        return [Entry(row) for row in self.layout.read_index()]

    def document(self, digest: str) -> "Document":
        """Return a manifest or index, checked.

        Raises:
            NotFoundError: its blob is not there.
            SpecError: it is broken.
        """
        what = f'manifest "{digest}"'
        data = blobs.read(self.layout, digest, manifests.MANIFEST_BYTES)
        return manifests.read(data, "", what, digest=digest)

    def config(self, document: "Document") -> "Config":
        """Return the config of a manifest, checked.

        Raises:
            SpecError: it is none, or does not fit the manifest.
        """
        assert document.manifest is not None
        row = document.manifest["config"]
        if row["mediaType"] not in media.CONFIGS:
            raise SpecError(
                f'"{document.digest}" is an artifact of type "{row["mediaType"][:200]}",'
                " not an image"
            )
        data = blobs.read(self.layout, row["digest"], manifests.CONFIG_BYTES)
        return checked_config(data, document)

    def find(self, text: str, platform: "Platform | None" = None) -> Entry:
        """Return the image that a word means: a name, an id, or the start of one.

        Args:
            text: as people write it.
            platform: which one; without it this machine's, else the only one there is.

        Raises:
            NotFoundError: there is none.
            UsageError: the id's start fits several images.
        """
        rows = self.entries()
        found = self._by_name(rows, text) or self._by_id(rows, text)
        if not found:
            hint = f"`wardian pull {text}` fetches it" if _is_name(text) else ""
            raise NotFoundError(f'there is no image "{text[:300]}"', hint=hint)
        return self._fitting(found, text, platform)

    def named(self, name: str) -> "list[Entry]":
        """Return the images with exactly this complete name."""
        return [entry for entry in self.entries() if entry.name == name]

    @staticmethod
    def _by_name(rows: "list[Entry]", text: str) -> "list[Entry]":
        try:
            wanted = reference.parse(text)
        except UsageError:
            return []
        found = [entry for entry in rows if entry.name == str(wanted)]
        if found or not wanted.digest:
            return found
        source = f"{wanted.repository}@{wanted.digest}"
        return [
            entry
            for entry in rows
            if source in entry.sources
            or (
                wanted.digest in (entry.digest, entry.parent)
                and entry.name.startswith((f"{wanted.repository}:", f"{wanted.repository}@"))
            )
        ]

    def _by_id(self, rows: "list[Entry]", text: str) -> "list[Entry]":
        algorithm, colon, digits = text.partition(":")
        if not colon:
            algorithm, digits = digests.CANONICAL, text
        if len(digits) < _ID_LEAST or not _ID_DIGITS.issuperset(digits):
            return []
        start = f"{algorithm}:{digits}"
        found: dict[str, list[Entry]] = {}
        for entry in rows:
            for one in (self.image_id(entry), entry.digest):
                if one.startswith(start):
                    found.setdefault(one, []).append(entry)
        if len(found) > 1 and len({id(row[0].row) for row in found.values()}) > 1:
            raise UsageError(f'"{text}" is the start of {len(found)} images\' ids')
        return next(iter(found.values()), [])

    def image_id(self, entry: Entry) -> str:
        """Return what docker calls the image's id: its config's digest, or the index's own."""
        if entry.is_index:
            return entry.digest
        try:
            manifest = self.document(entry.digest).manifest
        except (NotFoundError, SpecError):
            return entry.digest
        return manifest["config"]["digest"] if manifest else entry.digest

    def _fitting(self, found: "list[Entry]", text: str, wanted: "Platform | None") -> Entry:
        """Return the entry for a platform."""
        asked = wanted or platforms.host()
        runs = None if wanted else compat.runs
        by_platform: dict[Platform, Entry] = {}
        for entry in found:
            where = entry.platform
            if where:
                by_platform.setdefault(where, entry)
        for one in platforms.candidates(asked, runs_sibling=runs):
            if one in by_platform:
                return by_platform[one]
        whole = next((entry for entry in found if entry.is_index), None)
        if whole:
            return self._chosen(whole, text, asked)
        unknown = [entry for entry in found if entry.platform is None]
        if unknown or (wanted is None and len(found) == 1):
            return (unknown or found)[0]
        there = ", ".join(str(one) for one in by_platform)
        raise NotFoundError(
            f'image "{text}": there is none for {asked}, only for {there}',
            hint=f"`wardian pull --platform {asked} {text}` fetches it",
        )

    def _chosen(self, whole: Entry, text: str, asked: "Platform") -> Entry:
        """Return the manifest that an index has for a platform, as an entry of the same name."""
        index = self.document(whole.digest).index
        rows = (index or {}).get("manifests") or []
        accepted = platforms.candidates(asked, runs_sibling=compat.runs)
        row = dict(platforms.choose(rows, accepted, f'image "{text}"', asked))
        row["annotations"] = {**(whole.row.get("annotations") or {}), PARENT: whole.digest}
        return Entry(row)  # type: ignore[arg-type]

    # ---- changes ---------------------------------------------------------------------------------

    def change(self, edit: "Callable[[list[Descriptor]], list[Descriptor]]") -> None:
        """Replace index.json by what `edit` makes of it, with the lock held."""
        with self.layout.locked():
            before = self.layout.read_index()
            after = edit([row.copy() for row in before])
            if after != before:
                self.layout.write_index(after)

    def add(
        self,
        document: "Document",
        name: str,
        *,
        platform: "Platform | None" = None,
        parent: str = "",
        source: str = "",
    ) -> Entry:
        """Give a name to an image whose blobs are here.

        Args:
            document: its manifest or index; stored here.
            name: complete, or "".
            platform: of a manifest.
            parent: the digest of the index that it was chosen from.
            source: "repository@digest".
        """
        blobs.put(self.layout, document.data, document.digest)
        row = document.descriptor()
        if platform:
            row["platform"] = platform.document()
        annotations = {REF_NAME: name, CONTAINERD_NAME: name, PARENT: parent, SOURCES: source}
        row["annotations"] = {key: text for key, text in annotations.items() if text}
        self.change(lambda rows: _added(rows, row))
        return Entry(row)

    def tag(self, entry: Entry, name: str) -> None:
        """Give another name to an image; the old ones stay."""
        row = entry.row.copy()
        annotations = dict(row.get("annotations") or {})
        annotations.update({REF_NAME: name, CONTAINERD_NAME: name})
        row["annotations"] = annotations
        self.change(lambda rows: _added(rows, row))

    def untag(self, text: str, platform: "Platform | None" = None) -> "list[Entry]":
        """Remove a name, or with an id all names of an image; returns the entries that went.

        Raises:
            NotFoundError: there is none.
            StatusError: a running command or box relies on it.
        """
        gone: list[Entry] = []

        def edit(rows: "list[Descriptor]") -> "list[Descriptor]":
            entries = [Entry(row) for row in rows]
            found = self._by_name(entries, text) or self._by_id(entries, text)
            if platform:
                found = [entry for entry in found if entry.platform == platform]
            if not found:
                raise NotFoundError(f'there is no image "{text[:300]}"')
            gone.extend(found)
            left = [row for row in rows if all(row is not entry.row for entry in found)]
            still = {row["digest"] for row in left}
            used = leases.held(self.layout)
            for entry in found:
                if entry.digest not in still and (leases.IMAGE, entry.digest) in used:
                    raise StatusError(f'image "{text}" is in use', hint="by a pull, push or box")
            return left

        self.change(edit)
        return gone

    def note_source(self, entry: Entry, source: str) -> None:
        """Note that an image is in a repository too: "repository@digest"."""

        def edit(rows: "list[Descriptor]") -> "list[Descriptor]":
            for row in rows:
                if row["digest"] == entry.digest and Entry(row).name == entry.name:
                    known = Entry(row).sources
                    if source not in known:
                        annotations = dict(row.get("annotations") or {})
                        annotations[SOURCES] = " ".join([*known, source])
                        row["annotations"] = annotations
            return rows

        self.change(edit)


def checked_config(data: bytes, document: "Document") -> "Config":
    """Return a config that fits its manifest.

    Raises:
        SpecError: it does not.
    """
    what = f'config of "{document.digest}"'
    config = manifests.read_config(data, what)
    layers = (document.manifest or {}).get("layers") or []
    diff_ids = config.get("rootfs", {}).get("diff_ids") or []
    if len(diff_ids) != len(layers):
        raise SpecError(f"{what}: {len(diff_ids)} diff ids for {len(layers)} layers")
    return config


def _is_name(text: str) -> bool:
    try:
        reference.parse(text)
    except UsageError:
        return False
    return True


def _added(rows: "list[Descriptor]", row: "Descriptor") -> "list[Descriptor]":
    """Return the rows with a new one; one that had its name and platform loses the name."""
    new = Entry(row)
    found: list[Descriptor] = []
    for old in rows:
        entry = Entry(old)
        if entry.name == new.name and entry.digest == new.digest:
            merged = dict.fromkeys([*new.sources, *entry.sources])
            if merged:
                row["annotations"] = {**(row.get("annotations") or {}), SOURCES: " ".join(merged)}
            continue
        if new.name and entry.name == new.name and _collides(entry, new):
            _without_name(old)
        found.append(old)
    native = new.platform is None or new.platform.architecture == platforms.host().architecture
    at = 0
    while at < len(found) and not (native and Entry(found[at]).name == new.name):
        at += 1
    found.insert(at, row)
    named = {one["digest"] for one in found if Entry(one).name}
    return [one for one in found if Entry(one).name or one["digest"] not in named]


def _collides(old: Entry, new: Entry) -> bool:
    """Say whether two images of one name can't both keep it."""
    if old.is_index or new.is_index:
        return True
    return old.platform == new.platform or old.platform is None or new.platform is None


def _without_name(row: "Descriptor") -> None:
    annotations = dict(row.get("annotations") or {})
    annotations.pop(REF_NAME, None)
    annotations.pop(CONTAINERD_NAME, None)
    row["annotations"] = annotations
