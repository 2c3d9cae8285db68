"""A proxy for one RUN step: the only way from its box to the network.

It listens in the box's network namespace, which has nothing but a loopback, and runs in ours. By
http and, with certificates of its own, by https it sees each request as a whole, and has a Recorder
answer it.

Source: RFC 9110, RFC 9112.
"""

import socket
import threading
from typing import TYPE_CHECKING

from wardian import errors
from wardian.kernel import box_sockets

if TYPE_CHECKING:
    import ssl
    from typing import BinaryIO

    from wardian.build.authority import Authority
    from wardian.build.recorder import Answer, Recorder

_LINE_BYTES = 64 << 10
_HEADERS_MAX = 200
_BODY_BYTES = 64 << 20
_CHUNK_BYTES = 1 << 20
_IDLE_S = 120
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "OPTIONS"))
_REASONS = {200: "OK", 404: "Not Found"}


class Proxy:
    """Serves one box.

    Args:
        recorder: answers.
        authority: makes certificates.
    """

    def __init__(self, recorder: "Recorder", authority: "Authority") -> None:
        self._recorder = recorder
        self._authority = authority
        self._listener: socket.socket | None = None
        self._open: set[_Connection] = set()
        self._guard = threading.Lock()

    def attend(self, pid: int, port: int) -> None:
        """Begin to listen in a box's namespace, before its program starts."""
        self.serve(socket.socket(fileno=box_sockets.listen(pid, port)))

    def serve(self, listener: socket.socket) -> None:
        """Take connections in threads of our own, until `close`."""
        self._listener = listener
        self._listener.settimeout(None)
        threading.Thread(target=self._accept, name="proxy", daemon=True).start()

    def close(self) -> None:
        """End; whatever is still open is cut."""
        if self._listener is not None:
            try:
                self._listener.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # the box has gone, and its namespace with it
            self._listener.close()
        with self._guard:
            for one in self._open:
                one.cut()

    def _accept(self) -> None:
        assert self._listener is not None
        while True:
            try:
                client, _address = self._listener.accept()
            except OSError:
                return  # closed
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        client.settimeout(_IDLE_S)
        connection = _Connection(client, self._recorder, self._authority)
        with self._guard:
            self._open.add(connection)
        try:
            connection.run()
        except (OSError, ValueError, errors.WardianError):
            pass  # the client went away, or speaks no HTTP: it sees the end of the connection
        finally:
            with self._guard:
                self._open.discard(connection)
            connection.close()


class _Connection:
    """One client's requests."""

    def __init__(self, client: socket.socket, recorder: "Recorder", authority: "Authority") -> None:
        self._socket: socket.socket | ssl.SSLSocket = client
        self._recorder = recorder
        self._authority = authority
        self._base = ""  # of what comes through a tunnel: "https://host"

    def cut(self) -> None:
        """End it from another thread."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # closed meanwhile

    def close(self) -> None:
        """Let go of it."""
        self._socket.close()

    def run(self) -> None:
        stream: BinaryIO = self._socket.makefile("rb")
        while (line := self._line(stream)) is not None:
            method, target, version = line.split(" ")
            headers = self._headers(stream)
            if method == "CONNECT":
                stream = self._tunnel(target)
                continue
            body = self._body(stream, headers)
            url = self._base + target if target.startswith("/") else target
            if not url.startswith(("http://", "https://")) or method not in _METHODS:
                self._send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
                return
            answer = self._recorder.answer(method, url, headers, body)
            self._reply(answer, has_content=method != "HEAD")
            said = headers.get("connection", "").lower()
            if said == "close" or (version == "HTTP/1.0" and said != "keep-alive"):
                return

    def _tunnel(self, target: str) -> "BinaryIO":
        """Be the server that the client wants to reach."""
        host, _colon, port = target.rpartition(":")
        self._send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        context = self._authority.context(host)
        self._socket = context.wrap_socket(self._socket, server_side=True)
        self._base = f"https://{host}" + (f":{port}" if port != "443" else "")
        found: BinaryIO = self._socket.makefile("rb")
        return found

    def _line(self, stream: "BinaryIO") -> "str | None":
        data = stream.readline(_LINE_BYTES)
        return data.decode("latin-1").rstrip("\r\n") if data.strip() else None

    def _headers(self, stream: "BinaryIO") -> "dict[str, str]":
        found: dict[str, str] = {}
        for _number in range(_HEADERS_MAX):
            line = self._line(stream)
            if line is None:
                return found
            name, _colon, text = line.partition(":")
            found[name.strip().lower()] = text.strip()
        raise ValueError("too many headers")

    def _body(self, stream: "BinaryIO", headers: "dict[str, str]") -> bytes:
        if headers.get("expect", "").lower() == "100-continue":
            self._send(b"HTTP/1.1 100 Continue\r\n\r\n")
        if headers.get("transfer-encoding", "").lower() == "chunked":
            body = b""
            while size := int((self._line(stream) or "0").partition(";")[0], 16):
                if len(body) + size > _BODY_BYTES:
                    raise ValueError("the body is too large")
                body += stream.read(size)
                stream.readline(_LINE_BYTES)
            self._headers(stream)
            return body
        length = int(headers.get("content-length") or 0)
        if not 0 <= length <= _BODY_BYTES:
            raise ValueError("the body is too large")
        return stream.read(length)

    def _reply(self, answer: "Answer", *, has_content: bool) -> None:
        rows = [f"HTTP/1.1 {answer.status} {_REASONS.get(answer.status, 'Answer')}"]
        rows += [f"{name}: {text}" for name, text in answer.headers.items()]
        rows += [f"Content-Length: {answer.size}", "", ""]
        self._send("\r\n".join(rows).encode("latin-1", "replace"))
        if not has_content:
            return
        if isinstance(answer.content, bytes):
            self._send(answer.content)
            return
        with open(answer.content.path, "rb", buffering=0) as file:
            while chunk := file.read(_CHUNK_BYTES):
                self._send(chunk)

    def _send(self, data: bytes) -> None:
        self._socket.sendall(data)
