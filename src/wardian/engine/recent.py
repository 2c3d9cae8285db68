"""Remember how recent runs were put together: a grader starts the same box a thousand times.

Only runs that depend on nothing but their words and their base are remembered: no mounts, no kept
layer, no file of the user's. The base is looked at each time.
"""

import os

from wardian.engine import assembly, directories
from wardian.engine.options import Options

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from wardian.engine.image_base import Progress

MAXIMUM = 64
WATCHED = ("", "/etc/passwd", "/etc/group")
# Words that name what may change from run to run.
CHANGING = (
    "device",
    "image",
    "keep",
    "from_kept",
    "volume",
    "mount",
    "env_file",
    "closure",
    "scratch",
    "security_opt",
)

_recent: "dict[tuple[object, ...], tuple[Options, assembly.Assembly, object]]" = {}


def assemble(
    command: "str | Iterable[str]",
    words: "Mapping[str, Any]",
    progress: "Progress | None" = None,
) -> "tuple[Options, assembly.Assembly]":
    """Return the checked options and the parts for them (assembly.assemble)."""
    if not isinstance(command, str):
        command = list(command)
    words = {name: _settled(word) for name, word in words.items()}
    key = (repr(command), repr(words), os.geteuid(), directories.root())
    found = _recent.get(key)
    if found is not None and found[2] == _state(found[0]):
        return found[0], found[1].again()
    options = Options.parse(command, **words)
    made = assembly.assemble(options, progress)
    if _is_lasting(words):
        if len(_recent) >= MAXIMUM:
            _recent.clear()
        _recent[key] = (options, made, _state(options))
    return options, made


def _settled(word: object) -> object:
    """Return a word that may be read twice: a list of what an iterator gives, a dict of a mapping.

    What `repr` says of an iterator is where it lies in memory; the next one may lie there too.
    """
    if isinstance(word, (str, bytes)) or not hasattr(word, "__iter__"):
        return word
    items = getattr(word, "items", None)
    return dict(items()) if items is not None else list(word)


def _is_lasting(words: "Mapping[str, Any]") -> bool:
    """Tell whether equal words will mean the same again."""
    if any(words.get(name) for name in CHANGING):
        return False
    env = words.get("env") or ()
    # A name alone takes its value from the caller's environment.
    if isinstance(env, dict):
        return None not in env.values()
    return all("=" in str(entry) for entry in ([env] if isinstance(env, str) else env))


def _state(options: Options) -> object:
    """Return what tells whether the base is still the one that it was."""
    if options.rootfs is None:
        from wardian.engine import hostbase

        return hostbase.prepare(directories.root()).parts
    return tuple(_stamp(options.rootfs + name) for name in WATCHED)


def _stamp(path: str) -> "tuple[int, ...] | None":
    try:
        state = os.lstat(path)
    except OSError:
        return None
    if path.endswith(("passwd", "group")):
        return (state.st_dev, state.st_ino, state.st_mtime_ns)
    return (state.st_dev, state.st_ino, state.st_mode)
