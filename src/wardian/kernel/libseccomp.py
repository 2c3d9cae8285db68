"""Compile an OCI seccomp document to BPF with libseccomp.

libseccomp knows the numbers of system calls on every architecture, the calls that hide behind
socketcall(2) and ipc(2), and how to compare 64-bit arguments. Three things are done around it:

* Calls newer than the installed libseccomp are decided by number (`NEWER_CALLS`): since Linux 5.1
  a new call has the same number everywhere, so an old library does not make the box weaker or
  stricter than a new one would.
* What is newer than the newest call that the document names is answered with ENOSYS instead of
  a refusal, as runc does: programs probe for a new call and fall back on ENOSYS, not on EPERM.
* The program is laid out anew (`wardian.kernel.bpf`), because libseccomp's is slow to load.

Time of seccomp(2) with the default profile, x86_64 with its two compat ABIs, Linux 6.18, median of
201 children, less the 17 us that a program of one instruction takes:

    libseccomp, level 1 (linear)    1048 instructions   815 us
    libseccomp, level 2 (tree)      1293 instructions   240 us
    laid out anew                    253 instructions    55 us

Of the last, about 35 us are the kernel's compiler and 20 us its walk for the bitmap.

An architecture that the document doesn't list kills the process. runc leaves libseccomp's kill of
the one thread; the process is what cannot go on in a half-dead state.

Kernel: seccomp(2), seccomp_init(3), seccomp_rule_add(3), seccomp_export_bpf(3).
"""

import os

from wardian.errors import InternalError, SpecError, UnsupportedError
from wardian.kernel import bpf

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

# linux/seccomp.h, spelled as in the OCI runtime specification; the low 16 bits carry a value.
ACTIONS = {
    "SCMP_ACT_KILL": 0x00000000,
    "SCMP_ACT_KILL_THREAD": 0x00000000,
    "SCMP_ACT_KILL_PROCESS": 0x80000000,
    "SCMP_ACT_TRAP": 0x00030000,
    "SCMP_ACT_ERRNO": 0x00050000,
    "SCMP_ACT_TRACE": 0x7FF00000,
    "SCMP_ACT_NOTIFY": 0x7FC00000,
    "SCMP_ACT_LOG": 0x7FFC0000,
    "SCMP_ACT_ALLOW": 0x7FFF0000,
}
WITH_VALUE = ("SCMP_ACT_ERRNO", "SCMP_ACT_TRACE")
# With these as default a call is not refused, so an unknown call is not either.
PERMISSIVE = ("SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_TRACE")

# seccomp.h, enum scmp_compare
OPERATORS = {
    "SCMP_CMP_NE": 1,
    "SCMP_CMP_LT": 2,
    "SCMP_CMP_LE": 3,
    "SCMP_CMP_EQ": 4,
    "SCMP_CMP_GE": 5,
    "SCMP_CMP_GT": 6,
    "SCMP_CMP_MASKED_EQ": 7,
}

_X32_BIT = 0x40000000
# libseccomp's token, the kernel's AUDIT_ARCH value, what is added to the numbers of new calls.
ARCHITECTURES = {
    "SCMP_ARCH_X86": (0x40000003, 0x40000003, 0),
    "SCMP_ARCH_X86_64": (0xC000003E, 0xC000003E, 0),
    "SCMP_ARCH_X32": (0x4000003E, 0xC000003E, _X32_BIT),
    "SCMP_ARCH_ARM": (0x40000028, 0x40000028, 0),
    "SCMP_ARCH_AARCH64": (0xC00000B7, 0xC00000B7, 0),
    "SCMP_ARCH_LOONGARCH64": (0xC0000102, 0xC0000102, 0),
    "SCMP_ARCH_MIPS": (0x00000008, 0x00000008, 4000),
    "SCMP_ARCH_MIPS64": (0x80000008, 0x80000008, 5000),
    "SCMP_ARCH_MIPS64N32": (0xA0000008, 0xA0000008, 6000),
    "SCMP_ARCH_MIPSEL": (0x40000008, 0x40000008, 4000),
    "SCMP_ARCH_MIPSEL64": (0xC0000008, 0xC0000008, 5000),
    "SCMP_ARCH_MIPSEL64N32": (0xE0000008, 0xE0000008, 6000),
    "SCMP_ARCH_PPC": (0x00000014, 0x00000014, 0),
    "SCMP_ARCH_PPC64": (0x80000015, 0x80000015, 0),
    "SCMP_ARCH_PPC64LE": (0xC0000015, 0xC0000015, 0),
    "SCMP_ARCH_RISCV64": (0xC00000F3, 0xC00000F3, 0),
    "SCMP_ARCH_S390": (0x00000016, 0x00000016, 0),
    "SCMP_ARCH_S390X": (0x80000016, 0x80000016, 0),
}

# asm-generic/unistd.h, what came after libseccomp 2.5.4 (Linux 5.17).
NEWER_CALLS = {
    "set_mempolicy_home_node": 450,
    "cachestat": 451,
    "fchmodat2": 452,
    "map_shadow_stack": 453,
    "futex_wake": 454,
    "futex_wait": 455,
    "futex_requeue": 456,
    "statmount": 457,
    "listmount": 458,
    "lsm_get_self_attr": 459,
    "lsm_set_self_attr": 460,
    "lsm_list_modules": 461,
    "mseal": 462,
    "setxattrat": 463,
    "getxattrat": 464,
    "listxattrat": 465,
    "removexattrat": 466,
    "open_tree_attr": 467,
    "file_getattr": 468,
    "file_setattr": 469,
    "listns": 470,
    "rseq_slice_yield": 471,
}
# Newer calls that one architecture has alone.
_NEWER_CALLS_OF_ONE = {
    "uretprobe": ("SCMP_ARCH_X86_64", 335),
    "uprobe": ("SCMP_ARCH_X86_64", 336),
    "riscv_hwprobe": ("SCMP_ARCH_RISCV64", 258),
}

_UNKNOWN = -1
_ACT_BADARCH = 2
_CTL_OPTIMIZE = 8
_ENOSYS = 38
_EEXIST = 17
_MOST_ARGUMENTS = 6
_HIGHEST_NUMBER = 0xFFFFFFFF
_MOST_SIGNED = 0x7FFFFFFF
# Below this many rules the tree gains nothing, and libseccomp <= 2.5.4 fails on an empty one.
_TREE_FROM = 32


def assemble(document: "Mapping[str, Any]") -> bytes:
    """Compile an OCI `linux.seccomp` document for this machine.

    Args:
        document: a valid document, as `wardian.kernel.seccomp.resolve` gives it.

    Returns:
        An array of `struct sock_filter`.

    Raises:
        UnsupportedError: libseccomp is missing here, or too old for the document.
        SpecError: two rules contradict each other, or the program is too long for the kernel.
    """
    library = _Library()
    raw = _compile(library, document)
    program = bpf.lay_out(bpf.override(raw, _overrides(library, document)))
    count = len(program) // bpf.INSTRUCTION_BYTES
    if count > bpf.BPF_MAXINSNS:
        raise SpecError(
            f"the compiled filter has {count} instructions, the kernel takes {bpf.BPF_MAXINSNS}",
            where="syscalls",
            hint="use fewer argument rules",
        )
    return program


def unknown_calls(names: "Sequence[str]") -> dict[str, list[str]]:
    """Give those names that are no system call of any architecture, each with close matches.

    Raises:
        UnsupportedError: libseccomp is missing here.
    """
    library = _Library()
    unknown = [
        name
        for name in names
        if name not in NEWER_CALLS
        and name not in _NEWER_CALLS_OF_ONE
        and library.number(name) == _UNKNOWN
    ]
    if not unknown:
        return {}
    from difflib import get_close_matches

    known = library.names()
    return {name: get_close_matches(name, known, n=3, cutoff=0.6) for name in unknown}


def native_architecture() -> "tuple[str, int]":
    """Give this machine's architecture, as SCMP_ARCH_*, and its AUDIT_ARCH value.

    Raises:
        UnsupportedError: libseccomp is missing here, or does not know the machine.
    """
    native = _Library().native()
    for name, (token, audit, _new) in ARCHITECTURES.items():
        if token == native:
            return name, audit
    raise UnsupportedError(f"the architecture {native:#x} is not known", feature="seccomp")


def call_numbers(names: "Sequence[str]") -> dict[str, int]:
    """Give the numbers that calls have on this machine; those that it lacks are left out.

    Raises:
        UnsupportedError: libseccomp is missing here.
    """
    library = _Library()
    architecture = native_architecture()[0]
    found = {}
    for name in names:
        number = library.number(name, library.native())
        if number == _UNKNOWN:
            number = _newer_number(name, architecture)
        if number >= 0:
            found[name] = number
    return found


def call_name(number: int, audit: int) -> str:
    """Give the name of a call of any architecture; "" for one that nobody knows.

    Args:
        number: as the kernel saw it; x32 calls have bit 30 set.
        audit: AUDIT_ARCH value of the architecture.
    """
    library = _Library()
    for architecture, (token, value, base) in ARCHITECTURES.items():
        is_x32 = bool(number & _X32_BIT) and value == ARCHITECTURES["SCMP_ARCH_X86_64"][1]
        if value != audit or is_x32 != (architecture == "SCMP_ARCH_X32"):
            continue
        name = library.call_name(token, number)
        if name:
            return name
        for newer, new in NEWER_CALLS.items():
            if new + base == number:
                return newer
    return ""


def verdict(action: str, value: int | None) -> int:
    """Give the number that a filter returns for an action; `value` is its errnoRet."""
    if action in WITH_VALUE:
        return ACTIONS[action] | (1 if value is None else value & 0xFFFF)
    return ACTIONS[action]


class _Library:
    """The functions of libseccomp that are used here, with their types."""

    def __init__(self) -> None:
        import ctypes

        try:
            library = ctypes.CDLL("libseccomp.so.2")
        except OSError:
            raise UnsupportedError(
                "loading libseccomp.so.2: not found",
                feature="libseccomp",
                hint="install the package libseccomp2",
            ) from None

        class Condition(ctypes.Structure):
            """`struct scmp_arg_cmp`."""

            _fields_ = (
                ("index", ctypes.c_uint),
                ("operator", ctypes.c_int),
                ("a", ctypes.c_uint64),
                ("b", ctypes.c_uint64),
            )

        context, word, text = ctypes.c_void_p, ctypes.c_uint32, ctypes.c_char_p
        conditions = ctypes.POINTER(Condition)
        self._library = library
        self._free = ctypes.CDLL(None).free
        self._free.argtypes = (context,)
        self._conditions = Condition * _MOST_ARGUMENTS
        self._condition = Condition
        self._pointer = ctypes.c_char_p
        self._resolve = self._typed("seccomp_syscall_resolve_name", ctypes.c_int, text)
        self._resolve_there = self._typed(
            "seccomp_syscall_resolve_name_arch", ctypes.c_int, word, text
        )
        self._name = self._typed("seccomp_syscall_resolve_num_arch", context, word, ctypes.c_int)
        self.native = self._typed("seccomp_arch_native", word)
        self.init = self._typed("seccomp_init", context, word)
        self.release = self._typed("seccomp_release", None, context)
        self.set = self._typed("seccomp_attr_set", ctypes.c_int, context, ctypes.c_int, word)
        self.add_architecture = self._typed("seccomp_arch_add", ctypes.c_int, context, word)
        self.export = self._typed("seccomp_export_bpf", ctypes.c_int, context, ctypes.c_int)
        self._rule = self._typed(
            "seccomp_rule_add_array",
            *(ctypes.c_int, context, word, ctypes.c_int, ctypes.c_uint, conditions),
        )

    def _typed(self, name: str, result: "type | None", *arguments: type) -> "Callable[..., Any]":
        function = self._library[name]
        function.restype = result
        function.argtypes = arguments
        return function

    def number(self, name: str, token: int | None = None) -> int:
        """Give a call's number, negative where the architecture lacks it, -1 for no call."""
        if "\0" in name:
            return _UNKNOWN
        encoded = name.encode("utf-8", "replace")
        if token is None:
            return int(self._resolve(encoded))
        return int(self._resolve_there(token, encoded))

    def names(self) -> list[str]:
        """List the calls of the native architecture, for close matches."""
        found = dict.fromkeys(NEWER_CALLS)
        token = self.native()
        for number in range(1024):
            address = self._name(token, number)
            if address:
                found[(self._pointer(address).value or b"").decode()] = None
                self._free(address)
        return list(found)

    def call_name(self, token: int, number: int) -> str:
        """Give the name of a call; "" for none."""
        if number > _MOST_SIGNED:
            return ""
        address = self._name(token, number)
        if not address:
            return ""
        name = (self._pointer(address).value or b"").decode()
        self._free(address)
        return name

    def add_rule(self, context: int, action: int, number: int, arguments: "Sequence[Any]") -> int:
        """Add a rule; give 0 or the negative errno."""
        array = self._conditions(
            *(
                self._condition(
                    entry["index"],
                    OPERATORS[entry["op"]],
                    entry["value"],
                    entry.get("valueTwo", 0),
                )
                for entry in arguments
            )
        )
        return int(self._rule(context, action, number, len(arguments), array))


def _compile(library: _Library, document: "Mapping[str, Any]") -> bytes:
    """Give libseccomp's own program."""
    default = verdict(document["defaultAction"], document.get("defaultErrnoRet"))
    context = library.init(default)
    if not context:
        raise UnsupportedError(
            f'seccomp_init("{document["defaultAction"]}"): refused by libseccomp',
            feature="seccomp",
            hint="update libseccomp or the kernel",
        )
    try:
        _set_up(library, context, document)
        for place, rule in enumerate(document.get("syscalls") or ()):
            _add(library, context, rule, where=f"syscalls[{place}]", default=default)
        return _export(library, context)
    finally:
        library.release(context)


def _set_up(library: _Library, context: int, document: "Mapping[str, Any]") -> None:
    for place, name in enumerate(document.get("architectures") or ()):
        failed = -library.add_architecture(context, ARCHITECTURES[name][0])
        if failed and failed != _EEXIST:
            raise UnsupportedError(
                f'seccomp_arch_add("{name}"): {os.strerror(failed).lower()}'
                f" (architectures[{place}])",
                feature="libseccomp",
                hint="name architectures that this machine's libseccomp knows",
            )
    # Libraries before 2.4 and kernels before 4.14 keep the kill of the one thread.
    library.set(context, _ACT_BADARCH, ACTIONS["SCMP_ACT_KILL_PROCESS"])
    if sum(len(rule["names"]) for rule in document.get("syscalls") or ()) > _TREE_FROM:
        library.set(context, _CTL_OPTIMIZE, 2)


def _add(
    library: _Library, context: int, rule: "Mapping[str, Any]", *, where: str, default: int
) -> None:
    action = verdict(rule["action"], rule.get("errnoRet"))
    if action == default:
        return
    for name in rule["names"]:
        number = library.number(name)
        if number == _UNKNOWN:
            _check_unknown(name, rule, where)
            continue
        for arguments in alternatives(rule.get("args") or ()):
            failed = -library.add_rule(context, action, number, arguments)
            if failed == _EEXIST:
                raise SpecError(f'"{name}" has an earlier rule that contradicts this', where=where)
            if failed:
                raise UnsupportedError(
                    f'seccomp_rule_add("{name}", {rule["action"]}):'
                    f" {os.strerror(failed).lower()} ({where})",
                    feature="seccomp",
                    hint="the installed libseccomp or the kernel can't do this rule",
                )


def alternatives(arguments: "Sequence[Any]") -> "list[Sequence[Any]]":
    """Split a rule's conditions into the sets of which one must hold.

    Conditions hold together, but where two look at the same argument each stands alone: that is
    how runc reads such a rule, and profiles count on it.
    """
    indexes = {entry["index"] for entry in arguments}
    return [arguments] if len(indexes) == len(arguments) else [[entry] for entry in arguments]


def _check_unknown(name: str, rule: "Mapping[str, Any]", where: str) -> None:
    if rule.get("args") and (name in NEWER_CALLS or name in _NEWER_CALLS_OF_ONE):
        raise UnsupportedError(
            f'compiling {where}: this libseccomp is too old to check arguments of "{name}"',
            feature="libseccomp",
            hint="install a newer libseccomp2, or drop the rule's args",
        )


def _export(library: _Library, context: int) -> bytes:
    descriptor = os.memfd_create("wardian-seccomp", os.MFD_CLOEXEC)
    try:
        failed = -library.export(context, descriptor)
        if failed:
            raise InternalError(f"seccomp_export_bpf: {os.strerror(failed).lower()}")
        size = os.fstat(descriptor).st_size
        program = os.pread(descriptor, size, 0)
    finally:
        os.close(descriptor)
    if not program or len(program) != size or size % bpf.INSTRUCTION_BYTES:
        raise InternalError(f"seccomp_export_bpf: {size} bytes are no program")
    return program


def _overrides(library: _Library, document: "Mapping[str, Any]") -> list[tuple[int, int, int, int]]:
    """Decide by number what libseccomp doesn't know, and answer ENOSYS for what nobody knows."""
    native = library.native()
    names = [name for name, entry in ARCHITECTURES.items() if entry[0] == native]
    names += [name for name in document.get("architectures") or () if name not in names]
    stub = document["defaultAction"] not in PERMISSIVE
    unsupported = verdict("SCMP_ACT_ERRNO", _ENOSYS)
    rules = []
    for name in names:
        token, audit, _ = ARCHITECTURES[name]
        newest = 0
        newer = []
        for rule in document.get("syscalls") or ():
            action = verdict(rule["action"], rule.get("errnoRet"))
            for call in rule["names"]:
                number = library.number(call, token)
                if number == _UNKNOWN and (number := _newer_number(call, name)) != _UNKNOWN:
                    newer.append((number, action))
                newest = max(newest, number)
        rules += [(audit, *entry) for entry in _ranges(newer)]
        if stub and newest:
            last = _X32_BIT - 1 if name == "SCMP_ARCH_X86_64" else _HIGHEST_NUMBER
            rules.append((audit, newest + 1, last, unsupported))
        if stub and name in {"SCMP_ARCH_S390", "SCMP_ARCH_S390X"}:
            # A number that the kernel doesn't know arrives as 0 there.
            rules.append((audit, 0, 0, unsupported))
    return rules


def _ranges(decided: list[tuple[int, int]]) -> list[tuple[int, int, int]]:
    """Join neighbouring numbers with the same verdict to (first, last, verdict)."""
    joined: list[tuple[int, int, int]] = []
    for number, action in sorted(decided, key=lambda entry: entry[0]):
        if joined and joined[-1][1:] == (number - 1, action):
            joined[-1] = (joined[-1][0], number, action)
        else:
            joined.append((number, number, action))
    return joined


def _newer_number(call: str, architecture: str) -> int:
    if call in NEWER_CALLS:
        return NEWER_CALLS[call] + ARCHITECTURES[architecture][2]
    only, number = _NEWER_CALLS_OF_ONE.get(call, ("", _UNKNOWN))
    return number if only == architecture else _UNKNOWN
