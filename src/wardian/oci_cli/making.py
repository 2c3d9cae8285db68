"""`wardian-oci create` and `run`.

Source: opencontainers/runtime-spec, runtime.md "Operations"; runc's manual pages.
"""

import os

from wardian.oci import creation
from wardian.oci_cli.descriptors import sender, stdio
from wardian.runtime import launch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wardian.oci_cli.words import Log, Words


def create(words: "Words", log: "Log") -> int:
    """Make a container, and let it wait to be started."""
    request = _request(words)
    request.console = sender(words)
    made = _create(request, log)
    made.state.close()
    made.launch.close()
    _let_go()
    return 0


def _request(words: "Words") -> creation.Request:
    request = creation.Request(
        words.root(), words.words[0], words.text("bundle", "."), stdio(words)
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
    launch.launcher().stop()


def run(words: "Words", log: "Log") -> int:
    """Create and start a container, and wait for its end unless it is detached."""
    from wardian.oci import lifecycle
    from wardian.oci_cli import attendance

    request = _request(words)
    detached = words.flag("detach")
    request.foreground = not detached
    terminals: list[int] = []
    request.console = sender(words)
    if request.console is None and not detached:
        request.own_terminal = terminals.append
    bell = None if detached else attendance.bell()
    made = _create(request, log)
    try:
        lifecycle.proceed(made.state)
    except BaseException:
        lifecycle.delete(made.state, force=True)
        raise
    if bell is None:
        made.state.close()
        made.launch.close()
        _let_go()
        return 0
    code = attendance.attend(made.launch, bell, terminals)
    if not words.flag("keep"):
        lifecycle.delete(made.state, force=True)
    return code
