"""The template of a warm interpreter: runs inside of its box, and forks a process for each run.

It is handed to the interpreter as text, and imports nothing of wardian. What it does for a run is
what the launcher does for a box, in the launcher's words (runtime/messages.py): rows of plain
system calls, worked out outside.

    template   has imported the modules; has no capability; for each request clones
    init       process 1 of new namespaces; enters groups, mounts, gives everything up but the right
               to signal others, loads the filter; waits for the program's end, has the last word
    program    gives that up too; stands; runs what it was brought: warm_program

Facts about the fork
--------------------
The clone is made by clone3(2) itself, since os.fork knows no namespaces; the interpreter's own
hooks around it are called by hand. The template has one thread, so no lock is held by anybody else.

Kernel: clone(2), user_namespaces(7), seccomp(2), pid_namespaces(7).
"""

import array
import base64
import ctypes
import fcntl
import gc
import json
import os
import resource
import select
import signal
import socket
import struct
import sys
import types
from collections.abc import Sequence
from typing import Any, NoReturn

# The messages of launcher/box.h, and its bounds.
STARTED, STATUS, EXITED, FAILED, LISTENER, WAITING = 1, 3, 4, 5, 6, 7
STDIO_MAX = 32
# How launcher/steps.c marks arguments.
IN_DATA, OWN = 0xFFFFFFFE, 0xFFFFFFFD
CONTROL = 3
SYS_CLONE3, SYS_CLOSE_RANGE = 435, 436
WALL, MAP_SHARED_FIXED_ANONYMOUS = 0x40000000, 0x31
USAGE = struct.Struct("18q")  # struct rusage
CLONE_PIDFD = 0x1000
PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NAME = 1, 4, 15
FILTER_FLAG_NEW_LISTENER = 8
MADV_COLLAPSE, HUGE_BYTES = 25, 2 << 20
# Objects/obmalloc.c: the largest of its small objects, and what it maps at once.
SMALL_BYTES, ARENA_BYTES = 512, 1 << 20
ROOM_BYTES = 40 << 20  # NumPy and pandas take 23 MiB
SUPERVISED = 0x57415244  # runtime/calls.py
UNBROUGHT = 1  # warm.py: what is reported is not about the fork itself

libc = ctypes.PyDLL(None, use_errno=True)  # keeps the interpreter's lock: a fork happens under it
libc.syscall.restype = ctypes.c_long
libc.mmap.argtypes = [*[ctypes.c_size_t] * 2, *[ctypes.c_int] * 3, ctypes.c_size_t]


def call(number: int, *arguments: int) -> int:
    """Make a system call."""
    result = libc.syscall(ctypes.c_long(number), *(ctypes.c_ulong(one) for one in arguments))
    if result < 0:
        reason = ctypes.get_errno()
        raise OSError(reason, f"system call {number}: {os.strerror(reason)}")
    return int(result)


def play(rows: list[list[Any]], own: Sequence[int] = ()) -> None:
    """Make the system calls of rows (runtime/calls.py)."""
    for number, *values, data in rows:
        held = ctypes.create_string_buffer(bytes.fromhex(data), len(data) // 2 + 1)
        where = ctypes.addressof(held)
        call(number, *(_meant(value, where, own) for value in values))


def _meant(value: int, data: int, own: Sequence[int]) -> int:
    """Return an argument: a number, an address in the row's data, or one of our descriptors."""
    upper, lower = value >> 32, value & 0xFFFFFFFF
    if upper == IN_DATA:
        return data + lower
    return own[lower] if upper == OWN else value


def send(
    channel: socket.socket,
    kind: int,
    value: int = 0,
    *,
    usage: resource.struct_rusage | None = None,
    fd: int = -1,
) -> None:
    """Send a message as the launcher does."""
    numbers = [0, 0, 0]
    if usage is not None:
        numbers = [int(usage.ru_utime * 1e6), int(usage.ru_stime * 1e6), usage.ru_maxrss * 1024]
    data = struct.pack("<IiQQQ", kind, value, *numbers)
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]))] if fd >= 0 else []
    channel.sendmsg([data], rights)


def fail(report: int, error: BaseException) -> NoReturn:
    """Report what went wrong before the program, and end."""
    number = getattr(error, "errno", None) or 5
    is_unbrought = isinstance(error, UnbroughtError)
    words = str(error) if is_unbrought else f"{type(error).__name__}: {error}"
    text = words.encode("utf-8", "replace")[:200]
    os.write(report, struct.pack("<Ii248s", UNBROUGHT if is_unbrought else 0, number, text))
    os._exit(125)


def high(fd: int) -> int:
    """Move a descriptor out of the way of the program's own."""
    moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, STDIO_MAX)
    os.close(fd)
    return moved


def forked(number: int, *arguments: int) -> int:
    """Make a system call that returns as fork does."""
    ctypes.pythonapi.PyOS_BeforeFork()
    pid = libc.syscall(ctypes.c_long(number), *(ctypes.c_ulong(one) for one in arguments))
    reason = ctypes.get_errno()
    ctypes.pythonapi["PyOS_AfterFork_Parent" if pid else "PyOS_AfterFork_Child"]()
    if pid < 0:
        raise OSError(reason, os.strerror(reason))
    return int(pid)


# ---- template -----------------------------------------------------------------------------


class Template:
    """The interpreter that is forked."""

    def __init__(self, config: dict[str, Any], program: types.ModuleType) -> None:
        self.config, self.program = config, program
        self.control = socket.socket(fileno=CONTROL)
        self.runs: dict[int, tuple[int, socket.socket]] = {}  # by pidfd
        with open("/proc/self/maps") as file:
            rows = [row for row in map(str.split, file) if row[1][1::2] == "ws"]  # semaphores ...
        self.shared = [range(*(int(word, 16) for word in row[0].split("-"))) for row in rows]
        self.poll = select.poll()
        self.poll.register(CONTROL, select.POLLIN)

    def serve(self) -> None:
        """Answer requests until nobody can send one."""
        while True:
            for fd, _event in self.poll.poll():
                if fd == CONTROL:
                    if not self.take():
                        return
                else:
                    self.reap(fd)

    def take(self) -> bool:
        """Take a request: channel, report, program, 0, 1, 2, and files of control groups."""
        data, ancillary, _flags, _address = self.control.recvmsg(64, 1024)
        if not data:
            return False
        fds = array.array("i")
        for _level, _kind, packed in ancillary:
            fds.frombytes(packed[: len(packed) - len(packed) % fds.itemsize])
        channel = socket.socket(fileno=high(fds[0]))
        report = high(fds[1])
        pidfd = array.array("i", [-1])
        try:
            pid = self.clone(pidfd)
        except OSError as error:
            send(channel, FAILED, error.errno or 5)
            channel.close()
        else:
            if pid == 0:
                Init(self, channel, report, list(fds[2:])).run()
            send(channel, STARTED, pid, fd=pidfd[0])
            self.runs[pidfd[0]] = (pid, channel)
            self.poll.register(pidfd[0], select.POLLIN)
        os.close(report)
        for fd in fds[2:]:
            os.close(fd)
        return True

    def clone(self, pidfd: "array.array[int]") -> int:
        """Clone this process into namespaces of its own; returns as fork does."""
        place = pidfd.buffer_info()[0]
        flags = self.config["flags"] | CLONE_PIDFD
        words = struct.pack("11Q", flags, place, 0, 0, signal.SIGCHLD, *[0] * 6)
        held = ctypes.create_string_buffer(words, len(words))
        return forked(SYS_CLONE3, ctypes.addressof(held), len(words))

    def reap(self, pidfd: int) -> None:
        """Tell the end of a run's first process."""
        pid, channel = self.runs.pop(pidfd)
        self.poll.unregister(pidfd)
        os.close(pidfd)
        _pid, status, usage = os.wait4(pid, 0)
        try:
            send(channel, EXITED, status, usage=usage)
        except OSError:
            pass  # nobody waits for it any more
        channel.close()


# ---- init and program ---------------------------------------------------------------------


class Init:
    """Process 1 of a run, and the program's process before it becomes the program."""

    def __init__(
        self, template: Template, channel: socket.socket, report: int, fds: list[int]
    ) -> None:
        self.template, self.config = template, template.config
        self.channel, self.report = channel, report
        self.later, self.stdio, self.groups = fds[0], fds[1:4], fds[4:]

    def run(self) -> NoReturn:
        """Make what a box has for itself, and fork the program."""
        try:
            # The interpreter has handlers, so that process 1 could be interrupted.
            signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
            # Now: the limit of open files may forbid it later.
            self.later, *self.stdio = (high(fd) for fd in (self.later, *self.stdio))
            libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
            self.template.control.detach()
            os.close(CONTROL)
            for pidfd, (_pid, channel) in self.template.runs.items():
                os.close(pidfd)
                channel.close()
            play(self.config["early"], self.groups)
            self.map_ids(*self.config["ids"])
            self.loopback()
            play(self.config["tree"], self.groups)
            own_memory(self.template.shared)
            os.chdir(self.config["workdir"])
            libc.prctl(PR_SET_NAME, b"wardian-init", 0, 0, 0)
            play(self.config["late"])
            for flags, code in self.config["filters"]:
                self.load(flags, code)
            play(self.config["filtered"])
            program = forked(self.config["clone"], signal.SIGCHLD, 0, 0, 0, SUPERVISED)
        except BaseException as error:  # noqa: BLE001 - reported, whatever it is
            fail(self.report, error)
        if program == 0:
            self.become_program()
        os.close(self.report)
        self.attend(program)

    @staticmethod
    def map_ids(uid: int, gid: int) -> None:
        """Be the same user in the new user namespace."""
        texts = ("deny", f"{uid} {uid} 1", f"{gid} {gid} 1")
        for name, text in zip(("setgroups", "uid_map", "gid_map"), texts, strict=True):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(text)

    @staticmethod
    def loopback() -> None:
        """127.0.0.1 works, as in every box."""
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as made:
            fcntl.ioctl(made, 0x8914, struct.pack("16sH22x", b"lo", 0x41))  # SIOCSIFFLAGS, up

    def attend(self, program: int) -> NoReturn:
        """Wait for the program's end, end all that it left, and tell how it ended.

        Its calls bear the mark of its farewell, as those of launcher/main.c do.
        """
        libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
        keep = self.channel.fileno()
        call(SYS_CLOSE_RANGE, 0, keep - 1, 0, 0, SUPERVISED)
        call(SYS_CLOSE_RANGE, keep + 1, 0xFFFFFFFF, 0, 0, SUPERVISED)
        while True:
            pid, status = self.wait()
            if pid == program:
                break
        try:
            call(self.config["kill"], -1, signal.SIGKILL, 0, 0, SUPERVISED)
            while True:
                self.wait()
        except (ProcessLookupError, ChildProcessError):
            pass
        send(self.channel, STATUS, status, usage=self.usage())
        libc.prctl(SUPERVISED, 1, 0, 0, SUPERVISED)  # returns when the supervisor has heard all
        os._exit(os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))

    def wait(self) -> tuple[int, int]:
        """Wait for a child's end; returns its pid and its status."""
        status = ctypes.c_int()
        place = ctypes.addressof(status)
        pid = call(self.config["wait4"], -1, place, WALL, 0, SUPERVISED)
        return pid, status.value

    def usage(self) -> resource.struct_rusage:
        """Return what all that were waited for used."""
        held = ctypes.create_string_buffer(USAGE.size)
        where = ctypes.addressof(held)
        call(self.config["getrusage"], resource.RUSAGE_CHILDREN, where, 0, 0, SUPERVISED)
        user_s, user_us, system_s, system_us, *counts = USAGE.unpack(held.raw)
        times = (user_s + user_us / 1e6, system_s + system_us / 1e6)
        return resource.struct_rusage((*times, *counts))

    def become_program(self) -> NoReturn:
        """Give up the rest, stand, and run what was brought."""
        try:
            libc.prctl(PR_SET_NAME, b"python3", 0, 0, 0)
            play(self.config["last"])
            later = self.keep_descriptors()
            self.template.program.prepare()
            signal.pthread_sigmask(signal.SIG_UNBLOCK, signal.valid_signals())
            libc.prctl(SUPERVISED, 0, 0, 0, 0)  # returns when somebody listens
            send(self.channel, WAITING)
            channel = self.channel.detach()
            if os.read(channel, 1) != b"g":
                os._exit(125)
            asked = json.loads(whole(later))
            os.close(later)
            bring(asked["files"])
            self.template.program.set_environment(asked["environment"])
            os.close(channel)  # nobody can speak for the init any more
            os.close(self.report)  # from here on it is the program that runs
        except BaseException as error:  # noqa: BLE001 - reported, whatever it is
            fail(self.report, error)
        self.template.program.run(asked["argv"])
        os._exit(125)  # it does not return

    def keep_descriptors(self) -> int:
        """Put the standard descriptors in place, and close all but what is needed until the start.

        However many there were in the template, none is left for the program.

        Returns:
            Where the program is read from.
        """
        for fd, source in enumerate(self.stdio):
            os.dup2(source, fd)
        kept = sorted((self.channel.fileno(), self.report, self.later))
        for first, last in zip([2, *kept], [*kept, 1 << 32], strict=True):
            if first + 1 < last:
                call(SYS_CLOSE_RANGE, first + 1, last - 1, 0)
        return self.later

    def load(self, flags: int, code: str) -> None:
        """Load one filter, and send its listener."""
        data = bytes.fromhex(code)
        held = ctypes.create_string_buffer(data, len(data))
        program = struct.pack("HxxxxxxQ", len(data) // 8, ctypes.addressof(held))
        block = ctypes.create_string_buffer(program, len(program))
        listener = libc.syscall(
            ctypes.c_long(self.config["seccomp"]), ctypes.c_ulong(1), ctypes.c_ulong(flags), block
        )
        if listener < 0:
            raise OSError(ctypes.get_errno(), "seccomp")
        if flags & FILTER_FLAG_NEW_LISTENER:
            send(self.channel, LISTENER, fd=listener)
            os.close(listener)


def own_memory(places: list[range]) -> None:
    """Share memory with our own children alone, no more with the template's."""
    for place in places:
        held = ctypes.string_at(place.start, len(place))
        libc.mmap(place.start, len(place), 3, MAP_SHARED_FIXED_ANONYMOUS, -1, 0)
        ctypes.memmove(place.start, held, len(place))


def whole(fd: int) -> bytes:
    """Read a file from its beginning."""
    found = b""
    while piece := os.pread(fd, 1 << 20, len(found)):
        found += piece
    return found


class UnbroughtError(Exception):
    """A run's file could not be written; says so in words for people."""

    def __init__(self, name: str, error: OSError) -> None:
        reason = (error.strerror or str(error)).lower()
        super().__init__(f'writing "{name[:80]}" for the program: {reason}')
        self.errno = error.errno


def bring(files: dict[str, tuple[str, bool]]) -> None:
    """Write the run's files into the working directory."""
    for name, (content, is_program) in files.items():
        try:
            _bring_one(name, base64.b64decode(content), 0o755 if is_program else 0o644)
        except OSError as error:
            raise UnbroughtError(name, error) from None


def _bring_one(name: str, content: bytes, mode: int) -> None:
    place = name.find("/")
    while place >= 0:
        if not os.path.isdir(name[:place]):
            os.mkdir(name[:place], 0o755)
        place = name.find("/", place + 1)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    with open(os.open(name, flags, mode), "wb") as file:
        file.write(content)


def make_room() -> list[bytes]:
    """Have the interpreter's arenas lie side by side: mapped one by one they lie among libraries.

    Returns:
        What keeps them until the imports have filled them.
    """
    one = SMALL_BYTES - sys.getsizeof(b"")
    small = [bytes(one) for _ in range(ROOM_BYTES // SMALL_BYTES)]
    return small[:: ARENA_BYTES // SMALL_BYTES // 2]


def collapse() -> None:
    """Have what runs share lie in huge pages: a fork, and an end, do with many pages at once.

    They stay large folios where a run writes to one of their pages (MADV_COLLAPSE, Linux 6.1).
    Where that can't be had all is as before.
    """
    with open("/proc/self/maps", encoding="utf-8", errors="replace") as file:
        rows = [line.split() for line in file]
    for place, access, _offset, _device, _inode, *name in rows:
        if access == "rw-p" and name in ([], ["[heap]"]):
            begin, end = (int(word, 16) // HUGE_BYTES for word in place.split("-"))
            first, size = (begin + 1) * HUGE_BYTES, (end - begin - 1) * HUGE_BYTES
            if size > 0:
                libc.madvise(ctypes.c_void_p(first), ctypes.c_size_t(size), MADV_COLLAPSE)


def main() -> None:
    """Import what is asked for, and serve."""
    with open(4, "rb") as file:
        config = json.load(file)
    sys.path[:] = [place for place in sys.path if place]  # else its own directory is searched
    room = make_room()
    for name in config["imports"]:
        __import__(name)
    del room
    program = types.ModuleType("wardian_program")
    exec(compile(config["program"], "<wardian>", "exec"), vars(program))  # noqa: S102 - ours
    program.flush_files()  # else each run would write what the modules have said
    gc.collect()
    gc.freeze()  # a run's collections look at the run's objects alone
    collapse()
    template = Template(config, program)
    template.control.send(b"ready")
    template.serve()


if __name__ == "__main__":
    main()
