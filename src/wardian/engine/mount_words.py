"""Parse --volume, --mount and --tmpfs: docker's words for what is mounted where.

Docker: docker run reference, "Mounts" and "tmpfs mounts".
Kernel: mount(8), tmpfs(5).
"""

import os

from wardian import units
from wardian.errors import KernelError, NotFoundError, UnsupportedError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

PROPAGATIONS = ("private", "rprivate", "slave", "rslave", "shared", "rshared")
SELINUX = ("z", "Z")
ALIASES = {"src": "source", "dst": "target", "destination": "target", "ro": "readonly"}
TMPFS_DEFAULTS = ("noexec", "nosuid", "nodev")
OPPOSITES = {"exec": "noexec", "suid": "nosuid"}
TMPFS_WORDS = (
    *TMPFS_DEFAULTS,
    *OPPOSITES,
    *("rw", "ro", "noatime", "atime", "relatime", "strictatime", "nodiratime", "diratime"),
)
TMPFS_VALUES = ("gid", "huge", "mpol", "nr_blocks", "nr_inodes", "size", "uid")


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
        create_source: a source that is not there is made, as a directory (`make_sources`).
    """

    __slots__ = (
        "create_source",
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
        self.create_source = False


def mounts(
    volume_words: "Iterable[str]", mount_words: "Iterable[str]", tmpfs_words: "Iterable[str]"
) -> "list[Mount]":
    """Return what was asked for with --volume, --mount and --tmpfs.

    Raises:
        UsageError: a word is wrong, or two mounts have one place.
        NotFoundError: the source of a --mount is not there.
        UnsupportedError: a kind of mount that is not there yet.
    """
    made = [volume(text) for text in volume_words]
    made += [mount(text) for text in mount_words]
    made += [tmpfs(text) for text in tmpfs_words]
    taken = set()
    for one in made:
        if one.target in taken:
            raise UsageError(f'two mounts have one place in the box, "{one.target}"')
        taken.add(one.target)
    return made


def make_sources(row: "Iterable[Mount]") -> None:
    """Make the directories that --volume names and that are not there, just before the start.

    Raises:
        KernelError: one can't be made.
    """
    for one in row:
        if one.create_source and not os.path.lexists(one.source):
            try:
                os.makedirs(one.source, exist_ok=True)
            except OSError as error:
                raise KernelError(f'mkdir("{one.source}")', error.errno or 0) from None


def volume(text: str) -> Mount:
    """Parse docker's -v: SOURCE:TARGET[:OPTIONS]; a missing source is a directory to make."""
    fields = text.split(":")
    if len(fields) not in (2, 3) or not fields[0]:
        hint = "-v /data:/data:ro; for a path with a colon: --mount type=bind,..."
        raise UsageError(f'volume "{text}": not SOURCE:TARGET[:OPTIONS]', hint=hint)
    if "/" not in fields[0] and fields[0] not in (".", ".."):
        hint = f'for a directory write "./{fields[0]}"; named volumes are not there yet'
        raise UnsupportedError(f'volume "{text}": "{fields[0]}" is a name, not a path', hint=hint)
    about = f'volume "{text}"'
    made = Mount("bind", _target(fields[1], about), os.path.abspath(fields[0]))
    made.create_source = True
    for word in fields[2].split(",") if len(fields) == 3 else ():
        if word in PROPAGATIONS:
            made.propagation = _propagation(word, about)
        elif word == "ro":
            made.read_only = True
        elif word not in ("rw", *SELINUX):
            hint = f"ro, rw, {', '.join(PROPAGATIONS[:4])}"
            raise UsageError(f'{about}: unknown option "{word}"', hint=hint)
    return made


def mount(text: str) -> Mount:
    """Parse docker's --mount: type=bind,source=PATH,target=PATH[,readonly] and type=tmpfs."""
    about = f'mount "{text}"'
    values: dict[str, str] = {}
    for field in text.split(","):
        key, equals, word = field.partition("=")
        key = ALIASES.get(key, key)
        if key in values:
            raise UsageError(f'{about}: "{key}" is there twice')
        values[key] = word if equals else "true"
    kind = values.pop("type", "volume")
    if kind not in ("bind", "tmpfs"):
        hint = "type=bind or type=tmpfs; named volumes are not there yet"
        raise UnsupportedError(f'{about}: type "{kind}" is not there yet', hint=hint)
    known = ("source", "bind-propagation", "bind-recursive") if kind == "bind" else TMPFS_KEYS
    for key in values:
        if key not in (*known, "target", "readonly"):
            hint = f"type={kind} has target, readonly, {', '.join(known)}"
            raise UsageError(f'{about}: unknown key "{key}"', hint=hint)
    target = _target(values.get("target", ""), about)
    made = _bind(values, target, about) if kind == "bind" else _tmpfs(values, target, about)
    made.read_only = _flag(values.get("readonly", "false"), about)
    return made


TMPFS_KEYS = ("tmpfs-size", "tmpfs-mode")


def _bind(values: "dict[str, str]", target: str, about: str) -> Mount:
    source = values.get("source", "")
    if source == "." or source.startswith("./"):  # docker's command line takes these from here
        source = os.path.abspath(source)
    if not source.startswith("/"):
        raise UsageError(f"{about}: source must be an absolute path, or begin with ./")
    if not os.path.lexists(source):
        hint = "-v makes a directory that is not there"
        raise NotFoundError(f'{about}: "{source}" is not there', hint=hint)
    made = Mount("bind", target, os.path.normpath(source))
    if "bind-propagation" in values:
        made.propagation = _propagation(values["bind-propagation"], about)
    recursive = values.get("bind-recursive", "enabled")
    if recursive not in ("enabled", "disabled"):
        raise UsageError(f"{about}: bind-recursive is enabled or disabled")
    made.recursive = recursive == "enabled"
    return made


def _tmpfs(values: "dict[str, str]", target: str, about: str) -> Mount:
    made = Mount("tmpfs", target)
    made.options.extend(TMPFS_DEFAULTS)
    if "tmpfs-size" in values:
        made.size_bytes = units.parse_size(values["tmpfs-size"], f"{about}: tmpfs-size")
    if "tmpfs-mode" in values:
        made.mode = _mode(values["tmpfs-mode"], about)
    return made


def tmpfs(text: str) -> Mount:
    """Parse docker's --tmpfs: TARGET[:OPTIONS], with noexec,nosuid,nodev unless said otherwise."""
    about = f'tmpfs "{text}"'
    target, _colon, words = text.partition(":")
    made = Mount("tmpfs", _target(target, about))
    wanted = set(TMPFS_DEFAULTS)
    for word in words.split(",") if words else ():
        key, equals, value = word.partition("=")
        if word == "dev":
            hint = "--device is not there yet"
            raise UnsupportedError(f"{about}: device files work on no mount of a box", hint=hint)
        if key == "size" and not value.endswith("%"):
            made.size_bytes = units.parse_size(value, f"{about}: size")
        elif key == "mode":
            made.mode = _mode(value, about)
        elif word not in TMPFS_WORDS and not (equals and value and key in TMPFS_VALUES):
            hint = (
                f"{', '.join(TMPFS_WORDS)}, mode=, {', '.join(f'{one}=' for one in TMPFS_VALUES)}"
            )
            raise UsageError(f'{about}: unknown option "{word}"', hint=hint)
        elif word in OPPOSITES:
            wanted.discard(OPPOSITES[word])
        elif word in TMPFS_DEFAULTS:
            wanted.add(word)
        elif word in ("ro", "rw"):
            made.read_only = word == "ro"
        else:
            made.options.append(word)
    made.options.extend(word for word in TMPFS_DEFAULTS if word in wanted)
    return made


def _target(path: str, about: str) -> str:
    if not path.startswith("/"):
        raise UsageError(f"{about}: the place in the box must be an absolute path")
    clean = os.path.normpath("/" + path.lstrip("/"))
    if clean in ("/", "/proc"):  # a /proc of the host's would show and steer the host
        raise UsageError(f'{about}: the place in the box can\'t be "{clean}"')
    return clean


def _propagation(word: str, about: str) -> str:
    if word not in PROPAGATIONS:
        hint = f"one of {', '.join(PROPAGATIONS[:4])}"
        raise UsageError(f'{about}: unknown propagation "{word}"', hint=hint)
    if word in ("shared", "rshared"):
        hint = "rslave lets the host's later mounts show in the box"
        raise UnsupportedError(f"{about}: mounts of the box can't show on the host", hint=hint)
    return word


def _mode(text: str, about: str) -> int:
    if not text or text.strip("01234567") or len(text) > 5:
        raise UsageError(f'{about}: mode "{text}" is not octal')
    return int(text, 8) & 0o7777


def _flag(text: str, about: str) -> bool:
    if text.lower() not in ("true", "false", "1", "0"):
        raise UsageError(f'{about}: "{text}" is neither true nor false')
    return text.lower() in ("true", "1")
