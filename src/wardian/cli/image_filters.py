"""What `images --filter` means: docker's words for which images are listed.

Several values of one key are alternatives, several keys must all hold, as with docker.
"""

import fnmatch
from datetime import UTC, datetime

from wardian.cli.arguments import TRUTHS
from wardian.errors import UsageError
from wardian.registry import reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wardian.images.store import Entry, Store
    from wardian.registry.documents import Config

    Test = Callable[[Entry, Config], bool]

_OLDEST = datetime(1970, 1, 1, tzinfo=UTC)


def read(words: "Sequence[str]", images: "Store") -> "Test":
    """Return a test of one image.

    Args:
        words: "KEY=VALUE".
        images: where before= and since= look.

    Raises:
        UsageError: a key or value that means nothing.
        NotFoundError: before= or since= names no image.
    """
    by_key: dict[str, list[Test]] = {}
    for word in words:
        key, equals, text = word.partition("=")
        make = _TESTS.get(key)
        if make is None or not equals or not text:
            raise UsageError(
                f'option "--filter": "{word}" is not understood',
                hint=f"KEY=VALUE; keys are {', '.join(_TESTS)}",
            )
        by_key.setdefault(key, []).append(make(text, images))
    return lambda entry, config: all(
        any(test(entry, config) for test in tests) for tests in by_key.values()
    )


def _dangling(text: str, _images: "Store") -> "Test":
    wanted = TRUTHS.get(text)
    if wanted is None:
        raise UsageError(f'option "--filter": "dangling={text}" is neither true nor false')
    return lambda entry, _config: (not entry.name) == wanted


def _reference(pattern: str, _images: "Store") -> "Test":
    def test(entry: "Entry", _config: "Config") -> bool:
        try:
            found = reference.parse(entry.name)
        except UsageError:
            return False
        names = (found.familiar, f"{found.familiar}:{found.tag}", str(found), found.repository)
        return any(_matches(name, pattern) for name in names)

    return test


def _matches(name: str, pattern: str) -> bool:
    """Match as Go's path.Match does: "*" stops at "/"."""
    parts, wanted = name.split("/"), pattern.split("/")
    return len(parts) == len(wanted) and all(
        fnmatch.fnmatchcase(part, one) for part, one in zip(parts, wanted, strict=True)
    )


def _label(text: str, _images: "Store") -> "Test":
    key, equals, value = text.partition("=")

    def test(_entry: "Entry", config: "Config") -> bool:
        labels = (config.get("config") or {}).get("Labels") or {}
        return key in labels and (not equals or labels[key] == value)

    return test


def _before(text: str, images: "Store") -> "Test":
    limit = _created(images.config(images.document(images.find(text).digest)))
    return lambda _entry, config: _created(config) < limit


def _since(text: str, images: "Store") -> "Test":
    limit = _created(images.config(images.document(images.find(text).digest)))
    return lambda _entry, config: _created(config) > limit


def _until(text: str, _images: "Store") -> "Test":
    try:
        limit = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f'option "--filter": "until={text}" is no time', hint="as in 2026-01-31T12:00:00Z"
        ) from None
    if limit.tzinfo is None:
        limit = limit.replace(tzinfo=UTC)
    return lambda _entry, config: _created(config) < limit


def _created(config: "Config") -> datetime:
    try:
        found = datetime.fromisoformat(config.get("created") or "")
    except ValueError:
        return _OLDEST
    return found if found.tzinfo else found.replace(tzinfo=UTC)


_TESTS = {
    "dangling": _dangling,
    "reference": _reference,
    "label": _label,
    "before": _before,
    "since": _since,
    "until": _until,
}
