"""`wardian-oci exec`: what was typed, or process.json, becomes a process of a running container."""

import os

from wardian import json_text
from wardian.errors import UsageError
from wardian.oci import join, validate
from wardian.oci_cli.attendance import attend, bell
from wardian.oci_cli.descriptors import sender, stdio
from wardian.runtime import launch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from wardian.oci.state import State
    from wardian.oci_cli.words import Log, Words
    from wardian.runtime.spec import Process

LARGEST_BYTES = 16 << 20


def execute(words: "Words", log: "Log") -> int:
    """Run a further process in a container; returns its exit code, or 0 where it is detached."""
    with words.load() as found:
        return _execute(words, log, found)


def _execute(words: "Words", log: "Log", found: "State") -> int:
    warnings: list[str] = []
    process = _process(words, found, warnings)
    request = join.Request(found, process, stdio(words))
    request.warnings = warnings
    detached = words.flag("detach")
    request.foreground = not detached
    terminals: list[int] = []
    request.ignore_paused = words.flag("ignore-paused")
    request.pid_file = os.path.abspath(words.text("pid-file")) if words.text("pid-file") else ""
    request.console = _console(process, sender(words), terminals, detached=detached)
    heard = None if detached else bell()
    started = join.start(request)
    for text in warnings:
        log.error(text, "warning")
    if heard is None:
        started.close()
        launch.launcher().stop()
        return 0
    return attend(started, heard, terminals)


def _console(
    process: "Process",
    taker: "Callable[[int], None] | None",
    terminals: "list[int]",
    *,
    detached: bool,
) -> "Callable[[int], None] | None":
    if not process.get("terminal"):
        if taker is not None:
            raise UsageError("cannot use console socket if runc will not detach or allocate tty")
        return None
    if taker is None and detached:
        raise UsageError("cannot allocate tty if runc will detach without setting console socket")
    return taker or terminals.append


def _process(words: "Words", found: "State", warnings: "list[str]") -> "Process":
    if words.text("process"):
        path = words.text("process")
        document = json_text.read(path, LARGEST_BYTES)
        return validate.check_process(document, warnings)
    command = words.words[1:]
    if not command:
        raise UsageError("process args cannot be empty")
    document = {**found.config["process"], "args": command, "terminal": words.flag("tty")}
    document.pop("consoleSize", None)
    _change(document, words)
    return validate.check_process(document, warnings)


TEXTS = {"cwd": "cwd", "apparmor": "apparmorProfile", "process-label": "selinuxLabel"}
SETS = ("bounding", "effective", "inheritable", "permitted", "ambient")


def _change(document: "dict[str, Any]", words: "Words") -> None:
    """Change the container's own process by what was typed."""
    for option, key in TEXTS.items():
        if words.text(option):
            document[key] = words.text(option)
    if words.flag("no-new-privs"):
        document["noNewPrivileges"] = True
    document["env"] = [*document.get("env", []), *words.many("env")]
    sets = {key: list(value) for key, value in (document.get("capabilities") or {}).items()}
    for name in words.many("cap"):
        for key in SETS:
            sets.setdefault(key, []).append(name)
    if sets:
        document["capabilities"] = {key: list(dict.fromkeys(row)) for key, row in sets.items()}
    document["user"] = _user(dict(document.get("user") or {}), words)


def _user(user: "dict[str, Any]", words: "Words") -> "dict[str, Any]":
    if words.text("user"):
        uid, _colon, gid = words.text("user").partition(":")
        user["uid"] = _id(uid)
        if gid:
            user["gid"] = _id(gid)
    if words.many("additional-gids"):
        more = [_id(text) for text in words.many("additional-gids")]
        user["additionalGids"] = [*user.get("additionalGids", []), *more]
    return user


def _id(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise UsageError(f'"{text}" is not a numeric id', hint="UID[:GID]")
    return int(text)
