"""`wardian build --clock`: a wall clock that stands still in RUN steps.

It is the one of `wardian repro`, a preloaded library: static programs, and those that make the
system calls themselves (Go), see the real time.
"""

from wardian.build.world import World, epoch
from wardian.errors import UnsupportedError, UsageError
from wardian.repro import boxes, surroundings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SINCE = f"{boxes.CLOCK}_SINCE"


def stands_at(asked: str, words: "dict[str, Any]", context: str) -> "int | None":
    """Return where the clock stands, in seconds since 1970; None where it goes.

    Args:
        asked: "real", "commit" or seconds.
        words: the keywords of `wardian.build.build`.
        context: the directory.

    Raises:
        UsageError: it is none of them.
        UnsupportedError: the library is not here, or of another processor than the image.
    """
    if asked in ("", "real"):
        return None
    if asked != "commit" and not (asked.isascii() and asked.isdecimal()):
        raise UsageError(f'--clock "{asked}": not real, commit or seconds since 1970')
    if not surroundings.clock_library():
        raise UnsupportedError("wardian-clock.so is not there", feature="clock")
    if words.get("platform"):
        raise UnsupportedError("--clock is for this machine's platform alone", feature="clock")
    if asked != "commit":
        return int(asked)
    # A second later: what is made from a source is newer than the source, which make wants.
    return epoch(words.get("source_date_epoch"), context) + 1


def world(clock_s: int) -> World:
    """Return the canonical world with a clock that stands still."""
    mounts: list[str] = []
    env = boxes.standing_clock(clock_s, mounts)
    late = {_SINCE: env.pop(_SINCE)}
    return World().changed(env=env, late=late, options={"mount": mounts})
