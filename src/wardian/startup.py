"""Load the modules of a short command at once.

A command is over sooner than Python has found its modules one by one: each costs about 0.06 ms of
looking through directories, beside its own code. So the modules that a command needed are kept in
one file, beside the byte code that Python itself keeps, and checked against their sources as Python
does, by size and time. A module that changed, or that is not in the file, is imported as ever; and
a file that can't be written or read is done without.

What is kept is what all runs of a command need: a module that one run had no use for is left out by
the next. docs/decisions/0011-modules-kept-together.md has the figures.

Source: PEP 3147 (__pycache__), PEP 451 (finders).
"""

import marshal
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import CodeType, ModuleType

    # path, whether it is a package, time and size of the source, code
    Row = tuple[str, bool, int, int, CodeType]

_PACKAGE = os.path.dirname(os.path.abspath(__file__))
_ModuleSpec = type(sys.__spec__)
MOST_WORDS = 16
LARGEST_BYTES = 16 << 20


def _path(program: str, command: str) -> str:
    version = f"{sys.implementation.cache_tag}-{sys.hexversion:x}"
    name = f"{program}-{command}.{version}.modules"
    return os.path.join(_PACKAGE, "__pycache__", name)


class Finder:
    """Finds modules in one file (importlib.abc.MetaPathFinder and Loader).

    Attributes:
        rows: module name -> what was kept of it.
        is_stale: a module's source has changed since.
    """

    __slots__ = ("is_stale", "rows")

    def __init__(self, rows: "dict[str, Row]") -> None:
        self.rows = rows
        self.is_stale = False

    def find_spec(self, name: str, _path: object = None, _target: object = None) -> object:
        """Return a module's spec; None where it is not kept, or its source has changed."""
        row = self.rows.get(name)
        if row is None:
            return None
        path, is_package, changed, size, _code = row
        try:
            now = os.stat(path)
        except OSError:
            now = None
        if now is None or now.st_mtime_ns != changed or now.st_size != size:
            self.is_stale = True
            return None
        spec = _ModuleSpec(name, self, origin=path, is_package=is_package)  # type: ignore[arg-type]
        spec.has_location = True
        if is_package:
            spec.submodule_search_locations = [os.path.dirname(path)]
        return spec

    def create_module(self, _spec: object) -> None:
        """Return None: Python's own kind of module."""

    def exec_module(self, module: "ModuleType") -> None:
        """Run a module's code."""
        exec(self.rows[module.__name__][4], module.__dict__)  # noqa: S102 - that is importing

    def get_code(self, name: str) -> "CodeType":
        """Return a module's code."""
        return self.rows[name][4]


_current: "Finder | None" = None


def begin(program: str, words: "Sequence[str]") -> None:
    """Let the modules of a command come from its file, if there is one.

    Args:
        program: "wardian" or "wardian-oci".
        words: the command line behind it, one of which is the command.
    """
    global _current  # noqa: PLW0603 - one command line for each process
    for word in words[:MOST_WORDS]:
        if not word.isalpha():
            continue
        rows = _read(_path(program, word))
        if rows:
            _current = Finder(rows)
            sys.meta_path.insert(0, _current)  # type: ignore[arg-type]
            return


def _read(path: str) -> "dict[str, Row]":
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return {}
    try:
        version, package, rows = marshal.loads(os.read(fd, LARGEST_BYTES))  # noqa: S302 - as .pyc
    except (OSError, EOFError, ValueError, TypeError):
        return {}
    finally:
        os.close(fd)
    return rows if version == sys.version and package == _PACKAGE else {}


def keep(program: str, command: str) -> None:
    """Keep this process's modules for the next run of a command, unless they are.

    For commands that are over: a run that ended early would keep too little.
    """
    if _current is None:
        names = [name for name in sys.modules if name.startswith("wardian.") and name != __name__]
    else:
        names = [name for name in _current.rows if name in sys.modules]
        if len(names) == len(_current.rows) and not _current.is_stale:
            return
    path = _path(program, command)
    if not os.access(os.path.dirname(path), os.W_OK):
        return  # nor would Python keep its byte code there
    rows: dict[str, Row] = {}
    try:
        for name in names:
            spec = sys.modules[name].__spec__
            if spec is not None and spec.origin is not None and spec.loader is not None:
                source = os.stat(spec.origin)
                code = spec.loader.get_code(name)  # type: ignore[attr-defined]
                is_package = spec.submodule_search_locations is not None
                row = (spec.origin, is_package, source.st_mtime_ns, source.st_size, code)
                rows[name] = row
        _write(path, marshal.dumps((sys.version, _PACKAGE, rows)))
    except (OSError, ImportError, AttributeError):
        return  # the next run imports as this one did


def _write(path: str, data: bytes) -> None:
    temporary = f"{path}.{os.getpid()}"
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    try:
        with open(fd, "wb") as file:
            file.write(data)
        os.rename(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
