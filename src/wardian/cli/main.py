"""The command table; loads one command's file.

A command is a function from the words behind its name to an exit code. It raises WardianError; here
that becomes a line on standard error, and a code (cli/exit_codes.py).
"""

import gc
import os
import sys

from wardian.cli import exit_codes, render
from wardian.errors import UnsupportedError, UsageError, WardianError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import NoReturn

# name: (file in cli/, function, one line for the help)
COMMANDS = {
    "run": ("containers", "run", "run a program in a box of its own"),
    "grade": ("grade", "grade", "grade submitted programs against a problem's tests"),
    "explain": ("observe", "explain", "print what `run` would do, and do nothing"),
    "sandbox": ("sandbox", "sandbox", "run an untrusted program, with limits and a verdict"),
    "pull": ("transfers", "pull", "fetch an image from a registry"),
    "push": ("transfers", "push", "send an image to a registry"),
    "images": ("images", "images", "list the images that are here"),
    "tag": ("images", "tag", "give another name to an image"),
    "rmi": ("images", "remove", "remove images"),
    "inspect": ("image_facts", "inspect", "print what is known of an image"),
    "history": ("image_facts", "history", "list the steps that made an image"),
    "save": ("image_files", "save", "write images to an archive"),
    "load": ("image_files", "load", "read images from an archive"),
    "import": ("image_files", "import_root", "make an image of an archive or a directory"),
    "export": ("image_files", "export", "write an image's tree to an archive or a directory"),
    "build": ("build", "build", "build an image of a Containerfile"),
    "commit": ("image_files", "commit", "make an image of a kept layer over its own"),
    "pack": ("pack", "pack", "make an image of what a program truly needs"),
    "manifest": ("registries", "manifest", "make one name for images of several platforms"),
    "login": ("registries", "login", "keep a user's name and password for a registry"),
    "logout": ("registries", "logout", "forget them"),
    "prune": ("image_care", "prune", "remove blobs and layers that nobody needs"),
    "fsck": ("image_care", "fsck", "verify all images, and mend what is broken"),
    "kept": ("kept", "kept", "list the layers that --keep kept"),
    "diff": ("kept", "diff", "list what a kept layer changes"),
    "rm": ("kept", "remove", "remove kept layers"),
    "repro": (
        "repro",
        "repro",
        "check that a command gives the same bits anywhere; record, replay",
    ),
    "doctor": ("system", "doctor", "say what this machine can do, and what it lacks"),
}
ALIASES = {"ls": "kept"}

OPTIONS = (
    ("--help", "print this; `wardian COMMAND --help` has a command's options"),
    ("--version", "print the version"),
    ("--debug", "show where an error comes from (also WARDIAN_DEBUG=1)"),
)


def main() -> "NoReturn":
    """Run the command line of this process, and leave it."""
    _open_standard_descriptors()
    sys.excepthook = _tell_bug
    gc.disable()  # nothing that lives as short makes garbage worth a search
    _leave(execute(sys.argv[1:]))


def _leave(code: int) -> "NoReturn":
    """End the process without the milliseconds in which Python would tear everything down."""
    if "atexit" in sys.modules:  # who registered something there has something to take away
        sys.modules["atexit"]._run_exitfuncs()  # noqa: SLF001 - the interpreter does the same
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        pass  # `execute` has flushed and complained
    os._exit(code)


def _tell_bug(
    kind: "type[BaseException]", error: BaseException, trace: "TracebackType | None"
) -> None:
    """An error that nobody expected must not look like the program's own exit code 1."""
    sys.__excepthook__(kind, error, trace)
    if not isinstance(error, WardianError):  # else it is --debug
        render.complain("this is a bug in wardian; please report it with the lines above")
    _leave(exit_codes.OWN_FAILURE)


def execute(argv: "list[str]") -> int:
    """Run one command line; returns the exit code.

    Args:
        argv: the words behind "wardian".
    """
    debug = os.environ.get("WARDIAN_DEBUG") == "1"
    words = list(argv)
    while words[:1] == ["--debug"]:
        debug = True
        del words[0]
    name = ALIASES.get(words[0], words[0]) if words else "help"
    try:
        code = _dispatch(name, words[1:])
        sys.stdout.flush()
    except KeyboardInterrupt:
        return exit_codes.INTERRUPTED
    except BrokenPipeError:
        _silence()
        return exit_codes.BROKEN_PIPE
    except (WardianError, OSError, MemoryError, RecursionError) as error:
        if debug:
            raise
        return _complain(error, name)
    return code


def _dispatch(name: str, rest: "list[str]") -> int:
    if name in ("help", "--help", "-h"):
        if rest and rest[0] in COMMANDS:
            return _command(rest[0])(["--help"])
        return _help()
    if name in ("--version", "-v", "version"):
        from wardian import __version__

        render.out(f"wardian {__version__}\n")
        return 0
    return _command(name)(rest)


def _command(name: str) -> "Callable[[list[str]], int]":
    """Load a command."""
    if name not in COMMANDS:
        from difflib import get_close_matches

        near = get_close_matches(name, COMMANDS, n=2)
        words = f" (did you mean {' or '.join(near)}?)" if near else ""
        what = "option" if name.startswith("-") else "command"
        raise UsageError(f'unknown {what} "{name}"{words}', hint="see 'wardian --help'")
    if name == "run":
        from wardian.runtime import launch

        launch.launcher()  # it gets ready on another processor while we load the engine
    file, function, _text = COMMANDS[name]
    module = __import__(f"wardian.cli.{file}", fromlist=[function])
    found: Callable[[list[str]], int] = getattr(module, function)
    return found


def _help() -> int:
    from wardian.cli import help as helping

    width = render.width()
    lines = ["usage: wardian COMMAND ...", ""]
    lines += helping.wrap(
        "Run programs in boxes made of namespaces, overlays, capabilities, seccomp and control"
        " groups; see what a box will be before it is.",
        width,
    )
    lines += ["", "Commands:"]
    lines += helping.rows(((name, row[2]) for name, row in COMMANDS.items()), width)
    lines += ["", "Options:", *helping.rows(OPTIONS, width), ""]
    lines += ["First steps:", "  wardian doctor", "  wardian run -it -- sh", ""]
    render.out("\n".join(lines[:-1]) + "\n")
    return 0


def _complain(error: Exception, name: str) -> int:
    if isinstance(error, WardianError):
        hint = error.hint
        if isinstance(error, UnsupportedError) and error.feature and not hint:
            hint = "`wardian doctor` says what this machine can do"
        render.complain(str(error), hint)
    elif isinstance(error, OSError):
        what = f'"{error.filename}": ' if error.filename else ""
        render.complain(f"{what}{(error.strerror or str(error)).lower()}")
    else:
        render.complain(f"{type(error).__name__}: {error}", "WARDIAN_DEBUG=1 shows where")
    return exit_codes.code_of(error, name)


def _open_standard_descriptors() -> None:
    """Open what the caller closed of 0, 1 and 2: the next file that we open must not become one."""
    for fd in range(3):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 - it stays


def _silence() -> None:
    """Nobody reads standard output any more: let what is buffered go nowhere."""
    null = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    os.dup2(null, 1)
    os.close(null)
