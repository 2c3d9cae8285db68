"""`wardian repro run`, `replay` and `diff`: runs with a record."""

from wardian.cli import arguments, render
from wardian.cli.arguments import Command, flag, value, values
from wardian.cli.repro import BOX, DIFFERS, ENV, command_of, variables_of
from wardian.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from wardian.cli.arguments import Parsed

RECORD = "wardian-record.json"
SOURCE = value("source", "DIR", "a git working tree or another directory (the working directory)")
INPUT = values("input", "[NAME=]PATH", "what git does not have; NAME=PATH is shown as /inputs/NAME")
DOCUMENTS = (
    value("provenance", "FILE", "write in-toto/SLSA provenance too"),
    value("sbom", "FILE", "write a bill of materials too (CycloneDX)"),
)
RUN = Command(
    "repro run [OPTIONS] -- COMMAND [ARGUMENT...]",
    "Run a command in a canonical environment, on a checkout of the commit, and write down all that"
    " went in and came out. The outputs are copied to the source's directory.\n\n"
    "The exit code is the command's.",
    (
        (
            "The run",
            (
                SOURCE,
                INPUT,
                values(
                    "output", "PATH", 'what is made: a path or pattern, or "-" for what is printed'
                ),
                flag("dirty", "take changes since the commit too, as a patch in the record"),
                ENV,
                value("seed", "NUMBER", "WARDIAN_SEED, the root of all random streams (0)"),
                value("threads", "NUMBER", "of numeric libraries (1)"),
                value("processors", "NUMBER", "how many the command sees (1)"),
                value(
                    "clock", "real|commit|SECONDS", "where the wall clock stands (real: it goes)"
                ),
            ),
        ),
        ("The box", BOX),
        ("The record", (value("record", "FILE", f"where it is written ({RECORD})"), *DOCUMENTS)),
    ),
)
REPLAY = Command(
    "repro replay [OPTIONS] RECORD",
    "Run again what a record says: the commit, the command, the conditions; and compare every"
    " output. The source must have the commit, and inputs must have their digests.\n\n"
    "The exit code is 0 where all outputs are the same and 1 where one differs.",
    (
        (
            "Options",
            (
                SOURCE,
                INPUT,
                value("image", "IMAGE", "run on this image instead of the recorded one"),
                value("record", "FILE", "write the new record too"),
                *DOCUMENTS,
                flag("json", "print what differs as JSON, for programs"),
            ),
        ),
    ),
)
DIFF = Command(
    "repro diff [--json] RECORD RECORD",
    "Explain what differs between two records: source, command, inputs, programs, conditions,"
    " machine, and the outputs.\n\n"
    "The exit code is 0 where the outputs are the same and 1 where they differ.",
    (("Options", (flag("json", "as JSON, for programs"),)),),
)


def run(argv: "list[str]") -> int:
    """Run with a record."""
    parsed = _parsed(RUN, argv)
    if parsed is None:
        return 0
    from wardian import units
    from wardian.repro import record, rerun

    words: dict[str, Any] = dict(parsed.values)
    numbers = {
        name: units.parse_integer(words.pop(name, str(least)), name, least, (1 << 128) - 1)
        for name, least in (("seed", 0), ("threads", 1), ("processors", 1))
    }
    wish = rerun.Wish(
        seed=numbers["seed"],
        threads=numbers["threads"],
        cpus=numbers["processors"],
        clock=words.pop("clock", "real"),
        env=variables_of(words.pop("env", [])),
        dirty=bool(words.pop("dirty", False)),
        passes_on=True,
    )
    path, documents = words.pop("record", RECORD), _documents(words)
    made = rerun.run_recorded(
        command_of(RUN, parsed),
        source_directory=words.pop("source", "."),
        inputs=words.pop("input", ()),
        outputs=words.pop("output", ()),
        wish=wish,
        **words,
    )
    record.write(made, path)
    _write(documents, made)
    return int(made["exit_code"])


def replay(argv: "list[str]") -> int:
    """Run again from a record."""
    parsed = _parsed(REPLAY, argv, mixed=True)
    if parsed is None:
        return 0
    from wardian.repro import record, rerun

    words: dict[str, Any] = dict(parsed.values)
    (path,) = _names(REPLAY, parsed, 1)
    as_json, new, documents = words.pop("json", False), words.pop("record", None), _documents(words)
    old = record.read(path)
    made = rerun.replay(
        old,
        source_directory=words.pop("source", "."),
        inputs=words.pop("input", ()),
        **words,
    )
    if new is not None:
        record.write(made, new)
    _write(documents, made)
    return _tell(record.diff(old, made), made, as_json=as_json)


def diff(argv: "list[str]") -> int:
    """Explain two records."""
    parsed = _parsed(DIFF, argv, mixed=True)
    if parsed is None:
        return 0
    from wardian.repro import record

    one, other = (record.read(path) for path in _names(DIFF, parsed, 2))
    return _tell(record.diff(one, other), other, as_json=parsed.take("json"))


def _tell(rows: "list[dict[str, Any]]", made: "Any", *, as_json: bool) -> int:
    from wardian.repro import record, report

    same = not any(row["topic"] in ("outputs", "exit_code") for row in rows)
    if as_json:
        render.json_out({"same_outputs": same, "differences": rows})
    else:
        lines = record.explain(rows)
        if same:
            lines.append(report.same(len(made["outputs"])))
        render.out("".join(f"{render.line(one)}\n" for one in lines))
    return 0 if same else DIFFERS


def _documents(words: "dict[str, Any]") -> "dict[str, str]":
    return {name: words.pop(name) for name in ("provenance", "sbom") if name in words}


def _write(documents: "dict[str, str]", made: "Any") -> None:
    """Write what was asked for beside the record."""
    import json

    from wardian.kernel import paths
    from wardian.repro import provenance, sbom

    for name, path in documents.items():
        found = provenance.statement(made) if name == "provenance" else sbom.document(made)
        paths.write_atomic(path, (json.dumps(found, indent=1) + "\n").encode(), 0o644)


def _parsed(command: Command, argv: "list[str]", *, mixed: bool = False) -> "Parsed | None":
    parsed = arguments.parse(command, argv, mixed=mixed)
    if not parsed.take("help"):
        return parsed
    from wardian.cli import help as helping

    helping.show(command)
    return None


def _names(command: Command, parsed: "Parsed", count: int) -> "list[str]":
    names = parsed.words + (parsed.command or [])
    if len(names) != count:
        raise UsageError(
            f"{command.usage.partition(' [')[0]} takes {count} record{'s' * (count > 1)},"
            f" and {len(names)} {'is' if len(names) == 1 else 'are'} given",
            hint=f"wardian {command.usage}",
        )
    return names
