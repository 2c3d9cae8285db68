"""Try again what fails for a passing reason, and wait as long as the server asks.

Facts about waiting
-------------------
429 and 503 may carry Retry-After, in seconds or as a date. Without it the wait doubles each time,
from half a second, with a random part, so that many clients don't come back together.

Source: RFC 9110 section 10.2.3; RFC 6585 section 4.
"""

import random
import time

from wardian.errors import RemoteError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

PASSING = frozenset((408, 429, 500, 502, 503, 504))
_FIRST_S = 0.5
_LONGEST_S = 30.0
_PATIENCE_S = 300.0


class Retries:
    """Counts the attempts at one thing.

    Args:
        attempts: how many there are in all.
        pause: waits for some seconds.
    """

    __slots__ = ("_left", "_pause", "_wait_s")

    def __init__(self, attempts: int, pause: "Callable[[float], object]" = time.sleep) -> None:
        self._left = attempts
        self._pause = pause
        self._wait_s = _FIRST_S

    def failed(self, error: RemoteError, retry_after: str = "") -> None:
        """Wait before the next attempt.

        Args:
            error: what to raise when there is none.
            retry_after: what the server asked for, or "".

        Raises:
            RemoteError: `error`, after the last attempt.
        """
        self._left -= 1
        if self._left <= 0:
            raise error
        asked_s = seconds(retry_after)
        if asked_s is None:
            asked_s = self._wait_s * random.uniform(0.5, 1.0)  # noqa: S311 - spreads, hides nothing
            self._wait_s = min(self._wait_s * 2, _LONGEST_S)
        if asked_s > _PATIENCE_S:
            error.hint = f"it asks to come back in {asked_s:.0f} s"
            raise error
        self._pause(asked_s)

    def progressed(self, attempts: int) -> None:
        """Something came: begin to count again."""
        self._left = attempts
        self._wait_s = _FIRST_S


def seconds(retry_after: str) -> "float | None":
    """Return the wait that a Retry-After header asks for; None where it asks for none."""
    text = retry_after.strip()
    if not text:
        return None
    if text.isascii() and text.isdecimal():
        return float(text[:9])
    from email.utils import parsedate_to_datetime

    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except ValueError:
        return None
