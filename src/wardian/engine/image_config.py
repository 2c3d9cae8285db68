"""What an image says of its program, under what was asked for (pure).

The rules are docker's. A command takes the place of Cmd and is what the Entrypoint gets; another
entrypoint takes Cmd away with the image's own. A variable that was asked for counts more than the
image's, a user, a directory and a signal likewise. Volumes need nothing in a box that is thrown
away, or kept as a whole: its writable layer takes what is written there. ExposedPorts are notes for
people.

Source: image-spec, config.md; docker run reference, "Overriding image defaults".
"""

import os

from wardian.engine import process_words
from wardian.errors import SpecError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from wardian.engine.options import Options


def apply(options: "Options", config: "dict[str, Any]") -> None:
    """Fill in what the options leave open.

    Args:
        options: of the run; changed.
        config: the image's `config`, checked where it came from.

    Raises:
        UsageError: there is no program to run.
        SpecError: the image asks for what there is not.
    """
    about = f'image "{options.image}"'
    for key in ("User", "WorkingDir"):
        if "\0" in (config.get(key) or ""):
            raise SpecError(f"{about}: its {key} holds a NUL byte")
    options.command = _command(options, config)
    if not options.command or not options.command[0]:
        hint = f"wardian run {options.image} COMMAND ..."
        raise UsageError(f"{about} names no program to run", hint=hint)
    options.env = _environment(config.get("Env") or [], options.env)
    if options.user is None:
        options.user = config.get("User") or None
    if options.workdir is None:
        options.workdir = os.path.normpath("/" + (config.get("WorkingDir") or "").lstrip("/"))
    signal = config.get("StopSignal")
    if signal and not options.has_stop_signal:
        try:
            options.stop_signal = process_words.signal_number(signal)
        except UsageError as error:
            raise SpecError(f"{about}: {error}", hint=error.hint) from None
    process_words.check_size(options.command, options.env)


def _command(options: "Options", config: "dict[str, Any]") -> "list[str]":
    if options.entrypoint is not None:
        return options.entrypoint + options.command
    return [*(config.get("Entrypoint") or []), *(options.command or config.get("Cmd") or [])]


def _environment(theirs: "list[str]", asked: "list[str]") -> "list[str]":
    found: dict[str, str] = {}
    for entry in [*theirs, *asked]:
        name, equals, _text = entry.partition("=")
        if name and equals:
            found.pop(name, None)
            found[name] = entry
    return list(found.values())
