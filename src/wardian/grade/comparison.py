"""Compare an output with the expected one (pure).

Both are bytes: an output may hold anything. What is said about a difference quotes at most a few
letters of either. An output of 16 MiB in words of one letter would take hundreds as a list, so no
more of it is looked at than the answer's length accounts for.
"""

import math

from wardian.grade.problem import Compare

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from wardian.grade.problem import Comparison

SHOWN_BYTES = 40
LONGEST_NUMBER = 64
MOST_TIMES, MOST_MORE = 4, 1 << 16  # an output that is longer than the answer by so much is wrong


def difference(output: bytes, answer: bytes, how: "Comparison") -> str:
    """Return where an output is not as expected; "" where it is.

    Args:
        output: what the program wrote.
        answer: what is right.
        how: mode and tolerance.
    """
    if how.mode is Compare.EXACT:
        return _exact(output, answer)
    output = output.rstrip()
    most = MOST_TIMES * len(answer) + MOST_MORE
    found = _difference(output[:most], answer, how)
    if not found and len(output) > most:
        return f"there is far more than expected: {len(output)} bytes"
    return found


def _difference(output: bytes, answer: bytes, how: "Comparison") -> str:
    if how.ignore_case:
        output, answer = output.lower(), answer.lower()
    if how.mode is Compare.LINES:
        return _rows("line", _lines(output), _lines(answer), None)
    tolerance = how if how.mode is Compare.FLOAT else None
    return _rows("word", output.split(), answer.split(), tolerance)


def _exact(output: bytes, answer: bytes) -> str:
    if output == answer:
        return ""
    place = next(
        (at for at, pair in enumerate(zip(output, answer, strict=False)) if pair[0] != pair[1]),
        min(len(output), len(answer)),
    )
    line = output.count(b"\n", 0, place) + 1
    if place == len(answer):
        return f"line {line}: there is more than expected: {shown(output[place:])}"
    if place == len(output):
        return f"line {line}: ends before {shown(answer[place:])}"
    return f"line {line}: found {shown(output[place:])}, expected {shown(answer[place:])}"


def _rows(
    what: str, output: "Sequence[bytes]", answer: "Sequence[bytes]", tolerance: "Comparison | None"
) -> str:
    if output == answer:
        return ""
    for number, (found, right) in enumerate(zip(output, answer, strict=False), 1):
        if found != right and not (tolerance and _is_near(found, right, tolerance)):
            return f"{what} {number}: found {shown(found)}, expected {shown(right)}"
    if len(output) == len(answer):
        return ""
    if len(output) > len(answer):
        more = shown(output[len(answer)])
        return f"{what} {len(answer) + 1}: there is more than expected: {more}"
    end = shown(answer[len(output)])
    return f"{what} {len(output) + 1}: ends before {end}"


def _lines(text: bytes) -> "list[bytes]":
    lines = [line.rstrip() for line in text.split(b"\n")]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _is_near(found: bytes, right: bytes, how: "Comparison") -> bool:
    """Say whether two words are numbers that are near enough; the answer sets the scale."""
    value, wanted = _number(found), _number(right)
    if value is None or wanted is None:
        return False
    if not (math.isfinite(value) and math.isfinite(wanted)):
        return value == wanted or (math.isnan(value) and math.isnan(wanted))
    error = abs(value - wanted)
    return error <= how.absolute or error <= how.relative * abs(wanted)


def _number(word: bytes) -> float | None:
    """Return the number of a word as C and Java print it; Python's own 1_000 is none."""
    if len(word) > LONGEST_NUMBER or b"_" in word:
        return None
    try:
        return float(word)
    except ValueError:
        return None


def shown(content: bytes) -> str:
    """Return the beginning of an output for a message: quoted, and without control characters."""
    head = content[:SHOWN_BYTES]
    more = "..." if len(content) > len(head) else ""
    text = head.decode("utf-8", "backslashreplace")
    plain = "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape").decode()
        for letter in text
    )
    return f'"{plain}"{more}'
