"""Which stages a build needs, and how many steps that makes (pure)."""

from wardian.errors import NotFoundError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wardian.build.instructions import Instruction
    from wardian.build.recipe import Recipe, Stage


def target(recipe: "Recipe", wanted: str) -> "Stage":
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


def needed(recipe: "Recipe", stage: "Stage") -> "list[Stage]":
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


def sources(step: "Instruction") -> "list[str]":
    """Return the stages or images that an instruction takes files from, as written."""
    found = [word.text for word in step.flags.get("from", [])]
    for word in step.flags.get("mount", []):
        rows = (field.partition("=") for field in word.text.split(","))
        found += [value for key, _equals, value in rows if key == "from"]
    return found


def steps(recipe: "Recipe", stage: "Stage") -> int:
    """Return how many steps the build of a stage has."""
    return sum(1 + len(one.steps) for one in needed(recipe, stage))
