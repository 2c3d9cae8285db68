"""A registry that loses answers and sessions of an upload, or refuses it."""

import json

import pytest

from tests import registries
from tests.faulty import Waits
from tests.registries import FaultProxy, Registry, skopeo, times
from wardian.errors import RemoteError
from wardian.exchange.pull import pull
from wardian.exchange.push import push
from wardian.images.store import Store
from wardian.registry.settings import Settings


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
