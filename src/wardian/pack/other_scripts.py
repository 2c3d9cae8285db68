"""What scripts of Perl and of shells need besides their interpreter.

Perl: modules named by `use` and `require`, looked for where this perl looks (@INC), and what those
name in turn, with the library (auto/NAME/NAME.so) of each. Shells: files that are sourced by an
absolute path, and the programs whose names stand where a command does. Nothing is run but `perl`,
to ask for @INC. What a script makes up while it runs is seen by --trace alone.

Source: perlfunc(1), use and require; XSLoader(3perl); POSIX, Shell Command Language.
"""

import os
import re
import subprocess
from typing import TYPE_CHECKING

from wardian.errors import HostError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wardian.pack.contents import Contents

_USE = re.compile(
    rb"(?:^|;)\s*(?:use|no|require)\s+(?:base\s+|parent\s+(?:-norequire\s*,?\s*)?)?"
    rb"(?:qw\W\s*|['\"])?([A-Za-z_]\w*(?:::\w+)*)",
    re.MULTILINE,
)
_REQUIRE_FILE = re.compile(rb"^\s*require\s+['\"]([\w/.-]+\.p[lmh])['\"]", re.MULTILINE)
# What is no code: documentation, and all behind the end.
_END = re.compile(
    rb"^__(?:END|DATA)__\s*$.*\Z|^=(?:pod|head\d|over|begin|item|encoding)\b.*?(?:^=cut\b.*?$|\Z)",
    re.MULTILINE | re.DOTALL,
)
_SCRIPT_BYTES = 16 << 20
# strict.pm ... are found by name; what the core loads for itself when a feature is used
_ALWAYS = ("strict", "warnings", "XSLoader", "DynaLoader", "Carp", "vars", "overload", "utf8")


def perl(contents: "Contents", interpreter: str, script: str) -> "list[str]":
    """Add the modules of a Perl script; returns the libraries among them.

    Raises:
        HostError: perl does not run.
    """
    places = _perl_places(interpreter)
    todo = [(name, script) for name in _ALWAYS] + [(name, script) for name in _used(script)]
    known: set[str] = set()
    libraries = []
    while todo:
        name, who = todo.pop()
        if name in known:
            continue
        known.add(name)
        relative = (
            name
            if "/" in name or name.endswith((".pl", ".ph"))
            else name.replace("::", "/") + ".pm"
        )
        place = next((one for one in places if os.path.isfile(f"{one}/{relative}")), "")
        if not place:
            if who == script and name not in _ALWAYS and "::" in name:
                contents.note(f'module "{name}", which {script} uses, is not installed')
            continue
        contents.path_of(f"{place}/{relative}", f"use {name}, from {who}", "perl")
        stem = relative.removesuffix(".pm")
        library = f"auto/{stem}/{stem.rpartition('/')[2]}.so"
        libraries += [
            contents.path_of(f"{one}/{library}", f"code of {name}", "perl")
            for one in places
            if os.path.isfile(f"{one}/{library}")
        ]
        todo += [(more, f"{place}/{relative}") for more in _used(f"{place}/{relative}")]
    return libraries


def _perl_places(interpreter: str) -> "list[str]":
    command = [interpreter, "-e", r'print "$_\n" for @INC']
    try:
        done = subprocess.run(command, capture_output=True, timeout=60, check=True, env={})
    except (OSError, subprocess.SubprocessError) as error:
        raise HostError(f'"{interpreter}" does not say where its modules are: {error}') from None
    return [os.fsdecode(line) for line in done.stdout.splitlines() if line.startswith(b"/")]


def _used(path: str) -> "Iterator[str]":
    text = _END.sub(b"", _text(path))
    for found in _USE.finditer(text):
        yield found[1].decode()
    for found in _REQUIRE_FILE.finditer(text):
        yield found[1].decode()


def _text(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(_SCRIPT_BYTES)
    except OSError:
        return b""


# ---- shells -------------------------------------------------------------------------------

SHELLS = ("sh", "bash", "dash", "ash", "ksh", "mksh", "zsh")
_WORD = re.compile(r"[A-Za-z_./][\w./+-]*")
_SOURCED = re.compile(r"^\s*(?:\.|source)\s+(/[\w./+-]+)", re.MULTILINE)
# A command's name: at the start of a line or behind what ends one, after words that take one.
_COMMAND = re.compile(
    r"(?:^|[;&|(`{]|\$\()\s*"
    r"(?:(?:then|do|else|elif|if|while|until|time|exec|command|env|sudo|nice|nohup|xargs|!)\s+)*"
    r"(?:[A-Za-z_]\w*=[^\s`(]*\s+)*"
    r"([A-Za-z_./][\w./+-]*)",
    re.MULTILINE,
)
_COMMENT = re.compile(r"(?:^|(?<=\s))#.*$", re.MULTILINE)
_HEREDOC = re.compile(r"<<-?\s*(['\"]?)(\w+)\1.*?\n(.*?)^\s*\2$", re.MULTILINE | re.DOTALL)
_QUOTED = re.compile(r"'[^']*'")


def shell(script: str, search_path: str) -> "tuple[list[str], list[str]]":
    """Return what a shell script sources, and the programs that it calls.

    Args:
        script: an absolute path.
        search_path: where names are looked for.
    """
    text = _text(script).decode("utf-8", "replace")
    text = _QUOTED.sub("''", _COMMENT.sub("", _HEREDOC.sub("", text)))
    functions = set(re.findall(r"^\s*(?:function\s+)?([\w-]+)\s*\(\)", text, re.MULTILINE))
    programs = []
    for name in dict.fromkeys(_COMMAND.findall(text)):
        if name in functions:
            continue
        path = name if name.startswith("/") else _found(name, search_path)
        if path and os.path.isfile(path) and os.access(path, os.X_OK):
            programs.append(path)
    return [path for path in _SOURCED.findall(text) if os.path.isfile(path)], programs


def _found(name: str, search_path: str) -> str:
    if "/" in name:
        return ""
    for directory in search_path.split(":"):
        path = f"{directory}/{name}"
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return ""
