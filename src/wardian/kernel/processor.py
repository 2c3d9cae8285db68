"""What the kernel says of the processor.

Facts about /proc/cpuinfo
-------------------------
It has a block for each processor, and `flags` are those that the kernel lets programs use. All
processors of a machine have the same on x86. Other architectures word it otherwise.

Kernel: proc(5), arch/x86/kernel/cpu/proc.c.
"""

import os

_CPUINFO_BYTES = 1 << 16


def _rows() -> "dict[str, str]":
    """Return the words of the first processor."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
            text = file.read(_CPUINFO_BYTES)
    except OSError:
        return {}
    block = text.partition("\n\n")[0]
    rows = (line.partition(":")[::2] for line in block.split("\n"))
    return {name.strip(): value.strip() for name, value in rows}


def flags() -> "frozenset[str]":
    """Return the instruction sets of an x86-64 processor; none of any other."""
    if os.uname().machine != "x86_64":
        return frozenset()
    return frozenset(_rows().get("flags", "").split())


def model() -> str:
    """Return the name that the processor has, "" where it says none."""
    rows = _rows()
    return rows.get("model name") or rows.get("Model") or ""
