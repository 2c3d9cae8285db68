"""Silence, Ctrl-C, and others at work while an image is pulled."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests import registries
from tests.faulty import Waits, assert_nothing, assert_whole, fetch, is_big
from tests.registries import FaultProxy, is_blob, times
from wardian.errors import NotFoundError
from wardian.exchange.pull import pull
from wardian.images import garbage
from wardian.images.store import Store
from wardian.registry.settings import Settings


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


def _has_come(place: Path) -> bool:
    try:
        return any(path.stat().st_size > 200_000 for path in place.iterdir())
    except FileNotFoundError:  # a small one is whole, and has its name
        return False


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
        end = time.monotonic() + registries.PATIENCE_S
        while not _has_come(tmp_path / "root/images/ingest") and time.monotonic() < end:
            time.sleep(0.01)
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
