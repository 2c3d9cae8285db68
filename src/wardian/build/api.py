"""`wardian.build.build`: one image of one recipe."""

from wardian.build.options import Options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from wardian.build.events import Event
    from wardian.build.result import Built
    from wardian.build.world import World


def build(
    context: str = ".",
    recipe: str = "",
    *,
    world: "World | None" = None,
    progress: "Callable[[Event], None] | None" = None,
    **options: object,
) -> "Built":
    """Build an image.

    Args:
        context: a directory.
        recipe: the Containerfile's path; "" for Containerfile or Dockerfile in the context.
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
    raise NotImplementedError((context, recipe, world, progress, wanted))
