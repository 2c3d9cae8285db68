"""Check a command: its source, what is varied here, the boxes, the report.

report = check_command(["make"], source=".", outputs=["app"])
report["reproducible"], report["differences"][0]["causes"]
"""

import os
import subprocess
import time
from typing import TYPE_CHECKING, Any

from wardian import errors
from wardian.repro import check, report, surroundings, variations
from wardian.repro.boxes import Boxes
from wardian.repro.conditions import CONTROL, Conditions
from wardian.repro.variations import TURKISH, Surroundings, Variation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DAY_S = 86400


def check_command(
    command: "Sequence[str]",
    *,
    source: str = ".",
    outputs: "Sequence[str]" = (),
    vary: "Sequence[str]" = (),
    env: "Mapping[str, str] | None" = None,
    epoch: "int | None" = None,
    locale: str = TURKISH,
    modes: bool = False,
    diffoscope: bool = True,
    place: "str | None" = None,
    progress: "check.Progress | None" = None,
    **options: object,
) -> "dict[str, Any]":
    """Run a command in the canonical and in a varied world, and say what differs and why.

    Args:
        command: the program and its arguments; it starts in a copy of the source.
        source: a directory, which is not changed.
        outputs: paths or patterns below it, "-" for the standard output; none for all that is new.
        vary: names of variations, or "-NAME" for what to leave out; none for all.
        env: variables for all runs.
        epoch: SOURCE_DATE_EPOCH; the commit's or the newest file's time where it is not given.
        locale: to vary to.
        modes: all permission bits of outputs count, not only who may execute them.
        diffoscope: ask it too, where it is installed.
        place: a directory for the copies.
        progress: called with what is run and how many runs there were before.
        options: further words of `wardian run`, such as image=.

    Raises:
        LaunchError: the command fails in the canonical world.
        UsageError, UnsupportedError: a variation that is not there, or has no effect here.
    """
    control = CONTROL.but(
        env=tuple((env or {}).items()),
        clock_s=_standing_clock() if surroundings.clock_library() else None,
        epoch_s=epoch if epoch is not None else epoch_of(source),
    )
    with Boxes(
        command=command, source=source, outputs=outputs, options=options, place=place
    ) as boxes:
        machine = surroundings.look(place=boxes.stage_place, locale=locale)
        chosen, machine = _effective(boxes, control, vary, machine)
        try:
            found = check.check(
                boxes,
                variations=chosen,
                control=control,
                machine=machine,
                modes=modes,
                progress=progress,
            )
        except errors.LaunchError as error:
            raise _told(error, boxes.stderr) from None
        found.not_varied = _left_out(chosen, machine)
        return report.document(
            found,
            diffoscope=diffoscope,
            command=list(command),
            source=os.path.abspath(source),
            epoch=control.epoch_s,
        )


def _effective(
    boxes: Boxes, control: Conditions, vary: "Sequence[str]", machine: Surroundings
) -> "tuple[list[Variation], Surroundings]":
    """Return the variations that a program in such a box can see."""
    chosen = variations.chosen(vary, machine)
    varied = variations.vary(control, chosen, machine)
    without = boxes.effects(control, varied)
    if not without:
        return chosen, machine
    machine = Surroundings(
        cpus=machine.cpus, locales=machine.locales, lacking={**machine.lacking, **without}
    )
    return variations.chosen(vary, machine), machine


def _left_out(chosen: "list[Variation]", machine: Surroundings) -> "dict[str, str]":
    names = {one.name for one in chosen}
    return {
        one.name: machine.lacking.get(one.name, "not asked for")
        for one in variations.VARIATIONS
        if one.name not in names
    }


def _told(error: errors.LaunchError, stderr: bytes) -> errors.LaunchError:
    """Add what the command said last."""
    lines = stderr.decode("utf-8", "replace").strip().splitlines()
    said = f": {lines[-1]}" if lines else ""
    return errors.LaunchError(f"{error}{said}", hint=error.hint)


def _standing_clock() -> int:
    """Return a morning that is later than any file's time, so that make is calm."""
    return (int(time.time()) // DAY_S + 2) * DAY_S + DAY_S // 4


def epoch_of(source: str) -> int:
    """Return SOURCE_DATE_EPOCH for a source: its commit's time, or that of its newest file."""
    ask = ["git", "-C", source, "log", "-1", "--format=%ct"]
    try:
        done = subprocess.run(ask, capture_output=True, text=True, check=False)
    except OSError:
        done = None
    if done is not None and done.returncode == 0 and done.stdout.strip().isdecimal():
        return int(done.stdout)
    newest = 0.0
    for place, _below, names in os.walk(source):
        for name in names:
            newest = max(newest, os.lstat(f"{place}/{name}").st_mtime)
    return int(newest)
