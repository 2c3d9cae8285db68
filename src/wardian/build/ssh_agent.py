"""RUN --mount=type=ssh: a socket in the box that leads to an agent's outside.

Facts about agents
------------------
An agent of OpenSSH talks to its own user and to root alone, so its socket itself would be of no use
to a step of another user. Ours is owned by whom the mount names, and each request goes through us:
a step may list the keys and have something signed. What would change the agent (add, remove, lock)
is refused, as docker does. Requests on a connection are answered in their order.

A socket's address has 107 bytes at most: it is bound by a descriptor of its directory.

Source: draft-ietf-sshm-ssh-agent, "Messages".

Kernel: unix(7).
"""

import os
import socket
import stat
import threading

from wardian import errors

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

NAME = "agent"
MESSAGE_BYTES = 256 << 10  # as OpenSSH has it
FAILURE = 5
# List the keys, sign, and extensions, such as to bind a session to a host.
ALLOWED = (11, 13, 27)
_REFUSAL = b"\0\0\0\1" + bytes((FAILURE,))


class Forwarded:
    """A socket in a directory of ours; what it is asked goes to an agent, until `close`.

    Args:
        folder: an empty directory.
        agent: the agent's socket.

    Attributes:
        path: of the socket.
    """

    def __init__(self, folder: str, agent: str) -> None:
        self.path = f"{folder}/{NAME}"
        self._agent = agent
        self._open: set[socket.socket] = set()
        self._guard = threading.Lock()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        fd = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self._listener.bind(f"/proc/self/fd/{fd}/{NAME}")
        finally:
            os.close(fd)
        self._listener.listen()
        threading.Thread(target=self._accept, name="ssh agent", daemon=True).start()

    def close(self) -> None:
        """End; whatever is still open is cut."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._guard:
            for one in self._open:
                try:
                    one.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass  # closed meanwhile

    def _accept(self) -> None:
        while True:
            try:
                client, _address = self._listener.accept()
            except OSError:
                return  # closed
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        agent = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        with self._guard:
            self._open.update((client, agent))
        try:
            agent.connect(self._agent)
            while (request := _message(client)) is not None:
                if request[4] not in ALLOWED:
                    client.sendall(_REFUSAL)
                    continue
                agent.sendall(request)
                answer = _message(agent)
                if answer is None:
                    return
                client.sendall(answer)
        except OSError:
            pass  # either has gone: the other sees the end of the connection
        finally:
            with self._guard:
                self._open.difference_update((client, agent))
            client.close()
            agent.close()


def _message(connection: socket.socket) -> "bytes | None":
    """Return the next message with its length; None at the end, or where it is none."""
    head = _exactly(connection, 4)
    length = int.from_bytes(head, "big")
    if len(head) < 4 or not 0 < length <= MESSAGE_BYTES:
        return None
    body = _exactly(connection, length)
    return head + body if len(body) == length else None


def _exactly(connection: socket.socket, count: int) -> bytes:
    found = b""
    while len(found) < count and (piece := connection.recv(count - len(found))):
        found += piece
    return found


def agents(given: "Mapping[str, str]") -> "dict[str, str]":
    """Return the sockets of agents by id; "" stands for the one of SSH_AUTH_SOCK.

    Raises:
        UsageError: there is none.
    """
    found = {}
    for name, text in given.items():
        path = text or os.environ.get("SSH_AUTH_SOCK", "")
        if not path:
            raise errors.UsageError(
                f"--ssh {name}: SSH_AUTH_SOCK is not set",
                hint='eval "$(ssh-agent)" and ssh-add start an agent; or --ssh ID=SOCKET',
            )
        try:
            is_socket = stat.S_ISSOCK(os.stat(path).st_mode)
        except OSError as error:
            why = os.strerror(error.errno or 0).lower()
            raise errors.UsageError(f'--ssh {name}: "{path}": {why}') from None
        if not is_socket:
            raise errors.UsageError(
                f'--ssh {name}: "{path}" is no socket',
                hint="a key goes into an agent first: ssh-add FILE",
            )
        found[name] = os.path.abspath(path)
    return found
