"""`wardian prune` and `wardian fsck`: what is of no use goes, what is broken is mended."""

from wardian.cli import arguments, exit_codes, images, render
from wardian.cli.arguments import Command, flag
from wardian.errors import RequestError
from wardian.exchange import fsck as checking
from wardian.images import garbage
from wardian.units import format_decimal_size

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wardian.cli.arguments import Parsed
    from wardian.images.store import Store

PRUNE = Command(
    "prune [OPTIONS]",
    "Remove images without a name, blobs and layers that nobody needs, and steps of the build cache"
    " whose layers are gone. What a box or a running command uses stays.",
    (
        (
            "Options",
            (
                flag("all", "images with a name too, and all that builds have kept", short="a"),
                flag("force", "nothing is asked anyway", short="f"),
                images.JSON,
            ),
        ),
    ),
    foreign="filter",
)
FSCK = Command(
    "fsck [OPTIONS]",
    "Verify every blob and every layer of the images; what is broken is named and fetched again."
    " Ends with 1 if something stays broken.",
    (
        (
            "Options",
            (flag("check", "fetch nothing"), flag("quiet", "no progress", short="q"), images.JSON),
        ),
    ),
)


def prune(argv: "list[str]") -> int:
    """Remove what nobody needs."""
    parsed = images.parsed_or_help(PRUNE, argv)
    if parsed is None:
        return 0
    arguments.no_more(PRUNE, parsed)
    from wardian.engine import image_kept

    here = images.store()
    with image_kept.hold_bases(here):
        return _prune(here, parsed)


def _prune(here: "Store", parsed: "Parsed") -> int:
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
    from wardian.build import pruning

    everything = bool(parsed.values.get("all"))
    freed.size_bytes += pruning.prune(here.layout.root_dir, everything=everything)
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
    parsed = images.parsed_or_help(FSCK, argv)
    if parsed is None:
        return 0
    arguments.no_more(FSCK, parsed)
    report = checking.check(images.store(), repair=not parsed.values.get("check"))
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
