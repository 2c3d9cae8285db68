"""A registry behind a proxy with faults: what the stories of faults share."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests import registries
from tests.registries import FaultProxy, is_blob
from wardian.exchange.pull import Pulled, pull
from wardian.images.store import Store
from wardian.registry import digests
from wardian.registry.settings import Settings

BIG = os.urandom(5_000_000)
SMALL = b"small\n"


class Waits:
    """Stands for time.sleep, and notes how long somebody wanted to wait."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


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
