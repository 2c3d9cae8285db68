"""What a build takes from the network: written down, and taken again or refused by name."""

import json
import os
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.building import built, said
from tests.conftest import Wardian
from tests.machine import requires
from wardian.build.authority import Authority
from wardian.build.downloads import Place
from wardian.build.lock import Lock
from wardian.build.proxy import Proxy
from wardian.build.recorder import Recorder

pytestmark = [pytest.mark.root, pytest.mark.slow]


class Server:
    """An http server whose files are in memory."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.asked: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                outer.asked.append(self.path)
                data = outer.files.get(self.path)
                self.send_response(404 if data is None else 200)
                self.send_header("Content-Length", str(len(data or b"")))
                self.end_headers()
                self.wfile.write(data or b"")

            def log_message(self, *_words: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self.address = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def wrap(self, context: ssl.SSLContext) -> None:
        """Speak https from now on."""
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[Server]:
    found = Server()
    yield found
    found.close()


@pytest.fixture
def recipe(base: str, context: Path, server: Server) -> Path:
    """A recipe that fetches a package and an index, and a file by ADD."""
    server.files = {
        "/hello_2.10-3_amd64.deb": b"a package",
        "/index": b"an index",
        "/added": b"by ADD",
    }
    file = context / "Containerfile"
    file.write_text(
        f"FROM {base}\nADD {server.address}/added /added\nRUN --network=default "
        f"wget -q -O /a {server.address}/hello_2.10-3_amd64.deb && "
        f"wget -q -O /b {server.address}/index && ! wget -q -O /c {server.address}/none\n"
    )
    return file


def test_a_step_has_no_network_unless_it_asks(
    wardian: Wardian, base: str, context: Path, server: Server
) -> None:
    (context / "Containerfile").write_text(f"FROM {base}\nRUN wget -q -O /a {server.address}/index")
    done = wardian("build", str(context))
    assert done.returncode == 1
    assert "hint: RUN steps have no network" in done.stderr
    assert server.asked == []


def test_what_came_is_in_the_lock(
    wardian: Wardian, recipe: Path, context: Path, server: Server
) -> None:
    built(wardian("build", "-t", "made", str(context)))
    lock = json.loads((context / "wardian.lock").read_text())
    package = lock["downloads"][f"GET {server.address}/hello_2.10-3_amd64.deb"]
    assert (package["kind"], package["package"]) == ("deb", "hello 2.10-3 amd64")
    assert (package["size"], len(package["sha256"])) == (9, 64)
    assert lock["downloads"][f"GET {server.address}/none"]["status"] == 404
    assert lock["downloads"][f"GET {server.address}/added"]["size"] == 6
    (image,) = lock["images"]
    assert "/library/bb:latest linux/" in image
    assert said(wardian, "cat", "/a", "/b", "/added") == "a packagean indexby ADD"


def test_a_second_build_with_the_lock_takes_the_same_even_without_the_server(
    wardian: Wardian, recipe: Path, context: Path, server: Server
) -> None:
    first = built(wardian("build", str(context)))
    server.files = dict.fromkeys(server.files, b"changed")
    server.asked.clear()
    assert built(wardian("build", "--no-cache", str(context))) == first
    assert server.asked == []


def test_a_cache_keeps_nothing_out_of_the_lock(
    wardian: Wardian, base: str, context: Path, server: Server, tmp_path: Path
) -> None:
    server.files = {"/index": b"an index"}
    (context / "Containerfile").write_text(
        f"FROM {base}\nRUN --network=default --mount=type=cache,target=/c "
        f"test -e /c/i || wget -q -O /c/i {server.address}/index; cat /c/i > /i\n"
    )
    first = built(wardian("build", "--no-lock", str(context)))
    assert built(wardian("build", "--no-lock", "--no-cache", str(context))) == first
    assert built(wardian("build", str(context))) == first
    assert "/index" in (context / "wardian.lock").read_text()
    words = ("build", "--no-cache", str(context))
    for _again in range(2):  # the second finds it in the cache, and asks nobody
        assert built(wardian(*words)) == first
    assert built(wardian(*words, "--update-lock")) == first
    assert "/index" in (context / "wardian.lock").read_text()
    subprocess.run(["rm", "-r", str(tmp_path / "w-root" / "cache" / "build")], check=True)
    assert built(wardian(*words)) == first


def test_a_verification_may_take_what_only_another_locale_asks_for(
    wardian: Wardian, base: str, context: Path, server: Server
) -> None:
    server.files = {"/index": b"an index", "/more": b"translated"}
    (context / "Containerfile").write_text(
        f"FROM {base}\nRUN --network=default wget -q -O /a {server.address}/index; "
        f'case "$LC_ALL" in C.UTF-8) ;; *) wget -q -O /b {server.address}/more;; esac\n'
    )
    words = ("build", "--verify", "--vary", "locale,home", "-q", str(context))
    for _again in range(2):
        done = wardian(*words)
        assert done.returncode == 1
        assert "NOT reproducible" in done.stderr
        assert "/more" not in (context / "wardian.lock").read_text()


def test_what_has_changed_is_refused_by_name(
    wardian: Wardian, recipe: Path, context: Path, server: Server, tmp_path: Path
) -> None:
    first = built(wardian("build", str(context)))
    lock = (context / "wardian.lock").read_text()
    # Another machine: it has the lock, but nothing of what was fetched.
    subprocess.run(["rm", "-r", str(tmp_path / "w-root" / "cache" / "build")], check=True)
    assert built(wardian("build", str(context))) == first
    subprocess.run(["rm", "-r", str(tmp_path / "w-root" / "cache" / "build")], check=True)
    server.files["/hello_2.10-3_amd64.deb"] = b"another package"
    done = wardian("build", str(context))
    assert done.returncode == 1
    assert "Containerfile:3: deb package hello 2.10-3 amd64 has changed" in done.stderr
    assert (context / "wardian.lock").read_text() == lock
    assert built(wardian("build", "--update-lock", str(context))) != first
    assert (context / "wardian.lock").read_text() != lock


def test_what_is_not_in_the_lock_is_refused(
    wardian: Wardian, recipe: Path, context: Path, server: Server
) -> None:
    built(wardian("build", str(context)))
    server.files["/more"] = b"more"
    with recipe.open("a") as file:
        file.write(f"RUN --network=default wget -q -O /m {server.address}/more || true\n")
    done = wardian("build", str(context))
    assert done.returncode == 1
    assert f'Containerfile:4: "more": not in the lock ({server.address}/more)' in done.stderr
    assert "/more" not in server.asked


def test_another_base_image_is_refused(
    wardian: Wardian, base: str, context: Path, busybox_root: Path
) -> None:
    (context / "Containerfile").write_text(f"FROM {base}\nRUN true")
    built(wardian("build", str(context)))
    (busybox_root / "etc" / "new").write_text("x")
    wardian("rmi", base)
    wardian("import", str(busybox_root), base)
    done = wardian("build", str(context))
    assert done.returncode == 1
    assert "/library/bb:latest linux/" in done.stderr
    assert "the lock has sha256:" in done.stderr
    assert wardian("build", "--update-lock", str(context)).returncode == 0


def test_what_comes_by_https_is_seen_as_well(tmp_path: Path, server: Server) -> None:
    """A client that trusts our authority gets through; we check the server's own certificate."""
    requires("openssl")
    key, certificate = tmp_path / "key", tmp_path / "certificate"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-keyout", str(key), "-out", str(certificate), "-days", "2"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
        ],
        check=True,
        capture_output=True,
    )
    inner = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    inner.load_cert_chain(certificate, key)
    server.files["/secure"] = b"over tls"
    server.wrap(inner)
    url = f"https://localhost:{server.port}/secure"
    authority = Authority(str(tmp_path))
    recorder = Recorder(Lock(), Place(str(tmp_path)))
    proxy = Proxy(recorder, authority)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        proxy.serve(listener)
        trusted = tmp_path / "authority.pem"
        trusted.write_bytes(authority.certificate)
        fetch = ["curl", "-s", "-w", "%{http_code}", "--cacert", str(trusted), url]
        through = f"http://127.0.0.1:{listener.getsockname()[1]}"
        requires("curl")

        def get(**env: str) -> str:
            with pytest.MonkeyPatch.context() as patch:
                for name, text in env.items():
                    patch.setenv(name, text)
                clean = {"PATH": os.environ["PATH"], "https_proxy": through}
                done = subprocess.run(fetch, capture_output=True, text=True, env=clean, check=False)
                return done.stdout

        assert "502" in get(SSL_CERT_FILE="/dev/null", SSL_CERT_DIR="/nowhere")
        assert get(SSL_CERT_FILE=str(certificate)) == "over tls200"
        proxy.close()
    assert recorder.taken[f"GET {url}"]["size"] == 8
    assert recorder.faults == []
