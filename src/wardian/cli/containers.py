"""`wardian run`: options in, a box attended until its end, its exit code out."""

import os

from wardian import startup
from wardian.cli import arguments, render, run_options, session
from wardian.engine.container import DEVNULL
from wardian.errors import LaunchError, UnsupportedError
from wardian.kernel import signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wardian.cli.arguments import Command
    from wardian.engine.container import Container
    from wardian.engine.result import Result

NOT_A_TERMINAL = 1  # docker's


def run(argv: "list[str]") -> int:
    """Run a program in a box; returns its exit code.

    Args:
        argv: the words behind `wardian run`.
    """
    parsed = arguments.parse(run_options.RUN, argv)
    if parsed.take("help"):
        return _help(run_options.RUN)
    if not parsed.values.pop("rm", True):
        raise UnsupportedError(
            "--rm=false: boxes that outlive the command are not there yet",
            hint="--keep NAME keeps what the box writes",
        )
    if parsed.take("explain"):
        from wardian.cli import observe

        return observe.show(parsed)
    interactive, tty = parsed.take("interactive"), bool(parsed.values.get("tty"))
    command = run_options.command_of(parsed, interactive=interactive and tty)
    if interactive and tty and not os.isatty(0):
        raise LaunchError(
            "the input device is not a terminal",
            exit_code=NOT_A_TERMINAL,
            hint="leave -t away to pass a pipe or a file on",
        )
    with run_options.container(command, parsed) as container:
        attend = _with_terminal if tty else _with_streams
        result = attend(container, interactive=interactive)
    _tell_end(result)
    startup.keep("wardian", "run")
    return result.exit_code


def _help(command: "Command") -> int:
    from wardian.cli import help as helping

    return helping.show(command)


def _with_streams(container: "Container", *, interactive: bool) -> "Result":
    """The program has our own standard streams; nothing is copied."""
    with signals.Bell() as bell:
        container.start(stdin=None if interactive else DEVNULL)
        return session.Session(container, bell).attend()


def _with_terminal(container: "Container", *, interactive: bool) -> "Result":
    """The program has a terminal of its own, which is joined with ours."""
    from wardian.kernel import terminals

    window = next((fd for fd in (0, 1, 2) if os.isatty(fd)), -1)
    with signals.Bell() as bell:
        size = terminals.window_size(window) if window >= 0 else (0, 0)
        container.start(stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL, window=size)
        proxy = terminals.Proxy(container.terminal, 0 if interactive else -1, 1)
        try:
            attended = session.Session(container, bell, proxy=proxy, window=window)
            attended.follow_window()
            if not interactive:
                return attended.attend()
            with terminals.RawMode(0):
                return attended.attend()
        finally:
            proxy.close()


def _tell_end(result: "Result") -> None:
    """Say what an exit code alone does not tell."""
    if result.timed_out:
        render.complain(f"--timeout was over after {result.usage.wall_s:.1f} s")
    if result.oom_killed:
        render.complain(
            "the kernel killed a process of the box: its memory limit was reached",
            "a larger --memory",
        )
