"""Real registries for tests: Debian's docker-registry, a token server, a proxy with faults."""

import base64
import http.client
import json
import socket
import subprocess
import threading
import time
import urllib.parse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.machine import requires

PATIENCE_S = 20.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for_port(
    port: int, process: "subprocess.Popen[bytes]", told: Callable[[], str] = lambda: ""
) -> None:
    """Wait until a server takes connections."""
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            assert process.poll() is None, told()
            assert time.monotonic() < end, "the server did not start"
            time.sleep(0.02)
        else:
            return


class Registry:
    """A docker-registry on loopback.

    Attributes:
        address: "localhost:PORT".
        port: where it listens.
        place: its storage.
    """

    def __init__(self, place: Path, **sections: Any) -> None:
        self.place = place
        self.port = free_port()
        self.address = f"localhost:{self.port}"
        place.mkdir(parents=True, exist_ok=True)
        http_section = {"addr": f"127.0.0.1:{self.port}", **sections.pop("http", {})}
        config = {
            "version": "0.1",
            "log": {"level": "error", "accesslog": {"disabled": True}},
            "storage": {
                "filesystem": {"rootdirectory": str(place / "storage")},
                "delete": {"enabled": True},
            },
            "http": http_section,
            **sections,
        }
        file = place / "config.yml"
        file.write_text(json.dumps(config))  # JSON is YAML
        self._log = (place / "log").open("wb")
        self.process = subprocess.Popen(
            ["docker-registry", "serve", str(file)],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )

    def wait(self) -> None:
        wait_for_port(self.port, self.process, (self.place / "log").read_text)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        self._log.close()

    def blob_file(self, digest: str) -> Path:
        """Where it keeps a blob."""
        digits = digest.partition(":")[2]
        top = self.place / "storage/docker/registry/v2/blobs/sha256"
        return top / digits[:2] / digits / "data"


@contextmanager
def registry(place: Path, **sections: Any) -> Iterator[Registry]:
    """Run a docker-registry; sections as in its configuration."""
    requires("docker-registry")
    running = Registry(place, **sections)
    try:
        running.wait()
        yield running
    finally:
        running.close()


# ---- certificates --------------------------------------------------------------------------------


_CURVE = ("ec", "-pkeyopt", "ec_paramgen_curve:prime256v1")


class Authority:
    """A certificate authority of the tests' own."""

    def __init__(self, place: Path) -> None:
        requires("openssl")
        self.place = place
        place.mkdir(parents=True, exist_ok=True)
        self.certificate = place / "ca.crt"
        self._openssl(
            *("req", "-x509", "-newkey", *_CURVE, "-nodes", "-days", "30"),
            *("-subj", "/CN=tests", "-keyout", "ca.key", "-out", "ca.crt"),
        )

    def _openssl(self, *words: str) -> None:
        subprocess.run(["openssl", *words], cwd=self.place, check=True, capture_output=True)

    def issue(self, name: str, *hosts: str, key: tuple[str, ...] = _CURVE) -> tuple[Path, Path]:
        """A certificate and its key."""
        names = ",".join(
            f"{'IP' if host[0].isdigit() else 'DNS'}:{host}" for host in hosts or (name,)
        )
        (self.place / f"{name}.ext").write_text(f"subjectAltName={names}\n")
        self._openssl(
            *("req", "-newkey", *key, "-nodes", "-subj", f"/CN={name}"),
            *("-keyout", f"{name}.key", "-out", f"{name}.csr"),
        )
        self._openssl(
            *("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.key"),
            *("-CAcreateserial", "-days", "30", "-out", f"{name}.crt", "-extfile", f"{name}.ext"),
        )
        return self.place / f"{name}.crt", self.place / f"{name}.key"


# ---- a token server, whose tokens docker-registry itself verifies --------------------------------


class TokenServer:
    """Gives signed tokens for one user's name and password, and read rights to everybody.

    Attributes:
        asked: (method, user's name or "", scopes) of each request.
        life_s: how long a token lasts.
    """

    SERVICE, ISSUER = "the-registry", "the-issuer"

    def __init__(self, place: Path, user: str, password: str) -> None:
        self._certificate, self._key = Authority(place).issue("tokens", key=("rsa:2048",))
        self._basic = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        self._user = user
        self.asked: list[tuple[str, str, list[str]]] = []
        self.refresh_token = "the-identity-token"
        self.life_s = 300
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

            def do_GET(self) -> None:
                query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
                said = self.headers.get("Authorization", "")
                if said and said != outer._basic:
                    self._answer(401, {"errors": [{"code": "UNAUTHORIZED"}]})
                    return
                scopes = query.get("scope", [])
                outer.asked.append(("GET", outer._user if said else "", scopes))
                self._answer(200, {"token": outer.token(scopes, may_push=bool(said))})

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
                form = urllib.parse.parse_qs(body)
                if form.get("refresh_token") != [outer.refresh_token]:
                    self._answer(401, {})
                    return
                scopes = form.get("scope", [""])[0].split()
                outer.asked.append(("POST", "", scopes))
                self._answer(200, {"access_token": outer.token(scopes, may_push=True)})

            def _answer(self, status: int, document: object) -> None:
                data = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.realm = f"http://127.0.0.1:{self._server.server_address[1]}/token"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def section(self) -> dict[str, Any]:
        """The registry's auth section."""
        return {
            "token": {
                "realm": self.realm,
                "service": self.SERVICE,
                "issuer": self.ISSUER,
                "rootcertbundle": str(self._certificate),
            }
        }

    def token(self, scopes: list[str], *, may_push: bool) -> str:
        access = []
        for scope in scopes:
            kind, name, actions = scope.split(":")
            wanted = [one for one in actions.split(",") if may_push or one == "pull"]
            access.append({"type": kind, "name": name, "actions": wanted})
        now = int(time.time())
        pem = self._certificate.read_text()
        der = "".join(pem.split("-----")[2].split())
        header = {"typ": "JWT", "alg": "RS256", "x5c": [der]}
        claims = {
            "iss": self.ISSUER,
            "aud": self.SERVICE,
            "sub": self._user,
            "iat": now - 10,
            "nbf": now - 10,
            "exp": now + self.life_s,
            "jti": str(len(self.asked)),
            "access": access,
        }
        text = f"{_base64(json.dumps(header).encode())}.{_base64(json.dumps(claims).encode())}"
        signed = subprocess.run(
            ["openssl", "dgst", "-sha256", "-sign", str(self._key)],
            input=text.encode(),
            capture_output=True,
            check=True,
        ).stdout
        return f"{text}.{_base64(signed)}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


# ---- a proxy with faults -------------------------------------------------------------------------

Act = Callable[["Exchange"], bool]


class Exchange:
    """One request on its way through the proxy, for a rule to spoil."""

    def __init__(self, handler: BaseHTTPRequestHandler, upstream: tuple[str, int]) -> None:
        self.handler = handler
        self._upstream = upstream
        self.body = b""

    def answer(self, status: int, data: bytes = b"", **headers: str) -> None:
        """Answer in the registry's place."""
        self.handler.send_response(status)
        for name, text in headers.items():
            self.handler.send_header(name.replace("_", "-"), text)
        if "Content_Length" not in headers:
            self.handler.send_header("Content-Length", str(len(data)))
        self.handler.end_headers()
        if self.handler.command != "HEAD":
            self.handler.wfile.write(data)

    def forward(self) -> tuple[int, list[tuple[str, str]], bytes]:
        """The registry's own answer."""
        connection = http.client.HTTPConnection(*self._upstream, timeout=PATIENCE_S)
        headers = {
            name: text for name, text in self.handler.headers.items() if name != "Connection"
        }
        connection.request(self.handler.command, self.handler.path, self.body or None, headers)
        raw = connection.getresponse()
        data = raw.read()
        connection.close()
        return raw.status, raw.getheaders(), data

    def pass_on(self, change: Callable[[bytes], bytes] = lambda data: data) -> None:
        """Give the registry's answer, perhaps changed, with the length that it had."""
        status, headers, data = self.forward()
        self.handler.send_response(status)
        for name, text in headers:
            if name.lower() not in ("connection", "transfer-encoding", "date"):
                self.handler.send_header(name, text)
        self.handler.end_headers()
        if self.handler.command != "HEAD":
            self.handler.wfile.write(change(data))

    def cut(self) -> None:
        """Close the connection."""
        self.handler.wfile.flush()
        self.handler.close_connection = True
        try:
            self.handler.connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


class FaultProxy:
    """A proxy in front of a registry.

    Attributes:
        address: "localhost:PORT".
        seen: "METHOD path" of each request, with its Range.
        rule: called first with each exchange; True says that it has answered.
    """

    def __init__(self, port: int) -> None:
        self.seen: list[str] = []
        self.rule: Act = lambda _exchange: False
        self._lock = threading.Lock()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

            def _serve(self) -> None:
                exchange = Exchange(self, ("127.0.0.1", port))
                length = int(self.headers.get("Content-Length") or 0)
                exchange.body = self.rfile.read(length)
                asked = self.headers.get("Range", "")
                with outer._lock:
                    outer.seen.append(f"{self.command} {self.path} {asked}".strip())
                try:
                    if not outer.rule(exchange):
                        exchange.pass_on()
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

        for verb in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"):
            setattr(Handler, f"do_{verb}", Handler._serve)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        self.address = f"localhost:{self.port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def fault_proxy(port: int) -> Iterator[FaultProxy]:
    """Run a proxy in front of a port."""
    proxy = FaultProxy(port)
    try:
        yield proxy
    finally:
        proxy.close()


class Tinyproxy:
    """Debian's proxy for TLS, which finds one host that nobody else knows: this machine.

    Attributes:
        address: "127.0.0.1:PORT".
    """

    def __init__(self, place: Path, host: str, login: tuple[str, str]) -> None:
        place.mkdir(parents=True, exist_ok=True)
        self._log = place / "log"
        port = free_port()
        self.address = f"127.0.0.1:{port}"
        (place / "hosts").write_text(f"127.0.0.1 {host}\n")
        (place / "conf").write_text(
            f"Port {port}\nListen 127.0.0.1\nTimeout 60\nBasicAuth {login[0]} {login[1]}\n"
            f'LogFile "{self._log}"\nLogLevel Connect\nMaxClients 50\n'
        )
        # in a mount namespace of its own, with a hosts file of its own
        script = 'mount --bind "$1" /etc/hosts && exec tinyproxy -d -c "$2"'
        names = [str(place / "hosts"), str(place / "conf")]
        self.process = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c", script, "sh", *names],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for_port(port, self.process)

    def log(self) -> list[str]:
        """What it has noted so far."""
        return self._log.read_text().splitlines()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def tinyproxy(place: Path, host: str, login: tuple[str, str]) -> Iterator[Tinyproxy]:
    """Run a tinyproxy."""
    requires("root", "tinyproxy")
    proxy = Tinyproxy(place, host, login)
    try:
        yield proxy
    finally:
        proxy.close()


def times(count: int, matches: Callable[[Exchange], bool], act: Callable[[Exchange], None]) -> Act:
    """A rule that spoils the first `count` requests that match."""
    lock = threading.Lock()
    left = [count]

    def rule(exchange: Exchange) -> bool:
        if not matches(exchange):
            return False
        with lock:
            if left[0] <= 0:
                return False
            left[0] -= 1
        act(exchange)
        return True

    return rule


def is_blob(exchange: Exchange) -> bool:
    return exchange.handler.command == "GET" and "/blobs/" in exchange.handler.path


def is_manifest(exchange: Exchange) -> bool:
    return exchange.handler.command == "GET" and "/manifests/" in exchange.handler.path


def skopeo(*words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run skopeo, with no login and no cache of other runs."""
    requires("skopeo")
    return subprocess.run(["skopeo", *words], capture_output=True, text=True, check=check)
