"""How long is waited, and how often."""

import email.utils
import time

import pytest

from wardian.errors import RemoteError
from wardian.registry.retries import Retries, seconds

ERROR = RemoteError("out of order")


def test_the_wait_doubles_and_the_last_attempt_raises() -> None:
    waits: list[float] = []
    retries = Retries(5, waits.append)
    for _attempt in range(4):
        retries.failed(ERROR)
    for number, wait in enumerate(waits):
        assert 0.25 * 2**number <= wait <= 0.5 * 2**number
    with pytest.raises(RemoteError, match="out of order"):
        retries.failed(ERROR)


def test_progress_begins_to_count_again() -> None:
    waits: list[float] = []
    retries = Retries(2, waits.append)
    for _attempt in range(10):
        retries.failed(ERROR)
        retries.progressed(2)
    assert max(waits) <= 0.5


@pytest.mark.parametrize(
    ("text", "expected"),
    [("", None), ("7", 7.0), ("0", 0.0), ("-1", None), ("soon", None), ("1.5", None), ("٣", None)],
)
def test_retry_after_is_seconds(text: str, expected: "float | None") -> None:
    assert seconds(text) == expected


def test_retry_after_may_be_a_date() -> None:
    found = seconds(email.utils.formatdate(time.time() + 100, usegmt=True))
    assert found is not None
    assert 90 < found <= 100
    assert seconds("Thu, 01 Jan 1970 00:00:00 GMT") == 0.0
