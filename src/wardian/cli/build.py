"""`wardian build`: an image of a Containerfile; the words are docker's and podman's."""

import os
import sys

from wardian.cli import build_progress, images, render
from wardian.cli.arguments import Command, flag, value, values
from wardian.errors import KernelError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from wardian.build.events import Built
    from wardian.build.world import World
    from wardian.cli.arguments import Parsed

STDERR = 2
RECIPE_BYTES = 16 << 20  # as wardian.build.lines has it
LOCK = "wardian.lock"
GROUPS = (
    (
        "What is built",
        (
            value(
                "file",
                "FILE|-",
                "the Containerfile (Containerfile or Dockerfile), or standard input",
                short="f",
            ),
            values("tag", "NAME[:TAG]", "name the image", short="t"),
            value("target", "STAGE", "build this stage, and not the last one"),
            value("platform", "OS/ARCH[/VARIANT]", "build for another platform than this one"),
            values("build-arg", "NAME[=VALUE]", "a value for ARG; without one, ours"),
            values("build-context", "NAME=DIRECTORY", "a further place for COPY --from=NAME"),
            values("label", "NAME=VALUE", "add to the image's labels"),
            values("secret", "id=NAME,src=FILE|env=NAME", "for RUN --mount=type=secret"),
            values("ssh", "ID[=SOCKET]", "for RUN --mount=type=ssh: an agent (SSH_AUTH_SOCK's)"),
        ),
    ),
    (
        "How",
        (
            flag("no-cache", "run every step"),
            flag("pull", "fetch base images, whether they are here or not"),
            flag("pull-never", "never fetch one"),
            value(
                "network",
                "none|default|host",
                "of RUN steps (none); default records every download in the lock, host nothing",
            ),
            value("lock", "FILE", "the lock (wardian.lock beside the Containerfile)"),
            flag("no-lock", "neither read nor write one"),
            flag("update-lock", "take what there is now, and write the lock anew"),
            value(
                "source-date-epoch",
                "SECONDS",
                "the build's time (SOURCE_DATE_EPOCH, or the git commit's)",
                alias="timestamp",
            ),
            value(
                "clock",
                "real|commit|SECONDS",
                "where RUN steps' wall clock stands (real: it goes); commit is the build's time",
            ),
            value("compression", "none|gzip|zstd", "of the layers (none)"),
        ),
    ),
    (
        "Whether it comes out the same",
        (
            flag(
                "verify",
                "build again in a varied world, compare bit by bit, and say what differs and why;"
                " ends with 1 if something does",
            ),
            values("vary", "NAME,...", "of --verify: vary only this; -NAME leaves one out (all)"),
            value("html", "FILE", "of --verify: write the report as a page for a browser"),
        ),
    ),
    (
        "What is told",
        (
            value("progress", "auto|plain|tty|quiet", "how to show it (auto)"),
            flag("quiet", "print only the image's id", short="q"),
            value("iidfile", "FILE", "write the image's id to a file"),
            flag("json", "print what was built as JSON, for programs"),
        ),
    ),
)
BUILD = Command(
    "build [OPTIONS] [CONTEXT|-]",
    "Build an image of a Containerfile. The same files give the same image: RUN steps see a fixed"
    " world without a network, and no time, owner or order of this machine gets into the layers."
    " Prints the image's id.",
    GROUPS,
    foreign="rm force-rm squash layers cache-from cache-to output o load push sbom provenance"
    " add-host cgroup-parent cpu-shares memory m ulimit isolation security-opt shm-size",
)
_SECRET_KEYS = {"source": "src", "file": "src"}


def build(argv: "list[str]") -> int:
    """Build an image."""
    parsed = images.parsed_or_help(BUILD, argv)
    if parsed is None:
        return 0
    words = images.words(BUILD, parsed, 0, 1)
    context = words[0] if words else "."
    _check_verify(parsed)
    asked, recipe = options(parsed), str(parsed.values.get("file") or "")
    if "-" not in (context, recipe):
        return _build(parsed, asked, (context, recipe))
    import tempfile

    with tempfile.TemporaryDirectory(prefix="wardian-recipe-") as folder:
        return _build(parsed, asked, _from_input(folder, asked, (context, recipe)))


def _from_input(
    folder: str, asked: "dict[str, Any]", where: "tuple[str, str]"
) -> "tuple[str, str]":
    """Take the recipe from standard input, as docker does; returns context and recipe."""
    context, recipe = where
    if context == "-" and recipe not in ("", "-"):
        raise UsageError("standard input is the recipe", hint="wardian build - < FILE")
    path = f"{folder}/Containerfile"
    with open(path, "wb") as file:
        file.write(sys.stdin.buffer.read(RECIPE_BYTES + 1))
    if context == "-":  # nothing to copy from, and no place where a lock would be found again
        context = f"{folder}/empty"
        os.mkdir(context)
        asked.setdefault("lock", None)
    else:
        asked.setdefault("lock", os.path.join(context, LOCK))
    return context, path


def _build(parsed: "Parsed", asked: "dict[str, Any]", where: "tuple[str, str]") -> int:
    from wardian.build.api import build as work

    context, recipe = where
    clock_s, world = _clock(parsed, asked, context)
    shown = build_progress.reporter(_progress(parsed), STDERR)
    try:
        built = work(context, recipe, world=world, progress=shown, **asked)
    finally:
        shown.close()
    for text in built.warnings:
        render.warn(text)
    if parsed.values.get("verify"):
        return _verified(parsed, built, asked, where, clock_s=clock_s)
    _tell(parsed, built)
    return 0


def _clock(
    parsed: "Parsed", asked: "dict[str, Any]", context: str
) -> "tuple[int | None, World | None]":
    """Return where the clock of RUN steps stands, and the world in which it does."""
    if "clock" not in parsed.values:
        return None, None
    from wardian.cli import build_clock

    clock_s = build_clock.stands_at(str(parsed.values["clock"]), asked, context)
    return clock_s, None if clock_s is None else build_clock.world(clock_s)


def _check_verify(parsed: "Parsed") -> None:
    """Refuse wrong words before anything is built."""
    if parsed.values.get("verify"):
        from wardian.repro import variations

        variations.chosen(_list(parsed, "vary"), variations.Surroundings())
        return
    for name in ("vary", "html"):
        if name in parsed.values:
            raise UsageError(f"--{name} goes with --verify")


def _verified(
    parsed: "Parsed",
    built: "Built",
    asked: "dict[str, Any]",
    where: "tuple[str, str]",
    *,
    clock_s: "int | None",
) -> int:
    """Build again, and tell what that gave; returns the exit code."""
    from wardian.cli import build_verify, exit_codes
    from wardian.repro import report

    found = build_verify.verify(
        built,
        asked,
        context=where[0],
        recipe=where[1],
        vary=_list(parsed, "vary"),
        progress=_progress(parsed),
        clock_s=clock_s,
    )
    html = parsed.values.get("html")
    if html is not None:
        from wardian.repro import page

        _write(str(html), page.page(found))
    _tell(parsed, built, found)
    if parsed.values.get("quiet"):
        if not found["reproducible"]:
            render.warn(report.verdict(found))
    elif not parsed.values.get("json"):
        render.out("".join(f"{render.line(one)}\n" for one in report.text(found)))
        for name, why in found["not_varied"].items():
            if why != "not asked for":
                render.warn(f"not varied: {name}: {why}")
    return 0 if found["reproducible"] else exit_codes.FAILED


def options(parsed: "Parsed") -> "dict[str, Any]":
    """Return the words as keywords of `wardian.build.build`."""
    given = parsed.values
    found: dict[str, Any] = {
        "tags": _list(parsed, "tag"),
        "build_args": dict(map(_argument, _list(parsed, "build_arg"))),
        "build_contexts": dict(
            _pair(text, "build-context") for text in _list(parsed, "build_context")
        ),
        "labels": dict(_pair(text, "label") for text in _list(parsed, "label")),
        "secrets": dict(map(_secret, _list(parsed, "secret"))),
        "ssh": dict(map(_agent, _list(parsed, "ssh"))),
        "no_cache": bool(given.get("no_cache")),
        "update_lock": bool(given.get("update_lock")),
    }
    for name in ("target", "platform", "network", "compression", "lock"):
        if name in given:
            found[name] = given[name]
    if given.get("no_lock"):
        found["lock"] = None
    if given.get("pull") and given.get("pull_never"):
        raise UsageError("--pull and --pull-never exclude each other")
    if given.get("pull") or given.get("pull_never"):
        found["pull"] = "always" if given.get("pull") else "never"
    if "source_date_epoch" in given:
        found["source_date_epoch"] = given["source_date_epoch"]
    return found


def _progress(parsed: "Parsed") -> str:
    if parsed.values.get("quiet"):
        return "quiet"
    kind = str(parsed.values.get("progress") or "auto")
    if kind not in build_progress.KINDS:
        raise UsageError(f'--progress "{kind}": not {", ".join(build_progress.KINDS)}')
    return kind


def _list(parsed: "Parsed", name: str) -> "list[str]":
    found = parsed.values.get(name)
    return found if isinstance(found, list) else []


def _argument(text: str) -> "tuple[str, str | None]":
    name, equals, word = text.partition("=")
    if not name:
        raise UsageError(f'--build-arg "{text}": not NAME[=VALUE]')
    return name, word if equals else None


def _pair(text: str, option: str) -> "tuple[str, str]":
    name, equals, word = text.partition("=")
    if not name or not equals:
        raise UsageError(f'--{option} "{text}": not NAME=VALUE')
    return name, word


def _agent(text: str) -> "tuple[str, str]":
    name, equals, path = text.partition("=")
    if not name or (equals and not path):
        raise UsageError(f'--ssh "{text}"', hint="--ssh default or --ssh ID=SOCKET")
    return name, path


def _secret(text: str) -> "tuple[str, str | bytes]":
    words: dict[str, str] = {}
    for part in text.split(","):
        key, _equals, word = part.partition("=")
        words[_SECRET_KEYS.get(key, key)] = word
    hint = "--secret id=NAME,src=FILE or --secret id=NAME,env=NAME"
    unknown = set(words) - {"id", "src", "env", "type"}
    if not words.get("id") or unknown:
        raise UsageError(f'--secret "{text}"', hint=hint)
    name = words["id"]
    if "src" in words:
        return name, os.path.abspath(words["src"])
    variable = words.get("env") or name
    if variable not in os.environ:
        raise UsageError(f'--secret "{text}": the variable {variable} is not set', hint=hint)
    return name, os.environb[os.fsencode(variable)]


def _write(path: str, text: str) -> None:
    try:
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise KernelError(f'open("{path}")', error.errno or 0) from None


def _tell(parsed: "Parsed", built: "Built", verified: "dict[str, Any] | None" = None) -> None:
    path = parsed.values.get("iidfile")
    if path:
        _write(str(path), built.id)
    if not parsed.values.get("json"):
        render.out(f"{built.id}\n")
        return
    render.json_out(
        {
            "id": built.id,
            "digest": built.digest,
            "diff_ids": list(built.diff_ids),
            "name": built.image.name,
            "epoch": built.epoch_s,
            "lock": built.lock,
            "warnings": built.warnings,
            "steps": [
                {
                    "stage": one.step.stage,
                    "line": one.step.line,
                    "text": one.step.text,
                    "layer": one.layer,
                    "cached": one.is_cached,
                    "seconds": round(one.seconds, 3),
                }
                for one in built.steps
            ],
            **({"verified": verified} if verified is not None else {}),
        }
    )
