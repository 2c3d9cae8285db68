"""Part of runtime.validate: what the parts of config.json must make sense of together (pure).

Facts about what the kernel takes
---------------------------------
A map of ids has at most 340 lines, none empty, none overlapping on either side. Time offsets exist
for two clocks. A name in a UTS namespace has 64 bytes. The sysctls of ipc, uts, network and user
namespaces are those below; any other belongs to the whole machine.

Source: opencontainers/runtime-spec 1.3, config.md and config-linux.md; where the kernel would
refuse later or the host would be changed, runc's rules (its validator), for the same reasons.
Kernel: user_namespaces(7), time_namespaces(7), proc(5).
"""

from wardian.kernel.profile_reader import shown
from wardian.oci import validate_linux

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from wardian.kernel.profile_reader import Faults

    Document = dict[str, Any]

_LONGEST_UTS_NAME = 64
_CLOCKS = ("monotonic", "boottime")
_IPC_SYSCTLS = frozenset(
    (
        *("kernel.msgmax", "kernel.msgmnb", "kernel.msgmni", "kernel.msg_next_id", "kernel.sem"),
        *("kernel.sem_next_id", "kernel.shmall", "kernel.shmmax", "kernel.shmmni"),
        *("kernel.shm_next_id", "kernel.shm_rmid_forced"),
    )
)


def check(faults: "Faults", spec: "Document", warnings: list[str]) -> None:
    """Find what is wrong with a document whose shape is right.

    Args:
        faults: the faults are added here.
        spec: changed: relative mount destinations become absolute.
        warnings: each of them is named here.
    """
    linux = spec.get("linux", {})
    if "ociVersion" in spec:
        _version(faults, spec["ociVersion"])
    kinds = _namespaces(faults, linux)
    _mounts(faults, spec.get("mounts", ()), kinds, warnings)
    _names(faults, spec, kinds)
    _maps(faults, linux, kinds)
    _time(faults, linux, kinds)
    _sysctls(faults, linux, kinds)
    validate_linux.check(faults, linux, kinds)


def _version(faults: "Faults", version: str) -> None:
    """Check that a version is one of SemVer 2.0.0: NUMBERS[-WORDS][+WORDS], all split by dots."""
    main, plus, build = version.partition("+")
    core, minus, pre = main.partition("-")
    numbers = core.split(".")
    words = [*(pre.split(".") if minus else ()), *(build.split(".") if plus else ())]
    good = len(numbers) == 3 and all(_is_number(number) for number in numbers)
    if not good or not all(_is_identifier(word) for word in words):
        faults.add("ociVersion", f'must be a version such as 1.2.0, not "{shown(version)}"')
    elif numbers[0] != "1":
        faults.add("ociVersion", f'"{shown(version)}" is not version 1 of the specification')


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and (text == "0" or text[0] != "0")


def _is_identifier(text: str) -> bool:
    return bool(text) and text.isascii() and text.replace("-", "0").isalnum()


def _namespaces(faults: "Faults", linux: "Document") -> "dict[str, str]":
    """Check the namespaces; return the path of each kind, empty for a new one."""
    kinds: dict[str, str] = {}
    for place, namespace in enumerate(linux.get("namespaces", ())):
        kind = namespace.get("type")
        path = namespace.get("path", "")
        where = f"linux.namespaces[{place}]"
        if kind in kinds:
            faults.add(where + ".type", f'"{kind}" stands twice')
        if path and path[0] != "/":
            faults.add(where + ".path", f'must be an absolute path, not "{shown(path)}"')
        if kind:
            kinds[kind] = path
    return kinds


def _mounts(
    faults: "Faults", mounts: "list[Document]", kinds: "dict[str, str]", warnings: list[str]
) -> None:
    for place, mount in enumerate(mounts):
        where = f"mounts[{place}]"
        target = mount.get("destination", "/")
        if target[0] != "/":
            warnings.append(f'{where}.destination: "{shown(target)}" is relative: taken from /')
            mount["destination"] = target = "/" + target
        if ".." in target and ".." in target.split("/"):
            faults.add(where + ".destination", f'must have no "..": "{shown(target)}"')
        options = mount.get("options", ())
        bind = "bind" in options or "rbind" in options
        if bind and not mount.get("source"):
            faults.add(where + ".source", "is missing, and a bind mount needs one")
        if not bind and not mount.get("type") and "remount" not in options:
            faults.add(where + ".type", "is missing, and it is no bind mount")
        mapped = [key for key in ("uidMappings", "gidMappings") if mount.get(key)]
        for key in mapped:
            _map_lines(faults, mount[key], f"{where}.{key}")
        if len(mapped) == 1:
            faults.add(f"{where}.{mapped[0]}", "uidMappings and gidMappings need each other")
        if not mapped and "user" not in kinds and ("idmap" in options or "ridmap" in options):
            faults.add(
                where + ".options", "idmap needs uidMappings and gidMappings, or a user namespace"
            )


def _names(faults: "Faults", spec: "Document", kinds: "dict[str, str]") -> None:
    for key in ("hostname", "domainname"):
        name = spec.get(key)
        if name and "uts" not in kinds:
            faults.add(key, "needs a uts namespace, or the host's would be changed")
        if name and len(name.encode()) > _LONGEST_UTS_NAME:
            faults.add(key, f"is longer than {_LONGEST_UTS_NAME} bytes")


def _maps(faults: "Faults", linux: "Document", kinds: "dict[str, str]") -> None:
    for key in ("uidMappings", "gidMappings"):
        where = "linux." + key
        lines = linux.get(key)
        if lines and "user" not in kinds:
            faults.add(where, "needs a user namespace")
        elif lines:
            _map_lines(faults, lines, where)
        elif kinds.get("user") == "":
            faults.add(where, "is missing, and a new user namespace needs one")


def _map_lines(faults: "Faults", lines: "Sequence[Document]", where: str) -> None:
    from wardian.kernel.idmap import MAXIMUM_ID, MAXIMUM_LINES  # for few containers

    if len(lines) > MAXIMUM_LINES:
        faults.add(where, f"has {len(lines)} lines, more than the kernel's {MAXIMUM_LINES}")
        return
    for place, line in enumerate(lines):
        if len(line) < 3:  # a fault already
            continue
        path = f"{where}[{place}]"
        if not line["size"]:
            faults.add(path + ".size", "must not be 0")
        for key in ("containerID", "hostID"):
            first, size = line[key], line["size"]
            if first + size - 1 > MAXIMUM_ID:
                faults.add(path + ".size", f"{size} from {first} goes past the last id")
            elif any(_overlap(first, size, other, key) for other in lines[:place]):
                faults.add(f"{path}.{key}", "overlaps with a line before it")


def _overlap(first: int, size: int, other: "Document", key: str) -> bool:
    if len(other) < 3:
        return False
    start = other[key]
    return bool(first < start + other["size"] and start < first + size)


def check_ids(faults: "Faults", spec: "Document", process: "Document") -> None:
    """Find the ids of a process that a new user namespace would not have."""
    linux = spec.get("linux", {})
    new = any(
        each.get("type") == "user" and not each.get("path") for each in linux.get("namespaces", ())
    )
    if not new:
        return
    user = process.get("user", {})
    more = user.get("additionalGids", ())
    for key, ids in (("uid", [user.get("uid", 0)]), ("gid", [user.get("gid", 0), *more])):
        lines = [line for line in linux.get(key + "Mappings", ()) if len(line) == 3]
        for each in ids:
            if lines and not any(
                line["containerID"] <= each < line["containerID"] + line["size"] for line in lines
            ):
                faults.add(f"process.user.{key}", f"{each} is not in linux.{key}Mappings")


def _time(faults: "Faults", linux: "Document", kinds: "dict[str, str]") -> None:
    offsets = linux.get("timeOffsets")
    if not offsets:
        return
    if "time" not in kinds:
        faults.add("linux.timeOffsets", "needs a time namespace")
    elif kinds["time"]:
        faults.add("linux.timeOffsets", "can't change a time namespace that is joined by its path")
    for clock in offsets:
        if clock not in _CLOCKS:
            faults.add(f"linux.timeOffsets.{shown(clock)}", "no such clock: monotonic or boottime")


def _sysctls(faults: "Faults", linux: "Document", kinds: "dict[str, str]") -> None:
    for key in linux.get("sysctl", ()):
        where = f"linux.sysctl.{shown(key)}"
        words = sysctl_words(key)
        name = ".".join(words)
        if not all(words) or not {".", ".."}.isdisjoint(words):
            faults.add(where, "no name of a sysctl")
        elif name == "kernel.hostname":
            faults.add(where, "is what hostname is for")
        elif not (kind := _namespace_of(name)):
            faults.add(where, "belongs to the whole machine, not to a namespace")
        elif kind not in kinds:
            faults.add(where, f"needs a {kind} namespace, or the host's would be changed")


def sysctl_words(key: str) -> "list[str]":
    """Split the name of a sysctl as sysctl(8) does: the first of "." and "/" is the separator.

    Where it is ".", a "/" in a word stands for a "." (net.ipv4.conf.eth0/100.forwarding).
    """
    dot, slash = key.find("."), key.find("/")
    if dot < 0 or 0 <= slash < dot:
        return key.split("/")
    return [word.replace("/", ".") for word in key.split(".")]


def _namespace_of(name: str) -> str:
    if name in _IPC_SYSCTLS or name.startswith("fs.mqueue."):
        return "ipc"
    if name == "kernel.domainname":
        return "uts"
    return {"net": "network", "user": "user"}.get(name.partition(".")[0], "")
