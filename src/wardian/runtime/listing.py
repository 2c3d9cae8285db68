"""Print a plan as strace would print its operations, with the reason beside each, or as data.

Symbols ($base0, $cgroup) stand for what differs between machines and is not part of the hash.
"""

from wardian.kernel import capabilities
from wardian.runtime import calls, confinement, plan, steps
from wardian.runtime import mount_options as words

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from wardian.runtime.step import Step

COLUMN = 78
TEXT_BYTES = 300

CLONE_NAMES = {
    plan.CLONE_NEWTIME: "CLONE_NEWTIME",
    plan.CLONE_NEWNS: "CLONE_NEWNS",
    plan.CLONE_NEWCGROUP: "CLONE_NEWCGROUP",
    plan.CLONE_NEWUTS: "CLONE_NEWUTS",
    plan.CLONE_NEWIPC: "CLONE_NEWIPC",
    plan.CLONE_NEWUSER: "CLONE_NEWUSER",
    plan.CLONE_NEWPID: "CLONE_NEWPID",
    plan.CLONE_NEWNET: "CLONE_NEWNET",
}
MS_NAMES = {
    words.MS_REC: "MS_REC",
    words.MS_PRIVATE: "MS_PRIVATE",
    words.MS_SLAVE: "MS_SLAVE",
    words.MS_SHARED: "MS_SHARED",
    words.MS_UNBINDABLE: "MS_UNBINDABLE",
}
ATTRIBUTE_NAMES = {
    attribute: f"MOUNT_ATTR_{name.upper()}"
    for name, (_flag, attribute) in words.FLAGS.items()
    if attribute
}
ATTRIBUTE_NAMES[words.MOUNT_ATTR_RDONLY] = "MOUNT_ATTR_RDONLY"
MS_NAMES.update({flag: f"MS_{name.upper()}" for name, (flag, _attribute) in words.FLAGS.items()})
MS_NAMES[words.MS_RDONLY] = "MS_RDONLY"
RLIMIT_NAMES = {number: name for name, number in confinement.RLIMITS.items()}


def text(made: "plan.Plan") -> str:
    """Return the plan, one operation a line in execution order, and its hash."""
    lines = []
    for step in made.steps:
        call = _FORMATS.get(step.name, _plain)(step)
        lines.append(f"{call:<{COLUMN}}  # {step.reason}")
    lines.append("made for " + ", ".join(f"{key} {value}" for key, value in features(made).items()))
    lines.append(f"plan sha256:{made.hash}, {len(made.steps)} operations")
    return "\n".join(lines) + "\n"


def features(made: "plan.Plan") -> "dict[str, str]":
    """Return what of the machine and the user has entered the plan, and so its hash.

    Equal specs give another hash where one of these differs. A machine's control groups enter it
    only where the box has a limit; then by the hierarchy that each controller is in. The cgroup2
    leaf of a hybrid machine changes nothing that the box sees. An image's layers enter it in the
    form that the machine gives them.
    """
    steps_of: dict[str, list[Step]] = {}
    for step in made.steps:
        steps_of.setdefault(step.name, []).append(step)
    ids = "range" if "map_ids" in steps_of else "host"
    if any(step.args[0] == "/proc/self/uid_map" for step in steps_of.get("write", ())):
        ids = "single"
    found = {"ids": ids}
    entered = [str(step.args[0]) for step in steps_of.get("write", ())]
    first = [path.split("/")[1] for path in entered if path.startswith("$cgroup/")]
    if "scope" in steps_of:
        found["cgroups"] = "v2 (systemd)"
    elif first:
        found["cgroups"] = f"v1 ({' '.join(sorted(first))})"
    elif made.cgroup_writes:
        found["cgroups"] = "v2"
    forms = []
    if any(step.args[2] == "erofs" for step in steps_of.get("mount", ())):
        forms.append("EROFS")
    lower = [name for step in steps_of.get("overlay", ()) for name in step.args[1]]  # type: ignore[attr-defined]
    if any(name.startswith("$layer:") for name in lower):
        forms.append("directories")
    if forms:
        found["layers"] = " and ".join(forms)
    return found


def data(made: "plan.Plan") -> "dict[str, object]":
    """Return the plan as plain data for JSON."""
    rows = []
    for step in made.steps:
        names = _argument_names(step.name)
        values = [_plain_value(value) for value in step.args]
        keys = names or tuple(f"argument{index}" for index in range(len(values)))
        rows.append(
            {
                "operation": step.name,
                "arguments": dict(zip(keys, values, strict=True)),
                "call": _FORMATS.get(step.name, _plain)(step),
                "reason": step.reason,
            }
        )
    return {"hash": f"sha256:{made.hash}", "made_for": features(made), "operations": rows}


def _argument_names(name: str) -> "tuple[str, ...]":
    if name in calls.CALLS:
        return calls.CALLS[name][1]
    return steps.STEPS[name][2] if name in steps.STEPS else ()


def _plain_value(value: object) -> object:
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if isinstance(value, tuple):
        return list(value)
    return value


def flags(value: int, names: "dict[int, str]") -> str:
    """Spell a set of flags as strace does: A|B|0x8."""
    found = [name for bit, name in names.items() if value & bit]
    rest = value & ~sum(bit for bit in names if value & bit)
    if rest or not found:
        found.append(hex(rest) if rest else "0")
    return "|".join(found)


def quote(value: object) -> str:
    """Quote a string or bytes, shortened, with control characters escaped."""
    words = value.decode("utf-8", "backslashreplace") if isinstance(value, bytes) else str(value)
    escaped = words.encode("unicode_escape").decode().replace('"', '\\"')
    return f'"{escaped}"' if len(escaped) <= TEXT_BYTES else f'"{escaped[:TEXT_BYTES]}"...'


def _strings(values: object, limit: int = 64) -> str:
    row = list(values)  # type: ignore[call-overload]
    shown = [quote(one) for one in row[:limit]]
    if len(row) > limit:
        shown.append("...")
    return f"[{', '.join(shown)}]"


def _plain(step: "Step") -> str:
    shown = []
    for value in step.args:
        if isinstance(value, tuple):
            shown.append(_strings(value))
        else:
            shown.append(str(value) if isinstance(value, int) else quote(value))
    return f"{step.name}({', '.join(shown)})"


def _cgroup(step: "Step") -> str:
    path, value = step.args
    return f"write({quote(path)}, {quote(value)})"


def _scope(step: "Step") -> str:
    unit = quote(step.args[0])
    return f'StartTransientUnit({unit}, "fail", {{PIDs=[pid], Delegate=true}})'


def _clone(step: "Step") -> str:
    return f"clone3({{flags={flags(int(str(step.args[0])), CLONE_NAMES)}, exit_signal=SIGCHLD}})"


def _setns(step: "Step") -> str:
    path, kind = step.args
    return f"setns(open({quote(path)}), {flags(int(str(kind)), CLONE_NAMES)})"


def _write(step: "Step") -> str:
    return f"write({quote(step.args[0])}, {quote(step.args[1])})"


def _unshare(step: "Step") -> str:
    return f"unshare({flags(int(str(step.args[0])), CLONE_NAMES)})"


def _propagation(step: "Step") -> str:
    return (
        f"mount(NULL, {quote(step.args[0])}, NULL, {flags(int(str(step.args[1])), MS_NAMES)}, NULL)"
    )


def _owner(step: "Step") -> str:
    path, uid, gid = step.args
    return f"lchown({quote(path)}, {uid}, {gid})"


def _attributes(value: object) -> str:
    return flags(int(str(value)), ATTRIBUTE_NAMES)


def _flags(value: object) -> str:
    return flags(int(str(value)), MS_NAMES)


def _staging(step: "Step") -> str:
    return f'mount("wardian", "/", "tmpfs", MS_NOSUID|MS_NODEV, "mode=0755,size={step.args[0]}")'


def _overlay(step: "Step") -> str:
    target, lower, upper, work, options, bits = step.args
    words = [f"lowerdir={':'.join(lower)}", f"upperdir={upper}", f"workdir={work}"]  # type: ignore[arg-type]
    if options:
        words.append(str(options))
    return f'mount("overlay", {quote(target)}, "overlay", {_flags(bits)}, {quote(",".join(words))})'


def _mount(step: "Step") -> str:
    source, target, kind, options, bits = step.args
    bits = int(str(bits)) & 0xFFFFFFFF  # the rest says how the launcher finds the place
    data_words = quote(options) if options else "NULL"
    return f"mount({quote(source)}, {quote(target)}, {quote(kind)}, {_flags(bits)}, {data_words})"


def _bind(step: "Step") -> str:
    source, target, recursive, attributes, _clear, propagation = step.args
    kind = "MS_BIND|MS_REC" if recursive else "MS_BIND"
    words = f"{kind}|{flags(int(str(propagation)), MS_NAMES)}|{_attributes(attributes)}"
    return f"mount({quote(source)}, {quote(target)}, NULL, {words}, NULL)"


def _mask(step: "Step") -> str:
    return f'mount("/dev/null" or an empty directory, {quote(step.args[0])}, NULL, MS_BIND, NULL)'


def _readonly(step: "Step") -> str:
    path = quote(step.args[0])
    return f"mount({path}, {path}, NULL, MS_BIND|MS_REC|MS_RDONLY, NULL)"


def _setattr(step: "Step") -> str:
    path, on, off, propagation, recursive = step.args
    words = f"set={_attributes(on)}, clear={_attributes(off)}, propagation={propagation}"
    return f"mount_setattr({quote(path)}, {'AT_RECURSIVE' if recursive else 0}, {{{words}}})"


def _pivot(_step: "Step") -> str:
    return 'pivot_root(".", "."); umount2(".", MNT_DETACH)'


def _file(step: "Step") -> str:
    path, mode, attributes, content = step.args
    return f"file({quote(path)}, 0{mode:o}, {_attributes(attributes)}, {quote(content)})"


def _mkdir(step: "Step") -> str:
    return f"mkdir({quote(step.args[0])}, 0{step.args[1]:o})"


def _rlimit(step: "Step") -> str:
    number, soft, hard = (int(str(value)) for value in step.args)
    shown = ["RLIM64_INFINITY" if v == confinement.RLIM_INFINITY else str(v) for v in (soft, hard)]
    return f"setrlimit({RLIMIT_NAMES[number]}, {{rlim_cur={shown[0]}, rlim_max={shown[1]}}})"


def _open_files(step: "Step") -> str:
    return f"setrlimit(RLIMIT_NOFILE, {{rlim_cur={step.args[0]}, rlim_max={step.args[0]}}})"


def _umask(step: "Step") -> str:
    return f"umask(0{step.args[0]:o})"


def _caps(value: object) -> str:
    names = capabilities.names(int(str(value)))
    return "|".join(names) if names else "0"


def _bounding(step: "Step") -> str:
    return f"prctl(PR_CAPBSET_DROP, ~({_caps(step.args[0])}))"


def _capabilities(step: "Step") -> str:
    fields = ("effective", "permitted", "inheritable", "ambient")
    words = [f"{name}={_caps(value)}" for name, value in zip(fields, step.args, strict=True)]
    return f"capset({{{', '.join(words)}}})"


def _user(step: "Step") -> str:
    _uid, _gid, groups, set_groups = step.args
    packed = groups if isinstance(groups, bytes) else b""
    ids = [int.from_bytes(packed[at : at + 4], "little") for at in range(0, len(packed), 4)]
    first = f"setgroups({ids}); " if set_groups else ""
    return first + _become(step)


def _become(step: "Step") -> str:
    uid, gid = step.args[:2]
    return f"setresgid({gid}, {gid}, {gid}); setresuid({uid}, {uid}, {uid})"


def _seccomp(step: "Step") -> str:
    return f"seccomp(SECCOMP_SET_MODE_FILTER, {step.args[0]}, {quote(step.args[1])})"


def _exec(step: "Step") -> str:
    path, arguments, environment = step.args
    return f"execve({quote(path)}, {_strings(arguments)}, {_strings(environment)})"


def _call(words: str) -> "Callable[[Step], str]":
    return lambda _step: words


def _one(call: str) -> "Callable[[Step], str]":
    return lambda step: f"{call}({quote(step.args[0])})"


_FORMATS: "dict[str, Callable[[Step], str]]" = {
    "cgroup": _cgroup,
    "clone": _clone,
    "setns": _setns,
    "scope": _scope,
    "wait": _call('recv(channel, "g", 1, 0)'),
    "become_root": _call("setresgid(0, 0, 0); setresuid(0, 0, 0)"),
    "write": _write,
    "unshare": _unshare,
    "loopback": _call('ioctl(socket, SIOCSIFFLAGS, {ifr_name="lo", ifr_flags=IFF_UP})'),
    "hostname": _one("sethostname"),
    "domainname": _one("setdomainname"),
    "owner": _owner,
    "propagation": _propagation,
    "staging": _staging,
    "overlay": _overlay,
    "mount": _mount,
    "bind": _bind,
    "mask": _mask,
    "readonly": _readonly,
    "setattr": _setattr,
    "pivot": _pivot,
    "file": _file,
    "mkdir": _mkdir,
    "chdir": _one("chdir"),
    "init": _call("fork()"),
    "session": _call("setsid()"),
    "controlling_terminal": _call("ioctl(0, TIOCSCTTY, 0)"),
    "rlimit": _rlimit,
    "open_files": _open_files,
    "umask": _umask,
    "stdio": _call("dup2(...); close_range(3, ~0, CLOSE_RANGE_CLOEXEC)"),
    "bounding": _bounding,
    "capabilities": _capabilities,
    "user": _user,
    "supervised": _call("prctl(0x57415244)"),
    "groups": _call("setgroups(0, NULL)"),
    "become": _become,
    "undumpable": _call("prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)"),
    "no_new_privs": _call("prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)"),
    "seccomp": _seccomp,
    "parent_death": _call("prctl(PR_SET_PDEATHSIG, SIGKILL)"),
    "exec": _exec,
}
