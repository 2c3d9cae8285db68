"""Get what a RUN step asks the network for, write it down, and hold it against the lock.

Facts about what is asked for
-----------------------------
The same request must get the same bytes again: so what a server may answer differently is not
passed on (conditions, ranges, compression), and of the answer only what a client needs to use the
content. apt gives its lists the times of Last-Modified, so that is kept.
"""

import re
import threading
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from wardian import errors
from wardian.build.downloads import Place

if TYPE_CHECKING:
    from typing import Any

    from wardian.build.downloads import Fetched
    from wardian.build.lock import Lock

_PASSED_ON = ("accept", "authorization", "content-type", "user-agent", "x-requested-with")
_KEPT = ("content-type", "last-modified", "location", "www-authenticate")
_TIMEOUT_S = 120
_CHUNK_BYTES = 1 << 20
_DEB = re.compile(r"([^/_]+)_([^/_]+)_([^/_]+)\.u?deb$")
_WHEEL = re.compile(r"([A-Za-z0-9_.]+)-([^-/]+)(?:-\d[^-/]*)?-[^-/]+-[^-/]+-[^-/]+\.whl$")
_SDIST = re.compile(r"([A-Za-z0-9_.-]+?)-(\d[^/-]*)\.(?:tar\.gz|zip|tar\.bz2)$")
_BAD_GATEWAY, _FORBIDDEN = 502, 403


@dataclass
class Answer:
    """What a client gets.

    Attributes:
        status: HTTP's.
        headers: what else counts.
        content: a file, or bytes.
        size: of it.
    """

    status: int
    headers: "dict[str, str]"
    content: "Fetched | bytes"

    @property
    def size(self) -> int:
        """Of the content."""
        return len(self.content) if isinstance(self.content, bytes) else self.content.size


@dataclass
class Recorder:
    """Answers one step's requests.

    Attributes:
        lock: what binds, and gets what is new.
        place: where content is kept.
        taken: what this step took, as the lock has it.
        faults: what it was refused.
    """

    lock: "Lock"
    place: Place
    taken: "dict[str, dict[str, Any]]" = field(default_factory=dict)
    faults: "list[str]" = field(default_factory=list)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, method: str, url: str, headers: "dict[str, str]", body: bytes) -> Answer:
        """Return the answer to a request; one that says why not, where it is refused."""
        asked = "GET" if method == "HEAD" else method
        key = f"{asked} {_without_login(url)}"
        if body:
            key += f" {sha256(body).hexdigest()}"
        row = self.lock.downloads.get(key)
        try:
            if self.lock.refuses(row):
                return self._refused(f"{title(url)}: not in the lock ({url})", _FORBIDDEN)
            if row is not None and self.lock.is_strict:
                return self._locked(key, row, (asked, url, headers, body))
            return self._new(key, (asked, url, headers, body))
        except (errors.WardianError, OSError) as error:
            return self._failed(f"{title(url)}: {error}")

    def _locked(
        self, key: str, row: "dict[str, Any]", request: "tuple[str, str, dict[str, str], bytes]"
    ) -> Answer:
        """Return what the lock has; from here, or from the network if it is the same there."""
        url = request[1]
        found = self.place.find(row["sha256"])
        if found is None:
            status, _headers, pieces = _fetch(*request)
            fetched = self.place.take(pieces)
            if (status, fetched.sha256) != (row["status"], row["sha256"]):
                now = f"status {status}, sha256:{fetched.sha256}"
                was = f"status {row['status']}, sha256:{row['sha256']}"
                return self._refused(
                    f"{title(url)} has changed: it is {now}; the lock has {was} ({url})",
                    _BAD_GATEWAY,
                )
            found = fetched
        self._take(key, row)
        return Answer(row["status"], dict(row.get("headers") or {}), found)

    def _new(self, key: str, request: "tuple[str, str, dict[str, str], bytes]") -> Answer:
        status, headers, pieces = _fetch(*request)
        found = self.place.take(pieces)
        row: dict[str, Any] = {
            "status": status,
            "sha256": found.sha256,
            "size": found.size,
            "headers": headers,
            **_what(request[1]),
        }
        self._take(key, row)
        return Answer(status, headers, found)

    def _take(self, key: str, row: "dict[str, Any]") -> None:
        with self._guard:
            self.taken[key] = row

    def _refused(self, text: str, status: int) -> Answer:
        with self._guard:
            self.faults.append(text)
        return Answer(status, {"content-type": "text/plain"}, f"wardian: {text}\n".encode())

    def _failed(self, text: str) -> Answer:
        """The network has failed: the client may try again, and is told."""
        return Answer(_BAD_GATEWAY, {"content-type": "text/plain"}, f"wardian: {text}\n".encode())


def title(url: str) -> str:
    """Return how people call what is at a URL: a package with its version, or the file's name."""
    found = _what(url)
    if "package" in found:
        return f"{found['kind']} package {found['package']}"
    return f'"{unquote(urlsplit(url).path.rpartition("/")[2]) or url}"'


def _what(url: str) -> "dict[str, str]":
    """Return what a URL's name says: a Debian package, a PyPI file, or just a URL."""
    name = unquote(urlsplit(url).path).rpartition("/")[2]
    if match := _DEB.match(name):
        return {"kind": "deb", "package": f"{match[1]} {match[2]} {match[3]}"}
    if match := _WHEEL.match(name) or _SDIST.match(name):
        return {"kind": "pypi", "package": f"{match[1]} {match[2]}"}
    return {"kind": "url"}


def _without_login(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The client follows by itself, and each hop is written down."""

    def redirect_request(self, *_words: "Any") -> None:
        return None


def _fetch(
    method: str, url: str, headers: "dict[str, str]", body: bytes
) -> "tuple[int, dict[str, str], Any]":
    """Ask the network; returns status, the headers that count, and what yields the content."""
    passed = {name: text for name, text in headers.items() if name in _PASSED_ON}
    passed["accept-encoding"] = "identity"
    request = urllib.request.Request(url, data=body or None, headers=passed, method=method)  # noqa: S310 - the proxy knows http and https alone
    opener = urllib.request.build_opener(_NoRedirect)
    try:
        answer = opener.open(request, timeout=_TIMEOUT_S)
    except urllib.error.HTTPError as error:
        answer = error
    except urllib.error.URLError as error:
        raise errors.RemoteError(f"{error.reason}") from None
    kept = {name: text for name in _KEPT if (text := answer.headers.get(name))}
    return answer.status or _BAD_GATEWAY, kept, _pieces(answer)


def _pieces(answer: "Any") -> "Any":
    with answer:
        length = answer.headers.get("content-length")
        total = 0
        while chunk := answer.read(_CHUNK_BYTES):
            total += len(chunk)
            yield chunk
        if length is not None and length.isdecimal() and total != int(length):
            raise errors.RemoteError(f"{total} of {length} bytes came")
