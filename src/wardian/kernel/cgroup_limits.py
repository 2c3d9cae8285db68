"""Set limits, and word the kernel's refusals.

Some files must be written in an order that depends on what stands in them: memory.limit_in_bytes
never above memory.memsw.limit_in_bytes, a quota never below its burst, weight not while idle is
set. A new group takes the order in which runtime.resources gives them; `apply_all` finds the order
for a group in use.

Kernel: cgroups(7), Documentation/admin-guide/cgroup-v1/, cgroup-v2.rst.
"""

import errno

from wardian.errors import KernelError, UnsupportedError
from wardian.kernel import cgroup_files as files
from wardian.kernel.cgroup_files import BPF_DEVICES, CgroupWrite

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


PARTITION = "cpuset.cpus.partition"


def apply(write: CgroupWrite, groups: "Mapping[str, str]") -> None:
    """Set one limit.

    Raises:
        UnsupportedError: this kernel has no such file or device.
        KernelError: the value was refused.
    """
    group = groups[write.controller]
    if write.file == BPF_DEVICES:
        from wardian.kernel import device_filter  # loads ctypes: 4 ms

        device_filter.restrict(group, write.value)
        return
    path = f"{group}/{write.file}"
    try:
        files.put(path, write.value)
    except OSError as error:
        if error.errno == errno.ENOENT and write.otherwise is not None:
            apply(write.otherwise, groups)
            return
        raise _refused(write, path, error.errno or errno.EIO) from None
    if write.file == PARTITION:
        _check_partition(path, write.value)


def _check_partition(path: str, asked: str) -> None:
    """Read a partition back: the kernel takes the word, and says only there that it can't be."""
    found = files.find(path) or ""
    if "invalid" in found:
        hint = "it needs cpuset.cpus that no sibling has, in a group whose parent is a partition"
        call = f'write("{path}", "{asked}"): the kernel says "{found}"'
        raise KernelError(call, errno.EINVAL, hint=hint)


def _refused(write: CgroupWrite, path: str, number: int) -> "UnsupportedError | KernelError":
    if number == errno.ENOENT:
        hint = "boot a kernel that has it, or leave this limit away"
        if ".memsw." in write.file or ".swap." in write.file:
            hint = "boot with swapaccount=1, or leave the swap limit away"
        return UnsupportedError(
            f'{write.reason}: this kernel has no "{write.file}"', feature="cgroups", hint=hint
        )
    if number == errno.ENODEV:
        device = write.value.partition(" ")[0]
        return UnsupportedError(
            f'{write.reason}: this machine has no whole block device "{device}"',
            feature="cgroups",
            hint="name a disk as lsblk shows it (MAJ:MIN), not a partition of one",
        )
    return KernelError(f'write("{path}", "{write.value}")', number, hint=_remedy(write, number))


def _remedy(write: CgroupWrite, number: int) -> str:
    if write.file in ("cpuset.cpus", "cpuset.mems"):
        return "a group above does not have all of these; its list stands in the same file there"
    if write.file.startswith("cpu.rt_"):
        return "the real-time share of the groups above is used up"
    if write.file.startswith("devices.") and number == errno.EPERM:
        return "a group above does not allow that device itself"
    if number == errno.EBUSY and write.file.startswith("memory."):
        return "the processes inside use more than that already"
    return f"{write.reason}: the kernel does not take that value"


MEMORY_LIMITS = {  # the limit's file -> the file that says what is used
    "memory.limit_in_bytes": "memory.usage_in_bytes",
    "memory.memsw.limit_in_bytes": "memory.memsw.usage_in_bytes",
    "memory.max": "memory.current",
    "memory.swap.max": "memory.swap.current",
}


def check_memory(writes: "Sequence[CgroupWrite]", groups: "Mapping[str, str]") -> None:
    """Refuse memory limits below what is used now.

    Raises:
        KernelError: EBUSY, as v1 answers itself.
    """
    for write in writes:
        file = MEMORY_LIMITS.get(write.file)
        group = groups.get(write.controller)
        if file is None or group is None or not write.value.isdigit():
            continue
        used = files.number(f"{group}/{file}")
        if used is not None and int(write.value) < used:
            call = f'write("{group}/{write.file}", "{write.value}")'
            hint = f"the processes inside use {used} bytes already (checkBeforeUpdate)"
            raise KernelError(call, errno.EBUSY, hint=hint)


def apply_all(
    writes: "Sequence[CgroupWrite]", groups: "Mapping[str, str]", *, quiet: bool = False
) -> None:
    """Set limits; those refused at first are tried again after the others, last one first."""
    again = []
    for write in writes:
        try:
            apply(write, groups)
        except KernelError:
            again.append(write)
    for write in again:
        try:
            apply(write, groups)
        except KernelError:
            if not quiet:
                raise
