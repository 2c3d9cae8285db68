"""A registry that cuts, corrupts, lies or asks to wait: what comes is right, or one line."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import pictures, registries
from tests.faulty import Waits, assert_nothing, assert_whole, cut_after, fetch, is_big
from tests.registries import FaultProxy, Registry, is_blob, is_manifest, times
from wardian.errors import NotFoundError, RemoteError, SpecError
from wardian.images.store import Store

if TYPE_CHECKING:
    from wardian.exchange.transfer import Event


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
