"""Talk to one registry: which scheme, who we are, where it redirects, what passes by itself.

Facts about registries
----------------------
Blobs are often redirected to another host, which must not see our Authorization header. A registry
on this machine mostly speaks plain HTTP; TLS is tried first all the same, and a server that can't
speak it says so at once.

Source: distribution-spec, "Error Codes"; RFC 9110 section 15.4.
"""

import json
import ssl
import threading
import urllib.parse

from wardian.errors import NotFoundError, RemoteError, WardianError
from wardian.registry import connections, credentials, reference
from wardian.registry.retries import PASSING, Retries
from wardian.registry.tokens import Authorizer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from wardian.registry.connections import Body, Response
    from wardian.registry.credentials import Login
    from wardian.registry.settings import Settings

_ERROR_BYTES = 64 << 10
_REDIRECTS_MAX = 5
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_AGENT = "wardian"


class CancelledError(RemoteError):
    """Somebody else failed, and the work is not wanted any more."""


class Session:
    """One registry, and what we know of it. Safe to use from many threads.

    Args:
        domain: of the reference: "localhost:5000", or a mirror.
        settings: how to speak to it.
        path: of the repository that is meant, for a login of its own.
        login: instead of what the login files say.
        pause: waits between attempts, instead of a wait that `abort` ends.
    """

    def __init__(
        self,
        domain: str,
        settings: "Settings",
        *,
        path: str = "",
        login: "Login | None" = None,
        pause: "Callable[[float], object] | None" = None,
    ) -> None:
        self.domain = domain
        self.settings = settings
        self._server = reference.HUB_SERVER if domain == reference.HUB else domain
        self._aborted = threading.Event()
        self._pause = pause or self._aborted.wait
        self._pool = connections.Pool(settings, self._server, self._aborted)
        self._base = ""
        self._lock = threading.Lock()

        def find_login() -> "Login | None":
            return login or credentials.find(domain, path, authfile=settings.authfile)

        self._find_login = find_login
        self._authorizer: Authorizer | None = None

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    def abort(self) -> None:
        """Wake all threads that wait for this registry; requests fail until `reset`."""
        self._aborted.set()
        self._pool.abort()

    def reset(self) -> None:
        """Take requests again."""
        self._aborted.clear()

    def retries(self, attempts: int = 0) -> Retries:
        """Return a count of attempts, of the settings' number if none is said."""
        return Retries(attempts or self.settings.attempts, self._pause)

    def base(self) -> str:
        """Return the registry's address: "https://host". The first call may ask the registry."""
        with self._lock:
            if not self._base:
                scheme = self._scheme()
                self._authorizer = Authorizer(
                    self._send_plainly, self._find_login, is_plain=scheme == "http"
                )
                self._base = f"{scheme}://{self._server}"
            return self._base

    def _scheme(self) -> str:
        plain = self.settings.plain_http
        if plain is not None:
            return "http" if plain else "https"
        host = self._server.rpartition(":")[0] or self._server
        if self.settings.tls_verify and not connections.is_loopback(host):
            return "https"
        try:
            self._pool.request("GET", f"https://{self._server}/v2/", {}).close()
        except ssl.SSLCertVerificationError:
            return "https"  # the real request will tell
        except (ssl.SSLError, ConnectionResetError):
            return "http"
        except OSError as error:
            raise self._unreachable(error) from None
        return "https"

    def _send_plainly(
        self, method: str, url: str, headers: "dict[str, str]", body: "Body | None"
    ) -> "Response":
        """Send to a token server: without our login, with patience."""
        retries = self.retries()
        while True:
            self._check_wanted()
            try:
                response = self._pool.request(method, url, {"User-Agent": _AGENT, **headers}, body)
            except connections.BROKEN as error:
                self._failed(error, retries, url)
                continue
            if response.status not in PASSING:
                return response
            retries.failed(refusal(response, url), response.headers.get("Retry-After", ""))

    def send(
        self,
        method: str,
        where: str,
        *,
        scopes: "tuple[str, ...]" = (),
        headers: "dict[str, str] | None" = None,
        body: "Body | None" = None,
        attempts: int = 0,
    ) -> "Response":
        """Send a request as often as it takes; returns the answer, whatever it says.

        Args:
            method: of HTTP.
            where: "/v2/...", or a whole address that the registry gave.
            scopes: what a token must allow.
            headers: more of them.
            body: what is sent.
            attempts: instead of the settings'; 1 for what must not be repeated blindly.

        Raises:
            RemoteError: it can't be reached, wants a login, or says again and again to come later.
        """
        retries = self.retries(attempts)
        while True:
            self._check_wanted()
            url = urllib.parse.urljoin(self.base(), where)
            try:
                response = self._authorized(method, url, scopes, headers=headers or {}, body=body)
            except connections.BROKEN as error:
                self._failed(error, retries, url)
                continue
            if response.status not in PASSING:
                return response
            after = response.headers.get("Retry-After", "")
            retries.failed(refusal(response, f"{method} {url}"), after)

    def _check_wanted(self) -> None:
        if self._aborted.is_set():
            raise CancelledError(f'registry "{self.domain}": not wanted any more')

    def _failed(self, error: Exception, retries: Retries, url: str) -> None:
        """Wait for another attempt, or raise."""
        self._check_wanted()  # it was broken by `abort`
        told = self._unreachable(error, url)
        if not connections.is_passing(error):
            raise told from None
        try:
            retries.failed(told)
        except RemoteError:
            raise told from None

    def _unreachable(self, error: Exception, url: str = "") -> RemoteError:
        host = urllib.parse.urlsplit(url).netloc or self._server
        told = RemoteError(f'registry "{host}": {connections.words_of(error)}')
        if isinstance(error, ssl.SSLCertVerificationError):
            told.hint = "put its authority's .crt into /etc/docker/certs.d/HOST, or --cert-dir"
        elif isinstance(error, ssl.SSLError):
            told.hint = "does it speak TLS? --plain-http is for one that doesn't"
        return told

    def _authorized(
        self,
        method: str,
        url: str,
        scopes: "tuple[str, ...]",
        *,
        headers: "dict[str, str]",
        body: "Body | None",
    ) -> "Response":
        """Send one request; a 401 is answered once."""
        assert self._authorizer is not None
        header = self._authorizer.header(scopes)
        for _attempt in range(2):
            sent = {"User-Agent": _AGENT, **headers}
            if header:
                sent["Authorization"] = header
            response = self._redirected(method, url, sent, body)
            if response.status != 401 or not self._is_ours(response.url):
                return response
            asked = response.headers.get_all("WWW-Authenticate") or []
            answer = self._authorizer.challenged(asked, scopes, header)
            if not answer:
                break
            response.discard() if body else response.close()
            header = answer
        told = refusal(response, f'registry "{self.domain}"')
        if self._authorizer.has_login():
            told.hint = "the stored login was refused; `wardian login` stores another"
        else:
            told.hint = f"`wardian login {self.domain}` stores a user's name and password"
        raise told

    def _redirected(
        self, method: str, url: str, headers: "dict[str, str]", body: "Body | None"
    ) -> "Response":
        """Send one request and follow where it leads; the login stays with the registry."""
        for _step in range(_REDIRECTS_MAX):
            if not self._is_ours(url):
                headers = {key: text for key, text in headers.items() if key != "Authorization"}
            response = self._pool.request(method, url, headers, body)
            location = response.headers.get("Location", "")
            if response.status not in _REDIRECTS or not location or method not in ("GET", "HEAD"):
                return response
            response.close()
            following = urllib.parse.urljoin(url, location)
            if url.startswith("https://") and not following.startswith("https://"):
                raise RemoteError(
                    f'registry "{self.domain}": it leads from TLS to "{following[:200]}"'
                )
            url = following
        raise RemoteError(f'registry "{self.domain}": more than {_REDIRECTS_MAX} redirections')

    def _is_ours(self, url: str) -> bool:
        return url == self._base or url.startswith(f"{self._base}/")


def refusal(response: "Response", what: str) -> RemoteError:
    """Return a registry's error answer as an error, and read what it says.

    Args:
        response: with a status that isn't what was wanted; it is closed.
        what: was asked, of whom.
    """
    try:
        words = _error_words(response.read(_ERROR_BYTES))
    except WardianError:
        words = ""
    status = response.status
    hint = ""
    if status == 429:
        words = words or "too many requests"
        hint = "a login, or a mirror, may have a higher limit"
    reason = f": {words}" if words else ""
    return RemoteError(f"{what}: it answered {status}{reason}", status=status, hint=hint)


def not_found(response: "Response", what: str) -> NotFoundError:
    """Return a 404 as an error."""
    words = str(refusal(response, what))
    return NotFoundError(words)


def _error_words(data: bytes) -> str:
    """Return the messages of the distribution specification's error document."""
    try:
        rows = json.loads(data)["errors"]
        found = [f"{row.get('message') or row.get('code')}" for row in rows[:3]]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return ""
    return "; ".join(text[:300] for text in found)
