"""`wardian pack`: an image of what a program truly needs, and why each file is in it."""

from wardian.cli import arguments, images, render
from wardian.cli.arguments import Command, flag, value, values
from wardian.errors import UsageError
from wardian.pack import image, packing
from wardian.units import format_decimal_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wardian.cli.arguments import Parsed
    from wardian.pack.packing import Packed

SHOWN_MAX = 60  # rows; more are shown by what they came with
REASONS_MAX = 2

PACK = Command(
    "pack [OPTIONS] [--trace -- COMMAND [ARGUMENT...]]",
    "Make an image of what a program truly needs, and say why each file is in it. The same files"
    " give the same image, on any machine. Nothing of what is packed is run, but what --trace runs"
    " in a box, and interpreters, to ask where their modules are.",
    (
        (
            "What goes in (each may be given with the others)",
            (
                values("program", "PROGRAM[:PATH]", "a program, and all that it needs to start"),
                flag("trace", "run the command behind -- in a box, and take what it opens"),
                value("venv", "DIR", "a Python environment, with its interpreter"),
                value("requirements", "FILE", "Python packages with hashes, to /opt/venv"),
                values("debian", "PACKAGE[=VERSION]", "a Debian package, with its dependencies"),
                values("volume", "SRC:DST[:ro]", "show it to the traced command", short="v"),
            ),
        ),
        (
            "The image",
            (
                value("tag", "NAME[:TAG]", "its name", short="t"),
                value("entrypoint", "WORDS", "what it starts (the first program)"),
                values("env", "NAME=VALUE", "a variable; LANG and TZ bring their files", short="e"),
                value("workdir", "PATH", "where it starts", short="w"),
                value("user", "NAME|UID[:GROUP]", "whom it runs as", short="u"),
                values("change", "INSTRUCTION", "any other Dockerfile instruction", short="c"),
                value("compression", "none|gzip|zstd", "of the layer (gzip)"),
            ),
        ),
        (
            "Other",
            (
                flag("verbose", "list every file, however many there are"),
                flag("quiet", "print the image's id alone", short="q"),
                flag("json", "as JSON, for programs"),
            ),
        ),
    ),
)


def pack(argv: "list[str]") -> int:
    """Make an image of what was asked for."""
    parsed = arguments.parse(PACK, argv, mixed=True)
    if parsed.take("help"):
        from wardian.cli import help as helping

        return helping.show(PACK)
    images.words(PACK, parsed, 0, 0)
    command = parsed.command or []
    if bool(parsed.take("trace")) != bool(command):
        raise UsageError("--trace and a command go together", hint="--trace -- COMMAND ...")
    start = image.Start(
        entrypoint=image.words(str(parsed.values.get("entrypoint") or "")),
        env=_list(parsed, "env"),
        workdir=str(parsed.values.get("workdir") or ""),
        user=str(parsed.values.get("user") or ""),
        edits=_list(parsed, "change"),
    )
    for entry in start.env:
        if "=" not in entry:
            raise UsageError(f'env "{entry}": must be NAME=VALUE', hint="an image has no caller")
    done = packing.pack(
        images.store(),
        str(parsed.values.get("tag") or ""),
        programs_wanted=_list(parsed, "program"),
        traced=command,
        volumes=_list(parsed, "volume"),
        venv=str(parsed.values.get("venv") or ""),
        requirements=str(parsed.values.get("requirements") or ""),
        packages=_list(parsed, "debian"),
        start=start,
        method=str(parsed.values.get("compression") or "gzip"),
    )
    if parsed.take("json"):
        render.json_out(done.document())
    elif parsed.take("quiet"):
        render.out(f"{done.id}\n")
    else:
        _show(done, verbose=parsed.take("verbose"))
    return 0


def _list(parsed: "Parsed", name: str) -> "list[str]":
    found = parsed.values.get(name)
    return found if isinstance(found, list) else []


def _show(done: "Packed", *, verbose: bool) -> None:
    files = [row for row in done.rows if row.kind != "directory"]
    if verbose or len(files) <= SHOWN_MAX:
        render.out(render.table(("SIZE", "PATH", "WHY"), map(_cells, files)))
    else:
        render.out(render.table(("SIZE", "FILES", "OF"), _groups(done)))
    for one in done.sources:
        name = f"{one['name']} {one['version']}"
        render.out(f"{one['type']} {name} sha256:{one['sha256']}\n")
    for note in done.notes:
        render.warn(note)
    count = sum(1 for row in files if row.kind == "file")
    render.out(
        f"{count} file{'' if count == 1 else 's'}, {format_decimal_size(done.size_bytes)};"
        f" the layer {format_decimal_size(done.layer_bytes)}\n{done.name} {done.id}\n".lstrip()
    )


def _cells(row: "packing.Row") -> "tuple[str, str, str]":
    size = format_decimal_size(row.size) if row.kind == "file" else ""
    path = f"{row.path} -> {row.target}" if row.kind == "link" else row.path
    why = list(row.reasons[:REASONS_MAX])
    if len(row.reasons) > REASONS_MAX:
        why.append(f"{len(row.reasons) - REASONS_MAX} more")
    return size, path, "; ".join(why)


def _groups(done: "Packed") -> "list[tuple[str, str, str]]":
    sums: dict[str, list[int]] = {}
    for row in done.rows:
        if row.kind == "file":
            counts = sums.setdefault(row.group, [0, 0])
            counts[0] += 1
            counts[1] += row.size
    ranked = sorted(sums.items(), key=lambda item: (-item[1][1], item[0]))
    return [(format_decimal_size(size), str(count), name) for name, (count, size) in ranked]
