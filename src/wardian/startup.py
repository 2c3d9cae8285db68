"""Load the modules of a short command at once.

A command is over sooner than Python has found its modules one by one: each costs about 0.1 ms of
looking through directories and of importlib's bookkeeping, beside its own code. So the modules that
a command needs are kept in one file, beside the byte code that Python itself keeps, and checked
against their sources as Python does, by size and time.

The first runs of a command teach which modules those are. What all of them needed is executed
ahead, one after the other as they depend on each other; what only some needed is found there when
it is imported. Where a source has changed everything is imported as ever, and learnt again; a file
that can't be written or read is done without.

docs/decisions/0011-modules-kept-together.md has the figures.

Source: PEP 3147 (__pycache__), PEP 451 (finders).
"""

import marshal
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import CodeType, ModuleType
    from typing import Any

    # name, path in the package, whether it is a package, time and size of the source,
    # the runs that needed it, its code as marshal has it
    Row = tuple[str, str, bool, int, int, int, bytes | CodeType]

_ModuleSpec: "Any" = type(sys.__spec__)
_Module = type(sys)
NAME = "wardian.startup"
LESSONS = 3


class Finder:
    """Finds modules in one file (importlib.abc.MetaPathFinder and Loader).

    Attributes:
        package: the directory of wardian.
        rows: module name -> what is kept of it.
        runs: how many runs the file has learnt from.
        order: the modules that were executed here, as they were done.
        is_new: there are some that the file has not.
        is_stale: or has of old.
    """

    __slots__ = ("_found", "is_new", "is_stale", "order", "package", "rows", "runs")

    def __init__(self, package: str, runs: int, rows: "Sequence[Row]") -> None:
        self.package = package
        self.runs = runs
        self.rows = {row[0]: row for row in rows}
        self.order: list[str] = []
        self.is_new = self.is_stale = False
        self._found: dict[str, Any] = {}  # module name -> Python's own loader

    def find_spec(self, name: str, path: "Any" = None, _target: object = None) -> "Any":
        """Return the spec of one of our modules; None of another."""
        if not name.startswith("wardian"):
            return None
        row = self.rows.get(name)
        if row is not None and is_unchanged(self.package, row):
            return self.spec(row)
        from importlib.machinery import PathFinder

        spec = PathFinder.find_spec(name, path)
        if spec is not None and spec.has_location:
            self.is_new = True
            self.is_stale = self.is_stale or row is not None
            self._found[name] = spec.loader
            spec.loader = self  # type: ignore[assignment] # so that we know when it is done
        return spec

    def spec(self, row: "Row") -> "Any":
        """Return a kept module's spec."""
        file = self.package + row[1]
        spec = _ModuleSpec(row[0], self, origin=file, is_package=row[2])
        spec.has_location = True
        if row[2]:
            spec.submodule_search_locations = [os.path.dirname(file)]
        return spec

    def create_module(self, _spec: object) -> None:
        """Return None: Python's own kind of module."""

    def exec_module(self, module: "ModuleType") -> None:
        """Run a module's code."""
        exec(self.get_code(module.__name__), module.__dict__)  # noqa: S102 - that is importing
        self.order.append(module.__name__)

    def get_code(self, name: str) -> "CodeType":
        """Return a module's code."""
        row = self.rows.get(name)
        loader = self._found.get(name)
        if row is not None and loader is None:
            code = row[6]
            return marshal.loads(code) if isinstance(code, bytes) else code  # noqa: S302 - as .pyc
        if loader is None:  # it was imported before us
            loader = sys.modules[name].__dict__["__loader__"]
        found: CodeType = loader.get_code(name)
        return found

    def execute(self, row: "Row") -> None:
        """Make a module before it is asked for; all that it imports has been made."""
        name, file, is_package, _changed, _size, _needed, code = row
        module: Any = _Module(name)
        parent, _dot, last = name.rpartition(".")
        module.__spec__ = self.spec(row)
        module.__loader__ = self
        module.__file__ = self.package + file
        module.__package__ = name if is_package else parent
        if is_package:
            module.__path__ = module.__spec__.submodule_search_locations
        sys.modules[name] = module
        exec(code, module.__dict__)  # noqa: S102 - that is importing
        if parent:
            setattr(sys.modules[parent], last, module)
        self.order.append(name)


_current: "Finder | None" = None


def is_unchanged(package: str, row: "Row") -> bool:
    """Return whether a module's source is as it was when it was kept."""
    try:
        found = os.stat(package + row[1])
    except OSError:
        return False
    return found.st_mtime_ns == row[3] and found.st_size == row[4]


def begin(package: str, kept: "Sequence[Any]") -> bool:
    """Let the modules of a command come from its file.

    Args:
        package: the directory of wardian.
        kept: what the file holds (`keep`); nothing where there is none.

    Returns:
        False: it can't be used, and nothing has been done.
    """
    global _current  # noqa: PLW0603 - one command line for each process
    own, version, runs, ahead, others = kept or (None, sys.version, 0, (), ())
    if version != sys.version:
        return False
    first = (own, *ahead) if own else ahead
    if not all(is_unchanged(package, row) for row in first):
        return False
    _current = Finder(package, runs, (*first, *others))
    sys.meta_path.insert(0, _current)
    for row in ahead:
        _current.execute(row)
    return True


def keep(program: str, command: str) -> None:
    """Keep what this run has learnt for the next run of a command.

    For commands that are over: a run that ended early has needed too little.
    """
    if _current is None or (_current.runs >= LESSONS and not _current.is_new):
        return
    directory = f"{_current.package}/__pycache__"
    if not os.access(directory, os.W_OK):
        return  # nor would Python keep its byte code there
    try:
        name = f"{program}-{command}.{sys.implementation.cache_tag}-{sys.hexversion:x}.kept"
        if _current.is_stale:
            os.unlink(f"{directory}/{name}")  # and the next run learns anew
        else:
            _write(f"{directory}/{name}", marshal.dumps(_learnt(_current)))
    except (OSError, ImportError, AttributeError):
        return  # the next run imports as this one did


def _learnt(finder: Finder) -> "tuple[Any, ...]":
    """Return what is to be kept: our own row, version, runs, what is needed always, the rest."""
    one_more = finder.runs < LESSONS
    rows = dict(finder.rows)
    order = dict.fromkeys(("wardian", *finder.order))
    for name in (NAME, *order):
        row = finder.rows.get(name) or _row(finder, name)
        rows[name] = (*row[:5], row[5] + one_more, finder.get_code(name))
    own = rows.pop(NAME)
    always = [row for name in order if (row := rows[name])[5] == LESSONS]
    if one_more:
        always = [_lean(finder, row) for row in always]
    others = [
        row if isinstance(row[6], bytes) else (*row[:6], marshal.dumps(row[6]))
        for row in rows.values()
        if row[5] < LESSONS
    ]
    return own, sys.version, finder.runs + one_more, always, others


def _row(finder: Finder, name: str) -> "Row":
    module = sys.modules[name]
    assert module.__file__ is not None
    source = os.stat(module.__file__)
    file = module.__file__.removeprefix(finder.package)
    return name, file, hasattr(module, "__path__"), source.st_mtime_ns, source.st_size, 0, b""


def _lean(finder: Finder, row: "Row") -> "Row":
    """Return a row with its code as `python -OO` has it: without docstrings."""
    path = finder.package + row[1]
    with open(path, "rb") as file:
        code = compile(file.read(), path, "exec", dont_inherit=True, optimize=2)
    return (*row[:6], code)


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
