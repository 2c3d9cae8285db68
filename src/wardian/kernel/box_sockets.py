"""Listen in another process's network namespace, while we stay in ours.

Facts about sockets and namespaces
----------------------------------
A socket belongs for good to the network namespace in which it was made. Whoever has its descriptor
can accept its connections from anywhere: so a box without any interface but its loopback can reach
a server of ours, and nothing else. Entering a namespace of an ordinary user's box takes its user
namespace first, which only a process with one thread may enter: a process of ours does it, makes
the socket, and sends it back.

Kernel: setns(2), network_namespaces(7), unix(7).
"""

import os

from wardian import errors
from wardian.kernel import side_process

BACKLOG = 128


def listen(pid: int, port: int) -> int:
    """Return a socket that listens on 127.0.0.1 in a process's network namespace.

    Args:
        pid: the process.
        port: where.

    Raises:
        KernelError: the namespace can't be entered, or the port is taken.
    """
    return side_process.descriptor("wardian.kernel.box_sockets:serve", [str(pid), str(port)])


def serve(arguments: "list[str]") -> str:
    """Make the socket and send it over standard input: PID PORT."""
    import socket

    pid, port = map(int, arguments)
    _enter(pid)
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(BACKLOG)
    except OSError as error:
        raise errors.KernelError(f'bind("127.0.0.1:{port}")', error.errno or 0) from None
    side_process.send(listener.fileno())
    return ""


def _enter(pid: int) -> None:
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    for kind in ("user", "net"):
        path = f"/proc/{pid}/ns/{kind}"
        if os.stat(path).st_ino == os.stat(f"/proc/self/ns/{kind}").st_ino:
            continue
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            if libc.setns(fd, 0) < 0:
                raise errors.KernelError(f'setns("{path}")', ctypes.get_errno())
        finally:
            os.close(fd)
