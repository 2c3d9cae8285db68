"""`wardian build --verify`: build again in varied worlds, compare, and say what differs and why.

The first build is the one that the user gets; the others run all steps, each in a world that
`repro.check` asks for, on a copy of the context that lies elsewhere, lists in another order and
belongs to somebody else. Their images are removed at the end.
"""

import os
import time

from wardian.build.context import find_recipe
from wardian.build.world import World
from wardian.cli import build_progress, images, render
from wardian.errors import LaunchError, WardianError
from wardian.images import garbage
from wardian.kernel import paths
from wardian.repro import boxes, check, report, staging, surroundings, variations
from wardian.repro.conditions import CONTROL
from wardian.repro.image_outputs import Layer, Layers
from wardian.repro.outputs import EXIT_CODE, Entry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from wardian.build.events import Built
    from wardian.repro.conditions import Conditions
    from wardian.repro.outputs import Outputs
    from wardian.repro.variations import Surroundings, Variation

STDERR = 2
_TITLE_LETTERS = 60
# What the canonical world of builds has otherwise than that of repro's commands.
_CONTROL = CONTROL.but(has_fixed_addresses=False)
_OURS = {
    "aslr": (
        "fixed addresses instead of random ones",
        lambda now: now.but(has_fixed_addresses=True),
    ),
    "time": (
        "a clock that stands still, 373 days ahead",
        lambda now: now.but(clock_s=int(time.time()) + variations.YEAR_AND_A_BIT_S),
    ),
    "build_path": (
        "the context lies elsewhere",
        lambda now: now.but(build_path="/another/source-tree"),
    ),
    "user": (
        "the context belongs to user 65534",
        lambda now: now.but(uid=variations.NOBODY, gid=variations.NOBODY),
    ),
}


def verify(
    first: "Built",
    words: "dict[str, Any]",
    *,
    context: str,
    recipe: str,
    vary: "Sequence[str]" = (),
    progress: str = "auto",
    clock_s: "int | None" = None,
) -> "dict[str, Any]":
    """Build again, and return the report as a document.

    Args:
        first: the build whose image is compared.
        words: the keywords of `wardian.build.build` that it had.
        context: likewise.
        recipe: likewise.
        vary: names of variations, or "-NAME" for what to leave out; none for all.
        progress: one of `build_progress.KINDS`.
        clock_s: where the clock of RUN steps stands in all builds; None for nowhere.

    Raises:
        UsageError, UnsupportedError: a variation that is not there, or has no effect here.
    """
    where = (context, find_recipe(context, recipe))
    control = _CONTROL.but(clock_s=clock_s)
    with _Rebuilds(first, words, where, progress=progress, control=control) as again:
        chosen, machine = again.variations(vary)
        found = check.check(
            again, variations=chosen, control=control, machine=machine, progress=again.tell
        )
        names = {one.name for one in chosen}
        found.not_varied = {
            one.name: machine.lacking.get(one.name, "not asked for")
            for one in variations.VARIATIONS
            if one.name not in names
        }
        return report.document(
            again.layers.with_content(found),
            command=["wardian", "build", context],
            image=first.id,
            epoch=first.epoch_s,
        )


class _Rebuilds:
    """Builds the same again under given conditions; use it in a `with` statement."""

    def __init__(
        self,
        first: "Built",
        words: "dict[str, Any]",
        where: "tuple[str, str]",
        *,
        progress: str,
        control: "Conditions",
    ) -> None:
        self._control = control
        self._first = first
        self._words = words
        self._context, self._recipe = (os.path.realpath(path) for path in where)
        self._progress = progress
        self._made: list[Built] = []
        self._runs = 0

    def __enter__(self) -> "_Rebuilds":
        import tempfile

        place = next(iter(surroundings.places()), tempfile.gettempdir())
        self._mine = f"{os.path.realpath(place)}/wardian-repro-{os.getuid()}"
        self._stage, self._lock_fd = boxes.own_place(self._mine)
        self._directory = tempfile.mkdtemp(prefix="wardian-verify-")
        self._store = images.store()
        self._before = {entry.digest for entry in self._store.entries()}
        self._order = staging.order_of(self._stage)
        self.layers = Layers(self._directory)
        self._same = self._outputs(self._first)
        return self

    def __exit__(self, *_error: object) -> None:
        boxes.leave_place(self._mine, self._stage, self._lock_fd)
        paths.remove_tree(self._directory)
        self._forget()

    def tell(self, words: str, runs: int) -> None:
        """Say what is built now; of the first build it is known."""
        if runs and self._progress != "quiet":
            render.out(render.line(f"again ({runs}): {words}") + "\n", STDERR)

    # ---- what can be varied ------------------------------------------------------------------

    def variations(self, vary: "Sequence[str]") -> "tuple[list[Variation], Surroundings]":
        """Return those that a program in a box of the image can see, and what is here to vary."""
        machine = surroundings.look(place=self._stage)
        if self._control.clock_s is not None:
            machine = _without(machine, {"time": "the clock stands still: --clock"})
        chosen = _in_our_words(variations.chosen(vary, machine))
        with boxes.Boxes(
            command=["true"],
            source=self._empty(),
            options={"image": self._first.id, "entrypoint": "", "user": "0:0"},
        ) as probe:
            try:
                without = probe.effects(
                    self._control, variations.vary(self._control, chosen, machine)
                )
            except WardianError:
                without = {}  # of another platform, or with neither shell nor files
        for name in ("build_path", "user", "file_order", "umask"):
            without.pop(name, None)  # they are the context's, and not the box's alone
        machine = _without(machine, without)
        return _in_our_words(variations.chosen(vary, machine)), machine

    def _empty(self) -> str:
        path = f"{self._directory}/empty"
        os.mkdir(path)
        return path

    # ---- one build ---------------------------------------------------------------------------

    def __call__(self, now: "Conditions") -> "Outputs":
        """Build under these conditions; returns what is in the image."""
        self._runs += 1
        if self._runs == 1:
            return self._same
        from wardian.build.api import build

        run = f"{self._stage}/{self._runs}"
        place = run + (now.build_path if now.build_path != _CONTROL.build_path else "/context")
        os.makedirs(os.path.dirname(place), 0o755)
        os.makedirs(f"{run}/home", 0o755)
        who = {"uid": now.uid, "gid": now.gid}
        order = {"order": now.file_order, "listing_order": self._order}
        staging.call("stage", source=self._context, target=place, **who, **order)
        boxes.write_files(now, run)
        shown = build_progress.reporter(self._progress, STDERR)
        try:
            built = build(
                place,
                self._moved(self._recipe, place),
                world=_world(now, run),
                progress=shown,
                **self._again(place),
            )
        except LaunchError as error:
            failed = Entry(kind="other", digest=str(error.exit_code))
            return {**self._same, EXIT_CODE: failed}  # and no image to compare
        finally:
            shown.close()
            staging.call("remove", path=run)
        self._made.append(built)
        return self._outputs(built)

    def _again(self, place: str) -> "dict[str, Any]":
        """Return the options: the same, but for what would spare work or leave something."""
        lock = self._first.lock
        return {
            **self._words,
            "tags": (),
            "no_cache": True,
            "update_lock": False,
            "open_lock": True,  # in another language apt asks for more
            "pull": "missing",
            "compression": "none",
            "source_date_epoch": self._first.epoch_s,
            "lock": self._moved(os.path.realpath(lock), place) if lock else None,
        }

    def _moved(self, path: str, place: str) -> str:
        """Return where a file of the context lies in its copy; others stay where they are."""
        below = f"{self._context}/"
        return f"{place}/{path.removeprefix(below)}" if path.startswith(below) else path

    def _outputs(self, built: "Built") -> "Outputs":
        titles = {one.layer: one.step.text for one in built.steps if one.layer}
        rows = zip(built.diff_ids, built.image.descriptors, strict=True)
        layers = [
            Layer(
                title=titles[diff_id][:_TITLE_LETTERS],
                diff_id=diff_id,
                blob=self._store.layout.blob_path(row["digest"]),
                media_type=row["mediaType"],
            )
            for diff_id, row in rows
            if diff_id in titles
        ]
        code = Entry(kind="other", digest="0")
        return {**self.layers.outputs(layers, built.config), EXIT_CODE: code}

    # ---- the end -----------------------------------------------------------------------------

    def _forget(self) -> None:
        """Remove what the builds again have left, but for what the first one has too."""
        known = {self._first.id, self._first.digest, *self._first.diff_ids}
        known.update(one.layer for one in self._first.steps)
        blobs: set[str] = set()
        layers: set[str] = set()
        for built in self._made:
            if built.digest not in self._before:
                self._store.untag(built.digest)
                self._before.add(built.digest)
            layers.update(one.layer for one in built.steps)
            blobs.update((built.id, built.digest))
        layers -= known
        # Not compressed: a layer's blob is called as the layer is.
        garbage.collect(self._store, only=(blobs | layers) - known, only_layers=layers)


def _without(machine: "Surroundings", lacking: "dict[str, str]") -> "Surroundings":
    return variations.Surroundings(
        cpus=machine.cpus, locales=machine.locales, lacking={**machine.lacking, **lacking}
    )


def _in_our_words(some: "Sequence[Variation]") -> "list[Variation]":
    found = []
    for one in some:
        if one.name in _OURS:
            text, change = _OURS[one.name]
            one = variations.Variation(one.name, text, _changing(change), one.alias)  # noqa: PLW2901
        found.append(one)
    return found


def _changing(change: "Any") -> "variations.Change":
    return lambda now, _machine: change(now)


def _world(now: "Conditions", name: str) -> World:
    """Return the canonical world of builds, changed in what the conditions have changed."""
    words = boxes.world_words(now, name)
    usual = boxes.world_words(_CONTROL, name)
    variables: dict[str, str] = words.pop("env")  # type: ignore[assignment]
    own: dict[str, str] = usual.pop("env")  # type: ignore[assignment]
    env = {key: text for key, text in variables.items() if own.get(key) != text}
    options = {key: word for key, word in words.items() if usual.get(key) != word}
    mounts = [one for one in words["mount"] if "machine-id" not in one]  # type: ignore[attr-defined]
    if now.machine_id != _CONTROL.machine_id:
        mounts = list(words["mount"])  # type: ignore[call-overload]
    home = env.pop("HOME", "")
    if home:
        mounts.append(f"type=bind,src={name}/home,dst={home}")
    options["mount"] = mounts
    for key in ("hostname", "umask"):
        options.pop(key, None)
    changed: dict[str, Any] = {"env": env, "home": home, "umask": now.umask, "options": options}
    return World().changed(**changed, hostname=now.host_name)
