"""What a sandboxed program may use: docker's words in, whole numbers out (pure).

The defaults suit a program of a student or a model that computes: a few seconds, a quarter of a
gigabyte, no more files than fit into a small writable layer. Every run has all of them; 0 or None
takes none away, since a sandbox without a limit is not one.
"""

import dataclasses

from wardian import units
from wardian.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

MEBIBYTE = 1 << 20
# The least that a box can be built and a program be executed with.
LEAST_MEMORY = 2 * MEBIBYTE
LEAST_STACK = 64 << 10
MOST = (1 << 62) - 1
MOST_TASKS = 1 << 22  # linux/threads.h: PID_MAX_LIMIT
MOST_FILES = 1 << 20  # fs.nr_open's default

# Word of the command line: (field, how it is read, what it limits)
WORDS = {
    "wall": ("wall_s", "duration", "wall-clock time of the run"),
    "cpu": ("cpu_s", "duration", "processor time of all its processes together"),
    "memory": ("memory_bytes", "size", "memory of all its processes together"),
    "processes": ("processes", "count", "processes and threads at one time"),
    "open-files": ("open_files", "count", "open files of one process"),
    "output": ("output_bytes", "size", "bytes of standard output, and of standard error"),
    "file-size": ("file_bytes", "size", "size of one file"),
    "disk": ("disk_bytes", "size", "size of its writable files together"),
    "inodes": ("inodes", "count", "number of its writable files"),
    "stack": ("stack_bytes", "size", "stack of its main thread"),
    "address-space": ("address_space_bytes", "size", "addresses of one process"),
}


@dataclasses.dataclass(frozen=True, slots=True)
class Limits:
    """The limits of one run. What the program uses beyond one ends it with the limit's outcome.

    Args:
        wall_s: seconds from its first instruction to its end.
        cpu_s: processor seconds, user and system, of all its processes together.
        memory_bytes: of all its processes together, the pages of its files included.
        processes: processes and threads at one time.
        open_files: of one process.
        output_bytes: of standard output and of standard error, each.
        file_bytes: the largest file.
        disk_bytes: of all its files together.
        inodes: how many files, directories and links.
        stack_bytes: of the main thread.
        address_space_bytes: of one process; None for no such limit, which is right for runtimes
            that reserve more than they use (Java, Node, sanitizers).

    Raises:
        UsageError: a value that is no limit.
    """

    wall_s: float = 10.0
    cpu_s: float = 5.0
    memory_bytes: int = 256 * MEBIBYTE
    processes: int = 64
    open_files: int = 256
    output_bytes: int = 16 * MEBIBYTE
    file_bytes: int = 64 * MEBIBYTE
    disk_bytes: int = 64 * MEBIBYTE
    inodes: int = 4096
    stack_bytes: int = 8 * MEBIBYTE
    address_space_bytes: int | None = None

    def __post_init__(self) -> None:
        for name in ("wall_s", "cpu_s"):
            value = getattr(self, name)
            is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if not is_number or not 0 < value <= units.LONGEST_S:
                raise UsageError(f"{name} {value!r}: not a time above 0 seconds")
        for name, (least, most) in _RANGES.items():
            value = getattr(self, name)
            if value is None and name == "address_space_bytes":
                continue
            if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
                raise UsageError(f"{name} {value!r}: not a whole number from {least} to {most}")

    @classmethod
    def parse(cls, words: "Mapping[str, object] | None" = None, **more: object) -> "Limits":
        """Return the limits that words mean: memory="256m", wall="2s", processes=20.

        Args:
            words: by the names of the command line (WORDS), or by the fields' names.
            more: the same, for a call by hand.

        Raises:
            UsageError: an unknown word, or a bad value.
        """
        if words is not None and not hasattr(words, "items"):
            raise UsageError(f"limits {words!r}: not a mapping of words")
        found: dict[str, object] = {}
        for word, value in {**(words or {}), **more}.items():
            field, kind = _field(word)
            if value is not None:
                found[field] = _read(word, kind, value)
        return cls(**found)  # type: ignore[arg-type]


_RANGES = {
    "memory_bytes": (LEAST_MEMORY, MOST),
    "processes": (1, MOST_TASKS),
    "open_files": (8, MOST_FILES),
    "output_bytes": (1, MOST),
    "file_bytes": (0, MOST),
    "disk_bytes": (4096, MOST),
    "inodes": (16, MOST),
    "stack_bytes": (LEAST_STACK, MOST),
    "address_space_bytes": (LEAST_MEMORY, MOST),
}


def _field(word: str) -> tuple[str, str]:
    plain = str(word).replace("_", "-")
    if plain in WORDS:
        return WORDS[plain][:2]
    for field, kind, _about in WORDS.values():
        if field == word:
            return field, kind
    raise UsageError(f'"{word}" is no limit', hint=f"there are {', '.join(WORDS)}")


def _read(word: str, kind: str, value: object) -> "int | float":
    if kind == "duration":
        return units.parse_duration(str(value), word)
    if kind == "size":
        return units.parse_size(str(value), word)
    return units.parse_integer(value, word, 0, MOST)
