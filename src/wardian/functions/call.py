"""Carry a Python call into a box: the pickled call, and the source of the modules that it needs.

As with multiprocessing's "spawn", a function goes by name, so it is one of a module, no lambda. The
modules of the function and its arguments go along as source, and those that they have imported;
the standard library and installed packages are looked for in the box. `__main__` is loaded there
under another name, so its `if __name__ == "__main__":` does not run.

What goes in is pickled by somebody trusted, for somebody who is not. Nothing pickled comes back.
"""

import io
import os
import pickle
import sys
import sysconfig
import types

from wardian.errors import UsageError
from wardian.functions import driver, plain_data
from wardian.functions.driver import CALL, MAIN, MODULES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import ModuleType
    from typing import Any

OWN = ("wardian",)  # a function in a box has no use for it; the driver has something in its place
MAINS = ("__main__", "__mp_main__")
PROTOCOL = 4  # Python 3.4 and later
LARGEST_PACKAGE_BYTES = 16 << 20
DRIVER = f"{CALL}/driver.py"
RESULT = f"{CALL}/result.json"


class _Pickler(pickle.Pickler):
    """Notes the modules of all functions and classes that go along."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file, PROTOCOL)
        self.modules: set[str] = set()

    def reducer_override(self, found: object) -> "Any":
        """Note where it is from; the usual way of pickling goes on."""
        for one in (found, type(found)):
            name = getattr(one, "__module__", None)
            if isinstance(name, str):
                self.modules.add(name)
        return NotImplemented


def files_for(
    function: "Callable[..., Any]",
    args: "tuple[Any, ...]",
    kwargs: "Mapping[str, Any]",
    more_modules: "Iterable[str]" = (),
) -> "dict[str, bytes | str]":
    """Return the files that a box needs for a call.

    Args:
        function: to be called.
        args: by place.
        kwargs: by name.
        more_modules: names of modules that the function imports by itself.

    Raises:
        UsageError: the call can't be pickled, or a module has no source.
    """
    buffer = io.BytesIO()
    pickler = _Pickler(buffer)
    try:
        pickler.dump((function, args, dict(kwargs)))
    except (pickle.PicklingError, AttributeError, TypeError, RecursionError) as error:
        raise UsageError(
            f"the call can't be pickled: {error}",
            hint="a function of a module can be, and one in a function or a lambda can't",
        ) from None
    files: dict[str, bytes | str] = {
        DRIVER: driver.__file__,
        f"{CALL}/plain_data.py": plain_data.__file__,
        f"{CALL}/call.pickle": buffer.getvalue(),
    }
    waiting = [*pickler.modules, *more_modules]
    seen = {*OWN, *sys.stdlib_module_names} - set(MAINS)
    while waiting:
        top = waiting.pop().partition(".")[0]
        if top not in seen:
            seen.add(top)
            waiting += _add_main(files) if top in MAINS else _add_module(top, files)
    return files


def _add_main(files: "dict[str, bytes | str]") -> "set[str]":
    """Add the program itself; returns what it has imported."""
    main = sys.modules["__main__"]
    path = getattr(main, "__file__", None)
    if path is None or not os.path.isfile(path):
        raise UsageError("__main__ has no file that could go along", hint="put it in a module")
    files[f"{CALL}/{MAIN}"] = path
    return _imports_of([main])


def _add_module(top: str, files: "dict[str, bytes | str]") -> "set[str]":
    """Add a module or package, unless it is an installed one; returns what it has imported."""
    root = sys.modules.get(top) or __import__(top)
    path = getattr(root, "__file__", None)
    places = [os.path.dirname(path)] if path else list(getattr(root, "__path__", ()))
    if not places:
        raise UsageError(f'module "{top}" has no file that could go along')
    if _is_installed(path or places[0]):
        return set()  # the box has it, or not
    if path and os.path.basename(path) != "__init__.py":
        files[f"{CALL}/{MODULES}/{os.path.basename(path)}"] = path
    else:
        for place in places:
            _add_package(top, place, files)
    below = [module for name, module in sys.modules.items() if name.startswith(f"{top}.")]
    return _imports_of([root, *below])


def _imports_of(modules: "Iterable[ModuleType]") -> "set[str]":
    """Return the names of modules that these have imported, as far as they show."""
    found = set()
    for module in modules:
        for value in list(vars(module).values()):
            is_module = isinstance(value, types.ModuleType)
            name = getattr(value, "__name__" if is_module else "__module__", None)
            if isinstance(name, str) and name in sys.modules:
                found.add(name)
    return found


def _is_installed(path: str) -> bool:
    places = [sysconfig.get_path(key) for key in ("purelib", "platlib", "stdlib")]
    whole = os.path.abspath(path)
    if "/dist-packages/" in whole:  # Debian's own are beside those that sysconfig knows
        return True
    return any(whole.startswith(f"{place}/") for place in places if place)


def _add_package(top: str, directory: str, files: "dict[str, bytes | str]") -> None:
    """Add all Python files of a package."""
    whole = 0
    for parent, below, names in os.walk(directory):
        below[:] = sorted(name for name in below if name.isidentifier() and name != "__pycache__")
        for name in sorted(names):
            if not name.endswith(".py"):
                continue
            path = os.path.join(parent, name)
            whole += os.path.getsize(path)
            if whole > LARGEST_PACKAGE_BYTES:
                raise UsageError(f'package "{top}" is larger than {LARGEST_PACKAGE_BYTES} bytes')
            inner = os.path.relpath(path, os.path.dirname(directory))
            files[f"{CALL}/{MODULES}/{inner}"] = path
