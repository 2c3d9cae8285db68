"""Registries are asked by way of a proxy, where the environment names one."""

from collections.abc import Iterator

import pytest

from tests import pictures, registries
from tests.faulty import Waits
from tests.registries import Authority, Exchange, FaultProxy, Registry, Tinyproxy, skopeo
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


# ---- TLS: through a tunnel of tinyproxy ----------------------------------------------------------


class Tunnelled:
    """A registry with TLS that only tinyproxy can find."""

    def __init__(self, registry: Registry, authority: Authority, proxy: Tinyproxy) -> None:
        self.registry = registry
        self.proxy = proxy
        self.host = f"registry.example:{registry.port}"
        self.settings = Settings(cert_dir=str(authority.place), attempts=1)


@pytest.fixture(scope="module")
def tunnelled(
    tmp_path_factory: pytest.TempPathFactory, layout: pictures.Layout
) -> Iterator[Tunnelled]:
    place = tmp_path_factory.mktemp("tunnelled")
    authority = Authority(place / "authority")
    certificate, key = authority.issue("server", "registry.example")
    trusted = Authority(place / "trusted")
    (trusted.place / "ca.crt").write_bytes(authority.certificate.read_bytes())
    tls = {"certificate": str(certificate), "key": str(key)}
    with (
        registries.registry(place / "registry", http={"tls": tls}) as registry,
        registries.tinyproxy(place / "proxy", "registry.example", ("me", "secret")) as proxy,
    ):
        skopeo(
            *("copy", "--dest-tls-verify=false", "--preserve-digests"),
            *(f"oci:{layout.path}:app", f"docker://{registry.address}/team/app:1"),
        )
        yield Tunnelled(registry, trusted, proxy)


@pytest.mark.root
def test_https_goes_through_a_tunnel_that_sees_no_request(
    store: Store, tunnelled: Tunnelled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", f"http://me:secret@{tunnelled.proxy.address}")
    pulled = pull(store, f"{tunnelled.host}/team/app:1", settings=tunnelled.settings)
    assert pulled.is_new
    asked = [line for line in tunnelled.proxy.log() if "Request (" in line]
    assert asked
    assert all(f": CONNECT {tunnelled.host} HTTP" in line for line in asked)
    assert not any("/v2/" in line for line in tunnelled.proxy.log())


@pytest.mark.root
def test_a_proxy_that_wants_a_login_says_so(
    store: Store, tunnelled: Tunnelled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", f"http://me:wrong@{tunnelled.proxy.address}")
    with pytest.raises(RemoteError, match=r"registry\.example.*: .*(401|407)"):
        pull(store, f"{tunnelled.host}/team/app:1", settings=tunnelled.settings)


@pytest.mark.root
def test_a_certificate_is_checked_through_the_tunnel_too(
    store: Store, tunnelled: Tunnelled, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", f"http://me:secret@{tunnelled.proxy.address}")
    with pytest.raises(RemoteError, match="certificate is not to be trusted"):
        pull(store, f"{tunnelled.host}/team/app:1", settings=Settings(attempts=1))


def test_a_proxy_that_speaks_tls_itself_is_refused(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", "https://proxy.example:3128")
    with pytest.raises(RemoteError, match=r"proxy \"https://proxy\.example:3128\""):
        pull(store, NAME, settings=Settings(attempts=1))
