"""End a container's processes, and take away what it had.

Kernel: pidfd_open(2), pid_namespaces(7).
"""

import os

from wardian.kernel import processes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wardian.oci.state import State

END_TIMEOUT_MS = 10_000


def end(found: "State") -> None:
    """Kill the first process, with it all of its pid namespace, and whatever is in the group."""
    group = found.place()
    if found.pid and found.is_alive:
        try:
            pidfd = os.pidfd_open(found.pid)
        except ProcessLookupError:
            pidfd = -1
        if pidfd >= 0:
            processes.send_signal(pidfd, processes.SIGKILL)
            if group is not None and group.exists and group.is_frozen:
                group.thaw()
            import select

            poll = select.poll()
            poll.register(pidfd, select.POLLIN)
            poll.poll(END_TIMEOUT_MS)
            os.close(pidfd)
    if group is not None and group.exists and group.processes():
        group.kill()


def remove(found: "State") -> None:
    """Remove the control groups, and forget the container."""
    group = found.place()
    if group is not None:
        group.remove()
    found.remove()
