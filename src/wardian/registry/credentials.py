"""Find, store and forget registry logins, where docker and podman keep them.

Facts about the files
---------------------
Both tools write the same JSON: "auths" maps a server to base64 of user:password, "credHelpers" maps
one to a program that knows it, "credsStore" names a program for all. In podman's file a key may be
a repository too, and the longest that fits counts. docker's hub is called by its old address.

    --authfile, $REGISTRY_AUTH_FILE           this file alone
    $DOCKER_CONFIG or ~/.docker/config.json   docker's, and where `login` writes
    $XDG_RUNTIME_DIR/containers/auth.json     podman's
    $XDG_CONFIG_HOME/containers/auth.json     podman's, which lasts

Source: docker-config-json(5), containers-auth.json(5), github.com/docker/docker-credential-helpers.
"""

import os

from wardian.errors import NotFoundError, SpecError, UsageError
from wardian.kernel import paths
from wardian.registry import credential_helpers, reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_FILE_BYTES = 4 << 20


class Login:
    """What a registry is told of who we are; printing it shows no secret.

    Attributes:
        username: or "" with an identity token alone.
        password: or "".
        identity_token: an OAuth2 refresh token, or "".
        registry_token: sent as it is, or "".
    """

    __slots__ = ("identity_token", "password", "registry_token", "username")

    def __init__(
        self, username: str, password: str, identity_token: str = "", registry_token: str = ""
    ) -> None:
        self.username = username
        self.password = password
        self.identity_token = identity_token
        self.registry_token = registry_token

    def __repr__(self) -> str:
        return f"Login({self.username!r})"

    def basic(self) -> str:
        """Return the value of a Basic Authorization header."""
        import base64

        both = f"{self.username}:{self.password}".encode()
        return "Basic " + base64.b64encode(both).decode()


def find(
    domain: str, path: str = "", *, authfile: str = "", environ: "Mapping[str, str] | None" = None
) -> "Login | None":
    """Return the login for a repository; None where nobody stored one.

    Args:
        domain: of the reference.
        path: of the reference.
        authfile: this file alone.
        environ: instead of this process's environment.

    Raises:
        SpecError: a file is not what it should be.
        HostError: a credential helper is not there or fails.
    """
    env = os.environ if environ is None else environ
    for file in _files(authfile, env):
        found = _load(file)
        login = _from_file(found, file, domain, path) if found else None
        if login:
            return login
    return None


def store(domain: str, login: Login, *, authfile: str = "") -> str:
    """Keep a login; returns where it is now, in words."""
    file = _files(authfile, os.environ)[0]
    found = _load(file)
    server = server_of(domain)
    helper = _helper(found, server, file)
    if helper:
        credential_helpers.store(helper, server, login.username or "<token>", _secret(login))
        found.setdefault("auths", {})[server] = {}
        _write(file, found)
        return f"the credential helper {helper}"
    entry = {"auth": login.basic().removeprefix("Basic ")}
    if login.identity_token:
        entry["identitytoken"] = login.identity_token
    found.setdefault("auths", {})[server] = entry
    _write(file, found)
    return file


def _secret(login: Login) -> str:
    return login.identity_token or login.password


def forget(domain: str, *, authfile: str = "") -> None:
    """Remove a login.

    Raises:
        NotFoundError: there is none.
    """
    file = _files(authfile, os.environ)[0]
    found = _load(file)
    server = server_of(domain)
    helper = _helper(found, server, file)
    keys = [key for key in found.get("auths", {}) if _plain(key) == _plain(server)]
    if not keys:
        raise NotFoundError(f'not logged in to "{domain}"', hint=f"looked in {file}")
    if helper:
        credential_helpers.erase(helper, server)
    for key in keys:
        del found["auths"][key]
    _write(file, found)


def server_of(domain: str) -> str:
    """Return what a registry is called in the files."""
    return reference.HUB_LOGIN if domain == reference.HUB else domain


def _files(authfile: str, env: "Mapping[str, str]") -> "list[str]":
    """Return the files to look into; `login` writes to the first."""
    alone = authfile or env.get("REGISTRY_AUTH_FILE", "")
    if alone:
        return [alone]
    home = env.get("HOME", "")
    docker = env.get("DOCKER_CONFIG", "") or (f"{home}/.docker" if home else "")
    found = [f"{docker}/config.json"] if docker else []
    runtime = env.get("XDG_RUNTIME_DIR", "")
    if runtime:
        found.append(f"{runtime}/containers/auth.json")
    elif os.geteuid() == 0:
        found.append("/run/containers/0/auth.json")
    config = env.get("XDG_CONFIG_HOME", "") or (f"{home}/.config" if home else "")
    if config:
        found.append(f"{config}/containers/auth.json")
    if not found:
        raise UsageError("no place for logins", hint="set HOME, DOCKER_CONFIG or --authfile")
    return found


def _load(file: str) -> "dict[str, Any]":
    """Return a file's object; an empty one where there is no file."""
    import json

    try:
        with open(file, "rb") as stream:
            data = stream.read(_FILE_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        raise SpecError(f'"{file}": {(error.strerror or "").lower()}') from None
    try:
        found = json.loads(data or b"{}")
    except (ValueError, RecursionError):
        found = None
    if len(data) > _FILE_BYTES or not isinstance(found, dict):
        raise SpecError(f'"{file}": not a JSON object with logins')
    for field in ("auths", "credHelpers"):
        if found.get(field) is None:
            found.pop(field, None)
        elif not isinstance(found[field], dict):
            raise SpecError(f'"{file}": {field} must be an object')
    return found


def _write(file: str, found: "dict[str, Any]") -> None:
    import json

    real = os.path.realpath(file)  # dotfiles are often links
    try:
        os.makedirs(os.path.dirname(real), 0o700, exist_ok=True)
    except OSError as error:
        raise SpecError(f'"{file}": {(error.strerror or "").lower()}') from None
    text = json.dumps(found, indent="\t", ensure_ascii=False) + "\n"
    paths.write_atomic(real, text.encode("utf-8", "surrogateescape"), 0o600, durable=True)


def _helper(found: "dict[str, Any]", server: str, file: str) -> str:
    """Return the credential helper for a server, or ""."""
    helpers = found.get("credHelpers", {})
    for key, name in helpers.items():
        if _plain(key) == _plain(server):
            return _checked(name, file)
    return _checked(found.get("credsStore") or "", file)


def _checked(name: object, file: str) -> str:
    if not isinstance(name, str) or "/" in name or "\0" in name:
        raise SpecError(f'"{file}": the name of a credential helper is a word')
    return name


def _from_file(found: "dict[str, Any]", file: str, domain: str, path: str) -> "Login | None":
    keys = {_plain(key): entry for key, entry in found.get("auths", {}).items()}
    scope = f"{domain}/{path}".rstrip("/") if domain != reference.HUB else ""
    while "/" in scope:  # a repository's own login comes before its registry's
        login = _login(keys.get(scope), file)
        if login:
            return login
        scope = scope.rpartition("/")[0]
    server = server_of(domain)
    helper = _helper(found, server, file)
    if helper:
        answer = credential_helpers.get(helper, server)
        if answer:
            username, secret = answer
            return Login("", "", secret) if username == "<token>" else Login(username, secret)
    return _login(keys.get(_plain(server)) or keys.get(domain), file)


def _plain(key: str) -> str:
    """Return a key without what docker's older versions wrote around the host."""
    bare = key.removeprefix("https://").removeprefix("http://").rstrip("/")
    for end in ("/v1", "/v2"):
        bare = bare.removesuffix(end)
    return bare


def _login(entry: "Any", file: str) -> "Login | None":
    import base64

    if not isinstance(entry, dict) or not entry:
        return None
    words = {key: text for key, text in entry.items() if isinstance(text, str)}
    username, password = words.get("username", ""), words.get("password", "")
    if words.get("auth"):
        try:
            both = base64.b64decode(words["auth"], validate=True).decode()
        except ValueError:
            raise SpecError(f'"{file}": an "auth" is not base64 of user:password') from None
        username, _colon, password = both.partition(":")
        password = password.rstrip("\0")
    token, registry = words.get("identitytoken", ""), words.get("registrytoken", "")
    if not (username or token or registry):
        return None
    return Login(username, password, token, registry)
