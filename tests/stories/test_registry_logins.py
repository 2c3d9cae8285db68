"""Who may pull and push: passwords, signed tokens, credential helpers, TLS, client certificates."""

import base64
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import pictures, registries
from tests.conftest import Wardian
from tests.machine import requires
from tests.registries import Authority, Registry, TokenServer, skopeo
from wardian.exchange.pull import pull
from wardian.exchange.push import push
from wardian.images.store import Store
from wardian.registry.credentials import Login
from wardian.registry.settings import Settings

USER, PASSWORD = "user", "pass word:ü"


@pytest.fixture(scope="module")
def layout(tmp_path_factory: pytest.TempPathFactory) -> pictures.Layout:
    made = pictures.Layout(tmp_path_factory.mktemp("layout") / "layout")
    made.name(made.manifest([{"file": b"content\n"}, {"big": os.urandom(2_000_000)}]), "app")
    return made


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home without any login; nothing of this machine's own is looked at."""
    place = tmp_path / "home"
    place.mkdir()
    monkeypatch.setenv("HOME", str(place))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "runtime"))
    for name in ("DOCKER_CONFIG", "REGISTRY_AUTH_FILE", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    return place


@pytest.fixture(scope="module")
def guarded(
    tmp_path_factory: pytest.TempPathFactory, layout: pictures.Layout
) -> Iterator[Registry]:
    """A registry that wants a user's name and a password."""
    requires("htpasswd")
    place = tmp_path_factory.mktemp("guarded")
    made = subprocess.run(
        ["htpasswd", "-Bbn", USER, PASSWORD], capture_output=True, text=True, check=True
    )
    (place / "htpasswd").write_text(made.stdout)
    auth = {"htpasswd": {"realm": "tests", "path": str(place / "htpasswd")}}
    with registries.registry(place, auth=auth) as running:
        skopeo(
            *("copy", "--dest-tls-verify=false", "--preserve-digests"),
            *("--dest-creds", f"{USER}:{PASSWORD}"),
            *(f"oci:{layout.path}:app", f"docker://{running.address}/team/app:1"),
        )
        yield running


def test_without_a_login_the_error_says_how_to_get_one(
    wardian: Wardian, home: Path, guarded: Registry
) -> None:
    done = wardian("pull", f"{guarded.address}/team/app:1")
    assert done.returncode == 1
    assert "it answered 401" in done.stderr
    assert f"hint: `wardian login {guarded.address}`" in done.stderr


def test_login_tries_keeps_and_logout_forgets(
    wardian: Wardian, home: Path, guarded: Registry
) -> None:
    login = ("login", "-u", USER, "--password-stdin", guarded.address)
    done = wardian(*login, input="wrong")
    assert done.returncode == 1
    assert not (home / ".docker/config.json").exists()
    done = wardian(*login, input=f"{PASSWORD}\n")
    assert (done.stdout, done.returncode) == ("Login Succeeded\n", 0), done.stderr
    file = home / ".docker/config.json"
    assert file.stat().st_mode & 0o777 == 0o600
    entry = json.loads(file.read_text())["auths"][guarded.address]
    assert base64.b64decode(entry["auth"]).decode() == f"{USER}:{PASSWORD}"
    assert wardian("pull", f"{guarded.address}/team/app:1").returncode == 0
    assert skopeo("list-tags", "--tls-verify=false", f"docker://{guarded.address}/team/app")
    assert wardian("logout", guarded.address).returncode == 0
    assert json.loads(file.read_text())["auths"] == {}
    assert wardian("pull", f"{guarded.address}/team/app:1").returncode == 1


def test_a_login_of_skopeo_s_is_ours_too(
    wardian: Wardian, home: Path, guarded: Registry, tmp_path: Path
) -> None:
    authfile = tmp_path / "auth.json"
    skopeo(
        *("login", "--tls-verify=false", "--authfile", str(authfile), "-u", USER, "-p", PASSWORD),
        guarded.address,
    )
    name = f"{guarded.address}/team/app:1"
    assert wardian("pull", "--authfile", str(authfile), name).returncode == 0
    assert wardian("pull", name, env={"REGISTRY_AUTH_FILE": str(authfile)}).returncode == 0
    runtime = tmp_path / "runtime" / "containers"
    runtime.mkdir(parents=True)
    authfile.rename(runtime / "auth.json")
    assert wardian("pull", name).returncode == 0


def test_a_password_in_the_arguments_works_and_is_warned_of(
    wardian: Wardian, home: Path, guarded: Registry
) -> None:
    done = wardian("login", "-u", USER, "-p", PASSWORD, guarded.address)
    assert done.returncode == 0
    assert "warning: a password in the arguments" in done.stderr
    assert PASSWORD not in done.stdout + done.stderr


HELPER = """#!/bin/sh
# keeps one login in a file
case $1 in
store) cat >"$HOME/kept" ;;
get) read -r server; grep -qF "$server" "$HOME/kept" 2>/dev/null && exec cat "$HOME/kept"
     echo "credentials not found in native keychain"; exit 1 ;;
erase) rm -f "$HOME/kept" ;;
esac
"""


@pytest.mark.parametrize("field", ["credsStore", "credHelpers"])
def test_a_credential_helper_keeps_the_login(
    wardian: Wardian, home: Path, guarded: Registry, tmp_path: Path, field: str
) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    helper = programs / "docker-credential-tests"
    helper.write_text(HELPER)
    helper.chmod(0o755)
    (home / ".docker").mkdir()
    value = "tests" if field == "credsStore" else {guarded.address: "tests"}
    (home / ".docker/config.json").write_text(json.dumps({field: value, "other": 1}))
    own = {"PATH": f"{programs}:{os.environ['PATH']}"}
    name = f"{guarded.address}/team/app:1"
    assert wardian("pull", name, env=own).returncode == 1
    login = ("login", "-u", USER, "--password-stdin", guarded.address)
    done = wardian(*login, input=PASSWORD, env=own)
    assert done.returncode == 0, done.stderr
    written = json.loads((home / ".docker/config.json").read_text())
    assert written == {field: value, "other": 1, "auths": {guarded.address: {}}}
    assert json.loads((home / "kept").read_text())["Secret"] == PASSWORD
    assert wardian("pull", name, env=own).returncode == 0
    assert wardian("logout", guarded.address, env=own).returncode == 0
    assert not (home / "kept").exists()


def test_a_helper_that_is_not_there_is_named(
    wardian: Wardian, home: Path, guarded: Registry
) -> None:
    (home / ".docker").mkdir()
    (home / ".docker/config.json").write_text('{"credsStore": "nowhere"}')
    done = wardian("pull", f"{guarded.address}/team/app:1")
    assert "docker-credential-nowhere: not found" in done.stderr


# ---- tokens --------------------------------------------------------------------------------------


@pytest.fixture
def tokens(tmp_path: Path) -> Iterator[TokenServer]:
    server = TokenServer(tmp_path / "tokens", USER, PASSWORD)
    yield server
    server.close()


@pytest.fixture
def by_token(tmp_path: Path, tokens: TokenServer) -> Iterator[Registry]:
    """A registry that verifies the tokens of the token server."""
    with registries.registry(tmp_path / "by-token", auth=tokens.section()) as running:
        yield running


def test_a_push_and_a_pull_by_token(
    home: Path, tmp_path: Path, by_token: Registry, tokens: TokenServer, layout: pictures.Layout
) -> None:
    store = Store(str(tmp_path))
    skopeo("copy", f"oci:{layout.path}:app", f"oci:{store.layout.path}:app")
    target = f"{by_token.address}/team/app:1"
    push(store, "app", target, settings=Settings(), login=Login(USER, PASSWORD))
    assert tokens.asked[0] == ("GET", USER, ["repository:team/app:pull,push"])
    assert len(tokens.asked) == 1  # four threads, and one token for all of them
    tokens.asked.clear()
    other = Store(str(tmp_path / "home"))
    pull(other, target, settings=Settings())
    assert tokens.asked == [("GET", "", ["repository:team/app:pull"])]


def test_an_identity_token_is_traded_in(
    home: Path, tmp_path: Path, by_token: Registry, tokens: TokenServer, layout: pictures.Layout
) -> None:
    store = Store(str(tmp_path))
    skopeo("copy", f"oci:{layout.path}:app", f"oci:{store.layout.path}:app")
    login = Login("", "", identity_token=tokens.refresh_token)
    push(store, "app", f"{by_token.address}/team/app:1", settings=Settings(), login=login)
    assert tokens.asked == [("POST", "", ["repository:team/app:pull,push"])]


def test_a_token_that_ends_in_the_middle_is_renewed(
    home: Path, tmp_path: Path, by_token: Registry, tokens: TokenServer, layout: pictures.Layout
) -> None:
    store = Store(str(tmp_path))
    skopeo("copy", f"oci:{layout.path}:app", f"oci:{store.layout.path}:app")
    with registries.fault_proxy(by_token.port) as proxy:
        state = {"refused": 0}

        def rule(exchange: registries.Exchange) -> bool:
            if exchange.handler.command == "PATCH" and not state["refused"]:
                state["refused"] = 1
                challenge = (
                    f'Bearer realm="{tokens.realm}",service="{tokens.SERVICE}",'
                    'scope="repository:team/app:pull,push",error="invalid_token"'
                )
                exchange.answer(401, b"{}", WWW_Authenticate=challenge)
                return True
            return False

        proxy.rule = rule
        target = f"{proxy.address}/team/app:1"
        push(store, "app", target, settings=Settings(), login=Login(USER, PASSWORD))
        assert state["refused"] == 1
        assert len(tokens.asked) == 2


def test_a_wrong_password_is_refused_by_the_token_server(
    home: Path, tmp_path: Path, wardian: Wardian, by_token: Registry
) -> None:
    login = ("login", "-u", USER, "--password-stdin", by_token.address)
    done = wardian(*login, input="wrong")
    assert done.returncode == 1
    assert "token server" in done.stderr
    assert wardian(*login, input=PASSWORD).returncode == 0


# ---- TLS -----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def secure(
    tmp_path_factory: pytest.TempPathFactory, authority: Authority, layout: pictures.Layout
) -> Iterator[Registry]:
    certificate, key = authority.issue("server", "localhost", "127.0.0.1")
    tls = {"certificate": str(certificate), "key": str(key)}
    place = tmp_path_factory.mktemp("secure")
    with registries.registry(place, http={"tls": tls}) as running:
        skopeo(
            *("copy", "--dest-tls-verify=false", "--preserve-digests"),
            *(f"oci:{layout.path}:app", f"docker://{running.address}/team/app:1"),
        )
        yield running


def test_a_certificate_of_nobody_is_refused_and_one_may_insist(
    wardian: Wardian, home: Path, secure: Registry
) -> None:
    name = f"{secure.address}/team/app:1"
    done = wardian("pull", name)
    assert done.returncode == 1
    assert "certificate is not to be trusted" in done.stderr
    assert "hint: put its authority's .crt into /etc/docker/certs.d" in done.stderr
    assert wardian("pull", "--tls-verify=false", name).returncode == 0


def test_an_authority_is_trusted_from_a_directory_for_the_host(
    wardian: Wardian, home: Path, secure: Registry, authority: Authority
) -> None:
    place = home / ".config/containers/certs.d" / secure.address
    place.mkdir(parents=True)
    (place / "ca.crt").write_bytes(authority.certificate.read_bytes())
    name = f"{secure.address}/team/app:1"
    assert wardian("pull", name).returncode == 0
    (place / "ca.crt").write_text("no certificate")
    done = wardian("pull", name)
    assert done.returncode == 1
    assert 'certificate "' in done.stderr


def test_a_client_certificate_is_shown(
    wardian: Wardian, home: Path, tmp_path: Path, authority: Authority, layout: pictures.Layout
) -> None:
    certificate, key = authority.issue("strict", "localhost")
    own, own_key = authority.issue("client")
    tls = {
        "certificate": str(certificate),
        "key": str(key),
        "clientcas": [str(authority.certificate)],
    }
    place = tmp_path / "certs"
    place.mkdir()
    (place / "ca.crt").write_bytes(authority.certificate.read_bytes())
    with registries.registry(tmp_path / "strict", http={"tls": tls}) as running:
        target = f"{running.address}/team/app:1"
        assert wardian("images").returncode == 0  # makes the store
        skopeo("copy", f"oci:{layout.path}:app", f"oci:{tmp_path}/w-root/images:app")
        words = ("push", "app", target, "--cert-dir", str(place))
        assert wardian(*words).returncode == 1
        (place / "me.cert").write_bytes(own.read_bytes())
        done = wardian(*words)
        assert 'its key "me.key" is not beside it' in done.stderr
        (place / "me.key").write_bytes(own_key.read_bytes())
        done = wardian(*words)
        assert done.returncode == 0, done.stderr


def test_plain_http_to_another_machine_has_to_be_asked_for(wardian: Wardian, home: Path) -> None:
    # 192.0.2.0/24 is nobody's (RFC 5737): only the scheme of the attempt is of interest
    config = home / "config.toml"
    config.write_text('[registries."localhost:1"]\nplain-http = false\n')
    own = {"WARDIAN_CONFIG": str(config)}
    with registries.fault_proxy(1) as proxy:
        config.write_text(f'[registries."{proxy.address}"]\nplain-http = false\n')
        done = wardian("pull", f"{proxy.address}/x", env=own)
        assert done.returncode == 1
        assert "--plain-http is for one that doesn't" in done.stderr
        assert proxy.seen == []
