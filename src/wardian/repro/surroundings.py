"""What this machine offers to vary: locales, a faked clock, an order of files, processors, ids.

The wall clock is wardian-clock.so's (clock.c), which is preloaded: it reaches no static program,
and none that makes the system calls itself (Go).

Kernel: time_namespaces(7). Programs: localedef(1).
"""

import os
import re
import shutil
import subprocess
import time

from wardian.engine import directories
from wardian.kernel import idmap, paths, probe
from wardian.repro import staging
from wardian.repro.variations import TURKISH, Surroundings

ST_NOEXEC = 8  # of statvfs(3)
# linux/time.h
CLOCK_REALTIME_COARSE = 5

_SECOND_NS = 1_000_000_000
_LOCALE_SOURCES = "/usr/share/i18n/locales"
_ARCHIVE = "/usr/lib/locale"


def look(*, place: str, locale: str = TURKISH) -> Surroundings:
    """Return what can be varied here, and why the rest can't.

    Args:
        place: where copies of the source are laid out.
        locale: to vary to; POSIX where it can't be had.
    """
    cpus = len(os.sched_getaffinity(0))
    lacking = {}
    if cpus < 2:
        lacking["cpus"] = "this machine has one processor"
    if not clock_library():
        lacking["time"] = "wardian-clock.so is not there: it knows x86-64 and arm64"
    if not os.path.exists("/proc/self/ns/time"):
        lacking["uptime"] = "this kernel has no time namespaces"
    if staging.order_of(place) == "own":
        lacking["file_order"] = f'the file system of "{place}" has an order of its own (not tmpfs)'
    facts = probe.facts()
    if not facts.is_privileged and not idmap.rootless_maps(facts.uid, facts.gid).helper:
        lacking["user"] = "without subordinate ids (/etc/subuid) a box has only user 0"
    found = _locale(locale)
    if found is None:
        lacking["locale"] = f'locale "{locale}" is not here (Debian\'s locales has its source)'
    return Surroundings(cpus=cpus, locales={locale: found or ""}, lacking=lacking)


def clock_library() -> str:
    """Return the library that makes the wall clock stand still, or ""."""
    path = os.path.join(os.path.dirname(os.path.dirname(__file__)), "wardian-clock.so")
    return path if os.path.exists(path) else ""


def kernel_time_ns() -> int:
    """Return the wall clock by which the kernel gives files their times.

    Ours may be faked by a library. Then it is a second or two early: a file that was written just
    before counts as a later one.
    """
    with open("/proc/stat", encoding="ascii") as file:
        booted = next(int(line.split()[1]) for line in file if line.startswith("btime "))
    with open("/proc/uptime", encoding="ascii") as file:
        up = float(file.read().split()[0])
    early_ns = (booted + int(up) - 1) * _SECOND_NS  # both are rounded
    ours_ns = time.clock_gettime_ns(CLOCK_REALTIME_COARSE)
    return ours_ns if 0 <= ours_ns - early_ns < 3 * _SECOND_NS else early_ns


def places() -> "list[str]":
    """Return directories for copies, the best first: tmpfs, and where programs may run."""
    wanted = ["/dev/shm", os.environ.get("XDG_RUNTIME_DIR", ""), "/tmp"]  # noqa: S108 - tried
    good = []
    for path in filter(None, wanted):
        try:
            there = os.statvfs(path)
        except OSError:
            continue
        if os.access(path, os.W_OK) and not there.f_flag & ST_NOEXEC:
            good.append(path)
    return sorted(good, key=lambda path: not _is_tmpfs(path))


def _is_tmpfs(path: str) -> bool:
    from wardian.kernel import mountinfo

    best = ("", "")
    for mount in mountinfo.read():
        inside = path == mount.point or path.startswith(mount.point.rstrip("/") + "/")
        if inside and len(mount.point) >= len(best[0]):
            best = (mount.point, mount.type)
    return best[1] == "tmpfs"


def _locale(name: str) -> "str | None":
    """Return a compiled locale's directory, "" where programs find it by themselves, None for no.

    It is compiled once and kept as a cache: localedef takes a second.
    """
    if name in ("C", "POSIX", "C.UTF-8"):
        return ""
    language, _dot, charset = name.partition(".")
    normal = f"{language}.{charset.replace('-', '').lower()}" if charset else language
    if os.path.isdir(f"{_ARCHIVE}/{normal}"):
        return f"{_ARCHIVE}/{normal}"
    kept = f"{directories.cache()}/locales/{normal}"
    if os.path.isdir(kept):
        return kept
    source = os.path.join(_LOCALE_SOURCES, language)
    if not re.fullmatch(r"[\w@-]+", language) or not os.path.exists(source):
        return "" if normal in _known() else None
    if shutil.which("localedef") is None:
        return None
    os.makedirs(os.path.dirname(kept), exist_ok=True)
    made, lock_fd = paths.make_locked(os.path.dirname(kept), ".tmp-")
    try:
        command = ["localedef", "--no-archive", "-c", "-i", language, "-f", charset or "UTF-8"]
        subprocess.run([*command, f"{made}/new"], capture_output=True, check=False, umask=0o022)
        if not os.path.exists(f"{made}/new/LC_COLLATE"):
            return None
        try:
            os.rename(f"{made}/new", kept)
        except OSError:
            pass  # another was faster
    finally:
        paths.remove_tree(made)
        os.close(lock_fd)
    return kept


def _known() -> "set[str]":
    """Return the locales of the host's archive."""
    if shutil.which("locale") is None:
        return set()
    done = subprocess.run(["locale", "-a"], capture_output=True, text=True, check=False)
    return set(done.stdout.split())
