"""`wardian kept`, `diff` and `rm`: the layers that --keep kept."""

import os
import sys

from wardian.cli import arguments, exit_codes, render
from wardian.cli.arguments import Command, flag
from wardian.engine import directories, mapped
from wardian.engine import kept as layers
from wardian.errors import UsageError, WardianError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wardian.cli.arguments import Parsed

JSON = flag("json", "as JSON, for programs")
KEPT = Command("kept [--json]", "List the layers that --keep kept.", (("Options", (JSON,)),))
DIFF = Command(
    "diff [--json] NAME",
    "List what a kept layer changes of its base: A added, C changed, D deleted. A directory counts"
    " as changed where anything in it is.",
    (("Options", (JSON,)),),
)
REMOVE = Command("rm NAME...", "Remove kept layers.")


def kept(argv: "list[str]") -> int:
    """List the kept layers."""
    parsed = _parse(KEPT, argv)
    if parsed is None:
        return 0
    arguments.no_more(KEPT, parsed)
    found = layers.layers(root_dir=directories.root())
    if parsed.take("json"):
        render.json_out(
            [
                {
                    "name": one.name,
                    "base": one.base,
                    "created": one.created_s,
                    "state": _state(one),
                    "pid": one.pid or None,
                }
                for one in found
            ]
        )
        return 0
    rows = [(one.name, _when(one.created_s), _state(one), one.base) for one in found]
    render.out(render.table(("NAME", "CREATED", "STATE", "BASE"), rows))
    return 0


def _state(one: "layers.Info") -> str:
    if one.pid:
        return "in use"
    return "kept" if one.is_finished else "unfinished"


def _when(created_s: int) -> str:
    import time

    return time.strftime("%Y-%m-%d %H:%M", time.localtime(created_s))


def diff(argv: "list[str]") -> int:
    """List what a kept layer changes."""
    parsed = _parse(DIFF, argv)
    if parsed is None:
        return 0
    names = _names(DIFF, parsed)
    if len(names) > 1:
        raise UsageError(f'"wardian diff" takes one name, not also "{names[1]}"')
    changes = mapped.diff(names[0], directories.root())
    if parsed.take("json"):
        render.json_out([{"kind": one.kind, "path": one.path} for one in changes])
    else:
        render.out("".join(f"{one}\n" for one in changes))
    return 0


def remove(argv: "list[str]") -> int:
    """Remove kept layers; those that can't be removed are told, and the others go."""
    parsed = _parse(REMOVE, argv)
    if parsed is None:
        return 0
    root_dir = directories.root()
    code = 0
    for name in _names(REMOVE, parsed):
        try:
            layers.remove(name, root_dir=root_dir, remove_tree=mapped.remove_tree)
            render.out(f"{name}\n")
        except WardianError as error:
            if os.environ.get("WARDIAN_DEBUG") == "1":
                raise
            sys.stdout.flush()
            render.complain(str(error), error.hint)
            code = exit_codes.FAILED
    return code


def _parse(command: Command, argv: "list[str]") -> "Parsed | None":
    """Return what was typed, or None where that was --help."""
    parsed = arguments.parse(command, argv)
    if not parsed.take("help"):
        return parsed
    from wardian.cli import help as helping

    helping.show(command)
    return None


def _names(command: Command, parsed: "Parsed") -> "list[str]":
    names = parsed.words + (parsed.command or [])
    if not names:
        hint = "`wardian kept` lists them"
        raise UsageError(f'"wardian {command.name}" needs the name of a kept layer', hint=hint)
    return names
