"""What an attack could change on the host, as lines of text that can be compared.

`look` reads it, `changes` compares two looks. A machine on which others work changes by itself:
what is theirs beyond doubt (control groups named after another live process) is left out, and the
caller looks again after a while before it believes in a change.
"""

import os
import resource
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from wardian.engine import directories

MARK = "ATTACK_MARK"  # in the environment of every hostile program: whose it is
Look = dict[str, frozenset[str]]

# What other people's containers, users and packages change.
SHARED = ("mounts", "control groups", "directories", "files", "ipc", "keys", "kernel", "network")
_BUSY = ("apt", "apt-get", "conmon", "containerd", "dockerd", "dpkg", "make", "mmdebstrap")
_TOO = ("podman", "pytest", "qemu-system-x86_64")

# Change by themselves.
_LIVELY = (
    "fs/aio-nr",
    "fs/dentry-state",
    "fs/file-nr",
    "fs/inode-nr",
    "fs/inode-state",
    "fs/quota/",
    "kernel/ns_last_pid",
    "kernel/perf_event_max_sample_rate",
    "kernel/pty/nr",
    "kernel/random/",
)
# Files of the host that attacks try to change; what is in directories that they try to fill.
_FILES = (
    "/etc/hosts",
    "/etc/resolv.conf",
    "/etc/ld.so.preload",
    "/etc/crontab",
    "/etc/sudoers",
    "/etc/profile",
    "/etc/machine-id",
    "/etc/fstab",
    "/bin/sh",
    "/usr/bin/env",
    "/usr/lib/os-release",
    "/dev/null",
    "/dev/zero",
    "/proc",
    "/sys",
    "/dev",
    "/root",
    "/boot",
    "/etc/init.d",
    "/etc/cron.d",
)
_DIRECTORIES = ("/", "/boot", "/home", "/opt", "/root", "/srv", "/usr", "/dev", "/dev/shm")
_ACCOUNTS = ("/etc/passwd", "/etc/shadow", "/etc/group")  # tests make users of their own
_TRACES = ("owned", "wardian-attack")


def look(victims: Path) -> Look:
    """Look at the host.

    Args:
        victims: a directory of files that attacks are told of; their content is compared too.
    """
    found = {
        "mounts": _mounts(),
        "control groups": _groups(),
        "processes": _processes(),
        "sysctls": _sysctls(),
        "files": (_stat(path) for path in _FILES),
        "accounts": _accounts(),
        "victims": _contents(victims),
        "directories": (f"{place}: {name}" for place in _DIRECTORIES for name in _names(place)),
        "traces": _traces(),
        "ipc": _ipc(),
        "keys": _lines("/proc/keys", 8),
        "network": _names("/sys/class/net"),
        "kernel": _kernel(),
        "this process": _own(),
        "storage": _storage(),
    }
    return {part: frozenset(lines) for part, lines in found.items()}


def changes(before: Look, after: Look) -> list[str]:
    """Return what is different, a line each.

    While others are at work on this machine, what they may change counts only with a name that
    attacks use.
    """
    found = []
    shared = SHARED if others_at_work() else ()
    for part, lines in before.items():
        told = [f"{part}: new: {line}" for line in sorted(after[part] - lines)]
        gone = [line for line in sorted(lines - after[part]) if not _is_taken_down(part, line)]
        told += [f"{part}: gone: {line}" for line in gone]
        found += [line for line in told if part not in shared or _has_trace(line)]
    return found


def _is_taken_down(part: str, line: str) -> bool:
    """Tell the group or the init of a box of ours that ended: it goes beside the next run."""
    if part == "processes":
        return line.endswith(" wardian-init")
    return part == "control groups" and f"/wardian-{os.getpid()}-" in line


def _has_trace(line: str) -> bool:
    return any(trace in line for trace in (*_TRACES, f"wardian-{os.getpid()}-"))


def others_at_work() -> bool:
    """Tell whether other tests, package managers or engines run on this machine."""
    mine = {str(os.getpid())}
    parents = {}
    for pid in filter(str.isdigit, _names("/proc")):
        parents[pid] = _text(f"/proc/{pid}/stat").rpartition(")")[2].split()[1:2]
    ancestor = [str(os.getpid())]
    while ancestor and ancestor[0] not in ("0", "1"):
        mine.add(ancestor[0])
        ancestor = parents.get(ancestor[0], [])
    for pid in parents.keys() - mine:
        words = _text(f"/proc/{pid}/cmdline").split("\0")[:3]
        if any(word.rpartition("/")[2] in (*_BUSY, *_TOO) for word in words):
            return True
    return False


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        return f"({error.strerror})"


def _names(directory: str) -> list[str]:
    try:
        return os.listdir(directory)
    except OSError:
        return []


def _lines(path: str, first_word: int = 0) -> Iterator[str]:
    for line in _text(path).splitlines():
        yield " ".join(line.split()[first_word:])


def _mounts() -> Iterator[str]:
    for line in _text("/proc/self/mountinfo").splitlines():
        words = line.split()
        yield " ".join((*words[3:6], *words[words.index("-") + 1 :]))


def _groups() -> Iterator[str]:
    for directory, below, _files in os.walk("/sys/fs/cgroup"):
        below[:] = [name for name in below if not _is_anothers(name)]
        yield from (f"{directory}/{name}" for name in below)


def _is_anothers(group: str) -> bool:
    """Tell the group of another live process from one of ours, or of nobody."""
    before, _dash, rest = group.partition("wardian-")
    owner = rest.partition("-")[0]
    if before or not owner.isdigit():
        return False
    return owner != str(os.getpid()) and os.path.exists(f"/proc/{owner}")


def _processes() -> Iterator[str]:
    """Give our descendants, and whoever has the mark in its environment."""
    parents, names = {}, {}
    for pid in filter(str.isdigit, _names("/proc")):
        before, _, rest = _text(f"/proc/{pid}/stat").rpartition(")")
        if rest:
            parents[pid], names[pid] = rest.split()[1], before.partition("(")[2]
    for pid in parents:
        ancestor = pid
        while ancestor in parents and ancestor != str(os.getpid()):
            ancestor = parents[ancestor]
        descends = ancestor == str(os.getpid()) and pid != ancestor
        if descends or f"{MARK}={os.getpid()}\0" in _text(f"/proc/{pid}/environ"):
            yield f"{pid} {names[pid]}"


def _sysctls() -> Iterator[str]:
    for place in ("kernel", "vm", "fs", "user", "dev", "abi", "debug"):
        for directory, _below, names in os.walk(f"/proc/sys/{place}"):
            for name in names:
                path = f"{directory}/{name}"
                if not path.removeprefix("/proc/sys/").startswith(_LIVELY):
                    yield f"{path}: {_text(path).strip()}"


def _stat(path: str) -> str:
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return f"{path}: not there"
    size = 0 if path in ("/dev", "/root", "/proc") else found.st_size
    return f"{path}: {found.st_mode:o} {found.st_uid} {found.st_gid} {size}"


def _accounts() -> Iterator[str]:
    for path in _ACCOUNTS:
        found = os.lstat(path)
        yield f"{path}: {found.st_mode:o} {found.st_uid} {found.st_gid}"
        for line in _text(path).splitlines():
            words = line.split(":")
            if words[0] == "root" or "0" in words[2:4] or line.startswith(_TRACES):
                yield f"{path}: {line}"


def _contents(directory: Path) -> Iterator[str]:
    for path in sorted(directory.rglob("*")):
        content = path.read_bytes() if path.is_file() else b""
        found = path.lstat()
        yield f"{path}: {found.st_mode:o} {found.st_uid} {found.st_mtime_ns} {content!r}"


def _traces() -> Iterator[str]:
    """Give files with names that only attacks make, where such files would lie."""
    for place in ("/", "/tmp", "/var/tmp", "/dev/shm", "/run", "/etc", "/root"):
        for name in _names(place):
            if name.startswith(_TRACES):
                yield f"{place}/{name}"


def _ipc() -> Iterator[str]:
    for kind in ("shm", "msg", "sem"):
        for line in _text(f"/proc/sysvipc/{kind}").splitlines():
            yield f"{kind} {' '.join(line.split()[:3])}"
    yield from (f"message queue {name}" for name in _names("/dev/mqueue"))


def _kernel() -> Iterator[str]:
    yield from (f"module {line.split()[0]}" for line in _text("/proc/modules").splitlines())
    yield from (f"swap {line.split()[0]}" for line in _text("/proc/swaps").splitlines())
    yield f"node name {os.uname().nodename}"
    # A clock that is kept by the network is moved by milliseconds, not by tens of seconds.
    yield f"clock {round((time.time() - time.monotonic()) / 60)}"


def _own() -> Iterator[str]:
    """Give what somebody could do to this process itself."""
    yield f"working directory {os.getcwd()}"
    yield f"niceness {os.getpriority(os.PRIO_PROCESS, 0)}"
    yield f"processors {sorted(os.sched_getaffinity(0))}"
    yield f"files {resource.getrlimit(resource.RLIMIT_NOFILE)}"
    yield from _descriptors()
    yield f"threads {threading.active_count()}"
    yield f"keyrings {_text('/proc/self/status').count('wardian-attack')}"


def _descriptors() -> Iterator[str]:
    """Give how many descriptors of each kind there are."""
    kinds = []
    for name in _names("/proc/self/fd"):
        try:
            kind = os.readlink(f"/proc/self/fd/{name}").partition(":[")[0]
        except OSError:
            continue  # that of the listing itself
        if "/bases/" not in kind:  # a host that has changed gets another base; both stay locked
            kinds.append(kind)
    yield from (f"descriptor {kind} {kinds.count(kind)}" for kind in set(kinds))


def _storage() -> Iterator[str]:
    """Give what wardian keeps: a run leaves nothing there."""
    for place in (directories.root(), directories.state()):
        for directory, below, files in os.walk(place):
            below[:] = [name for name in below if name not in ("bases", "cache")]
            yield from (f"{directory}/{name}" for name in (*below, *files))
