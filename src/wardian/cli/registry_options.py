"""The options of all commands that talk to a registry."""

from wardian.cli.arguments import flag, value, values
from wardian.registry import settings as registry_settings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from wardian.cli.arguments import Parsed
    from wardian.registry.settings import Settings

ROWS = (
    flag("tls-verify", "take only valid certificates (this is the default; --tls-verify=false)"),
    value(
        "cert-dir", "DIRECTORY", "of *.crt authorities and *.cert, *.key, not /etc/docker/certs.d"
    ),
    flag("plain-http", "speak without TLS; the default only for registries on this machine"),
    value(
        "authfile", "FILE", "with logins, instead of docker's config.json and podman's auth.json"
    ),
    values("mirror", "HOST", "ask this registry first"),
)
GROUP = ("Registry", ROWS)


def settings(parsed: "Parsed", domain: str) -> "Settings":
    """Return how to speak to a registry: what config.toml says, and over it what was typed."""
    found = registry_settings.load(domain)
    typed = parsed.values
    if "tls_verify" in typed:
        found.tls_verify = bool(typed["tls_verify"])
    if "plain_http" in typed:
        found.plain_http = bool(typed["plain_http"])
    if "cert_dir" in typed:
        found.cert_dir = str(typed["cert_dir"])
    if "authfile" in typed:
        found.authfile = str(typed["authfile"])
    mirrors = typed.get("mirror")
    if isinstance(mirrors, list):
        found.mirrors = tuple(str(one) for one in mirrors)
    return found
