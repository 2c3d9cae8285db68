"""One repository of a registry: manifests, tags, and what can be asked of blobs.

Facts about manifests
---------------------
What counts is the digest of the bytes, not what a header says of it. A registry that doesn't know a
type we accept may convert, or say 404.

Source: distribution-spec, "Pull", "Content Discovery".
"""

import json
import urllib.parse

from wardian.errors import RemoteError, SpecError
from wardian.registry import digests, manifests, media, session
from wardian.registry.connections import Body

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from wardian.registry.connections import Response
    from wardian.registry.manifests import Document
    from wardian.registry.session import Session

_NEUTRAL = frozenset(("", "application/json", "application/octet-stream", "text/plain"))
_ACCEPT = ", ".join(media.ACCEPTED)
_PAGE_BYTES = 8 << 20
_PAGES_MAX = 10_000


class Repository:
    """A repository.

    Attributes:
        session: the registry.
        path: its name there.
        scopes: what tokens must allow.
    """

    __slots__ = ("path", "scopes", "session")

    def __init__(self, session: "Session", path: str, *, actions: str = "pull") -> None:
        """Begin.

        Args:
            session: the registry.
            path: the repository's name there.
            actions: "pull", or "pull,push".
        """
        self.session = session
        self.path = path
        self.scopes: tuple[str, ...] = (f"repository:{path}:{actions}",)

    def __str__(self) -> str:
        return f"{self.session.domain}/{self.path}"

    def send(
        self,
        method: str,
        where: str,
        *,
        headers: "dict[str, str] | None" = None,
        body: "Body | None" = None,
        attempts: int = 0,
    ) -> "Response":
        """Send a request; as Session.send, but `where` may begin behind the repository's name."""
        if not where.startswith(("/", "http://", "https://")):
            where = f"/v2/{self.path}/{where}"
        return self.session.send(
            method, where, scopes=self.scopes, headers=headers, body=body, attempts=attempts
        )

    def manifest(self, target: str) -> "Document":
        """Return the index or manifest under a tag or digest, checked.

        Raises:
            NotFoundError: there is none.
            SpecError: it is not what was asked for, or not well-formed.
            RemoteError: the registry refused, or can't be reached.
        """
        what = f'manifest "{self}{"@" if ":" in target else ":"}{target}"'
        response = self.send("GET", f"manifests/{target}", headers={"Accept": _ACCEPT})
        if response.status == 404:
            raise session.not_found(response, what)
        if response.status != 200:
            raise session.refusal(response, what)
        promised = response.length()
        if promised is not None and promised > manifests.MANIFEST_BYTES:
            response.discard()
            raise SpecError(f"{what}: larger than {manifests.MANIFEST_BYTES >> 20} MiB")
        said = media.bare(response.headers.get("Content-Type", ""))
        header = response.headers.get("Docker-Content-Digest", "")
        data = response.read(manifests.MANIFEST_BYTES)
        wanted = target if ":" in target else header
        if wanted and not digests.fault(wanted):
            digests.check(data, wanted, what)
        else:
            wanted = digests.of(data)
        if said not in media.ACCEPTED and said not in _NEUTRAL and not media.is_schema_1(said):
            raise SpecError(f'{what}: it came as "{said[:100]}", which is no manifest')
        kind = "" if said in _NEUTRAL else said
        return manifests.read(data, kind, what, digest=wanted)

    def head(self, target: str) -> "tuple[str, str, int] | None":
        """Return digest, media type and size under a tag or digest; None where there is nothing."""
        response = self.send("HEAD", f"manifests/{target}", headers={"Accept": _ACCEPT})
        response.close()
        if response.status == 404:
            return None
        if response.status != 200:
            raise session.refusal(response, f'manifest "{self}:{target}"')
        digest = response.headers.get("Docker-Content-Digest", "")
        kind = media.bare(response.headers.get("Content-Type", ""))
        return ("" if digests.fault(digest) else digest), kind, response.length() or 0

    def put_manifest(self, target: str, data: bytes, media_type: str) -> "Response":
        """Store a manifest under a tag or digest; returns the answer, closed.

        Raises:
            RemoteError: the registry refused.
        """
        response = self.send(
            "PUT",
            f"manifests/{target}",
            headers={"Content-Type": media_type},
            body=Body.of(data),
        )
        if response.status not in (200, 201, 202):
            raise session.refusal(response, f'pushing the manifest "{self}:{target}"')
        response.close()
        return response

    def has_blob(self, digest: str) -> bool:
        """Say whether the repository has a blob."""
        response = self.send("HEAD", f"blobs/{digest}")
        response.close()
        return response.status == 200

    def tags(self) -> "Iterator[str]":
        """Give the repository's tags, page by page.

        Raises:
            NotFoundError: there is no such repository.
        """
        what = f'tags of "{self}"'
        for response in self.pages("tags/list", what):
            try:
                found = json.loads(response.read(_PAGE_BYTES)).get("tags") or []
                yield from (str(tag) for tag in found)
            except (ValueError, AttributeError, TypeError, RecursionError):
                raise SpecError(f"{what}: the answer is not a list of tags") from None

    def pages(self, where: str, what: str) -> "Iterator[Response]":
        """Give the answers to a question whose answer comes in pages (RFC 8288 Link headers).

        Raises:
            NotFoundError: of the first page.
        """
        for _page in range(_PAGES_MAX):
            response = self.send("GET", where)
            if response.status == 404:
                raise session.not_found(response, what)
            if response.status != 200:
                raise session.refusal(response, what)
            link = next_link(response.headers.get("Link", ""))
            url = response.url
            yield response
            if not link:
                return
            where = urllib.parse.urljoin(url, link)
            if not where.startswith(f"{self.session.base()}/"):
                raise RemoteError(f"{what}: the next page is said to be on another host")
        raise RemoteError(f"{what}: more than {_PAGES_MAX} pages")


def next_link(header: str) -> str:
    """Return the address of a Link header with rel="next"; "" where there is none."""
    for part in header.split(","):
        address, _semicolon, parameters = part.strip().partition(";")
        plain = parameters.replace('"', "").replace(" ", "")
        if address.startswith("<") and address.endswith(">") and "rel=next" in plain.split(";"):
            return address[1:-1]
    return ""
