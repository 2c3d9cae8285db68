"""`wardian images`, `tag` and `rmi`, and what all commands about images share; docker's words."""

import os
import sys
import time

from wardian.cli import arguments, exit_codes, render
from wardian.cli.arguments import Command, flag, value, values
from wardian.engine import directories
from wardian.errors import RequestError, UsageError, WardianError
from wardian.images import garbage, layers
from wardian.images.store import Entry, Store
from wardian.registry import digests, platforms, reference
from wardian.units import format_age, format_decimal_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wardian.cli.arguments import Parsed
    from wardian.registry.documents import Config
    from wardian.registry.platforms import Platform

PLATFORM = value("platform", "OS/ARCH[/VARIANT]", "of an index, take another than this machine's")
QUIET = flag("quiet", "print only the result", short="q")
JSON = flag("json", "as JSON, for programs")
FORMAT = value("format", "json|table|TEMPLATE", 'how to print, as in "{{.Tag}}"')

IMAGES = Command(
    "images [OPTIONS] [REPOSITORY[:TAG]]",
    "List the images that are here.",
    (
        (
            "Options",
            (
                flag("all", "nothing is hidden anyway", short="a"),
                flag("digests", "show digests"),
                flag("no-trunc", "show whole ids"),
                flag("quiet", "show ids alone", short="q"),
                values(
                    "filter",
                    "KEY=VALUE",
                    "only those: dangling=BOOL, reference=PATTERN, label=KEY[=VALUE], before=IMAGE,"
                    " since=IMAGE, until=TIME",
                    short="f",
                ),
                JSON,
                FORMAT,
            ),
        ),
    ),
)
TAG = Command("tag IMAGE NAME[:TAG]", "Give another name to an image.")
RMI = Command(
    "rmi [OPTIONS] IMAGE...",
    "Remove names of images, and with the last one the image itself, as far as nothing else needs"
    " it. With an id, all names of the image go.",
    (("Options", (flag("force", "no error where there is none", short="f"), PLATFORM)),),
    foreign="no-prune",
)


def store() -> Store:
    """Open the images of this user."""
    return Store(directories.root())


def parsed_or_help(command: Command, argv: "list[str]") -> "Parsed | None":
    """Return what was typed, or None where that was --help."""
    parsed = arguments.parse(command, argv, mixed=True)
    if not parsed.take("help"):
        parsed.words += parsed.command or []
        return parsed
    from wardian.cli import help as helping

    helping.show(command)
    return None


def words(command: Command, parsed: "Parsed", least: int, most: int) -> "list[str]":
    """Return the words of a command, after a look at their number.

    Raises:
        UsageError: there are too few or too many.
    """
    if least <= len(parsed.words) <= most:
        return parsed.words
    raise UsageError(
        f'"wardian {command.name}" takes {"at least " if len(parsed.words) < least else "at most "}'
        f"{least if len(parsed.words) < least else most} word(s), not {len(parsed.words)}",
        hint=f"see 'wardian {command.name} --help'",
    )


def platform_of(parsed: "Parsed") -> "Platform | None":
    """Return the platform that was asked for."""
    text = parsed.values.get("platform")
    return platforms.parse(str(text)) if text else None


def wants_json(parsed: "Parsed") -> bool:
    """Say whether --json or --format json was given.

    Raises:
        UsageError: another format.
    """
    form = parsed.values.get("format")
    if form not in (None, "json", "table") and not template_of(parsed):
        raise UsageError(
            f'option "--format": "{form}" is neither json nor table',
            hint='nor a template, as "{{.ID}}" is one',
        )
    return bool(parsed.values.get("json")) or form == "json"


def template_of(parsed: "Parsed") -> str:
    """Return the template of --format, or ""."""
    form = str(parsed.values.get("format") or "")
    return form if "{{" in form else ""


def familiar(wanted: reference.Reference) -> str:
    """Return a name as people write it, with its tag or digest."""
    tail = f"@{wanted.digest}" if wanted.digest else f":{wanted.tag}"
    return f"{wanted.familiar}{tail}"


# ---- what is here --------------------------------------------------------------------------------


class _Row:
    """One image in the list."""

    def __init__(self, images: Store, entry: Entry) -> None:
        self.entry = entry
        self.repository, self.tag = _split(entry.name)
        self.id = images.image_id(entry)
        self.config: Config = {}
        self.size_bytes = 0
        self.is_broken = False
        if entry.is_index:
            return
        try:
            document = images.document(entry.digest)
            self.config = images.config(document)
            self.size_bytes = size_of(images, document.manifest or {}, self.config)
        except (WardianError, KeyError):
            self.is_broken = True

    @property
    def platform(self) -> str:
        """Where it runs."""
        if self.entry.is_index:
            return "(index)"
        if self.is_broken:
            return "(broken: wardian fsck)"
        return str(self.entry.platform or platforms.of_document(self.config))

    def fields(self, *, whole: bool) -> "dict[str, object]":
        """Return it for templates, in docker's words."""
        return {
            "Repository": self.repository,
            "Tag": self.tag,
            "ID": self.id if whole else digests.short(self.id),
            "Digest": self.entry.parent or self.entry.digest,
            "CreatedSince": age(self.config.get("created")),
            "CreatedAt": self.config.get("created") or "N/A",
            "Size": format_decimal_size(self.size_bytes),
            "Platform": self.platform,
        }

    def document(self) -> "dict[str, object]":
        """Return it for programs."""
        return {
            "repository": self.repository,
            "tag": self.tag,
            "id": self.id,
            "digest": self.entry.parent or self.entry.digest,
            "manifest": self.entry.digest,
            "created": self.config.get("created"),
            "size": self.size_bytes,
            "platform": self.platform,
        }


def size_of(images: Store, manifest: "object", config: "Config") -> int:
    """Return the bytes of an image's uncompressed layers; compressed where they aren't unpacked."""
    rows = manifest.get("layers") or [] if isinstance(manifest, dict) else []
    total = 0
    for row, diff_id in zip(rows, config.get("rootfs", {}).get("diff_ids") or [], strict=False):
        layer = layers.find_layer(diff_id, images.layout.root_dir)
        total += layer.size_bytes if layer else row["size"]
    return total


def _split(name: str) -> "tuple[str, str]":
    try:
        found = reference.parse(name)
    except UsageError:
        return name or "<none>", "<none>"
    return found.familiar, found.tag or "<none>"


def images(argv: "list[str]") -> int:
    """List the images."""
    parsed = parsed_or_help(IMAGES, argv)
    if parsed is None:
        return 0
    names = words(IMAGES, parsed, 0, 1)
    here = store()
    rows = [_Row(here, entry) for entry in here.entries() if _is_wanted(entry, names)]
    wanted = parsed.values.get("filter")
    if isinstance(wanted, list):
        from wardian.cli import image_filters

        fits = image_filters.read([str(word) for word in wanted], here)
        rows = [row for row in rows if fits(row.entry, row.config)]
    if template := template_of(parsed):
        from wardian.cli import templates

        is_whole = bool(parsed.values.get("no_trunc"))
        fields = [row.fields(whole=is_whole) for row in rows]
        render.out(templates.lines(template, fields, _TITLES))
    elif wants_json(parsed):
        render.json_out([row.document() for row in rows])
    elif parsed.values.get("quiet"):
        whole = parsed.values.get("no_trunc")
        ids = dict.fromkeys(row.id if whole else digests.short(row.id) for row in rows)
        render.out("".join(f"{one}\n" for one in ids))
    else:
        render.out(_table(rows, parsed))
    return 0


_TITLES: "dict[str, object]" = {
    "Repository": "REPOSITORY",
    "Tag": "TAG",
    "ID": "IMAGE ID",
    "Digest": "DIGEST",
    "CreatedSince": "CREATED",
    "CreatedAt": "CREATED AT",
    "Size": "SIZE",
    "Platform": "PLATFORM",
}


def _is_wanted(entry: Entry, names: "list[str]") -> bool:
    if not names:
        return True
    wanted = reference.parse(names[0], default_tag="")
    if not entry.name:
        return False
    try:
        found = reference.parse(entry.name)
    except UsageError:
        return False
    return found.repository == wanted.repository and wanted.tag in ("", found.tag)


def _table(rows: "list[_Row]", parsed: "Parsed") -> str:
    whole = bool(parsed.values.get("no_trunc"))
    native = {str(one) for one in platforms.candidates(platforms.host())}
    foreign = any(row.platform not in native for row in rows)
    headings = ["REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE"]
    if parsed.values.get("digests"):
        headings.insert(2, "DIGEST")
    if foreign:
        headings.append("PLATFORM")
    cells = []
    for row in rows:
        line = [
            row.repository,
            row.tag,
            row.id if whole else digests.short(row.id),
            age(row.config.get("created")),
            format_decimal_size(row.size_bytes),
        ]
        if parsed.values.get("digests"):
            line.insert(2, row.entry.parent or row.entry.digest)
        if foreign:
            line.append(row.platform)
        cells.append(line)
    return render.table(headings, cells)


def age(created: "str | None") -> str:
    """Return how long ago a config's date was, in docker's words."""
    from datetime import UTC, datetime

    try:
        then = datetime.fromisoformat(created or "")
    except ValueError:
        return "N/A"
    if then.tzinfo is None:
        then = then.replace(tzinfo=UTC)
    return f"{format_age(time.time() - then.timestamp())} ago"


# ---- names, and what goes ------------------------------------------------------------------------


def tag(argv: "list[str]") -> int:
    """Give another name to an image."""
    parsed = parsed_or_help(TAG, argv)
    if parsed is None:
        return 0
    name, new = words(TAG, parsed, 2, 2)
    wanted = reference.parse(new)
    if wanted.digest:
        raise UsageError(f'"{new}": a name with a tag is needed, not a digest')
    here = store()
    for entry in here.named(str(reference.parse(name))) if _is_name(name) else []:
        if entry.is_index:
            here.tag(entry, str(wanted))
            return 0
    here.tag(here.find(name), str(wanted))
    return 0


def _is_name(text: str) -> bool:
    try:
        reference.parse(text)
    except UsageError:
        return False
    return True


def remove(argv: "list[str]") -> int:
    """Remove images; those that can't be removed are told, and the others go."""
    parsed = parsed_or_help(RMI, argv)
    if parsed is None:
        return 0
    from wardian.engine import image_kept

    names = words(RMI, parsed, 1, 1 << 20)
    here = store()
    with image_kept.hold_bases(here):
        return _remove(here, names, parsed)


def _remove(here: Store, names: "list[str]", parsed: "Parsed") -> int:
    code = 0
    for name in names:
        try:
            gone = here.untag(name, platform_of(parsed))
        except RequestError as error:
            if os.environ.get("WARDIAN_DEBUG") == "1":
                raise
            if not parsed.values.get("force"):
                sys.stdout.flush()
                render.complain(str(error), error.hint)
                code = exit_codes.FAILED
            continue
        for entry in gone:
            shown = f"Untagged: {_shown(entry.name)}\n" if entry.name else ""
            render.out(shown)
    freed = garbage.collect(here)
    render.out("".join(f"Deleted: {digest}\n" for digest in freed.blobs))
    return code


def _shown(name: str) -> str:
    try:
        return familiar(reference.parse(name))
    except UsageError:
        return name
