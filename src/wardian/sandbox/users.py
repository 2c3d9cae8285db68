"""The users of boxes as the host sees them: no two that live at the same time have the same.

Limits that the kernel counts for each user (pipes, pending signals, keys, descriptors in flight)
would else be common to strangers. Ids are lent in blocks: a process holds a block by a lock on one
byte of a file that all processes of the machine share, and the kernel lets it go when the process
ends, however it does. Within its blocks a process knows which ids are in use.

Facts about the locks
---------------------
Record locks belong to a process: a child does not inherit them, and makes its own. They are all
gone as soon as the process closes any descriptor of the file, so it is opened once.

Kernel: fcntl(2) "Advisory record locking", user_namespaces(7).
"""

import fcntl
import os
import threading

from wardian.engine import directories
from wardian.errors import HostError

# One each, away from those of people (below 60,000) and of containers (below 1,879,048,192).
FIRST = 0x70000000
MOST_BLOCKS = 1 << 16
BLOCK = 256
FILE = "sandbox-users"


class Users:
    """The ids that this process lends.

    Args:
        first: the least id that may be lent.
        count: how many there are.
        path: of the file with the locks.
    """

    def __init__(self, first: int, count: int, path: str) -> None:
        self._first = first
        self._size = max(1, min(BLOCK, count))
        self._most = max(1, min(MOST_BLOCKS, count // self._size))
        self._path = path
        self._fd = -1
        self._blocks: list[int] = []
        self._used: set[int] = set()
        self._next = 0

    def take(self) -> int:
        """Return an id that no living box has.

        Raises:
            HostError: the file can't be had, or every id is taken.
        """
        while True:
            for _ in range(len(self._blocks) * self._size):
                block, place = divmod(self._next, self._size)
                self._next = (self._next + 1) % (len(self._blocks) * self._size)
                found = self._first + self._blocks[block] * self._size + place
                if found not in self._used:
                    self._used.add(found)
                    return found
            self._blocks.append(self._another_block())
            self._next = (len(self._blocks) - 1) * self._size

    def give_back(self, one: int) -> None:
        """Take an id back: its box is gone."""
        self._used.discard(one)

    def _another_block(self) -> int:
        if self._fd < 0:
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            try:
                self._fd = os.open(self._path, flags, 0o600)
            except OSError as error:
                raise HostError(f'open("{self._path}"): {error.strerror}') from None
        begin = os.getpid() % self._most  # where others seldom are
        for number in range(self._most):
            block = (begin + number) % self._most
            if block in self._blocks:
                continue
            try:
                fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, block)
            except (BlockingIOError, PermissionError):
                continue
            return block
        raise HostError("every user for a sandbox's box is taken", hint=f'"{self._path}"')

    def forget(self) -> None:
        """In a forked child: what was lent is the parent's."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


_lock = threading.Lock()
_all: "list[Users]" = []


def take() -> int:
    """Return an id, in our own user namespace, for the user of one box; `give_back` ends it."""
    with _lock:
        if not _all:
            first, count = _range()
            _all.append(Users(first, count, f"{_place()}/{FILE}"))
        return _all[0].take()


def give_back(one: int) -> None:
    """Say that the box with this id is gone."""
    with _lock:
        if _all:
            _all[0].give_back(one)


def _place() -> str:
    """Return the directory that all processes of the machine share, or one of our own."""
    try:
        os.makedirs(directories.SYSTEM_STATE, 0o700, exist_ok=True)
    except OSError:
        return directories.state()
    return directories.SYSTEM_STATE


def _range() -> "tuple[int, int]":
    """Return the first of the ids that may be lent, and how many there are."""
    with open("/proc/self/uid_map", encoding="ascii") as file:
        rows = [list(map(int, line.split())) for line in file]
    inside, _outside, count = max(rows, key=lambda row: row[2])
    whole = MOST_BLOCKS * BLOCK
    if inside <= FIRST and inside + count >= FIRST + whole:
        return FIRST, whole
    some = max(1, count // 4)  # of a container's, the last
    return inside + count - some, some


def _after_fork() -> None:
    global _lock  # noqa: PLW0603 - a thread that is not here may have held it
    _lock = threading.Lock()
    for one in _all:
        one.forget()
    _all.clear()


os.register_at_fork(after_in_child=_after_fork)
