"""What makes a box a sandbox: its specification, and the steps that are its own (pure).

The root is read-only, and so is /proc. One tmpfs of bounded size and number of files is /tmp, the
working directory and /dev/shm at once, so that one limit holds for all that the program can write.
/sys, terminals and message queues are not there at all.

Facts about the user
--------------------
Below root the box is built by root, in namespaces that belong to the host's user namespace, and
only then gets a user namespace of its own, with a single user who is nobody outside. So no
capability that the program could ever win has power over the box's mounts and network. An ordinary
user builds the box in a user namespace, as the only user of it: id 0 without capabilities, which is
the caller outside.

Where the caller asks for CRIU's images, the user namespace of root's box is made to own the box's
mount, network, IPC, UTS and cgroup namespaces, which CRIU demands. It has an id 0 then, which is
nobody outside either and which the program can't become. That is weaker in one respect: a
capability that a fault of the kernel's gives the program has power over these namespaces. Each
mount is still locked: none can be taken away, made writable or uncovered.

The last thing before the program is a `wait`: files are brought, and where a pool keeps boxes ready
they stand there.

Kernel: user_namespaces(7), tmpfs(5), getrlimit(2).
"""

import math
import stat

from wardian.kernel import capabilities
from wardian.runtime import calls, device_nodes, plan
from wardian.runtime.confinement import RLIM_INFINITY
from wardian.runtime.mount_options import MOUNT_ATTR_RDONLY, MS_NODEV
from wardian.runtime.step import Step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wardian.runtime.filter_cache import SeccompFilter
    from wardian.runtime.spec import Mount, Spec
    from wardian.sandbox.limits import Limits

OWNED = plan.CLONE_NEWNS | plan.CLONE_NEWCGROUP | plan.CLONE_NEWUTS
OWNED |= plan.CLONE_NEWIPC | plan.CLONE_NEWNET
HOSTNAME = "sandbox"
QUIET = "$seccomp:quiet"  # goes with the policy, whose digest the step before it has
INIT_S = capabilities.mask(("CAP_KILL", "CAP_SETGID", "CAP_SETUID"))
WORKDIR = "/tmp"  # noqa: S108 - the box's own
UID = 1000
STAGING_BYTES = 1 << 20  # empty directories, and four small files
LEFT_OUT = frozenset(("/dev/pts", "/sys", "/dev/mqueue", "/dev/shm"))  # noqa: S108
PLAIN = ["nosuid", "noexec", "nodev"]
OPTIONS = {
    "/dev": [*PLAIN, "mode=755", "size=64k", "nr_inodes=64"],
    "/proc": [*PLAIN, "ro"],
}
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": WORKDIR,
    "TMPDIR": WORKDIR,
    "USER": HOSTNAME,
    "LANG": "C.UTF-8",
    "ASAN_OPTIONS": "detect_leaks=0",  # that is done by ptrace, which is forbidden
    "LSAN_OPTIONS": "detect_leaks=0",
}
PASSWD = (
    "root:x:0:0:root:/root:/usr/sbin/nologin\n"
    f"{HOSTNAME}:x:{UID}:{UID}:{HOSTNAME}:{WORKDIR}:/bin/sh\n"
    "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n"
)
PASSWD_SINGLE = f"{HOSTNAME}:x:0:0:{HOSTNAME}:{WORKDIR}:/bin/sh\n" + PASSWD.splitlines()[2] + "\n"
GROUP = f"root:x:0:\n{HOSTNAME}:x:{UID}:\nnogroup:x:65534:\n"
GROUP_SINGLE = f"{HOSTNAME}:x:0:\nnogroup:x:65534:\n"
HOSTS = "127.0.0.1\tlocalhost\n::1\tlocalhost\n"


def editor(
    limits: "Limits",
    seccomp: "SeccompFilter",
    flags: int,
    rlimits: "Mapping[str, int]",
    *,
    single_id: bool,
) -> "Callable[[Spec], None]":
    """Return what turns the engine's specification into a sandbox's.

    Args:
        limits: of the run.
        seccomp: the policy's filter.
        flags: for seccomp(2).
        rlimits: as `rlimits` gives them.
        single_id: the box's only user is 0.
    """

    def edit(spec: "Spec") -> None:
        spec["hostname"] = HOSTNAME
        spec.pop("domainname", None)
        linux, extension = spec["linux"], spec["wardian"]
        spec["mounts"] = [
            {**mount, "options": OPTIONS.get(mount["destination"], mount["options"])}
            for mount in spec["mounts"]
            if mount["destination"] not in LEFT_OUT
        ]
        spec["mounts"].append(_writable(limits))
        linux["maskedPaths"] = [
            path for path in linux["maskedPaths"] if not path.startswith("/sys")
        ]
        linux["readonlyPaths"] = []  # all of /proc is
        extension["storage_bytes"] = STAGING_BYTES
        extension["seccomp"], extension["seccomp_flags"] = seccomp.digest, flags
        extension["files"] = [
            ("/etc/hostname", 0o644, HOSTNAME.encode() + b"\n"),
            ("/etc/hosts", 0o644, HOSTS.encode()),
            ("/etc/passwd", 0o644, (PASSWD_SINGLE if single_id else PASSWD).encode()),
            ("/etc/group", 0o644, (GROUP_SINGLE if single_id else GROUP).encode()),
        ]
        spec["process"]["rlimits"] = [
            {"type": name, "soft": value, "hard": value} for name, value in rlimits.items()
        ]

    return edit


def _writable(limits: "Limits") -> "Mount":
    return {
        "destination": WORKDIR,
        "type": "tmpfs",
        "source": "tmpfs",
        "options": [
            *("nosuid", "nodev", "mode=1777"),
            f"size={limits.disk_bytes}",
            f"nr_inodes={limits.inodes + 1}",
        ],
        "reason": "the only place that can be written to",
    }


def rlimits(
    limits: "Limits", hard: "Mapping[str, int]", *, memory: bool, processes: bool
) -> "dict[str, int]":
    """Return the resource limits of the program, each with its value.

    Args:
        limits: of the run.
        hard: what may not be exceeded here: this process's own hard limits.
        memory: no control group limits the memory.
        processes: no control group limits the processes.
    """
    wanted = {
        # Where cores go to a program of the host's, it is started for 0 too, and as root (core(5)).
        "RLIMIT_CORE": 1,
        "RLIMIT_CPU": math.ceil(limits.cpu_s) + 1,
        "RLIMIT_FSIZE": limits.file_bytes,
        "RLIMIT_NOFILE": limits.open_files,
        "RLIMIT_STACK": limits.stack_bytes,
        "RLIMIT_MSGQUEUE": 0,
        "RLIMIT_MEMLOCK": 0,
        "RLIMIT_NICE": 0,
        "RLIMIT_RTPRIO": 0,
        # What the caller has for itself is no limit of the run.
        "RLIMIT_AS": limits.address_space_bytes or RLIM_INFINITY,
        "RLIMIT_DATA": limits.memory_bytes if memory else RLIM_INFINITY,
    }
    if processes:
        wanted["RLIMIT_NPROC"] = limits.processes + 1
    return {name: min(value, hard.get(name, RLIM_INFINITY)) for name, value in wanted.items()}


def arrange(made: plan.Plan, *, own_user: bool, quiet: bool, is_owning: bool = False) -> plan.Plan:
    """Return the plan with the sandbox's own steps.

    Args:
        made: as the engine compiled it.
        own_user: the box has no user namespace yet.
        is_owning: that one then owns the box's others.
        quiet: the policy's filter leaves records of the kernel, so there is one that leaves none.
    """
    row: list[Step] = []
    has_nodes = own_user and not is_owning  # CRIU wants devices that it can find again
    for step in map(_with_own_devices, made.steps) if has_nodes else made.steps:
        if step.name == "pivot":
            row.append(Step("symlink", (WORKDIR, "/dev/shm"), "one limit for all files"))  # noqa: S108
            args = ("/dev", MOUNT_ATTR_RDONLY, 0, 0, 0)
            row.append(Step("setattr", args, "its devices are as they are"))
        row.append(_unwritable(step) if step.name == "file" else step)
        if step.name == "chdir":
            row.extend(_last(own_user=own_user))
            row.extend(_owned() if own_user and is_owning else ())
        if step.name == "seccomp":
            if quiet:
                row.append(Step("seccomp", (0, QUIET), "what is refused quietly leaves no record"))
            row.append(Step("supervised", (), "the supervisor answers before the program runs"))
    return plan.Plan(tuple(row), made.clone_flags, made.cgroup_writes)


def _with_own_devices(step: Step) -> Step:
    """Make the devices anew: a lock on /dev/null would else be one on everybody's.

    Whoever closes a file goes through all the locks on it, and there is no limit of their number.
    """
    if step.name == "mount":
        return without_flag(step, "/dev", MS_NODEV)
    number = device_nodes.DEFAULTS.get(str(step.args[0])) if step.name == "bind" else None
    if number is None:
        return step
    mode = stat.S_IFCHR | device_nodes.DEFAULT_MODE
    return Step("node", (step.args[0], mode, *number, 0, 0), step.reason)


def without_flag(step: Step, target: str, flag: int) -> Step:
    """Return a step without a flag of mount(2), if it mounts there; else the step itself."""
    if step.name != "mount" or step.args[1:2] != (target,):
        return step
    *args, flags = step.args
    assert isinstance(flags, int)
    return Step("mount", (*args, flags & ~flag), step.reason)


def watched(whole: plan.Plan) -> plan.Plan:
    """Return the plan with an init that is under the filter, whose farewell ends the listening.

    What the program gives up, init gives up too, but for its user and the right to signal others: a
    process with a capability is out of reach of one that has none, even below the same user (the
    kernel's cap_safe_nice). The program loses it by execve(2), as its bounding set is empty.
    """
    row: list[Step] = []
    late: list[Step] = []
    for step in whole.steps:
        if is_of_open_files(step):
            late.append(open_files(step))
        elif step.name == "init":
            late.append(Step("init", (calls.SUPERVISED,), f"{step.reason}, and has the last word"))
        elif step.name == "session":
            late.append(step)
        elif step.name == "user":
            uid, gid, groups, set_groups = step.args
            if set_groups:
                row.append(Step("groups", (groups,), "no other groups"))
            late.append(Step("become", (uid, gid), step.reason))
        elif step.name == "capabilities":
            row.append(Step("capabilities", (INIT_S, INIT_S, 0, 0), "what init and `become` need"))
            row.append(Step("undumpable", (), "nobody looks into init"))
        elif step.name == "supervised":
            row.extend((*late, step))
        else:
            row.append(step)
    return plan.Plan(tuple(row), whole.clone_flags, whole.cgroup_writes)


def is_of_open_files(step: Step) -> bool:
    """Return whether a step limits how many files a process has open."""
    return step.name == "rlimit" and step.args[0] == calls.RLIMIT_NOFILE


def open_files(step: Step) -> Step:
    """Return the limit of open files for a place behind the filters: first a listener is sent.

    What root has in flight counts against the limit of a sender that has no capability.
    """
    return Step("open_files", (step.args[2],), step.reason)


def _unwritable(step: Step) -> Step:
    """Boxes of a pool share these files: neither content nor time of access may change."""
    path, mode, attributes, data = step.args
    assert isinstance(attributes, int)
    return Step("file", (path, mode, attributes | MOUNT_ATTR_RDONLY, data), step.reason)


def _last(*, own_user: bool) -> "list[Step]":
    row = []
    if own_user:
        reason = "a user namespace that owns nothing but the program"
        row.append(Step("unshare", (plan.CLONE_NEWUSER,), reason))
        row.append(Step("map_ids", ("$uid_map", "$gid_map"), "one user, who is nobody outside"))
    row.append(Step("wait", (), "its ids are mapped, and its files brought"))
    return row


def _owned() -> "list[Step]":
    """Namespaces again, since those that root made are the host's; the mounts are locked copies."""
    reason = "CRIU takes a process if its user namespace owns its others"
    return [
        Step("unshare", (OWNED,), reason),
        Step("loopback", (), "127.0.0.1 works; there is no other interface"),
    ]


def with_program(made: plan.Plan, argv: "list[str]", environment: "Mapping[str, str]") -> plan.Plan:
    """Return the plan for another program; all else is shared."""
    env = tuple(_plain(f"{name}={value}") for name, value in environment.items())
    program = argv[0] if argv[0][:1] != "$" else f"./{argv[0]}"
    args = (program, tuple(map(_plain, argv)), env)
    last = Step("exec", args, "the program")
    return plan.Plan((*made.steps[:-1], last), made.clone_flags, made.cgroup_writes)


def _plain(text: str) -> "str | bytes":
    """Return a word that is no symbol, whatever it begins with."""
    return text.encode("utf-8", "surrogateescape") if text[:1] == "$" else text
