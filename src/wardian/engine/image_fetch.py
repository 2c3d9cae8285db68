"""Ask the store for an image, or a registry, and note what a run needs of it."""

import os

from wardian import errors, json_text
from wardian.engine import image_records
from wardian.engine.image_records import Record
from wardian.exchange import preparing
from wardian.exchange import pull as pulling
from wardian.images import leases, snapshots
from wardian.images.store import Store
from wardian.kernel import compat, side_process
from wardian.registry import platforms, reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from wardian.exchange.transfer import Event
    from wardian.images.store import Entry
    from wardian.registry.platforms import Platform

    Progress = Callable[[Event], None]

_PLACES = ("/usr/local/bin", "/usr/bin", "/bin", "/usr/sbin", "/sbin")


def prepare(
    name: str, platform: str, root_dir: str, *, pull: str, progress: "Progress | None" = None
) -> Record:
    """Return an image's record; the image is fetched and unpacked, if it must be.

    The arguments are those of image_base.open_image.
    """
    store = Store(root_dir)
    wanted = platforms.parse(platform) if platform else None
    entry = _entry(store, name, wanted, pull=pull, progress=progress)
    before = image_records.state(root_dir)
    with leases.Lease(store.layout) as lease:
        config, _layers = preparing.prepare(store, entry, lease)
        where = platforms.of_document(config)
        if where.os not in ("linux", ""):
            raise errors.UnsupportedError(f'image "{name}" is for {where}; boxes are Linux')
        diff_ids = config.get("rootfs", {}).get("diff_ids") or []
        attributes = snapshots.complete(diff_ids, root_dir) if diff_ids else ""
        facts: dict[str, Any] = {"accounts": {}, "top": (0o755, 0, 0, 0)}
        if diff_ids:
            words = [root_dir, attributes, *diff_ids]
            facts = json_text.loads(side_process.call("wardian.engine.image_worker:facts", words))
        record = Record(
            digest=entry.digest,
            image_id=store.image_id(entry),
            platform=str(where),
            emulated=_is_foreign(where),
            diff_ids=diff_ids,
            config=config.get("config") or {},
            attributes=attributes,
            **facts,
        )
        image_records.save(record, name, platform, root_dir, before=before)
    return record


def _is_foreign(where: "Platform") -> bool:
    own = platforms.host().architecture
    return where.architecture not in ("", own) and not compat.runs(where.architecture)


def _entry(
    store: Store,
    name: str,
    wanted: "Platform | None",
    *,
    pull: str,
    progress: "Progress | None",
) -> "Entry":
    missing: errors.NotFoundError | None = None
    if pull != "always" or not _is_name(name):
        try:
            return store.find(name, wanted)
        except errors.NotFoundError as error:
            missing = error
    if pull == "never" or not _is_name(name):
        assert missing is not None
        raise errors.NotFoundError(str(missing), hint=_hint(name) or missing.hint)
    try:
        return pulling.pull(store, name, platform=wanted, progress=progress).entry
    except (errors.NotFoundError, errors.RemoteError) as error:
        error.hint = _hint(name) or error.hint
        if missing is not None:
            error.args = (f'image "{name}" is not here: {error}', *error.args[1:])
        raise


def _hint(name: str) -> str:
    """Somebody who types a program's name where an image's belongs."""
    if "/" in name or not any(os.access(f"{place}/{name}", os.X_OK) for place in _PLACES):
        return ""
    return f"for a program of the host: wardian run -- {name} ..."


def _is_name(text: str) -> bool:
    try:
        reference.parse(text)
    except errors.UsageError:
        return False
    return True
