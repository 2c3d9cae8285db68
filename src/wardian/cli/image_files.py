"""`wardian save`, `load`, `import` and `export`: images as files."""

import os
import sys

from wardian.cli import images, progress, render
from wardian.cli.arguments import Command, flag, value, values
from wardian.errors import KernelError, UsageError
from wardian.exchange import archives, importing, loading
from wardian.exchange.preparing import prepare
from wardian.images import leases, snapshots
from wardian.registry import reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

    from wardian.cli.arguments import Parsed

OUTPUT = value("output", "FILE", "write to a file instead of standard output", short="o")
CHANGE = values("change", "INSTRUCTION", "a Dockerfile instruction: 'CMD [\"sh\"]'", short="c")
COMPRESSION = value("compression", "none|gzip|zstd", "of the layer (gzip)")
DIRECTORY = "oci-dir"

SAVE = Command(
    "save [OPTIONS] IMAGE...",
    "Write images to an archive that docker, podman and skopeo read. The same images give the same"
    " bytes.",
    (
        (
            "Options",
            (
                OUTPUT,
                value("format", "FORMAT", "docker-archive (the default), oci-archive, or oci-dir"),
                images.PLATFORM,
            ),
        ),
    ),
    foreign="compress",
)
LOAD = Command(
    "load [OPTIONS]",
    "Read images from an archive of docker's or OCI's form, compressed or not.",
    (
        (
            "Options",
            (
                value("input", "FILE", "read a file instead of standard input", short="i"),
                flag("quiet", "show no progress", short="q"),
            ),
        ),
    ),
)
IMPORT = Command(
    "import [OPTIONS] FILE|DIRECTORY|- [NAME[:TAG]]",
    "Make an image of a root file system: a tar archive, or a directory. Prints the image's id.",
    (
        (
            "Options",
            (
                CHANGE,
                value("message", "TEXT", "for the image's history", short="m"),
                COMPRESSION,
                value("platform", "OS/ARCH[/VARIANT]", "where it runs (this machine's)"),
            ),
        ),
    ),
)
EXPORT = Command(
    "export [OPTIONS] IMAGE",
    "Write an image's whole tree to a tar archive, or into a directory.",
    (
        (
            "Options",
            (
                OUTPUT,
                value("directory", "DIRECTORY", "a new or empty one"),
                flag("kept", "the name is a kept layer's: the tree of its boxes"),
                images.PLATFORM,
            ),
        ),
    ),
)
COMMIT = Command(
    "commit [OPTIONS] KEPT [NAME[:TAG]]",
    "Make an image of a kept layer over the image that it was made over, whose layers are shared."
    " Prints the new image's id.",
    (
        (
            "Options",
            (
                CHANGE,
                value("message", "TEXT", "for the image's history", short="m"),
                value("author", "TEXT", "likewise", short="a"),
                COMPRESSION,
            ),
        ),
    ),
    foreign="pause p",
)


def save(argv: "list[str]") -> int:
    """Write images to an archive."""
    parsed = images.parsed_or_help(SAVE, argv)
    if parsed is None:
        return 0
    names = images.words(SAVE, parsed, 1, 1 << 20)
    form = str(parsed.values.get("format") or archives.DOCKER)
    platform = images.platform_of(parsed)
    here = images.store()
    if form == DIRECTORY:
        path = parsed.values.get("output")
        if not path:
            raise UsageError("--format oci-dir needs --output DIRECTORY")
        archives.save_directory(here, names, str(path), platform=platform)
        return 0
    with _Output(parsed) as sink:
        archives.save(here, names, sink.stream, form=form, platform=platform)
    return 0


class _Output:
    """Where an archive goes: standard output, or a file that appears when it is complete."""

    def __init__(self, parsed: "Parsed") -> None:
        self._path = str(parsed.values.get("output") or "")
        if not self._path:
            if os.isatty(1):
                raise UsageError("an archive is not for a terminal", hint="use -o FILE, or a pipe")
            self.stream: BinaryIO = sys.stdout.buffer
            return
        self._temporary = f"{self._path}.tmp-{os.getpid()}"
        try:
            # beside the target: a rename must not cross file systems
            self.stream = open(self._temporary, "xb")  # noqa: SIM115 - closed by __exit__
        except OSError as error:
            raise KernelError(f'open("{self._temporary}")', error.errno or 0) from None

    def __enter__(self) -> "_Output":
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if not self._path:
            self.stream.flush()
            return
        try:
            self.stream.close()
            if kind is None:
                os.rename(self._temporary, self._path)
        except OSError as failed:
            kind = failed
            raise KernelError(f'write("{self._path}")', failed.errno or 0) from None
        finally:
            if kind is not None:
                os.unlink(self._temporary)


def load(argv: "list[str]") -> int:
    """Read images from an archive."""
    parsed = images.parsed_or_help(LOAD, argv)
    if parsed is None:
        return 0
    images.words(LOAD, parsed, 0, 0)
    path = str(parsed.values.get("input") or "")
    if not path and os.isatty(0):
        raise UsageError("an archive does not come from a terminal", hint="use -i FILE, or a pipe")
    reporter = progress.reporter(quiet=bool(parsed.values.get("quiet")), done="loaded")
    try:
        with _opened(path) as stream:
            found = loading.load(images.store(), stream, progress=reporter)
    finally:
        if reporter:
            reporter.close()
    for entry in found:
        if entry.name:
            name = reference.parse(entry.name)
            tail = f"@{name.digest}" if name.digest else f":{name.tag}"
            render.out(f"Loaded image: {name.familiar}{tail}\n")
        else:
            render.out(f"Loaded image ID: {images.store().image_id(entry)}\n")
    return 0


def _opened(path: str) -> "BinaryIO":
    if path in ("", "-"):
        return sys.stdin.buffer
    try:
        return open(path, "rb")
    except OSError as error:
        raise KernelError(f'open("{path}")', error.errno or 0) from None


def import_root(argv: "list[str]") -> int:
    """Make an image of a root file system."""
    parsed = images.parsed_or_help(IMPORT, argv)
    if parsed is None:
        return 0
    source, *more = images.words(IMPORT, parsed, 1, 2)
    edits = parsed.values.get("change")
    here = images.store()
    with _Source(source) as opened:
        entry = importing.import_root(
            here,
            opened,
            more[0] if more else "",
            edits=edits if isinstance(edits, list) else [],
            message=str(parsed.values.get("message") or ""),
            platform=images.platform_of(parsed),
            method=str(parsed.values.get("compression") or "gzip"),
        )
    render.out(f"{here.image_id(entry)}\n")
    return 0


class _Source:
    """A directory's path, or an open archive."""

    def __init__(self, source: str) -> None:
        self._opened: str | BinaryIO = source if os.path.isdir(source) else _opened(source)

    def __enter__(self) -> "str | BinaryIO":
        return self._opened

    def __exit__(self, *_error: object) -> None:
        if not isinstance(self._opened, str):
            self._opened.close()


def export(argv: "list[str]") -> int:
    """Write an image's tree."""
    parsed = images.parsed_or_help(EXPORT, argv)
    if parsed is None:
        return 0
    (name,) = images.words(EXPORT, parsed, 1, 1)
    if parsed.take("kept"):
        return _export_kept(name, parsed)
    here = images.store()
    entry = here.find(name, images.platform_of(parsed))
    target = str(parsed.values.get("directory") or "")
    with leases.Lease(here.layout) as lease:
        config, _layers = prepare(here, entry, lease)
        diff_ids = config.get("rootfs", {}).get("diff_ids") or []
        root_dir = here.layout.root_dir
        if target:
            snapshots.unpack(diff_ids, target, root_dir)
        else:
            with _Output(parsed) as sink:
                snapshots.pack_image(diff_ids, sink.stream.write, root_dir)
    return 0


def _export_kept(name: str, parsed: "Parsed") -> int:
    if parsed.values.get("directory") or parsed.values.get("platform"):
        raise UsageError("--kept goes with --output alone", hint="... | tar -x -C DIRECTORY")
    from wardian.engine import directories, image_kept

    root_dir = directories.root()
    image_kept.base_of(name, root_dir)
    with _Output(parsed) as sink:
        image_kept.export(name, sink.stream.write, root_dir)
    return 0


def commit(argv: "list[str]") -> int:
    """Make an image of a kept layer."""
    parsed = images.parsed_or_help(COMMIT, argv)
    if parsed is None:
        return 0
    from wardian.engine import directories, image_kept

    name, *more = images.words(COMMIT, parsed, 1, 2)
    edits = parsed.values.get("change")
    store, entry = image_kept.commit(
        name,
        more[0] if more else "",
        directories.root(),
        edits=edits if isinstance(edits, list) else [],
        message=str(parsed.values.get("message") or ""),
        author=str(parsed.values.get("author") or ""),
        method=str(parsed.values.get("compression") or "gzip"),
    )
    render.out(f"{store.image_id(entry)}\n")
    return 0
