"""Ask a program that keeps logins: docker-credential-NAME get, store, erase.

The secret goes through pipes, never through an argument. A helper that does not know the server
ends with 1 and says "credentials not found in native keychain".

Source: github.com/docker/docker-credential-helpers, credentials/credentials.go and error.go.
"""

import json

from wardian.errors import HostError

_UNKNOWN = "credentials not found"
_PATIENCE_S = 120.0  # it may wait for somebody to unlock a key ring


def get(name: str, server: str) -> "tuple[str, str] | None":
    """Return the user's name and the secret for a server; None where the helper has none.

    Raises:
        HostError: the helper is not there, or fails.
    """
    text = _ask(name, "get", server, unknown_is_fine=True)
    if not text:
        return None
    try:
        found = json.loads(text)
        username, secret = found["Username"], found["Secret"]
    except (ValueError, KeyError, TypeError):
        raise HostError(f"docker-credential-{name}: its answer is not what was agreed") from None
    return (str(username), str(secret)) if secret else None


def store(name: str, server: str, username: str, secret: str) -> None:
    """Give a login to the helper."""
    _ask(name, "store", json.dumps({"ServerURL": server, "Username": username, "Secret": secret}))


def erase(name: str, server: str) -> None:
    """Have the helper forget a login."""
    _ask(name, "erase", server, unknown_is_fine=True)


def _ask(name: str, verb: str, text: str, *, unknown_is_fine: bool = False) -> str:
    import subprocess

    program = f"docker-credential-{name}"
    try:
        done = subprocess.run(
            [program, verb],
            input=text.encode(),
            capture_output=True,
            check=False,
            timeout=_PATIENCE_S,
        )
    except FileNotFoundError:
        raise HostError(
            f"{program}: not found", hint="the login file names it; is it in your PATH?"
        ) from None
    except OSError as error:
        raise HostError(f"{program}: {(error.strerror or '').lower()}") from None
    except subprocess.TimeoutExpired:
        raise HostError(f"{program} {verb}: no answer in {_PATIENCE_S:.0f} s") from None
    said = done.stdout.decode("utf-8", "replace").strip()
    if done.returncode == 0:
        return said
    words = said or done.stderr.decode("utf-8", "replace").strip()
    if unknown_is_fine and _UNKNOWN in words:
        return ""
    raise HostError(f"{program} {verb}: {words or f'ended with {done.returncode}'}")
