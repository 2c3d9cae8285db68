"""`wardian-oci update`, `pause` and `resume`.

New limits come from flags or from a JSON document.
"""

import sys

from wardian import json_text
from wardian.errors import StatusError, UnsupportedError, UsageError
from wardian.oci import preparation, state, validate
from wardian.runtime import resources, updates

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from wardian.oci.state import State
    from wardian.oci_cli.words import Log, Words

LARGEST_BYTES = 16 << 20
# option: where it goes, and whether it is a number or bytes
FLAGS = {
    "blkio-weight": ("blockIO", "weight", "number"),
    "cpu-period": ("cpu", "period", "number"),
    "cpu-quota": ("cpu", "quota", "number"),
    "cpu-burst": ("cpu", "burst", "number"),
    "cpu-rt-period": ("cpu", "realtimePeriod", "number"),
    "cpu-rt-runtime": ("cpu", "realtimeRuntime", "number"),
    "cpu-share": ("cpu", "shares", "number"),
    "cpu-idle": ("cpu", "idle", "number"),
    "cpuset-cpus": ("cpu", "cpus", "text"),
    "cpuset-mems": ("cpu", "mems", "text"),
    "memory": ("memory", "limit", "bytes"),
    "memory-reservation": ("memory", "reservation", "bytes"),
    "memory-swap": ("memory", "swap", "bytes"),
    "pids-limit": ("pids", "limit", "number"),
}


def pause(words: "Words", _log: "Log") -> int:
    """Suspend all processes of a container."""
    with words.load() as found:
        found.lock()
        if found.status not in (state.RUNNING, state.CREATED):
            raise StatusError(f"container not running or created: {found.status}")
        found.attend()
        _group(found).freeze(10.0)
    return 0


def resume(words: "Words", _log: "Log") -> int:
    """Let suspended processes go on."""
    with words.load() as found:
        found.lock()
        if found.status != state.PAUSED:
            raise StatusError("container not paused")
        _group(found).thaw()
    return 0


def _group(found: "State") -> "Any":
    group = found.group()
    if group is None:
        raise UnsupportedError(f'container "{found.id}" has no control group', feature="cgroups")
    return group


def update(words: "Words", _log: "Log") -> int:
    """Change limits of a container."""
    with words.load() as found:
        found.lock()
        if found.status == state.STOPPED:
            raise StatusError("container not running")
        _update(found, words)
    return 0


def _update(found: "State", words: "Words") -> None:
    """Change the limits, and remember them."""
    asked = _document(words)
    group = found.group()
    if group is None:
        raise UsageError(f'container "{found.id}" has no control group')
    linux = found.config.setdefault("linux", {})
    before = linux.get("resources", {})
    after, changed = updates.merge(before, asked)
    host = preparation.host_of(found.config)
    group.update(
        resources.compile(
            changed,
            mode=host.cgroup_mode,
            controllers=host.controllers,
            cpus=host.cpus,
            mems=host.mems,
        )
    )
    linux["resources"] = after
    found.save()


def _document(words: "Words") -> "dict[str, Any]":
    path = words.text("resources")
    if path:
        value = (
            json_text.loads(sys.stdin.read(LARGEST_BYTES))
            if path == "-"
            else json_text.read(path, LARGEST_BYTES)
        )
        return validate.check_resources(value)
    document: dict[str, Any] = {}
    for name, (section, key, kind) in FLAGS.items():
        text = words.text(name)
        if text:
            document.setdefault(section, {})[key] = _value(name, text, kind)
    return validate.check_resources(document)


def _value(name: str, text: str, kind: str) -> "str | int":
    if kind == "text":
        return text
    if kind == "bytes" and text != "-1":
        from wardian import units

        return units.parse_size(text)
    try:
        return int(text)
    except ValueError:
        raise UsageError(f'option "--{name}": "{text}" is not a number') from None
