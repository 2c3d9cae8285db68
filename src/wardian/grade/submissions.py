"""Find what was handed in: a file or a directory each, read as somebody's who means harm.

Nothing is followed and nothing blocks: links, FIFOs, sockets and devices are told and refused, a
file is read up to what a submission may have, a directory to a number of files and a depth. Hidden
files (.git, .DS_Store) are left out.

Kernel: openat(2), O_NOFOLLOW, O_NONBLOCK; a FIFO opened for reading without a writer would block.
"""

import dataclasses
import os
import stat

from wardian.errors import NotFoundError, UsageError
from wardian.grade import fingerprint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from wardian.grade.problem import Problem

DEPTH_MAX = 8
MOST_SUBMISSIONS = 100_000
MOST_ENTRIES = 4096
CHUNK_BYTES = 1 << 16
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFBLK: "a device",
    stat.S_IFCHR: "a device",
}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """One that was handed in.

    Attributes:
        name: of its file or directory; bytes that are no UTF-8 are surrogates (PEP 383).
        files: name below it, and content.
        fault: why it can't be graded; "" where it can.
    """

    name: str
    files: "dict[str, bytes]" = dataclasses.field(default_factory=dict)
    fault: str = ""

    @property
    def digest(self) -> str:
        """Hash of its files."""
        return fingerprint.of_files(self.files)


def names_in(path: str) -> "list[str]":
    """Return the names of all submissions in a directory, sorted.

    Args:
        path: the directory; or of one file, which is then the only submission.

    Raises:
        NotFoundError: it is not there; UsageError: it holds none, or too many.
    """
    try:
        found = sorted(name for name in os.listdir(path) if not name.startswith("."))
    except NotADirectoryError:
        return [os.path.basename(path)]
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise NotFoundError(f'submissions "{path}": {reason}') from None
    if not found:
        raise UsageError(f'submissions "{path}": there is none')
    if len(found) > MOST_SUBMISSIONS:
        raise UsageError(f'submissions "{path}": {len(found)} are more than {MOST_SUBMISSIONS}')
    return found


def read(path: str, name: str, problem: "Problem") -> Submission:
    """Return a submission with all its files, or with what is wrong with it.

    Args:
        path: the directory of submissions, or the only file.
        name: of the submission.
        problem: how much one may have.
    """
    parent = path if os.path.isdir(path) else os.path.dirname(path) or "."
    reader = _Reader(problem.submission_bytes, problem.submission_files)
    try:
        directory = os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            files = dict(reader.entry(directory, name, "", 0))
        finally:
            os.close(directory)
    except _RefusedError as refused:
        return Submission(name=name, fault=str(refused))
    except OSError as error:
        return Submission(name=name, fault=(error.strerror or str(error)).lower())
    if not files:
        return Submission(name=name, fault="no file in it")
    return Submission(name=name, files=files)


class _RefusedError(Exception):
    """It can't be graded; the message says why."""


class _Reader:
    """Reads files until there are too many or too much."""

    def __init__(self, most_bytes: int, most_files: int) -> None:
        self._most_bytes, self._left_bytes = most_bytes, most_bytes
        self._most_files, self._left_files = most_files, most_files
        self._left_entries = MOST_ENTRIES

    def entry(
        self, directory: int, name: str, below: str, depth: int
    ) -> "Iterator[tuple[str, bytes]]":
        """Give all files at or below a name."""
        what = f'"{below}" is ' if below else "is "
        kind = stat.S_IFMT(os.lstat(name, dir_fd=directory).st_mode)
        if kind in _KINDS:  # opening a device is an act in itself
            raise _RefusedError(f"{what}{_KINDS[kind]}")
        fd = os.open(name, _FLAGS, dir_fd=directory)
        try:
            mode = os.fstat(fd).st_mode
            if stat.S_ISDIR(mode):
                yield from self._directory(fd, below, depth)
            elif stat.S_ISREG(mode):
                yield below or name, self._content(fd)
            else:
                raise _RefusedError(f"{what}no regular file")
        finally:
            os.close(fd)

    def _directory(self, fd: int, below: str, depth: int) -> "Iterator[tuple[str, bytes]]":
        if depth >= DEPTH_MAX:
            raise _RefusedError(f"directories deeper than {DEPTH_MAX}")
        for name in self._names(fd):
            yield from self.entry(fd, name, f"{below}/{name}" if below else name, depth + 1)

    def _names(self, fd: int) -> "list[str]":
        found = []
        with os.scandir(fd) as entries:
            for one in entries:
                self._left_entries -= 1
                if self._left_entries < 0:
                    raise _RefusedError(f"more than {MOST_ENTRIES} entries")
                if not one.name.startswith("."):
                    found.append(one.name)
        return sorted(found)

    def _content(self, fd: int) -> bytes:
        self._left_files -= 1
        if self._left_files < 0:
            raise _RefusedError(f"more than {self._most_files} files")
        chunks = []
        while chunk := os.read(fd, CHUNK_BYTES):
            chunks.append(chunk)
            self._left_bytes -= len(chunk)
            if self._left_bytes < 0:
                raise _RefusedError(f"larger than {self._most_bytes} bytes")
        return b"".join(chunks)
