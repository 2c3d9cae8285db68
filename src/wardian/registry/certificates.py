"""Which certificates are trusted and shown, per registry.

Facts about certs.d
-------------------
Docker and podman look for a directory named as the registry, HOST or HOST:PORT: each *.crt in it is
an authority, each NAME.cert with its NAME.key is ours to show. The system's authorities count too.

Source: docker's "Verify repository client with certificates"; containers-certs.d(5).
"""

import os

from wardian.errors import HostError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import ssl

_PLACES = ("/etc/docker/certs.d", "/etc/containers/certs.d")


def context(authority: str, *, verify: bool, cert_dir: str = "") -> "ssl.SSLContext":
    """Return how to speak TLS with a host.

    Args:
        authority: "host" or "host:port".
        verify: False takes any certificate.
        cert_dir: instead of the usual places.

    Raises:
        HostError: a certificate can't be read.
    """
    import ssl

    made = ssl.create_default_context()
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    if not verify:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    directory = cert_dir or _directory(authority)
    if directory:
        _load(made, directory)
    return made


def _directory(authority: str) -> str:
    """Return the first directory there is for a host, or ""."""
    home = os.environ.get("XDG_CONFIG_HOME") or f"{os.environ.get('HOME', '')}/.config"
    for place in (f"{home}/containers/certs.d", *_PLACES):
        path = f"{place}/{authority}"
        if os.path.isdir(path):
            return path
    return ""


def _load(made: "ssl.SSLContext", directory: str) -> None:
    import ssl

    try:
        names = sorted(os.listdir(directory))
    except OSError as error:
        raise HostError(f'"{directory}": {(error.strerror or "").lower()}') from None
    for name in names:
        path = f"{directory}/{name}"
        try:
            if name.endswith(".crt"):
                made.load_verify_locations(path)
            elif name.endswith(".cert"):
                key = f"{name.removesuffix('.cert')}.key"
                if key not in names:
                    raise HostError(f'"{path}": its key "{key}" is not beside it')
                made.load_cert_chain(path, f"{directory}/{key}", password=_no_password)
        except ssl.SSLError as error:
            words = error.reason or "not a PEM file"
            raise HostError(f'certificate "{path}": {words.lower()}') from None
        except OSError as error:
            raise HostError(f'certificate "{path}": {(error.strerror or "").lower()}') from None


def _no_password() -> str:
    """Keys with a password: without this OpenSSL would ask the terminal."""
    return ""
