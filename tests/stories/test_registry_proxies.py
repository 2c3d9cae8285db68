"""Registries are asked by way of a proxy, where the environment names one."""

import pytest

from tests.faulty import Waits
from tests.registries import Exchange, FaultProxy
from wardian.errors import RemoteError
from wardian.exchange.pull import pull
from wardian.images.store import Store
from wardian.registry.settings import Settings

NAME = "registry.example/team/app:1"


def test_http_goes_through_the_proxy_with_its_login(
    store: Store, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    logins = set()

    def rule(exchange: Exchange) -> bool:
        logins.add(exchange.handler.headers["Proxy-Authorization"])
        return False

    proxy.rule = rule
    monkeypatch.setenv("http_proxy", f"http://me:p%40ss@{proxy.address}")
    monkeypatch.setenv("no_proxy", "other.example")
    pulled = pull(store, NAME, settings=Settings(plain_http=True))
    assert pulled.is_new
    assert proxy.seen
    assert all("http://registry.example:80/v2/" in line for line in proxy.seen)
    assert logins == {"Basic bWU6cEBzcw=="}


def test_hosts_of_no_proxy_are_asked_themselves(
    store: Store, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://{proxy.address}")
    monkeypatch.setenv("no_proxy", ".example")
    settings = Settings(plain_http=True, attempts=1)
    with pytest.raises(RemoteError):
        pull(store, "registry.example:1/team/app:1", settings=settings, pause=Waits())
    assert proxy.seen == []
