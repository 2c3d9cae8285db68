"""Part of runtime.validate: devices, interfaces, paths and the smaller parts of `linux` (pure).

Facts about what the kernel takes
---------------------------------
The name of a network interface has at most 15 bytes, no slash, colon or blank (net/core/dev.c:
dev_valid_name); one that ends in "%d" is a pattern, which gets the next free number. Of the memory
policies, default and local take no nodes, and those for several nodes need some.

Source: opencontainers/runtime-spec 1.3, config-linux.md.
Kernel: set_mempolicy(2), since Linux 2.6.7.
"""

from wardian.kernel.profile_reader import shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from wardian.kernel.profile_reader import Faults

    Document = dict[str, Any]

_LONGEST_INTERFACE = 15
_MEANT_BY_NODES = (
    "MPOL_BIND",
    "MPOL_INTERLEAVE",
    "MPOL_WEIGHTED_INTERLEAVE",
    "MPOL_PREFERRED_MANY",
)


def check(faults: "Faults", linux: "Document", kinds: "dict[str, str]") -> None:
    """Find what is wrong with these parts; `kinds` are the namespaces and their paths."""
    _devices(faults, linux)
    _interfaces(faults, linux, kinds)
    _paths(faults, linux, kinds)
    _memory_policy(faults, linux.get("memoryPolicy", {}))
    _rdt(faults, linux.get("intelRdt", {}))
    _seccomp(faults, linux.get("seccomp", {}))
    for flag in linux.get("personality", {}).get("flags", ()):
        faults.add("linux.personality.flags", f'no flags are supported, not "{shown(flag)}"')


def _devices(faults: "Faults", linux: "Document") -> None:
    for place, device in enumerate(linux.get("devices", ())):
        kind = device.get("type")
        for key in ("major", "minor"):
            if key not in device and kind not in ("p", None):
                faults.add(f"linux.devices[{place}].{key}", f'is missing or bad, for type "{kind}"')


def _interfaces(faults: "Faults", linux: "Document", kinds: "dict[str, str]") -> None:
    devices = linux.get("netDevices")
    if not devices:
        return
    if "network" not in kinds:
        faults.add("linux.netDevices", "needs a network namespace")
    taken = set()
    for name, device in devices.items():
        where = f"linux.netDevices.{shown(name)}"
        inside = device.get("name") or name
        for each in {name, inside}:
            if not _interface(each):
                faults.add(where, f'"{shown(each)}" can\'t be the name of an interface')
        if inside in taken and not inside.endswith("%d"):
            faults.add(where, f'"{shown(inside)}" stands twice')
        taken.add(inside)


def _interface(name: str) -> bool:
    return (
        0 < len(name.encode()) <= _LONGEST_INTERFACE
        and name not in (".", "..")
        and not any(letter in "/:" or letter.isspace() for letter in name)
    )


def _paths(faults: "Faults", linux: "Document", kinds: "dict[str, str]") -> None:
    if "mount" not in kinds:
        for key in ("maskedPaths", "readonlyPaths"):
            if linux.get(key):
                faults.add("linux." + key, "needs a mount namespace")
    if ".." in linux.get("cgroupsPath", "").split("/"):
        faults.add("linux.cgroupsPath", 'must have no ".."')


def _memory_policy(faults: "Faults", policy: "Document") -> None:
    mode = policy.get("mode", "")
    where = "linux.memoryPolicy"
    nodes = policy.get("nodes", "")
    if mode in _MEANT_BY_NODES and not nodes:
        faults.add(where + ".nodes", f"is missing, and {mode} needs it")
    if mode in ("MPOL_DEFAULT", "MPOL_LOCAL") and nodes:
        faults.add(where + ".nodes", f"must be empty for {mode}")
    if nodes:
        from wardian.kernel.cgroup_files import parse_cpulist

        try:
            parse_cpulist(nodes)
        except ValueError as error:
            faults.add(where + ".nodes", f"no list of memory nodes: {shown(str(error))}")
    flags = policy.get("flags", ())
    if "MPOL_F_STATIC_NODES" in flags and "MPOL_F_RELATIVE_NODES" in flags:
        faults.add(
            where + ".flags", "MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES exclude another"
        )


def _rdt(faults: "Faults", rdt: "Document") -> None:
    where = "linux.intelRdt"
    identity = rdt.get("closID", "")  # "/" is the default class, the root of the file system
    if identity in (".", "..") or ("/" in identity and identity != "/") or "\n" in identity:
        faults.add(where + ".closID", "must be the name of a directory")
    schema = rdt.get("memBwSchema")
    if schema and (not schema.startswith("MB:") or "\n" in schema):
        faults.add(where + ".memBwSchema", "must be one line that begins with MB:")
    for place, line in enumerate(rdt.get("schemata", ())):
        if "\n" in line:
            faults.add(f"{where}.schemata[{place}]", "must be one line")


def _seccomp(faults: "Faults", seccomp: "Document") -> None:
    where = "linux.seccomp"
    if seccomp.get("listenerMetadata") and not seccomp.get("listenerPath"):
        faults.add(where + ".listenerMetadata", "needs listenerPath")
    for place, rule in enumerate(seccomp.get("syscalls", ())):
        if rule.get("names") == []:
            faults.add(f"{where}.syscalls[{place}].names", "needs one name at least")
