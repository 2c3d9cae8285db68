"""Try one kernel mechanism in a throw-away process and report how it went.

`wardian doctor` runs this file as a program of its own, `python -I -S trials.py NAME`, one process
per trial: unshare(2) and setresuid(2) can't be taken back, and what a trial mounts must vanish with
it. The answer is one JSON line on stdout: {"ok": true, "detail": "..."} or {"ok": false, "call":
"mount(...)", "errno": 1}. The file imports nothing of wardian, because under -I it could not.

As an ordinary user every trial first makes a user namespace, since a box would too; as root it
makes none. `unprivileged` as second argument gives up root before.

Kernel: unshare(2), mount(2), overlayfs, seccomp(2), user_namespaces(7).
"""

import ctypes
import errno
import fcntl
import json
import os
import socket
import struct
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

# linux/sched.h
CLONE_NEWTIME = 0x00000080
CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000
# linux/capability.h
CAP_SYS_ADMIN = 21

# linux/mount.h
MS_RDONLY = 0x1
MS_NOSUID = 0x2
MS_NODEV = 0x4
MS_NOEXEC = 0x8
MS_REC = 0x4000
MS_PRIVATE = 0x40000
OPEN_TREE_CLONE = 0x1
MOUNT_ATTR_RDONLY = 0x1
# linux/fcntl.h
AT_RECURSIVE = 0x8000
AT_EMPTY_PATH = 0x1000
AT_FDCWD = -100
# linux/prctl.h
PR_SET_DUMPABLE = 4
PR_SET_NO_NEW_PRIVS = 38
# linux/seccomp.h
SECCOMP_SET_MODE_FILTER = 1
SECCOMP_FILTER_FLAG_NEW_LISTENER = 0x8
SECCOMP_RET_ALLOW = 0x7FFF0000
# linux/memfd.h
MFD_ALLOW_SEALING = 0x2
MFD_EXEC = 0x10  # since Linux 6.3
# linux/sockios.h
SIOCGIFFLAGS = 0x8913
SIOCSIFFLAGS = 0x8914
# linux/if.h
IFF_UP = 0x1

NOBODY = 65534
# The system calls that have the same number on every architecture that wardian runs on.
SYS_MOVE_MOUNT, SYS_OPEN_TREE, SYS_FSOPEN = 429, 428, 430
SYS_CLONE3, SYS_CLOSE_RANGE, SYS_OPENAT2 = 435, 436, 437
SYS_PIDFD_OPEN, SYS_MOUNT_SETATTR = 434, 442
SYS_SECCOMP = {"x86_64": 317, "aarch64": 277, "riscv64": 277}

_libc = ctypes.CDLL(None, use_errno=True)


class TrialError(Exception):
    """A call failed: the call as one would write it, and its errno."""

    def __init__(self, call: str, number: int) -> None:
        super().__init__(call, number)
        self.call = call
        self.number = number


def _check(result: int, call: str) -> int:
    if result < 0:
        raise TrialError(call, ctypes.get_errno())
    return result


def _syscall(number: int, *arguments: object, call: str) -> int:
    return _check(_libc.syscall(ctypes.c_long(number), *arguments), call)


def _unshare(flags: int, call: str) -> None:
    _check(_libc.unshare(flags), f"unshare({call})")


def _mount(source: str, target: str, kind: str, options: str = "", *, flags: int = 0) -> None:
    result = _libc.mount(
        source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), options.encode()
    )
    _check(result, f'mount("{target}", {kind})' if kind else f'mount("{target}")')


def _write(path: str, text: str) -> None:
    try:
        with open(path, "wb") as file:
            file.write(text.encode())
    except OSError as error:
        raise TrialError(f'write("{path}")', error.errno or 0) from None


def _map_self(uid: int, gid: int) -> None:
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"0 {uid} 1")
    _write("/proc/self/gid_map", f"0 {gid} 1")


def _may_administer() -> bool:
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:
        held = next(line.split()[1] for line in file if line.startswith("CapEff:"))
    return bool(int(held, 16) >> CAP_SYS_ADMIN & 1)


def _enter(flags: int, call: str) -> None:
    """Make namespaces; an ordinary user's first is a user namespace in which it is root."""
    uid, gid = os.geteuid(), os.getegid()
    if uid == 0 and _may_administer():
        _unshare(flags, call)
    else:
        _unshare(CLONE_NEWUSER, "CLONE_NEWUSER")
        _map_self(uid, gid)
        if flags:
            _unshare(flags, call)
    if flags & CLONE_NEWNS:
        _mount("none", "/", "", flags=MS_REC | MS_PRIVATE)


def _workshop() -> str:
    """Mount a tmpfs in a new mount namespace, over a directory that every system has."""
    _enter(CLONE_NEWNS, "CLONE_NEWNS")
    place = "/tmp" if os.path.isdir("/tmp") else "/usr"  # noqa: S108 nothing is written to the host's
    _mount("tmpfs", place, "tmpfs", "mode=755")
    return place


def try_user() -> str:
    """Make a user namespace even as root, and be root in it."""
    uid, gid = os.geteuid(), os.getegid()
    _unshare(CLONE_NEWUSER, "CLONE_NEWUSER")
    _map_self(uid, gid)
    # Some distributions let everybody make a user namespace and deny what could be done in it.
    _unshare(CLONE_NEWUTS, "CLONE_NEWUTS in a user namespace")
    if _libc.sethostname(b"trial", 5) < 0:
        raise TrialError("sethostname in a user namespace", ctypes.get_errno())
    return ""


def try_hold() -> str:
    """Make a user namespace and wait for the end of stdin, so that others can map its ids."""
    _unshare(CLONE_NEWUSER, "CLONE_NEWUSER")
    sys.stdout.write("holding\n")
    sys.stdout.flush()
    sys.stdin.read()
    return ""


def try_overlay() -> str:
    """Change a file, delete a directory and make it anew (which needs an opaque mark)."""
    place = _workshop()
    for name in ("lower", "lower/old", "upper", "work", "merged"):
        os.mkdir(f"{place}/{name}")
    _write(f"{place}/lower/old/file", "base")
    _write(f"{place}/lower/file", "base")
    options = f"lowerdir={place}/lower,upperdir={place}/upper,workdir={place}/work"
    if not _is_real_root():
        options += ",userxattr"
    _mount("overlay", f"{place}/merged", "overlay", options)
    try:
        _write(f"{place}/merged/file", "changed")
        os.unlink(f"{place}/merged/old/file")
        os.rmdir(f"{place}/merged/old")
        os.mkdir(f"{place}/merged/old")
        left = os.listdir(f"{place}/merged/old")
    except OSError as error:
        raise TrialError("changing files in an overlay on tmpfs", error.errno or 0) from None
    if left or not os.path.exists(f"{place}/lower/old/file"):
        raise TrialError("deleting a directory in an overlay", errno.EIO)
    return ""


def _is_real_root() -> bool:
    with open("/proc/self/uid_map", "rb") as file:
        return file.read().split() == [b"0", b"0", b"4294967295"]


def try_erofs() -> str:
    """Mount an EROFS image, one empty directory, from a file that lies on a disk."""
    superblock = struct.pack("<I8xBBHQ", 0xE0F5E1E2, 9, 0, 48, 1) + bytes(12)
    superblock += struct.pack("<I", 4)  # blocks
    names = struct.pack("<QHBBQHBB", 48, 24, 2, 0, 48, 25, 2, 0) + b"..."  # "." and ".."
    inode = struct.pack("<HHHHQIIIIQII", 1, 0, 0o40755, 0, len(names), 4, 1, 0, 0, 0, 0, 2)
    image = bytes(1024) + superblock.ljust(512, b"\0") + inode.ljust(512, b"\0") + names
    try:
        fd = os.open("/var/tmp", os.O_RDWR | os.O_TMPFILE, 0o600)  # noqa: S108 - it has no name
        os.write(fd, image.ljust(4096, b"\0"))
    except OSError as error:
        raise TrialError('open("/var/tmp", O_TMPFILE)', error.errno or 0) from None
    os.mkdir(f"{(place := _workshop())}/erofs")
    _mount(f"/proc/self/fd/{fd}", f"{place}/erofs", "erofs", flags=MS_RDONLY)
    if os.listdir(f"{place}/erofs"):
        raise TrialError("listing an empty EROFS", errno.EIO)
    return ""


def try_tmpfs_xattr() -> str:
    """Set a user.* attribute on a tmpfs."""
    place = _workshop()
    try:
        os.setxattr(place, "user.trial", b"1")
    except OSError as error:
        raise TrialError("setxattr(tmpfs, user.trial)", error.errno or 0) from None
    return ""


def try_mount_fds() -> str:
    """Clone a mount as a descriptor and make it read-only: open_tree and mount_setattr."""
    place = _workshop()
    fd = _syscall(
        SYS_OPEN_TREE,
        AT_FDCWD,
        place.encode(),
        OPEN_TREE_CLONE | os.O_CLOEXEC,
        call="open_tree(OPEN_TREE_CLONE)",
    )
    attributes = (ctypes.c_uint64 * 4)(MOUNT_ATTR_RDONLY, 0, 0, 0)
    _syscall(
        SYS_MOUNT_SETATTR,
        fd,
        b"",
        AT_EMPTY_PATH | AT_RECURSIVE,
        attributes,
        ctypes.c_size_t(32),
        call="mount_setattr(MOUNT_ATTR_RDONLY)",
    )
    os.mkdir(f"{place}/again")
    _syscall(SYS_MOVE_MOUNT, fd, b"", AT_FDCWD, f"{place}/again".encode(), 0x4, call="move_mount")
    try:
        os.mkdir(f"{place}/again/x")
    except OSError as error:
        if error.errno == errno.EROFS:
            return ""
    raise TrialError("mount_setattr(MOUNT_ATTR_RDONLY) without effect", errno.EIO)


def _in_new_pid_namespace(work: "Callable[[], None]") -> None:
    """Run `work` as PID 1 of the pid namespace that was unshared before."""
    reader, writer = os.pipe()
    pid = os.fork()  # noqa: TID251 this interpreter is a throw-away with one thread
    if pid == 0:
        try:
            work()
            answer = ""
        except TrialError as error:
            answer = f"{error.number} {error.call}"
        os.write(writer, answer.encode())
        os._exit(0)
    os.close(writer)
    answer = os.read(reader, 4096).decode()
    os.waitpid(pid, 0)
    if answer:
        number, _, call = answer.partition(" ")
        raise TrialError(call, int(number))


def try_proc() -> str:
    """Mount /proc of a new pid namespace and /sys of a new network namespace."""
    flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET
    _enter(flags, "CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET")

    def work() -> None:
        place = "/tmp" if os.path.isdir("/tmp") else "/usr"  # noqa: S108 covered by a mount of ours
        safe = MS_NOSUID | MS_NODEV | MS_NOEXEC
        _mount("proc", place, "proc", flags=safe)
        _mount("sysfs", place, "sysfs", flags=safe | MS_RDONLY)

    _in_new_pid_namespace(work)
    return ""


def try_terminal() -> str:
    """Mount an own devpts and open a pseudo-terminal in it."""
    place = _workshop()
    os.mkdir(f"{place}/pts")
    _mount("devpts", f"{place}/pts", "devpts", "newinstance,ptmxmode=0666,mode=0620")
    try:
        os.close(os.open(f"{place}/pts/ptmx", os.O_RDWR | os.O_NOCTTY))
    except OSError as error:
        raise TrialError('open("ptmx")', error.errno or 0) from None
    return ""


def try_loopback() -> str:
    """Bring `lo` of a new network namespace up and connect over it."""
    _enter(CLONE_NEWNET, "CLONE_NEWNET")
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
        request = struct.pack("16sH14x", b"lo", 0)
        try:
            request = fcntl.ioctl(server, SIOCGIFFLAGS, request)
            flags = struct.unpack("16sH14x", request)[1]
            fcntl.ioctl(server, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | IFF_UP))
            server.bind(("127.0.0.1", 0))
            server.listen(1)
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
                client.settimeout(5)
                client.connect(server.getsockname())
        except OSError as error:
            raise TrialError("connect over loopback", error.errno or 0) from None
    return ""


def _seccomp(flags: int, call: str) -> int:
    class Filter(ctypes.Structure):
        _fields_ = (
            ("code", ctypes.c_uint16),
            ("jt", ctypes.c_uint8),
            ("jf", ctypes.c_uint8),
            ("k", ctypes.c_uint32),
        )

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_uint16), ("filter", ctypes.POINTER(Filter)))

    number = SYS_SECCOMP.get(os.uname().machine)
    if number is None:
        raise TrialError(call, errno.ENOSYS)
    allow = Filter(0x06, 0, 0, SECCOMP_RET_ALLOW)  # BPF_RET | BPF_K
    program = Program(1, ctypes.pointer(allow))
    _check(_libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "prctl(PR_SET_NO_NEW_PRIVS)")
    return _syscall(number, SECCOMP_SET_MODE_FILTER, flags, ctypes.byref(program), call=call)


def try_seccomp() -> str:
    """Load a filter that allows everything."""
    _seccomp(0, "seccomp(SECCOMP_SET_MODE_FILTER)")
    return ""


def try_notification() -> str:
    """Load a filter with a listener for user notification."""
    _seccomp(SECCOMP_FILTER_FLAG_NEW_LISTENER, "seccomp(SECCOMP_FILTER_FLAG_NEW_LISTENER)")
    return ""


def _is_known(number: int, *arguments: object, call: str) -> str:
    """A call with senseless arguments: any answer but ENOSYS and EPERM shows that it is there."""
    try:
        _syscall(number, *arguments, call=call)
    except TrialError as error:
        if error.number in (errno.ENOSYS, errno.EPERM):
            raise
    return ""


def try_clone3() -> str:
    """Call clone3 with an impossible size."""
    return _is_known(SYS_CLONE3, None, ctypes.c_size_t(0), call="clone3")


def try_pidfd() -> str:
    """Open a pidfd of this process."""
    _syscall(SYS_PIDFD_OPEN, os.getpid(), 0, call="pidfd_open")
    return ""


def try_openat2() -> str:
    """Open "/" with RESOLVE_IN_ROOT."""
    how = (ctypes.c_uint64 * 3)(os.O_PATH | os.O_CLOEXEC, 0, 0x10)
    _syscall(SYS_OPENAT2, AT_FDCWD, b"/", how, ctypes.c_size_t(24), call="openat2(RESOLVE_IN_ROOT)")
    return ""


def try_close_range() -> str:
    """Close descriptors that are not open."""
    _syscall(SYS_CLOSE_RANGE, 1000000, 1000001, 0, call="close_range")
    return ""


def try_memfd() -> str:
    """Make a sealable file in memory that may be executed (the launcher runs from one)."""
    flags = os.MFD_CLOEXEC | MFD_ALLOW_SEALING
    try:
        fd = os.memfd_create("trial", flags | MFD_EXEC)
    except OSError as error:
        if error.errno != errno.EINVAL:  # before Linux 6.3 the flag is unknown and not needed
            raise TrialError("memfd_create(MFD_EXEC)", error.errno or 0) from None
        fd = os.memfd_create("trial", flags)
    if not os.fstat(fd).st_mode & 0o111:
        raise TrialError("memfd_create(MFD_EXEC)", errno.EACCES)
    return ""


NAMESPACES = {
    "mnt": (CLONE_NEWNS, "CLONE_NEWNS"),
    "pid": (CLONE_NEWPID, "CLONE_NEWPID"),
    "net": (CLONE_NEWNET, "CLONE_NEWNET"),
    "ipc": (CLONE_NEWIPC, "CLONE_NEWIPC"),
    "uts": (CLONE_NEWUTS, "CLONE_NEWUTS"),
    "cgroup": (CLONE_NEWCGROUP, "CLONE_NEWCGROUP"),
    "time": (CLONE_NEWTIME, "CLONE_NEWTIME"),
}
TRIALS: "dict[str, Callable[[], str]]" = {
    "user": try_user,
    "hold": try_hold,
    "overlay": try_overlay,
    "erofs": try_erofs,
    "tmpfs_xattr": try_tmpfs_xattr,
    "mount_fds": try_mount_fds,
    "proc": try_proc,
    "terminal": try_terminal,
    "loopback": try_loopback,
    "seccomp": try_seccomp,
    "notification": try_notification,
    "clone3": try_clone3,
    "pidfd": try_pidfd,
    "openat2": try_openat2,
    "close_range": try_close_range,
    "memfd": try_memfd,
}


def _give_up_root() -> None:
    try:
        os.setgroups([])
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)
    except OSError as error:
        raise TrialError("setresuid(65534)", error.errno or 0) from None
    _libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)  # else /proc/self/uid_map belongs to root


def main(arguments: list[str]) -> int:
    """Run the trial named by the first argument and print its answer."""
    answer: dict[str, object]
    try:
        if "unprivileged" in arguments[1:]:
            _give_up_root()
        name = arguments[0]
        if name in NAMESPACES:
            _enter(*NAMESPACES[name])
            detail = ""
        else:
            detail = TRIALS[name]()
        answer = {"ok": True, "detail": detail}
    except TrialError as error:
        answer = {"ok": False, "call": error.call, "errno": error.number}
    sys.stdout.write(json.dumps(answer) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
