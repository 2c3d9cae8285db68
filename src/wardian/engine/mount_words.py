"""Parse --volume, --mount and --tmpfs: docker's words for what is mounted where.

Docker: docker run reference, "Mounts" and "tmpfs mounts".
"""

import os

from wardian import units
from wardian.errors import NotFoundError, UnsupportedError, UsageError

PROPAGATIONS = ("private", "rprivate", "slave", "rslave", "shared", "rshared")
SELINUX = ("z", "Z")
TMPFS_DEFAULTS = ("noexec", "nosuid", "nodev")


class Mount:
    """One mount that was asked for.

    Attributes:
        type: "bind" or "tmpfs".
        source: absolute path on the host; "" for a tmpfs.
        target: absolute path in the box.
        read_only, recursive: as docker has them.
        propagation: "" or one of mount(8)'s words.
        options: further words for the kernel.
        size_bytes, mode: of a tmpfs; 0 and None for the defaults.
    """

    __slots__ = (
        "mode",
        "options",
        "propagation",
        "read_only",
        "recursive",
        "size_bytes",
        "source",
        "target",
        "type",
    )

    def __init__(self, kind: str, target: str, source: str = "") -> None:
        self.type = kind
        self.source = source
        self.target = target
        self.read_only = False
        self.recursive = True
        self.propagation = ""
        self.options: list[str] = []
        self.size_bytes = 0
        self.mode: int | None = None


def volume(text: str) -> Mount:
    """Parse docker's -v: SOURCE:TARGET[:OPTIONS]; a missing source directory is made."""
    fields = text.split(":")
    if len(fields) not in (2, 3) or not fields[0]:
        raise UsageError(f'volume "{text}": not SOURCE:TARGET[:OPTIONS]', hint="-v /data:/data:ro")
    if "/" not in fields[0] and fields[0] not in (".", ".."):
        hint = f'for a directory write "./{fields[0]}"; named volumes are not there yet'
        raise UnsupportedError(f'volume "{text}": "{fields[0]}" is a name, not a path', hint=hint)
    mount = Mount("bind", _target(fields[1], text), os.path.abspath(fields[0]))
    for word in fields[2].split(",") if len(fields) == 3 else ():
        if word in PROPAGATIONS:
            mount.propagation = word
        elif word == "ro":
            mount.read_only = True
        elif word not in ("rw", *SELINUX, ""):
            raise UsageError(f'volume "{text}": unknown option "{word}"', hint="ro, rw, rslave ...")
    if not os.path.lexists(mount.source):
        _make_directory(mount.source, text)
    return mount


def _make_directory(path: str, text: str) -> None:
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        why = os.strerror(error.errno or 0).lower()
        raise NotFoundError(f'volume "{text}": making "{path}": {why}') from None


def mount(text: str) -> Mount:
    """Parse docker's --mount: type=bind,source=PATH,target=PATH[,readonly] and type=tmpfs."""
    values: dict[str, str] = {}
    for field in text.split(","):
        key, equals, value = field.partition("=")
        values[ALIASES.get(key, key)] = value if equals else "true"
    kind = values.pop("type", "volume")
    target = _target(values.pop("target", ""), text)
    if kind == "bind":
        made = _bind(values, target, text)
    elif kind == "tmpfs":
        made = Mount("tmpfs", target)
        made.options.extend(TMPFS_DEFAULTS)
        made.size_bytes = units.parse_size(values.pop("tmpfs-size", "0"), "tmpfs-size")
        made.mode = _mode(values.pop("tmpfs-mode", ""), text)
    else:
        hint = "type=bind or type=tmpfs; named volumes are not there yet"
        raise UnsupportedError(f'mount "{text}": type "{kind}"', hint=hint)
    made.read_only = _flag(values.pop("readonly", "false"), text)
    if values:
        raise UsageError(f'mount "{text}": unknown key "{next(iter(values))}"')
    return made


ALIASES = {"src": "source", "dst": "target", "destination": "target", "ro": "readonly"}


def _bind(values: "dict[str, str]", target: str, text: str) -> Mount:
    source = values.pop("source", "")
    if not source.startswith("/"):
        raise UsageError(f'mount "{text}": source must be an absolute path')
    if not os.path.lexists(source):
        raise NotFoundError(f'mount "{text}": bind source path does not exist: "{source}"')
    made = Mount("bind", target, os.path.normpath(source))
    made.propagation = values.pop("bind-propagation", "")
    if made.propagation and made.propagation not in PROPAGATIONS:
        raise UsageError(f'mount "{text}": unknown propagation "{made.propagation}"')
    recursive = values.pop("bind-recursive", "enabled")
    if recursive not in ("enabled", "disabled"):
        raise UsageError(f'mount "{text}": bind-recursive is enabled or disabled')
    made.recursive = recursive == "enabled"
    return made


def tmpfs(text: str) -> Mount:
    """Parse docker's --tmpfs: TARGET[:OPTIONS], with noexec,nosuid,nodev unless said otherwise."""
    target, _colon, words = text.partition(":")
    made = Mount("tmpfs", _target(target, text))
    asked = [word for word in words.split(",") if word]
    opposite = {"exec": "noexec", "suid": "nosuid", "dev": "nodev"}
    kept = [word for word in TMPFS_DEFAULTS if word not in {opposite.get(word) for word in asked}]
    for word in asked:
        key, _equals, value = word.partition("=")
        if key == "size":
            made.size_bytes = 0 if value.endswith("%") else units.parse_size(value, "tmpfs size")
            made.options.extend([word] if value.endswith("%") else [])
        elif key == "mode":
            made.mode = _mode(value, text)
        elif word == "ro":
            made.read_only = True
        elif word not in kept and word not in opposite and word != "rw":
            made.options.append(word)
    made.options.extend(kept)
    return made


def _target(path: str, text: str) -> str:
    if not path.startswith("/"):
        raise UsageError(f'mount "{text}": the place in the box must be an absolute path')
    clean = os.path.normpath("/" + path.lstrip("/"))
    if clean == "/":
        raise UsageError(f'mount "{text}": the place in the box can\'t be "/"')
    return clean


def _mode(text: str, about: str) -> int | None:
    if not text:
        return None
    try:
        return int(text, 8) & 0o7777
    except ValueError:
        raise UsageError(f'mount "{about}": mode "{text}" is not octal') from None


def _flag(text: str, about: str) -> bool:
    if text.lower() not in ("true", "false", "1", "0"):
        raise UsageError(f'mount "{about}": "{text}" is neither true nor false')
    return text.lower() in ("true", "1")
