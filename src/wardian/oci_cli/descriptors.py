"""The descriptors that a container gets, and the socket that takes its terminal away."""

import os

from wardian.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from wardian.oci_cli.words import Words

FIRST_FREE = 3


def stdio(words: "Words") -> "list[int]":
    """Return 0, 1, 2 and the descriptors that are to be kept (--preserve-fds, LISTEN_FDS)."""
    count = words.number("preserve-fds")
    try:
        count += int(os.environ.get("LISTEN_FDS", "0"))
    except ValueError:
        pass
    row = list(range(FIRST_FREE + count))
    for fd in row:
        try:
            os.fstat(fd)
        except OSError:
            raise UsageError(f"--preserve-fds: descriptor {fd} is not open") from None
    return row


def sender(words: "Words") -> "Callable[[int], None] | None":
    """Return what sends a terminal's master to whoever listens on --console-socket, if given."""
    path = words.text("console-socket")
    if not path:
        return None

    def send(master: int) -> None:
        import _socket
        import struct

        connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        try:
            connection.connect(path)
            rights = [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, struct.pack("i", master))]
            connection.sendmsg([b"/dev/ptmx"], rights)
        finally:
            connection.close()
            os.close(master)

    return send
