"""A registry that is the enemy: what it says is refused in one line, and nothing is stored."""

import json
import os
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests import pictures
from wardian.errors import WardianError
from wardian.exchange.pull import pull
from wardian.images.store import Store
from wardian.registry import manifests
from wardian.registry.settings import Settings

Answer = tuple[int, dict[str, str], bytes]


class Enemy:
    """A registry that answers what a test wants.

    Attributes:
        answers: by path; or the path's beginning.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Answer | Callable[[], Answer]] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                pass

            def _serve(self) -> None:
                found = outer.answers.get(self.path, (404, {}, b"{}"))
                status, headers, data = found() if callable(found) else found
                self.send_response(status)
                for name, text in {"Content-Length": str(len(data)), **headers}.items():
                    if text:
                        self.send_header(name, text)
                self.end_headers()
                try:
                    if self.command != "HEAD":
                        self.wfile.write(data)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

            def do_GET(self) -> None:
                self._serve()

            def do_HEAD(self) -> None:
                self._serve()

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"localhost:{self._server.server_address[1]}"
        Thread(target=self._server.serve_forever, daemon=True).start()

    def manifest(self, data: bytes, kind: str = pictures.MANIFEST, tag: str = "1") -> None:
        self.answers[f"/v2/x/manifests/{tag}"] = (200, {"Content-Type": kind}, data)

    def blob(self, data: bytes) -> dict[str, Any]:
        digest = pictures.sha256(data)
        self.answers[f"/v2/x/blobs/{digest}"] = (200, {}, data)
        return {"mediaType": "?", "digest": digest, "size": len(data)}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def enemy() -> Iterator[Enemy]:
    running = Enemy()
    yield running
    running.close()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path))


def refused(store: Store, enemy: Enemy) -> str:
    with pytest.raises(WardianError) as caught:
        pull(store, f"{enemy.address}/x:1", settings=Settings(attempts=2), pause=lambda _s: None)
    text = str(caught.value)
    assert "\n" not in text
    assert len(text) < 2500
    assert store.entries() == []
    for name in ("blobs/sha256", "ingest", "leases"):
        assert os.listdir(f"{store.layout.path}/{name}") == []
    layers = Path(store.layout.root_dir) / "layers"
    assert (
        not layers.exists() or [p for p in layers.iterdir() if not p.name.startswith(".lock")] == []
    )
    return text


ROW = {"mediaType": pictures.CONFIG, "digest": "sha256:" + "a" * 64, "size": 2}
GOOD: dict[str, Any] = {
    "schemaVersion": 2,
    "mediaType": pictures.MANIFEST,
    "config": ROW,
    "layers": [],
}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[]", "not a JSON object"),
        (b"null", "not a JSON object"),
        (b"[" * 100_000, "not JSON"),
        (b'{"a":' * 50_000, "not JSON"),
        (json.dumps({**GOOD, "manifests": []}).encode(), "both an index and a manifest"),
        (json.dumps({**GOOD, "mediaType": "text/html"}).encode(), "neither an index nor"),
        (json.dumps({**GOOD, "mediaType": pictures.INDEX}).encode(), 'has no "manifests"'),
        (json.dumps({**GOOD, "schemaVersion": 1}).encode(), "schema 1"),
        (json.dumps({**GOOD, "schemaVersion": 3}).encode(), "schemaVersion: must be 2"),
        (json.dumps({**GOOD, "config": None}).encode(), "config: must be an object"),
        (json.dumps({**GOOD, "config": []}).encode(), "config: must be an object"),
        (json.dumps({**GOOD, "layers": {}}).encode(), "layers: must be an array"),
        (json.dumps({**GOOD, "layers": [7]}).encode(), "layers[0]: must be an object"),
        (json.dumps({**GOOD, "layers": [ROW] * 501}).encode(), "501 entries, at most 500"),
        (json.dumps({**GOOD, "config": {**ROW, "size": -1}}).encode(), "config.size"),
        (json.dumps({**GOOD, "config": {**ROW, "size": 1e3}}).encode(), "config.size"),
        (json.dumps({**GOOD, "config": {**ROW, "size": True}}).encode(), "config.size"),
        (json.dumps({**GOOD, "config": {**ROW, "size": 1 << 60}}).encode(), "config.size"),
        (b'{"schemaVersion":2,"config":{"size":NaN}}', "NaN is not a number"),
        (
            json.dumps(
                {**GOOD, "config": {**ROW, "digest": "sha256:../../../etc/passwd"}}
            ).encode(),
            "is not a digest",
        ),
        (json.dumps({**GOOD, "config": {**ROW, "digest": 7}}).encode(), "a digest is a string"),
        (
            json.dumps({**GOOD, "config": {**ROW, "size": 1 << 40}}).encode(),
            "larger than 16 MiB",
        ),
        (b" " * (manifests.MANIFEST_BYTES + 1), "larger than 4 MiB"),
    ],
)
def test_a_manifest_that_is_none_is_refused(
    store: Store, enemy: Enemy, data: bytes, words: str
) -> None:
    enemy.manifest(data)
    assert words in refused(store, enemy)


def test_a_manifest_without_a_length_is_read_no_further_than_4_mib(
    store: Store, enemy: Enemy
) -> None:
    data = b" " * (manifests.MANIFEST_BYTES + 2)
    headers = {
        "Content-Type": pictures.MANIFEST,
        "Transfer-Encoding": "chunked",
        "Content-Length": "",
    }
    chunk = b"%x\r\n%s\r\n0\r\n\r\n" % (len(data), data)

    def answer() -> Answer:
        return 200, headers, chunk

    enemy.answers["/v2/x/manifests/1"] = answer
    assert "longer than" in refused(store, enemy)


def test_a_web_page_is_no_manifest(store: Store, enemy: Enemy) -> None:
    enemy.manifest(b"<html>please log in to the airport</html>", "text/html")
    assert 'came as "text/html"' in refused(store, enemy)


def test_two_media_types_for_one_document_are_refused(store: Store, enemy: Enemy) -> None:
    enemy.manifest(json.dumps(GOOD).encode(), pictures.INDEX)
    assert "but says that it is" in refused(store, enemy)


def test_a_manifest_that_is_not_what_its_digest_says_is_refused(store: Store, enemy: Enemy) -> None:
    asked = "sha256:" + "b" * 64
    row = {"mediaType": pictures.MANIFEST, "digest": asked, "size": 3}
    where = {"os": "linux", "architecture": "amd64"}
    index = {"schemaVersion": 2, "manifests": [{**row, "platform": where}]}
    enemy.manifest(json.dumps(index).encode(), pictures.INDEX)
    enemy.manifest(json.dumps(GOOD).encode(), tag=asked)
    assert "3 bytes were promised" in refused(store, enemy) or "digest" in refused(store, enemy)


def test_an_index_that_holds_itself_ends(store: Store, enemy: Enemy) -> None:
    data = b'{"schemaVersion":2,"manifests":[]}'
    for _depth in range(8):
        row = {"mediaType": pictures.INDEX, "digest": pictures.sha256(data), "size": len(data)}
        enemy.manifest(data, pictures.INDEX, tag=pictures.sha256(data))
        data = json.dumps({"schemaVersion": 2, "manifests": [row]}).encode()
    enemy.manifest(data, pictures.INDEX)
    assert "an index in an index" in refused(store, enemy)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (b"", "not JSON"),
        (b"{}", "rootfs: is not there"),
        (b'{"rootfs":{"diff_ids":["sha256:zz"]}}', "is not a digest"),
        (b'{"rootfs":{"diff_ids":[]},"config":{"Env":[1]}}', "config.Env[0]"),
        (b'{"rootfs":{"diff_ids":[]},"config":{"Env":["A=\\u0000"]}}', "config.Env[0]"),
        (b'{"rootfs":{"diff_ids":[]},"config":{"User":{}}}', "config.User"),
        (b'{"rootfs":{"diff_ids":[]},"os":5}', "os: must be a string"),
        (
            b'{"rootfs":{"diff_ids":["sha256:' + b"a" * 64 + b'"]}}',
            "1 diff ids for 0 layers",
        ),
    ],
)
def test_a_config_that_is_none_is_refused(
    store: Store, enemy: Enemy, config: bytes, words: str
) -> None:
    row = {**enemy.blob(config), "mediaType": pictures.CONFIG}
    enemy.manifest(json.dumps({**GOOD, "config": row}).encode())
    assert words in refused(store, enemy)


def image(enemy: Enemy, layer: bytes, kind: str, diff_id: str) -> None:
    config = json.dumps({"os": "linux", "architecture": "amd64", "rootfs": {"diff_ids": [diff_id]}})
    row = {**enemy.blob(config.encode()), "mediaType": pictures.CONFIG}
    layer_row = {**enemy.blob(layer), "mediaType": kind}
    enemy.manifest(json.dumps({**GOOD, "config": row, "layers": [layer_row]}).encode())


def test_a_layer_whose_content_is_not_what_the_config_says_is_refused(
    store: Store, enemy: Enemy
) -> None:
    tar = pictures.archive({"file": b"x"})
    image(enemy, tar, pictures.LAYER, "sha256:" + "c" * 64)
    assert "c" * 64 in refused(store, enemy)


def test_a_layer_of_an_unknown_type_is_refused_before_it_is_fetched(
    store: Store, enemy: Enemy
) -> None:
    tar = pictures.archive({"file": b"x"})
    image(enemy, tar, f"{pictures.LAYER}+rot13", pictures.sha256(tar))
    enemy.answers = {k: v for k, v in enemy.answers.items() if pictures.sha256(tar) not in k}
    assert "is no known type" in refused(store, enemy)


def test_an_artifact_is_not_an_image(store: Store, enemy: Enemy) -> None:
    row = {**enemy.blob(b"{}"), "mediaType": "application/vnd.oci.empty.v1+json"}
    enemy.manifest(json.dumps({**GOOD, "config": row}).encode())
    assert "is an artifact of type" in refused(store, enemy)


def test_a_redirection_without_end_ends(store: Store, enemy: Enemy) -> None:
    where = f"http://{enemy.address}/v2/x/manifests/1"
    enemy.answers["/v2/x/manifests/1"] = (307, {"Location": where}, b"")
    assert "redirections" in refused(store, enemy)


def test_control_characters_of_a_registry_reach_no_terminal(store: Store, enemy: Enemy) -> None:
    body = json.dumps({"errors": [{"message": "\x1b]0;owned\x07\n\nfake: line"}]}).encode()
    enemy.answers["/v2/x/manifests/1"] = (403, {}, body)
    with pytest.raises(WardianError) as caught:
        pull(store, f"{enemy.address}/x:1", settings=Settings(attempts=1))
    from wardian.cli import render

    assert render.line(str(caught.value)).isprintable()
