"""What a Python program needs: its interpreter's start, and the modules that its code imports.

The program is not run. Its own interpreter reads the code (the standard library's modulefinder, in
a process of its own) and follows each import statement, those inside of functions too. What of the
standard library is found by name only at run time is added whole: codecs. A module of a package
that was installed brings the whole package, since such packages load what they have by name, and
carry data.

Facts about Python's start
--------------------------
Python finds its library by the landmarks os.py and lib-dynload beside its own path. `python -I`
reads neither the user's modules nor variables. A compiled module in __pycache__ is used if it
names the source's time and size, or a hash; without one, the source is compiled at each start.

Source: CPython, Modules/getpath.py, Lib/modulefinder.py; PEP 552.
"""

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

from wardian.errors import HostError, SpecError
from wardian.pack.contents import resolve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wardian.pack.contents import Contents

GROUP = "python"
WITHOUT = ("__pycache__", ".pyc", ".pyo")
_TIMEOUT_S = 600

# Runs in the program's own interpreter, which may be older than ours.
FINDER = r"""
import json, sys, sysconfig
start = sorted(set(sys.modules))
import modulefinder, os, importlib.util
scripts = sys.argv[1:]
path = [p for p in sys.path if p]
class Finder(modulefinder.ModuleFinder):
    # a namespace package (PEP 420), whose spec has no loader, is unknown to modulefinder
    def find_module(self, name, path, parent=None):
        try:
            return super().find_module(name, path, parent)
        except AttributeError:
            spec = importlib.machinery.PathFinder.find_spec(name, path or self.path)
            kind = ("", "", modulefinder._PKG_DIRECTORY)
            return None, list(spec.submodule_search_locations), kind
    def load_package(self, fqname, pathname):
        if not isinstance(pathname, list):
            return super().load_package(fqname, pathname)
        module = self.add_module(fqname)
        module.__path__ = pathname
        return module
finder = Finder(path=path)
errors = []
for script in scripts:
    finder.path = [os.path.dirname(os.path.realpath(script))] + path
    try:
        finder.run_script(script)
    except SyntaxError as error:
        errors.append("%s:%s: %s" % (script, error.lineno, error.msg))
def name_of(module): return getattr(module, "__file__", None) or ""
for name in start + ["encodings", "encodings.utf_8", "encodings.ascii", "encodings.latin_1"]:
    try: finder.import_hook(name)
    except ImportError: pass
found = {}
for name, module in finder.modules.items():
    if name_of(module) and name != "__main__":
        found[name] = os.path.abspath(name_of(module))
missing = {}
for name, callers in finder.badmodules.items():
    missing[name] = sorted(c for c in callers if c != "-")
stdlib = sysconfig.get_paths()["stdlib"]
print(json.dumps({"errors": errors, "modules": found, "missing": missing,
    "stdlib": stdlib, "platstdlib": sysconfig.get_paths()["platstdlib"],
    "executable": sys.executable, "prefix": sys.prefix, "base_prefix": sys.base_prefix,
    "sites": [p for p in path if os.path.basename(p) in ("site-packages", "dist-packages")]}))
"""


def add(contents: "Contents", interpreter: str, scripts: "Sequence[str]") -> "list[str]":
    """Add the modules that scripts import, and what their interpreter starts with.

    Args:
        contents: what the image holds so far; it has the interpreter itself.
        interpreter: an absolute path.
        scripts: absolute paths.

    Returns:
        The extension modules among them, whose libraries are still to be found.

    Raises:
        SpecError: a script has a syntax error.
        HostError: the interpreter does not run.
    """
    found = ask(interpreter, FINDER, scripts)
    if found["errors"]:
        raise SpecError(f"{found['errors'][0]}")
    who = scripts[0] if scripts else interpreter
    extensions: list[str] = []
    packages: set[str] = set()
    for name, path in sorted(found["modules"].items()):
        site = next((one for one in found["sites"] if path.startswith(one + "/")), "")
        if site:
            packages.add(f"{site}/{path[len(site) + 1 :].partition('/')[0]}")
            continue
        real = contents.path_of(path, f"import {name}, from {who}", GROUP)
        if real.endswith(".so"):
            extensions.append(real)
    for path in sorted(packages):
        _package(contents, path, who)
    _landmarks(contents, found)
    inside = tuple(resolve(package)[0] for package in packages)
    if inside:
        extensions += [
            path for path in contents.things if path.startswith(inside) and is_library(path)
        ]
    _tell_missing(contents, found, who)
    return sorted(set(extensions))


def is_library(path: str) -> bool:
    """Say whether a path is named as a library is."""
    return path.endswith(".so") or ".so." in path


def ask(interpreter: str, code: str, arguments: "Sequence[str]") -> "dict[str, Any]":
    """Run code in an interpreter, alone and without its users' settings; returns its JSON.

    Raises:
        HostError: it fails.
    """
    command = [interpreter, "-I", "-B", "-c", code, *arguments]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HostError(f'"{interpreter}": {error}') from None
    if done.returncode:
        text = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise HostError(f'"{interpreter}" failed: {text[:500]}')
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _package(contents: "Contents", path: str, who: str) -> None:
    """Add an installed package, or a module that lies beside packages, with what it came with."""
    why = f"import {os.path.basename(path).partition('.')[0]}, from {who}"
    real, _links = resolve(path)
    if os.path.isdir(real):
        contents.tree(real, real, why, GROUP, without=WITHOUT)
    else:
        contents.path_of(path, why, GROUP)
    # wheels for Linux carry their libraries in NAME.libs beside the package
    libraries = f"{real}.libs"
    if os.path.isdir(libraries):
        contents.tree(libraries, libraries, why, GROUP)


def _landmarks(contents: "Contents", found: "dict[str, Any]") -> None:
    stdlib = found["stdlib"]
    contents.path_of(f"{stdlib}/os.py", "tells Python where its library is", GROUP)
    for place in (stdlib, found["platstdlib"]):
        dynamic = f"{place}/lib-dynload"
        if os.path.isdir(dynamic):
            contents.directory(resolve(dynamic)[0], "tells Python where its library is", GROUP)
    real, _links = resolve(f"{stdlib}/encodings")
    contents.tree(real, real, "codecs are found by their name", GROUP, without=WITHOUT)
    if found["prefix"] != found["base_prefix"]:
        contents.path_of(f"{found['prefix']}/pyvenv.cfg", "makes a venv of its directory", GROUP)


def _tell_missing(contents: "Contents", found: "dict[str, Any]", who: str) -> None:
    """Note modules that a script itself imports, and nobody has: the library's own are guarded."""
    for name, callers in sorted(found["missing"].items()):
        if "__main__" in callers:
            contents.note(f'module "{name}", which {who} imports, is not installed')
