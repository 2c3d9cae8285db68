"""Pack a Python environment: a venv with the interpreter that it was made of.

The venv comes with the interpreter that it was made of: that one's standard library without tests,
and the libraries of every extension module in either. Compiled modules are made anew by that
interpreter, and name the hash of their source ("unchecked-hash"): they count whatever the file
times are, and are the same each time.

Facts about venvs
-----------------
A venv is a directory with pyvenv.cfg, whose `home` is the interpreter's directory, links to the
interpreter in bin/, and packages. Scripts in bin/ name its interpreter by path, so a venv stays
where it was made.

Source: PEP 405, PEP 552.
"""

import json
import os
import subprocess
from typing import TYPE_CHECKING

from wardian import errors
from wardian.engine import closure
from wardian.images import tar_headers
from wardian.pack import programs, python_code
from wardian.pack.contents import resolve

if TYPE_CHECKING:
    from wardian.pack.contents import Contents

GROUP = "venv"
# Of the standard library: what only its own tests and its editor need.
WITHOUT_STDLIB = (
    *("__pycache__", ".pyc", "test", "tests", "idlelib", "turtledemo", "ensurepip", "lib2to3"),
    *("site-packages", "dist-packages"),
    *("-linux-gnu", ".a"),  # config-3.11-x86_64-linux-gnu: to link with Python
)
WITHOUT = ("__pycache__", ".pyc")
_ASK = r"""
import json, sys, sysconfig
paths = sysconfig.get_paths()
print(json.dumps({"base": getattr(sys, "_base_executable", sys.executable),
    "stdlib": paths["stdlib"], "platstdlib": paths["platstdlib"],
    "version": sys.version.split()[0]}))
"""
_TAG = "import json, sys; print(json.dumps({'tag': sys.implementation.cache_tag}))"
_COMPILE = r"""
import json, os, py_compile, sys
mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
for line in sys.stdin:
    source, shown, target = json.loads(line)
    os.makedirs(os.path.dirname(target), exist_ok=True)
    try: py_compile.compile(source, target, shown, doraise=True, invalidation_mode=mode)
    except (py_compile.PyCompileError, OSError, ValueError, RecursionError): pass
"""


def add_venv(contents: "Contents", path: str, work: str) -> "list[str]":
    """Add a venv that is there, at its own path; returns its programs, python first.

    Args:
        contents: what the image holds so far.
        path: of the venv.
        work: a directory for what is made here; it must stay until the image is made.

    Raises:
        UsageError: it is none.
        HostError: its interpreter does not run.
    """
    real = os.path.realpath(path)
    if not os.path.isfile(f"{real}/pyvenv.cfg"):
        raise errors.UsageError(f'"{path}" is no venv: it has no pyvenv.cfg')
    return add(contents, real, real, work)


def add(contents: "Contents", source: str, place: str, work: str) -> "list[str]":
    """Add a venv of this machine at a place in the image; the rest is as of `add_venv`."""
    python = f"{source}/bin/python"
    base = os.path.realpath(python_code.ask(python, _ASK, [])["base"])
    contents.tree(place, source, f"venv {place}", GROUP, without=WITHOUT)
    for path, target in resolve(python)[1]:
        if not path.startswith(f"{source}/"):
            contents.link(path, target, f"interpreter of venv {place}", programs.GROUP)
    _interpreter(contents, base)
    _libraries(contents, base, source, place)
    _compile(contents, base, work)
    return [f"{place}/bin/python"]


def _libraries(contents: "Contents", base: str, source: str, place: str) -> None:
    """Add the libraries of all extension modules, which may be in the image at another place."""
    plugins = [
        str(thing.source)
        for path, thing in contents.things.items()
        if thing.kind == tar_headers.FILE and python_code.is_library(path)
    ]
    found = closure.closure_of([base], plugins=tuple(plugins))
    for path, where in found.files:
        if path == source or path.startswith(f"{source}/"):
            continue  # it is there already
        for why in found.reasons.get(path, [""]):
            contents.file(path, where, why.replace(source, place), programs.GROUP)
    for path, target in found.links:
        if not path.startswith(f"{source}/"):
            contents.link(path, target, "leads to what is needed", programs.GROUP)
    for text in found.missing:
        contents.note(text.replace(source, place))


def _interpreter(contents: "Contents", base: str) -> None:
    """Add an interpreter and its standard library."""
    about = python_code.ask(base, _ASK, [])
    contents.take(closure.closure_of([base]), programs.GROUP)
    for path in dict.fromkeys((about["stdlib"], about["platstdlib"])):
        real, links = resolve(path)
        for at, target in links:
            contents.link(at, target, "leads to the standard library", python_code.GROUP)
        why = f"standard library of Python {about['version']}"
        contents.tree(real, real, why, python_code.GROUP, without=WITHOUT_STDLIB)
    for path, thing in list(contents.things.items()):  # Debian: sitecustomize.py -> /etc/python3
        if thing.kind == tar_headers.SYMLINK and thing.group == python_code.GROUP:
            target = os.path.join(os.path.dirname(path), thing.target)
            if os.path.isfile(target):
                contents.path_of(os.path.normpath(target), f"{path} leads there", python_code.GROUP)


def _compile(contents: "Contents", python: str, work: str) -> None:
    """Add a compiled module for each source."""
    tag = python_code.ask(
        python, "import json, sys; print(json.dumps([sys.implementation.cache_tag]))", []
    )
    rows: list[tuple[str, str, str, str, str]] = []
    for path, thing in sorted(contents.things.items()):
        if path.endswith(".py") and isinstance(thing.source, str) and thing.source:
            folder, _slash, name = path.rpartition("/")
            cached = f"{folder}/__pycache__/{name[:-3]}.{tag}.pyc"
            if not contents.has(cached):
                rows.append(
                    (thing.source, path, f"{work}/pyc/{len(rows)}.pyc", cached, thing.group)
                )
    lines = "".join(json.dumps(row[:3]) + "\n" for row in rows)
    # sets in constants are in the order of their hashes
    env = {"PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8", "PATH": os.environ.get("PATH", "")}
    subprocess.run(
        [python, "-E", "-s", "-B", "-c", _COMPILE], input=lines.encode(), env=env,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    for _source, path, made, cached, group in rows:
        if os.path.exists(made):
            contents.file(cached, made, f"{path}, compiled", group)
