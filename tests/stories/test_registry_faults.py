"""A registry that cuts, corrupts, lies or asks to wait: what comes is right, or one line."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests import pictures, registries
from tests.registries import FaultProxy, Registry, is_blob, is_manifest, skopeo, times
from wardian.errors import NotFoundError, RemoteError, SpecError
from wardian.exchange.pull import Pulled, pull
from wardian.exchange.push import push
from wardian.images import garbage
from wardian.images.store import Store
from wardian.registry import digests
from wardian.registry.settings import Settings

if TYPE_CHECKING:
    from wardian.exchange.transfer import Event

BIG = os.urandom(5_000_000)
SMALL = b"small\n"


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> pictures.Layout:
    made = pictures.Layout(tmp_path_factory.mktemp("layout") / "layout")
    made.name(made.manifest([{"big": BIG}, {"small": SMALL}]), "app")
    return made


@pytest.fixture(scope="module")
def registry(
    tmp_path_factory: pytest.TempPathFactory, layout: pictures.Layout
) -> Iterator[Registry]:
    with registries.registry(tmp_path_factory.mktemp("registry")) as running:
        skopeo(
            *("copy", "--dest-tls-verify=false", "--preserve-digests"),
            *(f"oci:{layout.path}:app", f"docker://{running.address}/team/app:1"),
        )
        yield running


@pytest.fixture
def proxy(registry: Registry) -> Iterator[FaultProxy]:
    with registries.fault_proxy(registry.port) as running:
        yield running


class Waits:
    """Stands for time.sleep, and notes how long somebody wanted to wait."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(str(tmp_path))


def fetch(store: Store, proxy: FaultProxy, waits: Waits, **more: Any) -> Pulled:
    return pull(
        store, f"{proxy.address}/team/app:1", settings=Settings(attempts=4), pause=waits, **more
    )


def assert_whole(store: Store, pulled: Pulled) -> None:
    """All blobs are what they are called."""
    for name in os.listdir(f"{store.layout.path}/blobs/sha256"):
        path = f"{store.layout.path}/blobs/sha256/{name}"
        assert digests.of(Path(path).read_bytes()) == f"sha256:{name}"
    assert len(os.listdir(f"{store.layout.path}/blobs/sha256")) == 4
    assert os.listdir(f"{store.layout.path}/ingest") == []
    assert store.find(pulled.entry.name).digest == pulled.entry.digest


def assert_nothing(store: Store) -> None:
    """A refused image has left nothing."""
    assert store.entries() == []
    assert os.listdir(f"{store.layout.path}/blobs/sha256") == []
    assert os.listdir(f"{store.layout.path}/ingest") == []
    assert os.listdir(f"{store.layout.path}/leases") == []


def is_big(exchange: registries.Exchange) -> bool:
    return is_blob(exchange) and len(exchange.forward()[2]) > 1_000_000


def cut_after(count: int) -> Callable[[registries.Exchange], None]:
    def act(exchange: registries.Exchange) -> None:
        exchange.pass_on(lambda data: data[:count])
        exchange.cut()

    return act


def test_a_download_that_is_cut_goes_on_where_it_was(
    store: Store, proxy: FaultProxy, waits: Waits
) -> None:
    proxy.rule = times(3, is_big, cut_after(1_000_000))
    assert_whole(store, fetch(store, proxy, waits))
    ranges = [line.partition("bytes=")[2] for line in proxy.seen if "bytes=" in line]
    assert ranges == ["1000000-", "2000000-", "3000000-"]


def test_a_server_without_ranges_sends_all_again_and_it_is_right(
    store: Store, proxy: FaultProxy, waits: Waits
) -> None:
    cut = times(1, is_big, cut_after(1_000_000))

    def rule(exchange: registries.Exchange) -> bool:
        if cut(exchange):
            return True
        if "Range" in exchange.handler.headers:
            del exchange.handler.headers["Range"]
        return False

    proxy.rule = rule
    assert_whole(store, fetch(store, proxy, waits))


def test_a_range_that_begins_elsewhere_is_refused(
    store: Store, proxy: FaultProxy, waits: Waits
) -> None:
    cut = times(1, is_big, cut_after(1_000_000))

    def rule(exchange: registries.Exchange) -> bool:
        if cut(exchange):
            return True
        if is_blob(exchange) and "Range" in exchange.handler.headers:
            exchange.answer(206, b"x" * 100, Content_Range="bytes 5-104/105")
            return True
        return False

    proxy.rule = rule
    with pytest.raises(SpecError, match="asked for the bytes from 1000000"):
        fetch(store, proxy, waits)
    assert store.entries() == []


def test_a_connection_that_breaks_at_every_byte_ends_with_one_line(
    store: Store, proxy: FaultProxy, waits: Waits
) -> None:
    proxy.rule = times(1000, is_blob, lambda exchange: exchange.cut())
    with pytest.raises(RemoteError) as caught:
        fetch(store, proxy, waits)
    assert "closed without an answer" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert store.entries() == []


def test_what_came_before_the_network_failed_is_there_for_the_next_pull(
    store: Store, proxy: FaultProxy, waits: Waits
) -> None:
    state = {"cut": False}

    def rule(exchange: registries.Exchange) -> bool:
        if not is_big(exchange):
            return False
        if state["cut"]:
            exchange.cut()
        else:
            state["cut"] = True
            cut_after(2_000_000)(exchange)
        return True

    proxy.rule = rule
    with pytest.raises(RemoteError):
        fetch(store, proxy, waits)
    proxy.rule = lambda _exchange: False
    proxy.seen.clear()
    assert_whole(store, fetch(store, proxy, waits))
    assert any(line.endswith("bytes=2000000-") for line in proxy.seen)


def test_a_half_download_that_is_broken_on_disk_is_fetched_anew(
    store: Store, proxy: FaultProxy, waits: Waits, layout: pictures.Layout
) -> None:
    manifest = json.loads((layout.path / "blobs/sha256" / layout.rows[0]["digest"][7:]).read_text())
    digest = manifest["layers"][0]["digest"]
    Path(store.layout.ingest_path(digest)).write_bytes(b"not what it was" * 1000)
    assert_whole(store, fetch(store, proxy, waits))


def test_bytes_that_are_others_are_refused_and_nothing_stays(
    store: Store, proxy: FaultProxy, waits: Waits
) -> None:
    def spoil(data: bytes) -> bytes:
        return data[:4_000_000] + bytes([data[4_000_000] ^ 1]) + data[4_000_001:]

    proxy.rule = times(99, is_big, lambda exchange: exchange.pass_on(spoil))
    with pytest.raises(SpecError) as caught:
        fetch(store, proxy, waits)
    assert "digest" in str(caught.value)
    assert_nothing(store)


def test_a_layer_of_another_length_is_refused_before_a_byte_is_read(
    store: Store, proxy: FaultProxy, waits: Waits
) -> None:
    for data in (b"short", b"x" * 6_000_000):

        def lie(exchange: registries.Exchange, data: bytes = data) -> None:
            exchange.answer(200, data)

        proxy.rule = times(99, is_big, lie)
        with pytest.raises(SpecError, match=f"the registry has {len(data)}"):
            fetch(store, proxy, waits)
        assert_nothing(store)


def test_429_is_waited_for_as_long_as_it_says(
    store: Store, proxy: FaultProxy, waits: Waits
) -> None:
    proxy.rule = times(
        2, is_manifest, lambda exchange: exchange.answer(429, b"{}", Retry_After="7")
    )
    assert_whole(store, fetch(store, proxy, waits))
    assert waits.seconds == [7.0, 7.0]


def test_429_for_too_long_is_an_error_that_says_how_long(
    store: Store, proxy: FaultProxy, waits: Waits
) -> None:
    proxy.rule = times(
        1, is_manifest, lambda exchange: exchange.answer(429, b"{}", Retry_After="9999")
    )
    with pytest.raises(RemoteError) as caught:
        fetch(store, proxy, waits)
    assert caught.value.status == 429
    assert "9999 s" in caught.value.hint
    assert waits.seconds == []


def test_5xx_is_tried_again_with_longer_and_longer_waits(
    store: Store, proxy: FaultProxy, waits: Waits
) -> None:
    proxy.rule = times(3, is_manifest, lambda exchange: exchange.answer(503, b""))
    assert_whole(store, fetch(store, proxy, waits))
    first, second, third = waits.seconds
    assert 0.25 <= first <= 0.5 <= second <= 1.0 <= third <= 2.0


def test_5xx_for_ever_ends_with_what_the_registry_says(
    store: Store, proxy: FaultProxy, waits: Waits
) -> None:
    body = json.dumps({"errors": [{"code": "UNKNOWN", "message": "out of order"}]}).encode()
    proxy.rule = times(99, is_manifest, lambda exchange: exchange.answer(500, body))
    with pytest.raises(RemoteError, match="answered 500: out of order"):
        fetch(store, proxy, waits)
    assert len(waits.seconds) == 3


def test_a_blob_that_is_not_there_is_named(store: Store, proxy: FaultProxy, waits: Waits) -> None:
    proxy.rule = times(99, is_big, lambda exchange: exchange.answer(404, b"{}"))
    with pytest.raises(NotFoundError, match="sha256:"):
        fetch(store, proxy, waits)
    assert_nothing(store)


def test_a_redirect_to_another_host_does_not_get_the_login(
    store: Store, proxy: FaultProxy, waits: Waits, registry: Registry
) -> None:
    from wardian.registry.credentials import Login

    with registries.fault_proxy(registry.port) as elsewhere:
        seen: list[str | None] = []

        def note(exchange: registries.Exchange) -> bool:
            seen.append(exchange.handler.headers["Authorization"])
            return False

        elsewhere.rule = note

        def rule(exchange: registries.Exchange) -> bool:
            said = exchange.handler.headers["Authorization"]
            if said is None:
                exchange.answer(401, b"{}", WWW_Authenticate='Basic realm="x"')
                return True
            if is_blob(exchange):
                target = f"http://{elsewhere.address}{exchange.handler.path}"
                exchange.answer(307, b"", Location=target)
                return True
            del exchange.handler.headers["Authorization"]
            return False

        proxy.rule = rule
        assert_whole(store, fetch(store, proxy, waits, login=Login("user", "secret")))
        assert seen == [None, None, None]


def test_progress_counts_each_layer_up_to_its_size(
    store: Store, proxy: FaultProxy, waits: Waits
) -> None:
    events: list[Event] = []
    proxy.rule = times(2, is_big, cut_after(2_000_000))
    fetch(store, proxy, waits, progress=events.append)
    by_layer: dict[str, list[Event]] = {}
    for event in events:
        by_layer.setdefault(event.digest, []).append(event)
    assert len(by_layer) == 2
    for rows in by_layer.values():
        counts = [row.done_bytes for row in rows if row.phase == "downloading"]
        assert counts == sorted(counts)
        assert rows[-1].phase == "done"
        assert counts[-1] == rows[-1].size_bytes == rows[-1].done_bytes


# ---- push ----------------------------------------------------------------------------------------


@pytest.fixture
def stocked(store: Store, registry: Registry, waits: Waits) -> Store:
    pull(store, f"{registry.address}/team/app:1", settings=Settings(), pause=waits)
    return store


def is_patch(exchange: registries.Exchange) -> bool:
    return exchange.handler.command == "PATCH"


def test_an_upload_goes_in_chunks_and_goes_on_after_a_cut(
    stocked: Store, proxy: FaultProxy, waits: Waits, registry: Registry
) -> None:
    lost = {"answers": 2}

    def rule(exchange: registries.Exchange) -> bool:
        if is_patch(exchange) and lost["answers"]:
            lost["answers"] -= 1
            exchange.forward()  # the registry has it, and we never hear of it
            exchange.cut()
            return True
        return False

    proxy.rule = rule
    target = f"{proxy.address}/chunks/app:1"
    done = push(
        stocked,
        f"{registry.address}/team/app:1",
        target,
        settings=Settings(attempts=4),
        chunk_bytes=1 << 20,
        pause=waits,
    )
    pushed = f"docker://{registry.address}/chunks/app:1"
    seen = json.loads(skopeo("inspect", "--tls-verify=false", pushed).stdout)
    assert seen["Digest"] == done.digest
    patches = [line for line in proxy.seen if line.startswith("PATCH")]
    # docker-registry's sessions are lost with an answer: two chunks were sent in vain
    assert len(patches) == 7
    assert [line for line in proxy.seen if line.startswith("GET") and "/uploads/" in line]


def test_an_upload_whose_session_was_lost_begins_anew(
    stocked: Store, proxy: FaultProxy, waits: Waits, registry: Registry
) -> None:
    state = {"patches": 0, "lost": 0}

    def rule(exchange: registries.Exchange) -> bool:
        path = exchange.handler.path
        if is_patch(exchange):
            state["patches"] += 1
            if state["patches"] == 2:
                exchange.answer(500, b"")
                return True
        if exchange.handler.command == "GET" and "/uploads/" in path and not state["lost"]:
            state["lost"] = 1
            exchange.answer(404, b"{}")
            return True
        return False

    proxy.rule = rule
    target = f"{proxy.address}/lost/app:1"
    push(
        stocked,
        f"{registry.address}/team/app:1",
        target,
        settings=Settings(attempts=4),
        chunk_bytes=1 << 20,
        pause=waits,
    )
    assert state["lost"] == 1
    skopeo("inspect", "--tls-verify=false", f"docker://{registry.address}/lost/app:1")


def test_a_registry_that_refuses_a_push_is_quoted(
    stocked: Store, proxy: FaultProxy, waits: Waits, registry: Registry
) -> None:
    body = json.dumps({"errors": [{"code": "DENIED", "message": "not for you"}]}).encode()
    proxy.rule = times(
        99,
        lambda exchange: exchange.handler.command == "POST",
        lambda exchange: exchange.answer(403, body),
    )
    with pytest.raises(RemoteError, match="answered 403: not for you"):
        push(
            stocked,
            f"{registry.address}/team/app:1",
            f"{proxy.address}/denied/app:1",
            settings=Settings(attempts=2),
            pause=waits,
        )


# ---- several at once -----------------------------------------------------------------------------


def test_pulls_of_one_image_at_once_fetch_each_blob_once(
    tmp_path: Path, proxy: FaultProxy, waits: Waits
) -> None:
    barrier = threading.Barrier(4)
    errors: list[BaseException] = []

    def one() -> None:
        try:
            mine = Store(str(tmp_path))
            barrier.wait()
            fetch(mine, proxy, waits)
        except BaseException as error:  # noqa: BLE001 - shown below
            errors.append(error)

    threads = [threading.Thread(target=one) for _number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    fetched = [line for line in proxy.seen if line.startswith("GET") and "/blobs/" in line]
    assert len(fetched) == len(set(fetched)) == 3


# ---- silence, interruption, and others at work ---------------------------------------------------


def test_a_connection_that_falls_silent_is_given_up_and_gone_on_with(
    store: Store, proxy: FaultProxy, waits: Waits
) -> None:
    release = threading.Event()

    def stall(exchange: registries.Exchange) -> None:
        status, headers, data = exchange.forward()
        exchange.handler.send_response(status)
        exchange.handler.send_header("Content-Length", dict(headers)["Content-Length"])
        exchange.handler.end_headers()
        exchange.handler.wfile.write(data[:1_000_000])
        exchange.handler.wfile.flush()
        release.wait()
        exchange.cut()

    proxy.rule = times(1, is_big, stall)
    try:
        pulled = pull(
            store,
            f"{proxy.address}/team/app:1",
            settings=Settings(attempts=4, timeout_s=0.5),
            pause=waits,
        )
    finally:
        release.set()
    assert_whole(store, pulled)
    # what a block had not been filled with is asked for again
    (asked,) = [line.partition("bytes=")[2] for line in proxy.seen if "bytes=" in line]
    assert 0 < int(asked.rstrip("-")) <= 1_000_000


def test_when_one_layer_is_wrong_nobody_waits_for_a_silent_one(
    store: Store, proxy: FaultProxy, waits: Waits
) -> None:
    release = threading.Event()
    silent = threading.Event()

    def rule(exchange: registries.Exchange) -> bool:
        if not is_blob(exchange):
            return False
        size = len(exchange.forward()[2])
        if size > 1_000_000:
            silent.set()
            release.wait()
            exchange.cut()
            return True
        if exchange.handler.path.endswith(small):
            silent.wait()
            exchange.answer(404, b"{}")
            return True
        return False

    small = _layer_digest(store, proxy, waits, 1)
    proxy.rule = rule
    try:
        with pytest.raises(NotFoundError, match=small):
            fetch(store, proxy, waits)  # the silent one would be waited for a minute
    finally:
        release.set()
    assert_nothing(store)


def _layer_digest(store: Store, proxy: FaultProxy, waits: Waits, number: int) -> str:
    fetch(store, proxy, waits)
    (entry,) = store.entries()
    manifest = store.document(entry.digest).manifest
    assert manifest
    store.untag(entry.name)
    garbage.collect(store)
    return manifest["layers"][number]["digest"]


def test_a_prune_in_the_middle_of_a_pull_takes_nothing_of_it(
    store: Store, proxy: FaultProxy, waits: Waits
) -> None:
    others = Store(store.layout.root_dir)
    freed: list[garbage.Freed] = []

    def rule(exchange: registries.Exchange) -> bool:
        freed.append(garbage.collect(others))
        return False

    proxy.rule = rule
    pulled = fetch(
        store, proxy, waits, progress=lambda _event: freed.append(garbage.collect(others))
    )
    freed.append(garbage.collect(others))
    assert_whole(store, pulled)
    assert len(freed) > 10
    assert [one for one in freed if one.blobs or one.layers] == []


def test_ctrl_c_ends_a_pull_at_once_and_the_next_one_goes_on(
    tmp_path: Path, proxy: FaultProxy
) -> None:
    release = threading.Event()
    process: list[subprocess.Popen[bytes]] = []

    def stall(exchange: registries.Exchange) -> None:
        status, headers, data = exchange.forward()
        exchange.handler.send_response(status)
        exchange.handler.send_header("Content-Length", dict(headers)["Content-Length"])
        exchange.handler.end_headers()
        exchange.handler.wfile.write(data[:1_000_000])
        exchange.handler.wfile.flush()
        process[0].send_signal(signal.SIGINT)
        release.wait()
        exchange.cut()

    proxy.rule = times(1, is_big, stall)
    argv = [sys.executable, "-m", "wardian", "pull", "-q", f"{proxy.address}/team/app:1"]
    own = {**os.environ, "WARDIAN_ROOT": str(tmp_path / "root")}
    process.append(subprocess.Popen(argv, env=own, stderr=subprocess.PIPE))
    try:
        _out, err = process[0].communicate(timeout=30)
    finally:
        release.set()
    assert (process[0].returncode, err) == (130, b"")
    done = subprocess.run(argv, env=own, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    assert any("bytes=" in line for line in proxy.seen)
