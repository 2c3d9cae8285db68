"""Let programs of other processors run by QEMU's user emulation, through binfmt_misc.

Facts about binfmt_misc
-----------------------
A handler says by which bytes a file begins, under a mask, and which interpreter runs it. With flag
F the kernel opens the interpreter when the handler is registered, so it need not be found inside of
a box. Without flag C the file's set-id bits count for nothing; wardian never sets it. With flag P
it is told argv[0] besides the file's path, which busybox and login shells need to know who they
are; QEMU understands that since 6.0, and takes it for an argument before.

Since Linux 6.7 each user namespace can have its own list, which counts instead of its parents': it
is the binfmt_misc file system mounted in that namespace, and lives as long as that mount, which may
be one that was never attached. Registering there needs no privilege outside. Before, there is one
list for the machine, and only root changes it.

Kernel: Documentation/admin-guide/binfmt-misc.rst, elf(5), setns(2), user_namespaces(7).
"""

import errno
import os

from wardian import errors
from wardian.kernel import mounts, probe, side_process

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

HOST_LIST = "/proc/sys/fs/binfmt_misc"
PLACES = ("/usr/bin", "/usr/local/bin", "/usr/libexec/qemu-binfmt", "/bin")
_OWN_LIST = (6, 7)
_QEMU_KEEPS_NAME = 6
_VERSION_S = 10
_LITTLE, _BIG = 1, 2
_IDENT_BYTES = 20

# By OCI platform: class (bytes of an address / 4), byte order, e_machine (elf.h), QEMU's name.
MACHINES = {
    "linux/amd64": (2, _LITTLE, 62, "x86_64"),
    "linux/386": (1, _LITTLE, 3, "i386"),
    "linux/arm64": (2, _LITTLE, 183, "aarch64"),
    "linux/arm": (1, _LITTLE, 40, "arm"),
    "linux/riscv64": (2, _LITTLE, 243, "riscv64"),
    "linux/s390x": (2, _BIG, 22, "s390x"),
    "linux/ppc64le": (2, _LITTLE, 21, "ppc64le"),
    "linux/ppc64": (2, _BIG, 21, "ppc64"),
    "linux/mips64le": (2, _LITTLE, 8, "mips64el"),
    "linux/mips64": (2, _BIG, 8, "mips64"),
    "linux/loong64": (2, _LITTLE, 258, "loongarch64"),
}


def platform_of(start: bytes) -> str:
    """Say for which platform a program was made, by its first 20 bytes; "" for anything else."""
    if len(start) < _IDENT_BYTES or start[:4] != b"\x7fELF":
        return ""
    order = start[5]
    machine = int.from_bytes(start[18:20], "little" if order == _LITTLE else "big")
    for platform, known in MACHINES.items():
        if known[:3] == (start[4], order, machine):
            return platform
    return ""


def family(platform: str) -> str:
    """Return a platform without its variant: "linux/arm/v7" is "linux/arm"."""
    return "/".join(platform.split("/")[:2])


def rule(platform: str, interpreter: str, *, keeps_name: bool = False) -> bytes:
    """Return the line that registers an interpreter for a platform.

    Args:
        platform: of OCI.
        interpreter: its path.
        keeps_name: it understands to be told argv[0].

    Raises:
        NotFoundError: QEMU is not known to emulate it.
        UsageError: the interpreter's path can't be written in such a line.
    """
    known = MACHINES.get(family(platform))
    if known is None:
        raise errors.NotFoundError(f'no emulation of "{platform}" is known')
    size, order, machine, name = known
    kind, loose = _half_word(2, order), _half_word(0xFFFE, order)  # ET_EXEC, and ET_DYN passes
    magic = b"\x7fELF" + bytes([size, order, 1]) + bytes(9) + kind + _half_word(machine, order)
    mask = b"\xff" * 7 + b"\0" + b"\xff" * 8 + loose + b"\xff\xff"  # any ABI byte
    if ":" in interpreter or len(interpreter) > 128:
        raise errors.UsageError(f'"{interpreter}" can\'t be registered: a ":" or too long')
    flags = b"PF" if keeps_name else b"F"
    text = [_escaped(magic), _escaped(mask), os.fsencode(interpreter), flags]
    return b":wardian-" + name.encode() + b":M::" + b":".join(text)


def _half_word(value: int, order: int) -> bytes:
    return value.to_bytes(2, "little" if order == _LITTLE else "big")


def _escaped(data: bytes) -> bytes:
    return b"".join(b"\\x%02x" % byte for byte in data)


def find_interpreter(platform: str) -> str:
    """Return the static QEMU that runs a platform's programs.

    Raises:
        UnsupportedError: it is not installed.
        NotFoundError: QEMU is not known to emulate it.
    """
    known = MACHINES.get(family(platform))
    if known is None:
        raise errors.NotFoundError(f'no emulation of "{platform}" is known')
    for place in PLACES:
        for name in (f"qemu-{known[3]}-static", f"qemu-{known[3]}"):
            if os.access(f"{place}/{name}", os.X_OK) and _is_static(f"{place}/{name}"):
                return f"{place}/{name}"
    raise errors.UnsupportedError(
        f'programs for "{platform}" need emulation: "qemu-{known[3]}-static" is not installed',
        feature="emulation",
        hint="install the package qemu-user-static (Debian, Fedora)",
    )


def _is_static(path: str) -> bool:
    from wardian.kernel import elf

    try:
        found = elf.read(path)
        return found is not None and not found.interpreter
    except (errors.WardianError, OSError):
        return False


def _rule_here(platform: str) -> bytes:
    interpreter = find_interpreter(platform)
    return rule(platform, interpreter, keeps_name=_keeps_name(interpreter))


def _keeps_name(interpreter: str) -> bool:
    """Say whether a QEMU is new enough for flag P."""
    import subprocess

    words = [interpreter, "--version"]
    try:
        done = subprocess.run(words, capture_output=True, timeout=_VERSION_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    _before, _word, version = done.stdout.partition(b" version ")
    major = version.partition(b".")[0]
    return major.isdigit() and int(major) >= _QEMU_KEEPS_NAME


def is_on_the_host(platform: str, directory: str = HOST_LIST) -> bool:
    """Return whether the machine's own list runs a platform's programs inside of any root."""
    known = MACHINES.get(family(platform))
    try:
        names = os.listdir(directory)
    except OSError:
        return False
    for name in names:
        if name in ("register", "status"):
            continue
        try:
            with open(f"{directory}/{name}", "rb") as file:
                lines = file.read(4096).decode("latin-1").split("\n")
        except OSError:
            continue
        words = dict(line.partition(" ")[::2] for line in lines)
        magic = bytes.fromhex(words.get("magic", ""))
        found = MACHINES.get(platform_of(magic[:_IDENT_BYTES]))
        if known == found and "enabled" in words and "F" in words.get("flags:", ""):
            return True
    return False


def register(platforms: "Sequence[str]", pid: int) -> int:
    """Let a process's user namespace run the programs of these platforms, and nobody else.

    Args:
        platforms: OCI platforms, with or without a variant.
        pid: a process in a user namespace of the caller's; it still sees the host's files.

    Returns:
        A descriptor; the handlers go with it.

    Raises:
        UnsupportedError: QEMU is not installed, or the kernel has no lists of namespaces.
        KernelError: the kernel refuses.
    """
    if probe.facts().kernel < _OWN_LIST:
        raise errors.UnsupportedError(
            "binfmt_misc has no list for each user namespace before Linux 6.7",
            feature="emulation",
            hint="as root, for the whole machine: apt-get install binfmt-support qemu-user-static",
        )
    rules = [os.fsdecode(_rule_here(name)) for name in platforms]
    return side_process.descriptor("wardian.kernel.binfmt:serve", [str(pid), *rules])


def hold_on_the_host(platforms: "Sequence[str]") -> int:
    """Let the whole machine run the programs of these platforms for as long as it is needed.

    Where binfmt_misc is mounted on the host, the handlers stay. Where it is not, they go with the
    last descriptor since Linux 6.7, and the host's list is what it was.

    Returns:
        A descriptor of a mount of the machine's list.

    Raises:
        UnsupportedError: QEMU is not installed.
        KernelError: EPERM ...
    """
    rules = [_rule_here(name) for name in platforms]
    fd = mounts.make("binfmt_misc", "binfmt_misc", [], attributes=0)
    try:
        for line in rules:
            try:
                _write(fd, line)
            except errors.KernelError as error:
                if error.errno != errno.EEXIST:  # by another box of ours
                    raise
    except BaseException:
        os.close(fd)
        raise
    return fd


def _write(directory: int, line: bytes) -> None:
    try:
        fd = os.open("register", os.O_WRONLY | os.O_CLOEXEC, dir_fd=directory)
        try:
            os.write(fd, line)
        finally:
            os.close(fd)
    except OSError as error:
        name = line.split(b":")[1].decode()
        raise errors.KernelError(f"register {name} with binfmt_misc", error.errno or 0) from None


def serve(arguments: "list[str]") -> str:
    """In a process of its own: join a namespace, register, send the mount: PID RULE..."""
    pid, *rules = arguments
    mounts.join(int(pid))
    fd = mounts.make("binfmt_misc", "binfmt_misc", [], attributes=0)
    for line in rules:
        _write(fd, os.fsencode(line))
    side_process.send(fd)
    return ""
