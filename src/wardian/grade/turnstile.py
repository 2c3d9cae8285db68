"""Many at once, or one alone: what a run needs that nobody shall disturb."""

import contextlib
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


class Turnstile:
    """Lets many in together, or one by itself; who wants to be alone comes before later ones."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = 0
        self._wanting = 0
        self._is_taken = False

    @contextlib.contextmanager
    def shared(self) -> "Iterator[None]":
        """Be in together with others."""
        with self._changed:
            self._changed.wait_for(lambda: not self._is_taken and not self._wanting)
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()

    @contextlib.contextmanager
    def alone(self) -> "Iterator[None]":
        """Be in alone."""
        with self._changed:
            self._wanting += 1
            self._changed.wait_for(lambda: not self._is_taken and not self._inside)
            self._wanting -= 1
            self._is_taken = True
        try:
            yield
        finally:
            with self._changed:
                self._is_taken = False
                self._changed.notify_all()
