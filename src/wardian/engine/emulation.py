"""Let a box run the programs of another processor, by QEMU.

An ordinary user's box gets a list of handlers of its own, in its user namespace (Linux 6.7): nobody
else sees it. Root's box has no user namespace, so the machine's own list is used: if a handler is
there already, that one; else one that is registered for as long as a box needs it.

Kernel: Documentation/admin-guide/binfmt-misc.rst.
"""

import os

from wardian.kernel import binfmt


class Emulation:
    """What keeps the handlers of one box."""

    __slots__ = ("_fd", "_platform", "_rootless")

    def __init__(self, platform: str, *, rootless: bool) -> None:
        """Look whether it can be done; nothing is changed yet.

        Raises:
            UnsupportedError: QEMU is not installed.
            NotFoundError: QEMU is not known to emulate it.
        """
        self._platform = binfmt.family(platform)
        self._rootless = rootless
        self._fd = -1
        if not binfmt.is_on_the_host(self._platform):
            binfmt.find_interpreter(self._platform)

    def start(self, pid: int) -> None:
        """Register what is needed, while the box's first process waits.

        Args:
            pid: in the box's user namespace, where it has one; it still sees the host's files.

        Raises:
            UnsupportedError: the kernel is too old.
            KernelError: it refuses.
        """
        if binfmt.is_on_the_host(self._platform):
            return
        if self._rootless:
            self._fd = binfmt.register([self._platform], pid)
        else:
            self._fd = binfmt.hold_on_the_host([self._platform])

    def close(self) -> None:
        """Let go of the handlers."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
