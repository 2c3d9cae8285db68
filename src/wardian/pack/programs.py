"""Add programs with what they need: libraries, interpreters, modules, what the C library opens.

A program keeps its path, since it may look for things beside itself. SOURCE:PATH puts it elsewhere,
for one that does not.
"""

import os
import re
from typing import TYPE_CHECKING

from wardian import errors
from wardian.engine import closure
from wardian.kernel import binfmt, elf
from wardian.pack import other_scripts, python_code
from wardian.pack.contents import resolve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wardian.pack.contents import Contents

GROUP = "program"
_PYTHON = re.compile(r"(^|/)python[0-9.]*$")
_PERL = re.compile(r"(^|/)perl[0-9.]*$")
_ORIGIN = re.compile(r"\$(ORIGIN|\{ORIGIN\})")


class Program:
    """One program of an image.

    Attributes:
        path: in the image.
        source: on this machine, absolute; it may be a symbolic link.
    """

    __slots__ = ("path", "source")

    def __init__(self, text: str) -> None:
        """Read PROGRAM or SOURCE:PATH.

        Raises:
            UsageError: PATH is not absolute.
            NotFoundError: there is no such program.
        """
        source, colon, path = text.partition(":")
        if colon and not path.startswith("/"):
            raise errors.UsageError(f'program "{text}": its place "{path}" is not absolute')
        if "/" in source and not source.startswith("/"):
            source = os.path.abspath(source)
        try:
            self.source = closure.closure(source).programs[0]
        except errors.NotFoundError as error:  # 127 is for a program that was to be run
            raise errors.NotFoundError(str(error), hint=error.hint) from None
        if not is_program(resolve(self.source)[0]):
            raise errors.UsageError(
                f'"{source}" is no program: it is neither ELF nor begins with #!',
                hint="COPY of `wardian build` puts other files into an image",
            )
        self.path = closure.plain(path) if colon else self.source


def is_program(path: str) -> bool:
    """Say whether the kernel could execute a file, if it had the mode for that."""
    return elf.read(path) is not None or elf.interpreter_line(elf.strings_of(path, 256)) is not None


def add(
    contents: "Contents", texts: "Sequence[str]", search_path: str = closure.SEARCH_PATH
) -> "list[Program]":
    """Add programs; returns them.

    Args:
        contents: what the image holds so far.
        texts: names, paths, or SOURCE:PATH.
        search_path: where the image's programs are looked for.

    Raises:
        NotFoundError: a program, an interpreter, a loader or a library is not there.
        SpecError: a file is broken.
    """
    found = [Program(text) for text in texts]
    adder = _Adder(contents, search_path)
    for program in found:
        adder.add(program.source)
    moved = [program for program in found if program.path != program.source]
    stays = {resolve(program.source)[0] for program in found if program not in moved}
    for program in moved:
        _place(contents, program)
    for program in moved:
        real, links = resolve(program.source)
        if real not in stays:
            _forget(contents, real, [path for path, _target in links])
    return found


class _Adder:
    """Adds programs, each once, with what scripts of a known kind need besides."""

    def __init__(self, contents: "Contents", search_path: str) -> None:
        self._contents = contents
        self._search_path = search_path
        self._done: set[str] = set()

    def add(self, path: str, why: str = "") -> None:
        """Add a program; `why` is said of one that was not asked for."""
        if path in self._done:
            return
        self._done.add(path)
        contents = self._contents
        needed = closure.closure_of([path], search_path=self._search_path)
        if why:
            real = resolve(path)[0]
            needed.reasons[real] = [why, *needed.reasons[real][1:]]
        contents.take(needed, GROUP)
        interpreter = _interpreter(path, self._search_path)
        plugins: list[str] = []
        if _PYTHON.search(interpreter):
            scripts = [] if interpreter == path else [path]
            plugins = python_code.add(contents, interpreter, scripts)
        elif _PERL.search(interpreter) and interpreter != path:
            plugins = other_scripts.perl(contents, interpreter, path)
        elif interpreter != path and os.path.basename(interpreter) in other_scripts.SHELLS:
            self._shell(path)
        if plugins:
            add_plugins(contents, interpreter, plugins)

    def _shell(self, path: str) -> None:
        sourced, programs = other_scripts.shell(path, self._search_path)
        for file in sourced:
            self._contents.path_of(file, f"sourced by {path}", GROUP)
        for one in programs:
            self.add(one, f"called by {path}")


def add_plugins(contents: "Contents", interpreter: str, plugins: "Sequence[str]") -> None:
    """Add the libraries of what an interpreter opens while it runs."""
    contents.take(closure.closure_of([interpreter], plugins=tuple(plugins)), GROUP)


def _interpreter(path: str, search_path: str) -> str:
    """Return the absolute path of what runs a file: itself, or its script's interpreter."""
    for _depth in range(5):
        try:
            line = elf.interpreter_line(elf.strings_of(path, 256))
        except errors.SpecError:
            return path
        if line is None:
            return path
        interpreter, argument = line
        named = closure.behind_env(interpreter, argument)
        path = (
            closure.closure_of([named], search_path=search_path).programs[0]
            if named
            else interpreter
        )
    return path


def _place(contents: "Contents", program: Program) -> None:
    """Put a program at its place in the image; one program may have several."""
    real, _links = resolve(program.source)
    binary = elf.read(real)
    if binary is not None and _ORIGIN.search(binary.rpath + binary.runpath):
        raise errors.UsageError(
            f'program "{program.source}" finds libraries beside itself ($ORIGIN)',
            hint=f"leave :{program.path} away",
        )
    contents.things[program.path] = contents.things[real]


def _forget(contents: "Contents", real: str, links: "list[str]") -> None:
    """Take away the place where a program is on this machine, and the links that led there."""
    contents.things.pop(real, None)
    for path in links:
        if path in contents.things and not _leads_anywhere(contents, path):
            del contents.things[path]


def _leads_anywhere(contents: "Contents", link: str) -> bool:
    """Say whether something that is there is below what a link means, or is it."""
    target = os.path.normpath(os.path.join(os.path.dirname(link), contents.things[link].target))
    return any(path == target or path.startswith(f"{target}/") for path in contents.things)


def architecture_of(path: str) -> str:
    """Return a program's architecture in OCI's words; "" where it is no ELF file, or unknown."""
    try:
        with open(path, "rb") as file:
            platform = binfmt.platform_of(file.read(20))
    except OSError:
        return ""
    return platform.partition("/")[2]
