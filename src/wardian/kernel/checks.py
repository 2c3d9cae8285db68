"""Find out what this machine can do, by trying it, and for each "no" what to install or set.

Every check is a row of a table: its group, its name, yes, no or partly, what was seen, and the
remedy. A row that a box can't do without is marked as needed. What changes a process for good is
tried in a process of its own, by kernel/trials.py.

Facts about user namespaces
---------------------------
Three switches forbid them to ordinary users: user.max_user_namespaces=0 (every kernel),
kernel.unprivileged_userns_clone=0 (Debian before 11, Arch's hardened kernel), and
kernel.apparmor_restrict_unprivileged_userns=1 (Ubuntu from 23.10), under which unshare(2) succeeds
and everything in the new namespace is denied. In a container it is often the seccomp filter that
refuses.

Kernel: unshare(2), user_namespaces(7), cgroups(7), seccomp(2).
"""

import errno
import os

from wardian.errors import HostError
from wardian.kernel import attempts, capabilities, cgroups, idmap, probe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

YES, NO, PARTLY = "yes", "no", "partly"
GROUPS = ("system", "isolation", "files", "privilege", "limits", "helpers")
ARCHITECTURES = ("x86_64", "aarch64", "riscv64")
V1_NAMES = {"blkio": "io"}
CONTROLLERS = ("memory", "cpu", "cpuset", "pids", "io", "devices")


class Check:
    """One row: what was looked at and what was found.

    Attributes:
        group: one of GROUPS.
        name: what it is about, in a word or two.
        answer: "yes", "no" or "partly".
        detail: what was seen; for a "no", the call that failed and the errno's words.
        remedy: what to install or set; empty where nothing is to be done.
        needed: no box can run without it.
    """

    __slots__ = ("answer", "detail", "group", "name", "needed", "remedy")

    def __init__(
        self,
        group: str,
        name: str,
        answer: str,
        detail: str = "",
        *,
        remedy: str = "",
        needed: bool = False,
    ) -> None:
        self.group = group
        self.name = name
        self.answer = answer
        self.detail = detail
        self.remedy = remedy if answer != YES else ""
        self.needed = needed

    def as_dict(self) -> "dict[str, object]":
        """Return all fields by name."""
        return {name: getattr(self, name) for name in sorted(self.__slots__)}


def try_all(facts: "probe.Facts") -> "list[Check]":
    """Return the checks that need a process of their own; all run at once."""
    running = [(attempt, attempts.start(attempt.arguments)) for attempt in attempts.ATTEMPTS]
    found = []
    for attempt, process in running:
        worked, detail, number = attempts.finish(process)
        remedy = attempt.remedy
        if detail.startswith("unshare(") and number == errno.EPERM:
            wanted = "capabilities" if facts.is_privileged else "user namespace"
            remedy = f'not allowed to this user: see "{wanted}"'
        found.append(
            Check(
                attempt.group,
                attempt.name,
                YES if worked else NO,
                detail,
                remedy=remedy,
                needed=attempt.needed,
            )
        )
    return found


# ---- the system ---------------------------------------------------------------------------


def check_kernel(facts: "probe.Facts") -> Check:
    """Compare the kernel's version with the oldest that will do."""
    minimum = ".".join(map(str, probe.MINIMUM_KERNEL))
    extras = [
        name
        for name, since in (
            ("cgroup.kill", (5, 14)),
            ("memory.peak", (5, 19)),
            ("pids.peak", (6, 1)),
        )
        if facts.kernel < since
    ]
    lacks = f"; without {', '.join(extras)}" if extras else ""
    new_enough = facts.kernel >= probe.MINIMUM_KERNEL
    return Check(
        "system",
        "kernel",
        YES if new_enough else NO,
        f"Linux {facts.release}{lacks}"
        if new_enough
        else f"Linux {facts.release} is older than {minimum}",
        remedy=f"boot Linux {minimum} or newer",
        needed=True,
    )


def check_architecture(facts: "probe.Facts") -> Check:
    """Say whether wardian was tried on this architecture."""
    known = facts.machine in ARCHITECTURES
    return Check(
        "system",
        "architecture",
        YES if known else PARTLY,
        facts.machine if known else f"{facts.machine} has never been tried",
        remedy="`make test` says what works; please report it",
    )


# ---- user namespaces ----------------------------------------------------------------------


def read_sysctl(name: str) -> str:
    """Return a sysctl's value; "" where this kernel has none of that name."""
    try:
        with open("/proc/sys/" + name.replace(".", "/"), "rb") as file:
            return file.read(4096).decode("utf-8", "replace").strip()
    except OSError:
        return ""


def userns_remedy(number: int, sysctls: "Mapping[str, str]") -> str:
    """Say what forbids user namespaces here.

    Args:
        number: the errno of the attempt.
        sysctls: the three switches that may be the reason, by name; "" where there is none.
    """
    if sysctls.get("user.max_user_namespaces") == "0":
        return "sysctl user.max_user_namespaces=15000"
    if sysctls.get("kernel.unprivileged_userns_clone") == "0":
        return "sysctl kernel.unprivileged_userns_clone=1"
    if sysctls.get("kernel.apparmor_restrict_unprivileged_userns") == "1":
        return (
            "sysctl kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile for "
            "python3 with the rule `userns,`"
        )
    if number == errno.ENOSPC:
        return "sysctl user.max_user_namespaces: too many are in use"
    if number in (errno.EINVAL, errno.ENOSYS):
        return "boot a kernel with CONFIG_USER_NS"
    return "in a container its seccomp filter forbids it: start that with seccomp=unconfined"


USERNS_SYSCTLS = (
    "user.max_user_namespaces",
    "kernel.unprivileged_userns_clone",
    "kernel.apparmor_restrict_unprivileged_userns",
)


def check_user_namespace(facts: "probe.Facts") -> Check:
    """Make a user namespace without privileges, as this user or, for root, as uid 65534."""
    words = ("user", "unprivileged") if facts.is_privileged else ("user",)
    worked, detail, number = attempts.try_out(*words)
    answer = YES if worked else NO
    if worked and facts.is_privileged:
        detail = "for ordinary users too"
    remedy = "" if worked else userns_remedy(number, {n: read_sysctl(n) for n in USERNS_SYSCTLS})
    if detail.startswith("setresuid"):
        answer = PARTLY
        detail = f"root could not become another user to try it: {detail}"
        remedy = "run `wardian doctor` as that user"
    return Check(
        "isolation", "user namespace", answer, detail, remedy=remedy, needed=not facts.is_privileged
    )


def check_subordinate_ids(facts: "probe.Facts") -> Check:
    """Look for newuidmap, newgidmap and the ranges granted to this user."""
    name = idmap.user_name(facts.uid)
    who = f'"{name or facts.uid}"'
    missing = [helper for helper in ("newuidmap", "newgidmap") if not idmap.find_helper(helper)]
    if missing:
        return Check(
            "helpers",
            "subordinate ids",
            PARTLY,
            f"{' and '.join(missing)} not found: rootless boxes have one id",
            remedy="install the package uidmap (Debian) or shadow-utils (Fedora)",
        )
    if facts.is_privileged:
        return Check("helpers", "subordinate ids", YES, "newuidmap is there; root needs no range")
    maps = idmap.rootless_maps(facts.uid, facts.gid)
    if not maps.helper:
        return Check(
            "helpers",
            "subordinate ids",
            PARTLY,
            f"{idmap.SUBUID} or {idmap.SUBGID} grants nothing to {who}: its boxes have one id",
            remedy=idmap.grant_command(name or "USER"),
        )
    try:
        with attempts.held_user_namespace() as pid:
            idmap.write_maps(pid, maps)
    except HostError as error:
        return Check("helpers", "subordinate ids", NO, str(error), remedy=error.hint, needed=True)
    uids, gids = (sum(line[2] for line in lines) for lines in (maps.uid_lines, maps.gid_lines))
    return Check("helpers", "subordinate ids", YES, f"{uids} uids and {gids} gids for {who}")


# ---- privilege ----------------------------------------------------------------------------


def check_libseccomp() -> Check:
    """Load the library that compiles filters."""
    import ctypes

    try:
        library = ctypes.CDLL("libseccomp.so.2")
        library.seccomp_version.restype = ctypes.POINTER(ctypes.c_uint * 3)
        detail = ".".join(str(part) for part in library.seccomp_version().contents)
    except (OSError, AttributeError) as error:
        return Check(
            "privilege",
            "libseccomp",
            NO,
            str(error),
            remedy="install the package libseccomp2 (Debian) or libseccomp (Fedora); "
            "--security-opt seccomp=unconfined does without",
            needed=True,
        )
    return Check("privilege", "libseccomp", YES, f"version {detail}")


def check_capabilities(facts: "probe.Facts", status: str) -> Check:
    """Compare root's capabilities with all that there are.

    Args:
        facts: of this machine.
        status: the text of /proc/self/status.
    """
    if facts.uid != 0:
        return Check(
            "privilege", "capabilities", YES, "an ordinary user: boxes get a user namespace"
        )
    held = 0
    for line in status.split("\n"):
        if line.startswith("CapEff:"):
            held = int(line.partition(":")[2], 16)
    every = (1 << (capabilities.last() + 1)) - 1
    missing = capabilities.names(every & ~held)
    if not missing:
        return Check("privilege", "capabilities", YES, "root has all of them")
    wanted = ["CAP_SYS_ADMIN", "CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP"]
    if not facts.is_privileged:
        wanted = ["CAP_SETFCAP"]  # without it no user namespace may map id 0 (5.12)
    needed = [name for name in missing if name in wanted]
    return Check(
        "privilege",
        "capabilities",
        NO if needed else PARTLY,
        f"root lacks {', '.join(missing)}",
        remedy="start the container or service that wardian runs in with them",
        needed=True,
    )


def check_lsm(lsms: str, label: str) -> Check:
    """Name the security modules and this process's confinement.

    Args:
        lsms: the text of /sys/kernel/security/lsm.
        label: the text of /proc/self/attr/current.
    """
    names = [name for name in lsms.strip("\0 \n").split(",") if name]
    label = label.strip("\0 \n")
    confined = label not in ("", "unconfined", "kernel") and "unconfined" not in label
    text = ", ".join(names) or "none"
    return Check(
        "privilege",
        "security modules",
        PARTLY if confined else YES,
        f"{text}; this process is confined as {label}" if confined else text,
        remedy="what this profile denies, a box can't do either",
    )


# ---- limits -------------------------------------------------------------------------------


def check_cgroups(facts: "probe.Facts") -> "list[Check]":
    """Find the control groups and make one of each controller."""
    layout = cgroups.detect()
    failure = ""
    if layout.mode != "none":
        try:
            cgroups.create(layout, cgroups.new_name(), ()).remove()
        except HostError as error:
            failure = str(error)
    usable = {
        V1_NAMES.get(name, name).removeprefix("unified/")
        for name, mount in layout.controllers.items()
        if layout.prefix.get(mount)
    }
    return [check_limits(layout.mode, usable, failure, facts)]


def check_limits(
    mode: str, controllers: "Iterable[str]", failure: str, facts: "probe.Facts"
) -> Check:
    """Say which limits this user can set.

    Args:
        mode: "v1", "hybrid", "v2" or "none".
        controllers: those in which a group could be made, or all where `failure` says why none.
        failure: what went wrong when a group was made; empty where that worked.
        facts: of this machine.
    """
    if mode == "none":
        return Check(
            "limits",
            "cgroups",
            NO,
            "no cgroup file system is mounted",
            remedy="mount -t cgroup2 none /sys/fs/cgroup",
        )
    there = [name for name in CONTROLLERS if name in set(controllers)]
    if failure:
        return Check(
            "limits", "cgroups", NO, f"{mode}: {failure}", remedy=limits_remedy(mode, facts.uid)
        )
    missing = [name for name in CONTROLLERS if name not in there]
    if mode == "v2":
        missing = [name for name in missing if name != "devices"]  # a program does that, not a file
    detail = f"{mode}: {' '.join(there)}"
    if not missing:
        return Check("limits", "cgroups", YES, detail)
    remedy = limits_remedy(mode, facts.uid)
    if facts.uid == 0:
        remedy = "boot a kernel with these controllers"
        if "memory" in missing:
            remedy += ", with cgroup_enable=memory on its command line"
    detail += f"; without {' '.join(missing)}"
    return Check("limits", "cgroups", PARTLY, detail, remedy=remedy)


def limits_remedy(mode: str, uid: int) -> str:
    """Say how a user gets control groups of its own."""
    if uid == 0:
        return "the container that wardian runs in must have /sys/fs/cgroup writable"
    if mode == "v2":
        return (
            "`--cgroup-manager systemd`, or `systemd-run --user --scope -p Delegate=yes COMMAND`; "
            "for all controllers a drop-in of user@.service with [Service] Delegate=cpu cpuset "
            "io memory pids"
        )
    return "on cgroup v1 only root can set limits; boot with systemd.unified_cgroup_hierarchy=1"


def check_hard_limits() -> Check:
    """Read the hard limits above which --ulimit can't go without CAP_SYS_RESOURCE."""
    import resource

    words = []
    for name in ("nofile", "nproc", "core", "memlock"):
        hard = resource.getrlimit(getattr(resource, "RLIMIT_" + name.upper()))[1]
        words.append(f"{name} {'unlimited' if hard == resource.RLIM_INFINITY else hard}")
    return Check("limits", "hard limits", YES, ", ".join(words))


def check_binfmt(names: "Sequence[str]") -> Check:
    """Say which foreign architectures the kernel hands to an emulator.

    Args:
        names: what /proc/sys/fs/binfmt_misc holds.
    """
    remedy = "install qemu-user-static and binfmt-support (Debian) or qemu-user-static (Fedora)"
    emulated = sorted(name[5:] for name in names if name.startswith("qemu-"))
    if emulated:
        return Check("helpers", "other architectures", YES, ", ".join(emulated))
    detail = "binfmt_misc without an emulator" if names else "binfmt_misc is not mounted"
    return Check("helpers", "other architectures", PARTLY, detail, remedy=remedy)


def check_launcher(path: str) -> Check:
    """Look at the executable that builds the boxes."""
    answer = YES if os.access(path, os.X_OK) else NO
    detail = path if answer == YES else f'"{path}" is not there or not executable'
    return Check(
        "helpers",
        "launcher",
        answer,
        detail,
        remedy="reinstall wardian, or `make` in a checkout",
        needed=True,
    )


def _read(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return file.read(1 << 16).decode("utf-8", "replace")
    except OSError:
        return ""


def _list(path: str) -> "list[str]":
    try:
        return os.listdir(path)
    except OSError:
        return []


# ---- all ----------------------------------------------------------------------------------


def gather(launcher: str) -> "list[Check]":
    """Return all checks in the order of their groups; takes some hundred milliseconds.

    Args:
        launcher: the path of the launcher's executable.
    """
    facts = probe.facts()
    found = [
        check_kernel(facts),
        check_architecture(facts),
        *try_all(facts),
        check_user_namespace(facts),
        check_libseccomp(),
        check_capabilities(facts, _read("/proc/self/status")),
        check_lsm(_read("/sys/kernel/security/lsm"), _read("/proc/self/attr/current")),
        *check_cgroups(facts),
        check_hard_limits(),
        check_launcher(launcher),
        check_subordinate_ids(facts),
        check_binfmt(_list("/proc/sys/fs/binfmt_misc")),
    ]
    return sorted(found, key=lambda check: GROUPS.index(check.group))


def is_ready(found: "Iterable[Check]") -> bool:
    """Return whether a box can run: nothing that is needed is missing."""
    return not any(check.needed and check.answer == NO for check in found)


def verdict(found: "Sequence[Check]", facts: "probe.Facts") -> str:
    """Say in a line what can be had here."""
    missing = [check.name for check in found if check.needed and check.answer == NO]
    if missing:
        return f"not ready: {', '.join(missing)}"
    answers = {check.name: check for check in found}
    if facts.is_privileged:
        who = "as root"
    else:
        ranges = answers["subordinate ids"].answer == YES
        who = f"as uid {facts.uid}, {'with subordinate ids' if ranges else 'with one id'}"
    groups = answers["cgroups"]
    if groups.answer == YES:
        return f"ready: boxes {who}, with limits ({groups.detail})"
    if groups.answer == PARTLY:
        return f"ready: boxes {who}, with some limits ({groups.detail})"
    return f"ready: boxes {who}, without limits ({groups.detail})"
