"""From a problem's words, a test's and a language's needs to the limits of one run (pure)."""

import dataclasses

from wardian.sandbox.limits import WORDS, Limits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from wardian.grade.languages import Language
    from wardian.grade.problem import Problem
    from wardian.sandbox.verdict import Usage

# Where only the processor time is said: room for a busy machine, since that decides.
WALL_FACTOR, WALL_MORE_S = 2.0, 5.0
# A program that computed for this part of its time was held up by others rather than idle, and gets
# one more run with so much more time.
BUSY_SHARE, PATIENCE = 0.05, 6.0


def of_run(
    problem: "Problem",
    language: "Language",
    words: "Mapping[str, object]",
    patience: float = 1.0,
) -> Limits:
    """Return the limits of a run: the problem's, the test's over them, and the runtime's part.

    Args:
        problem: whose limits they are.
        language: of the program.
        words: of a test.
        patience: how many times the usual wall-clock time, where the problem says none.

    Raises:
        UsageError: together they are none.
    """
    together = _together(problem, words)
    said = Limits.parse(together)
    multiplier = problem.multipliers.get(language.name, 1.0)
    cpu_s = said.cpu_s * multiplier
    wall_s = said.wall_s * multiplier
    if "wall" not in together:
        wall_s = (cpu_s * WALL_FACTOR + WALL_MORE_S) * patience
    return dataclasses.replace(
        said,
        wall_s=wall_s,
        cpu_s=cpu_s,
        memory_bytes=said.memory_bytes + language.extra_memory_bytes,
        processes=said.processes + language.extra_processes,
    )


def was_held_up(problem: "Problem", words: "Mapping[str, object]", usage: "Usage") -> bool:
    """Say whether a run that took too long did so since the machine was busy.

    Args:
        problem: whose limits they were.
        words: of the test.
        usage: of the run.
    """
    return "wall" not in _together(problem, words) and usage.cpu_s > usage.wall_s * BUSY_SHARE


def of_problem(problem: "Problem", words: "Mapping[str, object]") -> Limits:
    """Return the limits as problem and test say them."""
    return Limits.parse(_together(problem, words))


def _together(problem: "Problem", words: "Mapping[str, object]") -> "dict[str, object]":
    found = {_word(key): value for key, value in problem.limits.items()}
    found.update((_word(key), value) for key, value in words.items())
    return found


def _word(key: str) -> str:
    """Return a limit's name as the command line has it: "memory_bytes" is "memory"."""
    return next((word for word, row in WORDS.items() if row[0] == key), key.replace("_", "-"))
