"""What a user may say about registries, on the command line or in config.toml.

    [registries."team.example:5000"]
    mirrors = ["https://mirror.example", "cache.example/hub"]   # asked first, for pulls
    plain-http = true                                           # no TLS
    tls-verify = false                                          # TLS with any certificate
    cert-dir = "/etc/certs/team"                                # CA and client certificates

Files: /etc/wardian/config.toml, then $XDG_CONFIG_HOME/wardian/config.toml, whose registries replace
those of the first; WARDIAN_CONFIG names another file in the place of both.
"""

import os

from wardian.errors import SpecError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_SYSTEM = "/etc/wardian/config.toml"
_KINDS: "dict[str, type]" = {
    "mirrors": list,
    "plain-http": bool,
    "tls-verify": bool,
    "cert-dir": str,
}


class Settings:
    """How one registry is spoken to.

    Attributes:
        mirrors: asked before the registry itself, for pulls.
        plain_http: True without TLS, False never without; None: only where the host is this one.
        tls_verify: whether a certificate must be valid.
        cert_dir: with *.crt of authorities and *.cert, *.key of ours; "" means the usual places.
        authfile: the file with logins, or "".
        timeout_s: how long a silent connection is waited for.
        attempts: how often a request is tried that fails for a passing reason.
    """

    __slots__ = (
        "attempts",
        "authfile",
        "cert_dir",
        "mirrors",
        "plain_http",
        "timeout_s",
        "tls_verify",
    )

    def __init__(
        self,
        *,
        mirrors: "tuple[str, ...]" = (),
        plain_http: "bool | None" = None,
        tls_verify: bool = True,
        cert_dir: str = "",
        authfile: str = "",
        timeout_s: float = 60.0,
        attempts: int = 6,
    ) -> None:
        self.mirrors = mirrors
        self.plain_http = plain_http
        self.tls_verify = tls_verify
        self.cert_dir = cert_dir
        self.authfile = authfile
        self.timeout_s = timeout_s
        self.attempts = attempts


def load(domain: str, environ: "Mapping[str, str] | None" = None) -> Settings:
    """Return what the configuration files say about a registry.

    Raises:
        SpecError: a file is not what it should be.
    """
    env = os.environ if environ is None else environ
    row: dict[str, Any] = {}
    for file in _files(env):
        row = _registries(file).get(domain, row)
    return Settings(
        mirrors=tuple(row.get("mirrors", ())),
        plain_http=row.get("plain-http"),
        tls_verify=row.get("tls-verify", True),
        cert_dir=row.get("cert-dir", ""),
    )


def _files(env: "Mapping[str, str]") -> "list[str]":
    named = env.get("WARDIAN_CONFIG", "")
    if named:
        return [named]
    home = env.get("XDG_CONFIG_HOME", "") or (f"{env['HOME']}/.config" if env.get("HOME") else "")
    return [_SYSTEM, f"{home}/wardian/config.toml"] if home else [_SYSTEM]


def layer_form(environ: "Mapping[str, str] | None" = None) -> str:
    """Return the form that the configuration files ask layers to have: "directory", or "".

    Raises:
        SpecError: a file is not what it should be.
    """
    env = os.environ if environ is None else environ
    form = ""
    for file in _files(env):
        row = _table(file, "layers")
        where = f'"{file}": layers'
        if set(row) - {"form"}:
            raise SpecError("unknown; there is form", where=f"{where}.{min(set(row) - {'form'})}")
        if row.get("form", "best") not in ("best", "directory"):
            raise SpecError("must be best or directory", where=f"{where}.form")
        form = row.get("form", form)
    return "" if form == "best" else form


def _table(file: str, name: str) -> "dict[str, Any]":
    try:
        with open(file, "rb") as stream:
            data = stream.read(1 << 20)
    except OSError:
        return {}
    import tomllib

    try:
        found = tomllib.loads(data.decode()).get(name, {})
    except ValueError as error:  # tomllib's own error is one, and so is UnicodeDecodeError
        raise SpecError(f'"{file}": {error}') from None
    if not isinstance(found, dict):
        raise SpecError("must be a table", where=f'"{file}": {name}')
    return found


def _registries(file: str) -> "dict[str, dict[str, Any]]":
    found = _table(file, "registries")
    for domain, row in found.items():
        _check(row, f'"{file}": registries."{domain}"')
    return found


def _check(row: object, where: str) -> None:
    if not isinstance(row, dict):
        raise SpecError("must be a table", where=where)
    for key, value in row.items():
        kind = _KINDS.get(key)
        if kind is None:
            raise SpecError(f"unknown; there are {', '.join(_KINDS)}", where=f"{where}.{key}")
        if not isinstance(value, kind):
            raise SpecError(f"must be a {kind.__name__}", where=f"{where}.{key}")
        if isinstance(value, list) and not all(isinstance(one, str) and one for one in value):
            raise SpecError("must hold names of hosts", where=f"{where}.{key}")
