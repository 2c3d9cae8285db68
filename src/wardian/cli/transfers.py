"""`wardian pull` and `wardian push`, as docker shows them."""

from wardian.cli import images, progress, registry_options, render
from wardian.cli.arguments import Command, flag
from wardian.errors import NotFoundError, UsageError
from wardian.exchange import pull as pulling
from wardian.exchange import push as pushing
from wardian.registry import platforms, reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wardian.cli.arguments import Parsed
    from wardian.images.store import Entry
    from wardian.registry.platforms import Platform

PULL = Command(
    "pull [OPTIONS] NAME[:TAG|@DIGEST]",
    "Fetch an image from a registry and unpack its layers. A broken download goes on where it was"
    " left; layers that are here are not fetched.",
    (
        (
            "Options",
            (
                images.PLATFORM,
                flag("all-platforms", "the whole index; only this machine's layers are unpacked"),
                flag("all-tags", "all images of the repository", short="a"),
                images.QUIET,
            ),
        ),
        registry_options.GROUP,
    ),
    foreign="disable-content-trust",
)
PUSH = Command(
    "push [OPTIONS] NAME[:TAG] [DESTINATION]",
    "Send an image to the registry that its name says, or to another name. What the registry has"
    " is not sent, and no digest changes.",
    (
        ("Options", (images.PLATFORM, images.QUIET)),
        registry_options.GROUP,
    ),
    foreign="all-tags a disable-content-trust",
)


def pull(argv: "list[str]") -> int:
    """Fetch an image, or all of a repository."""
    parsed = images.parsed_or_help(PULL, argv)
    if parsed is None:
        return 0
    (name,) = images.words(PULL, parsed, 1, 1)
    wanted = reference.parse(name, default_tag="")
    quiet = bool(parsed.values.get("quiet"))
    if not parsed.values.get("all_tags"):
        if not (quiet or wanted.tag or wanted.digest):
            render.out(f"Using default tag: {reference.LATEST}\n")
        _pull(name, parsed)
        return 0
    if wanted.tag or wanted.digest:
        raise UsageError(f'"{name}": --all-tags wants a name without a tag or digest')
    found = pulling.tags(name, registry_options.settings(parsed, wanted.domain))
    for tag in found:
        _pull(f"{wanted.repository}:{tag}", parsed)
    if not found:
        raise NotFoundError(f'"{wanted.repository}" has no tags')
    return 0


def _pull(name: str, parsed: "Parsed") -> None:
    wanted = reference.parse(name)
    quiet = bool(parsed.values.get("quiet"))
    if not quiet:
        render.out(f"{wanted.target}: Pulling from {wanted.path}\n")
    done = fetch(name, parsed, quiet=quiet)
    if not quiet:
        status = "Downloaded newer image" if done.is_new else "Image is up to date"
        render.out(f"Digest: {done.digest}\nStatus: {status} for {images.familiar(wanted)}\n")
    render.out(f"{wanted}\n")
    _warn_foreign(done.entry, images.platform_of(parsed))


def fetch(
    name: str, parsed: "Parsed", *, quiet: bool, all_platforms: bool = False
) -> "pulling.Pulled":
    """Fetch an image with the options of a command, and show how it goes."""
    reporter = progress.reporter(quiet=quiet)
    try:
        return pulling.pull(
            images.store(),
            name,
            platform=images.platform_of(parsed),
            all_platforms=all_platforms or bool(parsed.values.get("all_platforms")),
            settings=registry_options.settings(parsed, reference.parse(name).domain),
            progress=reporter,
        )
    finally:
        if reporter:
            reporter.close()


def _warn_foreign(entry: "Entry", asked: "Platform | None") -> None:
    """Say so where an image that nobody asked for by platform can't run here as it is."""
    where = entry.platform
    if asked or where is None or entry.is_index:
        return
    if where not in list(platforms.candidates(platforms.host())):
        render.warn(f"the image is for {where}, this machine is {platforms.host()}")


def push(argv: "list[str]") -> int:
    """Send an image."""
    parsed = images.parsed_or_help(PUSH, argv)
    if parsed is None:
        return 0
    name, *more = images.words(PUSH, parsed, 1, 2)
    target = reference.parse(more[0] if more else name)
    quiet = bool(parsed.values.get("quiet"))
    if not quiet:
        render.out(f"The push refers to repository [{target.repository}]\n")
    reporter = progress.reporter(quiet=quiet, done="pushed")
    try:
        done = pushing.push(
            images.store(),
            name,
            more[0] if more else "",
            platform=images.platform_of(parsed),
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
