"""`wardian.build.build`: one image of one recipe."""

import os
from typing import TYPE_CHECKING

from wardian.build import finish, lock, recipe, stage
from wardian.build.context import Context, find_recipe
from wardian.build.job import Job, args_of
from wardian.build.options import Options
from wardian.build.run_step import PROXIES
from wardian.errors import KernelError

if TYPE_CHECKING:
    from collections.abc import Callable

    from wardian.build.events import Built, Event
    from wardian.build.world import World

_PREDEFINED = (*PROXIES, "SOURCE_DATE_EPOCH")


def build(
    context: str = ".",
    recipe_path: str = "",
    *,
    world: "World | None" = None,
    progress: "Callable[[Event], None] | None" = None,
    **options: object,
) -> "Built":
    """Build an image.

    Args:
        context: a directory.
        recipe_path: the Containerfile's path; "" for Containerfile or Dockerfile in the context.
        world: what RUN steps see besides image and recipe; without it the canonical world.
        progress: called with each event, from one thread at a time.
        options: as in `Options`: tags=["app:1"], target="test", no_cache=True ...

    Raises:
        SpecError: the recipe has a fault; the message names file, line and column.
        UsageError: an argument is wrong, or a file that COPY needs is not there.
        LaunchError: a RUN step's program failed; `.exit_code` is its exit code.
        StatusError: something is not as the lock says.
    """
    wanted = Options.of(options)
    path = find_recipe(context, recipe_path)
    parsed = recipe.parse(_read(path), os.path.basename(path))
    where = _lock_path(wanted, path)
    files = Context(context, path, lock=where or _lock_beside(path))
    locked = lock.load(where, update=wanted.update_lock, is_open=wanted.open_lock)
    with Job(wanted, parsed, files, locked, world=world, progress=progress) as job:
        given = args_of(wanted)
        for one in recipe.needed(parsed, job.target):
            job.states[one.number] = stage.build(job, one, given)
        unused = sorted(set(given) - job.used_args - set(_PREDEFINED))
        if unused:
            job.warnings.append(f"no ARG takes the build argument {', '.join(unused)}")
        built = finish.finish(job, job.states[job.target.number])
        try:
            locked.save()
        except KernelError as error:
            job.warnings.append(f"the lock is not written: {error}")
        job.cache.sweep()
        return built


def _lock_path(options: Options, recipe_path: str) -> str:
    if options.lock is None:
        return ""
    return options.lock or _lock_beside(recipe_path)


def _lock_beside(recipe_path: str) -> str:
    """Return where the lock lies if nothing else is said; COPY leaves it out in any case."""
    return f"{os.path.dirname(recipe_path)}/{lock.NAME}"


def _read(path: str) -> bytes:
    from wardian.build.lines import RECIPE_BYTES

    try:
        with open(path, "rb") as file:
            return file.read(RECIPE_BYTES + 1)
    except OSError as error:
        raise KernelError(f'open("{path}")', error.errno or 0) from None
