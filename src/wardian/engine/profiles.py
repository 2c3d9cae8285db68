"""Default capabilities, seccomp rules, masked paths: docker's defaults, and the filter cache.

A filter's key says which profile in which state, for which capabilities, machine and kernel.

Kernel: seccomp(2), proc(5), sysfs(5).
"""

import os

from wardian.errors import NotFoundError, SpecError, UnsupportedError, UsageError
from wardian.runtime import filter_cache
from wardian.runtime.filter_cache import SeccompFilter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

# Root in a box: what ordinary images need to install packages and change users.
DEFAULT_CAPABILITIES = (
    "CAP_AUDIT_WRITE",
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_MKNOD",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_RAW",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
)

# What tells about the host, or lets it be watched from aside: interrupts and the power meter leak
# keystrokes and keys (GHSA-6fw5-f8r9-fgfm, GHSA-jq35-85cj-fj4p).
MASKED_PATHS = (
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
)

# What would let the box steer the host.
READONLY_PATHS = (
    "/proc/bus",
    "/proc/fs",
    "/proc/irq",
    "/proc/sys",
    "/proc/sysrq-trigger",
)

_CPUS = "/sys/devices/system/cpu"
_HERE = os.path.dirname(__file__)
DEFAULT_PROFILE = f"{_HERE}/seccomp_default.json"
# Bits of the capabilities that the default profile's conditions name; a test compares. Others
# make no difference, so they are left out of the key.
_DEFAULT_CONDITIONS = 0xC4_06FF_0004

_LARGEST_PROFILE = 1 << 20
_MOST_REMEMBERED = 64

# linux/seccomp.h, by its C name
_NEW_LISTENER = 0x8  # SECCOMP_FILTER_FLAG_NEW_LISTENER

# State of the files that this process has loaded.
_remembered: "dict[tuple[str, str], SeccompFilter]" = {}


def masked_paths() -> tuple[str, ...]:
    """Give MASKED_PATHS and, as docker does, each processor's throttle counters, if it has any."""
    if not os.path.exists(f"{_CPUS}/cpu0/thermal_throttle"):
        return MASKED_PATHS
    cpus = sorted(
        int(name[3:])
        for name in os.listdir(_CPUS)
        if name.startswith("cpu") and name[3:].isdecimal()
    )
    return (*MASKED_PATHS, *(f"{_CPUS}/cpu{cpu}/thermal_throttle" for cpu in cpus))


def seccomp_filter(
    source: "str | tuple[str, Sequence[str]]",
    *,
    caps: int,
    cache_dir: str,
    supervised: bool = False,
) -> SeccompFilter | None:
    """Give the compiled filter of a profile, from the cache where it is known.

    Args:
        source: "default", "unconfined" (gives None), the path of a profile in docker's JSON format,
            or ("allow", names of system calls).
        caps: mask of the capabilities in the box's bounding set.
        cache_dir: where filters are kept; made if missing, with mode 0700.
        supervised: somebody answers calls that the filter hands over.

    Raises:
        NotFoundError: there is no such profile.
        SpecError: the profile is wrong.
        UsageError: a name in the list is no system call.
        UnsupportedError: libseccomp is missing or too old, or the profile needs a supervisor.
    """
    if source == "unconfined":
        return None
    kind, caps, stamp = _identify(source, caps)
    uname = os.uname()
    slot = f"{kind} {caps:x} {uname.machine}"
    version = ".".join(map(str, _version(uname.release)))
    key = f"{slot} {version} {stamp}"
    found = _remembered.get((cache_dir, key))
    if found is None:
        found = filter_cache.load(cache_dir, slot, key)
        if found is None:
            found = _compile(source, caps, uname)
            # A profile that changed while it was read is not known to be what the key says.
            if _identify(source, caps)[2] == stamp:
                filter_cache.store(cache_dir, slot, key, found)
        if len(_remembered) >= _MOST_REMEMBERED:
            _remembered.clear()
        _remembered[cache_dir, key] = found
    if found.flags & _NEW_LISTENER and not supervised:
        raise UnsupportedError(
            f'seccomp profile "{source}": SCMP_ACT_NOTIFY needs a supervisor, and there is none',
            feature="seccomp-notify",
            hint="use SCMP_ACT_ERRNO or SCMP_ACT_LOG",
        )
    return found


def _identify(source: "str | tuple[str, Sequence[str]]", caps: int) -> tuple[str, int, str]:
    """Give what names a source, the capabilities that matter, and the state it is in."""
    if not isinstance(source, str):
        return "allow " + ",".join(sorted(set(source[1]))), 0, ""
    if source == "default":
        return "default", caps & _DEFAULT_CONDITIONS, _stamp(DEFAULT_PROFILE)
    stamp = _stamp(source)
    return "file " + stamp.partition("/")[0], caps, stamp


def _stamp(path: str) -> str:
    """Name a file's identity and state; ctime changes with every change of its content."""
    try:
        return filter_cache.stamp(path)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None


def _version(release: str) -> tuple[int, int]:
    """Read version and major revision of a kernel, (6, 1) of "6.1-rc3" or "6.1.99-amd64"."""
    version, _, rest = release.partition(".")
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    return int(version), int(digits or 0)


def _compile(
    source: "str | tuple[str, Sequence[str]]", caps: int, uname: os.uname_result
) -> SeccompFilter:
    """Resolve and compile a profile; everything heavy is imported here."""
    from wardian.kernel import seccomp

    if not isinstance(source, str):
        document = seccomp.allow_list(source[1], uname.machine)
        return _compiled(document)
    path = DEFAULT_PROFILE if source == "default" else source
    profile = _read(path)
    try:
        document = seccomp.resolve(
            profile, caps=caps, arch=uname.machine, kernel=_version(uname.release)
        )
        return _compiled(document)
    except SpecError as error:
        named = SpecError(f'seccomp profile "{path}", {error}', hint=error.hint)
        named.where = error.where
        raise named from None


def _compiled(document: "Mapping[str, Any]") -> SeccompFilter:
    from wardian.kernel import seccomp

    return SeccompFilter(
        seccomp.digest(document), seccomp.assemble(document), seccomp.flags(document)
    )


def _read(path: str) -> object:
    """Read a profile that somebody else wrote: bounded, and no device or pipe that blocks."""
    import json

    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
        with open(descriptor, "rb") as file:
            content = file.read(_LARGEST_PROFILE + 1)
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from None
    if len(content or b"") > _LARGEST_PROFILE:
        raise SpecError(f'seccomp profile "{path}" is larger than {_LARGEST_PROFILE} bytes')
    try:
        return json.loads(content or b"")
    except (ValueError, RecursionError) as error:
        raise SpecError(
            f'seccomp profile "{path}" is no JSON: {error}',
            hint="give a profile in docker's JSON format",
        ) from None


def _unreadable(path: str, error: Exception) -> NotFoundError | UsageError:
    reason = os.strerror(error.errno or 0) if isinstance(error, OSError) else str(error)
    text = f'reading seccomp profile "{path}": {reason.lower()}'
    hint = "give default, unconfined, or the path of a profile"
    if isinstance(error, FileNotFoundError):
        return NotFoundError(text, hint=hint)
    return UsageError(text, hint=hint)
