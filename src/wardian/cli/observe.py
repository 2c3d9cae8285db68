"""`wardian explain`: the plan of a run, before anything runs."""

from wardian.cli import arguments, render, run_options
from wardian.runtime import listing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wardian.cli.arguments import Parsed


def explain(argv: "list[str]") -> int:
    """Print what a run would do.

    Args:
        argv: the words behind `wardian explain`.
    """
    parsed = arguments.parse(run_options.EXPLAIN, argv)
    if parsed.take("help"):
        from wardian.cli import help as helping

        return helping.show(run_options.EXPLAIN)
    return show(parsed, as_json=parsed.take("json"))


def show(parsed: "Parsed", *, as_json: bool = False) -> int:
    """Print the plan of what was typed; returns the exit code."""
    interactive, tty = parsed.take("interactive"), bool(parsed.values.get("tty"))
    command = run_options.command_of(parsed, interactive=interactive and tty)
    with run_options.container(command, parsed) as container:
        for text in container.warnings:
            render.warn(text)
        if as_json:
            render.json_out(listing.data(container.plan))
        else:
            render.out(listing.text(container.plan))
    return 0
