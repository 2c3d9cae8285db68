"""`wardian repro`: check a command in a varied world; record a run, replay it, compare two."""

from wardian.cli import arguments, render, repro_progress
from wardian.cli.arguments import Command, flag, value, values
from wardian.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from wardian.cli.arguments import Parsed

DIFFERS = 1
# Words of `wardian run` that mean the same here.
BOX = (
    value("image", "IMAGE", "run on this image instead of the host's own programs"),
    value("rootfs", "DIR", "run on this root directory"),
    value("network", "none|host", "loopback only (the default), or the host's network"),
    values("volume", "SRC:DST[:ro]", "show a directory or file of the host", short="v"),
    values("mount", "WORDS", "the same in docker's other words"),
    values("tmpfs", "PATH[:WORDS]", "mount an empty file system in memory"),
    value("memory", "SIZE", "a memory limit", short="m"),
    value("pids-limit", "NUMBER", "a limit of processes"),
    value("timeout", "TIME", "stop each run after this time"),
    values("security-opt", "WORD", "as for `wardian run`"),
)
SOURCE = value("source", "DIR", "the source; each run gets a copy of it (the working directory)")
OUTPUT = values(
    "output",
    "PATH",
    'what is compared: a path or pattern in the source, or "-" for what is printed',
)
ENV = values("env", "NAME=VALUE", "a variable for all runs", short="e")
EPOCH = value("epoch", "SECONDS", "SOURCE_DATE_EPOCH (the commit's time, or the newest file's)")
WORKSPACE = value("workspace", "DIR", "where copies of the source are made (/dev/shm)")

CHECK = Command(
    "repro check [OPTIONS] -- COMMAND [ARGUMENT...]",
    "Run a command twice, in a canonical and in a varied world, and compare what it makes bit by"
    " bit. Where that differs: which file, which bytes, which variation alone causes it, and the"
    " likely reason. Without --output all files count that are new or changed.\n\n"
    "The exit code is 0 where all is the same and 1 where something differs; 125 where that could"
    " not be found out.",
    (
        (
            "What is run, varied and compared",
            (
                SOURCE,
                OUTPUT,
                values("vary", "NAME,...", "vary only this; -NAME leaves one out (all)"),
                value("locale", "NAME", "to vary to (tr_TR.UTF-8)"),
                flag("modes", "compare all permission bits, not only who may execute"),
                ENV,
                EPOCH,
                WORKSPACE,
            ),
        ),
        (
            "Other processors",
            (
                flag("cpu", "run on this and on older processors instead, by QEMU, and compare"),
                values("model", "NAME", "with --cpu: a processor of QEMU's (those of the profile)"),
                value("cpu-profile", "v2|v3|native", "compute as this kind of processor"),
            ),
        ),
        ("The box", BOX),
        (
            "The report",
            (
                flag("json", "print it as JSON, for programs"),
                value("html", "FILE", "write it as a page for a browser"),
                flag("diffoscope", "ask diffoscope too, where it is installed (on)"),
                flag("quiet", "show no progress", short="q"),
                flag("list", "list the variations, and do nothing"),
            ),
        ),
    ),
)


COMMANDS = {
    "check": ("repro", "check", "compare what a command makes in a canonical and a varied world"),
    "run": ("repro_records", "run", "run a command with a record of all that went in and came out"),
    "replay": ("repro_records", "replay", "run again what a record says, and compare the outputs"),
    "diff": ("repro_records", "diff", "explain what differs between two records"),
}


def repro(argv: "list[str]") -> int:
    """Run one of `wardian repro`'s commands; returns its exit code."""
    name = argv[0] if argv else "--help"
    if name in ("--help", "-h"):
        return _help()
    if name not in COMMANDS:
        raise UsageError(
            f'repro "{name}": there is no such', hint=f"there is {', '.join(COMMANDS)}"
        )
    file, function, _text = COMMANDS[name]
    module = __import__(f"wardian.cli.{file}", fromlist=[function])
    code: int = getattr(module, function)(argv[1:])
    return code


def _help() -> int:
    from wardian.cli import help as helping

    lines = ["usage: wardian repro COMMAND ...", ""]
    text = "Prove that a command gives the same bits anywhere, or find out why it does not."
    lines += [*helping.wrap(text, render.width()), "", "Commands:"]
    lines += helping.rows(((name, row[2]) for name, row in COMMANDS.items()), render.width())
    render.out("\n".join(lines) + "\n")
    return 0


def check(argv: "list[str]") -> int:
    """Check a command."""
    parsed = arguments.parse(CHECK, argv)
    if parsed.take("help"):
        from wardian.cli import help as helping

        return helping.show(CHECK)
    if parsed.take("list"):
        return _list_variations()
    if parsed.take("cpu"):
        return _check_cpu(parsed)
    from wardian.repro import command, report

    words: dict[str, Any] = dict(parsed.values)
    as_json, quiet = bool(words.pop("json", False)), bool(words.pop("quiet", False))
    html = words.pop("html", None)
    with repro_progress.reporter(quiet=quiet) as shown:
        found = command.check_command(
            command_of(CHECK, parsed),
            env=variables_of(words.pop("env", [])),
            outputs=words.pop("output", ()),
            epoch=_epoch(words.pop("epoch", None)),
            place=words.pop("workspace", None),
            progress=shown,
            **words,
        )
    if html is not None:
        from wardian.repro import page

        with open(str(html), "w", encoding="utf-8") as file:
            file.write(page.page(found))
    if as_json:
        render.json_out(found)
    else:
        render.out("".join(f"{render.line(one)}\n" for one in report.text(found)))
        for name, why in found["not_varied"].items():
            if why != "not asked for":
                render.warn(f"not varied: {name}: {why}")
    return 0 if found["reproducible"] else DIFFERS


def _check_cpu(parsed: "Parsed") -> int:
    """Run on emulated processors; the source is shown, and --output names directories of the box.

    What is equal was checked, and is not guaranteed: an emulator is no processor.
    """
    import os

    from wardian.repro import conditions, cpu

    words: dict[str, Any] = dict(parsed.values)
    as_json, quiet = bool(words.pop("json", False)), bool(words.pop("quiet", False))
    words.pop("diffoscope", None)
    for name in ("vary", "locale", "modes", "epoch", "workspace", "html"):
        if name in words:
            raise UsageError(f"--{name} and --cpu exclude each other")
    place = conditions.CONTROL.build_path
    source = os.path.abspath(words.pop("source", "."))
    shown = [*words.pop("mount", []), f"type=bind,src={source},dst={place},ro"]
    env = variables_of(words.pop("env", []))
    with repro_progress.reporter(quiet=quiet) as progress:
        found = cpu.check(
            command_of(CHECK, parsed),
            outputs=words.pop("output", ()),
            models=words.pop("model", ()),
            progress=progress,
            mount=shown,
            workdir=place,
            env=env,
            **words,
        )
    if as_json:
        render.json_out(found.document())
    else:
        render.out("".join(f"{render.line(one)}\n" for one in found.lines()))
    return 0 if found.is_equal else DIFFERS


def _list_variations() -> int:
    from wardian.repro import variations

    rows = [(one.name, one.alias, one.text) for one in variations.VARIATIONS]
    render.out(render.table(("NAME", "REPROTEST", "WHAT CHANGES"), rows))
    return 0


def command_of(command: Command, parsed: "Parsed") -> "list[str]":
    """Return the words of the command that is run."""
    found = parsed.words + (parsed.command or [])
    if not found:
        raise UsageError(
            f'"wardian {command.name}" needs a command', hint=f"wardian {command.usage}"
        )
    return found


def variables_of(given: "Any") -> "dict[str, str]":
    """Return the variables of --env."""
    from wardian.engine import process_words

    found = process_words.environment(given, [])
    return {entry.partition("=")[0]: entry.partition("=")[2] for entry in found}


def _epoch(text: "object") -> "int | None":
    if text is None:
        return None
    from wardian import units

    return units.parse_integer(str(text), "epoch", 0, 1 << 40)
