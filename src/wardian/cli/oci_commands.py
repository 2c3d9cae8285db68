"""The commands of wardian-oci: each a function from what was typed to an exit code.

Source: opencontainers/runtime-spec, runtime.md "Operations"; runc's manual pages.
"""

import os
import sys
import time

from wardian import json_text
from wardian.cli.oci_attend import stdio
from wardian.errors import NotFoundError, StatusError, UnsupportedError, UsageError
from wardian.oci import creation, lifecycle, state
from wardian.oci.state import State

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from wardian.cli.oci_words import Log, Words

# signal(7), by number from 1
_NAMES = (
    "HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT"
    " CHLD CONT STOP TSTP TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS"
)
SIGNALS = {name: number for number, name in enumerate(_NAMES.split(), 1)}
SIGNALS.update(IOT=6, POLL=29, CLD=17)
HIGHEST_SIGNAL = 64


def _root(words: "Words") -> str:
    return words.text("global.root") or state.default_root()


def _load(words: "Words") -> State:
    return state.load(_root(words), words.words[0])


# ---- create, run, start -------------------------------------------------------------------


def create(words: "Words", log: "Log") -> int:
    """Make a container, and let it wait to be started."""
    request = _request(words)
    if words.text("console-socket"):
        request.console = _sender(words.text("console-socket"))
    made = _create(request, log)
    made.state.close()
    made.launch.close()
    _let_go()
    return 0


def _request(words: "Words") -> creation.Request:
    request = creation.Request(
        _root(words), words.words[0], words.text("bundle", "."), stdio(words)
    )
    pid_file = words.text("pid-file")
    request.pid_file = os.path.abspath(pid_file) if pid_file else ""
    if words.flag("global.systemd-cgroup") or words.text("global.cgroup-manager") == "systemd":
        request.managed = "systemd"
    return request


def _create(request: creation.Request, log: "Log") -> creation.Made:
    try:
        made = creation.create(request)
    finally:
        for text in request.warnings:
            log.error(text, "warning")
    return made


def _let_go() -> None:
    """End the launcher, so that what it made belongs to the nearest subreaper."""
    from wardian.runtime import launch

    launch.launcher().stop()


def _sender(path: str) -> "Callable[[int], None]":
    """Return a function that sends a terminal's master to whoever listens on a socket."""

    def send(master: int) -> None:
        import _socket
        import struct

        connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        try:
            connection.connect(path)
            rights = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, struct.pack("i", master))]
            connection.sendmsg([b"/dev/ptmx"], rights)
        finally:
            connection.close()
            os.close(master)

    return send


def start(words: "Words", _log: "Log") -> int:
    """Execute the program of a created container."""
    with _load(words) as found:
        found.lock()
        lifecycle.start(found)
    return 0


def run(words: "Words", log: "Log") -> int:
    """Create and start a container, and wait for its end unless it is detached."""
    from wardian.cli import oci_attend

    request = _request(words)
    detached = words.flag("detach")
    request.foreground = not detached
    terminals: list[int] = []
    if words.text("console-socket"):
        request.console = _sender(words.text("console-socket"))
    elif not detached:
        request.own_terminal = terminals.append
    bell = None if detached else oci_attend.bell()
    made = _create(request, log)
    try:
        lifecycle.start(made.state)
    except BaseException:
        lifecycle.delete(made.state, force=True)
        raise
    if bell is None:
        made.state.close()
        made.launch.close()
        _let_go()
        return 0
    code = oci_attend.attend(made.launch, bell, terminals)
    if not words.flag("keep"):
        lifecycle.delete(made.state, force=True)
    return code


# ---- looking ------------------------------------------------------------------------------


def _print(value: object, indent: int = 2) -> int:
    sys.stdout.write(json_text.dumps(value, indent=indent) + "\n")
    return 0


def show_state(words: "Words", _log: "Log") -> int:
    """Print the state of a container."""
    with _load(words) as found:
        return _print(found.document())


def show_list(words: "Words", _log: "Log") -> int:
    """List containers."""
    rows: list[dict[str, Any]] = []
    for name in state.names(_root(words)):
        try:
            with state.load(_root(words), name) as found:
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

    with _load(words) as found:
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
        with _load(words) as found:
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


# ---- acting -------------------------------------------------------------------------------


def kill(words: "Words", _log: "Log") -> int:
    """Send a signal."""
    number = _signal(words.words[1] if len(words.words) > 1 else "TERM")
    with _load(words) as found:
        lifecycle.kill(found, number, everyone=words.flag("all"))
    return 0


def _signal(text: str) -> int:
    if text.isascii() and text.isdigit() and 0 <= int(text) <= HIGHEST_SIGNAL:
        return int(text)
    word = text.upper().removeprefix("SIG")
    if word.startswith(("RTMIN+", "RTMAX-")) and word[6:].isdigit():
        number = 34 + int(word[6:]) if word[3:6] == "MIN" else HIGHEST_SIGNAL - int(word[6:])
        if 34 <= number <= HIGHEST_SIGNAL:
            return number
    if word not in SIGNALS:
        raise UsageError(f'unknown signal "{text}"')
    return SIGNALS[word]


def delete(words: "Words", log: "Log") -> int:
    """Forget a container."""
    force = words.flag("force")
    try:
        found = _load(words)
    except NotFoundError:
        if force:
            return 0
        raise
    with found:
        found.lock()
        for text in lifecycle.delete(found, force=force):
            log.error(text, "warning")
    return 0


def pause(words: "Words", _log: "Log") -> int:
    """Suspend all processes of a container."""
    with _load(words) as found:
        found.lock()
        if found.status not in (state.RUNNING, state.CREATED):
            raise StatusError(f"container not running or created: {found.status}")
        _group(found).freeze(10.0)
    return 0


def resume(words: "Words", _log: "Log") -> int:
    """Let suspended processes go on."""
    with _load(words) as found:
        found.lock()
        if found.status != state.PAUSED:
            raise StatusError("container not paused")
        _group(found).thaw()
    return 0


def _group(found: State) -> "Any":
    group = found.group()
    if group is None:
        raise UnsupportedError(f'container "{found.id}" has no control group', feature="cgroups")
    return group


def update(words: "Words", _log: "Log") -> int:
    """Change limits of a container."""
    from wardian.cli import oci_update

    with _load(words) as found:
        found.lock()
        if found.status == state.STOPPED:
            raise StatusError("container not running")
        oci_update.update(found, words)
    return 0


def execute(words: "Words", log: "Log") -> int:
    """Run a further process in a container."""
    from wardian.cli import oci_exec

    sender = _sender(words.text("console-socket")) if words.text("console-socket") else None
    with _load(words) as found:
        return oci_exec.execute(words, log, found, sender)


COMMANDS: "dict[str, Callable[[Words, Log], int]]" = {
    "create": create,
    "start": start,
    "run": run,
    "exec": execute,
    "state": show_state,
    "kill": kill,
    "delete": delete,
    "list": show_list,
    "ps": processes,
    "pause": pause,
    "resume": resume,
    "update": update,
    "events": events,
    "spec": example,
    "features": features,
}
