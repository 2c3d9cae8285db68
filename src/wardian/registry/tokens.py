"""Answer a registry's challenges: bearer tokens, kept while they last, and basic authentication.

Facts about tokens
------------------
A token is for a scope: a repository and what may be done there. It lasts 60 s if nobody says
otherwise, less than a long push, so any request may be told 401 and has to be repeated once with a
new one. An identity token (OAuth2's refresh token) goes by POST; a server that doesn't know this
says 404 or 405, and gets the GET. A login goes to no server without TLS, unless the registry itself
is spoken to without.

Source: distribution, spec/auth/token and spec/auth/oauth.
"""

import json
import threading
import time
import urllib.parse

from wardian.errors import RemoteError
from wardian.registry import challenges
from wardian.registry.connections import Body, words_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from wardian.registry.challenges import Challenge
    from wardian.registry.connections import Response
    from wardian.registry.credentials import Login

    # sends one request: (method, url, headers, body)
    Send = Callable[[str, str, dict[str, str], Body | None], Response]

_LIFE_S = 60.0
_MARGIN = 0.1  # of its life a token is not used any more
_ANSWER_BYTES = 1 << 20
_CLIENT_ID = "wardian"


class Authorizer:
    """What one registry is told of who we are.

    Args:
        send: sends a request to the token server.
        find_login: returns the login; asked once, when it is needed.
        is_plain: the registry is spoken to without TLS.
    """

    def __init__(
        self, send: "Send", find_login: "Callable[[], Login | None]", *, is_plain: bool
    ) -> None:
        self._send = send
        self._find_login = find_login
        self._is_plain = is_plain
        self._lock = threading.Lock()
        self._challenge: Challenge | None = None
        self._login: Login | None = None
        self._has_looked = False
        self._tokens: dict[tuple[str, ...], tuple[str, float]] = {}

    def header(self, scopes: "tuple[str, ...]") -> str:
        """Return the Authorization header for a request; "" while nobody has asked for one."""
        with self._lock:
            if self._challenge is None:
                return ""
            return self._answer(self._challenge, scopes)

    def challenged(self, headers: "list[str]", scopes: "tuple[str, ...]", used: str) -> str:
        """Return the header that answers a 401; "" where we have none, or the one refused.

        Args:
            headers: of WWW-Authenticate.
            scopes: what we want to do.
            used: the header that was refused.
        """
        challenge = challenges.choose(headers)
        if challenge is None:
            return ""
        with self._lock:
            self._challenge = challenge
            kept = self._tokens.get(scopes)
            if kept and used == f"Bearer {kept[0]}":
                del self._tokens[scopes]
            header = self._answer(challenge, scopes)
        return "" if header == used else header

    def has_login(self) -> bool:
        """Say whether there is a login for this registry."""
        return self._known_login() is not None

    def _known_login(self) -> "Login | None":
        if not self._has_looked:
            self._login = self._find_login()
            self._has_looked = True
        return self._login

    def _answer(self, challenge: "Challenge", scopes: "tuple[str, ...]") -> str:
        login = self._known_login()
        if login and login.registry_token:
            return f"Bearer {login.registry_token}"
        if challenge.scheme == "basic":
            return login.basic() if login and login.username else ""
        kept = self._tokens.get(scopes)
        if kept and time.monotonic() < kept[1]:
            return f"Bearer {kept[0]}"
        token, life_s = self._fetch(challenge, scopes, login)
        self._tokens[scopes] = (token, time.monotonic() + life_s * (1 - _MARGIN))
        return f"Bearer {token}"

    def _fetch(
        self, challenge: "Challenge", scopes: "tuple[str, ...]", login: "Login | None"
    ) -> tuple[str, float]:
        realm = challenge.parameters.get("realm", "")
        if not realm.startswith(("https://", "http://")):
            raise RemoteError(f'the registry\'s token server "{realm[:200]}" is not an address')
        if login and realm.startswith("http://") and not self._is_plain:
            raise RemoteError(
                f'token server "{realm[:200]}": a login is not sent without TLS',
                hint="log out to pull without it",
            )
        fields = [("service", challenge.parameters.get("service", ""))]
        fields += [("scope", scope) for scope in scopes]
        fields = [(name, text) for name, text in fields if text]
        response = None
        if login and login.identity_token:
            response = self._post(realm, fields, login)
        if response is None:
            response = self._get(realm, fields, login)
        return _read_token(response, realm)

    def _post(
        self, realm: str, fields: "list[tuple[str, str]]", login: "Login"
    ) -> "Response | None":
        """Trade the identity token in; None where the server doesn't know how."""
        scope = " ".join(text for name, text in fields if name == "scope")
        form = [
            ("grant_type", "refresh_token"),
            ("client_id", _CLIENT_ID),
            ("refresh_token", login.identity_token),
            *(row for row in fields if row[0] != "scope"),
            ("scope", scope),
        ]
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        body = Body.of(urllib.parse.urlencode(form).encode())
        response = self._ask("POST", realm, headers, body)
        if response.status in (404, 405):
            response.close()
            return None
        return response

    def _get(
        self, realm: str, fields: "list[tuple[str, str]]", login: "Login | None"
    ) -> "Response":
        headers = {}
        if login and login.username:
            headers["Authorization"] = login.basic()
            fields = [("account", login.username), *fields]
        joint = "&" if "?" in realm else "?"
        return self._ask("GET", f"{realm}{joint}{urllib.parse.urlencode(fields)}", headers, None)

    def _ask(
        self, method: str, url: str, headers: "dict[str, str]", body: "Body | None"
    ) -> "Response":
        try:
            return self._send(method, url, headers, body)
        except OSError as error:
            realm = url.partition("?")[0]
            raise RemoteError(f'token server "{realm}": {words_of(error)}') from None


def _read_token(response: "Response", realm: str) -> tuple[str, float]:
    """Return a token and how many seconds it lasts."""
    data = response.read(_ANSWER_BYTES)
    if response.status in (400, 401, 403):
        raise RemoteError(
            f'token server "{realm}": it refused ({response.status})',
            status=response.status,
            hint="`wardian login` stores a user's name and password",
        )
    if response.status != 200:
        raise RemoteError(
            f'token server "{realm}": it answered {response.status}', status=response.status
        )
    try:
        found = json.loads(data)
        token = found.get("token") or found.get("access_token")
        life = found.get("expires_in") or _LIFE_S
        if isinstance(token, str) and token.isprintable() and isinstance(life, int | float):
            return token, max(float(life), _LIFE_S)
    except (ValueError, AttributeError, RecursionError):
        pass
    raise RemoteError(f'token server "{realm}": its answer holds no token')
