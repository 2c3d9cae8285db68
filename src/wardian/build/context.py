"""The context of a build: which of its files count, and what they hold.

Facts about files that people check out
---------------------------------------
Their times are those of the checkout, their modes those of a umask, and the order in which a
directory lists them is the file system's. git keeps names, contents, links and one bit. So that is
what a file of the context is here: everything else has one value.

A link is followed where it is named itself, as docker does, but never out of the context.
"""

import os
from dataclasses import dataclass, replace
from hashlib import sha256
from stat import S_ISDIR, S_ISLNK, S_ISREG

from wardian import errors
from wardian.build import patterns
from wardian.build.patterns import Ignore

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

RECIPES = ("Containerfile", "Dockerfile")
IGNORES = (".containerignore", ".dockerignore")
_CHUNK_BYTES = 1 << 20
_LINKS_MAX = 40
FILE, DIRECTORY, LINK = "file", "directory", "link"


@dataclass(frozen=True)
class Found:
    """A file, directory or link.

    Attributes:
        path: from the context's top; "" for the top.
        kind: FILE, DIRECTORY or LINK.
        real: where it lies.
        is_executable: of a file.
        target: of a link.
        named: the path by which it was asked for, where a link led to it; "" for the same.
    """

    path: str
    kind: str
    real: str
    is_executable: bool = False
    target: str = ""
    named: str = ""

    @property
    def name(self) -> str:
        """The path by which it was asked for."""
        return self.named or self.path


class Context:
    """A directory that COPY takes from.

    Attributes:
        path: of it, without links.
        name: for errors.
    """

    def __init__(
        self,
        path: str,
        recipe: str = "",
        name: str = "the context",
        *,
        lock: str = "",
        is_whole: bool = False,
    ) -> None:
        """Look at it.

        Args:
            path: the directory.
            recipe: the Containerfile, whose own ignore file counts more.
            name: for errors.
            lock: the lock file, which the build itself writes: it is left out.
            is_whole: an ignore file in it does not count.

        Raises:
            NotFoundError: it is not there.
            SpecError: its ignore file is wrong.
        """
        self.path = os.path.realpath(path)
        self.name = name
        self._lock = os.path.realpath(lock) if lock else ""
        if not os.path.isdir(self.path):
            raise errors.NotFoundError(f'context "{path}": no such directory')
        self.ignore = Ignore([], "") if is_whole else _read_ignore(self.path, recipe)
        self._digests: dict[tuple[int, int, int, int], str] = {}

    def find(self, pattern: str) -> "list[Found]":
        """Return what a source of COPY means, in the order of the names' bytes.

        Raises:
            NotFoundError: nothing.
            UsageError: it is outside of the context, or no kind of file that can be copied.
        """
        names = _split(pattern)
        shown = "/".join(names)
        try:
            regular = patterns.compiled(shown) if patterns.is_pattern(shown) else None
        except ValueError as error:
            raise errors.UsageError(f'"{pattern}": {error}') from None
        if regular is None:
            return [self._named(shown, pattern)]
        wanted = -1 if "**" in shown else len(names)
        found = [one for one in self.walk(depth=wanted) if one.path and regular.fullmatch(one.path)]
        if not found:
            raise errors.NotFoundError(f'"{pattern}": nothing in {self.name} fits')
        return [self._named(one.path, pattern) for one in found]

    def walk(self, below: str = "", *, depth: int = -1) -> "Iterator[Found]":
        """Yield what is below a directory and counts, each directory before what is in it."""
        real = os.path.join(self.path, below) if below else self.path
        names = sorted(_listed(real), key=os.fsencode)
        for name in names:
            path = f"{below}/{name}" if below else name
            left_out = self.ignore.leaves_out(path)
            if left_out and self.ignore.prunes(path):
                continue
            found = self._look(path)
            if found is None:
                continue
            if found.kind == DIRECTORY:
                inner = self.walk(path, depth=depth - 1) if depth != 1 else iter(())
                if not left_out:
                    yield found
                    yield from inner
                    continue
                rows = list(inner)  # a directory comes back with what comes back below it
                if rows:
                    yield found
                    yield from rows
            elif not left_out:
                yield found

    def _named(self, path: str, pattern: str) -> Found:
        """Return what is under a name; a link is followed."""
        if path and self.ignore.leaves_out(path) and not self._has_something(path):
            raise errors.NotFoundError(
                f'"{pattern}": left out by {self.name}\'s ignore file',
                hint="a line with ! brings it back",
            )
        asked = path
        for _attempt in range(_LINKS_MAX):
            found = self._look(path)
            if found is None:
                break
            if found.kind != LINK:
                return replace(found, named=asked)
            path = self._followed(path, found.target, pattern)
        if os.path.lexists(os.path.join(self.path, path)):
            raise errors.UsageError(f'"{pattern}" is no file, directory or link')
        raise errors.NotFoundError(f'"{pattern}" is not in {self.name}')

    def _has_something(self, path: str) -> bool:
        real = os.path.join(self.path, path)
        if os.path.islink(real) or not os.path.isdir(real):
            return False
        return next(self.walk(path), None) is not None

    def _followed(self, path: str, target: str, pattern: str) -> str:
        above = "" if target.startswith("/") else path.rpartition("/")[0]
        names: list[str] = []
        for name in f"{above}/{target}".split("/"):
            if name == "..":
                names = names[:-1]
            elif name not in ("", "."):
                names.append(name)
        del pattern
        return "/".join(names)

    def _look(self, path: str) -> "Found | None":
        real = os.path.join(self.path, path) if path else self.path
        if self._lock and real == self._lock:
            return None
        # A directory on the way may be a link out of the context.
        above = os.path.realpath(os.path.dirname(real)) if path else self.path
        if os.path.commonpath((above, self.path)) != self.path:
            raise errors.UsageError(f'"{path}" leads out of {self.name}')
        try:
            state = os.lstat(real)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise errors.KernelError(f'stat("{real}")', error.errno or 0) from None
        if S_ISREG(state.st_mode):
            return Found(path, FILE, real, bool(state.st_mode & 0o100))
        if S_ISDIR(state.st_mode):
            return Found(path, DIRECTORY, real)
        if S_ISLNK(state.st_mode):
            return Found(path, LINK, real, target=os.readlink(real))
        return None

    def digest(self, rows: "list[Found]") -> str:
        """Return a digest of all that files are here: names, contents, links and one bit."""
        whole = sha256()
        for one in rows:
            content = self._content(one) if one.kind == FILE else one.target
            line = (one.path, one.kind, "x" if one.is_executable else "", content)
            whole.update("\0".join(line).encode("utf-8", "surrogateescape") + b"\0\n")
        return whole.hexdigest()

    def _content(self, one: Found) -> str:
        whole = sha256()
        try:
            with open(one.real, "rb", buffering=0) as file:
                state = os.fstat(file.fileno())
                key = (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns)
                if key in self._digests:
                    return self._digests[key]
                while chunk := file.read(_CHUNK_BYTES):
                    whole.update(chunk)
        except OSError as error:
            raise errors.KernelError(f'read("{one.real}")', error.errno or 0) from None
        found = self._digests[key] = whole.hexdigest()
        return found


def _split(pattern: str) -> "list[str]":
    """Return the names of a source; ".." can't lead out of the context."""
    names: list[str] = []
    for name in pattern.split("/"):
        if name == "..":
            if not names:
                raise errors.UsageError(
                    f'"{pattern}" leads out of the context',
                    hint="only what is in the context can be copied: a larger context, and -f",
                )
            names.pop()
        elif name not in ("", "."):
            names.append(name)
    return names


def _listed(path: str) -> "list[str]":
    try:
        return os.listdir(path)
    except OSError as error:
        raise errors.KernelError(f'open("{path}")', error.errno or 0) from None


def _read_ignore(path: str, recipe: str) -> Ignore:
    places = [f"{recipe}{name}" for name in IGNORES] if recipe else []
    places += [f"{path}/{name}" for name in IGNORES]
    for place in places:
        try:
            with open(place, "rb") as file:
                data = file.read(patterns.IGNORE_BYTES + 1)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise errors.KernelError(f'open("{place}")', error.errno or 0) from None
        if len(data) > patterns.IGNORE_BYTES:
            raise errors.SpecError(f'"{place}" is larger than {patterns.IGNORE_BYTES} bytes')
        lines = data.decode("utf-8", "surrogateescape").splitlines()
        return Ignore(lines, os.path.basename(place))
    return Ignore([], "")


def find_recipe(context: str, asked: str) -> str:
    """Return the Containerfile's path.

    Raises:
        NotFoundError: there is none.
    """
    if asked:
        for path in (asked, os.path.join(context, asked)):
            if os.path.isfile(path):
                return os.path.abspath(path)
        raise errors.NotFoundError(f'recipe "{asked}": no such file')
    for name in RECIPES:
        path = os.path.join(context, name)
        if os.path.isfile(path):
            return os.path.abspath(path)
    raise errors.NotFoundError(
        f'there is no Containerfile or Dockerfile in "{context}"', hint="-f FILE names one"
    )
