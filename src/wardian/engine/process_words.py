"""Parse what concerns the program itself: environment, strings, signals, clocks, kernel settings.

Facts about execve's limits
---------------------------
One argument or variable has at most 32 pages (MAX_ARG_STRLEN, with the final NUL). All of them, and
a pointer to each, fit in a quarter of the stack's soft limit, which counts as 24 MiB at most and as
512 KiB at least. execve answers E2BIG and does not say which string it was.

Docker: docker run reference, "Environment variables".
Kernel: execve(2), namespaces(7).
"""

import os

from wardian import units
from wardian.errors import NotFoundError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

STRING_BYTES_MAX = 131072
TOTAL_BYTES_MAX = 6 << 20
TOTAL_BYTES_MIN = 128 << 10
POINTER_BYTES = 8
FILE_BYTES_MAX = 16 << 20
SIGNALS = (
    "HUP",
    "INT",
    "QUIT",
    "ILL",
    "TRAP",
    "ABRT",
    "BUS",
    "FPE",
    "KILL",
    "USR1",
    "SEGV",
    "USR2",
    "PIPE",
    "ALRM",
    "TERM",
    "STKFLT",
    "CHLD",
    "CONT",
    "STOP",
    "TSTP",
    "TTIN",
    "TTOU",
    "URG",
    "XCPU",
    "XFSZ",
    "VTALRM",
    "PROF",
    "WINCH",
    "IO",
    "PWR",
    "SYS",
)
# glibc's, who keeps two for itself; systemd is asked to end with SIGRTMIN+3
REAL_TIME = (("RTMIN", "+", 34), ("RTMAX", "-", 64))
OFFSETS = frozenset(map(str, range(31)))
SMALLER = "pass large data in a file or on standard input"
# What belongs to a namespace that every box has of its own (ipc), or has with --network none. Any
# other setting is the whole machine's.
IPC_SETTINGS = (
    "kernel.msgmax",
    "kernel.msgmnb",
    "kernel.msgmni",
    "kernel.sem",
    "kernel.shm_rmid_forced",
    "kernel.shmall",
    "kernel.shmmax",
    "kernel.shmmni",
)
OTHER_WORDS = {"kernel.hostname": "--hostname", "kernel.domainname": "--domainname"}
_SETTING_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")


def environment(
    given: "Mapping[str, object] | Iterable[str] | str | None", files: "Iterable[str]"
) -> "list[str]":
    """Return "NAME=value" lines by docker's rules.

    The last of a name counts; a name alone (in a mapping: None) takes the caller's value, or is
    left out where there is none.

    Raises:
        UsageError: there is no name.
        NotFoundError: there is no such file.
    """
    entries = [line for path in files for line in _environment_file(path)]
    items = getattr(given, "items", None)
    if isinstance(given, str):
        entries.append(given)
    elif items is not None:
        entries += [name if text is None else f"{name}={text}" for name, text in items()]
    elif given is not None:
        entries += given
    found: dict[str, str] = {}
    for entry in entries:
        name, equals, text = entry.partition("=")
        if not name:
            raise UsageError(f'env "{entry[:80]}": no name', hint="-e NAME=value")
        found.pop(name, None)
        if equals:
            found[name] = text
        elif name in os.environ:
            found[name] = os.environ[name]
    return [f"{name}={text}" for name, text in found.items()]


def _environment_file(path: str) -> "list[str]":
    try:
        with open(path, "rb") as file:
            data = file.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        why = os.strerror(error.errno or 0).lower()
        raise NotFoundError(f'env-file "{path}": {why}') from None
    if len(data) > FILE_BYTES_MAX:
        raise UsageError(f'env-file "{path}" has more than {FILE_BYTES_MAX} bytes', hint=SMALLER)
    lines = []
    text = data.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogateescape")
    for number, line in enumerate(text.split("\n"), 1):
        entry = line.lstrip(" \t").removesuffix("\r")
        if not entry or entry.startswith("#"):
            continue
        name = entry.partition("=")[0]
        if not name or name != name.strip() or " " in name:
            raise UsageError(f'env-file "{path}", line {number}: "{name[:80]}" is not a name')
        lines.append(entry)
    return lines


def check_size(command: "list[str]", env: "list[str]") -> None:
    """Refuse what execve(2) would refuse, and say which string it is.

    Raises:
        UsageError: a string is too long or holds a NUL byte, or they are too many.
    """
    total = 0
    largest, largest_bytes = "", 0
    for index, text in enumerate((*command, *env)):
        size = len(text.encode("utf-8", "surrogateescape")) + 1
        total += size + POINTER_BYTES
        if size < 64 and "\0" not in text:
            continue
        name = f'argument "{text[:40]}"'
        if index >= len(command):
            name = f'variable "{text.partition("=")[0][:40]}"'
        if "\0" in text:
            raise UsageError(f"{name} holds a NUL byte")
        if size > STRING_BYTES_MAX:
            message = f"{name} has {size} bytes: the kernel takes {STRING_BYTES_MAX} in one string"
            raise UsageError(message, hint=SMALLER)
        if size > largest_bytes:
            largest, largest_bytes = name, size
    if total > TOTAL_BYTES_MIN:
        most = _total_bytes_max()
        if total > most:
            raise UsageError(
                f"{len(command) + len(env)} arguments and variables have {total} bytes in all,"
                f" the largest is {largest or 'small'}: the kernel takes {most}",
                hint=SMALLER,
            )


def _total_bytes_max() -> int:
    """Return what execve takes in all under our stack limit, which the program inherits."""
    import resource

    soft = resource.getrlimit(resource.RLIMIT_STACK)[0]
    if soft == resource.RLIM_INFINITY:
        return TOTAL_BYTES_MAX
    return max(min(soft // 4, TOTAL_BYTES_MAX), TOTAL_BYTES_MIN)


def check_word(name: str, word: object) -> None:
    """Refuse an empty value, more often an unset variable than a wish, and a NUL byte in one.

    Args:
        name: the option's keyword.
        word: its value, or a list or mapping of values.

    Raises:
        UsageError: there is one.
    """
    if isinstance(word, (list, tuple)):
        for one in word:
            check_word(name, one)
    elif isinstance(word, dict):
        check_word(name, list(word))
        _refuse_nul(name, "".join(str(one) for one in word.values()))
    elif isinstance(word, str):
        if not word and name != "entrypoint":  # docker's word for: not the image's
            raise UsageError(f"{name.replace('_', '-')}: the value is empty")
        _refuse_nul(name, word)


def _refuse_nul(name: str, word: str) -> None:
    if "\0" in word:  # ends a string for the kernel
        raise UsageError(f"{name.replace('_', '-')}: the value holds a NUL byte")


def signal_number(word: "str | int") -> int:
    """Return the number of "TERM", "SIGTERM" or 15.

    Raises:
        UsageError: there is no such signal.
    """
    text = str(word).upper().removeprefix("SIG")
    if text in SIGNALS:
        return SIGNALS.index(text) + 1
    for name, sign, number in REAL_TIME:
        start, found, digits = text.partition(sign)
        if start == name and (found, digits) == ("", ""):
            return number
        if start == name and digits in OFFSETS:
            return number + int(found + digits)
    if text.isascii() and text.isdecimal():
        return units.parse_integer(text, "stop-signal", 1, 64)
    hint = "a name as SIGTERM, or a number from 1 to 64"
    raise UsageError(f'stop-signal "{word}": no such signal', hint=hint)


def sysctl(text: str, *, own_network: bool) -> "tuple[str, str]":
    """Return name and value of a kernel setting that is the box's own.

    Args:
        text: NAME=VALUE.
        own_network: the box has a network namespace of its own.

    Raises:
        UsageError: it is none, or one of the whole machine.
    """
    name, equals, setting = text.partition("=")
    if "." not in name:
        name = name.replace("/", ".")
    if not equals or not _SETTING_LETTERS.issuperset(name) or "" in name.split("."):
        raise UsageError(
            f'sysctl "{text}": not NAME=VALUE', hint="--sysctl net.core.somaxconn=1024"
        )
    if name in OTHER_WORDS:
        raise UsageError(f'sysctl "{name}" has an option of its own', hint=OTHER_WORDS[name])
    if name.startswith("net.") and not own_network:
        hint = "--network none gives the box one of its own"
        raise UsageError(f'sysctl "{name}": with --network host it is the host\'s', hint=hint)
    if name not in IPC_SETTINGS and not name.startswith(("net.", "fs.mqueue.")):
        hint = f"a box has net.*, fs.mqueue.*, {', '.join(IPC_SETTINGS)}"
        raise UsageError(f'sysctl "{name}" is a setting of the whole machine', hint=hint)
    return name, setting


def time_offset(text: str) -> "tuple[str, int]":
    """Return clock and seconds of "boottime=3600".

    Raises:
        UsageError: it is none.
    """
    clock, _equals, seconds = text.partition("=")
    if clock not in ("monotonic", "boottime"):
        hint = "boottime=SECONDS or monotonic=SECONDS"
        raise UsageError(f'time-offset "{text}": no such clock', hint=hint)
    return clock, units.parse_integer(seconds, f'time-offset "{text}":', -(1 << 33), 1 << 33)


# linux/personality.h
UNAME26 = 0x0020000
ADDR_NO_RANDOMIZE = 0x0040000

# The words of --personality.
PERSONALITIES = {"linux": 0, "uname26": UNAME26, "no-aslr": ADDR_NO_RANDOMIZE}


def umask(text: str) -> int:
    """Return the number of an octal "022".

    Raises:
        UsageError: it is none.
    """
    if len(text) > 4 or not text or not set(text) <= set("01234567") or int(text, 8) > 0o777:
        raise UsageError(f'umask "{text}": not an octal number', hint="--umask 022")
    return int(text, 8)


def personality(names: "list[str]") -> int:
    """Return the number for names of PERSONALITIES; "linux" is none of the others.

    Raises:
        UsageError: there is no such name.
    """
    value = 0
    for name in names:
        if name not in PERSONALITIES:
            hint = ", ".join(PERSONALITIES)
            raise UsageError(f'personality "{name}": there is no such', hint=hint)
        value |= PERSONALITIES[name]
    return value


def affinity(text: str) -> str:
    """Return a list of processors as "0-3,8", checked.

    Raises:
        UsageError: it is none, or this process may use none of them.
    """
    if not text:
        return ""
    from wardian.kernel.cgroups import parse_cpulist

    try:
        wanted = set(parse_cpulist(text))
    except ValueError as error:
        raise UsageError(f'affinity "{text}": {error}', hint="--affinity 0-3,8") from None
    there = os.cpu_count() or 1
    if not wanted or min(wanted) >= there:
        hint = f"this machine has processors 0-{there - 1}"
        raise UsageError(f'affinity "{text}": no such processor', hint=hint)
    return text
