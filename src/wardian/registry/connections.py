"""Connections to HTTP servers, kept open and used again; one pool for all threads.

Facts about kept connections
----------------------------
A server closes an idle connection whenever it likes; the next request on it fails with a reset or
with no answer at all. On a connection that has been used before that is no error: the request goes
out again on a new one. Not so PATCH, which adds to something and may have been carried out.

A server that refuses a request may answer and close before it has read the body. Then sending fails
with EPIPE, and the answer is there all the same.

Kernel: tcp(7). Source: RFC 9110, RFC 9112 section 9.
"""

import http.client
import os
import socket
import threading
import traceback
import urllib.parse

from wardian.errors import RemoteError, SpecError
from wardian.registry import certificates

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Mapping

    from wardian.registry.settings import Settings

_IDLE_MAX = 8
_DRAIN_BYTES = 64 << 10
_BLOCK_BYTES = 1 << 18
_STALE = (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError)
BROKEN = (OSError, http.client.HTTPException)
_Key = tuple[str, str, int]


class Body:
    """What a request carries; it can be read again, since a request may have to be repeated.

    Attributes:
        size: in bytes.
        chunks: returns its bytes from the start.
    """

    __slots__ = ("chunks", "size")

    def __init__(self, size: int, chunks: "Callable[[], Iterable[bytes | memoryview]]") -> None:
        self.size = size
        self.chunks = chunks

    @staticmethod
    def of(data: bytes) -> "Body":
        """Return a body that is in memory."""
        return Body(len(data), lambda: (data,))

    @staticmethod
    def of_file(fd: int, start: int, size: int) -> "Body":
        """Return a part of a file, which is read while it is sent."""

        def chunks() -> "Iterable[bytes]":
            at, end = start, start + size
            while at < end:
                chunk = os.pread(fd, min(_BLOCK_BYTES, end - at), at)
                if not chunk:
                    raise SpecError("a file became shorter while it was sent")
                at += len(chunk)
                yield chunk

        return Body(size, chunks)


class Response:
    """An answer whose body is read as it comes. Close it, or read it to its end.

    Attributes:
        status: of HTTP.
        headers: their names in any case.
        url: where it came from.
    """

    __slots__ = ("_connection", "_key", "_pool", "_raw", "headers", "status", "url")

    def __init__(
        self,
        pool: "Pool",
        connection: http.client.HTTPConnection,
        raw: http.client.HTTPResponse,
        *,
        key: _Key,
        url: str,
    ) -> None:
        self._pool = pool
        self._key = key
        self._connection: http.client.HTTPConnection | None = connection
        self._raw = raw
        self.status = raw.status
        self.headers = raw.headers
        self.url = url

    def length(self) -> "int | None":
        """Return what Content-Length promised."""
        text = self.headers.get("Content-Length", "")
        return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else None

    def readinto(self, buffer: memoryview) -> int:
        """Fill a buffer as far as bytes come; 0 at the end.

        Raises:
            OSError, HTTPException: the connection broke.
        """
        count = self._raw.readinto(buffer)
        if count == 0:
            self.close()
        return count

    def read(self, limit: int) -> bytes:
        """Return the whole body.

        Raises:
            SpecError: it is longer than `limit` bytes.
            RemoteError: the connection broke.
        """
        try:
            data = self._raw.read(limit + 1)
            if len(data) > limit:
                raise SpecError(f"{self.url}: the answer is longer than {limit} bytes")
            promised = self.length()
            if promised is not None and len(data) < promised and self._raw.status != 304:
                raise http.client.IncompleteRead(data, promised - len(data))
        except BROKEN as error:
            self.discard()
            raise RemoteError(f"{self.url}: {words_of(error)}") from None
        except SpecError:
            self.discard()
            raise
        self.close()
        return data

    def close(self) -> None:
        """Give the connection back; what little is left of the body is read first."""
        connection = self._connection
        if connection is None:
            return
        try:
            if not self._raw.isclosed():
                self._raw.read(_DRAIN_BYTES)
        except BROKEN:
            self.discard()
            return
        if not self._raw.isclosed() or self._raw.will_close:
            self.discard()
            return
        self._connection = None
        self._pool.give_back(self._key, connection)

    def discard(self) -> None:
        """Close the connection: the rest of the body is not wanted."""
        connection, self._connection = self._connection, None
        self._raw.close()
        if connection is not None:
            self._pool.drop(connection)


class Pool:
    """Open connections by scheme, host and port."""

    def __init__(self, settings: "Settings", authority: str, aborted: "threading.Event") -> None:
        """Begin.

        Args:
            settings: of one registry.
            aborted: set while nothing is wanted any more.
            authority: the registry's host and port: only there `settings.cert_dir` counts.
        """
        self._settings = settings
        self._authority = authority
        self._aborted = aborted
        self._idle: dict[_Key, list[http.client.HTTPConnection]] = {}
        self._busy: set[http.client.HTTPConnection] = set()
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._lock = threading.Lock()

    def request(
        self, method: str, url: str, headers: "Mapping[str, str]", body: "Body | None" = None
    ) -> Response:
        """Send one request and return the answer's head; redirects are the caller's.

        Raises:
            OSError, HTTPException: there was no answer.
        """
        key, target = _split(url)
        while True:
            connection, is_used = self._take(key)
            try:
                raw = _exchange(connection, method, *_for_proxy(key, target, headers), body=body)
            except BROKEN as error:
                self.drop(connection)
                # http.client leaves the answer of a proxy that refuses a tunnel open (3.11.2).
                traceback.clear_frames(error.__traceback__)
                is_stale = is_used and method != "PATCH" and isinstance(error, _STALE)
                if is_stale and not self._aborted.is_set():
                    continue
                raise
            except BaseException:
                self.drop(connection)
                raise
            return Response(self, connection, raw, key=key, url=url)

    def _take(self, key: _Key) -> tuple[http.client.HTTPConnection, bool]:
        with self._lock:
            waiting = self._idle.get(key)
            is_used = bool(waiting)
            connection = waiting.pop() if waiting else None
        connection = connection or self._open(key)
        with self._lock:
            self._busy.add(connection)
        return connection, is_used

    def _open(self, key: _Key) -> http.client.HTTPConnection:
        scheme, host, port = key
        timeout_s = self._settings.timeout_s
        proxy = _proxy(scheme, host)
        near, near_port = (proxy[0], proxy[1]) if proxy else (host, port)
        if scheme == "http":
            return http.client.HTTPConnection(
                near, near_port, timeout=timeout_s, blocksize=_BLOCK_BYTES
            )
        made = http.client.HTTPSConnection(
            near,
            near_port,
            timeout=timeout_s,
            context=self._context(host, port),
            blocksize=_BLOCK_BYTES,
        )
        if proxy:
            made.set_tunnel(host, port, proxy[2])
        return made

    def _context(self, host: str, port: int) -> "ssl.SSLContext":
        shown = f"[{host}]" if ":" in host else host
        authority = shown if port == 443 else f"{shown}:{port}"
        with self._lock:
            if authority not in self._contexts:
                own = authority == self._authority
                self._contexts[authority] = certificates.context(
                    authority,
                    verify=self._settings.tls_verify,
                    cert_dir=self._settings.cert_dir if own else "",
                )
            return self._contexts[authority]

    def give_back(self, key: _Key, connection: http.client.HTTPConnection) -> None:
        """Keep a connection for the next request."""
        with self._lock:
            self._busy.discard(connection)
            waiting = self._idle.setdefault(key, [])
            if len(waiting) < _IDLE_MAX:
                waiting.append(connection)
                return
        connection.close()

    def drop(self, connection: http.client.HTTPConnection) -> None:
        """Close a connection that is of no more use."""
        with self._lock:
            self._busy.discard(connection)
        connection.close()

    def abort(self) -> None:
        """Wake whoever waits for an answer: nothing is wanted any more."""
        with self._lock:
            sockets = [one.sock for one in self._busy if one.sock is not None]
        for sock in sockets:
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass  # closed meanwhile

    def close(self) -> None:
        """Close what is idle."""
        with self._lock:
            for waiting in self._idle.values():
                for connection in waiting:
                    connection.close()
            self._idle.clear()


def _exchange(
    connection: http.client.HTTPConnection,
    method: str,
    target: str,
    headers: "Mapping[str, str]",
    *,
    body: "Body | None",
) -> http.client.HTTPResponse:
    sent = dict(headers)
    if body is not None:
        sent["Content-Length"] = str(body.size)
    try:
        connection.request(method, target, body.chunks() if body else None, sent)
    except (BrokenPipeError, ConnectionResetError):
        if body is None or connection.sock is None:
            raise
        # it may have answered before it has read all
    return connection.getresponse()


def _split(url: str) -> tuple[_Key, str]:
    """Return scheme, host and port, and what stands behind them.

    Raises:
        RemoteError: it is no address of a server.
    """
    try:
        parts = urllib.parse.urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        raise RemoteError(f'"{url[:200]}" is not an address') from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise RemoteError(f'"{url[:200]}" is not an address')
    query = f"?{parts.query}" if parts.query else ""
    return (parts.scheme, parts.hostname, port), f"{parts.path or '/'}{query}"


def _for_proxy(
    key: _Key, target: str, headers: "Mapping[str, str]"
) -> "tuple[str, Mapping[str, str]]":
    """Return the request line's target and the headers: a proxy without TLS gets the whole URL."""
    scheme, host, port = key
    proxy = _proxy(scheme, host) if scheme == "http" else None
    if not proxy:
        return target, headers
    return f"http://{host}:{port}{target}", {**headers, **proxy[2]}


def _proxy(scheme: str, host: str) -> "tuple[str, int, dict[str, str]] | None":
    """Return the proxy's host, port and headers for a server, as http_proxy and no_proxy say."""
    if not any(name in os.environ for name in (f"{scheme}_proxy", f"{scheme.upper()}_PROXY")):
        return None
    import urllib.request

    named = urllib.request.getproxies_environment().get(scheme, "")
    if not named or is_loopback(host) or urllib.request.proxy_bypass(host):
        return None
    parts = urllib.parse.urlsplit(named if "://" in named else f"http://{named}")
    if parts.scheme != "http":
        shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        raise RemoteError(
            f'proxy "{shown}": only a proxy that is spoken to by plain http is known',
            hint="http://HOST:PORT in https_proxy; what goes through is encrypted all the same",
        )
    headers = {}
    if parts.username:
        from wardian.registry.credentials import Login

        login = Login(
            urllib.parse.unquote(parts.username), urllib.parse.unquote(parts.password or "")
        )
        headers["Proxy-Authorization"] = login.basic()
    return parts.hostname or "", parts.port or 80, headers


def is_loopback(host: str) -> bool:
    """Say whether a host's name means this machine."""
    host = host.strip("[]")
    if host in ("localhost", "::1") or host.endswith(".localhost"):
        return True
    numbers = host.split(".")
    return len(numbers) == 4 and numbers[0] == "127" and all(one.isdecimal() for one in numbers)


def is_passing(error: BaseException) -> bool:
    """Say whether a broken connection may work when it is tried again."""
    import ssl

    if isinstance(error, socket.gaierror):
        return error.errno == socket.EAI_AGAIN
    if isinstance(error, ssl.SSLError):
        return isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError)
    kinds = (TimeoutError, ConnectionResetError, BrokenPipeError, http.client.HTTPException)
    return isinstance(error, kinds)


def words_of(error: BaseException) -> str:
    """Return what went wrong with a connection, in words."""
    import ssl

    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not to be trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {(error.reason or 'failed').lower().replace('_', ' ')}"
    if isinstance(error, socket.gaierror):
        return "there is no such host"
    if isinstance(error, http.client.IncompleteRead):
        return "the connection was cut in the middle of an answer"
    if isinstance(error, http.client.RemoteDisconnected):
        return "the connection was closed without an answer"
    if isinstance(error, OSError):
        return (error.strerror or str(error)).lower()
    return f"not HTTP: {type(error).__name__}"
