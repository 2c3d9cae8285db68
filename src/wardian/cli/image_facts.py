"""`wardian inspect` and `wardian history`: what an image is, and how it came to be."""

from wardian.cli import exit_codes, images, render
from wardian.cli.arguments import Command, flag, value
from wardian.errors import UsageError, WardianError
from wardian.images import layers
from wardian.registry import digests, platforms, reference
from wardian.units import format_decimal_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wardian.images.store import Entry, Store
    from wardian.registry.documents import Config, History

INSPECT = Command(
    "inspect [OPTIONS] IMAGE...",
    "Print what is known of images, as JSON, in docker's words.",
    (
        (
            "Options",
            (
                images.PLATFORM,
                value("format", "json|TEMPLATE", 'how to print, as in "{{.Id}}"', short="f"),
                value("type", "image", "what is meant; nothing else is known yet"),
            ),
        ),
    ),
    foreign="size s",
)
HISTORY = Command(
    "history [OPTIONS] IMAGE",
    "List the steps that made an image, the last one first.",
    (
        (
            "Options",
            (
                flag("no-trunc", "show whole lines"),
                flag("quiet", "show ids alone", short="q"),
                flag("human", "sizes and dates for people (the default)", short="H"),
                images.PLATFORM,
                images.JSON,
                images.FORMAT,
            ),
        ),
    ),
)
_STEP_LETTERS = 45


def inspect(argv: "list[str]") -> int:
    """Print what is known of images; those that are not there are told."""
    parsed = images.parsed_or_help(INSPECT, argv)
    if parsed is None:
        return 0
    images.wants_json(parsed)
    if parsed.values.get("type") not in (None, "image"):
        raise UsageError(f'option "--type": "{parsed.values["type"]}" is not image')
    names = images.words(INSPECT, parsed, 1, 1 << 20)
    here = images.store()
    found, code = [], 0
    for name in names:
        try:
            found.append(_facts(here, here.find(name, images.platform_of(parsed))))
        except WardianError as error:
            render.complain(str(error), error.hint)
            code = exit_codes.FAILED
    if template := images.template_of(parsed):
        from wardian.cli import templates

        fill = templates.compile(template)
        render.out("".join(f"{fill(facts)}\n" for facts in found))
    else:
        render.json_out(found)
    return code


def _facts(here: "Store", entry: "Entry") -> "dict[str, object]":
    document = here.document(entry.digest)
    config = here.config(document)
    manifest = document.manifest or {}
    diff_ids = config.get("rootfs", {}).get("diff_ids") or []
    same = [one for one in here.entries() if one.digest == entry.digest]
    where = platforms.of_document(config)
    unpacked = [layers.find_layer(one, here.layout.root_dir) for one in diff_ids]
    return {
        "Id": manifest["config"]["digest"],
        "RepoTags": [_familiar(one.name) for one in same if one.name and "@" not in one.name],
        "RepoDigests": list(dict.fromkeys(_familiar(name) for one in same for name in one.sources)),
        "Comment": (config.get("history") or [{}])[-1].get("comment", ""),
        "Created": config.get("created", ""),
        "Author": config.get("author", ""),
        "Architecture": where.architecture,
        "Variant": where.variant,
        "Os": where.os,
        "Size": images.size_of(here, manifest, config),
        "Config": config.get("config") or {},
        "RootFS": {"Type": "layers", "Layers": diff_ids},
        "Descriptor": {
            "mediaType": document.media_type,
            "digest": document.digest,
            "size": len(document.data),
        },
        "Index": entry.parent,
        "Layers": [
            {
                **{key: row.get(key) for key in ("mediaType", "digest", "size")},
                "diffId": diff_id,
                "unpacked": layer.form if layer else None,
            }
            for row, diff_id, layer in zip(
                manifest.get("layers") or [], diff_ids, unpacked, strict=True
            )
        ],
    }


def _familiar(name: str) -> str:
    found = reference.parse(name)
    return f"{found.familiar}{f'@{found.digest}' if found.digest else f':{found.tag}'}"


class _Step:
    """One line of a history."""

    def __init__(self, row: "History", size_bytes: int, layer: str) -> None:
        self.row = row
        self.size_bytes = size_bytes
        self.layer = layer


def _steps(here: "Store", entry: "Entry", config: "Config") -> "list[_Step]":
    """Return the steps from the first; those that made no layer have no size."""
    manifest = here.document(entry.digest).manifest or {}
    rows = manifest.get("layers") or []
    diff_ids = config.get("rootfs", {}).get("diff_ids") or []
    sizes = []
    for row, diff_id in zip(rows, diff_ids, strict=True):
        layer = layers.find_layer(diff_id, here.layout.root_dir)
        sizes.append((layer.size_bytes if layer else row["size"], row["digest"]))
    left = iter(sizes)
    steps = []
    for line in config.get("history") or [{} for _one in sizes]:
        size, digest = (0, "") if line.get("empty_layer") else next(left, (0, ""))
        steps.append(_Step(line, size, digest))
    return steps


def history(argv: "list[str]") -> int:
    """List the steps of an image."""
    parsed = images.parsed_or_help(HISTORY, argv)
    if parsed is None:
        return 0
    (name,) = images.words(HISTORY, parsed, 1, 1)
    here = images.store()
    entry = here.find(name, images.platform_of(parsed))
    config = here.config(here.document(entry.digest))
    steps = _steps(here, entry, config)[::-1]
    whole = bool(parsed.values.get("no_trunc"))
    ids = [here.image_id(entry), *["<missing>"] * (len(steps) - 1)][: len(steps)]
    if images.wants_json(parsed):
        render.json_out([_step_document(step) for step in steps])
        return 0
    if parsed.values.get("quiet"):
        render.out("".join(f"{one if whole else _short(one)}\n" for one in ids))
        return 0
    for_people = bool(parsed.values.get("human", True))
    if template := images.template_of(parsed):
        from wardian.cli import templates

        fields = [
            _step_fields(step, one if whole else _short(one), for_people=for_people)
            for step, one in zip(steps, ids, strict=True)
        ]
        render.out(templates.lines(template, fields, _STEP_TITLES))
        return 0
    rows = []
    for step, one in zip(steps, ids, strict=True):
        created = step.row.get("created")
        text = step.row.get("created_by") or ""
        rows.append(
            (
                one if whole else _short(one),
                images.age(created) if for_people else created or "",
                text if whole or len(text) <= _STEP_LETTERS else f"{text[: _STEP_LETTERS - 1]}…",
                format_decimal_size(step.size_bytes) if for_people else str(step.size_bytes),
                step.row.get("comment") or "",
            )
        )
    render.out(render.table(("IMAGE", "CREATED", "CREATED BY", "SIZE", "COMMENT"), rows))
    return 0


_STEP_TITLES: "dict[str, object]" = {
    "ID": "IMAGE",
    "CreatedSince": "CREATED",
    "CreatedAt": "CREATED AT",
    "CreatedBy": "CREATED BY",
    "Size": "SIZE",
    "Comment": "COMMENT",
}


def _step_fields(step: _Step, shown_id: str, *, for_people: bool) -> "dict[str, object]":
    created = step.row.get("created")
    return {
        "ID": shown_id,
        "CreatedSince": images.age(created),
        "CreatedAt": created or "N/A",
        "CreatedBy": step.row.get("created_by") or "",
        "Size": format_decimal_size(step.size_bytes) if for_people else step.size_bytes,
        "Comment": step.row.get("comment") or "",
    }


def _short(one: str) -> str:
    return digests.short(one) or one


def _step_document(step: _Step) -> "dict[str, object]":
    return {
        "created": step.row.get("created"),
        "created_by": step.row.get("created_by", ""),
        "comment": step.row.get("comment", ""),
        "size": step.size_bytes,
        "layer": step.layer or None,
    }
