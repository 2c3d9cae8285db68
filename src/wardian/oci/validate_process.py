"""Part of runtime.validate: what `process` must make sense of, for create and for exec (pure).

Facts about exec
----------------
One string of args and env may have 32 pages less its NUL; all strings with their pointers may have
6 MiB, whatever the stack's limit is (fs/exec.c: MAX_ARG_STRLEN, bprm_stack_limits).

Source: opencontainers/runtime-spec 1.3, config.md "Process"; what it leaves open is as in runc.
Kernel: execve(2), getrlimit(2), sched_setattr(2), since Linux 3.14; ioprio_set(2).
"""

import os

from wardian.kernel import capabilities
from wardian.kernel.profile_reader import shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from wardian.kernel.profile_reader import Faults

    Document = dict[str, Any]

_MOST_BYTES = 6 << 20
_POINTER_BYTES = 8
_STRING_PAGES = 32


def check(faults: "Faults", process: "Document", where: str, warnings: list[str]) -> None:
    """Find what is wrong with a process whose shape is right.

    Args:
        faults: the faults are added here.
        process: changed: capabilities that no kernel has are taken away.
        where: prefix of the paths: "process." or "".
        warnings: those capabilities are named here.
    """
    _strings(faults, process, where)
    _rlimits(faults, process, where)
    _scheduler(faults, process.get("scheduler", {}), where + "scheduler")
    for key, text in process.get("execCPUAffinity", {}).items():
        _cpus(faults, text, f"{where}execCPUAffinity.{key}")
    _capabilities(process, warnings)


def _strings(faults: "Faults", process: "Document", where: str) -> None:
    args = process.get("args", ())
    env = process.get("env", ())
    if "args" in process and not args:
        faults.add(where + "args", "needs the program at least")
    for place, pair in enumerate(env):
        if "=" not in pair[1:]:
            faults.add(f"{where}env[{place}]", f'must be NAME=VALUE, not "{shown(pair)}"')
    _exec_limits(faults, where, args=args, env=env)


def _exec_limits(faults: "Faults", where: str, **lists: "list[str]") -> None:
    longest = os.sysconf("SC_PAGE_SIZE") * _STRING_PAGES - 1
    total = 0
    for name, row in lists.items():
        size = len("\0".join(row).encode())
        total += size + len(row) * _POINTER_BYTES
        if size <= longest:
            continue
        for place, text in enumerate(row):
            if len(text.encode()) > longest:
                faults.add(f"{where}{name}[{place}]", f"is longer than the {longest} bytes of exec")
    if total > _MOST_BYTES:
        faults.add(where + "env", f"and args have {total} bytes, more than the 6 MiB of exec")


def _rlimits(faults: "Faults", process: "Document", where: str) -> None:
    seen = set()
    for place, limit in enumerate(process.get("rlimits", ())):
        path = f"{where}rlimits[{place}]"
        name = limit.get("type")
        if name in seen:
            faults.add(path + ".type", f"{name} stands twice")
        if name:
            seen.add(name)
        soft, hard = limit.get("soft", 0), limit.get("hard", 1 << 64)
        if soft > hard:
            faults.add(path + ".soft", f"{soft} is above the hard limit {hard}")


def _scheduler(faults: "Faults", scheduler: "Document", where: str) -> None:
    policy = scheduler.get("policy")
    if policy is None:
        return
    realtime = policy in ("SCHED_FIFO", "SCHED_RR")
    if not realtime and scheduler.get("priority"):
        faults.add(where + ".priority", f"is for SCHED_FIFO and SCHED_RR, not for {policy}")
    if realtime and not scheduler.get("priority"):
        faults.add(where + ".priority", f"must be from 1 to 99 for {policy}")
    times = [scheduler.get(key, 0) for key in ("runtime", "deadline", "period")]
    if policy != "SCHED_DEADLINE":
        if any(times):
            faults.add(where, f"runtime, deadline and period are for SCHED_DEADLINE, not {policy}")
    elif not 0 < times[0] <= times[1] <= (times[2] or times[1]):
        faults.add(where, "SCHED_DEADLINE needs 0 < runtime <= deadline <= period")


def _cpus(faults: "Faults", text: str, where: str) -> None:
    from wardian.kernel.cgroup_files import parse_cpulist

    try:
        if text:
            parse_cpulist(text)
    except ValueError as error:
        faults.add(where, f"no list of processors: {shown(str(error))}")


def _capabilities(process: "Document", warnings: list[str]) -> None:
    """Drop what no kernel can map; the specification has it logged, and forbids failing."""
    known = frozenset(capabilities.NAMES)
    for key, names in process.get("capabilities", {}).items():
        if not known.issuperset(names):
            unknown = [shown(name) for name in names if name not in known]
            warnings.append(f"unknown capabilities in {key} are ignored: {', '.join(unknown[:5])}")
            process["capabilities"][key] = [name for name in names if name in known]
