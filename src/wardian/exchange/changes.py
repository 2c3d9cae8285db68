"""Apply Dockerfile instructions to an image's config: what `import --change` takes.

    CMD ENTRYPOINT ENV EXPOSE LABEL STOPSIGNAL USER VOLUME WORKDIR

Source: docker, "docker import", --change; image-spec, config.md.
"""

import json
import shlex

from wardian.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wardian.registry.documents import RunConfig


def apply(run: "RunConfig", edits: "Sequence[str]") -> "RunConfig":
    """Return a config with the instructions carried out in their order.

    Raises:
        UsageError: one is none.
    """
    found: RunConfig = {**run}
    for edit in edits:
        word, _blank, rest = edit.strip().partition(" ")
        change = _CHANGES.get(word.upper())
        if change is None:
            raise UsageError(
                f'change "{edit[:200]}": not an instruction', hint=f"one of {', '.join(_CHANGES)}"
            )
        try:
            change(found, rest.strip())
        except ValueError as error:
            raise UsageError(f'change "{edit[:200]}": {error}') from None
    return found


def _words(text: str) -> "list[str]":
    """Return the exec form as it is, and the shell form as a command of /bin/sh."""
    if text.startswith("["):
        found = json.loads(text)
        if not all(isinstance(word, str) for word in found):
            raise ValueError("must be an array of strings")
        return list(found)
    return ["/bin/sh", "-c", text] if text else []


def _pairs(text: str) -> "list[tuple[str, str]]":
    """Return NAME=value ..., or the old form NAME value."""
    words = shlex.split(text)
    if words and "=" not in words[0]:
        return [(words[0], text.partition(" ")[2].strip())]
    rows = [word.partition("=") for word in words]
    if not rows or not all(name and equals for name, equals, _value in rows):
        raise ValueError("must be NAME=value")
    return [(name, value) for name, _equals, value in rows]


def _cmd(run: "RunConfig", text: str) -> None:
    run["Cmd"] = _words(text)


def _entrypoint(run: "RunConfig", text: str) -> None:
    run["Entrypoint"] = _words(text)
    run.pop("Cmd", None)


def _env(run: "RunConfig", text: str) -> None:
    rows = list(run.get("Env") or [])
    for name, value in _pairs(text):
        rows = [row for row in rows if row.partition("=")[0] != name]
        rows.append(f"{name}={value}")
    run["Env"] = rows


def _expose(run: "RunConfig", text: str) -> None:
    ports = dict(run.get("ExposedPorts") or {})
    for word in text.split():
        number, _slash, protocol = word.partition("/")
        if not (number.isascii() and number.isdecimal() and 0 < int(number[:6]) < 65536):
            raise ValueError(f'"{word}" is not a port')
        ports[f"{number}/{protocol or 'tcp'}"] = {}
    run["ExposedPorts"] = ports


def _label(run: "RunConfig", text: str) -> None:
    run["Labels"] = {**(run.get("Labels") or {}), **dict(_pairs(text))}


def _stopsignal(run: "RunConfig", text: str) -> None:
    run["StopSignal"] = _required(text)


def _user(run: "RunConfig", text: str) -> None:
    run["User"] = _required(text)


def _volume(run: "RunConfig", text: str) -> None:
    names = _words(text) if text.startswith("[") else text.split()
    run["Volumes"] = {**(run.get("Volumes") or {}), **{name: {} for name in names}}


def _workdir(run: "RunConfig", text: str) -> None:
    import posixpath

    run["WorkingDir"] = posixpath.join(run.get("WorkingDir") or "/", _required(text))


def _required(text: str) -> str:
    if not text:
        raise ValueError("a value is needed")
    return text


_CHANGES: "dict[str, Callable[[RunConfig, str], None]]" = {
    "CMD": _cmd,
    "ENTRYPOINT": _entrypoint,
    "ENV": _env,
    "EXPOSE": _expose,
    "LABEL": _label,
    "STOPSIGNAL": _stopsignal,
    "USER": _user,
    "VOLUME": _volume,
    "WORKDIR": _workdir,
}
