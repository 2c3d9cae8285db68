"""Read indexes, manifests and configs that a stranger wrote.

Everything that later code relies on is checked here, once: sizes, digests, types, counts. All
faults of a document are told in one error.

Facts about documents
---------------------
One whose bytes can be read as an index and as a manifest lets two tools see two images under one
digest (CVE-2021-41190): what has both "manifests" and "layers" is refused, and "mediaType" must
agree with the type that the registry said. A manifest without "mediaType" is lawful.

Source: image-spec; distribution-spec: a registry need not take a manifest over 4 MiB.
"""

import json

from wardian.errors import SpecError
from wardian.registry import digests, media

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from wardian.registry.documents import Config, Descriptor, Index, Manifest

MANIFEST_BYTES = 4 << 20
CONFIG_BYTES = 16 << 20
LAYERS_MAX = 500  # overlayfs takes 500 lower directories (fs/overlayfs/params.h: OVL_MAX_STACK)
INDEX_MAX = 10_000
_SIZE_MAX = 1 << 50
_FAULTS_MAX = 5


class Document:
    """An index or a manifest, and the bytes that it was read from.

    Attributes:
        data: as they came.
        digest: of the bytes.
        media_type: what it is.
    """

    __slots__ = ("data", "digest", "index", "manifest", "media_type")

    def __init__(
        self,
        data: bytes,
        digest: str,
        media_type: str,
        *,
        index: "Index | None" = None,
        manifest: "Manifest | None" = None,
    ) -> None:
        self.data = data
        self.digest = digest
        self.media_type = media_type
        self.index = index
        self.manifest = manifest

    def descriptor(self) -> "Descriptor":
        """Return what names it in an index."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": len(self.data)}


def read(
    data: bytes, media_type: str = "", what: str = "manifest", *, digest: str = ""
) -> Document:
    """Return the index or manifest that `data` holds.

    Args:
        data: the bytes.
        media_type: what the registry or the descriptor says that it is; "" where nobody says.
        what: names it in an error.
        digest: of the bytes, where known; else SHA-256 is computed.

    Raises:
        SpecError: it is neither, or not well-formed.
    """
    if len(data) > MANIFEST_BYTES:
        raise SpecError(f"{what}: larger than {MANIFEST_BYTES >> 20} MiB")
    found = _json_object(data, what)
    said = found.get("mediaType", "")
    kind = _kind(found, said or media_type, what)
    if said and media_type in media.ACCEPTED and media_type != said:
        raise SpecError(f'{what}: it came as "{media_type}", but says that it is "{said}"')
    faults = _Faults(what)
    if found.get("schemaVersion", 2) != 2:
        faults.add("schemaVersion", "must be 2")
    digest = digest or digests.of(data)
    if kind in media.INDEXES:
        _check_index(found, faults)
        faults.tell()
        return Document(data, digest, kind, index=found)  # type: ignore[arg-type]
    _check_manifest(found, faults)
    faults.tell()
    return Document(data, digest, kind, manifest=found)  # type: ignore[arg-type]


def read_config(data: bytes, what: str = "config") -> "Config":
    """Return an image's config, checked.

    Raises:
        SpecError: it is none.
    """
    if len(data) > CONFIG_BYTES:
        raise SpecError(f"{what}: larger than {CONFIG_BYTES >> 20} MiB")
    found = _json_object(data, what)
    faults = _Faults(what)
    for key in ("architecture", "os", "variant", "created", "author"):
        faults.expect(found, key, str, "a string")
    rootfs = faults.expect(found, "rootfs", dict, "an object")
    if rootfs is None:
        faults.add("rootfs", "is not there")
    else:
        for index, diff_id in enumerate(faults.rows(rootfs, "diff_ids", LAYERS_MAX, "rootfs.")):
            faults.add_if(f"rootfs.diff_ids[{index}]", digests.fault(diff_id))
    for index, row in enumerate(faults.rows(found, "history", 10 * LAYERS_MAX)):
        if not isinstance(row, dict):
            faults.add(f"history[{index}]", "must be an object")
    _check_run(faults.expect(found, "config", dict, "an object") or {}, faults)
    faults.tell()
    return found  # type: ignore[return-value]


_STRINGS = ("Env", "Entrypoint", "Cmd", "Shell")


def _check_run(run: "dict[str, Any]", faults: "_Faults") -> None:
    for key in ("User", "WorkingDir", "StopSignal"):
        faults.expect(run, key, str, "a string", prefix="config.")
    for key in ("ExposedPorts", "Volumes", "Labels"):
        faults.expect(run, key, dict, "an object", prefix="config.")
    for key in _STRINGS:
        for index, text in enumerate(faults.rows(run, key, 100_000, "config.")):
            if not isinstance(text, str) or "\0" in text:
                faults.add(f"config.{key}[{index}]", "must be a string without NUL")


def _json_object(data: bytes, what: str) -> "dict[str, Any]":
    try:
        # a float that is no JSON number (NaN) is refused as other parsers refuse it
        found = json.loads(data.decode("utf-8"), parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        text = "nested too deep" if isinstance(error, RecursionError) else str(error)
        raise SpecError(f"{what}: not JSON: {text[:200]}") from None
    if not isinstance(found, dict):
        raise SpecError(f"{what}: not a JSON object")
    return found


def _no_number(text: str) -> object:
    raise ValueError(f"{text} is not a number")


def _kind(found: "dict[str, Any]", said: object, what: str) -> str:
    """Return the media type: what is said, else what the fields tell."""
    if "manifests" in found and ("layers" in found or "config" in found):
        raise SpecError(f"{what}: both an index and a manifest: it has manifests and layers")
    if not isinstance(said, str):
        raise SpecError("must be a string", where=f"{what}: mediaType")
    if media.is_schema_1(said) or found.get("schemaVersion") == 1:
        raise SpecError(
            f"{what}: docker's schema 1, which is of before 2015",
            hint="have the image pushed again by a newer docker",
        )
    if said in media.ACCEPTED:
        kind = said
    elif said in ("", "application/json", "application/octet-stream", "text/plain"):
        kind = media.OCI_INDEX if "manifests" in found else media.OCI_MANIFEST
    else:
        raise SpecError(f'{what}: neither an index nor a manifest: its type is "{said[:200]}"')
    field = "manifests" if kind in media.INDEXES else "config"
    if field not in found:
        raise SpecError(f'{what}: it is said to be "{kind}", but has no "{field}"')
    return kind


def _check_index(found: "dict[str, Any]", faults: "_Faults") -> None:
    for index, row in enumerate(faults.rows(found, "manifests", INDEX_MAX)):
        where = f"manifests[{index}]"
        check_descriptor(row, where, faults.add)
        if isinstance(row, dict):
            platform = faults.expect(row, "platform", dict, "an object", prefix=f"{where}.") or {}
            for key in ("os", "architecture", "variant", "os.version"):
                faults.expect(platform, key, str, "a string", prefix=f"{where}.platform.")


def _check_manifest(found: "dict[str, Any]", faults: "_Faults") -> None:
    check_descriptor(found.get("config"), "config", faults.add)
    for index, row in enumerate(faults.rows(found, "layers", LAYERS_MAX)):
        check_descriptor(row, f"layers[{index}]", faults.add)
    subject = found.get("subject")
    if subject is not None:
        check_descriptor(subject, "subject", faults.add)


def check_descriptor(row: object, where: str, add: "Callable[[str, str], None]") -> None:
    """Tell `add` what is wrong with a descriptor: (JSON path, words)."""
    if not isinstance(row, dict):
        add(where, "must be an object")
        return
    wrong = digests.fault(row.get("digest"))
    if wrong:
        add(f"{where}.digest", wrong)
    size = row.get("size")
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= _SIZE_MAX:
        add(f"{where}.size", "must be a number of bytes")
    if not isinstance(row.get("mediaType"), str):
        add(f"{where}.mediaType", "must be a string")
    annotations = row.get("annotations") or {}
    if not isinstance(annotations, dict) or not all(
        isinstance(text, str) for text in annotations.values()
    ):
        add(f"{where}.annotations", "must be an object of strings")


class _Faults:
    """Collects what is wrong with a document."""

    __slots__ = ("_found", "_what")

    def __init__(self, what: str) -> None:
        self._what = what
        self._found: list[str] = []

    def add(self, where: str, text: str) -> None:
        self._found.append(f"{where}: {text}")

    def add_if(self, where: str, text: str) -> None:
        if text:
            self.add(where, text)

    def expect(
        self, found: "dict[str, Any]", key: str, kind: type, words: str, *, prefix: str = ""
    ) -> "Any":
        """Return a field of a kind; None where it is null, lacks, or is wrong."""
        value = found.get(key)
        if value is not None and not isinstance(value, kind):
            self.add(prefix + key, f"must be {words}")
            return None
        return value

    def rows(self, found: "dict[str, Any]", key: str, most: int, prefix: str = "") -> "list[Any]":
        """Return an array that isn't too long; nothing where it is null, lacks, or is wrong."""
        value: list[Any] = self.expect(found, key, list, "an array", prefix=prefix) or []
        if len(value) > most:
            self.add(prefix + key, f"{len(value)} entries, at most {most} are taken")
            return []
        return value

    def tell(self) -> None:
        if not self._found:
            return
        shown = self._found[:_FAULTS_MAX]
        more = len(self._found) - len(shown)
        words = "; ".join(shown) + (f"; and {more} more" if more else "")
        raise SpecError(f"{self._what}: {words}")
