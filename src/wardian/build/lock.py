"""wardian.lock: what came from outside, with its digest.

A build with a lock takes exactly what the lock has, or fails and names what is another. Without one
it takes what there is, and writes it down. The file is JSON with sorted keys, made to be committed.

    images     name, with platform       the digest of the manifest
    downloads  method and URL            status, digest, size, and what it is: deb, pypi or url
    repositories  URL#REFERENCE          the commit; only where there are any
"""

import json
import os
import re
from dataclasses import dataclass, field

from wardian import errors, json_text
from wardian.kernel import paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

VERSION = 1
NAME = "wardian.lock"
_BYTES = 256 << 20
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


@dataclass
class Lock:
    """What a lock file has, and what this build adds.

    Attributes:
        path: of the file; "" for none.
        is_strict: what the file has binds, and what it has not is refused.
        is_open: what it has not is taken all the same; it is not written down.
        images: the digest of each base, by name and platform.
        downloads: by method and URL.
        repositories: the commit, by URL#REFERENCE.
    """

    path: str = ""
    is_strict: bool = False
    is_open: bool = False
    images: "dict[str, str]" = field(default_factory=dict)
    downloads: "dict[str, dict[str, Any]]" = field(default_factory=dict)
    repositories: "dict[str, dict[str, str]]" = field(default_factory=dict)
    _used: "set[tuple[str, str]]" = field(default_factory=set)

    def refuses(self, row: "object") -> bool:
        """Say whether something can't be taken, since the lock has nothing (None) about it."""
        return row is None and self.is_strict and not self.is_open

    def image(self, name: str, digest: str) -> None:
        """Note a base image, or compare it.

        Raises:
            StatusError: the lock has another, or none.
        """
        locked = self.images.get(name)
        if self.refuses(locked) or (self.is_strict and locked not in (None, digest)):
            raise errors.StatusError(
                f'image "{name}" is {digest}; the lock has {locked or "none"}',
                hint=f'--update-lock takes it, and changes "{os.path.basename(self.path)}"',
            )
        self.images[name] = digest
        self._used.add(("images", name))

    def use(self, key: str) -> None:
        """Note that a download was needed."""
        self._used.add(("downloads", key))

    def repository(self, name: str, commit: str) -> None:
        """Note which commit a build took."""
        self.repositories[name] = {"commit": commit}
        self._used.add(("repositories", name))

    def save(self) -> None:
        """Write it, with what this build used; not where it was strict, or has nothing."""
        if not self.path or self.is_strict:
            return
        tables: dict[str, dict[str, Any]] = {
            "images": self.images,
            "downloads": self.downloads,
            "repositories": self.repositories,
        }
        used = {
            table: {name: row for name, row in rows.items() if (table, name) in self._used}
            for table, rows in tables.items()
        }
        if not any(used.values()):
            return
        if not used["repositories"]:
            del used["repositories"]
        document = {"version": VERSION, **used}
        text = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        data = text.encode()
        try:
            with open(self.path, "rb") as file:
                if file.read() == data:
                    return
        except OSError:
            pass  # there is none yet
        paths.write_atomic(self.path, data, 0o644)


def load(path: str, *, update: bool, is_open: bool = False) -> Lock:
    """Return the lock of a file; an empty one where there is no such file.

    Args:
        path: of it; "" for no lock.
        update: what it has does not bind.
        is_open: what it has not is taken, too.

    Raises:
        SpecError: it is no lock.
    """
    if not path or update:
        return Lock(path)
    try:
        words = json_text.read(path, _BYTES)
    except errors.NotFoundError:
        return Lock(path)
    try:
        version, images, downloads = words["version"], words["images"], words["downloads"]
        repositories = words.get("repositories", {})
        good = all(isinstance(row["sha256"], str) for row in downloads.values())
        good = good and all(isinstance(digest, str) for digest in images.values())
        good = good and all(_COMMIT.fullmatch(row["commit"]) for row in repositories.values())
    except (KeyError, TypeError, AttributeError):
        good, version, repositories = False, 0, {}
    if version != VERSION or not good:
        raise errors.SpecError(f'"{path}" is not a lock of version {VERSION}')
    return Lock(
        path,
        is_strict=True,
        is_open=is_open,
        images=images,
        downloads=downloads,
        repositories=repositories,
    )
