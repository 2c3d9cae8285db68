"""Merge a change of limits into those of a running container (pure).

`runc update` and the engines that call it send linux.resources with what shall change; what is left
out, null or 0 stays as it was, as 0 is what Go's encoders write for a field that nobody set. Lists
(throttles, huge pages) are replaced as a whole. Device rules are not changed by an update, as runc
has it.

Source: opencontainers/runtime-spec, config-linux.md; runc-update(8).
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

ZERO_COUNTS = frozenset(("burst", "idle", "swappiness"))  # here 0 is a value
FIXED = frozenset(("devices",))


def merge(
    old: "Mapping[str, Any] | None", new: "Mapping[str, Any] | None"
) -> "tuple[dict[str, Any], dict[str, Any]]":
    """Return the limits after the change, and the part of them that has to be set again.

    Args:
        old: the container's linux.resources.
        new: what was sent.
    """
    before = dict(old or {})
    asked = {name: part for name, part in (new or {}).items() if name not in FIXED}
    after = _merged(before, asked)
    # A part is set as a whole: swap is worded by the memory limit, a quota by its period.
    changed = {name: after[name] for name, part in asked.items() if part and name in after}
    return after, changed


def _merged(old: "Mapping[str, Any]", new: "Mapping[str, Any]") -> "dict[str, Any]":
    found = dict(old)
    for name, value in new.items():
        if isinstance(value, dict):
            before = found.get(name)
            found[name] = _merged(before if isinstance(before, dict) else {}, value)
        elif value or value is False or (value == 0 and name in ZERO_COUNTS and value is not None):
            found[name] = value
    return found
