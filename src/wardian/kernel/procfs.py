"""Read /proc/PID: when a process began, its name, what it does with signals.

Kernel: proc(5), proc_pid_stat(5), signal(7), pid_namespaces(7).
"""

import os

STATUS_BYTES = 8192
STAT_BYTES = 4096
TICKS = os.sysconf("SC_CLK_TCK")


def status(pid: int) -> "dict[str, str]":
    """Return the fields of /proc/PID/status; empty when the process is gone."""
    try:
        with open(f"/proc/{pid}/status", "rb") as file:
            text = file.read(STATUS_BYTES).decode("utf-8", "replace")
    except (FileNotFoundError, ProcessLookupError):
        return {}
    rows = (line.partition(":") for line in text.splitlines())
    return {name: value.strip() for name, _colon, value in rows}


def _stat(pid: int) -> "list[bytes]":
    """Return the fields of /proc/PID/stat behind the name; none when the process is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            text = file.read(STAT_BYTES)
    except (FileNotFoundError, ProcessLookupError):
        return []
    return text[text.rfind(b")") + 2 :].split()  # the name before may hold anything


def start_time(pid: int) -> int:
    """Return when a process started, in clock ticks since boot; -1 when it is dead."""
    fields = _stat(pid)
    # The main thread of a living process may be a zombie while others run on.
    if not fields or (fields[0] in b"ZX" and int(fields[17]) <= 1):
        return -1
    return int(fields[19])


def times_s(pid: int) -> "tuple[float, float, float, float]":
    """Return a process's seconds: user, system, and both of the children that it has waited for.

    All are 0 for one that is gone. A zombie still has its own.
    """
    fields = _stat(pid) or [b"0"] * 15
    user, system, waited_user, waited_system = (int(word) / TICKS for word in fields[11:15])
    return user, system, waited_user, waited_system


def peak_resident_bytes(pid: int) -> int:
    """Return the most memory that a process has had resident, 0 for one that is gone."""
    return int(status(pid).get("VmHWM", "0 kB").split()[0]) * 1024


def inner_pid(pid: int) -> int:
    """Return a process's pid as its own pid namespace sees it; `pid` itself when it is gone."""
    words = status(pid).get("NSpid", "").split()
    return int(words[-1]) if words else pid


def comm(pid: int) -> str:
    """Return the name of a process (proc_pid_comm(5)); "" when it is gone."""
    try:
        with open(f"/proc/{pid}/comm", "rb") as file:
            return file.read(64).decode("utf-8", "replace").rstrip("\n")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def children(pid: int) -> "list[int]":
    """Return the pids of a process's children (CONFIG_PROC_CHILDREN)."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", "rb") as file:
            return [int(word) for word in file.read(65536).split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def deafness(pid: int, signal: int, *, init: bool) -> str:
    """Say why a box's program would not react to `signal`; "" where it would.

    Process 1 of a pid namespace gets only signals that it has a handler for; any other process is
    deaf only to what it ignores or blocks.

    Args:
        pid: the box's first process, as we see it.
        signal: its number.
        init: that process is wardian's init, and the program its first child.
    """
    bit = 1 << (signal - 1)
    if not init:
        fields = status(pid)
        caught = int(fields.get("SigCgt", "0") or "0", 16)
        if fields and not caught & bit:
            return f"the program is process 1 and has no handler for signal {signal}"
        return ""
    program = min(children(pid), default=0)
    fields = status(program) if program else {}
    for field, verb in (("SigIgn", "ignores"), ("SigBlk", "blocks")):
        if int(fields.get(field, "0") or "0", 16) & bit:
            return f"the program {verb} signal {signal}"
    return ""
