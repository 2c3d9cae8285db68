"""Resolve seccomp profiles to OCI documents, and compile those to BPF (pure but for `assemble`).

A profile in docker's JSON format says under what conditions its rules hold: capabilities, kernel
version, architecture. `resolve` decides them and gives what the OCI runtime specification calls
`linux.seccomp`, which has no conditions. That document is its own profile: resolving it again
changes nothing.

What docker and runc do, and so do we: a rule's `includes.caps` must all be held and one of
`excludes.caps` suffices to drop it; null is the same as absent; a system call that the installed
libseccomp does not know is skipped where the default refuses it anyway. What they do and we don't:
a call, capability, architecture or key that is misspelled is a fault here, not a silently
missing rule.

Kernel: seccomp(2), since Linux 3.17; Documentation/userspace-api/seccomp_filter.rst.
"""

from wardian.errors import SpecError, UsageError
from wardian.kernel import capabilities, libseccomp
from wardian.kernel.profile_reader import Faults, join, unknown_word

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    Document = dict[str, Any]

# What uname(2) and docker call an architecture; the first of docker's words is used in profiles.
_MACHINES = {
    "x86_64": "amd64",
    "i386": "x86",
    "i486": "x86",
    "i586": "x86",
    "i686": "x86",
    "386": "x86",
    "aarch64": "arm64",
    "armv6l": "arm",
    "armv7l": "arm",
    "armv8l": "arm",
    "loong64": "loongarch64",
    "mips64le": "mipsel64",
    "mipsle": "mipsel",
}
_ARCHITECTURES = {
    "amd64": "SCMP_ARCH_X86_64",
    "x86": "SCMP_ARCH_X86",
    "x32": "SCMP_ARCH_X32",
    "arm": "SCMP_ARCH_ARM",
    "arm64": "SCMP_ARCH_AARCH64",
    "loongarch64": "SCMP_ARCH_LOONGARCH64",
    "mips": "SCMP_ARCH_MIPS",
    "mips64": "SCMP_ARCH_MIPS64",
    "mips64n32": "SCMP_ARCH_MIPS64N32",
    "mipsel": "SCMP_ARCH_MIPSEL",
    "mipsel64": "SCMP_ARCH_MIPSEL64",
    "mipsel64n32": "SCMP_ARCH_MIPSEL64N32",
    "mips3l64n32": "SCMP_ARCH_MIPSEL64N32",
    "ppc": "SCMP_ARCH_PPC",
    "ppc64": "SCMP_ARCH_PPC64",
    "ppc64le": "SCMP_ARCH_PPC64LE",
    "riscv64": "SCMP_ARCH_RISCV64",
    "s390": "SCMP_ARCH_S390",
    "s390x": "SCMP_ARCH_S390X",
}
_COMPATIBLE = {
    "SCMP_ARCH_X86_64": ("SCMP_ARCH_X86", "SCMP_ARCH_X32"),
    "SCMP_ARCH_AARCH64": ("SCMP_ARCH_ARM",),
    "SCMP_ARCH_S390X": ("SCMP_ARCH_S390",),
}

# linux/seccomp.h, spelled as in the OCI runtime specification. A launcher has one thread, so
# TSYNC has nothing to do; without any flags key runc takes SPEC_ALLOW.
FLAGS = {
    "SECCOMP_FILTER_FLAG_TSYNC": 0,
    "SECCOMP_FILTER_FLAG_LOG": 0x2,
    "SECCOMP_FILTER_FLAG_SPEC_ALLOW": 0x4,
    "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV": 0x20,
}
_DEFAULT_FLAGS = 0x4
_NEW_LISTENER = 0x8

_PROFILE_KEYS = (
    *("defaultAction", "defaultErrnoRet", "architectures", "archMap", "flags", "listenerPath"),
    *("listenerMetadata", "syscalls", "defaultErrno", "comment", "comments"),
)
_RULE_KEYS = (
    *("names", "name", "action", "errnoRet", "args", "includes", "excludes", "errno"),
    *("comment", "comments"),
)
_ARGUMENT_KEYS = ("index", "value", "valueTwo", "op", "comment", "comments")
_CONDITION_KEYS = ("caps", "arches", "minKernel", "comment", "comments")
_ARCH_MAP_KEYS = ("architecture", "subArchitectures", "comment", "comments")

# The kernel takes errnos up to 4095, libseccomp one less.
_MAX_ERRNO = 4094
_MAX_TRACE = 0xFFFF
_MAX_VALUE = 0xFFFFFFFFFFFFFFFF
_MAX_INDEX = 5

# Without these a program that is filtered by an allow-list could neither begin nor end.
_TO_BEGIN_AND_END = ("execve", "exit", "exit_group", "restart_syscall", "rt_sigreturn", "sigreturn")


def resolve(profile: object, *, caps: int, arch: str, kernel: tuple[int, int]) -> "Document":
    """Give the OCI `linux.seccomp` document that a profile means for one box.

    Args:
        profile: a profile in docker's or in OCI's form, as `json.load` gives it.
        caps: mask of the capabilities in the box's bounding set.
        arch: the machine, as uname(2) or docker spells it.
        kernel: version and major revision, (6, 1) for 6.1.99.

    Raises:
        SpecError: the profile is wrong; `where` is the first fault's JSON path, the hint has all
            others.
        UsageError: `arch` is no architecture.
    """
    word = machine(arch)
    faults = Faults()
    top = faults.table(profile, "", _PROFILE_KEYS)
    document: Document = {}
    _copy_action(faults, top, document, "", "defaultAction", "defaultErrnoRet")
    if document.get("defaultAction") == "SCMP_ACT_NOTIFY":
        faults.add("defaultAction", "SCMP_ACT_NOTIFY can't be the default: nothing could be loaded")
    document["architectures"] = _architectures(faults, top, _ARCHITECTURES[word])
    if top.get("flags") is not None:
        document["flags"] = faults.words(top, "flags", "", tuple(FLAGS))
    for key in ("listenerPath", "listenerMetadata"):
        if faults.text(top, key, ""):
            document[key] = top[key]
    document["syscalls"] = []
    for place, entry in enumerate(faults.array(top, "syscalls", "")):
        where = f"syscalls[{place}]"
        table = faults.table(entry, where, _RULE_KEYS)
        rule = _rule(faults, table, where)
        applies = [
            _condition(faults, table, f"{where}.{key}", (caps, word, kernel))
            for key in ("includes", "excludes")
        ]
        if all(applies):
            document["syscalls"].append(rule)
    faults.report()
    return document


def machine(arch: str) -> str:
    """Give docker's word for an architecture.

    Raises:
        UsageError: there is no such architecture.
    """
    word = _MACHINES.get(arch, arch)
    if word not in _ARCHITECTURES:
        raise UsageError(f'unknown architecture "{arch}"', hint="give what uname -m prints")
    return word


def allow_list(names: "Sequence[str]", arch: str = "") -> "Document":
    """Give the document that allows the named system calls and refuses all others with EPERM.

    What a program needs to begin and end (execve, exit_group, the return from a signal) is
    allowed too, since a filter without it runs nothing.

    Args:
        names: system calls.
        arch: the machine; this one if empty.

    Raises:
        UsageError: one of them is no system call; the hint has close matches.
        UnsupportedError: libseccomp, which knows the names, is missing.
    """
    if not arch:
        import os

        arch = os.uname().machine
    unknown = libseccomp.unknown_calls(names)
    if unknown:
        words = ", ".join(f'"{name}"' for name in unknown)
        close = sorted({match for matches in unknown.values() for match in matches})
        raise UsageError(
            f"unknown system call {words}",
            hint=f"did you mean {' or '.join(close)}?" if close else "syscalls(2) lists the names",
        )
    native = _ARCHITECTURES[machine(arch)]
    return {
        "defaultAction": "SCMP_ACT_ERRNO",
        "defaultErrnoRet": 1,
        "architectures": [native, *_COMPATIBLE.get(native, ())],
        "syscalls": [
            {"names": sorted({*names, *_TO_BEGIN_AND_END}), "action": "SCMP_ACT_ALLOW"},
        ],
    }


def digest(document: "Mapping[str, Any]") -> str:
    """Give the sha256 of a document's canonical form, in hexadecimal."""
    import hashlib
    import json

    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def flags(document: "Mapping[str, Any]") -> int:
    """Give the flags for seccomp(2), SECCOMP_SET_MODE_FILTER."""
    chosen = document.get("flags")
    result = _DEFAULT_FLAGS if chosen is None else 0
    for name in chosen or ():
        result |= FLAGS[name]
    if asks_listener(document):
        result |= _NEW_LISTENER
    return result


def asks_listener(document: "Mapping[str, Any]") -> bool:
    """Say whether a rule hands calls to a supervisor."""
    return any(rule["action"] == "SCMP_ACT_NOTIFY" for rule in document.get("syscalls") or ())


def assemble(document: "Mapping[str, Any]", *, lenient: bool = False) -> bytes:
    """Compile a document for this machine to an array of `struct sock_filter`.

    Args:
        document: as `resolve` gives it.
        lenient: as other runtimes do it: calls that do not exist are left out, of rules that
            contradict each other libseccomp takes one.

    Raises:
        SpecError: a call that is to be refused does not exist, or rules contradict each other.
        UnsupportedError: libseccomp is missing or too old for it.
    """
    if not lenient:
        _check_refusals(document)
        _check_contradictions(document)
    return libseccomp.assemble(document)


def _check_refusals(document: "Mapping[str, Any]") -> None:
    """Refuse to forget a refusal: under a permissive default a misspelled call stays allowed."""
    if document["defaultAction"] not in libseccomp.PERMISSIVE:
        return
    for place, rule in enumerate(document.get("syscalls") or ()):
        unknown = libseccomp.unknown_calls(rule["names"])
        for name, close in unknown.items():
            raise SpecError(
                f'unknown system call "{name}" would stay allowed',
                where=f"syscalls[{place}].names",
                hint=f"did you mean {' or '.join(close)}?" if close else "remove the name",
            )


def _check_contradictions(document: "Mapping[str, Any]") -> None:
    """Refuse rules of which libseccomp would silently drop one.

    A rule without conditions decides a call; what else is said about it has no effect.
    """
    decided: dict[str, tuple[int, int]] = {}
    for only_decisive in (True, False):
        for place, rule in enumerate(document.get("syscalls") or ()):
            if only_decisive and rule.get("args"):
                continue
            action = libseccomp.verdict(rule["action"], rule.get("errnoRet"))
            for name in rule["names"]:
                first, other = decided.get(name, (place, action))
                if action != other:
                    raise SpecError(
                        f'"{name}" is decided otherwise, without conditions, by syscalls[{first}]',
                        where=f"syscalls[{place}]",
                        hint="remove the name from one of the two rules",
                    )
                if only_decisive:
                    decided.setdefault(name, (place, action))


def _copy_action(faults: Faults, table: "Document", result: "Document", *keys: str) -> None:
    """Copy an action and the value that goes with it; keys: where, the action, the value."""
    where, action_key, value_key = keys
    action = faults.choice(table, action_key, where, tuple(libseccomp.ACTIONS))
    highest = _MAX_TRACE if action == "SCMP_ACT_TRACE" else _MAX_ERRNO
    value = faults.integer(table, value_key, where, highest)
    if action:
        result[action_key] = action
    if value is None:
        return
    if action and action not in libseccomp.WITH_VALUE:
        faults.add(join(where, value_key), f"{action} takes no value")
    result[value_key] = value


def _architectures(faults: Faults, top: "Document", native: str) -> list[str]:
    """Give the architectures of a profile that matter on a machine."""
    known = tuple(libseccomp.ARCHITECTURES)
    listed = faults.words(top, "architectures", "", known)
    result: list[str] = []
    for place, entry in enumerate(faults.array(top, "archMap", "")):
        where = f"archMap[{place}]"
        table = faults.table(entry, where, _ARCH_MAP_KEYS)
        name = faults.choice(table, "architecture", where, known)
        others = faults.words(table, "subArchitectures", where, known)
        if name == native and not result:
            result = [name, *others]
    if listed and top.get("archMap"):
        faults.add("archMap", 'use either "architectures" or "archMap"')
    return listed or result


def _rule(faults: Faults, table: "Document", where: str) -> "Document":
    """Give a rule without its conditions."""
    names = faults.words(table, "names", where)
    single = faults.text(table, "name", where)
    if single and table.get("names"):
        faults.add(where, 'use either "name" or "names"')
    if not names and not single and not table.get("names"):
        faults.add(f"{where}.names", "is missing or empty")
    rule: Document = {"names": names or [single]}
    _copy_action(faults, table, rule, where, "action", "errnoRet")
    if rule.get("action") == "SCMP_ACT_NOTIFY" and "write" in rule["names"]:
        faults.add(f"{where}.action", "write can't be handed on: the launcher needs it to report")
    arguments = [
        _argument(faults, entry, f"{where}.args[{place}]")
        for place, entry in enumerate(faults.array(table, "args", where))
    ]
    if arguments:
        rule["args"] = arguments
    return rule


def _argument(faults: Faults, entry: object, where: str) -> "Document":
    table = faults.table(entry, where, _ARGUMENT_KEYS)
    if not isinstance(entry, dict):
        return {"index": 0}
    for key in ("index", "value"):
        if table.get(key) is None:
            faults.add(f"{where}.{key}", "is missing")
    second = faults.integer(table, "valueTwo", where, _MAX_VALUE)
    argument: Document = {
        "index": faults.integer(table, "index", where, _MAX_INDEX) or 0,
        "value": faults.integer(table, "value", where, _MAX_VALUE) or 0,
        "op": faults.choice(table, "op", where, tuple(libseccomp.OPERATORS)),
    }
    if second:
        argument["valueTwo"] = second
    return argument


def _condition(
    faults: Faults, table: "Document", where: str, box: tuple[int, str, tuple[int, int]]
) -> bool:
    """Decide `includes` or `excludes` of a rule: may it hold for this box?"""
    key = where.rpartition(".")[2]
    if table.get(key) is None:
        return True
    condition = faults.table(table[key], where, _CONDITION_KEYS)
    caps, word, kernel = box
    held = [
        bool(caps >> number & 1)
        for place, name in enumerate(faults.words(condition, "caps", where))
        if (number := _capability(faults, name, f"{where}.caps[{place}]")) >= 0
    ]
    arches = faults.words(condition, "arches", where, tuple(_ARCHITECTURES))
    least = _version(faults, condition, where)
    if key == "excludes":
        return not (any(held) or word in arches or (least is not None and kernel >= least))
    return all(held) and (not arches or word in arches) and (least is None or kernel >= least)


def _capability(faults: Faults, name: str, where: str) -> int:
    try:
        return capabilities.number(name)
    except UsageError:
        faults.add(where, unknown_word(name, capabilities.NAMES))
        return -1


def _version(faults: Faults, condition: "Document", where: str) -> tuple[int, int] | None:
    """Read `minKernel`; of a version only the first two numbers count."""
    text = faults.text(condition, "minKernel", where)
    if not text:
        return None
    parts = text.split(".")
    if len(parts) == 2 and all(part.isascii() and part.isdigit() for part in parts):
        return int(parts[0]), int(parts[1])
    faults.add(f"{where}.minKernel", f'must be like "4.8", not "{text}"')
    return None
