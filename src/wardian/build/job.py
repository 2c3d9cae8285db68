"""One build: what all its steps share."""

import os
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from wardian.build import events, ssh_agent
from wardian.build import recipe as recipes
from wardian.build.cache import Cache
from wardian.build.context import Context
from wardian.build.events import Done, Event, Step
from wardian.build.helper import Helper
from wardian.build.tree import EMPTY_TOP, Layers
from wardian.build.world import World
from wardian.build.world import epoch as world_time
from wardian.engine import directories, lent
from wardian.images.leases import Lease
from wardian.images.store import Store
from wardian.registry import platforms

if TYPE_CHECKING:
    from collections.abc import Callable

    from wardian.build.lock import Lock
    from wardian.build.options import Options
    from wardian.build.recipe import Recipe, Stage
    from wardian.build.state import State
    from wardian.build.tree import Top
    from wardian.engine.image_base import ImageBase
    from wardian.registry.documents import Descriptor
    from wardian.registry.platforms import Platform


class Job:
    """A build that goes on; close it.

    Attributes:
        options: what was asked for.
        recipe: what is built.
        context: where COPY takes from.
        world: what RUN steps see.
        store, layers, cache, helper: where layers come from and go to.
        platform: that the image is for.
        epoch_s: the build's time.
        lock: what came from outside, in this build and before.
        current: the number of the stage that is built now.
        done: the steps so far.
        states: of the stages that are complete, by number.
        bases: images that are used, by name.
        base_rows: the layers of those that stages are FROM.
        warnings: what the user should know.
        used_args: build arguments that some ARG took.
        agents: sockets of ssh agents, by id.
    """

    def __init__(
        self,
        options: "Options",
        recipe: "Recipe",
        context: Context,
        lock: "Lock",
        *,
        world: "World | None" = None,
        progress: "Callable[[Event], None] | None" = None,
    ) -> None:
        self.options = options
        self.agents = ssh_agent.agents(options.ssh)
        self.recipe = recipe
        self.context = context
        self.lock = lock
        self.world = world or World()
        self._progress = progress
        self.root_dir = options.root_dir or directories.root()
        self.store = Store(self.root_dir)
        self.platform = platforms.parse(options.platform) if options.platform else here()
        asked = options.build_args.get("SOURCE_DATE_EPOCH", options.source_date_epoch)
        self.epoch_s = world_time(asked, context.path)
        self.current = 0
        self.done: list[Done] = []
        self.states: dict[int, State] = {}
        self.base_rows: list[tuple[Descriptor, ...]] = []
        self.bases: dict[tuple[str, str], ImageBase] = {}
        self.warnings: list[str] = []
        self.used_args: set[str] = set()
        self._contexts: dict[str, Context] = {}
        self._held = ExitStack()
        self.lease = self._held.enter_context(Lease(self.store.layout))
        self.helper = self._held.enter_context(Helper(self.root_dir))
        self.layers = Layers(self.store, self.lease, options.compression)
        self.cache = Cache(self.root_dir, self.layers)
        self.target = recipes.target(recipe, options.target)
        self._total = recipes.steps(recipe, self.target)
        self._number = 0
        self._started_s = 0.0

    @property
    def created(self) -> str:
        """The build's time, as configs write it."""
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.epoch_s))

    # ---- what steps need ---------------------------------------------------------------------

    def named_context(self, name: str) -> "Context | None":
        """Return a further context by its name; None for none."""
        path = self.options.build_contexts.get(name)
        if path is None:
            return None
        if name not in self._contexts:
            self._contexts[name] = Context(path, name=f'the context "{name}"')
        return self._contexts[name]

    def hold(self, base: "ImageBase") -> None:
        """Keep an image until the end of the build."""
        self._held.callback(base.close)

    def scratch(self) -> lent.Scratch:
        """Return a directory of our own, which goes at the end of a `with`, or with us."""
        return lent.Scratch(EMPTY_TOP, root_dir=self.root_dir)

    def box_directory(self, top: "Top") -> lent.Scratch:
        """Return a directory that a box writes to."""
        return lent.Scratch(top, root_dir=self.root_dir)

    # ---- what it tells -----------------------------------------------------------------------

    def begin(self, stage: "Stage", text: str, line: int) -> Step:
        """Tell that a step begins."""
        self._number += 1
        total = max(self._total, self._number)  # an ONBUILD of a base adds steps
        step = Step(self._number, total, stage.shown, text, line)
        self._started_s = time.monotonic()
        self.tell(Event(events.STARTED, step))
        return step

    def end(self, step: Step, layer: str = "", *, is_cached: bool = False) -> None:
        """Tell that it was done."""
        seconds = time.monotonic() - self._started_s
        self.done.append(Done(step, layer, is_cached, seconds))
        kind = events.CACHED if is_cached else events.DONE
        self.tell(Event(kind, step, seconds=seconds, layer=layer))

    def tell(self, event: Event) -> None:
        """Tell whoever wants to know."""
        if self._progress is not None:
            self._progress(event)

    # ---- the end -----------------------------------------------------------------------------

    def close(self) -> None:
        """Let go of all."""
        self._held.close()

    def __enter__(self) -> "Job":
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


def here() -> "Platform":
    """Return this machine's platform as builds know it: how new an amd64 is must not matter."""
    found = platforms.host()
    return platforms.Platform(found.os, "amd64") if found.architecture == "amd64" else found


def args_of(options: "Options") -> "dict[str, str]":
    """Return the build arguments; those without a value are taken from our environment."""
    found = {}
    for name, text in options.build_args.items():
        value = os.environ.get(name) if text is None else text
        if value is not None:
            found[name] = value
    return found
