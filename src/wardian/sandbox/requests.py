"""What a caller asks of a run, checked before a box is taken for it.

A wrong argument is an error with its name, and costs no box.

Kernel: execve(2); environ(7).
"""

import os
from collections.abc import Iterable, Mapping

from wardian.errors import UsageError
from wardian.sandbox import workdir
from wardian.sandbox.box import Request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from wardian.sandbox.limits import Limits

BYTES = (bytes, bytearray, memoryview)
PATHS = (str, os.PathLike)
TIGHTENED = ("wall_s", "cpu_s", "output_bytes")


def checked(argv: "Any", *, stdin: "Any", files: "Any", env: "Any", outputs: "Any") -> Request:
    """Return a request.

    Args:
        argv: the program, as Sandbox.run takes it.
        stdin: as it takes it.
        files: as it takes them.
        env: as it takes it.
        outputs: as it takes them.

    Raises:
        UsageError: one of them is wrong.
    """
    return Request(
        _words(argv),
        stdin=_stdin(stdin),
        files=_files(files),
        environment=_environment(env),
        outputs=_outputs(outputs),
    )


def _words(argv: "Any") -> list[str]:
    if not isinstance(argv, Iterable) or isinstance(argv, BYTES):
        raise UsageError(f"program {_shown(argv)}: not a list of words")
    words = [argv] if isinstance(argv, str) else [_text(word, "a word") for word in argv]
    if not words or not words[0]:
        raise UsageError("no command to run")
    for word in words:
        _check_encoded(word, "the program's arguments")
    return words


def _text(given: "Any", what: str) -> str:
    found = os.fspath(given) if isinstance(given, os.PathLike) else given
    if not isinstance(found, str):
        raise UsageError(f"{what} {_shown(given)}: not a text")
    return found


def _check_encoded(text: str, where: str) -> None:
    if "\0" in text:
        raise UsageError(f"a NUL in {where}")
    if not text.isascii():
        try:
            os.fsencode(text)
        except UnicodeEncodeError as error:
            raise UsageError(f"{_shown(text)} in {where}: {error.reason}") from None


def _stdin(given: "Any") -> "bytes | str | os.PathLike[str] | int":
    if given is None or isinstance(given, BYTES):
        return bytes(given or b"")
    if isinstance(given, int) and not isinstance(given, bool):
        try:
            os.fstat(given)
        except (OSError, OverflowError):
            raise UsageError(f"stdin {given}: no open descriptor") from None
        return given
    if isinstance(given, PATHS):
        return given
    raise UsageError(f"stdin {_shown(given)}: not bytes, the path of a file, or a descriptor")


def _files(given: "Any") -> "dict[str, Any]":
    found = {}
    for name, content in _mapping(given, "files").items():
        if not isinstance(content, (*BYTES, *PATHS)):
            raise UsageError(f"file {_shown(name)}: {_shown(content)} is neither bytes nor a path")
        found[workdir.check_name(_text(name, "file"))] = content
    return found


def _environment(given: "Any") -> dict[str, str]:
    found = {}
    for name, value in _mapping(given, "env").items():
        if not _text(name, "variable") or "=" in name:
            raise UsageError(f"variable {_shown(name)}: not the name of one")
        if not isinstance(value, str):
            raise UsageError(f"variable {_shown(name)}: {_shown(value)} is not a text")
        _check_encoded(f"{name}={value}", "the environment")
        found[name] = value
    return found


def _mapping(given: "Any", what: str) -> "Mapping[Any, Any]":
    if given is None:
        return {}
    if not isinstance(given, Mapping):
        raise UsageError(f"{what} {_shown(given)}: not a mapping")
    return given


def _outputs(given: "Any") -> tuple[str, ...]:
    if given is None:
        return ()
    if isinstance(given, PATHS):
        return (_text(given, "output"),)
    if not isinstance(given, Iterable) or isinstance(given, BYTES):
        raise UsageError(f"outputs {_shown(given)}: not a list of names")
    return tuple(_text(name, "output") for name in given)


def bounds(given: "Mapping[str, float]", limits: "Limits") -> "dict[str, Any]":
    """Return which limits are tighter for one run.

    Args:
        given: wall_s, cpu_s, output_bytes.
        limits: of all runs; what is larger than these is without effect.

    Raises:
        UsageError: another one, which can't be held for a single run.
    """
    found = {}
    for name, value in given.items():
        if name not in TIGHTENED:
            raise UsageError(f"bound {_shown(name)}: not {', '.join(TIGHTENED)}")
        usual = getattr(limits, name)
        is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
        found[name] = min(value, usual) if is_number else value  # Limits refuses what is none
    return found


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
