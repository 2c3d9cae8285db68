"""`wardian pull`, `push`, `images`, `tag`, `rmi`, `prune`, `fsck`: words and tables of docker."""

import os
import sys
import time

from wardian.cli import arguments, exit_codes, progress, registry_options, render
from wardian.cli.arguments import Command, flag, value
from wardian.engine import directories
from wardian.errors import RequestError, UsageError, WardianError
from wardian.exchange import fsck as checking
from wardian.exchange import pull as pulling
from wardian.exchange import push as pushing
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
FORMAT = value("format", "json|table", "how to print")

PULL = Command(
    "pull [OPTIONS] NAME[:TAG|@DIGEST]",
    "Fetch an image from a registry and unpack its layers. A broken download goes on where it was"
    " left; layers that are here are not fetched.",
    (
        (
            "Options",
            (
                PLATFORM,
                flag("all-platforms", "the whole index; only this machine's layers are unpacked"),
                QUIET,
            ),
        ),
        registry_options.GROUP,
    ),
    foreign="all-tags a disable-content-trust",
)
PUSH = Command(
    "push [OPTIONS] NAME[:TAG] [DESTINATION]",
    "Send an image to the registry that its name says, or to another name. What the registry has"
    " is not sent, and no digest changes.",
    (
        ("Options", (PLATFORM, QUIET)),
        registry_options.GROUP,
    ),
    foreign="all-tags a disable-content-trust",
)
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
                JSON,
                FORMAT,
            ),
        ),
    ),
    foreign="filter f",
)
TAG = Command("tag IMAGE NAME[:TAG]", "Give another name to an image.")
RMI = Command(
    "rmi [OPTIONS] IMAGE...",
    "Remove names of images, and with the last one the image itself, as far as nothing else needs"
    " it. With an id, all names of the image go.",
    (("Options", (flag("force", "no error where there is none", short="f"), PLATFORM)),),
    foreign="no-prune",
)
PRUNE = Command(
    "prune [OPTIONS]",
    "Remove images without a name, and blobs and layers that nobody needs. What a box or a running"
    " command uses stays.",
    (
        (
            "Options",
            (
                flag("all", "images with a name too", short="a"),
                flag("force", "nothing is asked anyway", short="f"),
                JSON,
            ),
        ),
    ),
    foreign="filter",
)
FSCK = Command(
    "fsck [OPTIONS]",
    "Verify every blob and every layer of the images; what is broken is named and fetched again."
    " Ends with 1 if something stays broken.",
    (("Options", (flag("check", "fetch nothing"), flag("quiet", "no progress", short="q"), JSON)),),
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
    if form not in (None, "json", "table"):
        raise UsageError(f'option "--format": "{form}" is neither json nor table')
    return bool(parsed.values.get("json")) or form == "json"


# ---- pull and push -------------------------------------------------------------------------------


def pull(argv: "list[str]") -> int:
    """Fetch an image."""
    parsed = parsed_or_help(PULL, argv)
    if parsed is None:
        return 0
    (name,) = words(PULL, parsed, 1, 1)
    wanted = reference.parse(name)
    quiet = bool(parsed.values.get("quiet"))
    if not quiet:
        if wanted.tag == reference.LATEST and ":" not in name.rpartition("/")[2]:
            render.out(f"Using default tag: {reference.LATEST}\n")
        render.out(f"{wanted.target}: Pulling from {wanted.path}\n")
    reporter = progress.reporter(quiet=quiet)
    try:
        done = pulling.pull(
            store(),
            name,
            platform=platform_of(parsed),
            all_platforms=bool(parsed.values.get("all_platforms")),
            settings=registry_options.settings(parsed, wanted.domain),
            progress=reporter,
        )
    finally:
        if reporter:
            reporter.close()
    if not quiet:
        status = "Downloaded newer image" if done.is_new else "Image is up to date"
        render.out(f"Digest: {done.digest}\nStatus: {status} for {_familiar(wanted)}\n")
    render.out(f"{wanted}\n")
    _warn_foreign(done.entry, platform_of(parsed))
    return 0


def _familiar(wanted: reference.Reference) -> str:
    tail = f"@{wanted.digest}" if wanted.digest else f":{wanted.tag}"
    return f"{wanted.familiar}{tail}"


def _warn_foreign(entry: Entry, asked: "Platform | None") -> None:
    """Say so where an image that nobody asked for by platform can't run here as it is."""
    where = entry.platform
    if asked or where is None or entry.is_index:
        return
    if where not in list(platforms.candidates(platforms.host())):
        render.warn(f"the image is for {where}, this machine is {platforms.host()}")


def push(argv: "list[str]") -> int:
    """Send an image."""
    parsed = parsed_or_help(PUSH, argv)
    if parsed is None:
        return 0
    name, *more = words(PUSH, parsed, 1, 2)
    target = reference.parse(more[0] if more else name)
    quiet = bool(parsed.values.get("quiet"))
    if not quiet:
        render.out(f"The push refers to repository [{target.repository}]\n")
    reporter = progress.reporter(quiet=quiet, done="pushed")
    try:
        done = pushing.push(
            store(),
            name,
            more[0] if more else "",
            platform=platform_of(parsed),
            settings=registry_options.settings(parsed, target.domain),
            progress=reporter,
        )
    finally:
        if reporter:
            reporter.close()
    if quiet:
        render.out(f"{done.name}\n")
    else:
        render.out(f"{target.tag}: digest: {done.digest} size: {done.size_bytes}\n")
    return 0


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
    if wants_json(parsed):
        render.json_out([row.document() for row in rows])
    elif parsed.values.get("quiet"):
        whole = parsed.values.get("no_trunc")
        ids = dict.fromkeys(row.id if whole else digests.short(row.id) for row in rows)
        render.out("".join(f"{one}\n" for one in ids))
    else:
        render.out(_table(rows, parsed))
    return 0


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
    here = store()
    code = 0
    for name in words(RMI, parsed, 1, 1 << 20):
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
        return _familiar(reference.parse(name))
    except UsageError:
        return name


def prune(argv: "list[str]") -> int:
    """Remove what nobody needs."""
    parsed = parsed_or_help(PRUNE, argv)
    if parsed is None:
        return 0
    arguments.no_more(PRUNE, parsed)
    here = store()
    code = 0
    untagged: list[str] = []
    for entry in here.entries():
        if entry.name and not parsed.values.get("all"):
            continue
        try:
            here.untag(entry.name or entry.digest)
            untagged.append(entry.name or entry.digest)
        except RequestError:
            continue  # in use, or gone meanwhile
    freed = garbage.collect(here)
    if parsed.take("json"):
        render.json_out(
            {
                "untagged": untagged,
                "blobs": freed.blobs,
                "layers": freed.layers,
                "size": freed.size_bytes,
            }
        )
        return code
    if untagged or freed.blobs or freed.layers:
        render.out("Deleted Images:\n")
        lines = [f"untagged: {name}" for name in untagged]
        lines += [f"deleted: {digest}" for digest in freed.blobs]
        lines += [f"deleted layer: {digest}" for digest in freed.layers]
        render.out("".join(f"{line}\n" for line in lines) + "\n")
    render.out(f"Total reclaimed space: {format_decimal_size(freed.size_bytes)}\n")
    return code


def fsck(argv: "list[str]") -> int:
    """Verify the images."""
    parsed = parsed_or_help(FSCK, argv)
    if parsed is None:
        return 0
    arguments.no_more(FSCK, parsed)
    report = checking.check(store(), repair=not parsed.values.get("check"))
    if parsed.values.get("json"):
        render.json_out(
            {
                "sound": report.is_sound,
                "blobs": report.blobs,
                "layers": report.layers,
                "findings": [
                    {
                        "image": one.image,
                        "what": one.what,
                        "fault": one.fault,
                        "repaired": one.is_repaired,
                        "reason": one.reason,
                    }
                    for one in report.findings
                ],
            }
        )
    else:
        for one in report.findings:
            end = "repaired" if one.is_repaired else f"not repaired: {one.reason}"
            render.out(render.line(f"{one.image}: {one.what}: {one.fault}: {end}") + "\n")
        render.out(f"{report.blobs} blobs and {report.layers} layers verified\n")
    return 0 if report.is_sound else exit_codes.FAILED
