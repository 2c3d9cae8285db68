"""Where an image can be had: the mirrors in their order, then its own registry."""

from wardian.errors import NotFoundError, RemoteError, SpecError
from wardian.registry import download, reference, settings
from wardian.registry.repository import Repository
from wardian.registry.session import CancelledError, Session

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from wardian.registry.credentials import Login
    from wardian.registry.manifests import Document
    from wardian.registry.reference import Reference
    from wardian.registry.settings import Settings


class Sources:
    """The repositories that may have an image; safe to use from many threads."""

    def __init__(
        self,
        wanted: "Reference",
        how: "Settings",
        *,
        login: "Login | None" = None,
        pause: "Callable[[float], object] | None" = None,
    ) -> None:
        """Begin; nothing is asked yet.

        Args:
            wanted: the image.
            how: to speak to its registry; mirrors have settings of their own.
            login: to its registry, instead of the stored one.
            pause: waits between attempts.
        """
        self._repositories: list[Repository] = []
        for mirror in how.mirrors:
            self._repositories.append(_mirror(mirror, wanted, how, pause))
        session = Session(wanted.domain, how, path=wanted.path, login=login, pause=pause)
        self._repositories.append(Repository(session, wanted.path))

    @property
    def own(self) -> Repository:
        """The image's own registry."""
        return self._repositories[-1]

    def manifest(self, target: str) -> "Document":
        """Return a manifest from the first that has it; that one is asked first from now on."""
        for repository in self._repositories[:-1]:
            try:
                found = repository.manifest(target)
            except (NotFoundError, RemoteError, SpecError):
                continue
            self._repositories.remove(repository)
            self._repositories.insert(0, repository)
            return found
        return self.own.manifest(target)

    def fetch(
        self,
        digest: str,
        size: int,
        write: "Callable[[memoryview], None]",
        *,
        start: int = 0,
        is_cancelled: "Callable[[], bool]" = lambda: False,
    ) -> None:
        """Give the bytes of a blob to `write`, as download.fetch."""
        at = start

        def count(data: memoryview) -> None:
            nonlocal at
            write(data)
            at += len(data)

        for repository in self._repositories[:-1]:
            try:
                return download.fetch(
                    repository, digest, size, count, start=at, is_cancelled=is_cancelled
                )
            except CancelledError:
                raise
            except (NotFoundError, RemoteError):
                continue
        return download.fetch(self.own, digest, size, count, start=at, is_cancelled=is_cancelled)

    def abort(self) -> None:
        """Wake all threads that wait."""
        for repository in self._repositories:
            repository.session.abort()

    def reset(self) -> None:
        """Take requests again, after `abort`."""
        for repository in self._repositories:
            repository.session.reset()

    def close(self) -> None:
        """Close the connections."""
        for repository in self._repositories:
            repository.session.close()


def _mirror(
    text: str, wanted: "Reference", how: "Settings", pause: "Callable[[float], object] | None"
) -> Repository:
    """Return the repository that a mirror has for an image: "https://host:port/prefix"."""
    scheme, separator, rest = text.rpartition("://")
    domain, _slash, prefix = rest.strip("/").partition("/")
    path = f"{prefix}/{wanted.path}" if prefix else wanted.path
    reference.parse(f"{domain}/{path}")  # refuses what is no name
    own = settings.load(domain)
    if separator:
        own.plain_http = scheme == "http"
    elif how.plain_http and own.plain_http is None:
        own.plain_http = True
    own.tls_verify = own.tls_verify and how.tls_verify
    own.authfile = how.authfile
    own.attempts = min(how.attempts, 2)  # there is another to ask
    return Repository(Session(domain, own, path=path, pause=pause), path)
