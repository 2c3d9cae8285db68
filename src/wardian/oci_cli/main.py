"""wardian-oci: the OCI runtime command line, kept lean.

What engines call is runc's command line, so that is what this one is like: the options, the words
of errors that shims look for, and the exit codes. Options and words may stand in any order, with a
blank or "=", with one dash or two; only behind the id of `exec` everything is the program's.

Only wardian.runtime and what is below it is loaded, and no third-party package.
"""

import gc
import os
import sys

from wardian import startup
from wardian.errors import UsageError, WardianError
from wardian.oci_cli.words import NAME, SHORT, Log, Words, parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import NoReturn

# option: takes a value; a letter in the second place is its short form
GLOBAL = {
    "root": True,
    "log": True,
    "log-format": True,
    "rootless": True,
    "cgroup-manager": True,
    "debug": False,
    "systemd-cgroup": False,
    "version": False,
    "help": False,
}
# command: (what it does, options, how many words it takes at least and at most)
COMMANDS: "dict[str, tuple[str, dict[str, bool], tuple[int, int]]]" = {
    "create": (
        "create a container",
        {
            "bundle": True,
            "console-socket": True,
            "pidfd-socket": True,
            "pid-file": True,
            "preserve-fds": True,
            "no-pivot": False,
            "no-new-keyring": False,
        },
        (1, 1),
    ),
    "start": ("execute the program of a created container", {}, (1, 1)),
    "run": (
        "create and start a container",
        {
            "bundle": True,
            "console-socket": True,
            "pidfd-socket": True,
            "pid-file": True,
            "preserve-fds": True,
            "detach": False,
            "keep": False,
            "no-pivot": False,
            "no-new-keyring": False,
            "no-subreaper": False,
        },
        (1, 1),
    ),
    "exec": (
        "run a further process in a container",
        {
            "process": True,
            "console-socket": True,
            "pidfd-socket": True,
            "pid-file": True,
            "preserve-fds": True,
            "cwd": True,
            "env": True,
            "user": True,
            "additional-gids": True,
            "process-label": True,
            "apparmor": True,
            "cap": True,
            "cgroup": True,
            "tty": False,
            "detach": False,
            "no-new-privs": False,
            "ignore-paused": False,
            "no-subreaper": False,
        },
        (1, -1),
    ),
    "state": ("print the state of a container", {}, (1, 1)),
    "kill": ("send a signal (default: TERM)", {"all": False}, (1, 2)),
    "delete": ("forget a container that has stopped", {"force": False}, (1, 1)),
    "list": ("list containers", {"format": True, "quiet": False}, (0, 0)),
    "ps": ("list the processes of a container", {"format": True}, (1, -1)),
    "pause": ("suspend all processes of a container", {}, (1, 1)),
    "resume": ("let suspended processes go on", {}, (1, 1)),
    "update": (
        "change limits of a container",
        {
            "resources": True,
            "blkio-weight": True,
            "cpu-period": True,
            "cpu-quota": True,
            "cpu-burst": True,
            "cpu-rt-period": True,
            "cpu-rt-runtime": True,
            "cpu-share": True,
            "cpu-idle": True,
            "cpuset-cpus": True,
            "cpuset-mems": True,
            "kernel-memory": True,
            "kernel-memory-tcp": True,
            "memory": True,
            "memory-reservation": True,
            "memory-swap": True,
            "pids-limit": True,
            "l3-cache-schema": True,
            "mem-bw-schema": True,
        },
        (1, 1),
    ),
    "events": ("print counters of a container", {"interval": True, "stats": False}, (1, 1)),
    "spec": ("write an example config.json", {"bundle": True, "rootless": False}, (0, 0)),
    "features": ("print what this runtime can do", {}, (0, 0)),
}

# command: (file here, function), loaded when it is asked for
PLACES = {
    "create": ("making", "create"),
    "run": ("making", "run"),
    "start": ("acting", "start"),
    "kill": ("acting", "kill"),
    "delete": ("acting", "delete"),
    "exec": ("entering", "execute"),
    "update": ("changing", "update"),
    "pause": ("changing", "pause"),
    "resume": ("changing", "resume"),
    "state": ("looking", "show_state"),
    "list": ("looking", "show_list"),
    "ps": ("looking", "processes"),
    "events": ("looking", "events"),
    "features": ("looking", "features"),
    "spec": ("looking", "example"),
}


def main() -> "NoReturn":
    """Run the command line of this process, and leave it."""
    for fd in range(3):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    gc.disable()
    sys.excepthook = _tell_bug
    code = execute(sys.argv[1:])
    try:
        sys.stdout.flush()
    except OSError:
        pass
    os._exit(code)


def _tell_bug(
    kind: "type[BaseException]", error: BaseException, trace: "TracebackType | None"
) -> None:
    sys.__excepthook__(kind, error, trace)
    sys.stderr.write(f"{NAME}: this is a bug in wardian; please report it\n")
    os._exit(1)


def execute(argv: "list[str]") -> int:
    """Run one command line; returns the exit code."""
    log = Log()
    try:
        given = Words("")
        parse(argv, GLOBAL, given, stop_at=1)
        log.path, log.format = given.text("log"), given.text("log-format", "text")
        if log.format not in ("text", "json"):
            raise UsageError(f'unknown log-format "{log.format}"')
        if given.flag("version"):
            return _version()
        if not given.words or given.flag("help") or given.words[0] == "help":
            return _help(given.words[1:])
        return _dispatch(given, log)
    except WardianError as error:
        if os.environ.get("WARDIAN_DEBUG") == "1":
            raise
        log.error(_worded(error))
        return _code(error)
    except (OSError, MemoryError, RecursionError) as error:
        if os.environ.get("WARDIAN_DEBUG") == "1":
            raise
        what = f'"{error.filename}": ' if isinstance(error, OSError) and error.filename else ""
        text = error.strerror if isinstance(error, OSError) else ""
        log.error(f"{what}{text or type(error).__name__}".lower())
        return 1


def _worded(error: WardianError) -> str:
    return f"{error} (hint: {error.hint})" if error.hint else str(error)


def _code(error: WardianError) -> int:
    """Return 1 as runc does, but for a program that can't be executed in the foreground."""
    return int(getattr(error, "foreground_code", 1))


def _dispatch(given: Words, log: Log) -> int:
    name = given.words[0]
    if name in ("checkpoint", "restore"):
        raise UsageError(f'command "{name}" is not there yet')
    if name not in COMMANDS:
        raise UsageError(f'No help topic for "{name}": unknown command')
    _text, options, (least, most) = COMMANDS[name]
    words = Words(name)
    parse(given.words[1:], options, words, stop_at=1 if name == "exec" else -1)
    if words.flag("help"):
        return _help([name])
    if len(words.words) < least:
        raise UsageError(f'"{name}" requires at least {least} argument: the container id')
    if 0 <= most < len(words.words):
        raise UsageError(
            f'"{name}" requires at most {most} argument, and got "{words.words[most]}"'
        )
    if name in ("create", "run", "exec"):
        from wardian.runtime import launch

        # it gets ready on another processor while we load the rest
        launch.launcher(keyring=words.flag("no-new-keyring"))
    words.options.update({f"global.{key}": value for key, value in given.options.items()})
    module, function = PLACES[name]
    loaded = __import__(f"wardian.oci_cli.{module}", fromlist=(function,))
    code = int(getattr(loaded, function)(words, log))
    startup.keep(NAME, name)
    return code


def _version() -> int:
    from wardian import __version__
    from wardian.oci.state import VERSION

    sys.stdout.write(f"{NAME} version {__version__}\ncommit: {__version__}\nspec: {VERSION}\n")
    return 0


def _help(words: "list[str]") -> int:
    if words and words[0] in COMMANDS:
        text, options, _count = COMMANDS[words[0]]
        short = {name: letter for letter, name in SHORT.items()}
        lines = [f"usage: {NAME} {words[0]} [options] ID ...", "", text, "", "options:"]
        for name, takes_value in options.items():
            letter = f", -{short[name]}" if name in short else ""
            lines.append(f"  --{name}{' VALUE' if takes_value else ''}{letter}")
    else:
        lines = [f"usage: {NAME} [global options] COMMAND [options] ID ...", "", "commands:"]
        lines += [f"  {name:<10} {row[0]}" for name, row in COMMANDS.items()]
        lines += ["", "global options:"]
        lines += [f"  --{name}{' VALUE' if value else ''}" for name, value in GLOBAL.items()]
    sys.stdout.write("\n".join(lines) + "\n")
    return 0
