"""Logins are found where docker and podman keep them."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from wardian.errors import NotFoundError, SpecError
from wardian.registry import credentials
from wardian.registry.credentials import Login
from wardian.registry.reference import HUB, HUB_LOGIN


def auth(user: str, password: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


def write(path: Path, document: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))


def found(home: Path, domain: str, path: str = "a/b", **env: str) -> "str | None":
    login = credentials.find(domain, path, environ={"HOME": str(home), **env})
    return f"{login.username}:{login.password}" if login else None


@pytest.mark.parametrize(
    ("key", "domain"),
    [
        ("host.example", "host.example"),
        ("https://host.example", "host.example"),
        ("https://host.example/v1/", "host.example"),
        ("http://host.example:5000/v2/", "host.example:5000"),
        (HUB_LOGIN, HUB),
        (f"index.{HUB}", HUB),
    ],
)
def test_a_registry_is_called_in_many_ways(tmp_path: Path, key: str, domain: str) -> None:
    write(tmp_path / ".docker/config.json", {"auths": {key: auth("u", "p:q")}})
    assert found(tmp_path, domain) == "u:p:q"
    assert found(tmp_path, "other.example") is None


def test_a_repository_s_own_login_comes_first(tmp_path: Path) -> None:
    auths = {
        "host.example": auth("all", "x"),
        "host.example/a": auth("team", "x"),
        "host.example/a/b": auth("one", "x"),
    }
    write(tmp_path / ".config/containers/auth.json", {"auths": auths})
    assert found(tmp_path, "host.example", "a/b") == "one:x"
    assert found(tmp_path, "host.example", "a/c") == "team:x"
    assert found(tmp_path, "host.example", "z") == "all:x"


def test_docker_s_file_comes_before_podman_s(tmp_path: Path) -> None:
    write(tmp_path / "docker/config.json", {"auths": {"h.example": auth("docker", "x")}})
    write(tmp_path / "run/containers/auth.json", {"auths": {"h.example": auth("podman", "x")}})
    own = {"DOCKER_CONFIG": f"{tmp_path}/docker", "XDG_RUNTIME_DIR": f"{tmp_path}/run"}
    assert found(tmp_path, "h.example", **own) == "docker:x"
    assert found(tmp_path, "h.example", XDG_RUNTIME_DIR=f"{tmp_path}/run") == "podman:x"
    write(tmp_path / "alone.json", {"auths": {}})
    assert found(tmp_path, "h.example", **own, REGISTRY_AUTH_FILE=f"{tmp_path}/alone.json") is None


def test_tokens_are_found_too(tmp_path: Path) -> None:
    auths = {"a.example": {"identitytoken": "i"}, "b.example": {"registrytoken": "r"}}
    write(tmp_path / "auth.json", {"auths": auths})
    one = credentials.find("a.example", authfile=f"{tmp_path}/auth.json")
    two = credentials.find("b.example", authfile=f"{tmp_path}/auth.json")
    assert one
    assert one.identity_token == "i"
    assert two
    assert two.registry_token == "r"


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "{",
        '{"auths": []}',
        '{"auths": {"h.example": {"auth": "%%%"}}}',
        '{"credsStore": "../../bin/sh"}',
        '{"credsStore": 7}',
        '{"credHelpers": {"h.example": "a/b"}}',
        "[" * 100_000,
    ],
)
def test_a_file_that_is_none_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "auth.json").write_text(text)
    with pytest.raises(SpecError, match=r"auth\.json"):
        credentials.find("h.example", authfile=f"{tmp_path}/auth.json")


def test_a_login_shows_no_secret() -> None:
    login = Login("user", "secret", "token")
    assert "secret" not in repr(login)
    assert "token" not in repr(login)


def test_store_and_forget_keep_everything_else(tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    write(file, {"auths": {"other.example": auth("o", "x")}, "detachKeys": "ctrl-e"})
    credentials.store("h.example", Login("u", "p"), authfile=str(file))
    assert file.stat().st_mode & 0o777 == 0o600
    credentials.forget("h.example", authfile=str(file))
    assert json.loads(file.read_text()) == {
        "auths": {"other.example": auth("o", "x")},
        "detachKeys": "ctrl-e",
    }
    with pytest.raises(NotFoundError):
        credentials.forget("h.example", authfile=str(file))


def test_a_link_to_the_file_stays_a_link(tmp_path: Path) -> None:
    real = tmp_path / "dotfiles.json"
    write(real, {})
    (tmp_path / "config.json").symlink_to(real)
    credentials.store("h.example", Login("u", "p"), authfile=f"{tmp_path}/config.json")
    assert (tmp_path / "config.json").is_symlink()
    assert "h.example" in json.loads(real.read_text())["auths"]
