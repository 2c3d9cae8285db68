"""What a run is asked to do: docker's words in, checked values out.

`Options.parse` takes the words of the command line (with "_" for "-"), whether they come from there
or from Python, so that both mean the same and fail with the same lines.

Docker: docker run reference.
"""

import os

from wardian import units
from wardian.engine import mount_words, resource_words
from wardian.errors import NotFoundError, UnsupportedError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from wardian.engine.mount_words import Mount

HOSTNAME = "wardian"  # a constant: docker's random name would give every run another plan
STOP_TIMEOUT_S = 10.0
SHM_BYTES = 64 << 20
HOSTNAME_MAX = 64
# linux/binfmts.h: MAX_ARG_STRLEN is 32 pages; all of argv and envp fit in a quarter of the stack
# limit and 6 MiB at most (execve(2)).
STRING_BYTES_MAX = 131072
TOTAL_BYTES_MAX = 6 << 20
SIGNALS = tuple(
    """
    HUP INT QUIT ILL TRAP ABRT BUS FPE KILL USR1 SEGV USR2 PIPE ALRM TERM STKFLT CHLD CONT STOP TSTP
    TTIN TTOU URG XCPU XFSZ VTALRM PROF WINCH IO PWR SYS
    """.split()  # noqa: SIM905 - a table to read
)

Words = "Iterable[str] | None"


class Options:
    """The checked options of one run.

    Attributes:
        command: the program and its arguments.
        rootfs, scratch, closure: where the root comes from; the host base if none is given.
        env: "NAME=value" lines, the last of a name only.
        user, group_add, workdir, hostname, domainname: as docker has them.
        mounts: what was asked for with --volume, --mount and --tmpfs.
        cap_add, cap_drop: capability names as given.
        seccomp: "default", "unconfined", a path, or ("allow", names).
        rlimits: (RLIMIT_ name, soft, hard), -1 for unlimited.
        resources: the OCI `linux.resources` of the limits; empty when none was asked for.
        time_offsets: seconds by clock, "monotonic" or "boottime".
        stop_signal: its number.
    """

    __slots__ = (
        "cap_add",
        "cap_drop",
        "closure",
        "command",
        "domainname",
        "env",
        "from_kept",
        "group_add",
        "hostname",
        "init",
        "keep",
        "mounts",
        "network",
        "no_new_privileges",
        "read_only",
        "resources",
        "rlimits",
        "rootfs",
        "scratch",
        "seccomp",
        "shm_size_bytes",
        "stop_signal",
        "stop_timeout_s",
        "storage_size_bytes",
        "sysctl",
        "time_offsets",
        "timeout_s",
        "tty",
        "user",
        "workdir",
    )

    command: "list[str]"
    mounts: "list[Mount]"
    resources: "dict[str, Any]"

    @classmethod
    def parse(cls, command: "str | Iterable[str]", **words: "Any") -> "Options":
        """Check the words of a run.

        Raises:
            UsageError: a value is wrong; NotFoundError, UnsupportedError: likewise.
        """
        unknown = sorted(set(words) - KEYWORDS)
        if unknown:
            raise UsageError(f'unknown option "{unknown[0]}"', hint="see `wardian run --help`")
        made = cls()
        made.command = [command] if isinstance(command, str) else [str(word) for word in command]
        if not made.command or not made.command[0]:
            raise UsageError("no command to run", hint="wardian run -- COMMAND ...")
        made._take_root(words)
        made._take_process(words)
        made._take_names(words)
        made._take_privileges(words)
        made.mounts = [mount_words.volume(text) for text in _list(words, "volume")]
        made.mounts += [mount_words.mount(text) for text in _list(words, "mount")]
        made.mounts += [mount_words.tmpfs(text) for text in _list(words, "tmpfs")]
        made.resources = resource_words.resources(words)
        _check_strings("argument", made.command)
        _check_strings("environment", made.env)
        return made

    def _take_root(self, words: "Mapping[str, Any]") -> None:
        self.rootfs: str | None = words.get("rootfs") or None
        if self.rootfs is not None:
            self.rootfs = os.fspath(self.rootfs)
        self.scratch = bool(words.get("scratch"))
        self.closure = [os.fspath(one) for one in _list(words, "closure")]
        self.keep: str | None = words.get("keep") or None
        self.from_kept: str | None = words.get("from_kept") or None
        self.read_only = bool(words.get("read_only"))
        size = words.get("storage_size")
        self.storage_size_bytes = None if size is None else units.parse_size(size, "storage-size")
        if self.scratch and self.rootfs is not None:
            raise UsageError("--scratch and --rootfs exclude each other")
        if self.closure and not self.scratch:
            raise UsageError(
                "--closure needs --scratch", hint="the host base has all programs already"
            )
        if self.keep and self.from_kept:
            raise UsageError(
                "--keep and --from-kept exclude each other",
                hint="--from-kept goes on in the same layer and keeps it",
            )
        if self.scratch and (self.keep or self.from_kept):
            raise UsageError("--scratch has no layer that could be kept")

    def _take_process(self, words: "Mapping[str, Any]") -> None:
        self.env = environment(words.get("env"), _list(words, "env_file"))
        self.user: str | None = words.get("user") or None
        if self.user is not None:
            self.user = str(self.user)
        self.group_add = [str(one) for one in _list(words, "group_add")]
        self.workdir: str | None = words.get("workdir") or None
        if self.workdir is not None and not self.workdir.startswith("/"):
            raise UsageError(f'workdir "{self.workdir}": not an absolute path')
        self.tty = bool(words.get("tty"))
        self.init = words.get("init") is not False
        self.rlimits = [resource_words.ulimit(text) for text in _list(words, "ulimit")]
        self.stop_timeout_s = _seconds(words, "stop_timeout", STOP_TIMEOUT_S)
        self.timeout_s = _seconds(words, "timeout", None)
        self.stop_signal = signal_number(words.get("stop_signal") or 15)

    def _take_names(self, words: "Mapping[str, Any]") -> None:
        self.network: str = words.get("network") or "none"
        if self.network not in ("none", "host"):
            raise UnsupportedError(
                f'network "{self.network}" is not there yet',
                hint="--network none or --network host",
            )
        self.hostname: str = words.get("hostname") or HOSTNAME
        self.domainname: str | None = words.get("domainname") or None
        for name in (self.hostname, self.domainname or ""):
            if len(name) > HOSTNAME_MAX or any(letter in name for letter in "/\0\n "):
                raise UsageError(f'hostname "{name[:80]}": not a host name of at most 64 letters')
        self.sysctl = dict(_pair(text, "sysctl") for text in _list(words, "sysctl"))
        self.time_offsets = dict(_offset(text) for text in _list(words, "time_offset"))
        self.shm_size_bytes = units.parse_size(words.get("shm_size") or str(SHM_BYTES), "shm-size")

    def _take_privileges(self, words: "Mapping[str, Any]") -> None:
        self.cap_add = _names(words, "cap_add")
        self.cap_drop = _names(words, "cap_drop")
        self.no_new_privileges = True
        self.seccomp: str | tuple[str, tuple[str, ...]] = "default"
        for text in _list(words, "security_opt"):
            self._take_security(text)
        allowed = words.get("seccomp_allow")
        if allowed:
            names = allowed.split(",") if isinstance(allowed, str) else allowed
            self.seccomp = ("allow", tuple(name.strip() for name in names if name.strip()))

    def _take_security(self, text: str) -> None:
        key, _sign, value = text.partition("=" if "=" in text else ":")
        if key == "seccomp" and value:
            self.seccomp = value
        elif key == "no-new-privileges" and value in ("", "true", "false"):
            self.no_new_privileges = value != "false"
        elif key in ("apparmor", "label"):
            raise UnsupportedError(f'security-opt "{text}": {key} is not there yet')
        else:
            raise UsageError(
                f'security-opt "{text}": unknown',
                hint="seccomp=FILE, seccomp=unconfined or no-new-privileges[=false]",
            )


KEYWORDS = frozenset(
    """
    cap_add cap_drop closure domainname env env_file from_kept group_add hostname init keep mount
    network read_only rootfs scratch seccomp_allow security_opt shm_size stop_signal stop_timeout
    storage_size sysctl time_offset timeout tmpfs tty ulimit user volume workdir
    """.split()  # noqa: SIM905 - a table to read
) | frozenset(resource_words.KEYWORDS)


def environment(
    given: "Mapping[str, str] | Iterable[str] | None", files: "Iterable[str]"
) -> "list[str]":
    """Return "NAME=value" lines by docker's rules.

    The last of a name counts; a name alone takes the caller's value, or is left out where there is
    none.
    """
    entries: list[str] = []
    for path in files:
        entries.extend(_environment_file(path))
    if given is not None:
        as_list = getattr(given, "items", None)
        entries.extend(f"{key}={value}" for key, value in as_list()) if as_list else entries.extend(
            given
        )
    found: dict[str, str] = {}
    for entry in entries:
        name, equals, value = entry.partition("=")
        if not name:
            raise UsageError(f'env "{entry[:80]}": no name', hint="-e NAME=value")
        found.pop(name, None)
        if equals:
            found[name] = value
        elif name in os.environ:
            found[name] = os.environ[name]
    return [f"{name}={value}" for name, value in found.items()]


def _environment_file(path: str) -> "list[str]":
    try:
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines()
    except OSError as error:
        why = os.strerror(error.errno or 0).lower()
        raise NotFoundError(f'env-file "{path}": {why}') from None
    return [line.lstrip() for line in lines if line.strip() and not line.lstrip().startswith("#")]


def signal_number(word: "str | int") -> int:
    """Return the number of "TERM", "SIGTERM" or 15."""
    text = str(word).upper().removeprefix("SIG")
    if text.isdecimal() and 1 <= int(text) <= 64:
        return int(text)
    if text in SIGNALS:
        return SIGNALS.index(text) + 1
    raise UsageError(
        f'signal "{word}": unknown', hint="a name as SIGTERM, or a number from 1 to 64"
    )


def _check_strings(what: str, strings: "list[str]") -> None:
    """Refuse what execve(2) would refuse, and say which string it is."""
    total = 0
    for text in strings:
        size = len(text.encode("utf-8", "surrogateescape")) + 1
        total += size + 8
        name = text.partition("=")[0][:40] if what == "environment" else text[:40]
        if "\0" in text:
            raise UsageError(f'{what} "{name}" holds a NUL byte')
        if size > STRING_BYTES_MAX:
            raise UsageError(
                f'{what} "{name}" has {size} bytes: the most is {STRING_BYTES_MAX} in one string',
                hint="pass large data in a file or on standard input",
            )
    if total > TOTAL_BYTES_MAX:
        raise UsageError(
            f"{what}: {total} bytes in all: the kernel takes {TOTAL_BYTES_MAX}",
            hint="pass large data in a file or on standard input",
        )


def _list(words: "Mapping[str, Any]", name: str) -> "list[Any]":
    value = words.get(name)
    if value is None:
        return []
    return [value] if isinstance(value, str) else list(value)


def _names(words: "Mapping[str, Any]", name: str) -> "list[str]":
    return [part for word in _list(words, name) for part in str(word).split(",") if part]


def _seconds(words: "Mapping[str, Any]", name: str, default: "Any") -> "Any":
    value = words.get(name)
    return default if value is None else units.parse_duration(str(value), name.replace("_", "-"))


def _pair(text: str, what: str) -> "tuple[str, str]":
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise UsageError(f'{what} "{text}": not NAME=VALUE')
    return key, value


def _offset(text: str) -> "tuple[str, int]":
    clock, value = _pair(text, "time-offset")
    if clock not in ("monotonic", "boottime") or not value.lstrip("-").isdecimal():
        hint = "boottime=SECONDS or monotonic=SECONDS"
        raise UsageError(f'time-offset "{text}": unknown', hint=hint)
    return clock, int(value)
