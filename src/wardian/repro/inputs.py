"""The inputs of a recorded run: what git does not have, named by digest and shown read-only.

"PATH" below the source is shown at its own place; "NAME=PATH" as /inputs/NAME, and is called
"=NAME" in a record.
"""

import hashlib
import os
from typing import TYPE_CHECKING, Any

from wardian import errors
from wardian.repro import source

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

INPUTS_AT = "/inputs"


def is_named(name: str) -> bool:
    """Whether it is shown below INPUTS_AT, and not in the source."""
    return name.startswith("=")


def named(words: "Sequence[str]", directory: str) -> "list[tuple[str, str]]":
    """Return name and path of each input; the name of a named one begins with "=".

    Raises:
        UsageError: a word is neither NAME=PATH nor a path below the source.
    """
    rows = []
    for word in words:
        name, sign, path = word.partition("=")
        if sign:
            if not name or "/" in name:
                raise errors.UsageError(f'input "{word}": not NAME=PATH')
            rows.append((f"={name}", os.path.abspath(path)))
            continue
        path = os.path.normpath(os.path.join(directory, word))
        if os.path.commonpath((path, directory)) != directory or path == directory:
            raise errors.UsageError(
                f'input "{word}": not below the source', hint=f"--input NAME={word}"
            )
        rows.append((os.path.relpath(path, directory), path))
    return rows


def found(path: str, name: str) -> str:
    """Return the path of an input that is there."""
    if not os.path.exists(path):
        raise errors.NotFoundError(f'input "{name.removeprefix("=")}": "{path}" is not there')
    return path


def recorded(
    records: "Mapping[str, Any]", words: "Sequence[str]", directory: str
) -> "dict[str, str]":
    """Return where the inputs of a record lie here, each checked by its digest.

    Raises:
        NotFoundError: one is not there, or nobody says where.
        StatusError: one is another than recorded.
    """
    given = dict(named(words, directory))
    places = {}
    for name, was in records.items():
        plain = name.removeprefix("=")
        path = given.get(f"={plain}") or given.get(plain)
        if path is None and is_named(name):
            raise errors.NotFoundError(f'input "{plain}" is not told', hint=f"--input {plain}=PATH")
        places[name] = found(path or os.path.join(directory, name), name)
        must_be(f'input "{plain}"', digest_of(places[name])["digest"], was["digest"])
    return places


def digest_of(path: str) -> "dict[str, Any]":
    """Return the digest of a file, or of a directory's tree."""
    if os.path.isdir(path):
        return {"kind": "directory", "digest": source.digest(path)}
    with open(path, "rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    return {"kind": "file", "digest": found, "size": os.stat(path).st_size}


def must_be(what: str, digest: str, was: str) -> None:
    """Refuse what has another digest than it had."""
    if digest != was:
        raise errors.StatusError(
            f"{what} is not the recorded one: {digest[:12]} instead of {was[:12]}"
        )
