"""Build one stage: its instructions, one after the other."""

import posixpath
from typing import TYPE_CHECKING

from wardian import errors
from wardian.build import bases, config_steps, copy_step, recipe, run_step
from wardian.build import job as jobs
from wardian.build.state import State, expand

if TYPE_CHECKING:
    from wardian.build.cache import Outcome
    from wardian.build.events import Step
    from wardian.build.instructions import Instruction
    from wardian.build.job import Job
    from wardian.build.recipe import Stage

_COPIES = ("COPY", "ADD")


def global_arguments(job: "Job", given: "dict[str, str]") -> "dict[str, str]":
    """Return the arguments that FROM can use, and ARG can take over: platforms, and the first ones.

    Args:
        job: the build.
        given: build arguments.
    """
    found = _platforms(job)
    for instruction in job.recipe.arguments:
        for name, value in instruction.pairs:
            if name.text in given:
                found[name.text] = given[name.text]
                job.used_args.add(name.text)
            elif value is not None:
                found[name.text] = expand(instruction, value, found, job.recipe.escape)
    return found


def _platforms(job: "Job") -> "dict[str, str]":
    found = {"TARGETSTAGE": job.target.shown}
    for prefix, one in (("TARGET", job.platform), ("BUILD", jobs.here())):
        found |= {
            f"{prefix}PLATFORM": str(one),
            f"{prefix}OS": one.os,
            f"{prefix}ARCH": one.architecture,
            f"{prefix}VARIANT": one.variant,
        }
    return found


def build(job: "Job", stage: "Stage", given: "dict[str, str]") -> State:
    """Build a stage; those that it needs are there.

    Args:
        job: the build.
        stage: which.
        given: build arguments.
    """
    return _Build(job, stage, given).run()


class _Build:
    """One stage on its way."""

    def __init__(self, job: "Job", stage: "Stage", given: "dict[str, str]") -> None:
        self._job = job
        self._stage = stage
        self._given = given
        self._globals = global_arguments(job, given)

    def run(self) -> State:
        job, stage = self._job, self._stage
        job.current = stage.number
        step = job.begin(stage, stage.origin.text, stage.origin.statement.line)
        self._state = state = bases.begin(job, stage, self._globals)
        job.end(step)
        triggers = state.run.pop("OnBuild", None) or []
        for instruction in recipe.parse_onbuild(triggers, stage.base.text):
            self._one(instruction)
        for instruction in stage.steps:
            self._one(instruction)
        return state

    def _one(self, instruction: "Instruction") -> None:
        job = self._job
        line = instruction.statement.line
        step = job.begin(self._stage, instruction.text, line)
        keyword = instruction.keyword
        try:
            self._carry_out(instruction, keyword, step)
        except (errors.RequestError, errors.RemoteError, errors.LaunchError) as error:
            place = f"{job.recipe.source}:{line}"
            if place not in f"{error} {error.hint}":
                error.args = (f"{place}: {error}",)
            raise

    def _carry_out(self, instruction: "Instruction", keyword: str, step: "Step") -> None:
        job, state = self._job, self._state
        if keyword == "RUN":
            self._took(step, *run_step.run(job, state, instruction, step))
        elif keyword in _COPIES:
            self._took(step, *copy_step.run(job, state, instruction))
        elif keyword == "WORKDIR":
            self._workdir(step, instruction)
        else:
            if keyword == "ARG":
                self._argument(instruction)
            else:
                config_steps.apply(state, instruction)
            self._note(step, has_layer=False)
            job.end(step)

    def _took(self, step: "Step", outcome: "Outcome", is_cached: bool) -> None:
        self._state.tree = outcome.on(self._state.tree)
        layer = outcome.added.diff_id if outcome.added else ""
        self._note(step, has_layer=bool(layer))
        self._job.end(step, layer, is_cached=is_cached)

    def _note(self, step: "Step", *, has_layer: bool) -> None:
        row: dict[str, object] = {
            "created": self._job.created,
            "created_by": step.text,
            "comment": "wardian",
        }
        if not has_layer:
            row["empty_layer"] = True
        self._state.history.append(row)

    def _workdir(self, step: "Step", instruction: "Instruction") -> None:
        state = self._state
        text = state.word(instruction, instruction.rest)
        if not text:
            raise instruction.fault("an empty path", instruction.rest)
        path = posixpath.normpath(posixpath.join("/", state.workdir, text))
        path = "/" + path.lstrip("/")
        try:
            outcome, is_cached = copy_step.workdir(self._job, state, path)
        except errors.UsageError as error:
            raise instruction.fault(str(error), instruction.rest, hint=error.hint) from None
        state.run["WorkingDir"] = path
        self._took(step, outcome, is_cached)

    def _argument(self, instruction: "Instruction") -> None:
        state = self._state
        for word, value in instruction.pairs:
            name = word.text
            if name in self._given:
                state.arguments[name] = self._given[name]
                self._job.used_args.add(name)
            elif value is not None:
                state.arguments[name] = state.word(instruction, value)
            elif name in self._globals:
                state.arguments[name] = self._globals[name]
