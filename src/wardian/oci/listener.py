"""Hand a seccomp listener to the agent that waits for it (linux.seccomp.listenerPath).

The agent gets one message: the containerProcessState as JSON, with the descriptor.

Source: opencontainers/runtime-spec, config-linux.md "The Container Process State".
Kernel: seccomp_unotify(2), unix(7).
"""

import _socket
import os
import struct

from wardian import json_text
from wardian.errors import KernelError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wardian.oci.state import State


def hand_over(found: "State", listener: int, *, pid: int, status: str) -> None:
    """Send a listener to the agent, and close it here.

    Args:
        found: the container.
        listener: the descriptor.
        pid: of the process whose filter it is.
        status: of the container.

    Raises:
        KernelError: nobody listens there.
    """
    asked = found.config.get("linux", {}).get("seccomp", {})
    document = {
        "ociVersion": found.config.get("ociVersion", ""),
        "fds": ["seccompFd"],
        "pid": pid,
        "metadata": asked.get("listenerMetadata", ""),
        "state": {**found.document(status), "pid": found.pid or pid},
    }
    path = asked.get("listenerPath", "")
    connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    try:
        connection.connect(path)
        rights = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, struct.pack("i", listener))]
        connection.sendmsg([json_text.dumps(document).encode()], rights)
    except OSError as error:
        raise KernelError(f'connect("{path}") for the seccomp agent', error.errno or 0) from None
    finally:
        connection.close()
        os.close(listener)
