"""`wardian.SandboxPool`: boxes made in advance, so that a run costs little more than a program.

Threads make boxes ahead and take down those that were used, while the caller's program runs. A box
is used once. What is shared between boxes, and why nothing of one run can be seen by the next, is
in pool_plan.
"""

import atexit
import collections
import os
import threading
import weakref

from wardian.errors import UsageError
from wardian.runtime import launch
from wardian.sandbox import ready
from wardian.sandbox.nest import Nest
from wardian.sandbox.ready import ReadyRun
from wardian.sandbox.run import Run
from wardian.sandbox.sandbox import Sandbox

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from wardian.sandbox.box import Box
    from wardian.sandbox.preparation import Prepared

LARGEST = 1024

_all: "weakref.WeakSet[SandboxPool]" = weakref.WeakSet()


class SandboxPool(Sandbox):
    """A Sandbox whose boxes stand ready before they are asked for.

    Takes what Sandbox takes, and gives the same verdicts. A run whose standard input is a file, a
    descriptor or larger than a pipe (64 KiB) gets a new box, and so does each run where CRIU's
    images are asked for. Close it at the end.

    Args:
        size: how many boxes stand ready; twice the processors where None.

    Raises:
        UsageError: a size that is none, and what Sandbox raises.
    """

    def __init__(self, *arguments: "Any", size: int | None = None, **words: "Any") -> None:
        super().__init__(*arguments, **words)
        self.size = 2 * (os.cpu_count() or 1) if size is None else size
        if (
            isinstance(size, bool)
            or not isinstance(self.size, int)
            or not 1 <= self.size <= LARGEST
        ):
            raise UsageError(f"pool size {size!r}: not a number from 1 to {LARGEST}")
        self._owner = os.getpid()
        self._nest: Nest | None = None
        self._ready: collections.deque[ReadyRun] = collections.deque()
        self._used: collections.deque[tuple[Box, Callable[[], None]]] = collections.deque()
        self._making = 0
        self._is_closed = False
        self._lock = threading.Lock()
        self._news = threading.Condition(self._lock)  # for the threads
        self._standing = threading.Condition(self._lock)  # for who fills
        self._threads: list[threading.Thread] = []
        _all.add(self)

    def fill(self) -> None:
        """Make all boxes now, and return when they stand; the first run begins it else.

        Raises:
            LaunchError, UnsupportedError: a box could not be made.
        """
        self._check_open()
        if self.prepare().for_criu:
            return
        self._begin()
        while True:
            with self._news:
                while len(self._ready) < self.size and not self._lacks and not self._is_closed:
                    self._standing.wait()  # others are making them
                if len(self._ready) >= self.size or self._is_closed:
                    return
                self._making += 1
            self._add_one()

    def _put_ready(self, made: ReadyRun) -> bool:
        """Let a box stand for a run; returns False where the pool was closed meanwhile."""
        with self._news:
            if not self._is_closed:
                self._ready.append(made)
                self._standing.notify_all()
            return not self._is_closed

    def _begin(self) -> Nest:
        self._check_open()
        prepared = self.prepare()
        with self._news:
            self._check_open()
            if self._nest is None:
                self._nest = self._new_nest(prepared)
                atexit.register(self.close)
                for _ in range(max(2, os.cpu_count() or 1)):
                    thread = threading.Thread(target=self._work, daemon=True)
                    self._threads.append(thread)
                    thread.start()
            return self._nest

    def _check_open(self) -> None:
        if self._owner != os.getpid():
            raise UsageError("this pool belongs to another process", hint="make one after the fork")
        if self._is_closed:
            raise UsageError("this pool is closed")

    def _new_nest(self, prepared: "Prepared") -> Nest:
        return Nest(prepared)

    def _make(self) -> ReadyRun:
        nest = self._nest
        if nest is None:
            raise UsageError("this pool is closed")
        try:
            return ReadyRun(nest, self._supervise, self._put_aside)
        except launch.DiedError:  # the next request starts another
            return ReadyRun(nest, self._supervise, self._put_aside)

    def _put_aside(self, box: "Box", after: "Callable[[], None]") -> None:
        with self._news:
            if not self._is_closed:
                self._used.append((box, after))
                self._news.notify()
                return
        _take_down(box, after)

    # ---- threads --------------------------------------------------------------------------

    def _work(self) -> None:
        """Take down what was used, and make what lacks."""
        while True:
            with self._news:
                while not self._is_closed and not self._used and not self._lacks:
                    self._news.wait()
                if self._is_closed:
                    return
                used = self._used.popleft() if self._used else None
                if used is None:
                    self._making += 1
            if used is not None:
                _take_down(*used)
            else:
                self._add()

    @property
    def _lacks(self) -> bool:
        return len(self._ready) + self._making < self.size

    def _add(self) -> None:
        try:
            self._add_one()
        except Exception:  # noqa: BLE001 - who runs next makes a box by himself, and is told
            with self._news:
                self._news.wait(1.0)

    def _add_one(self) -> None:
        """Make one of the boxes that lack; it was counted as being made."""
        try:
            made = self._make()
        finally:
            with self._news:
                self._making -= 1
                self._standing.notify_all()
        if not self._put_ready(made):
            made.abandon()

    # ---- runs -----------------------------------------------------------------------------

    def _new(
        self,
        argv: "Iterable[str] | str",
        stdin: "bytes | str | os.PathLike[str] | int",
        files: "Mapping[str, Any] | None",
        *more: "Any",
    ) -> Run:
        request = self._request(argv, stdin, files, *more)
        self._check_open()
        if self.prepare().for_criu:
            return self._cold(request)
        self._begin()
        if not ready.is_poolable(request):
            return self._cold(request)
        found = self._take()
        if not found.fits(request):
            found.abandon()
            return self._cold(request)
        return found.ask(request)

    def _take(self) -> ReadyRun:
        with self._news:
            found = self._ready.popleft() if self._ready else None
            if len(self._ready) <= self.size // 4:  # else the next is made when this run ends
                self._news.notify()
        return self._make() if found is None else found

    def close(self) -> None:
        """End the boxes that stand ready, and let go of all; runs that go on are not disturbed.

        In a forked child it does nothing: the boxes are the parent's.
        """
        if self._owner != os.getpid():
            return
        with self._news:
            self._is_closed = True
            self._news.notify_all()
            self._standing.notify_all()
        for thread in self._threads:
            thread.join()
        self._threads.clear()
        while self._ready:
            self._ready.popleft().abandon()
        while self._used:
            _take_down(*self._used.popleft())
        if self._nest is not None:
            self._nest.close()
            self._nest = None
            atexit.unregister(self.close)
        super().close()

    def forget(self) -> None:
        """In a forked child: close what is the parent's, and disturb nothing.

        A standing box's standard input has its end only when all copies of its writer are closed.
        """
        self._lock = threading.Lock()  # a thread that is not here may have held it
        self._news, self._standing = (threading.Condition(self._lock) for _ in range(2))
        self._is_closed = True
        while self._ready:
            self._ready.popleft().forget()
        self._used.clear()
        self._threads.clear()
        if self._nest is not None:
            self._nest.forget()
            self._nest = None


def _take_down(box: "Box", after: "Callable[[], None]") -> None:
    """Let go of a used box. What fails stands in box.trouble; the next box is not concerned."""
    try:
        box.let_go()
    except OSError as error:
        box.trouble = str(error)
    after()


def _after_fork() -> None:
    for pool in list(_all):
        pool.forget()


os.register_at_fork(after_in_child=_after_fork)
