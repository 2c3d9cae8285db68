"""Plan part: a process's labels, scheduling, personality and memory policy (pure).

Labels and oom_score_adj are written before the container's root is entered: the /proc that takes
them is the host's own, not what an image calls so (CVE-2019-16884, CVE-2025-52881).

Source: opencontainers/runtime-spec, config.md "Linux Process", config-linux.md "Personality",
"Memory policy".
Kernel: proc_pid_attr(5), proc_pid_oom_score_adj(5), sched_setattr(2), sched(7), ioprio_set(2),
personality(2), set_mempolicy(2), sched_setaffinity(2).
"""

import _struct as struct  # built in: a file less to look for

from wardian import errors
from wardian.runtime.step import Step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from wardian.runtime.spec import MemoryPolicy, Process, Scheduler, Spec

# As linux/sched.h numbers them; SCHED_OTHER is called SCHED_NORMAL there, SCHED_ISO is reserved.
SCHEDULERS = {
    "SCHED_OTHER": 0,
    "SCHED_FIFO": 1,
    "SCHED_RR": 2,
    "SCHED_BATCH": 3,
    "SCHED_ISO": 4,
    "SCHED_IDLE": 5,
    "SCHED_DEADLINE": 6,
}
# linux/sched.h
SCHEDULER_FLAGS = {
    "SCHED_FLAG_RESET_ON_FORK": 0x01,
    "SCHED_FLAG_RECLAIM": 0x02,
    "SCHED_FLAG_DL_OVERRUN": 0x04,
    "SCHED_FLAG_KEEP_POLICY": 0x08,
    "SCHED_FLAG_KEEP_PARAMS": 0x10,
    "SCHED_FLAG_UTIL_CLAMP_MIN": 0x20,
    "SCHED_FLAG_UTIL_CLAMP_MAX": 0x40,
}
# linux/ioprio.h: IOPRIO_CLASS_RT ...
IO_CLASSES = {"IOPRIO_CLASS_RT": 1, "IOPRIO_CLASS_BE": 2, "IOPRIO_CLASS_IDLE": 3}
IO_CLASS_SHIFT = 13
# PER_LINUX and PER_LINUX32 of linux/personality.h
DOMAINS = {"LINUX": 0x0000, "LINUX32": 0x0008}
# linux/mempolicy.h
POLICIES = {
    "MPOL_DEFAULT": 0,
    "MPOL_PREFERRED": 1,
    "MPOL_BIND": 2,
    "MPOL_INTERLEAVE": 3,
    "MPOL_LOCAL": 4,
    "MPOL_PREFERRED_MANY": 5,
    "MPOL_WEIGHTED_INTERLEAVE": 6,  # since Linux 6.9
}
POLICY_FLAGS = {
    "MPOL_F_NUMA_BALANCING": 1 << 13,
    "MPOL_F_RELATIVE_NODES": 1 << 14,
    "MPOL_F_STATIC_NODES": 1 << 15,
}


def early(process: "Process", proc: str = "/proc") -> "Iterator[Step]":
    """Yield what goes through the host's /proc, before the container's root is entered.

    Args:
        process: as the specification has it.
        proc: where the host's /proc is; "." for the working directory.
    """
    score = process.get("oomScoreAdj")
    if score is not None:
        words = (f"{proc}/self/oom_score_adj", str(score))
        yield Step("write", words, "how soon the kernel ends it when memory is short")
    profile = process.get("apparmorProfile", "")
    if profile:
        words = (f"{proc}/self/attr/apparmor/exec", f"exec {profile}")
        yield Step("write", words, "the AppArmor profile of what is executed")
    label = process.get("selinuxLabel", "")
    if label:
        yield Step("write", (f"{proc}/self/attr/exec", label), "the SELinux label of the program")


def late(spec: "Spec") -> "Iterator[Step]":
    """Yield what may need privileges and is done last before they go."""
    process, linux = spec["process"], spec.get("linux", {})
    if "scheduler" in process:
        yield Step("scheduler", (_scheduler(process["scheduler"]),), process["scheduler"]["policy"])
    priority = process.get("ioPriority")
    if priority is not None:
        value = IO_CLASSES[priority["class"]] << IO_CLASS_SHIFT | priority.get("priority", 0)
        yield Step("io_priority", (value,), priority["class"])
    if "personality" in linux:
        domain = linux["personality"]["domain"]
        yield Step("personality", (DOMAINS[domain],), f"the kernel acts as {domain}")
    extension = spec.get("wardian", {})
    if "personality" in extension:
        yield Step("personality", (extension["personality"],), "what the kernel shows of itself")
    if "affinity" in extension:
        yield affinity(extension["affinity"], "the processors that it sees")
    if "memoryPolicy" in linux:
        yield _memory_policy(linux["memoryPolicy"])


def affinity(cpus: str, reason: str) -> Step:
    """Return the step that binds a process to processors ("0-3,8")."""
    from wardian.kernel.cgroups import parse_cpulist  # few processes ask for it

    mask = 0
    for cpu in parse_cpulist(cpus):
        mask |= 1 << cpu
    return Step("affinity", (_words(mask),), reason)


def _words(mask: int) -> bytes:
    return mask.to_bytes(max(8, (mask.bit_length() + 63) // 64 * 8), "little")


def _scheduler(asked: "Scheduler") -> bytes:
    """Return struct sched_attr (SCHED_ATTR_SIZE_VER0, 48 bytes)."""
    flags = 0
    for name in asked.get("flags", []):
        flags |= SCHEDULER_FLAGS[name]
    return struct.pack(
        "=IIQiIQQQ",
        48,
        SCHEDULERS[asked["policy"]],
        flags,
        asked.get("nice", 0),
        asked.get("priority", 0),
        asked.get("runtime", 0),
        asked.get("deadline", 0),
        asked.get("period", 0),
    )


def _memory_policy(asked: "MemoryPolicy") -> Step:
    mode = POLICIES[asked["mode"]]
    for name in asked.get("flags", []):
        mode |= POLICY_FLAGS[name]
    from wardian.kernel.cgroups import parse_cpulist

    mask = 0
    try:
        for node in parse_cpulist(asked.get("nodes", "")) if asked.get("nodes") else ():
            mask |= 1 << node
    except ValueError as error:
        raise errors.SpecError(str(error), where="linux.memoryPolicy.nodes") from None
    # the kernel reads one bit less than it is told
    nodes = _words(mask) + bytes(8) if mask else b""
    return Step("memory_policy", (mode, nodes), asked["mode"])
