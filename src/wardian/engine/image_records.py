"""What a run needs of an image, kept ready: two small files instead of the whole store.

    WARDIAN_ROOT/cache/images/names     the state of index.json, and which name means which record
                              HEX       a record: config, layers, accounts, the top directory

A record belongs to a manifest's digest and never changes. The names hold for one state of
index.json, so that a pull, a tag or another tool's change is seen: then the store is asked again
(`image_fetch`). Records that no image has any more go with the old names.

Kernel: stat(2), rename(2).
"""

import os

from wardian import errors, json_text
from wardian.kernel import paths, probe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# Raise it when what is in a record changes.
FORMAT = 1
_FOLDER = "cache/images"
_BYTES = 64 << 20


class Record:
    """An image, as a run needs it.

    Attributes:
        digest: of the manifest.
        image_id: of the config.
        platform: where it runs: "linux/arm64".
        emulated: this machine's processor needs help with it.
        diff_ids: its layers, the lowest first.
        config: Entrypoint, Cmd, Env, User ...
        accounts: /etc/passwd and /etc/group as the layers together show them; None for none.
        top: mode, uid, gid and mtime of its top directory.
        attributes: a directory above the layers (snapshots.complete), or "".
    """

    __slots__ = (
        "accounts",
        "attributes",
        "config",
        "diff_ids",
        "digest",
        "emulated",
        "image_id",
        "platform",
        "top",
    )

    digest: str
    image_id: str
    platform: str
    emulated: bool
    diff_ids: "list[str]"
    config: "dict[str, Any]"
    accounts: "dict[str, str | None]"
    top: "tuple[int, int, int, int]"
    attributes: str

    def __init__(self, **words: "Any") -> None:
        for name in self.__slots__:
            setattr(self, name, words[name])

    @property
    def identity(self) -> str:
        """What a kept layer remembers of its base."""
        return f"image {self.digest}"


def find(name: str, platform: str, root_dir: str) -> "Record | None":
    """Return the record that a word means; None where only the store can tell.

    Args:
        name: as it was typed.
        platform: as it was typed, or "".
        root_dir: WARDIAN_ROOT.
    """
    folder = f"{root_dir}/{_FOLDER}"
    try:
        names = json_text.read(f"{folder}/names", _BYTES)
        if names["state"] != state(root_dir):
            return None
        digest = names["images"].get(_key(name, platform))
        return Record(**json_text.read(_path(folder, digest), _BYTES)) if digest else None
    except (errors.WardianError, KeyError, TypeError):
        return None  # not there yet, or of another version: it is made again


def save(
    record: Record, name: str, platform: str, root_dir: str, *, before: "list[object]"
) -> None:
    """Keep a record under a word.

    Args:
        record: what was found.
        name: as it was typed.
        platform: as it was typed, or "".
        root_dir: WARDIAN_ROOT.
        before: the state of index.json before the store was asked.
    """
    folder = f"{root_dir}/{_FOLDER}"
    os.makedirs(folder, 0o700, exist_ok=True)
    words = {slot: getattr(record, slot) for slot in Record.__slots__}
    paths.write_atomic(_path(folder, record.digest), json_text.dumps(words).encode(), 0o600)
    if before != state(root_dir):
        return  # somebody changed the store meanwhile
    images: dict[str, str] = {}
    try:
        names = json_text.read(f"{folder}/names", _BYTES)
        if names["state"] == before:
            images = dict(names["images"])
        else:
            _sweep(folder, root_dir)
    except (errors.WardianError, KeyError, TypeError, ValueError):
        pass
    images[_key(name, platform)] = record.digest
    text = json_text.dumps({"state": before, "images": images})
    paths.write_atomic(f"{folder}/names", text.encode(), 0o600)


def state(root_dir: str) -> "list[object]":
    """Return what differs between two states of index.json, machines and versions."""
    try:
        found = os.stat(f"{root_dir}/images/index.json")
    except OSError:
        return []
    return [FORMAT, probe.facts().machine, found.st_ino, found.st_mtime_ns, found.st_size]


def _key(name: str, platform: str) -> str:
    return f"{platform} {name}"


def _path(folder: str, digest: str) -> str:
    return f"{folder}/{digest.partition(':')[2]}"


def _sweep(folder: str, root_dir: str) -> None:
    """Remove the records of manifests that are not in the store any more."""
    for name in os.listdir(folder):
        if name != "names" and not os.path.exists(f"{root_dir}/images/blobs/sha256/{name}"):
            try:
                os.unlink(f"{folder}/{name}")
            except FileNotFoundError:
                pass  # another process was faster
