"""What a stage begins with: nothing, another stage, or an image."""

import copy
from typing import TYPE_CHECKING

from wardian import errors
from wardian.build import events
from wardian.build.events import Event
from wardian.build.state import State, expand
from wardian.build.tree import Tree
from wardian.build.world import PATH
from wardian.engine import image_base
from wardian.registry import media, platforms, reference

if TYPE_CHECKING:
    from wardian.build.job import Job
    from wardian.build.recipe import Stage
    from wardian.engine.image_base import ImageBase
    from wardian.registry.documents import Descriptor
    from wardian.registry.platforms import Platform

SCRATCH = "scratch"


def begin(job: "Job", stage: "Stage", variables: "dict[str, str]") -> State:
    """Return where a stage begins.

    Args:
        job: the build.
        stage: which.
        variables: global arguments.

    Raises:
        NotFoundError: there is no such image.
        SpecError: the name or platform is none.
    """
    escape = job.recipe.escape
    name = expand(stage.origin, stage.base, variables, escape)
    if not name:
        raise stage.origin.fault(
            f'"{stage.base.text}" is empty', stage.base, hint="ARG NAME=VALUE before FROM"
        )
    platform = job.platform
    if stage.platform is not None:
        text = expand(stage.origin, stage.platform, variables, escape)
        platform = platforms.parse(text) if text else platform
    before = job.recipe.stage(name, stage.number)
    if before is not None:
        return job.states[before.number].child()
    if name == SCRATCH:
        run = {"Env": [f"PATH={PATH}"], "WorkingDir": "/"}
        return State(platform, escape, run=run)
    try:
        return of_image(job, name, platform)
    except errors.WardianError as error:
        error.hint = error.hint or f"{job.recipe.source}:{stage.origin.statement.line}: FROM {name}"
        raise


def of_image(job: "Job", name: str, platform: "Platform") -> State:
    """Return what an image has."""
    base = image(job, name, platform)
    record = base.record
    document = job.store.document(record.digest)
    config = job.store.config(document)
    rows = [_in_our_words(row) for row in (document.manifest or {}).get("layers") or []]
    mode, uid, gid, mtime_ns = record.top
    top = (mode, uid, gid, mtime_ns)
    tree = Tree(tuple(record.diff_ids), tuple(rows), record.accounts, top)
    job.base_rows.append(tree.rows)
    state = State(
        platforms.of_document(config),
        job.recipe.escape,
        tree,
        copy.deepcopy(dict(config.get("config") or {})),
        [dict(row) for row in config.get("history") or []],
        emulated=record.emulated,
    )
    if state.run.get("Labels") is None:
        state.run.pop("Labels", None)
    env = list(state.run.get("Env") or [])
    # docker makes sure that there is one, so that ENV PATH=/more:$PATH is what it looks like.
    if not any(entry.startswith("PATH=") for entry in env):
        env.append(f"PATH={PATH}")
    state.run["Env"] = env
    return state


def _in_our_words(row: "Descriptor") -> "Descriptor":
    """Return a layer's row with OCI's type: docker's does not go into OCI's manifest."""
    kind = media.layer_type(media.layer_compression(row["mediaType"]))
    return {**row, "mediaType": kind}


def image(job: "Job", name: str, platform: "Platform") -> "ImageBase":
    """Return an image, held, as the lock has it."""
    key = (name, str(platform))
    if key not in job.bases:
        base = _open(job, name, platform)
        job.hold(base)
        job.lease.add("image", base.record.digest)
        job.bases[key] = base
    return job.bases[key]


def _open(job: "Job", name: str, platform: "Platform") -> "ImageBase":
    try:
        complete = str(reference.parse(name))
    except errors.UsageError:
        complete = name
    locked = f"{complete} {platform}"

    def progress(event: object) -> None:
        job.tell(Event(events.TRANSFER, transfer=event))

    digest = job.lock.images.get(locked) if job.lock.is_strict else None
    if digest is not None:
        for one in (digest, _pinned(name, digest)):
            try:
                base = image_base.open_image(
                    one,
                    "",
                    job.root_dir,
                    pull="missing" if "@" in one else "never",
                    progress=progress,
                )
                job.lock.image(locked, base.record.digest)
                return base
            except (errors.NotFoundError, errors.RemoteError):
                continue
    base = image_base.open_image(
        name, str(platform), job.root_dir, pull=job.options.pull, progress=progress
    )
    try:
        job.lock.image(locked, base.record.digest)
    except BaseException:
        base.close()
        raise
    return base


def _pinned(name: str, digest: str) -> str:
    try:
        return f"{reference.parse(name).repository}@{digest}"
    except errors.UsageError:
        return digest
