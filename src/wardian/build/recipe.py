"""Parse a Containerfile: stages, and their instructions with flags, words and heredocs.

Nothing is expanded here: what a variable stands for is known only where the instruction is carried
out. A fault names file, line and column.

Source: Dockerfile reference.
"""

import re
from dataclasses import dataclass, field

from wardian.build import instructions
from wardian.build.instructions import Instruction, Word
from wardian.build.lines import Lines, Statement
from wardian.errors import NotFoundError, SpecError

_STAGE_NAME = re.compile(r"[a-z][a-z0-9_.-]*$")


@dataclass
class Stage:
    """One FROM and what follows it.

    Attributes:
        number: from 0.
        name: as written after AS, in lower case; "" for none.
        base: what it begins with, as written.
        platform: of --platform, as written; None for none.
        origin: the FROM.
        steps: what follows.
    """

    number: int
    name: str
    base: Word
    platform: "Word | None"
    origin: Instruction
    steps: "list[Instruction]" = field(default_factory=list)

    @property
    def shown(self) -> str:
        """How people are told of it."""
        return self.name or str(self.number)


@dataclass
class Recipe:
    """A whole Containerfile.

    Attributes:
        source: its name.
        escape: the escape character.
        arguments: the ARGs before the first FROM.
        stages: in their order; at least one.
    """

    source: str
    escape: str
    arguments: "list[Instruction]"
    stages: "list[Stage]"

    def stage(self, word: str, before: int) -> "Stage | None":
        """Return the stage that a word of a later one means; None for none.

        Args:
            word: a name or a number.
            before: the number of the stage that asks.
        """
        for stage in reversed(self.stages[:before]):
            if stage.name and stage.name == word.lower():
                return stage
        if word.isascii() and word.isdecimal() and int(word[:6]) < before:
            return self.stages[int(word)]
        return None


def parse(data: bytes, source: str = "Containerfile") -> Recipe:
    """Read a recipe.

    Args:
        data: the file.
        source: its name, for errors.

    Raises:
        SpecError: it has a fault.
    """
    lines = Lines(data, source)
    recipe = Recipe(source, lines.escape, [], [])
    for statement in lines:
        made = instructions.parse(statement, lines.escape)
        if made.keyword == "FROM":
            recipe.stages.append(_stage(made, recipe))
        elif recipe.stages:
            recipe.stages[-1].steps.append(made)
        elif made.keyword == "ARG":
            recipe.arguments.append(made)
        else:
            raise statement.fault(
                f"{made.keyword} before the first FROM", hint="only ARG may stand there"
            )
    if not recipe.stages:
        raise _empty(source)
    return recipe


def parse_onbuild(texts: "list[str]", image: str) -> "list[Instruction]":
    """Return the instructions that a base image's ONBUILD has left for its children."""
    found = []
    for text in texts:
        for statement in Lines(text.encode(), f'ONBUILD of "{image}"'):
            made = instructions.parse(statement, "\\")
            if made.keyword in instructions.NOT_ON_BUILD:
                raise statement.fault(f"{made.keyword} can't be an ONBUILD")
            found.append(made)
    return found


def _empty(source: str) -> SpecError:
    return Statement("", [0], [(1, 1)], source).fault(
        "no FROM", hint="a recipe begins with FROM IMAGE, or FROM scratch"
    )


def _stage(made: Instruction, recipe: Recipe) -> Stage:
    words = made.words
    name = ""
    if len(words) == 3 and words[1].text.upper() == "AS":
        name = words[2].text.lower()
        if not _STAGE_NAME.match(name):
            hint = "a letter, then letters, digits, '_', '.' and '-'"
            raise made.fault(f'"{words[2].text}" is no name for a stage', words[2], hint=hint)
        if any(stage.name == name for stage in recipe.stages):
            raise made.fault(f'a stage "{name}" is there already', words[2])
    elif len(words) != 1:
        raise made.fault("FROM takes IMAGE, or IMAGE AS NAME", words[1] if words[1:] else None)
    flag = made.flags.get("platform")
    return Stage(len(recipe.stages), name, words[0], flag[-1] if flag else None, made)


# ---- what a build needs of it -----------------------------------------------------------------


def target(recipe: Recipe, wanted: str) -> Stage:
    """Return the stage that is built.

    Raises:
        NotFoundError: there is none of that name or number.
    """
    if not wanted:
        return recipe.stages[-1]
    found = recipe.stage(wanted, len(recipe.stages))
    if found is None:
        names = ", ".join(stage.shown for stage in recipe.stages)
        raise NotFoundError(f'there is no stage "{wanted}"', hint=f"there are: {names}")
    return found


def needed(recipe: Recipe, stage: Stage) -> "list[Stage]":
    """Return a stage and all that it takes something from, in their order."""
    found: set[int] = set()
    todo = [stage]
    while todo:
        one = todo.pop()
        if one.number in found:
            continue
        found.add(one.number)
        words = [one.base.text]
        for step in one.steps:
            words += sources(step)
        todo += [near for word in words if (near := recipe.stage(word, one.number))]
    return [recipe.stages[number] for number in sorted(found)]


def sources(step: Instruction) -> "list[str]":
    """Return the stages or images that an instruction takes files from, as written."""
    found = [word.text for word in step.flags.get("from", [])]
    for word in step.flags.get("mount", []):
        rows = (field.partition("=") for field in word.text.split(","))
        found += [value for key, _equals, value in rows if key == "from"]
    return found


def steps(recipe: Recipe, stage: Stage) -> int:
    """Return how many steps the build of a stage has."""
    return sum(1 + len(one.steps) for one in needed(recipe, stage))
