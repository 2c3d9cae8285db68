"""`wardian-oci state`, `list`, `ps`, `events`, `features` and `spec`."""

import os
import sys
import time

from wardian import json_text
from wardian.errors import NotFoundError, StatusError, UsageError
from wardian.oci import state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from wardian.oci_cli.words import Log, Words


def _print(value: object, indent: int = 2) -> int:
    sys.stdout.write(json_text.dumps(value, indent=indent) + "\n")
    return 0


def show_state(words: "Words", _log: "Log") -> int:
    """Print the state of a container."""
    with words.load() as found:
        return _print(found.document())


def show_list(words: "Words", _log: "Log") -> int:
    """List containers."""
    rows: list[dict[str, Any]] = []
    for name in state.names(words.root()):
        try:
            with state.load(words.root(), name) as found:
                row = found.document()
                row["owner"] = _owner(found.directory)
                rows.append(row)
        except NotFoundError:
            continue  # it went in between
    if words.flag("quiet"):
        sys.stdout.write("".join(f"{row['id']}\n" for row in rows))
        return 0
    kind = words.text("format", "table")
    if kind == "json":
        return _print(rows or None, 0)
    if kind != "table":
        raise UsageError("invalid format option")
    table = [("ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER")]
    keys = ("id", "pid", "status", "bundle", "created", "owner")
    table += [tuple(str(row[key]) for key in keys) for row in rows]  # type: ignore[misc]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for line in table:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        sys.stdout.write("  ".join(cells).rstrip() + "\n")
    return 0


def _owner(directory: str) -> str:
    import pwd

    uid = os.stat(directory).st_uid
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"#{uid}"


def processes(words: "Words", _log: "Log") -> int:
    """List the processes of a container."""
    from wardian.oci import join

    with words.load() as found:
        pids = join.processes(found)
    kind = words.text("format", "table")
    if kind == "json":
        return _print(sorted(pids), 0)
    if kind != "table":
        raise UsageError("invalid format option")
    return _table(pids, words.words[1:] or ["-ef"])


def _table(pids: "list[int]", options: "list[str]") -> int:
    """Print ps's lines of these processes."""
    import subprocess

    done = subprocess.run(["ps", *options], capture_output=True, text=True, check=False)
    if done.returncode:
        raise UsageError(f"ps {' '.join(options)}: {done.stderr.strip()}")
    lines = done.stdout.splitlines()
    heads = lines[0].split()
    if "PID" not in heads:
        raise UsageError("couldn't find PID field in ps output")
    place = heads.index("PID")
    wanted = set(map(str, pids))
    sys.stdout.write(lines[0] + "\n")
    for line in lines[1:]:
        if line.split()[place] in wanted:
            sys.stdout.write(line + "\n")
    return 0


def events(words: "Words", _log: "Log") -> int:
    """Print counters of a container, once or again and again."""
    while True:
        with words.load() as found:
            group = found.group()
            if found.status == state.STOPPED:
                if words.flag("stats"):
                    raise StatusError("container is not running")
                return 0
            data = group.stats() if group is not None else {}
        row = {"type": "stats", "id": words.words[0], "data": data}
        _print(row, 0)
        if words.flag("stats"):
            return 0
        sys.stdout.flush()
        time.sleep(float(words.text("interval", "5s").rstrip("s")))


def features(_words: "Words", _log: "Log") -> int:
    """Print what this runtime can do."""
    from wardian import __version__
    from wardian.kernel import probe
    from wardian.oci import features as document

    return _print(document.features(probe.facts().kernel, version=__version__))


def example(words: "Words", _log: "Log") -> int:
    """Write an example config.json."""
    from wardian.oci import example as document

    path = os.path.join(words.text("bundle", "."), "config.json")
    if os.path.exists(path):
        raise StatusError(f"File {path} exists. Remove it first")
    ids = (os.geteuid(), os.getegid()) if words.flag("rootless") else None
    with open(path, "w", encoding="utf-8") as file:
        file.write(json_text.dumps(document.example(ids), indent=4) + "\n")
    return 0
