"""Threads for what the caller need not wait for himself, kept for the next run.

Each notification is awaited by one, since that call blocks in the kernel; and boxes are taken down
by them. Starting a thread costs some 50 us, waking one that is there 5 us; so those that are done
wait for more.

Where that is allowed those that await notifications have a real-time priority: however busy the
machine is, the kernel hands one over in microseconds, before a signal can call it off. `calm` gives
that up before there is much to do.

Kernel: sched(7), SCHED_FIFO.
"""

import _thread
import atexit
import collections
import os
import queue
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    Job = tuple[Callable[[], object], "_thread.LockType"]

MOST_IDLE = 64

_idle: "list[queue.SimpleQueue[Job]]" = []
_urgent: "list[queue.SimpleQueue[Job]]" = []
_own = threading.local()  # `is_calm`: the thread gave its priority up


def start(work: "Callable[[], object]", *, urgent: bool = False) -> "_thread.LockType":
    """Have a thread do something; returns a lock that is free once it is done.

    Args:
        work: what to do.
        urgent: with a real-time priority, where that is allowed.
    """
    done = _thread.allocate_lock()
    done.acquire()
    idle = _urgent if urgent else _idle
    try:
        jobs = idle.pop()
    except IndexError:
        jobs = queue.SimpleQueue()
        _thread.start_new_thread(_serve, (jobs, idle))
    jobs.put((work, done))
    return done


MOST_PENDING = 64
_pending: "collections.deque[_thread.LockType]" = collections.deque()


def later(work: "Callable[[], object]") -> None:
    """Have a thread take something down; `settle`, and the end of the process, wait for it."""
    while len(_pending) >= MOST_PENDING or (_pending and not _pending[0].locked()):
        _wait_for_one()
    _pending.append(start(work))


def settle() -> None:
    """Wait until all that `later` was given is done."""
    while _pending:
        _wait_for_one()


def _wait_for_one() -> None:
    try:
        done = _pending.popleft()
    except IndexError:  # another thread waits for it
        return
    with done:
        pass


def hurry() -> None:
    """Give the calling thread a real-time priority, where that is allowed."""
    _own.is_calm = False
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except OSError:
        return


def calm() -> None:
    """Give the calling thread the usual priority again, for what it does now."""
    _own.is_calm = True
    try:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    except OSError:
        return


def _serve(jobs: "queue.SimpleQueue[Job]", idle: "list[queue.SimpleQueue[Job]]") -> None:
    _own.is_calm = True
    while True:
        if idle is _urgent and _own.is_calm:
            hurry()
        work, done = jobs.get()
        try:
            work()
        finally:
            done.release()
        del work, done  # or the run would be held until the next
        if len(idle) >= MOST_IDLE:
            return
        idle.append(jobs)


def _forget() -> None:
    """In a forked child: the threads are not there any more."""
    _idle.clear()
    _urgent.clear()
    _pending.clear()


os.register_at_fork(after_in_child=_forget)
atexit.register(settle)
