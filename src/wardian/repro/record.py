"""The record of a run: all that is needed to run it again and to compare; and what two records say.

A record is JSON, with sorted keys. It names files by their digests and holds none of them.
"""

import json
import os
import platform
import sys
from dataclasses import asdict, fields
from typing import Any

from wardian import errors
from wardian.repro.conditions import Conditions

FORMAT = "wardian run record 1"
BYTES_MAX = 256 << 20
Record = dict[str, Any]
# What must be there, with its type.
_SHAPE: dict[str, type] = {
    "command": list,
    "source": dict,
    "environment": dict,
    "conditions": dict,
    "inputs": dict,
    "outputs": dict,
    "output_patterns": list,
    "exit_code": int,
    "machine": dict,
}


def conditions_of(record: Record) -> Conditions:
    """Return the conditions of a recorded run.

    Raises:
        SpecError: they are not as this version writes them.
    """
    given = dict(record["conditions"])
    unknown = sorted(set(given) - {one.name for one in fields(Conditions)})
    if unknown:
        raise errors.SpecError(f'unknown condition "{unknown[0]}"', where="conditions")
    for name, value in given.items():
        if isinstance(value, list):
            given[name] = tuple(tuple(one) if isinstance(one, list) else one for one in value)
    return Conditions(**given)


def conditions_document(conditions: Conditions) -> Record:
    """Return conditions as a record has them; a locale's directory is the machine's business."""
    found: Record = json.loads(json.dumps(asdict(conditions)))  # lists, as they are read again
    found["locale_directory"] = ""
    return found


def machine() -> Record:
    """Return what is known of this machine's processor and kernel."""
    flags, model = "", ""
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
        for line in file:
            name, _colon, value = line.partition(":")
            if name.strip() in ("flags", "Features") and not flags:
                flags = value
            elif name.strip() == "model name" and not model:
                model = value.strip()
    uname = os.uname()
    return {
        "architecture": uname.machine,
        "cpu_model": model,
        "cpu_features": sorted(flags.split()),
        "cpus": len(os.sched_getaffinity(0)),
        "kernel": uname.release,
        "page_bytes": os.sysconf("SC_PAGESIZE"),
        "libc": " ".join(platform.libc_ver()),
    }


def version() -> str:
    """Return wardian's version, from the package that is loaded above us."""
    return str(sys.modules["wardian"].__version__)


def write(record: Record, path: str) -> None:
    """Write a record to a file."""
    from wardian.kernel import paths

    paths.write_atomic(path, text(record).encode(), 0o644)


def text(record: Record) -> str:
    """Return a record as JSON."""
    whole = {"format": FORMAT, "wardian": version(), **record}
    return json.dumps(whole, indent=1, sort_keys=True) + "\n"


def read(path: str) -> Record:
    """Return the record in a file.

    Raises:
        NotFoundError: there is no such file.
        SpecError: it is no record, or one of another format.
    """
    try:
        with open(path, "rb") as file:
            data = file.read(BYTES_MAX)
    except OSError as error:
        raise errors.NotFoundError(
            f'record "{path}": {os.strerror(error.errno or 0).lower()}'
        ) from None
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        raise errors.SpecError("not JSON", where=path) from None
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        raise errors.SpecError(f'not a record of the format "{FORMAT}"', where=path)
    for name, kind in _SHAPE.items():
        if not isinstance(found.get(name), kind):
            raise errors.SpecError(f"{name} is missing or no {kind.__name__}", where=path)
    return found


# ---- two records --------------------------------------------------------------------------

# In the order in which a difference explains the ones below it.
TOPICS = (
    ("source", "the source"),
    ("command", "the command"),
    ("inputs", "the inputs"),
    ("environment", "the programs"),
    ("conditions", "the conditions"),
    ("machine", "the machine"),
    ("exit_code", "how it ended"),
    ("outputs", "the outputs"),
)
LONG = 100


def diff(one: Record, other: Record) -> "list[dict[str, Any]]":
    """Return what differs between two records, in the order of what explains what.

    Each row has the topic, the place in it, and both values; "" for what is not there.
    """
    rows: list[dict[str, Any]] = []
    for topic, words in TOPICS:
        mine, theirs = _flat(one.get(topic)), _flat(other.get(topic))
        rows += [
            {
                "topic": topic,
                "words": words,
                "place": place,
                "one": mine.get(place, ""),
                "other": theirs.get(place, ""),
            }
            for place in sorted({*mine, *theirs})
            if mine.get(place) != theirs.get(place)
        ]
    return rows


def _flat(value: object, place: str = "") -> "dict[str, str]":
    if isinstance(value, dict):
        found: dict[str, str] = {}
        for name in value:
            found.update(_flat(value[name], f"{place}.{name}" if place else str(name)))
        return found
    if isinstance(value, list):
        value = " ".join(map(str, value))
    return {place: str(value)}


def explain(rows: "list[dict[str, Any]]") -> "list[str]":
    """Return the rows as lines, and what follows from them."""
    lines = []
    last = ""
    for row in rows:
        if row["words"] != last:
            lines.append(f"{row['words']}:")
            last = row["words"]
        one, other = _changed(row["one"], row["other"])
        lines.append(
            f"  {row['place'] or row['topic']}: {one or 'nothing'} -> {other or 'nothing'}"
        )
    topics = {row["topic"] for row in rows}
    before = [words for topic, words in TOPICS[:6] if topic in topics]
    if not topics:
        lines.append("the two runs are the same, from the source to the outputs")
    elif "outputs" not in topics:
        lines.append("the outputs are the same, although the rest is not")
    elif before:
        lines.append(f"the outputs differ, and so do {', '.join(before)}")
    else:
        lines.append("the outputs differ, and nothing that was recorded explains it")
    return lines


def _changed(one: str, other: str) -> "tuple[str, str]":
    """Shorten two long lists of words to what only one of them has."""
    if len(one) <= LONG and len(other) <= LONG:
        return one, other
    mine, theirs = one.split(), other.split()
    gone = " ".join(word for word in mine if word not in set(theirs))
    come = " ".join(word for word in theirs if word not in set(mine))
    if gone or come:
        one, other = gone, come
    return one[:LONG] + "..." * (len(one) > LONG), other[:LONG] + "..." * (len(other) > LONG)
