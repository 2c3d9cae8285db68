"""Say whether this kernel runs programs of the processor's 32-bit sibling.

Facts about 32-bit programs
---------------------------
Whether they run is a matter of the kernel's configuration (IA32_EMULATION, COMPAT), of its command
line (ia32_emulation=0), and on ARM of the processor: some 64-bit ones have no 32-bit mode any more.
No file tells all of it, so the smallest program that there is gets executed: an ELF header, one
segment, exit(0).

Kernel: execve(2), elf(5), memfd_create(2).
"""

import os
import struct

# linux/elf-em.h
EM_386 = 3
EM_ARM = 40

_ADDRESS = 0x10000
_HEADERS_BYTES = 52 + 32
_EXITS = {
    # mov eax, 1; xor ebx, ebx; int 0x80
    "386": (EM_386, b"\xb8\x01\x00\x00\x00\x31\xdb\xcd\x80", 0),
    # mov r7, #1; mov r0, #0; svc 0
    "arm": (EM_ARM, b"\x01\x70\xa0\xe3\x00\x00\xa0\xe3\x00\x00\x00\xef", 0x5000000),
}
_tried: "dict[str, bool]" = {}


def runs(architecture: str) -> bool:
    """Say whether a program for "386" or "arm" starts here; False for anything else."""
    if architecture not in _EXITS:
        return False
    if architecture not in _tried:
        _tried[architecture] = _starts(program(architecture))
    return _tried[architecture]


def program(architecture: str) -> bytes:
    """Return an executable that does nothing but exit(0)."""
    machine, code, flags = _EXITS[architecture]
    size = _HEADERS_BYTES + len(code)
    identity = b"\x7fELF\x01\x01\x01".ljust(16, b"\0")
    entry = _ADDRESS + _HEADERS_BYTES
    header = struct.pack("<HHIIIIIHHHHHH", 2, machine, 1, entry, 52, 0, flags, 52, 32, 1, 0, 0, 0)
    segment = struct.pack("<IIIIIIII", 1, 0, _ADDRESS, _ADDRESS, size, size, 5, 0x1000)
    return identity + header + segment + code


def _starts(executable: bytes) -> bool:
    try:
        fd = os.memfd_create("wardian-32-bit", 0)
    except OSError:
        return False
    try:
        os.write(fd, executable)
        pid = os.posix_spawn(f"/proc/self/fd/{fd}", ["32-bit"], {})
        return os.waitpid(pid, 0)[1] == 0
    except OSError:
        return False
    finally:
        os.close(fd)
