"""The plans of boxes that stand ready: made up to the program, which comes later (pure).

A box of a pool is made in namespaces that are there already. The *template* is a box like any
other up to its root, which nobody can write to; its mount and UTS namespaces are kept, and its
process ends. Each box then gets what a program can leave something in, and nothing else: processes,
System V objects, a mount namespace with a /tmp and a /proc of its own, a user namespace. A network
namespace is used again only where the policy lets no socket reach it.

    template   | up to the root | wait
    box        | enter groups, mount /proc and /tmp | own user | wait | confine | continue
    its end    | seccomp, init, supervised | wait | exec

The end is in a file of its own, of which all but `exec` is there when the box begins: it stands in
the last `wait` with its filter loaded and its supervisor listening, and only execve(2) is left.

Kernel: setns(2), mount_namespaces(7), unix(7) "Abstract socket addresses are local to a network
namespace".
"""

from wardian.runtime import plan
from wardian.runtime.mount_options import (
    MS_NODEV,
    MS_NOEXEC,
    MS_NOSUID,
    MS_RDONLY,
    MS_REC,
    MS_REMOUNT,
)
from wardian.runtime.plan import Plan
from wardian.runtime.step import Step
from wardian.sandbox import policy as policies
from wardian.sandbox.box_plan import WORKDIR

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from wardian.sandbox.policy import Policy

MS_BIND = 0x1000  # linux/mount.h
KERNEL_S_FLAGS = 0xFFFFFFFF  # the upper half is the launcher's
AF_UNIX_ALONE = frozenset(("int0 == 1", "arg0 == 1"))
SOCKETS = ("socket", "socketpair", "socketcall")
END = frozenset(("seccomp", "open_files", "init", "session", "become", "supervised", "exec"))
KEYS = ("add_key", "keyctl", "request_key")


def reaches_network(policy: "Policy") -> bool:
    """Return whether a program may make a socket that is not of AF_UNIX."""
    for name in SOCKETS:
        rule = policy.arguments.get(name)
        if name in policy.allow or f"?{name}" in policy.allow:
            return True
        if rule is None:
            continue
        allowed = [text for text, answer in rule.rules if answer == policies.ALLOW]
        if rule.otherwise == policies.ALLOW or not AF_UNIX_ALONE.issuperset(allowed):
            return True
    return False


def uses_keys(policy: "Policy") -> bool:
    """Return whether a program may put keys into its user's keyring."""
    names = (*policy.allow, *policy.arguments)
    return any(name.lstrip("?") in KEYS for name in names)


def template(whole: Plan) -> Plan:
    """Return the plan of a box up to its root; there it stands.

    Args:
        whole: the plan of a box that is not of a pool.
    """
    row: list[Step] = []
    for step in whole.steps:
        if is_about_groups(step) or is_about_proc(step):
            continue  # nothing runs in it; and a masked /proc forbids to mount another (EPERM)
        row.append(step)
        if step.name == "pivot":
            break
    row.append(Step("wait", (), "its namespaces are kept"))
    return Plan(tuple(row), whole.clone_flags)


def is_about_groups(step: Step) -> bool:
    """Return whether a step makes or enters a control group."""
    return step.name == "cgroup" or (
        step.name == "write" and str(step.args[0]).startswith("$cgroup")
    )


def is_about_proc(step: Step) -> bool:
    """Return whether a step covers something of /proc."""
    return step.name in ("mask", "readonly") and str(step.args[0]).startswith("/proc/")


def joined(
    whole: Plan, *, groups: int, network: bool, user: bool, exists: "Callable[[str], bool]"
) -> Plan:
    """Return the plan of a box inside of a template's namespaces, up to its program.

    Args:
        whole: the plan of a box that is not of a pool.
        groups: how many control groups it enters by itself: descriptors of its launch.
        network: it gets a network namespace of its own.
        user: it joins a user namespace that is there: its launch's descriptor behind the groups.
        exists: whether a path below /proc is there.
    """
    flags = plan.CLONE_NEWNS | plan.CLONE_NEWIPC | plan.CLONE_NEWPID
    flags |= plan.CLONE_NEWNET if network else 0
    row = [Step("enter_groups", (groups,), "the limits count from here on")] if groups else []
    if whole.clone_flags & plan.CLONE_NEWUSER:
        row.append(Step("become_root", (0,), "id 0 of the user namespace"))
    row.append(Step("unshare", (plan.CLONE_NEWCGROUP,), "its own group looks like the root of all"))
    row.extend(own_tree(whole.steps, network=network, exists=exists, empty=WORKDIR))
    early = [step for step in whole.steps[_after(whole, "pivot") :] if step.name not in END]
    row.extend(_with_user(early, groups) if user else early)
    row.append(_go_on_with(groups + user))
    return Plan(tuple(row), flags, whole.cgroup_writes)


def alone(whole: Plan) -> Plan:
    """Return the plan of a box in namespaces of its own, up to its program."""
    row = [step for step in whole.steps if step.name not in END]
    return Plan((*row, _go_on_with(0)), whole.clone_flags, whole.cgroup_writes)


def end(whole: Plan) -> Plan:
    """Return the end of a box's plan, with a `wait` before its program."""
    *filters, last = (step for step in whole.steps if step.name in END)
    return Plan((*filters, Step("wait", (), "the program is brought"), last), 0)


def _with_user(steps: "Iterable[Step]", place: int) -> "Iterator[Step]":
    """Yield the steps of a box that joins its user namespace: nobody has to map its ids."""
    for step in steps:
        if step.name == "unshare" and step.args[0] == plan.CLONE_NEWUSER:
            yield Step("enter_user", (place,), step.reason)
        elif step.name not in ("map_ids", "wait"):
            yield step


def _after(whole: Plan, name: str) -> int:
    return [step.name for step in whole.steps].index(name) + 1


def _go_on_with(place: int) -> Step:
    return Step("continue", (place,), "its end is in a file of its own")


def own_tree(
    steps: "Iterable[Step]", *, network: bool, exists: "Callable[[str], bool]", empty: str = ""
) -> "Iterator[Step]":
    """Yield the mounts that a box has for itself, in their order.

    Args:
        steps: of a box that is not of a pool.
        network: it has a network namespace of its own, too.
        exists: whether a path below /proc is there.
        empty: an empty directory of the namespaces that it joins, until it mounts its own there.
    """
    last: list[Step] = []
    for step in steps:
        if step.name == "loopback" and network:
            yield step
        elif step.name == "mount" and step.args[1] in ("/proc", WORKDIR):
            source, target, kind, options, flags = step.args
            assert isinstance(flags, int)
            args = (source, target, kind, flags & KERNEL_S_FLAGS, options)
            made = Step("mount_within", args, step.reason)
            if target == empty:
                last.append(made)
            else:
                yield made
        elif is_about_proc(step) and exists(path := str(step.args[0])):
            yield from _covered(step, path, empty=empty, is_directory=exists(path + "/."))
    yield from last


def _covered(step: Step, path: str, *, empty: str, is_directory: bool) -> "Iterator[Step]":
    if step.name == "readonly" or (is_directory and empty):
        source = path if step.name == "readonly" else empty
        kept = MS_NOSUID | MS_NODEV | MS_NOEXEC
        yield Step("mount_within", (source, path, "", MS_BIND | MS_REC, ""), step.reason)
        flags = MS_REMOUNT | MS_BIND | MS_RDONLY | kept
        yield Step("mount_within", ("", path, "", flags, ""), step.reason)
    elif is_directory:  # costs as much as five of the others
        args = ("tmpfs", path, "tmpfs", MS_RDONLY, "size=0")
        yield Step("mount_within", args, step.reason)
    else:
        yield Step("mount_within", ("/dev/null", path, "", MS_BIND, ""), step.reason)


def slot(*, network: bool, user: bool) -> Plan:
    """Return the plan of a box that makes what boxes have one after the other.

    Args:
        network: a network namespace.
        user: a user namespace.
    """
    row: list[Step] = []
    if network:
        row.append(Step("loopback", (), "127.0.0.1 works; there is no other interface"))
    if user:
        row.append(Step("unshare", (plan.CLONE_NEWUSER,), "it owns nothing but the program"))
        row.append(Step("map_ids", ("$uid_map", "$gid_map"), "one user, who is nobody outside"))
    row.append(Step("wait", (), "its namespaces are kept"))
    return Plan(tuple(row), plan.CLONE_NEWNET if network else 0)
