"""`wardian-oci exec`: what was typed, or process.json, becomes a process of a running container."""

import os

from wardian import json_text
from wardian.cli import oci_attend
from wardian.errors import UsageError
from wardian.runtime import join, launch, validate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from wardian.cli.oci import Log, Words
    from wardian.runtime.spec import Process
    from wardian.runtime.state import State

LARGEST_BYTES = 16 << 20


def execute(
    words: "Words",
    log: "Log",
    found: "State",
    stdio: "list[int]",
    sender: "Callable[[str], Callable[[int], None]]",
) -> int:
    """Run the process; returns its exit code, or 0 at once where it is detached."""
    warnings: list[str] = []
    process = _process(words, found, warnings)
    for text in warnings:
        log.error(text, "warning")
    detached = words.flag("detach")
    terminals: list[int] = []
    request = join.Request(found, process, stdio)
    request.ignore_paused = words.flag("ignore-paused")
    request.pid_file = os.path.abspath(words.text("pid-file")) if words.text("pid-file") else ""
    if process.get("terminal"):
        if words.text("console-socket"):
            request.console = sender(words.text("console-socket"))
        elif detached:
            raise UsageError(
                "cannot allocate tty if runc will detach without setting console socket"
            )
        else:
            request.console = terminals.append
    elif words.text("console-socket"):
        raise UsageError("cannot use console socket if runc will not detach or allocate tty")
    heard = None if detached else oci_attend.bell()
    with found:
        started = join.start(request)
    if heard is None:
        started.close()
        launch.launcher().stop()
        return 0
    return oci_attend.attend(started, heard, terminals)


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


def _change(document: "dict[str, Any]", words: "Words") -> None:
    """Change the container's own process by what was typed."""
    if words.text("cwd"):
        document["cwd"] = words.text("cwd")
    if words.text("apparmor"):
        document["apparmorProfile"] = words.text("apparmor")
    if words.text("process-label"):
        document["selinuxLabel"] = words.text("process-label")
    if words.flag("no-new-privs"):
        document["noNewPrivileges"] = True
    document["env"] = [*document.get("env", []), *words.many("env")]
    if words.many("cap"):
        sets = {key: list(value) for key, value in (document.get("capabilities") or {}).items()}
        for name in words.many("cap"):
            for key in ("bounding", "effective", "inheritable", "permitted", "ambient"):
                sets.setdefault(key, [])
                if name not in sets[key]:
                    sets[key].append(name)
        document["capabilities"] = sets
    user = dict(document.get("user") or {})
    if words.text("user"):
        uid, _colon, gid = words.text("user").partition(":")
        user["uid"] = _id(uid)
        if gid:
            user["gid"] = _id(gid)
    if words.many("additional-gids"):
        more = [_id(text) for text in words.many("additional-gids")]
        user["additionalGids"] = [*user.get("additionalGids", []), *more]
    document["user"] = user


def _id(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise UsageError(f'"{text}" is not a numeric id', hint="UID[:GID]")
    return int(text)
