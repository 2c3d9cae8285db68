"""Read and write the files of control groups, and the words that their values are made of.

Facts about these files
-----------------------
One write(2) is one request: the whole value goes in at once, and the errno is the answer. ENOENT
means that the controller is not enabled there or the kernel too old; ENODEV that a device does not
exist or is a partition; EBUSY that the group has processes where it may not. mkdir makes all files
of a group at once, rmdir removes them with it, and it answers EBUSY as long as a process or another
group is inside. A process that has ended may count for a moment longer.

Kernel: cgroups(7), Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/cgroups.rst, cpuset(7) "List
format".
"""

import errno
import os
import time

from wardian.errors import KernelError
from wardian.kernel.processes import SIGKILL, send_signal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

UNIFIED = "unified"  # how the cgroup2 hierarchy is called among the v1 controllers
BPF_DEVICES = "BPF_CGROUP_DEVICE"  # in place of a file name: the value is rules, one a line
MAXIMUM_BYTES = 1 << 20
MAXIMUM_CPU = 65535


class CgroupWrite:
    """One limit, as the write that sets it.

    Attributes:
        controller: the v1 controller whose hierarchy has the file; "unified" for cgroup v2.
        file: its name in the group, or BPF_DEVICES.
        value: what is written.
        reason: what it is for, in a few words; begins the error message when it can't be had.
        otherwise: the write to do where this kernel has no such file (schedulers name theirs).
    """

    __slots__ = ("controller", "file", "otherwise", "reason", "value")

    def __init__(
        self,
        controller: str,
        file: str,
        value: str,
        reason: str,
        *,
        otherwise: "CgroupWrite | None" = None,
    ) -> None:
        self.controller = controller
        self.file = file
        self.value = value
        self.reason = reason
        self.otherwise = otherwise

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, CgroupWrite):
            return NotImplemented
        mine = (self.controller, self.file, self.value, self.otherwise)
        return mine == (other.controller, other.file, other.value, other.otherwise)

    def __hash__(self) -> int:
        return hash((self.controller, self.file, self.value))

    def __repr__(self) -> str:
        return f"CgroupWrite({self.controller!r}, {self.file!r}, {self.value!r})"


# ---- values -------------------------------------------------------------------------------


def parse_cpulist(text: str) -> "frozenset[int]":
    """Return the numbers of a list such as "0-3,8".

    Raises:
        ValueError: not such a list, or a number above MAXIMUM_CPU.
    """
    found: set[int] = set()
    for part in text.strip().split(","):
        first, dash, last = part.strip().partition("-")
        low = _cpu_number(first)
        high = _cpu_number(last) if dash else low
        if low > high:
            raise ValueError(f'"{part.strip()}" runs backwards')
        found.update(range(low, high + 1))
    return frozenset(found)


def _cpu_number(word: str) -> int:
    if not (word.isascii() and word.isdigit()):
        raise ValueError(f'"{word}" is not a number')
    if len(word) > 6 or int(word) > MAXIMUM_CPU:
        raise ValueError(f'"{word}" is above {MAXIMUM_CPU}')
    return int(word)


def format_cpulist(numbers: "Iterable[int]") -> str:
    """Return the shortest list of these numbers, as the kernel writes it."""
    row: list[list[int]] = []
    for number in sorted(set(numbers)):
        if row and row[-1][1] == number - 1:
            row[-1][1] = number
        else:
            row.append([number, number])
    return ",".join(str(low) if low == high else f"{low}-{high}" for low, high in row)


def parse_pairs(text: str) -> "dict[str, int]":
    """Return the numbers of a flat-keyed file (memory.events, cpu.stat)."""
    found = {}
    for line in text.splitlines():
        key, _space, value = line.partition(" ")
        if value.isdigit():
            found[key] = int(value)
    return found


def parse_pressure(text: str) -> "dict[str, dict[str, float]]":
    """Return {"some": {"avg10": ..., "total": ...}, "full": ...} of a pressure file."""
    found = {}
    for line in text.splitlines():
        words = line.split()
        fields = (word.partition("=") for word in words[1:])
        found[words[0]] = {key: float(value) for key, _sign, value in fields}
    return found


# ---- files --------------------------------------------------------------------------------


def read(path: str) -> str:
    """Return a file's text without the newline at its end.

    Raises:
        OSError: as open(2) and read(2) give it; ENODEV for a group that is gone.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        text = b""
        while chunk := os.read(fd, 65536):
            text += chunk
            if len(text) > MAXIMUM_BYTES:
                break
    finally:
        os.close(fd)
    return text.decode("utf-8", "replace").rstrip("\n")


def find(path: str) -> "str | None":
    """Return a file's text, or None where it can't be read."""
    try:
        return read(path)
    except OSError:
        return None


def number(path: str) -> "int | None":
    """Return a file's number, or None where there is none."""
    text = find(path)
    return int(text) if text is not None and text.isdigit() else None


def put(path: str, value: str) -> None:
    """Put a value into a file by one system call.

    Raises:
        OSError: the kernel's answer.
    """
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, value.encode())
    finally:
        os.close(fd)


def write(path: str, value: str, *, hint: str = "") -> None:
    """Put a value into a file by one system call.

    Raises:
        KernelError: names the file and the value.
    """
    try:
        put(path, value)
    except OSError as error:
        call = f'write("{path}", "{value}")'
        raise KernelError(call, error.errno or errno.EIO, hint=hint) from None


# ---- groups -------------------------------------------------------------------------------


def make(path: str, *, below: str, prepare: "Callable[[str], None] | None" = None) -> None:
    """Make a group, and its parents where they are missing.

    Args:
        path: the new group; must not exist.
        below: a group that exists.
        prepare: called with each parent on the way that was made.

    Raises:
        OSError: as mkdir(2) gives it.
    """
    for _attempt in range(10):  # somebody may remove an empty parent just now
        try:
            os.mkdir(path)
            return
        except FileNotFoundError:
            _make_parents(os.path.dirname(path), below, prepare)
    os.mkdir(path)


def _make_parents(path: str, below: str, prepare: "Callable[[str], None] | None") -> None:
    walked = below
    for name in path[len(below) :].strip("/").split("/"):
        walked = f"{walked}/{name}"
        try:
            os.mkdir(walked)
        except FileExistsError:
            continue
        except FileNotFoundError:
            return  # its parent went away meanwhile: the caller begins again
        if prepare is not None:
            prepare(walked)


def children(path: str) -> "list[str]":
    """Return the groups directly below one; empty where it is gone."""
    try:
        with os.scandir(path) as entries:
            return [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return []


def tree(path: str) -> "list[str]":
    """Return the group and all below it, parents before children."""
    row = [path]
    for group in row:  # the list grows while it is walked
        row.extend(children(group))
    return row


def remove(path: str) -> bool:
    """Remove a group with those below it; False when something is still inside.

    Raises:
        KernelError: another reason than processes inside.
    """
    try:
        os.rmdir(path)
        return True
    except FileNotFoundError:
        return True
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise KernelError(f'rmdir("{path}")', error.errno or errno.EIO) from None
    groups = tree(path)
    if len(groups) == 1:
        return False
    for group in reversed(groups):
        try:
            os.rmdir(group)
        except FileNotFoundError:
            continue
        except OSError as error:
            if error.errno == errno.EBUSY:
                return False
            raise KernelError(f'rmdir("{group}")', error.errno or errno.EIO) from None
    return True


def remove_empty(groups: "Iterable[str]") -> None:
    """Remove groups, children after parents in the list, but not those that others use."""
    for group in reversed(list(groups)):
        try:
            os.rmdir(group)
        except OSError:
            continue


def is_frozen(path: str, *, unified: bool = True) -> bool:
    """Return whether the processes of a group stand still, or are about to.

    Args:
        path: of a group of cgroup2, or of v1's freezer hierarchy.
        unified: it is cgroup2's.
    """
    if unified:
        return find(path + "/cgroup.freeze") == "1"
    return find(path + "/freezer.state") in ("FROZEN", "FREEZING")


def processes(path: str) -> "list[int]":
    """Return the pids in a group and those below it, as our pid namespace sees them.

    Zombies count where the kernel counts them; 0 stands for a process outside of our namespace.
    """
    found: dict[int, None] = {}
    for group in tree(path):
        for word in (find(group + "/cgroup.procs") or "").split():
            found[int(word)] = None
    return list(found)


def signal_all(path: str, number: int = SIGKILL) -> int:
    """Send a signal to every process of a group; return how many there were.

    A pid that was freed and given to somebody else is not hit: the process is pinned first, and
    counts only if the group still lists it afterwards.
    """
    pinned = []
    for pid in processes(path):
        try:
            pinned.append((pid, os.pidfd_open(pid)))
        except (ProcessLookupError, OSError):  # ended, or not visible from here (pid 0: EINVAL)
            continue
    try:
        still = frozenset(processes(path)) if pinned else frozenset()
        for pid, fd in pinned:
            if pid in still:
                send_signal(fd, number)
    finally:
        for _pid, fd in pinned:
            os.close(fd)
    return len(pinned)


def pauses(timeout_s: float) -> "Iterable[None]":
    """Yield with growing pauses (0.2 to 20 ms) between, until the time is over."""
    end_s = time.monotonic() + timeout_s
    pause_s = 0.0002
    while True:
        yield
        if time.monotonic() >= end_s:
            return
        time.sleep(pause_s)
        pause_s = min(pause_s * 2, 0.02)


def await_event(path: str, line: str, timeout_s: float) -> bool:
    """Wait until an events file (cgroup.events) has this line; False when time or group is over.

    The kernel announces a change as POLLPRI to whoever read the file before.
    """
    import select

    end_s = time.monotonic() + timeout_s
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        poll = select.poll()
        poll.register(fd, select.POLLPRI)
        while line not in os.pread(fd, 4096, 0).decode().splitlines():
            left_s = end_s - time.monotonic()
            if left_s <= 0:
                return False
            poll.poll(left_s * 1000 + 1)
    except OSError as error:
        if error.errno == errno.ENODEV:  # the group was removed meanwhile
            return False
        raise
    finally:
        os.close(fd)
    return True
