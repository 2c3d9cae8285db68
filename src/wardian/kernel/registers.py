"""Read the registers of threads that stand still, by ptrace.

Facts about tracing what is frozen
----------------------------------
- A thread in a frozen cgroup2 answers to ptrace: it stops for the tracer without executing
  anything of its own, and stands frozen again when it is detached. In the v1 freezer it does not
  answer before the thaw; then only what /proc/TID/syscall says is to be had.
- PTRACE_SEIZE stops nobody; PTRACE_INTERRUPT does. Whoever seized must ask, in the same thread.
- The stop is awaited by waitid(2) with __WALL, which is for our own tracees alone.

Kernel: ptrace(2), waitid(2), proc(5).
"""

import ctypes
import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

# linux/ptrace.h
PTRACE_GETREGSET = 0x4204
PTRACE_SEIZE = 0x4206
PTRACE_INTERRUPT = 0x4207
PTRACE_DETACH = 17
# linux/elf.h
NT_PRSTATUS = 1
NT_PRFPREG = 2
# linux/wait.h
__WALL = 0x40000000

DETACH_TIMEOUT_S = 5.0
_SET_BYTES = 4096
_PAUSE_S = 0.0001

_libc = ctypes.CDLL(None, use_errno=True)


class _Vector(ctypes.Structure):
    """`struct iovec`."""

    _fields_ = (("base", ctypes.c_void_p), ("size", ctypes.c_size_t))


def _ptrace(request: int, tid: int, address: int = 0, data: "object" = None) -> bool:
    call = _libc.ptrace
    call.restype = ctypes.c_long
    result = call(ctypes.c_long(request), ctypes.c_int(tid), ctypes.c_void_p(address), data)
    return bool(result == 0)


def read(tids: "Iterable[int]", timeout_s: float) -> "dict[int, dict[int, bytes]]":
    """Return the register sets of threads: {tid: {NT_PRSTATUS: ..., NT_PRFPREG: ...}}.

    What can't be stopped in time is left out.

    Args:
        tids: threads that stand in a frozen control group, or are stopped.
        timeout_s: for all of them together.
    """
    end_s = time.monotonic() + timeout_s
    seized = []
    found: dict[int, dict[int, bytes]] = {}
    try:
        for tid in tids:
            if time.monotonic() >= end_s:
                break
            if _ptrace(PTRACE_SEIZE, tid):
                seized.append(tid)
                _ptrace(PTRACE_INTERRUPT, tid)
        for tid in seized:
            if _await_stop(tid, end_s):
                sets = {kind: _register_set(tid, kind) for kind in (NT_PRSTATUS, NT_PRFPREG)}
                found[tid] = {kind: data for kind, data in sets.items() if data}
    finally:
        end_s = time.monotonic() + DETACH_TIMEOUT_S
        for tid in seized:
            # Only who has stopped can be detached; who is traced can't be reaped by others.
            while not _ptrace(PTRACE_DETACH, tid) and _is_traced(tid, end_s):
                time.sleep(_PAUSE_S)
    return found


def _is_traced(tid: int, end_s: float) -> bool:
    """Take what a thread that we trace has to tell; returns whether to try again."""
    try:
        os.waitpid(tid, os.WNOHANG | __WALL)
    except ChildProcessError:
        return False
    return time.monotonic() < end_s


def _await_stop(tid: int, end_s: float) -> bool:
    while True:
        try:
            pid, _status = os.waitpid(tid, os.WNOHANG | __WALL)
        except ChildProcessError:
            return False
        if pid == tid:
            return True
        if time.monotonic() >= end_s:
            return False
        time.sleep(_PAUSE_S)


def _register_set(tid: int, kind: int) -> bytes:
    buffer = ctypes.create_string_buffer(_SET_BYTES)
    vector = _Vector(ctypes.cast(buffer, ctypes.c_void_p), _SET_BYTES)
    if not _ptrace(PTRACE_GETREGSET, tid, kind, ctypes.byref(vector)):
        return b""
    return buffer.raw[: vector.size]
