"""Make an image of contents: one layer, and a config without a clock."""

import shlex
from typing import TYPE_CHECKING, NamedTuple

from wardian.errors import UsageError
from wardian.exchange import changes, importing, normal_layers
from wardian.images import leases, normal
from wardian.registry import platforms, reference

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wardian.images.store import Entry, Store
    from wardian.pack.contents import Contents
    from wardian.registry.documents import Config, RunConfig

MESSAGE = "wardian pack"
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Start(NamedTuple):
    """What an image's config says of its program.

    Attributes:
        entrypoint, command: words.
        env: NAME=value lines.
        workdir, user: or "".
        edits: Dockerfile instructions, over all of these.
        labels: by name.
    """

    entrypoint: "Sequence[str]" = ()
    command: "Sequence[str]" = ()
    env: "Sequence[str]" = ()
    workdir: str = ""
    user: str = ""
    edits: "Sequence[str]" = ()
    labels: "dict[str, str] | None" = None


def words(text: str) -> "list[str]":
    """Return what --entrypoint means: a JSON array, or words as a shell has them.

    Raises:
        UsageError: neither.
    """
    import json

    try:
        found = json.loads(text) if text.lstrip().startswith("[") else shlex.split(text)
    except ValueError as error:
        raise UsageError(f'entrypoint "{text[:200]}": {error}') from None
    if not isinstance(found, list) or not all(isinstance(word, str) for word in found):
        raise UsageError(f'entrypoint "{text[:200]}": an array of strings is needed')
    return found


def make(
    store: "Store",
    name: str,
    contents: "Contents",
    start: Start,
    *,
    method: str = "gzip",
    architecture: str = "",
) -> "tuple[Entry, str]":
    """Store the image; returns it and the diff id of its layer.

    Args:
        store: where to.
        name: of the image, or "".
        contents: what it holds.
        start: what its config says.
        method: how its layer is compressed: none, gzip or zstd.
        architecture: in OCI's words; this machine's where it is "".

    Raises:
        UsageError: a bad name, or SOURCE_DATE_EPOCH is no time.
        StatusError: a file was changed meanwhile.
    """
    wanted = str(reference.parse(name)) if name else ""
    epoch_s = normal.source_date_epoch()
    rules = normal.Rules(epoch_s, owner=(0, 0), modes="git")
    run = changes.apply(_run_config(start), start.edits)
    with leases.Lease(store.layout) as lease:
        row, diff_id = normal_layers.store_layer(
            store.layout,
            lease,
            lambda sink: normal_layers.pack_items(contents.items(), sink, rules),
            method,
        )
        config: Config = {
            "architecture": architecture or platforms.host().architecture,
            "os": "linux",
            "config": run,
            "rootfs": {"type": "layers", "diff_ids": [diff_id]},
            "history": [{"created_by": MESSAGE}],
        }
        created = importing.created_text(None)
        if created:
            config["created"] = config["history"][0]["created"] = created
        return importing.finish_image(store, config, [row], lease=lease, name=wanted), diff_id


def _run_config(start: Start) -> "RunConfig":
    run: RunConfig = {}
    if start.entrypoint:
        run["Entrypoint"] = list(start.entrypoint)
    if start.command:
        run["Cmd"] = list(start.command)
    env = [PATH, *start.env] if not any(e.startswith("PATH=") for e in start.env) else start.env
    run["Env"] = list(env)
    if start.workdir:
        run["WorkingDir"] = start.workdir
    if start.user:
        run["User"] = start.user
    if start.labels:
        run["Labels"] = dict(sorted(start.labels.items()))
    return run
